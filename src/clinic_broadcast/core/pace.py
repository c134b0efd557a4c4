"""How fast a channel may publish: a rest between two promos, and caps for every hour and every day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The bounds of one channel. `spacing` lies between any two promos.

    The caps hold in every window of an hour and of 24 hours, wherever it begins; None means that there is none.
    """

    spacing: timedelta = timedelta(0)
    per_hour_max: int | None = None
    per_day_max: int | None = None

    @property
    def is_free(self) -> bool:
        """Say whether it bounds nothing."""
        return not self.spacing and self.per_hour_max is None and self.per_day_max is None


FREE: Final = Pace()


def strictest(paces: Iterable[Pace]) -> Pace:
    """Give the pace that keeps all of these."""
    every = list(paces)
    return Pace(
        spacing=max((one.spacing for one in every), default=timedelta(0)),
        per_hour_max=min((one.per_hour_max for one in every if one.per_hour_max is not None), default=None),
        per_day_max=min((one.per_day_max for one in every if one.per_day_max is not None), default=None),
    )


def free_at(pace: Pace, published: Iterable[datetime], now: datetime) -> datetime:
    """Give the first instant, now or later, at which one more may go; `published` has the last 24 hours at least."""
    newest = sorted(published, reverse=True)
    waits = [now]
    if newest:
        waits.append(newest[0] + pace.spacing)
    for count_max, window in ((pace.per_hour_max, HOUR), (pace.per_day_max, DAY)):
        if count_max is not None and len(newest) >= count_max:
            waits.append(newest[count_max - 1] + window)
    return max(waits)

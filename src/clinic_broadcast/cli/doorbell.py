"""When the daemon must look at deliveries again: something fell due, or somebody has written into the record."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from clinic_broadcast.core.delivery import Delivery, Timing
from clinic_broadcast.core.plan import next_step_at
from clinic_broadcast.ports import Clock

REST: Final = timedelta(seconds=10)
"""What is due and could not go (quiet hours, a pace) is tried again after this, or when something else is due."""

Step: TypeAlias = tuple[str, int]
"""A due step: the id of its delivery and the fence that it has now."""


@dataclass(frozen=True, slots=True)
class _Resting:
    due: frozenset[Step]
    until: datetime


@dataclass(slots=True)
class Doorbell:
    """Watches a record: `files` are those whose change means that somebody wrote; without any, each second counts."""

    files: tuple[Path, ...]
    clock: Clock
    due_at: datetime | None = None
    _seen: object = None
    _resting: dict[str, _Resting] = field(default_factory=dict[str, "_Resting"])

    def due_in_s(self) -> float:
        """Give in how many seconds deliveries must be looked at; 0 when the record has changed since `heard`."""
        if self._mark() != self._seen:
            return 0.0
        return math.inf if self.due_at is None else (self.due_at - self.clock.now()).total_seconds()

    def heard(self) -> None:
        """Take the record as it is now for seen; to be called before it is read."""
        self._seen = self._mark()

    def ring(self) -> None:
        """Have deliveries looked at, whatever the record looks like."""
        self._seen = None

    def rest(self, channel: str, due: frozenset[Step]) -> None:
        """Leave a channel alone for a while: none of these steps could be taken."""
        self._resting[channel] = _Resting(due, self.clock.now() + REST)

    def is_resting(self, channel: str, due: frozenset[Step]) -> bool:
        """Say whether the channel rests and nothing else has fallen due since."""
        resting = self._resting.get(channel)
        return resting is not None and resting.due == due and self.clock.now() < resting.until

    def foresee(self, rows: Sequence[Delivery], timing: Timing) -> None:
        """Note when the next step of these open deliveries falls due, or the next rest ends."""
        now = self.clock.now()
        ends = [one.until for one in self._resting.values() if one.until > now]
        step_at = next_step_at(rows, now, timing)
        self.due_at = min([*ends, *([step_at] if step_at is not None else [])], default=None)

    def _mark(self) -> object:
        if not self.files:
            return int(time.monotonic())
        return tuple(_state_of(one) for one in self.files)


def _state_of(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:
        return (0, 0)
    return (facts.st_mtime_ns, facts.st_size)

"""What the record keeps of a schedule's newest slot, and when a job that did not come to its end runs once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

AGAIN_AFTER: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=3),
    timedelta(hours=6),
)
"""So long after each beginning an unfinished job runs once more; after the last of them only at its own slots."""

FAILING_RUNS: Final = 3
"""A job that begins for the third time without an end has failed twice: a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRun:
    """The newest run of a schedule: for which slot, when it began, and when it ended (None: it has not).

    `runs` counts the beginnings since the last one that came to its end, this one included.
    """

    slot_at: datetime
    ran_at: datetime
    done_at: datetime | None
    runs: int

    @property
    def again_at(self) -> datetime | None:
        """Give when the job runs once more for this slot; None when it ended, or was tried often enough."""
        if self.done_at is not None or self.runs > len(AGAIN_AFTER):
            return None
        return self.ran_at + AGAIN_AFTER[self.runs - 1]

    @property
    def is_failing(self) -> bool:
        """Say whether it has failed so often that a person should know."""
        return self.done_at is None and self.runs >= FAILING_RUNS

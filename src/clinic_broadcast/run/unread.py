"""Which sources cannot be read, since when and why: history has a line of the first failure and one of its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clinic_broadcast.ports import Ledger
from clinic_broadcast.run.desk import Desk

UNREAD: Final = "source-unread"
READ_AGAIN: Final = "source-read-again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A source that could not be read at any poll since this instant, and the words for it at the first."""

    since: datetime
    reason: str


def unread_of(ledger: Ledger) -> dict[str, Unread]:
    """Give the sources that could not be read at their last poll, by name; also those no longer in the settings."""
    found: dict[str, Unread] = {}
    for entry in ledger.history(""):
        if entry.kind == UNREAD:
            found[entry.body["source"]] = Unread(since=entry.at, reason=entry.body["reason"])
        elif entry.kind == READ_AGAIN:
            found.pop(entry.body["source"], None)
    return found


def keep_unread(desk: Desk, source: str, reason: str) -> None:
    """Record that a source has begun to fail; while it goes on failing nothing more is written."""
    desk.ledger.note(UNREAD, actor=desk.actor, at=desk.clock.now(), body={"source": source, "reason": reason})


def keep_read_again(desk: Desk, source: str) -> None:
    """Record that a source that had failed was read."""
    desk.ledger.note(READ_AGAIN, actor=desk.actor, at=desk.clock.now(), body={"source": source})

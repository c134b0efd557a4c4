"""Where answers come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from clinic_broadcast.core.answer import AnswerId, RawAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a source needs to ask only for what is new: HTTP validators, or a digest of a folder's state."""

    etag: str = ""
    last_modified: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one poll brought. `unchanged` means that the source said so itself (a 304) and nothing was read.

    `faults` names pages that could not be read (file or address, and why), `waiting` those whose date has not come.
    `left_out` counts entries that are no published answer: drafts, pages, comments, settings of an export.
    """

    answers: tuple[RawAnswer, ...]
    marks: Marks
    unchanged: bool = False
    waiting: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    left_out: int = 0


OnPage: TypeAlias = Callable[[tuple[RawAnswer, ...]], None]
"""Is told the answers of a page as soon as it is read. They may be read again or come to nothing: the batch decides."""


def unheard(_answers: tuple[RawAnswer, ...]) -> None:
    """Do nothing with the answers of a page."""


class Source(Protocol):
    """A place where answers are published."""

    @property
    def name(self) -> str:
        """Give the stable name under which the ledger keeps this source's marks: kind and address."""
        ...

    def poll(
        self, marks: Marks | None, *, is_known: Callable[[AnswerId], bool], on_page: OnPage = unheard
    ) -> Batch:
        """Read what may be new: newest pages first, until one brings nothing unknown; all of it for a first poll.

        With marks the source is asked for changes. A source that is read page by page tells each page to `on_page`.
        Raises SourceError, nothing to be recorded, when it cannot be read.
        """
        ...

    def find(self, target: str) -> RawAnswer | None:
        """Read one answer again by its id or its URL (fragment, scheme and query do not matter); None if absent.

        Raises SourceError when the source cannot be read.
        """
        ...

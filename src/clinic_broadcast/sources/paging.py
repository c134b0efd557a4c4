"""Poll a paged feed: conditional first page, further pages until nothing unknown comes, loops and sizes bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlunsplit

from clinic_broadcast.core.address import absolute_url, parts_of
from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Batch, Marks, OnPage
from clinic_broadcast.sources.entries import Document
from clinic_broadcast.sources.fetch import Fetched, Fetcher, SourceBusy, shown

PAGES_MAX: Final = 1_000
"""Pages of one reading: 25,000 answers at Blogger's default of 25 a page."""

MAX_AGE_HONOURED_S: Final = 900
"""A feed may ask to be kept for longer, but a new answer should not wait more than a quarter of an hour."""

BUSY_S: Final = 300
"""How long a server is left alone that asks for it without saying how long."""

Parse = Callable[[Fetched], Document]


@dataclass(slots=True, kw_only=True)
class Patience:
    """What a server asked for: not to be asked before `rest_until`, and that its last answer is good for a while."""

    rest_until: float = 0.0
    good_until: float = 0.0
    good_marks: Marks | None = field(default=None)

    def check(self, where: str) -> None:
        """Raise SourceBusy while the server wants to be left alone."""
        wait_s = int(self.rest_until - time.monotonic()) + 1
        if time.monotonic() < self.rest_until:
            raise SourceBusy(f"{where} asked to be left alone for another {wait_s} s", retry_after_s=wait_s)

    def is_good(self, marks: Marks | None) -> bool:
        """Say whether the last answer, which these marks stand for, may still be used."""
        return marks is not None and marks == self.good_marks and time.monotonic() < self.good_until

    def rest(self, busy: SourceBusy) -> None:
        """Remember that the server wants to be left alone."""
        self.rest_until = time.monotonic() + (BUSY_S if busy.retry_after_s is None else busy.retry_after_s)

    def keep(self, marks: Marks, max_age_s: int | None) -> None:
        """Remember how long the answer with these marks is good."""
        self.good_marks = marks
        self.good_until = time.monotonic() + min(max_age_s or 0, MAX_AGE_HONOURED_S)


def poll_pages(
    url: str,
    *,
    fetcher: Fetcher,
    parse: Parse,
    marks: Marks | None,
    is_known: Callable[[AnswerId], bool],
    on_page: OnPage,
    patience: Patience,
) -> Batch:
    """Read a feed from its first page on, until a page brings nothing unknown; all pages when `marks` is None.

    Each page read is told to `on_page`. Raises SourceError, with nothing to be recorded, when any page cannot be
    read: a baseline must be whole.
    """
    patience.check(shown(url))
    if marks is not None and patience.is_good(marks):
        return Batch(answers=(), marks=marks, unchanged=True)
    try:
        first = fetcher.get(
            url,
            etag=marks.etag if marks else "",
            last_modified=marks.last_modified if marks else "",
        )
        if first.is_unchanged and marks is not None:
            patience.keep(marks, first.max_age_s)
            return Batch(answers=(), marks=marks, unchanged=True)
        batch = _read_on(
            first, fetcher, parse=parse, wants_all=marks is None, is_known=is_known, on_page=on_page
        )
    except SourceBusy as busy:
        patience.rest(busy)
        raise
    validators = Marks(etag=first.etag, last_modified=first.last_modified, state=marks.state if marks else "")
    patience.keep(validators, first.max_age_s)
    return replace(batch, marks=validators)


def _read_on(
    first: Fetched,
    fetcher: Fetcher,
    *,
    parse: Parse,
    wants_all: bool,
    is_known: Callable[[AnswerId], bool],
    on_page: OnPage,
) -> Batch:
    answers: dict[AnswerId, RawAnswer] = {}
    faults: list[str] = []
    for document in walk_pages(first, fetcher, parse=parse):
        faults += document.faults
        for answer in document.answers:
            answers.setdefault(answer.id, answer)
        on_page(document.answers)
        is_all_known = all(is_known(answer.id) for answer in document.answers)
        if not wants_all and document.answers and is_all_known:
            break
    return Batch(answers=tuple(answers.values()), marks=Marks(), faults=tuple(faults))


def walk_pages(first: Fetched, fetcher: Fetcher, *, parse: Parse) -> Iterator[Document]:
    """Give the documents of a feed page by page; raises SourceError for a loop or for more than PAGES_MAX pages."""
    page = first
    seen = {first.url}
    for _number in range(PAGES_MAX):
        document = parse(page)
        yield document
        following = _next_url(page.url, document.next_url)
        if not following:
            return
        if following in seen:
            raise SourceError(
                f"the pages of {shown(first.url)} lead back to a page already read; tell the blog's host"
            )
        seen.add(following)
        page = fetcher.get(following)
    raise SourceError(
        f"{shown(first.url)} has more than {PAGES_MAX} pages; use an export of the blog instead"
    )


def _next_url(here: str, following: str) -> str:
    if not following:
        return ""
    found = parts_of(absolute_url(here, following))
    is_downgrade = parts_of(here).scheme == "https" and found.scheme == "http"
    # Old blogs name the next page by http although they are read by https.
    return urlunsplit(found._replace(scheme="https")) if is_downgrade else urlunsplit(found)

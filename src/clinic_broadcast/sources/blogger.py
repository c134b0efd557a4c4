"""A live Blogger blog as a Source, read through its Atom feed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.intake import canonical
from clinic_broadcast.ports import Batch, Marks, OnPage, unheard
from clinic_broadcast.sources.dates import read_instant
from clinic_broadcast.sources.entries import Document, Entry, may_be_public, read_document, read_entry
from clinic_broadcast.sources.fetch import Fetched, Fetcher, shown
from clinic_broadcast.sources.paging import Patience, poll_pages, walk_pages

FEED_PATH: Final = "/feeds/posts/default"
PAGE_SIZE: Final = 100
"""Entries asked for in a page. Blogger's cap was seen at 500, 150 and 100 by 2019; the feed's `next` decides anyway."""

OVERLAP: Final = timedelta(days=1)
"""How far behind the newest change seen we ask for changes: clocks differ, and drafts surface late."""

_DATED: Final = re.compile(r"/\d{4}/\d{2}/.*\Z|/search/.*\Z|/p/.*\Z|/[^/]*\.html?\Z")


class BloggerSource:
    """The answers of a Blogger blog, given by its home, any of its pages or its feed's address.

    `name` is the feed's address without scheme, so that moving to https does not make it another source.
    """

    def __init__(self, url: str, fetcher: Fetcher | None = None) -> None:
        self._url = feed_url(url)
        self._fetcher = fetcher or Fetcher()
        self._patience = Patience()
        self._name = f"blogger:{canonical(self._url)}"

    @property
    def name(self) -> str:
        return self._name

    def poll(
        self, marks: Marks | None, *, is_known: Callable[[AnswerId], bool], on_page: OnPage = unheard
    ) -> Batch:
        batch = poll_pages(
            self._url,
            fetcher=self._fetcher,
            parse=_parse,
            marks=marks,
            is_known=is_known,
            on_page=on_page,
            patience=self._patience,
        )
        if batch.unchanged:
            return batch
        if marks is not None and marks.state:
            batch = self._with_changes(batch, marks.state)
        newest = max((answer.updated_at.isoformat() for answer in batch.answers), default="")
        done = replace(batch.marks, state=max(newest, batch.marks.state))
        self._patience.good_marks = done
        return replace(batch, marks=done)

    def _with_changes(self, batch: Batch, since: str) -> Batch:
        """Add what changed since the newest change seen: edits and backdated answers stand on no first page."""
        since_at = read_instant(since)
        if since_at is None:
            return batch
        least_at = since_at - OVERLAP
        # With "Z": a server that copies our query into `next` as it stands turns the plus of "+00:00" into a blank.
        query = {"orderby": "updated", "updated-min": f"{least_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        answers = {answer.id: answer for answer in batch.answers}
        faults = dict.fromkeys(batch.faults)
        for document in walk_pages(
            self._fetcher.get(_with_query(self._url, query)), self._fetcher, parse=_parse
        ):
            for answer in document.answers:
                answers.setdefault(answer.id, answer)
            faults |= dict.fromkeys(document.faults)
            # A server that does not know the query sends everything: stop at the first page without a change.
            if not any(answer.updated_at >= least_at for answer in document.answers):
                break
        return replace(batch, answers=tuple(answers.values()), faults=tuple(faults))

    def find(self, target: str) -> RawAnswer | None:
        self._patience.check(shown(self._url))
        wanted = canonical(target)
        for document in walk_pages(self._fetcher.get(self._url), self._fetcher, parse=_parse):
            for answer in document.answers:
                if answer.id == target.strip() or canonical(answer.url) == wanted:
                    return answer
        return None


def feed_url(url: str) -> str:
    """Give the address of a blog's Atom feed: https unless http is written, the largest pages unless it says."""
    written = url.strip()
    parts = urlsplit(written if "://" in written else f"https://{written}")
    if "/feeds/" in parts.path:
        path = parts.path
    else:
        path = _DATED.sub("", parts.path).rstrip("/") + FEED_PATH
        parts = parts._replace(query="")
    return _with_query(
        urlunsplit(parts._replace(path=path, fragment="")), {"max-results": str(PAGE_SIZE)}, keep=True
    )


def _with_query(url: str, added: dict[str, str], *, keep: bool = False) -> str:
    parts = urlsplit(url)
    before = dict(parse_qsl(parts.query, keep_blank_values=True))
    query = {**added, **before} if keep else {**before, **added}
    return urlunsplit(parts._replace(query=urlencode(query)))


def _parse(page: Fetched) -> Document:
    # Set to "Short", Blogger tells the first 400 characters as a summary, which may end in the middle of a letter.
    return read_document(page.body, where=shown(page.url), reader=_read, has_content=True)


def _read(entry: Entry) -> RawAnswer | None:
    return read_entry(entry) if may_be_public(entry) else None

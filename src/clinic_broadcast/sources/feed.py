"""Any RSS, Atom or JSON feed as a Source."""

from __future__ import annotations

from collections.abc import Callable

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.intake import canonical
from clinic_broadcast.ports import Batch, Marks, OnPage, unheard
from clinic_broadcast.sources.entries import Document, Entry, may_be_public, read_document, read_entry
from clinic_broadcast.sources.fetch import Fetched, Fetcher, shown
from clinic_broadcast.sources.jsonfeed import read_json_feed
from clinic_broadcast.sources.paging import Patience, poll_pages, walk_pages


class FeedSource:
    """The answers of one feed. A feed without further pages shows only its newest entries: the rest is never seen."""

    def __init__(self, url: str, fetcher: Fetcher | None = None, *, kind: str = "feed") -> None:
        written = url.strip()
        self._url = written if "://" in written else f"https://{written}"
        self._fetcher = fetcher or Fetcher()
        self._patience = Patience()
        self._name = f"{kind}:{canonical(self._url)}"

    @property
    def name(self) -> str:
        return self._name

    def poll(
        self, marks: Marks | None, *, is_known: Callable[[AnswerId], bool], on_page: OnPage = unheard
    ) -> Batch:
        return poll_pages(
            self._url,
            fetcher=self._fetcher,
            parse=parse_any,
            marks=marks,
            is_known=is_known,
            on_page=on_page,
            patience=self._patience,
        )

    def find(self, target: str) -> RawAnswer | None:
        self._patience.check(shown(self._url))
        wanted = canonical(target)
        for document in walk_pages(self._fetcher.get(self._url), self._fetcher, parse=parse_any):
            for answer in document.answers:
                if answer.id == target.strip() or canonical(answer.url) == wanted:
                    return answer
        return None


def parse_any(page: Fetched) -> Document:
    """Parse a feed of any kind, told by what it is and not by what its server calls it."""
    where = shown(page.url)
    if page.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return read_json_feed(page.body, where=where)
    return read_document(page.body, where=where, reader=_read)


def _read(entry: Entry) -> RawAnswer | None:
    return read_entry(entry) if may_be_public(entry) else None

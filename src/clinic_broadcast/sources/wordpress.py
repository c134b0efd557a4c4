"""A WordPress blog as a Source: its REST interface, or its RSS feed where that is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from clinic_broadcast.core.address import absolute_url, is_address
from clinic_broadcast.core.answer import AnswerId, Comments, Link, RawAnswer
from clinic_broadcast.core.intake import canonical
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Batch, Marks, OnPage, unheard
from clinic_broadcast.sources.dates import read_instant
from clinic_broadcast.sources.entries import Document
from clinic_broadcast.sources.feed import FeedSource
from clinic_broadcast.sources.fetch import Fetched, Fetcher, SourceBusy, shown
from clinic_broadcast.sources.jsonfeed import fields_of, items_of, load_json, text_of
from clinic_broadcast.sources.markup import html_to_text
from clinic_broadcast.sources.paging import PAGES_MAX, Patience

REST_PATH: Final = "/wp-json/wp/v2/posts"
PER_PAGE: Final = 100
"""The most that the REST interface gives in a page (developer.wordpress.org, REST API handbook, Pagination)."""

_FIELDS: Final = "id,date_gmt,modified_gmt,guid,link,status,type,title,content,slug,comment_status"


class WordPressSource:
    """The answers of a WordPress blog, newest change first: an edit or a backdated answer comes first too.

    Given a feed's address it reads that feed and nothing else.
    """

    def __init__(self, url: str, fetcher: Fetcher | None = None) -> None:
        written = url.strip()
        parts = urlsplit(written if "://" in written else f"https://{written}")
        self._fetcher = fetcher or Fetcher()
        self._feed: FeedSource | None = None
        if "/feed" in parts.path or "feed=" in parts.query:
            self._feed = FeedSource(urlunsplit(parts), self._fetcher, kind="wordpress")
        path = parts.path if REST_PATH in parts.path else parts.path.rstrip("/") + REST_PATH
        self._url = urlunsplit(parts._replace(path=path, query="", fragment=""))
        self._patience = Patience()

    @property
    def name(self) -> str:
        return self._feed.name if self._feed else f"wordpress:{canonical(self._url)}"

    def poll(
        self, marks: Marks | None, *, is_known: Callable[[AnswerId], bool], on_page: OnPage = unheard
    ) -> Batch:
        if self._feed:
            return self._feed.poll(marks, is_known=is_known, on_page=on_page)
        self._patience.check(shown(self._url))
        try:
            return self._poll(marks, on_page)
        except SourceBusy as busy:
            self._patience.rest(busy)
            raise
        except SourceError as error:
            raise SourceError(
                f"{error}; where this interface is closed, give the blog's /feed/ address"
            ) from None

    def _poll(self, marks: Marks | None, on_page: OnPage) -> Batch:
        if marks is not None and self._patience.is_good(marks):
            return Batch(answers=(), marks=marks, unchanged=True)
        before = marks or Marks()
        first = self._fetcher.get(
            self._page(1), etag=before.etag, last_modified=before.last_modified, accept="application/json"
        )
        if first.is_unchanged and marks is not None:
            self._patience.keep(marks, first.max_age_s)
            return Batch(answers=(), marks=marks, unchanged=True)
        answers: dict[AnswerId, RawAnswer] = {}
        faults: list[str] = []
        newest = before.state
        for document in self._walk(first):
            faults += document.faults
            for answer in document.answers:
                answers.setdefault(answer.id, answer)
            on_page(document.answers)
            changes = [answer.updated_at.isoformat() for answer in document.answers]
            newest = max([newest, *changes])
            # Sorted by change: behind the newest change that was seen before, everything is as it was.
            if marks is not None and before.state and changes and min(changes) < before.state:
                break
        read = Marks(etag=first.etag, last_modified=first.last_modified, state=newest)
        self._patience.keep(read, first.max_age_s)
        return Batch(answers=tuple(answers.values()), marks=read, faults=tuple(faults))

    def find(self, target: str) -> RawAnswer | None:
        if self._feed:
            return self._feed.find(target)
        self._patience.check(shown(self._url))
        wanted = canonical(target)
        for document in self._walk(self._fetcher.get(self._page(1), accept="application/json")):
            for answer in document.answers:
                if answer.id == target.strip() or canonical(answer.url) == wanted:
                    return answer
        return None

    def _page(self, number: int) -> str:
        query = {
            "per_page": PER_PAGE,
            "page": number,
            "orderby": "modified",
            "order": "desc",
            "_fields": _FIELDS,
        }
        return f"{self._url}?{urlencode(query)}"

    def _walk(self, first: Fetched) -> Iterator[Document]:
        last = first.pages or 1
        if last > PAGES_MAX:
            raise SourceError(
                f"{shown(self._url)} has more than {PAGES_MAX} pages; use an export of the blog instead"
            )
        yield _parse(first)
        for number in range(2, last + 1):
            yield _parse(self._fetcher.get(self._page(number), accept="application/json"))


def _parse(page: Fetched) -> Document:
    where = shown(page.url)
    found = load_json(page.body, where=where)
    if not isinstance(found, list):
        raise SourceError(f"{where} is not the list that WordPress gives")
    answers: list[RawAnswer] = []
    faults: list[str] = []
    items = items_of(found)
    for item in items:
        try:
            answer = _read_item(fields_of(item))
        except SourceError as error:
            faults.append(str(error))
            continue
        if answer is not None:
            answers.append(answer)
    return Document(answers=tuple(answers), faults=tuple(faults), next_url="", entry_count=len(items))


def _read_item(item: Mapping[str, object]) -> RawAnswer | None:
    """Read one entry; None unless it says itself that it is a published post without password."""
    content = fields_of(item.get("content"))
    is_public = text_of(item, "status") == "publish" and text_of(item, "type") == "post"
    if not is_public or content.get("protected") is not False:
        return None
    url = text_of(item, "link")
    named = f"WordPress post {text_of(item, 'id')}"[:60]
    published_at = _instant(item, "date_gmt")
    if not is_address(url) or published_at is None:
        raise SourceError(f"{named} has no public link or no date; it is left out, as a draft would be")
    body, links = html_to_text(text_of(content, "rendered"))
    return RawAnswer(
        # The guid is what the blog's RSS feed carries too, so that both name an answer alike.
        id=AnswerId(text_of(fields_of(item.get("guid")), "rendered") or url),
        url=url,
        title=" ".join(html_to_text(text_of(fields_of(item.get("title")), "rendered"))[0].split()),
        body=body,
        published_at=published_at,
        updated_at=_instant(item, "modified_gmt") or published_at,
        links=tuple(Link(start=it.start, end=it.end, url=absolute_url(url, it.url)) for it in links),
        # Where the blog's own feed says that they stand; the interface tells no number.
        comments=Comments(url=f"{url}#comments") if text_of(item, "comment_status") == "open" else None,
        origin=url,
    )


def _instant(item: Mapping[str, object], key: str) -> datetime | None:
    # Without zone, and in UTC because it is the `_gmt` field; a draft's is all zeros, which is no date.
    return read_instant(text_of(item, key))

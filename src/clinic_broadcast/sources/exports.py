"""A blog's export as a Source: Blogger's old export, Blogger in Google Takeout, WordPress WXR."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from clinic_broadcast.core.address import absolute_url
from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.intake import canonical
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Batch, Marks, OnPage, unheard
from clinic_broadcast.sources.entries import (
    KIND_POST,
    KIND_SCHEME,
    Entry,
    Reader,
    may_be_public,
    read_document,
    read_entry,
)

EXPORT_MAX: Final = 100_000_000
"""Bytes of an export: 10,000 answers with their comments and the template take about 60 million."""

_TAKEOUT: Final = b"http://schemas.google.com/blogger/2018"
_WXR: Final = b"http://wordpress.org/export/"
_ZIP: Final = b"PK\x03\x04"
_HEAD: Final = 16_384
"""Bytes at the start in which an export names its format."""


class ExportSource:
    """The answers in an export file: only entries that say themselves that they are published.

    `blog_url` is the blog's home; a Takeout export names only the end of each address. Drafts, pages, comments,
    protected entries, places and mail addresses stay outside.
    """

    def __init__(self, path: Path | str, blog_url: str = "", name: str = "") -> None:
        self._path = Path(path)
        self._blog_url = blog_url
        self._name = name or f"export:{path}"

    @property
    def name(self) -> str:
        return self._name

    def poll(
        self,
        marks: Marks | None,
        *,
        is_known: Callable[[AnswerId], bool],  # noqa: ARG002 - The port's.
        on_page: OnPage = unheard,  # noqa: ARG002 - The port's; there are no pages.
    ) -> Batch:
        body = self._content()
        state = hashlib.sha256(body).hexdigest()
        if marks is not None and marks.state == state:
            return Batch(answers=(), marks=marks, unchanged=True)
        document = read_document(body, where=self._path.name, reader=self._reader(body[:_HEAD]))
        answers: dict[AnswerId, RawAnswer] = {}
        for answer in document.answers:
            answers.setdefault(answer.id, answer)
        return Batch(
            answers=tuple(answers.values()),
            marks=Marks(state=state),
            faults=document.faults,
            left_out=document.entry_count - len(document.answers) - len(document.faults),
        )

    def find(self, target: str) -> RawAnswer | None:
        wanted = canonical(target)
        for answer in self.poll(None, is_known=lambda _: False).answers:
            if answer.id == target.strip() or (answer.url and canonical(answer.url) == wanted):
                return answer
        return None

    def _content(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                body = file.read(EXPORT_MAX + 1)
        except OSError as error:
            raise SourceError(
                f"the export {self._path} could not be read ({error.strerror}); correct path under [[sources]]"
            ) from None
        if body.startswith(_ZIP):
            raise SourceError(
                f"the export {self._path} is packed: unpack it, and name the feed.atom or .xml file in it as path"
            )
        if len(body) > EXPORT_MAX:
            raise SourceError(
                f"the export {self._path} has more than {EXPORT_MAX} bytes; export a part of the blog"
            )
        return body

    def _reader(self, head: bytes) -> Reader:
        if _WXR in head:
            return _read_wxr
        return self._read_takeout if _TAKEOUT in head else _read_blogger

    def _read_takeout(self, entry: Entry) -> RawAnswer | None:
        # Both must be said: a missing status or kind is not "published".
        is_live = entry.get("blogger_type") == "POST" and entry.get("blogger_status") == "LIVE"
        if not is_live or not may_be_public(entry):
            return None
        ending = str(entry.get("blogger_filename") or "").strip()
        if not ending.startswith("/") or not self._blog_url:
            raise SourceError(
                f"{str(entry.get('id'))[:200]} has no public address; give the blog's url as well"
            )
        link = {"rel": "alternate", "type": "text/html", "href": absolute_url(self._blog_url, ending)}
        return read_entry({**entry, "links": [link]})


def _read_blogger(entry: Entry) -> RawAnswer | None:
    kinds = [tag.get("term") for tag in entry.get("tags") or [] if tag.get("scheme") == KIND_SCHEME]
    return read_entry(entry) if kinds == [KIND_POST] and may_be_public(entry) else None


def _read_wxr(entry: Entry) -> RawAnswer | None:
    # A draft carries a valid date of 1970 in `pubDate` (measured): only these words tell that it is published.
    is_public = entry.get("wp_status") == "publish" and entry.get("wp_post_type") == "post"
    is_dated = not str(entry.get("wp_post_date_gmt") or "0000").startswith("0000")
    is_open = not str(entry.get("wp_post_password") or "").strip()
    return read_entry(entry) if is_public and is_dated and is_open else None

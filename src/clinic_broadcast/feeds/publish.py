"""Puts the documents of one build on disk, in an order that leaves no dangling link whenever it is killed.

The record comes first, then what is about to be served, archive pages from the oldest on, the live documents, and
at last those beside them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from clinic_broadcast.core.feed import FeedDocument
from clinic_broadcast.core.feed_record import Edition, FeedRecord, PageMark, Press
from clinic_broadcast.feeds.places import (
    ARCHIVE,
    CORRECTIONS,
    FOLDER,
    OUTLINE,
    STYLE,
    SUBSCRIBE,
    WITHDRAWN,
    Form,
    path_of,
    url_of,
)
from clinic_broadcast.feeds.record import RecordFile
from clinic_broadcast.feeds.render import Presses, render, stylesheet
from clinic_broadcast.feeds.sides import outline_of, subscribe_page_of, tombstones_of
from clinic_broadcast.feeds.variants import compressors
from clinic_broadcast.feeds.write import (
    changes_of,
    remove_document,
    sweep_copies,
    sweep_parts,
    write_changes,
)

PAGES_AT_ONCE: Final = 25
"""Archive pages rendered before they are written: a few megabytes, and one line of evidence to wait for."""

SIZE_MAX_BYTES: Final = 500_000
"""Live documents stay below this; some readers give up at half a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFeeds:
    """One build of the feeds: entries in them, answers that wait, and the files whose bytes changed.

    `topics` are the addresses of live feeds that changed, for the hubs; `quarantined` are entries that could not be
    written, with the reason.
    """

    entries: int
    waiting: int
    written: tuple[Path, ...]
    topics: tuple[str, ...] = ()
    quarantined: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Publisher:
    """The feeds of one home on disk."""

    public: Path
    file: RecordFile
    presses: Presses = field(default_factory=Presses)
    press: Press | None = None
    _is_swept: bool = False
    _sides: tuple[object, list[tuple[str, bytes]]] | None = None
    """The documents beside the live ones, and what they were made of: few builds change them."""

    def build(self, make: Callable[[Press], Edition], *, at: datetime) -> BuiltFeeds:
        """Have an edition made and put it on disk, alone among all threads and commands of this home.

        Raises OSError when a document cannot be written; the old one then stands, and the next build reads the
        record again.
        """
        with self.file.alone():
            press = self.press
            if press is None or not self.file.is_as_left():
                press = Press(record=self.load())
            self.press = None
            edition = make(press)
            written = self._publish(edition, press.record, at)
            if edition.mark is not None:
                self.file.bookmark(edition.mark)
                press.record.mark = edition.mark
            self.press = press
            return self._told(edition, written)

    def foretell(self, make: Callable[[Press], Edition]) -> BuiltFeeds:
        """Give what a build would change; nothing is written."""
        edition = make(Press(record=self.load()))
        pages = (one for _, page in edition.pages for one in self._page_files(page))
        wanted = ((self.public / path, content) for path, content in (*pages, *self._documents(edition)))
        return self._told(edition, [one.path for one in changes_of(wanted, compressors())])

    def load(self) -> FeedRecord:
        """Give the record as it stands on disk; pages whose files are gone count as never written."""
        record = self.file.load()
        gone = [
            number
            for number in record.pages
            if not all((self.public / path_of(number, form)).is_file() for form in Form)
        ]
        for number in gone:
            del record.pages[number]
        return record

    def _publish(self, edition: Edition, record: FeedRecord, at: datetime) -> list[Path]:
        self.file.keep(record)
        if not self._is_swept:
            self._sweep(record.page_count)
        written = self._publish_pages(edition.pages, record, at)
        return written + self._put(self._documents(edition), at)

    def _told(self, edition: Edition, written: Sequence[Path]) -> BuiltFeeds:
        topics = [
            url_of(edition.live.head.base_url, path_of(0, form))
            for form in Form
            if self.public / path_of(0, form) in written
        ]
        quarantined = (*edition.quarantined, *self.presses.quarantined.items())
        self.presses.forget(edition.live)
        return BuiltFeeds(
            entries=len(edition.live.entries),
            waiting=edition.waiting,
            written=tuple(written),
            topics=tuple(one for one in topics if one),
            quarantined=quarantined,
        )

    def _publish_pages(
        self, pages: Iterable[tuple[PageMark, FeedDocument]], record: FeedRecord, at: datetime
    ) -> list[Path]:
        written: list[Path] = []
        waiting = iter(pages)
        while batch := list(islice(waiting, PAGES_AT_ONCE)):
            written += self._put([one for _, page in batch for one in self._page_files(page)], at)
            self.file.mark([mark for mark, _ in batch])
            record.pages.update({mark.number: mark for mark, _ in batch})
        return written

    def _page_files(self, page: FeedDocument) -> list[tuple[str, bytes]]:
        return [(path_of(page.page, form), render(page, form, self.presses)) for form in Form]

    def _documents(self, edition: Edition) -> list[tuple[str, bytes]]:
        """Give the documents in the order in which they may appear: what others link to comes first."""
        live = self._live_files(edition.live)
        if any(len(content) > SIZE_MAX_BYTES for _, content in live):
            live = self._live_files(self._within_size(edition))
        return [(f"{FOLDER}/{STYLE}", stylesheet()), *live, *self._beside(edition)]

    def _live_files(self, live: FeedDocument) -> list[tuple[str, bytes]]:
        return [
            (path_of(0, form), render(live, form, self.presses)) for form in (Form.ATOM, Form.RSS, Form.JSON)
        ]

    def _beside(self, edition: Edition) -> list[tuple[str, bytes]]:
        head = edition.live.head
        makings = (head, edition.corrections, edition.tombstones)
        if self._sides is None or self._sides[0] != makings:
            made = [
                (f"{FOLDER}/{CORRECTIONS}", render(edition.corrections, Form.ATOM, self.presses)),
                (f"{FOLDER}/{WITHDRAWN}", tombstones_of(head, edition.tombstones)),
                (f"{FOLDER}/{OUTLINE}", outline_of(head)),
                (f"{FOLDER}/{SUBSCRIBE}", subscribe_page_of(head)),
            ]
            self._sides = (makings, made)
        return self._sides[1]

    def _within_size(self, edition: Edition) -> FeedDocument:
        """Leave out the oldest entries while the document is too large, but only those that an archive page holds."""
        live = edition.live
        lengths = {
            one.id: max(len(self.presses.entry(one, form) or b"") for form in Form) for one in live.entries
        }
        total = sum(lengths.values())
        left_out: set[str] = set()
        for one in reversed(live.entries):
            if total <= SIZE_MAX_BYTES:
                break
            if one.id in edition.archived:
                left_out.add(one.id)
                total -= lengths[one.id]
        return replace(live, entries=tuple(one for one in live.entries if one.id not in left_out))

    def _put(self, documents: Sequence[tuple[str, bytes]], at: datetime) -> list[Path]:
        make = compressors()
        changes = changes_of(((self.public / path, content) for path, content in documents), make)
        self.file.attest(
            (
                (
                    str(one.path.relative_to(self.public)),
                    hashlib.sha256(one.content).hexdigest(),
                    len(one.content),
                )
                for one in changes
                if one.is_new
            ),
            at=at,
        )
        write_changes(changes, make, logs=self.file.loose())
        return [one.path for one in changes]

    def _sweep(self, page_count: int) -> None:
        """Remove what a killed build left behind, and pages of a record that is no more."""
        for folder in (self.public / FOLDER, self.public / FOLDER / ARCHIVE):
            if folder.is_dir():
                sweep_parts(folder)
                sweep_copies(folder)
        for path in (self.public / FOLDER / ARCHIVE).glob("[0-9]*"):
            number = re.match(r"\d+", path.name)
            if number is not None and int(number.group()) > page_count and path.suffix in (".xml", ".json"):
                remove_document(path)
        self._is_swept = True

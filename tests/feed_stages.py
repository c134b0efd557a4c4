"""Stages for tests of the feeds: a blog, a desk and a public folder, built as the daemon builds them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import brotli
import zstandard

from clinic_broadcast.core.answer import AnswerId, RawAnswer, Standing
from clinic_broadcast.core.feed import FeedHead
from clinic_broadcast.feeds.places import Form, path_of
from clinic_broadcast.feeds.publish import BuiltFeeds, Publisher
from clinic_broadcast.feeds.reading import SeenDocument, SeenEntry, see
from clinic_broadcast.feeds.record import RecordFile
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Ledger
from clinic_broadcast.run import feeding
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from desks import desk
from fakes import START_AT, FakeClock, FakeSource, raw_answer

HEAD = FeedHead(
    title="The Example Fertility Center",
    subtitle="New answers",
    home_url="https://blog.example/",
    base_url="https://feeds.example",
    language="en-US",
    author="Dr. Jane Roe",
    hubs=("https://hub.example/",),
)


@dataclass
class Stage:
    """A home's feeds; `build` is one build of the daemon, `restart` forgets all that is not on disk."""

    folder: Path
    head: FeedHead = HEAD
    clock: FakeClock = field(default_factory=FakeClock)
    source: FakeSource = field(default_factory=FakeSource)
    ledger: Ledger = field(default_factory=lambda: MemoryLedger("test"))

    def __post_init__(self) -> None:
        self.desk: Desk = desk(self.ledger, [], sources=[self.source], clock=self.clock)
        self.publisher = self._publisher()

    def _publisher(self) -> Publisher:
        return Publisher(self.folder / "public", RecordFile(self.folder / "state" / "feeds"))

    @property
    def feeds(self) -> Path:
        return self.folder / "public" / "feeds"

    def restart(self) -> None:
        self.publisher = self._publisher()

    def publish(self, *raws: RawAnswer, baseline: bool = False) -> None:
        """Let the blog show these answers, those of the same id with new words, and poll it."""
        shown = {one.id: one for one in self.source.answers} | {one.id: one for one in raws}
        self.source.answers = list(shown.values())
        poll(self.desk, as_baseline=baseline)

    def archive(self, count: int) -> None:
        """Let the blog have had so many answers, one a day, before we came; the newest is number `count`."""
        self.publish(*(aged(number, count) for number in range(1, count + 1)), baseline=True)

    def withdraw(self, number: int) -> None:
        answer_id = AnswerId(f"tag:blog.example,2026:post-{number}")
        known = self.ledger.answer(answer_id)
        assert known is not None
        assert self.ledger.restand(
            answer_id, before=known.standing, after=Standing.WITHDRAWN, actor="test", at=self.clock.now()
        )

    def build(self) -> BuiltFeeds:
        make = partial(feeding.build_feeds, self.desk, self.head)
        return self.publisher.build(make, at=self.clock.now())

    def foretell(self) -> BuiltFeeds:
        return self.publisher.foretell(partial(feeding.build_feeds, self.desk, self.head))

    def document(self, page: int = 0, form: Form = Form.ATOM) -> SeenDocument:
        return see((self.folder / "public" / path_of(page, form)).read_bytes(), form)

    def entries(self, page: int = 0, form: Form = Form.ATOM) -> dict[str, SeenEntry]:
        return {
            one.id.removeprefix("tag:blog.example,2026:"): one for one in self.document(page, form).entries
        }

    def files(self) -> dict[str, bytes]:
        """Give every file below public/, compressed ones unpacked under their own name."""
        found = {
            str(path.relative_to(self.folder / "public")): path.read_bytes()
            for path in sorted((self.folder / "public").rglob("*"))
            if path.is_file()
        }
        return {name: unpacked(name, body) for name, body in found.items()}


def unpacked(name: str, body: bytes) -> bytes:
    """Give the bytes of a file as a reader that takes its encoding sees them."""
    if name.endswith(".gz"):
        return gzip.decompress(body)
    if name.endswith(".br"):
        plain: bytes = brotli.decompress(body)
        return plain
    return zstandard.ZstdDecompressor().decompress(body) if name.endswith(".zst") else body


def aged(number: int, count: int) -> RawAnswer:
    """Give answer `number` of `count`, the newest of a day before the stage begins."""
    return raw_answer(number, published_at=START_AT - timedelta(days=count - number + 1))


def reworded(number: int, words: str, *, published_at: datetime = START_AT, title: str = "") -> RawAnswer:
    """Give an answer with another sentence of its own."""
    before = raw_answer(number, title=title, published_at=published_at)
    body = before.body.replace("A simple blood test shows how the thyroid works.", words)
    assert body != before.body
    return replace(before, body=body)

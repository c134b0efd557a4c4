"""The record of the feeds on disk: lines that are only ever added, so that a kill loses nothing readers have seen."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from clinic_broadcast.core.feed_record import FeedRecord, Kind, PageMark, PressMark, Shown, Slot
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.feeds.write import write_atomically

SLACK_LINES: Final = 1000
"""A file with so many lines beyond twice its slots is written anew, so that reading it stays cheap."""

_NAMES: Final = tuple(one.name for one in fields(Slot))
_DATES: Final = ("published_at", "updated_at", "corrected_at", "withdrawn_at")


@dataclass(slots=True)
class RecordFile:
    """The lines of one home's feeds: `feeds.jsonl` and, beside it, `served.jsonl`, the evidence of what was served.

    Neither holds a word of an answer.
    """

    folder: Path
    _seen: tuple[int, int] = field(default=(0, 0))
    _is_long: bool = False
    _whole: int = 0
    """Bytes of the file up to its last whole line, as last read or written."""
    _loose: set[Path] = field(default_factory=set[Path])

    @property
    def path(self) -> Path:
        """Give the file of slots and page marks."""
        return self.folder / "feeds.jsonl"

    @property
    def evidence(self) -> Path:
        """Give the file that says which bytes were served from when on."""
        return self.folder / "served.jsonl"

    @contextmanager
    def alone(self) -> Generator[None]:
        """Hold the feeds: one build at a time, also of two threads or of a command beside the daemon."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "feeds.lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def is_as_left(self) -> bool:
        """Say whether nobody else has written since this object last read or wrote."""
        return self._seen == self._state()

    def load(self) -> FeedRecord:
        """Read the record; a last line that was cut off by a kill does not count.

        Raises LedgerError when the file holds anything else that is no line of ours.
        """
        record, slots, lines, self._whole = FeedRecord(), dict[str, Slot](), 0, 0
        for line in self._lines():
            lines += 1
            try:
                self._take(json.loads(line), record, slots)
            except (ValueError, KeyError, TypeError):
                raise LedgerError(
                    f"{self.path}: line {lines} is not ours; restore the file from a backup"
                ) from None
        for slot in sorted(slots.values(), key=lambda one: (one.number, one.id)):
            record.put(slot)
        record.drain()
        self._is_long = lines > 2 * (len(slots) + len(record.pages)) + SLACK_LINES
        self._seen = self._state()
        return record

    def keep(self, record: FeedRecord) -> None:
        """Add what is new in the record; it must be durable (`loose`) before any document is put in place."""
        fresh = record.drain()
        if self._is_long:
            self._rewrite(record)
            return
        lines = [_slot_line(slot) for slot in fresh]
        if lines and not self._whole:
            lines.insert(0, _line({"feed": record.feed_id}))
        if lines:
            self._add(self.path, lines)

    def mark(self, pages: Iterable[PageMark]) -> None:
        """Add that archive pages stand as these marks say; one that is lost has its page looked at again."""
        lines = [_line({"page": asdict(page)}) for page in pages]
        if lines:
            self._add(self.path, lines)

    def bookmark(self, mark: PressMark) -> None:
        """Add what the press knows now that all documents of a build stand; one that is lost only costs time."""
        self._add(self.path, [_line({"press": asdict(mark)})])

    def loose(self) -> tuple[Path, ...]:
        """Give, once, the files with new lines that are not durable yet: whoever writes documents sees to that."""
        found = tuple(sorted(self._loose))
        self._loose.clear()
        return found

    def attest(self, rows: Iterable[tuple[str, str, int]], *, at: datetime) -> None:
        """Add which bytes are served from now on: path, sha256 and length of each document about to be replaced.

        The row comes first (`loose`): what a kill leaves is a row without its document, which the next build
        repeats, and never a document without its row.
        """
        lines = [
            _line({"at": at.isoformat(), "path": path, "sha256": digest, "bytes": length})
            for path, digest, length in rows
        ]
        if lines:
            self._add(self.evidence, lines)

    def _lines(self) -> Iterator[bytes]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        whole, newline, _torn = content.rpartition(b"\n")
        self._whole = len(whole) + len(newline)
        if newline:
            yield from whole.split(b"\n")

    def _take(self, row: dict[str, Any], record: FeedRecord, slots: dict[str, Slot]) -> None:
        if "feed" in row:
            record.feed_id = str(row["feed"])
        elif "page" in row:
            mark = PageMark(**row["page"])
            record.pages[mark.number] = mark
        elif "press" in row:
            told = row["press"]
            record.mark = PressMark(
                turn=int(told["turn"]), line=int(told["line"]), hash=str(told["hash"]), seal=str(told["seal"])
            )
        else:
            slot = _slot_of(row["slot"])
            slots[slot.id] = slot

    def _rewrite(self, record: FeedRecord) -> None:
        lines = [_line({"feed": record.feed_id}), *map(_slot_line, record.slots.values())]
        lines += [_line({"page": asdict(mark)}) for mark in record.pages.values()]
        if record.mark is not None:
            lines.append(_line({"press": asdict(record.mark)}))
        content = b"".join(lines)
        write_atomically(self.path, content)
        self._is_long, self._whole, self._seen = False, len(content), self._state()

    def _add(self, path: Path, lines: Iterable[bytes]) -> None:
        content = b"".join(lines)
        with path.open("ab") as file:
            if path == self.path and file.tell() > self._whole:
                # A kill cut the last line off; it must go, or the next one would be glued to it.
                file.truncate(self._whole)
            file.write(content)
        self._loose.add(path)
        if path == self.path:
            self._whole, self._seen = self._whole + len(content), self._state()

    def _state(self) -> tuple[int, int]:
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (facts.st_ino, facts.st_size)


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _slot_line(slot: Slot) -> bytes:
    # Not `asdict`, which copies in depth what nobody can change.
    row = {name: value for name in _NAMES if (value := getattr(slot, name)) not in ("", 0, None)}
    for name in _DATES:
        if name in row:
            row[name] = row[name].isoformat()
    return _line({"slot": row})


def _slot_of(row: dict[str, Any]) -> Slot:
    dates: dict[str, Any] = {name: datetime.fromisoformat(row[name]) for name in _DATES if name in row}
    kept: dict[str, Any] = {**row, **dates, "kind": Kind(row["kind"]), "shown": Shown(row["shown"])}
    return Slot(**kept)

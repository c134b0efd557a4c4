"""The evidence of what subscribers could fetch: which bytes stood under which path, from when until when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from clinic_broadcast.errors import LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One state of one document: its path below public/, the sha256 and length of its bytes, and its time.

    `until_at` is when other bytes took its place, None for the last that were written; of these `stands` says whether
    they are on disk now. A row is written before its document: `from_at` is never too late, and bytes of a build that
    was killed may be named that nobody could fetch.
    """

    path: str
    sha256: str
    length: int
    from_at: datetime
    until_at: datetime | None
    stands: bool = False


def served_of(evidence: Path, public: Path, *, path: str = "", at: datetime | None = None) -> list[Served]:
    """Give all states in the order in which they began; those of one document with `path`, of one moment with `at`.

    Raises LedgerError for a line, other than a last one cut off by a kill, that is not ours.
    """
    found: list[Served] = []
    last: dict[str, int] = {}
    for row in _rows(evidence):
        before = last.get(row.path)
        if (path and row.path != path) or (before is not None and found[before].sha256 == row.sha256):
            continue
        if before is not None:
            found[before] = replace(found[before], until_at=row.from_at)
        last[row.path] = len(found)
        found.append(row)
    shown = [_standing(one, public) if one.until_at is None else one for one in found]
    return [
        one
        for one in shown
        if at is None or (one.from_at <= at and (one.until_at is None or at < one.until_at))
    ]


def _rows(evidence: Path) -> Iterator[Served]:
    try:
        content = evidence.read_bytes()
    except FileNotFoundError:
        return
    for number, line in enumerate(content.rpartition(b"\n")[0].splitlines(), start=1):
        try:
            row = json.loads(line)
            yield Served(
                path=str(row["path"]),
                sha256=str(row["sha256"]),
                length=int(row["bytes"]),
                from_at=datetime.fromisoformat(row["at"]),
                until_at=None,
            )
        except (ValueError, KeyError, TypeError):
            raise LedgerError(
                f"{evidence}: line {number} is not ours; restore the file from a backup"
            ) from None


def _standing(one: Served, public: Path) -> Served:
    try:
        stands = hashlib.sha256((public / one.path).read_bytes()).hexdigest() == one.sha256
    except OSError:
        stands = False
    return replace(one, stands=stands)

"""A folder of answer files as a Source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.intake import WAITS, canonical
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Batch, Marks, OnPage, unheard
from clinic_broadcast.sources.files import FILE_MAX, SUFFIXES, NotPublic, read_file

__all__ = ["FolderSource", "read_file"]

FILES_MAX: Final = 20_000
"""Files in one folder: twice the largest blog the intake is measured with."""

WAITING_TOLD_MAX: Final = 5
"""Files that wait for their date and are named in `status`."""


class FolderSource:
    """The answers kept as .md, .html and .txt files in one folder and the folders in it.

    Files whose names begin with a dot or an underscore are left out. A folder in which no name, size or time of
    change differs is unchanged; while a file has a fault or waits for its date, the folder is read again each time.
    """

    def __init__(self, path: Path | str, name: str = "") -> None:
        self._path = Path(path)
        self._name = name or f"folder:{path}"

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
        files, faults = self._files()
        state = _state(files, self._path)
        if marks is not None and marks.state and marks.state == state and not faults:
            return Batch(answers=(), marks=marks, unchanged=True)
        answers: dict[AnswerId, RawAnswer] = {}
        waiting: list[str] = []
        for path in files:
            try:
                answer = read_file(path, folder=self._path)
            except NotPublic as draft:
                if draft.until is not None:
                    waiting.append(_told_waiting(path.relative_to(self._path).as_posix(), draft.until))
                continue
            except SourceError as error:
                faults.append(str(error))
                continue
            first = answers.setdefault(answer.id, answer)
            if first is not answer:
                faults.append(f"{answer.origin} has the same id as {first.origin}; give each file its own")
        return Batch(
            answers=tuple(answers.values()),
            marks=Marks(state=_final_state(state, faults, waiting)),
            waiting=tuple(waiting),
            faults=tuple(faults),
        )

    def find(self, target: str) -> RawAnswer | None:
        for answer in self.poll(None, is_known=lambda _: False).answers:
            is_here = bool(answer.url) and canonical(answer.url) == canonical(target)
            if target in (answer.id, answer.origin) or is_here:
                return answer
        return None

    def _files(self) -> tuple[list[Path], list[str]]:
        """Give the answer files in a stable order, and what is wrong with those that cannot be one."""
        if not self._path.is_dir():
            raise SourceError(
                f"the folder {self._path} is not there; create it or correct path under [[sources]]"
            )
        root = self._path.resolve()
        files: list[Path] = []
        faults: list[str] = []
        for path in self._walk():
            name = path.relative_to(self._path).as_posix()
            try:
                is_outside = not path.resolve().is_relative_to(root)
                size = path.stat().st_size
            except OSError as error:
                faults.append(f"{name} could not be read ({error.strerror})")
                continue
            if is_outside:
                faults.append(f"{name} leads out of the folder; put the file itself there")
            elif size > FILE_MAX:
                faults.append(f"{name} has more than {FILE_MAX} bytes; an answer file must be smaller")
            else:
                files.append(path)
            if len(files) > FILES_MAX:
                raise SourceError(f"the folder {self._path} holds more than {FILES_MAX} answer files")
        return sorted(files), faults

    def _walk(self) -> Iterator[Path]:
        def refuse(error: OSError) -> None:
            raise SourceError(
                f"a folder in {self._path} could not be read ({error.strerror}); check its permissions"
            )

        for folder, inner, names in os.walk(self._path, onerror=refuse, followlinks=False):
            inner[:] = sorted(name for name in inner if not name.startswith((".", "_")))
            for name in sorted(names):
                if not name.startswith((".", "_")) and Path(name).suffix.lower() in SUFFIXES:
                    yield Path(folder, name)


def _final_state(state: str, faults: Sequence[str], waiting: Sequence[str]) -> str:
    """Give the state to compare the next poll with: none while something is to be read again."""
    return "" if faults else WAITS + "; ".join(waiting[:WAITING_TOLD_MAX]) if waiting else state


def _told_waiting(name: str, until: datetime) -> str:
    return f"{name} is dated {until:%Y-%m-%d %H:%M} UTC and is left out until then; correct its date if that is wrong"


def _state(files: list[Path], folder: Path) -> str:
    """Give the digest of the names, sizes and times of change: no file is opened for it."""
    digest = hashlib.sha256()
    for path in files:
        try:
            seen = path.stat()
        except OSError:
            continue  # It vanished meanwhile; the next poll sees another state.
        digest.update(
            f"{path.relative_to(folder)}\0{seen.st_size}\0{seen.st_mtime_ns}\0".encode(
                errors="surrogateescape"
            )
        )
    return digest.hexdigest()

"""Notices when a person has changed a file that the daemon has read, once the change has come to rest."""

from __future__ import annotations

from clinic_broadcast.settings.home import Home


class ReadFiles:
    """The files of a home as they were when they were last read."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._read = self._before = self._mark()

    def have_changed(self) -> bool:
        """Say, once for each change, whether a file is another than when it was read; asked again and again.

        It counts only when two looks in a row have found the same: an editor may be in the middle of writing.
        """
        now = self._mark()
        is_at_rest = now == self._before
        self._before = now
        if now == self._read or not is_at_rest:
            return False
        self._read = now
        return True

    def _mark(self) -> tuple[tuple[str, int, int, int], ...]:
        marks: list[tuple[str, int, int, int]] = []
        for path in self._home.read_files:
            try:
                facts = path.stat()
            except OSError:
                continue
            marks.append((str(path), facts.st_mtime_ns, facts.st_size, facts.st_ino))
        return tuple(marks)

"""The console script: runs the command line and turns our errors into a sentence and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO, cast

GARBAGE_MIN: Final = 50_000
"""New objects that may be garbage before the youngest are looked through; some five megabytes."""


def main() -> None:
    """Run the command line; never a bare traceback for a user's mistake."""
    # What is loaded lives until the end: to look through it again and again took a tenth of every start.
    gc.set_threshold(GARBAGE_MIN, 20, 20)
    # No plug-in of another package reads the settings, and a search for one would go through every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    open_streams()
    arguments = sys.argv[1:]
    home = _home_of_daemon(arguments)
    if home is not None:
        sys.exit(_run_daemon(home))
    from clinic_broadcast.cli.app import run  # noqa: PLC0415  # `--help` must not pay for what it does not use.

    sys.exit(run(arguments))


def open_streams() -> None:
    """Make the standard streams fit to be used: each one open, and UTF-8 whatever the locale says.

    A stream that the caller has closed is opened on nothing: else the next file that is opened would take its number,
    and what is printed would end up there.
    """
    sys.stdin = sys.stdin or _nothing(os.O_RDONLY, "r")
    sys.stdout = sys.stdout or _nothing(os.O_WRONLY, "w")
    sys.stderr = sys.stderr or _nothing(os.O_WRONLY, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _nothing(flags: int, mode: str) -> TextIO:
    return cast("TextIO", os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def _home_of_daemon(arguments: Sequence[str]) -> Path | None:
    """Give the home when the command line is the daemon's, as its systemd unit writes it: `[--home DIR] run`."""
    match arguments:
        case ["run"]:
            return Path(os.environ.get("CLINIC_HOME") or ".").expanduser()
        case ["--home", folder, "run"]:
            return Path(folder).expanduser()
        case _:
            return None


def _run_daemon(home: Path) -> int:
    """Run the daemon without what reads all other command lines: that is a tenth of its start."""
    from clinic_broadcast.cli.ending import ending  # noqa: PLC0415  # As above.

    def call() -> int:
        # A start makes nearly no garbage; the daemon lets it be looked for again when it is ready.
        gc.disable()
        from clinic_broadcast.cli.daemon import run_daemon  # noqa: PLC0415  # As above.

        return run_daemon(home, os.environ)

    return ending(call)


if __name__ == "__main__":
    main()

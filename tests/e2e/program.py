"""The program as a process of its own: cold, as a user starts it, or forked from a server that has it loaded.

A forked one has its own process, standard streams, environment and exit code as well; only the second and more that
Python needs to load everything is saved, which the tests here would pay some hundred times over.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from faults.forks import FORKS, start_fork_server

TIMEOUT_S: Final = 90.0


def run_cold(
    arguments: Sequence[str], environ: Mapping[str, str], *, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one command as a user does, with everything still to be loaded."""
    return subprocess.run(
        [sys.executable, "-m", "clinic_broadcast", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
        env={**os.environ, "NO_COLOR": "1", **environ},
    )


def run_forked(
    arguments: Sequence[str], environ: Mapping[str, str], *, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one command in a process that has everything loaded; raises TimeoutExpired when it does not end."""
    start_fork_server()
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        streams[0].write_text(stdin, encoding="utf-8")
        whole = {**os.environ, "NO_COLOR": "1", **environ}
        child = FORKS.Process(target=_become, args=(list(arguments), whole, Path.cwd(), streams))
        child.start()
        child.join(TIMEOUT_S)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(list(arguments), TIMEOUT_S)
        code = child.exitcode
        child.close()
        said = [stream.read_text(encoding="utf-8") for stream in streams[1:]]
    return subprocess.CompletedProcess(list(arguments), code, *said)


def _become(arguments: list[str], environ: dict[str, str], folder: Path, streams: list[Path]) -> None:
    from clinic_broadcast.cli.app import run

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, stream in enumerate(streams):
        opened = os.open(stream, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


def _stream(number: int, mode: str) -> IO[str]:
    return open(number, mode, encoding="utf-8", closefd=False)

"""Loads all that a command of the program needs in the server that forks them, so that a command costs milliseconds."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from clinic_broadcast.cli.app import run
from e2e.homes import CLEAN, make_clinic

with (
    tempfile.TemporaryDirectory() as _folder,
    contextlib.redirect_stdout(io.StringIO()),
    contextlib.redirect_stderr(io.StringIO()),
):
    _clinic = make_clinic(Path(_folder))
    _clinic.add("new", CLEAN)
    for _command in (["init", "--yes"], ["run", "--once"], ["status", "--json"]):
        run(["--home", str(_clinic.home), *_command])

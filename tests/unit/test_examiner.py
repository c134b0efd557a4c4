"""The second process of a first reading: it changes how long that takes, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.run.examiner import open_examiner
from desks import gate
from examining import COUNT, SMALL
from fakes import raw_answer

PROGRAM = Path(__file__).parents[1] / "examining.py"

needs_two = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one processor")


def run(how: str) -> Any:
    """Read an archive as `how` says and give what came of it; the second process is gone afterwards."""
    environ = {**os.environ, "PYTHONPATH": str(PROGRAM.parent)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), how],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environ,
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told.pop("left") == 0
    return told


@needs_two
def test_pages_are_examined_ahead_with_the_same_result() -> None:
    told = run("beside")
    assert told["processes"] == 1
    assert told["same"] == told["found"] > COUNT // 2


@needs_two
def test_a_first_poll_records_the_same_with_and_without_it() -> None:
    assert run("poll") == {"processes": 1, "recorded": COUNT, "same": True}


@needs_two
def test_when_the_second_process_is_killed_the_caller_does_its_work() -> None:
    told = run("killed")
    assert told["processes"] == 1
    assert COUNT // 4 <= told["found"] == told["same"]


@needs_two
def test_a_killed_reading_leaves_no_process_behind() -> None:
    environ = {**os.environ, "PYTHONPATH": str(PROGRAM.parent)}
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "orphan"], stdout=subprocess.PIPE, text=True, env=environ
    ) as child:
        assert child.stdout is not None
        other = int(child.stdout.readline())
        assert child.wait(60) < 0
    until = time.monotonic() + 30
    while is_alive(other) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(other)


def is_alive(pid: int) -> bool:
    """Say whether a process works; one that has ended may still be listed until its parent asks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("how", ["one processor", "threads", "small"])
def test_no_process_is_started_where_it_would_not_help(how: str) -> None:
    assert run(how) == {"processes": 0, "found": 0, "same": 0}


def test_what_was_never_taken_is_left_to_the_caller() -> None:
    with open_examiner(gate()) as examiner:
        examiner.take([raw_answer(number) for number in range(SMALL)])
        assert examiner.find(raw_answer(1)) is None

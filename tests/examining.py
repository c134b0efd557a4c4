"""A program without threads, which pytest is not: reads a first archive with a second process, as a test says.

`python examining.py HOW` prints one line of JSON. It stands alone because a process is copied only where no thread
runs.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.core.gate import examine_answer
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.examiner import Examiner, open_examiner
from clinic_broadcast.run.intake import poll
from desks import desk, gate
from fakes import FakeSource, raw_answer

COUNT, SMALL, PAGE = 320, 100, 80


def main(how: str) -> None:
    """Do what the name says and print what came of it."""
    raws = [raw_answer(number) for number in range(SMALL if how == "small" else COUNT)]
    if how == "one processor":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if how == "threads":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    with open_examiner(gate()) as examiner:
        told = polled(examiner, raws) if how == "poll" else examined(examiner, raws, how)
    say(json.dumps({**told, "left": len(multiprocessing.active_children())}))


def say(line: object) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def examined(examiner: Examiner, raws: list[RawAnswer], how: str) -> dict[str, int]:
    """Have pages examined ahead, and compare each answer that was with what this process makes of it."""
    for start in range(0, len(raws), PAGE):
        examiner.take(raws[start : start + PAGE])
    # As a batch gives all of them once more.
    examiner.take(raws)
    others = multiprocessing.active_children()
    if how == "orphan":
        say(others[0].pid)
        os.kill(os.getpid(), signal.SIGKILL)
    found = same = 0
    for number, raw in enumerate(raws):
        if how == "killed" and number == COUNT // 4:
            os.kill(int(others[0].pid or 0), signal.SIGKILL)
        one = examiner.find(raw)
        if one is not None:
            answer = read_answer(raw, gate().own_names)
            found += 1
            same += one == (answer, examine_answer(gate(), answer))
    return {"processes": len(others), "found": found, "same": same}


def polled(examiner: Examiner, raws: list[RawAnswer]) -> dict[str, int]:
    """Poll one source twice, with the examiner and without, and count the answers that stand in both ledgers alike."""
    ledgers = MemoryLedger("test"), MemoryLedger("test")
    # Twice the same id, as a blog shows an answer on two pages when one is added while it is read.
    source = FakeSource(answers=[*raws, *raws[:PAGE]])
    for ledger, helped in zip(ledgers, (examiner, None), strict=True):
        poll(desk(ledger, [], sources=[source]), as_baseline=True, examiner=helped)
    with_it, without = (ledger.answers() for ledger in ledgers)
    return {
        "processes": len(multiprocessing.active_children()),
        "recorded": len(with_it),
        "same": with_it == without,
    }


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(sys.argv[1])

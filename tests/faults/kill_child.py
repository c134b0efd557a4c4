"""One run of the main path, made for a process of its own that a tripwire may kill."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from clinic_broadcast.ledger.migrate import open_ledger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, default_wordings, desk, lexicon
from fakes import START_AT, FakeClock, FakeSource, WallChannel, raw_answer
from tripwire import Tripwire

# Loaded once, before the process is forked.
lexicon()
default_wordings()

LEDGER_CALLS = ("remember", "plan_all", "move", "move_all")
CHANNEL_CALLS = ("send", "look")


def main(folder: Path, *, die_at: int, hour: int, can_look: bool) -> int:
    """Poll, plan, approve, release and deliver once, `hour` hours after the baseline; give the edges passed."""
    wire = Tripwire(die_at)
    clock = FakeClock(START_AT + timedelta(hours=hour))
    source = FakeSource(answers=[raw_answer(1)])
    channels = [WallChannel(folder / f"{name}.wall", name=name, can_look=can_look) for name in ("one", "two")]
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", "test")
    if hour > 0:
        fresh_at = START_AT + timedelta(minutes=30)
        source.answers.append(
            raw_answer(2, body=BODY, title="What Does a Hysteroscopy Show?", published_at=fresh_at)
        )
    at = desk(
        wire.around(ledger, *LEDGER_CALLS),
        [wire.around(channel, *CHANNEL_CALLS) for channel in channels],
        sources=[source],
        clock=clock,
    )
    poll(at)
    plan_fresh(at)
    approve_all(at)
    release_planned(at)
    deliver(at)
    ledger.close()
    return wire.edges


BODY = (
    "Hello Dr. Roe, my doctor in Bergen wants to look inside. What will she see?\n\n"
    "Hello Solveig from Norway,\n\nA hysteroscopy shows the inside of the uterus through a thin camera. "
    "Polyps and adhesions can often be removed in the same procedure.\n\nJane Roe, M.D."
)


def run_child(folder: Path, die_at: int, hour: int, can_look: bool) -> None:  # A process takes no names.
    """Run once, and leave the number of edges passed in a file."""
    edges = main(folder, die_at=die_at, hour=hour, can_look=can_look)
    (folder / "edges").write_text(str(edges))

"""Desks for tests: the real main paths with a fake clock, fake sources and walls for channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from clinic_broadcast.core.delivery import Delivery, State, Timing
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.ports import Channel, Ledger, Source
from clinic_broadcast.run import review
from clinic_broadcast.run.desk import Desk, ReviewRules
from clinic_broadcast.settings.lexicon import load_lexicon
from clinic_broadcast.settings.wording import Wordings, read_wordings
from fakes import FakeClock, FakeSource, WallChannel

ROOT = Path(__file__).parents[1]
TIMING = Timing(timeout=timedelta(seconds=20), settle=timedelta(seconds=90), lease=timedelta(seconds=180))


@cache
def lexicon() -> Lexicon:
    return load_lexicon()


@cache
def default_wordings() -> Wordings:
    return read_wordings(ROOT / "posts")


@cache
def gate() -> Gate:
    """Give the gate of the invented clinic of the tests: one for all, for to make its tables takes a while."""
    return Gate(
        lexicon=lexicon(),
        own_names=("Dr. Jane Roe", "The Example Fertility Center", "@exampleclinic"),
        own_hosts=("blog.example", "feeds.example"),
        taint_key=b"a key for tests only",
    )


def desk(
    ledger: Ledger,
    channels: Sequence[Channel],
    *,
    sources: Sequence[Source] = (),
    clock: FakeClock | None = None,
    mode: str = "hold",
    first_n: int = 0,
    surge_max: int = 3,
    quiet: bool = False,
) -> Desk:
    """Give a desk; what a test does not name is as an eager clinic would have it."""

    def is_quiet(_name: str, _at: datetime) -> bool:
        return quiet

    def next_slot_at(_name: str, at: datetime) -> datetime:
        return at

    return Desk(
        clinic="test",
        sources={source.name: source for source in sources},
        channels={channel.name: channel for channel in channels},
        ledger=ledger,
        clock=clock or FakeClock(),
        gate=gate(),
        wordings=default_wordings(),
        review=ReviewRules(mode=mode, first_n=first_n, surge_max=surge_max),
        timing=TIMING,
        is_quiet=is_quiet,
        next_slot_at=next_slot_at,
        actor="test",
    )


def approve_all(at: Desk) -> list[Delivery]:
    """Approve everything that is held, as a person called Pat."""
    decisions = [review.approve(at, one.id, by="Pat") for one in at.ledger.deliveries(states=(State.HELD,))]
    assert [decision.refused for decision in decisions if decision.refused] == []
    return [decision.delivery for decision in decisions]


__all__ = [
    "TIMING",
    "FakeSource",
    "WallChannel",
    "approve_all",
    "default_wordings",
    "desk",
    "gate",
    "lexicon",
]

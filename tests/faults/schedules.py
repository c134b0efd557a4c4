"""Crash schedules: one worker on the real main path, dying (or stalling) at exactly the edges it is told to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.promo import ANNOUNCE, Fragment, Origin, Payload, delivery_key
from clinic_broadcast.ports import Guarantee
from clinic_broadcast.run import broadcast
from desks import TIMING
from fakes import START_AT
from faults.judge import Judge
from faults.simledger import QuickLedger, WatchedLedger
from faults.simnet import CALM, Fate, Network, SimChannel
from faults.simulation import WORDS, template
from faults.stage import CrashError, Stage, StageClock, ViolationError

DELIVERIES: Final = 3
RUNS_MAX: Final = 40
"""A schedule of two crashes is over after a dozen runs; one that is not over by now never will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What happens in one schedule: crashes by the number of the edge, stalls likewise, and the fate of requests.

    `fates` are those of the first requests, in order; those after them are good. `ahead_s` is how far our clock
    goes before the network's.
    """

    guarantee: Guarantee
    fates: tuple[Fate, ...] = ()
    crashes: frozenset[int] = frozenset()
    stalls: Mapping[int, float] = field(default_factory=dict[int, float])
    ahead_s: float = 0.0


class Line:
    """One worker's life along a plot, from planning to the end of every delivery."""

    locks = 0.0

    def __init__(self, plot: Plot, ledger: Any) -> None:
        self.plot = plot
        self.ledger = ledger
        self.stage = Stage()
        self.stage.ahead_s = plot.ahead_s
        self.judge = Judge()
        self.rng = random.Random(0)
        self.edges = 0
        self.requests = 0
        self.is_dead = False
        self.heard: Callable[[], None] | None = None
        """Told of every edge when it is passed."""
        self.network = Network(self, plot.guarantee)
        clock = StageClock(self.stage)
        self.desk = replace(
            template(),
            channels={self.network.name: SimChannel(self.network, clock, checks_deadline=True)},
            ledger=WatchedLedger(self),
            clock=clock,
        )

    def edge(self) -> None:
        """Pass one edge of a port call, or stall or die on it."""
        self.edges += 1
        self.stage.pause(self.plot.stalls.get(self.edges, 0.01))
        if self.edges in self.plot.crashes:
            raise CrashError
        if self.heard is not None:
            self.heard()

    def fate(self, network: Network) -> Fate:
        """Give the next request its fate."""
        del network
        self.requests += 1
        return self.plot.fates[self.requests - 1] if self.requests <= len(self.plot.fates) else CALM

    def known(self, answer_id: AnswerId) -> None:
        """Know no answer: these deliveries are written by hand."""

    def say(self, *words: object) -> None:
        """Tell nobody: a plot is short enough to be played again."""

    def live(self) -> None:
        """Run again and again until all is over; raises ViolationError when a promise is broken."""
        for _ in range(RUNS_MAX):
            if not self.is_dead and self._run():
                self.judge.ends([self.network])
                return
            if self.is_dead:
                self.is_dead = False
                self.stage.pause(1)
            self.stage.pause(self._until_next())
        raise ViolationError(f"I2 not over after {RUNS_MAX} runs")

    def _run(self) -> bool:
        """Do one run, and say whether all is over."""
        try:
            for one in promos(self.network.name, self.network.account):
                self.desk.ledger.plan(one, actor="test")
            broadcast.release_planned(self.desk)
            broadcast.deliver(self.desk)
        except CrashError:
            self.is_dead = True
            return False
        return not self.judge.open_rows()

    def crashed_here(self) -> Line:
        """Give a line whose worker dies at the edge that this one passes: nothing else is changed by its death."""
        plot = replace(self.plot, crashes=self.plot.crashes | {self.edges})
        other = Line(plot, self.ledger.copy())
        other.stage.now_s, other.stage.ahead_s = self.stage.now_s, self.stage.ahead_s
        other.judge = self.judge.copy()
        other.network.take_over(self.network)
        other.edges, other.requests, other.is_dead = self.edges, self.requests, True
        return other

    def _until_next(self) -> float:
        now_s = self.stage.now_s + self.stage.ahead_s
        instants = ((instant - START_AT).total_seconds() for instant in self.judge.next_instants(TIMING))
        return min((at_s for at_s in instants if at_s > now_s), default=now_s + 1) - now_s


@cache
def promos(channel: str, account: str) -> tuple[Delivery, ...]:
    """Give three deliveries, ready to be planned."""
    return tuple(_promos(channel, account))


def _promos(channel: str, account: str) -> Iterator[Delivery]:
    for number in range(DELIVERIES):
        answer_id = AnswerId(f"answer-{number}")
        key = delivery_key("schedules", answer_id, account=account, occasion=ANNOUNCE)
        yield Delivery(
            id=key[:12],
            key=key,
            answer_id=answer_id,
            answer_url="",
            channel=channel,
            account=account,
            occasion=ANNOUNCE,
            state=State.PLANNED,
            payload=Payload(text=WORDS, link=""),
            fragments=(Fragment(text=WORDS, origin=Origin.OWN, start=0, end=len(WORDS)),),
            wording="by hand",
            source_revision="r",
            gate_version="of old",
            planned_at=START_AT,
            due_at=START_AT + timedelta(seconds=number),
        )


def play(plot: Plot, make_ledger: Callable[[], Any] = QuickLedger) -> Line:
    """Play one plot to its end; raises AssertionError, with the plot, when a promise is broken."""
    return _played(Line(plot, make_ledger()))


def _played(line: Line) -> Line:
    try:
        line.live()
    except ViolationError as broken:
        raise AssertionError(f"{broken} in {line.plot}") from None
    return line


def explore(base: Plot, *, crashes_max: int = 2) -> Iterator[Line]:
    """Play a plot without a crash, with every single crash, every pair, and so on; give each line at its end.

    A crash adds runs and so edges: the next one is tried at every edge that the one before it leaves. A line with a
    crash begins where the line without it passes that edge, for a death leaves the record, the network and the time
    as they are; a test plays a sample from the beginning and compares.
    """
    yield from _explored(Line(base, QuickLedger()), crashes_max)


def _explored(line: Line, crashes_max: int) -> Iterator[Line]:
    crashed: list[Line] = []
    if crashes_max:
        line.heard = lambda: crashed.append(line.crashed_here())
    yield _played(line)
    for other in crashed:
        yield from _explored(other, crashes_max - 1)

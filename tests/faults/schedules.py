"""Crash schedules: one worker on the real main path, dying (or stalling) at exactly the edges it is told to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
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
            try:
                for one in promos(self.network):
                    self.desk.ledger.plan(one, actor="test")
                broadcast.release_planned(self.desk)
                broadcast.deliver(self.desk)
            except CrashError:
                self.stage.pause(1)
            else:
                if not self.judge.open_rows():
                    self.judge.ends([self.network])
                    return
            self.stage.pause(self._until_next())
        raise ViolationError(f"I2 not over after {RUNS_MAX} runs")

    def _until_next(self) -> float:
        now_s = self.stage.now_s + self.stage.ahead_s
        instants = ((instant - START_AT).total_seconds() for instant in self.judge.next_instants(TIMING))
        return min((at_s for at_s in instants if at_s > now_s), default=now_s + 1) - now_s


def promos(network: Network) -> Iterator[Delivery]:
    """Give three deliveries, ready to be planned."""
    for number in range(DELIVERIES):
        answer_id = AnswerId(f"answer-{number}")
        key = delivery_key("schedules", answer_id, account=network.account, occasion=ANNOUNCE)
        yield Delivery(
            id=key[:12],
            key=key,
            answer_id=answer_id,
            answer_url="",
            channel=network.name,
            account=network.account,
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
    line = Line(plot, make_ledger())
    try:
        line.live()
    except ViolationError as broken:
        raise AssertionError(f"{broken} in {plot}") from None
    return line


def plots_of(base: Plot) -> Iterator[Plot]:
    """Give the plot without a crash, then those with every single crash and every pair of crashes.

    A crash adds runs and so edges: the second one is tried at every edge that the first one leaves.
    """
    yield base
    first = 0
    edges = play(base).edges
    while first < edges:
        first += 1
        once = replace(base, crashes=frozenset({first}))
        yield once
        for second in range(first + 1, play(once).edges + 1):
            yield replace(base, crashes=frozenset({first, second}))

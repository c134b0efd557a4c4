"""A simulated clinic: real main paths, invented networks with seeded faults, and a judge that watches every step.

`simulate(seed)` plays one world: two workers and a person, interleaved at every port call, some answers, one
network of each guarantee. Requests get lost, are applied late or without an answer; workers crash, stall past
their leases and go by clocks that disagree. The judge reads the networks' own logs and every write of the ledger.

A seed is the whole story: `SIMULATION_SEED=123 pytest tests/faults/test_simulation.py -k one_seed -n 0 -s` tells it
step by step. Whatever a network applies late here stays within what ADR 4 promises for; `late_by_s` goes beyond.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

import pytest

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import Gate, examine_payload
from clinic_broadcast.core.material import KnownAnswer, Material, Taint
from clinic_broadcast.core.promo import ANNOUNCE, Fragment, Origin, Payload, delivery_key
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Guarantee
from clinic_broadcast.run import broadcast, review
from clinic_broadcast.run.desk import Desk
from desks import TIMING, desk
from fakes import START_AT
from faults.judge import Judge
from faults.simledger import QuickLedger, WatchedLedger
from faults.simnet import CALM, FATES, Fate, Network, SimChannel, draw_fate
from faults.stage import Actor, CrashError, Stage, StageClock, ViolationError

FAULTY_S: Final = 2400.0
"""For so long things go wrong; afterwards all is calm and every delivery must come to its end."""

WORDS: Final = "A new answer is out."
STAINED: Final = "Thank you, Ingrid."
"""Words that the gate holds, and a person may approve."""

DECIDABLE: Final = (State.HELD, State.PLANNED, State.SENDING, State.UNSURE)
"""Where a person may have something to say, rightly or not."""

SKEW_MAX_S: Final = 2.0
STALLS_S: Final = (5.0, 40.0, 100.0, 158.0, 165.0, 182.0, 275.0, 700.0)
"""How long a worker may be stopped: shorter than its deadline, just before and after it, past lease and look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dangers:
    """How often what goes wrong, per port call or per request; `late_by_s` breaks the promise of ADR 4 on purpose."""

    crash: float = 0.012
    stall: float = 0.02
    stalls_s: Sequence[float] = STALLS_S
    locked: float = 0.006
    late_by_s: float = 0.0
    checks_deadline: bool = True
    jump: float = 0.0
    jumps_s: Sequence[float] = (0.0, 0.0, 60.0, -60.0, 3600.0, -3600.0)
    fates: Mapping[str, int] = field(default_factory=lambda: FATES)


@dataclass
class World:
    """All there is in one play; `told` is what happened, if it is to be told."""

    seed: int
    dangers: Dangers
    ledger: Any
    tell: bool = False
    answers: int = 5
    stage: Stage = field(default_factory=Stage)
    judge: Judge = field(default_factory=Judge)
    networks: list[Network] = field(default_factory=list[Network])
    coming: list[Delivery] = field(default_factory=list[Delivery])
    told: list[str] = field(default_factory=list[str])
    requests: int = 0
    is_deciding: bool = False
    changes_s: dict[AnswerId, float] = field(default_factory=dict[AnswerId, float])

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.networks = [Network(self, guarantee) for guarantee in Guarantee]
        for number in range(self.answers):
            appears_s = self.rng.uniform(0, FAULTY_S / 2)
            if self.rng.random() < 0.06:
                # Its author mends a word at some time; most often nothing is left to be sent by then.
                self.changes_s[answer_id_of(number)] = appears_s + self.rng.uniform(0, 300)
            for network in self.networks:
                self.coming.append(self._promo(number, network, appears_s))
        self.judge.sees = self.say
        self.judge.stained = is_stained

    @property
    def is_calm(self) -> bool:
        return self.stage.now_s > FAULTY_S

    @property
    def locks(self) -> float:
        return 0.0 if self.is_calm else self.dangers.locked

    def say(self, *words: object) -> None:
        """Tell what happens, in the words of the story."""
        if self.tell:
            who = self.stage.playing
            line = " ".join(map(str, words))
            self.told.append(f"{self.stage.now_s:9.2f} {who.name if who else '-':6} {line}")

    def edge(self) -> None:
        """Pass one edge of a port call: others may go on here, and here one stalls or dies."""
        rng, stage = self.rng, self.stage
        stage.pause(rng.random() * 0.05)
        if stage.now_s > FAULTY_S:
            stage.ahead_s = 0.0
            return
        roll = rng.random()
        if roll < self.dangers.crash:
            self.say("crashes")
            raise CrashError
        if self.dangers.jump and rng.random() < self.dangers.jump:
            stage.ahead_s = rng.choice(self.dangers.jumps_s)
            self.say(f"the clock is {stage.ahead_s} s ahead now")
        if roll < self.dangers.crash + self.dangers.stall:
            stall_s = rng.choice(self.dangers.stalls_s) + rng.random() * 4
            self.say(f"stalls for {stall_s:.1f} s")
            stage.pause(stall_s)

    def fate(self, network: Network) -> Fate:
        """Draw what becomes of a request."""
        self.requests += 1
        if self.is_calm:
            return CALM
        return draw_fate(self.rng, network, self.dangers.fates, late_by_s=self.dangers.late_by_s)

    def known(self, answer_id: AnswerId) -> KnownAnswer | None:
        """Give an answer that somebody changes at some time; the others are not in the ledger."""
        changes_s = self.changes_s.get(answer_id)
        if changes_s is None:
            return None
        return known_answer(answer_id, "first" if self.stage.now_s < changes_s else "second")

    def _promo(self, number: int, network: Network, appears_s: float) -> Delivery:
        answer_id = answer_id_of(number)
        key = delivery_key(f"sim-{self.seed}", answer_id, account=network.account, occasion=ANNOUNCE)
        text = STAINED if self.rng.random() < 0.08 else WORDS
        # An older gate found nothing there, or planning went wrong and let it through in spite of its findings.
        findings = _findings(text) if self.rng.random() < 0.5 else ()
        is_held = self.rng.random() < 0.2
        appears_at = START_AT + timedelta(seconds=appears_s)
        return Delivery(
            id=key[:12],
            key=key,
            answer_id=answer_id,
            answer_url="",
            channel=network.name,
            account=network.account,
            occasion=ANNOUNCE,
            state=State.HELD if is_held else State.PLANNED,
            payload=Payload(text=text, link=""),
            fragments=(Fragment(text=text, origin=Origin.OWN, start=0, end=len(text)),),
            wording="by hand",
            source_revision="first",
            gate_version="of old",
            planned_at=appears_at,
            due_at=appears_at,
            why=("review: a person approves it",) if is_held else (),
            findings=findings,
        )

    def is_over(self) -> bool:
        """Say whether all has come and nothing is left that a clock or a worker must still do."""
        if not self.is_calm or self.is_deciding or len(self.judge.rows) < len(self.coming):
            return False
        return not self.judge.open_rows()

    # Actors

    def work(self, actor: Actor) -> None:
        """Be a worker: plan what came, let go, deliver; after a crash begin again knowing nothing."""
        at = self.desk_of(actor)
        while not self.is_over():
            try:
                self._tick(at)
            except CrashError:
                self.stage.pause(self.rng.uniform(1, 200))
            except LedgerError:
                self.say("the ledger is locked")
                self.stage.pause(self.rng.uniform(1, 30))
            self.stage.pause(self._until_next())

    def _tick(self, at: Desk) -> None:
        for one in self.coming:
            if one.planned_at <= at.clock.now() and one.key not in self.judge.rows:
                # The other worker may see the same: only the ledger keeps the two apart.
                at.ledger.plan(one, actor=at.actor)
        if self.is_calm or self.rng.random() < 0.6:
            broadcast.release_planned(at)
        broadcast.deliver(at)

    def _until_next(self) -> float:
        """Give the seconds until something may be due: what the daemon finds by asking every second."""
        now_s = self.stage.now_s
        next_s = now_s + 300.0
        for instant in self.judge.next_instants(TIMING):
            at_s = (instant - START_AT).total_seconds()
            if now_s < at_s < next_s:
                next_s = at_s
        for one in self.coming:
            at_s = (one.planned_at - START_AT).total_seconds()
            if now_s < at_s < next_s:
                next_s = at_s
        return next_s - now_s + self.rng.expovariate(0.2)

    def decide(self, actor: Actor) -> None:
        """Be a person: approve, hold, edit, settle doubts truthfully, and mend tokens."""
        at = self.desk_of(actor)
        while not self.is_over():
            self.stage.pause(self.rng.expovariate(1 / 90) if not self.is_calm else 400.0)
            for network in self.networks:
                if not network.is_welcome and (self.is_calm or self.rng.random() < 0.4):
                    self.say("mends the token of", network.name)
                    network.is_welcome = True
            if self.is_over():
                return
            # Nobody goes home while a person is in the middle of a word.
            self.is_deciding = True
            try:
                self._decide_one(at)
            except (CrashError, LedgerError):
                self.stage.pause(60)
            self.is_deciding = False

    def _decide_one(self, at: Desk) -> None:
        rows = [row for row in self.judge.rows.values() if row.state in DECIDABLE]
        if not rows:
            return
        row = self.rng.choice(rows)
        roll = self.rng.random()
        if row.state is State.UNSURE:
            self._settle(at, row)
        elif row.state is State.SENDING:
            # Nobody can know yet, so the desk must refuse to hear it.
            review.resolve(at, row.id, sent_url=None, by="Pat")
        elif row.state is State.HELD and roll < 0.8:
            review.approve(at, row.id, by="Pat")
        elif roll < 0.12 and not self.is_calm:
            review.edit(at, row.id, text=f"{WORDS} Read it.", by="Pat")
        elif roll < 0.2 and not self.is_calm:
            review.hold(at, row.id, why="wait", by="Pat")

    def _settle(self, at: Desk, row: Delivery) -> None:
        # A person looks with their own eyes, and not before everything has long come to rest.
        rests = row.claimed_at is not None and at.clock.now() - row.claimed_at > timedelta(seconds=600)
        network = next(one for one in self.networks if one.name == row.channel)
        if row.needs_person and rests and not network.is_busy_with(row.key):
            is_public = bool(network.copies(row.key))
            review.resolve(at, row.id, sent_url="https://seen.example/1" if is_public else None, by="Pat")

    def desk_of(self, actor: Actor) -> Desk:
        """Give an actor's own desk: its clock, and the ledger and the channels as it reaches them."""
        clock = StageClock(self.stage, actor.skew_s)
        checks = self.dangers.checks_deadline
        channels = [SimChannel(network, clock, checks_deadline=checks) for network in self.networks]
        return replace(
            template(),
            channels={channel.name: channel for channel in channels},
            ledger=WatchedLedger(self),
            clock=clock,
            actor=actor.name,
        )


@cache
def template() -> Desk:
    """Give a desk with the real gate, to be copied: a gate takes ten milliseconds to make."""
    return desk(MemoryLedger("template"), [])


@cache
def _findings(text: str) -> tuple[Finding, ...]:
    fragments = (Fragment(text=text, origin=Origin.OWN, start=0, end=len(text)),)
    return examine_payload(template().gate, Payload(text=text, link=""), fragments, None)


def is_stained(text: str) -> bool:
    """Say whether the gate lets nobody but a person send this text."""
    return any(one.severity is not Severity.NOTE for one in _findings(text))


def _examined(
    _gate: Gate, payload: Payload, _fragments: tuple[Fragment, ...], _material: Material | None
) -> tuple[Finding, ...]:
    return _findings(payload.text)


def answer_id_of(number: int) -> AnswerId:
    """Give the id of the world's n-th answer."""
    return AnswerId(f"answer-{number}")


@cache
def known_answer(answer_id: AnswerId, revision: str) -> KnownAnswer:
    """Give a revision of an answer; its words do not matter here."""
    material = Material(
        answer_id=answer_id,
        url="",
        title="",
        body="",
        revision=revision,
        taint=Taint(key=b"", tokens=frozenset(), names=frozenset()),
        findings=(),
        gate_version="",
    )
    return KnownAnswer(
        material=material,
        standing=Standing.FRESH,
        source="sim",
        published_at=START_AT,
        updated_at=START_AT,
        first_seen_at=START_AT,
    )


@contextmanager
def read_once() -> Generator[None]:
    """Let the real gate read each text of the play once, not a hundred thousand times: it is a pure function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broadcast, "examine_once", _examined)
        patch.setattr(review, "examine_once", _examined)
        yield


def simulate(
    seed: int,
    *,
    dangers: Dangers | None = None,
    make_ledger: Callable[[], Any] = QuickLedger,
    tell: bool = False,
    audits: bool = False,
) -> World:
    """Play the world of a seed to its end; raises ViolationError with the seed when a promise was broken.

    Use it inside `read_once`. With `audits` the history is verified at the end.
    """
    world = World(seed=seed, dangers=dangers or Dangers(), ledger=make_ledger(), tell=tell)
    cast: tuple[tuple[str, Callable[[Actor], None]], ...] = (
        ("one", world.work),
        ("two", world.work),
        ("Pat", world.decide),
    )
    for name, body in cast:
        skew_s = world.rng.uniform(-SKEW_MAX_S, SKEW_MAX_S)
        world.stage.actors.append(Actor(name, body, wake_s=world.rng.random() * 20, skew_s=skew_s))
    try:
        world.stage.play()
        world.judge.ends(world.networks)
        if audits:
            world.judge.expects(verify(world.ledger) == [], "the history does not verify")
    except ViolationError as broken:
        if tell:
            print("\n".join(world.told))  # noqa: T201 - The story of a seed is asked for.
        raise AssertionError(f"SIMULATION_SEED={seed}: {broken}") from None
    return world

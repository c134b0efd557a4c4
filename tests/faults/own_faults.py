"""The fault matrix, our own side: a process that dies, a record that is locked, full, shared or put back.

Every cell begins with one delivery that is planned, approved and let go, in a real SQLite record with its witness,
before a network that takes doubles where it can. Its faults are real: kill -9, another program's lock, SQLite's own
limit of pages, the kernel's limit of a file's size.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import event
from sqlalchemy.pool import Pool

from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.backup import backup
from clinic_broadcast.ledger.migrate import ensure
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.reconcile import notice, remembered
from faults.cell_worker import ANSWERED, Death, Station, deliver_until_death
from faults.forks import dies
from faults.matrix import (
    HIDING_NOTHING,
    KINDS,
    TIMING,
    Cell,
    SteppedClock,
    clock_for,
    copies_of,
    plan_answers,
    settle,
    wait_until_idle,
)
from faults.restored import by_command, by_hand
from tripwire import Tripwire

PAGE_BYTES: Final = 512
"""Pages so small that no line of history fits into what is left of one."""

EDGES: Final = 6
"""Claim, send and record, each counted before and after; and as many for looking, look, looked."""

CLAIM, SEND = 1, 3
"""The edges before the claim and before the request."""

AFTER_LEASE_S: Final = (TIMING.lease + TIMING.settle).total_seconds() + 1
AFTER_RESTORE_S: Final = (TIMING.lease + 2 * TIMING.settle).total_seconds() + 1

Happening: TypeAlias = Callable[[], object]
Spoil: TypeAlias = "Callable[[Site], AbstractContextManager[Happening]]"


class Crossing(Tripwire):
    """A tripwire at whose edges something else happens than a death."""

    def __init__(self, happenings: Mapping[int, Happening]) -> None:
        super().__init__()
        self._happenings = happenings

    def touch(self) -> None:
        self.edges += 1
        if happens := self._happenings.get(self.edges):
            happens()


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the cells of one kind are played: a network, a home, and a copy of it as it was before the send."""

    networks: Networks
    kind: str
    folder: Path
    clock: SteppedClock

    @property
    def station(self) -> Station:
        return Station(home=self.folder / "home", kind=self.kind, address=self.networks.url_for(self.kind))

    # What `restored` must know to put a copy of the record back.

    @property
    def file(self) -> Path:
        return self.station.file

    @property
    def url(self) -> str:
        return self.station.url

    def start_again(self) -> None:
        """Let the network and the home forget all that came after the plan."""
        self.networks.reset()
        if self.kind in HIDING_NOTHING:
            self.networks.set(self.kind, **HIDING_NOTHING[self.kind])
        self.clock.come_back()
        self.put_back("planned")

    def keep(self, name: str) -> None:
        """Copy the home under a name."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(self.station.home, self.folder / name)

    def put_back(self, name: str) -> None:
        """Put the home back as it was when it was copied under that name."""
        shutil.rmtree(self.station.home)
        shutil.copytree(self.folder / name, self.station.home)

    def deliver(self, happenings: Mapping[int, Happening]) -> int:
        """Deliver once, with what happens at its edges; give how many edges there were."""
        wire = Crossing(happenings)
        with self.station.worker(self.clock, wire) as at:
            deliver(at)
        return wire.edges

    def dies(self, death: Death) -> bool:
        """Deliver once in a process of its own; say whether it was killed."""
        return dies(deliver_until_death, self.station, self.clock.ahead_s, death)

    def finish(self) -> Cell:
        """Let a new worker go on until nothing but a person could change anything, and tell what then is."""
        with self.station.worker(self.clock) as at:
            settle(at, self.clock, lambda: wait_until_idle(self.networks))
            (delivery,) = at.ledger.deliveries()
            assert isinstance(at.ledger, SqlLedger)
            assert verify(at.ledger) == []
        return Cell(
            copies=copies_of(self.networks, self.kind, self.station.home),
            state=delivery.state,
            asks_person=bool(delivery.needs_person),
            requests=len(self.networks.calls(self.kind, "POST")),
        )


def make_site(networks: Networks, kind: str, folder: Path, *, count: int = 1) -> Site:
    """Make a home with so many deliveries of that kind, planned, approved and let go."""
    networks.reset()
    site = Site(networks=networks, kind=kind, folder=folder, clock=clock_for(networks, kind))
    site.file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(site.file)) as fresh:
        fresh.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        fresh.execute("VACUUM")
    ensure(site.url)
    with site.station.worker(site.clock) as at:
        assert at.witness is not None
        at.witness.renew(lambda seen: remembered(at.ledger, seen))
        plan_answers(at, count)
        assert release_planned(at) == count
    site.keep("planned")
    return site


# Deaths


def die_at_each_edge(site: Site) -> Iterator[Cell]:
    """Kill a worker at each edge of claim, send and record."""
    for edge in range(1, EDGES + 1):
        site.start_again()
        assert site.dies(Death(edge=edge)), "a worker that is to die lives on"
        yield site.finish()
    site.start_again()
    assert not site.dies(Death(edge=EDGES + 1)), "a delivery has more edges than are tried"


def die_again_in_the_look(site: Site) -> Iterator[Cell]:
    """Kill a worker after the answer, and another at each edge of the look that follows."""
    site.start_again()
    assert site.dies(Death(edge=ANSWERED))
    site.keep("in doubt")
    for edge in range(1, EDGES + 1):
        site.put_back("in doubt")
        site.clock.come_back()
        site.clock.sleep(AFTER_LEASE_S)
        assert site.dies(Death(edge=edge)), "a worker that is to die in its look lives on"
        yield site.finish()


def die_by_the_network(site: Site, *, mode: str) -> Iterator[Cell]:
    """Let the far side kill its caller."""
    site.start_again()
    if site.kind == "folder":
        death = Death(before_link=mode == "kill_before", after_link=mode == "kill_after")
    else:
        death = Death(pid_file=site.station.home / "pid")
        site.networks.fault(site.kind, mode, path=KINDS[site.kind], pid_file=str(death.pid_file))
    assert site.dies(death), "a worker that is to die lives on"
    yield site.finish()


# The record and the disk


@contextmanager
def locked(site: Site) -> Generator[Happening]:
    """Give what lets another program lock the record; it lets go at the end."""
    with closing(sqlite3.connect(site.file, isolation_level=None)) as other:
        yield partial(other.execute, "BEGIN IMMEDIATE")


@contextmanager
def full(_site: Site) -> Generator[Happening]:
    """Give what lets the record's file have no room to grow; it has again at the end."""
    limits: list[str] = []

    def limit(connection: sqlite3.Connection, *_: Any) -> None:
        for statement in limits:
            connection.execute(statement)

    event.listen(Pool, "checkout", limit)
    try:
        # It cannot go below the pages that there are, so this means: not one more.
        yield partial(limits.append, "PRAGMA max_page_count = 1")
    finally:
        event.remove(Pool, "checkout", limit)


def refuse_the_record(site: Site, *, spoil: Spoil, edge: int) -> Iterator[Cell]:
    """Let the record take nothing from that edge on, until its worker has given up."""
    site.start_again()
    refused = ""
    with spoil(site) as happens:
        try:
            site.deliver({edge: happens})
        except LedgerError as error:
            refused = str(error)
    assert refused, "the record took what it was to refuse"
    yield site.finish()


def refuse_the_files(site: Site) -> Iterator[Cell]:
    """Let no file grow while the channel is at work: what it keeps, or publishes, in files has no room."""
    site.start_again()
    now, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE)
    try:
        site.deliver({SEND: lambda: limit((0, most)), ANSWERED: lambda: limit((now, most))})
    finally:
        limit((now, most))
    yield site.finish()


# Workers


def share_with_a_second_worker(site: Site) -> Iterator[Cell]:
    """Let a second worker deliver while the first stands at each of its edges."""

    def second() -> None:
        with site.station.worker(site.clock) as other:
            deliver(other)

    for edge in range(1, EDGES + 1):
        site.start_again()
        site.deliver({edge: second})
        yield site.finish()


def sleep_past_the_lease(site: Site, *, edge: int) -> Iterator[Cell]:
    """Let a worker sleep at that edge until another has taken its delivery over and brought it to its end."""

    def oversleep() -> None:
        site.clock.sleep(AFTER_LEASE_S)
        site.finish()

    site.start_again()
    site.deliver({edge: oversleep})
    yield site.finish()


def put_the_record_back(site: Site, *, way: Callable[[Site, Path], None]) -> Iterator[Cell]:
    """Copy the record before the send, and put the copy back after it."""
    site.start_again()
    copy = site.folder / "copy.db"
    copy.unlink(missing_ok=True)
    backup(site.url, copy)
    site.deliver({})
    way(site, copy)
    with site.station.worker(site.clock) as at:
        assert notice(at), "an old copy is taken for the record"
    site.clock.sleep(AFTER_RESTORE_S)
    yield site.finish()


def go_by_a_wrong_clock(site: Site, *, before_s: float, after_s: float) -> Iterator[Cell]:
    """Kill a worker after the answer; its clock is wrong by so much, and those of the workers after it by so much."""
    site.start_again()
    assert site.dies(Death(edge=ANSWERED, clock_wrong_s=before_s)), "a worker that is to die lives on"
    site.clock.wrong_s = after_s
    yield site.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """One fault of ours: how it is played, and why a kind has no such fault."""

    name: str
    play: Callable[[Site], Iterator[Cell]]
    why_not: Mapping[str, str] = field(default_factory=dict[str, str])


OWN_ROWS: Final = (
    OwnRow(name="kill -9 at each edge of claim, send and record", play=die_at_each_edge),
    OwnRow(name="kill -9 once more, at each edge of the look", play=die_again_in_the_look),
    OwnRow(name="kill -9 just before it is accepted", play=partial(die_by_the_network, mode="kill_before")),
    OwnRow(name="kill -9 just after it was accepted", play=partial(die_by_the_network, mode="kill_after")),
    OwnRow(
        name="kill -9 just after the answer",
        play=partial(die_by_the_network, mode="kill_answered"),
        why_not={"folder": "nothing answers"},
    ),
    OwnRow(
        name="the record is locked before the claim",
        play=partial(refuse_the_record, spoil=locked, edge=CLAIM),
    ),
    OwnRow(
        name="the record is locked after the answer",
        play=partial(refuse_the_record, spoil=locked, edge=ANSWERED),
    ),
    OwnRow(name="the disk is full before the claim", play=partial(refuse_the_record, spoil=full, edge=CLAIM)),
    OwnRow(
        name="the disk is full after the answer",
        play=partial(refuse_the_record, spoil=full, edge=ANSWERED),
    ),
    OwnRow(name="the disk is full while the channel works", play=refuse_the_files),
    OwnRow(name="a second worker at each edge of the first", play=share_with_a_second_worker),
    OwnRow(
        name="the lease runs out before the request leaves", play=partial(sleep_past_the_lease, edge=SEND)
    ),
    OwnRow(name="the lease runs out after the answer", play=partial(sleep_past_the_lease, edge=ANSWERED)),
    OwnRow(
        name="the record is put back by `restore` from before the send",
        play=partial(put_the_record_back, way=by_command),
    ),
    OwnRow(
        name="the record is put back by hand from before the send",
        play=partial(put_the_record_back, way=by_hand),
    ),
    OwnRow(
        name="kill -9 after the answer, our clock half an hour ahead",
        play=partial(go_by_a_wrong_clock, before_s=1800.0, after_s=1800.0),
    ),
    OwnRow(
        name="kill -9 after the answer, and our clock is set back by half an hour",
        play=partial(go_by_a_wrong_clock, before_s=0.0, after_s=-1800.0),
    ),
)

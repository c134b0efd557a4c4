"""Mutations of the guards around a process: clocks that jump, a SIGTERM, several programs at once, leases.

Each comes with the trial that is to miss it: a cell of the fault matrix with the real channel, a test of another
suite as it stands, or a real daemon in a process of its own that is told to stop.
"""

# ruff: noqa: SLF001 - A guard may well be private to its module.

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from clinic_broadcast.channels import http, x
from clinic_broadcast.cli import daemon
from clinic_broadcast.core.delivery import State
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.engine import local
from clinic_broadcast.engine.lock import hold_home
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ledger import slots, store
from clinic_broadcast.run import broadcast
from contract.ledgers import LEDGERS, START
from e2e.networked import deliveries, let_go_of_new_answers, make_networked
from faults.forks import FORKS, start_fork_server
from faults.mutants import Mutant, living
from faults.own_faults import OWN_ROWS, make_site
from unit import test_engine as engine_tests

SLOW_S: Final = 1.0
PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A guard, how it is taken away, and the trial in which that must show."""

    mutant: Mutant
    trial: Callable[[Networks, Path], object]


def play_cell(networks: Networks, folder: Path, *, kind: str, row: str) -> None:
    """Run one row of the matrix on one kind of channel: public once each time, and nobody is asked."""
    (found,) = [one for one in OWN_ROWS if one.name == row]
    for cell in found.play(make_site(networks, kind, folder)):
        assert (cell.copies, cell.state, cell.asks_person) == (1, State.SENT, False)


def set_the_clock_back(_networks: Networks, _folder: Path) -> None:
    """Let the wall clock of a heart that beats be set back by an hour; it must beat on."""
    made: list[engine_tests.Running] = []

    def start(engine: local.Engine, *ticks: local.Tick) -> engine_tests.Running:
        made.append(engine_tests.Running(engine, *ticks))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        # A heart with its guard is rung at the next watch: more than two of them must pass without.
        patch.setattr(engine_tests, "PATIENCE_S", 2.5 * local.WATCH_EVERY_S)
        try:
            engine_tests.test_a_clock_set_back_by_an_hour_does_not_silence_the_ticks(start)
        finally:
            for one in made:
                one.end()


def take_a_slot_again(_networks: Networks, folder: Path) -> None:
    """Let a schedule come to a slot once more that it has run, because the clock was set back."""
    place = LEDGERS["sqlite"](folder)
    ledger = place.open()
    assert ledger.take_slot("announce", START, at=START)
    assert not ledger.take_slot("announce", START - timedelta(hours=1), at=START)
    place.close()


def hold_a_home_twice(_networks: Networks, folder: Path) -> None:
    """Begin a second daemon in a home."""
    with hold_home(folder / "daemon.lock"), pytest.raises(UsageError), hold_home(folder / "daemon.lock"):
        pass


IN_THIS_PROCESS: Final = (
    # Clocks that jump.
    Guard(
        mutant=Mutant(name="a look trusts our clock to the second", where=(x, "LOOK_BACK"), new=timedelta(0)),
        trial=partial(play_cell, kind="x", row="kill -9 after the answer, our clock half an hour ahead"),
    ),
    Guard(
        mutant=Mutant(
            name="nobody rings a heart whose clock was set back",
            where=local.Engine._watch,
            old="if is_late or self._due_in_s(pulse) <= 0:",
            new="if False:",
        ),
        trial=set_the_clock_back,
    ),
    Guard(
        mutant=Mutant(
            name="an earlier slot is taken after a later one",
            where=slots.take_slot,
            old="schedule_run.c.slot_at < first.excluded.slot_at",
            new="schedule_run.c.slot_at != first.excluded.slot_at",
        ),
        trial=take_a_slot_again,
    ),
    # Several programs at once.
    Guard(
        mutant=Mutant(
            name="a send although another program has the claim",
            where=broadcast.send,
            old='if not desk.ledger.move(delivery, claimed, kind="claimed", actor=desk.actor, at=now):\n'
            "        return None",
            new='desk.ledger.move(delivery, claimed, kind="claimed", actor=desk.actor, at=now)',
        ),
        trial=partial(play_cell, kind="x", row="a second worker at each edge of the first"),
    ),
    Guard(
        mutant=Mutant(
            name="a database that compares neither state nor fence", where=(store, "_MOVE"), new=store._PLACE
        ),
        trial=partial(play_cell, kind="facebook", row="a second worker at each edge of the first"),
    ),
    Guard(
        mutant=Mutant(name="two daemons share a home", where=(fcntl, "LOCK_EX"), new=fcntl.LOCK_SH),
        trial=hold_a_home_twice,
    ),
    # Leases.
    Guard(
        mutant=Mutant(
            name="a request leaves after its deadline",
            where=http.Trip.leave,
            old="if self.was_cut or not self.may_leave():",
            new="if self.was_cut:",
        ),
        trial=partial(play_cell, kind="facebook", row="the lease runs out before the request leaves"),
    ),
)

OF_THE_DAEMON: Final[Mapping[str, Mutant]] = {
    one.name: one
    for one in (
        Mutant(name="nobody hears a SIGTERM", where=(signal, "signal"), new=lambda *_: None),
        Mutant(
            name="the daemon waits for no send",
            where=daemon._finish,
            old="running.future.result(timeout=max(0.0, ends_at - time.monotonic()))",
            new="running.future.result(timeout=0.0)",
        ),
        Mutant(
            name="the daemon leaves at once",
            where=daemon.run_daemon,
            old="unfinished = (*ended.unfinished, *_finish(daemon, stop_within_s))",
            new='unfinished = ("everything",)',
        ),
    )
}


def stop_with_a_send_in_hand(networks: Networks, folder: Path, mutant: str = "") -> tuple[int | None, State]:
    """Tell a daemon to stop while X has its request; give its exit code, and what the record says of the request."""
    clinic = make_networked(networks, folder)
    let_go_of_new_answers(clinic, 1)
    networks.fault("x", "late", seconds=SLOW_S)
    start_fork_server()
    child = FORKS.Process(target=_run_daemon, args=(clinic.home, clinic.environ, mutant))
    child.start()
    try:
        ends_s = time.monotonic() + PATIENCE_S
        while not networks.calls("x", "POST"):
            assert time.monotonic() < ends_s, "the daemon sends nothing"
            time.sleep(0.05)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGTERM)
        child.join(PATIENCE_S)
    finally:
        child.kill()
        child.join()
    (state,) = [one.state for one in deliveries(clinic) if one.channel == "x"]
    return child.exitcode, state


def _run_daemon(home: Path, environ: Mapping[str, str], mutant: str) -> None:
    """Be the daemon of a home, with one of its guards taken away if it is named."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.environ.update(environ)
    with living(OF_THE_DAEMON[mutant]) if mutant else nullcontext():
        raise SystemExit(daemon.run_daemon(home, os.environ))

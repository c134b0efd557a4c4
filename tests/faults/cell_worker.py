"""A worker before one delivery of the fault matrix, in a process of its own where it is to be killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from clinic_broadcast.ledger.database import sqlite_url
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ledger.witness import WitnessFile
from clinic_broadcast.run.broadcast import deliver
from clinic_broadcast.run.desk import Desk
from faults.matrix import CLINIC, SteppedClock, desk_for, open_kind
from tripwire import Tripwire

ANSWERED: Final = 4
"""The edge behind the network's answer and before the outcome is recorded."""

DEATH_WAIT_S: Final = 5.0
"""Longer than any signal takes; a worker that nobody kills goes on, and its test says so."""

IMPATIENT_S: Final = 0.05
"""So long a worker waits for another program's lock; a clinic's waits longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Where a worker stands: a home, and the address of the far side."""

    home: Path
    kind: str
    address: str

    @property
    def file(self) -> Path:
        return self.home / "state" / "ledger.db"

    @property
    def url(self) -> str:
        return sqlite_url(self.file)

    @property
    def witness(self) -> Path:
        return self.file.with_name("witness.json")

    @contextmanager
    def worker(self, clock: SteppedClock, wire: Tripwire | None = None) -> Generator[Desk]:
        """Give a worker of its own, with its own connection to the record; `wire` lies around its ports."""
        ledger = SqlLedger(self.url, clinic=CLINIC, busy_timeout_s=IMPATIENT_S)
        channel = open_kind(self.kind, self.address, self.home, clock)
        at = replace(desk_for(channel, clock, ledger), witness=WitnessFile(self.witness))
        if wire is not None:
            wired = {self.kind: wire.around(channel, "send", "look")}
            at = replace(at, ledger=wire.around(ledger, "move"), channels=wired)
        try:
            yield at
        finally:
            ledger.close()


class Lingering(Tripwire):
    """A tripwire at which the worker waits when the network has answered, for the death that is on its way."""

    def touch(self) -> None:
        super().touch()
        if self.edges == ANSWERED:
            # A signal takes a moment to arrive, and the outcome could be on record before.
            time.sleep(DEATH_WAIT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Where a worker dies: at an edge of its ports, by a network that reads its number, or around a folder's link.

    Its clock may be wrong by `clock_wrong_s` until then.
    """

    edge: int = 0
    pid_file: Path | None = None
    clock_wrong_s: float = 0.0
    before_link: bool = False
    after_link: bool = False


def deliver_until_death(station: Station, ahead_s: float, death: Death) -> None:
    """Deliver once, with a clock that is so far ahead, and die as by kill -9 on the way."""
    if death.pid_file is not None:
        death.pid_file.write_text(str(os.getpid()))
    os.link = _deadly(os.link, death)
    clock = SteppedClock()
    clock.sleep(ahead_s)
    clock.wrong_s = death.clock_wrong_s
    wire = Tripwire(death.edge) if death.pid_file is None else Lingering()
    with station.worker(clock, wire) as at:
        deliver(at)


def _deadly(link: Callable[..., None], death: Death) -> Callable[..., None]:
    """Give the call that makes a file of a folder visible, with a death before or after it."""

    def deadly(*paths: Path) -> None:
        if death.before_link:
            os.kill(os.getpid(), signal.SIGKILL)
        link(*paths)
        if death.after_link:
            os.kill(os.getpid(), signal.SIGKILL)

    return deadly

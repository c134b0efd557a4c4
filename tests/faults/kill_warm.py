"""Loads all that a worker needs in the server that forks workers, so that a death costs milliseconds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver
from contract import ledgers
from faults import kill_child
from faults.cell_worker import Station
from faults.kill_lane import CLINIC, open_desk, plan_deliveries
from faults.matrix import KINDS, SteppedClock

NOBODY: str = "http://127.0.0.1:9"
"""Nobody listens there: every call ends at once, and the drivers are loaded all the same."""
LOADED = (psycopg, ledgers, kill_child)

with tempfile.TemporaryDirectory() as _folder:
    _ledger = MemoryLedger(CLINIC)
    plan_deliveries(_ledger, NOBODY, Path(_folder), answers=1)
    deliver(open_desk(_ledger, NOBODY, Path(_folder)))
    for _kind in KINDS:
        with Station(home=Path(_folder), kind=_kind, address=NOBODY).worker(SteppedClock()):
            pass

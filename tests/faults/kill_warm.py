"""Runs the kill lane's whole path once in the server that forks its workers, so that a death costs milliseconds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver
from faults.kill_lane import CLINIC, open_desk, plan_deliveries

NOBODY: str = "http://127.0.0.1:9"
"""Nobody listens there: every call ends at once, and the drivers are loaded all the same."""
DRIVER = psycopg.__name__

with tempfile.TemporaryDirectory() as _folder:
    _ledger = MemoryLedger(CLINIC)
    plan_deliveries(_ledger, NOBODY, Path(_folder), answers=1)
    deliver(open_desk(_ledger, NOBODY, Path(_folder)))

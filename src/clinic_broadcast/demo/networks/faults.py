"""What can go wrong between a client and a network: fault plans, and which call each one hits."""

import json
import os
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from clinic_broadcast.demo.networks.accounts import DEFAULTS
from clinic_broadcast.demo.networks.messages import Json
from clinic_broadcast.demo.networks.store import Store

Mode: TypeAlias = Literal[
    "drop_before",  # Close without applying.
    "drop_after",  # Apply, close unanswered.
    "late",  # Wait `seconds`, then apply although the client may have hung up, then answer.
    "hang",  # Apply, never answer; the connection closes after `seconds`.
    "cut",  # Apply, send half of the body, close.
    "lie500",  # Apply, answer 500.
    "500",  # These four do not apply.
    "502",
    "503",
    "504",
    "429",  # Too fast, with the network's own headers; free again after `seconds`.
    "429_bare",  # Too fast, without a hint.
    "usage_capped",  # X only: the month's cap is reached.
    "wrong_json",  # Apply, answer success with an HTML body.
    "redirect307",  # Do not apply; send the client to the same address again.
    "duplicate403",  # X only: refuse as a duplicate, naming no twin.
    "token_dead",  # The token has ended.
    "kill_before",  # SIGKILL the caller, do not apply.
    "kill_after",  # Apply, SIGKILL the caller, do not answer.
    "kill_answered",  # Apply, answer, SIGKILL the caller.
]
MODES: Final[tuple[str, ...]] = get_args(Mode)
HANG_S: Final = 30.0
WAIT_S: Final[Mapping[str, float]] = {"late": 2.0, "hang": HANG_S, "429": 60.0, "429_bare": 60.0}
SECONDS_MAX: Final = 600.0
# Every later call too: a plan without an end is written as a count that no test reaches.
ALWAYS: Final = 10**9
_KEYS: Final = frozenset(
    ("network", "method", "path", "nth", "count", "mode", "seconds", "pid", "pid_file", "reset")
)
_DEATH_WAIT_S: Final = 2.0


class PlanError(ValueError):
    """A fault plan asks for something that does not exist; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One plan: the calls it fits, which of them it hits, and what happens to those."""

    network: str
    mode: Mode
    method: str = ""
    path: str = ""
    first: int = 1
    count: int = 1
    seconds: float = 0.0
    pid: int = 0
    pid_file: str = ""
    reset: bool = False
    """Close with a TCP reset instead of an orderly end."""

    def fits(self, network: str, method: str, path: str) -> bool:
        """Say whether the plan is about such calls; a path is an ending or a regular expression."""
        return (
            self.network in ("*", network)
            and self.method in ("", method)
            and (not self.path or path.endswith(self.path) or re.fullmatch(self.path, path) is not None)
        )

    def hits(self, seen: int) -> bool:
        """Say whether the `seen`-th fitting call, counted from 1, is one to spoil."""
        return self.first <= seen < self.first + self.count


def parse_plan(found: Json) -> Fault:
    """Return the fault of one JSON plan.

    Raises:
        PlanError: a key, network, mode or number is wrong.
    """
    if unknown := sorted(set(found) - _KEYS):
        raise PlanError(f"unknown keys {unknown}; allowed are {sorted(_KEYS)}")
    network, mode, nth = str(found.get("network", "*")), str(found.get("mode")), found.get("nth", 1)
    if network != "*" and network not in DEFAULTS:
        raise PlanError(f"unknown network {network!r}; there are {sorted(DEFAULTS)}")
    if mode not in MODES:
        raise PlanError(f"unknown mode {mode!r}; there are {list(MODES)}")
    try:
        first = 1 if nth == "always" else int(nth)
        count = ALWAYS if nth == "always" else int(found.get("count", 1))
        seconds = min(float(found.get("seconds", WAIT_S.get(mode, 0.0))), SECONDS_MAX)
        path = str(found.get("path", ""))
        re.compile(path)
        pid = int(found.get("pid", 0))
    except (TypeError, ValueError, re.error) as error:
        raise PlanError(f"a number or the path cannot be read: {error}") from None
    return Fault(
        network=network,
        mode=mode,  # type: ignore[arg-type]  # Checked against MODES above.
        method=str(found.get("method", "")).upper(),
        path=path,
        first=first,
        count=count,
        seconds=seconds,
        pid=pid,
        pid_file=str(found.get("pid_file", "")),
        reset=bool(found.get("reset", False)),
    )


class FaultBook:
    """The plans in force, kept with their counts in the store so that a restart continues them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._has_plans = bool(self.plans())

    def add(self, plans: list[Json]) -> None:
        """Put plans in force, all or none.

        Raises:
            PlanError: one of them is wrong.
        """
        for plan in plans:
            parse_plan(plan)
        with self._store.change() as db:
            for plan in plans:
                db.execute("INSERT INTO fault (plan) VALUES (?)", (json.dumps(plan),))
        self._has_plans = bool(self.plans())

    def clear(self) -> None:
        """End every plan."""
        with self._store.change() as db:
            db.execute("DELETE FROM fault")
        self._has_plans = False

    def plans(self) -> list[Json]:
        """Return the plans with how many calls each has seen and spoiled."""
        with self._store.change() as db:
            rows = db.execute("SELECT plan, seen, fired FROM fault ORDER BY id").fetchall()
        return [{"plan": json.loads(row["plan"]), "seen": row["seen"], "fired": row["fired"]} for row in rows]

    def pick(self, network: str, method: str, path: str) -> Fault | None:
        """Count the call against every plan that fits; return the first one that hits it."""
        if not self._has_plans:
            return None
        picked: Fault | None = None
        with self._store.change() as db:
            for row in db.execute("SELECT id, plan, seen FROM fault ORDER BY id").fetchall():
                fault = parse_plan(json.loads(row["plan"]))
                if not fault.fits(network, method, path):
                    continue
                hit = picked is None and fault.hits(row["seen"] + 1)
                db.execute(
                    "UPDATE fault SET seen = seen + 1, fired = fired + ? WHERE id = ?", (int(hit), row["id"])
                )
                picked = fault if hit else picked
        return picked


def caller_of(fault: Fault, headers: Mapping[str, str]) -> int:
    """Return the pid that a kill plan means: its own, that of its file, or the one the caller names."""
    if fault.pid:
        return fault.pid
    if fault.pid_file:
        try:
            return int(Path(fault.pid_file).read_text(encoding="ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return 0
    told = headers.get("x-test-pid", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def kill(pid: int) -> bool:
    """Send SIGKILL and wait, at most two seconds, until nothing of the victim runs any more.

    Without the wait the caller could still read a closed connection between the signal and its end.
    """
    if pid <= 1 or pid == os.getpid():
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    until = time.monotonic() + _DEATH_WAIT_S
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.0005)
    return True


def _runs(pid: int) -> bool:
    try:
        # "pid (name) state ...": Z is dead but not yet buried by its parent.
        state = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1]
        )
    except OSError:
        return _exists(pid) and not Path("/proc/self/stat").exists()
    return state not in {"Z", "X"}


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True

"""A channel's pace with several workers at once, on every ledger there is: no window ever holds more than its cap."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.pace import Pace
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from contract.ledgers import LEDGERS, AuditedLedger, Place
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

KINDS = [pytest.param(kind, marks=pytest.mark.heavy if kind == "postgresql" else ()) for kind in LEDGERS]
PROMOS = 4
PACES = {
    "spacing": (Pace(spacing=timedelta(minutes=30)), 1),
    "an hour's cap": (Pace(per_hour_max=2), 2),
    "a day's cap": (Pace(per_day_max=3), 3),
}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = LEDGERS[request.param](tmp_path)
    yield made
    made.close()


class Together:
    """A ledger whose first claim waits until every worker stands before its own: all have asked, none has claimed."""

    def __init__(self, ledger: AuditedLedger, gate: threading.Barrier) -> None:
        self._ledger = ledger
        self._gate = gate
        self._has_waited = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def move(self, before: Delivery, after: Delivery, **words: Any) -> bool:
        if words["kind"] == "claimed" and not self._has_waited:
            self._has_waited = True
            self._gate.wait(timeout=60)
        return self._ledger.move(before, after, **words)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("pace", PACES)
def test_workers_that_claim_at_once_keep_the_pace_together(
    place: Place, tmp_path: Path, pace: str, workers: int
) -> None:
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    bounds, allowed = PACES[pace]
    first = place.open("test")
    plain = desk(first, [wall], sources=[source], clock=clock, surge_max=100)
    poll(plain)
    clock.pass_by(days=1)
    for number in range(PROMOS):
        source.answers.append(
            raw_answer(number, published_at=clock.now(), title=f"Thyroid Tests Part {number + 1}")
        )
    poll(plain)
    plan_fresh(plain)
    approve_all(plain)
    assert release_planned(plain) == PROMOS
    ids = [one.id for one in first.deliveries(states=(State.PLANNED,))]
    gate = threading.Barrier(workers)
    faults: list[Exception] = []

    def work(ledger: AuditedLedger, mine: list[str]) -> None:
        at = replace(
            plain,
            ledger=Together(ledger, gate),
            pace_of=lambda _channel, _job: bounds,
        )
        try:
            deliver(at, only=mine)
        except Exception as fault:  # noqa: BLE001  # Told by the assertion below, whatever it is.
            faults.append(fault)
            gate.abort()

    threads = [
        threading.Thread(target=work, args=(place.open("test"), ids[number::workers]))
        for number in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(wall.rows()) == allowed
    waiting = first.deliveries(states=(State.PLANNED,))
    assert len(waiting) == PROMOS - allowed
    if workers > 1:
        assert all(one.not_before and one.not_before > clock.now() for one in waiting)
        assert all(one.reason.startswith("pace:") for one in waiting)

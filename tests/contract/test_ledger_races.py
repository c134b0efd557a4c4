"""Several workers at once, on every ledger there is: one worker alone can never show a race."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import Delivery, Timing, claim
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ports import Head, Ledger, Marks
from contract.ledgers import LEDGERS, START, AuditedLedger, Place, known, planned

TIMING = Timing(timeout=timedelta(seconds=20), settle=timedelta(seconds=90), lease=timedelta(seconds=180))
LATER = START + timedelta(days=1)
KINDS = [pytest.param(kind, marks=pytest.mark.heavy if kind == "postgresql" else ()) for kind in LEDGERS]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = LEDGERS[request.param](tmp_path)
    yield made
    made.close()


def take(ledger: Ledger, delivery: Delivery, *, actor: str = "daemon") -> bool:
    return ledger.move(delivery, claim(delivery, LATER, TIMING), kind="claim", actor=actor, at=LATER)


@pytest.mark.parametrize("workers", [1, 4])
def test_four_workers_and_one_winner_for_every_claim(place: Place, workers: int) -> None:
    rounds = 40
    first = place.open()
    deliveries = [planned(number) for number in range(rounds)]
    for delivery in deliveries:
        first.plan(delivery, actor="daemon")
    wins: list[str] = []
    faults: list[Exception] = []
    together = threading.Barrier(workers)

    def work(ledger: Ledger, name: str) -> None:
        try:
            for delivery in deliveries:
                together.wait(timeout=30)
                seen = ledger.delivery(delivery.id)
                if seen == delivery and take(ledger, seen, actor=name):
                    wins.append(delivery.id)
        except Exception as fault:  # noqa: BLE001  # Told by the assertion below, whatever it is.
            faults.append(fault)
            together.abort()

    threads = [threading.Thread(target=work, args=(place.open(), f"w{number}")) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert sorted(wins) == sorted(delivery.id for delivery in deliveries)
    assert {one.fence for one in first.deliveries()} == {1}
    assert [line.number for line in first.history()] == list(range(1, 2 * rounds + 1))
    assert verify(first) == []


@pytest.mark.parametrize("workers", [2, 4])
def test_batches_in_other_orders_lock_nobody_out_and_add_each_once(place: Place, workers: int) -> None:
    rounds, size = 6, 12
    faults: list[Exception] = []
    added: list[str] = []
    together = threading.Barrier(workers)
    place.open().remember("folder", [known(number) for number in range(size)], marks=Marks(), at=START)

    def work(ledger: Ledger, number: int) -> None:
        try:
            for turn in range(rounds):
                batch = [planned(turn * size + place) for place in range(size)]
                batch = batch[number:] + batch[:number] if number % 2 else batch[::-1]
                answers = [known(place).material.answer_id for place in range(size)][:: 1 - 2 * (number % 2)]
                together.wait(timeout=30)
                added.extend(ledger.plan_all(batch, answers=answers, actor=f"w{number}", at=LATER))
        except Exception as fault:  # noqa: BLE001  # Told by the assertion below, whatever it is.
            faults.append(fault)
            together.abort()

    threads = [threading.Thread(target=work, args=(place.open(), number)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert sorted(added) == sorted(planned(number).id for number in range(rounds * size))
    assert verify(place.open()) == []


def test_a_worker_whose_idea_of_the_head_is_old_writes_behind_what_the_other_wrote(place: Place) -> None:
    first, second = place.open(), place.open()
    for number in range(6):
        turn, other = (first, second) if number % 2 else (second, first)
        assert turn.plan(planned(number), actor="daemon")
        # It fails after the other has moved the head, and must not believe that the line it did not write stands.
        assert not turn.plan(planned(number), actor="daemon")
        assert take(other, planned(number))
        assert take(turn, planned(number)) is False
    assert [line.number for line in first.history()] == list(range(1, 13))
    assert verify(first) == []


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_who_plan_the_same_things_plan_each_once(place: Place, workers: int) -> None:
    number = 25
    results: list[bool] = []
    faults: list[Exception] = []

    def work(ledger: AuditedLedger) -> None:
        try:
            for each in range(number):
                results.append(ledger.plan(planned(each), actor="daemon"))
                take(ledger, planned(each))
                ledger.remember("folder", [known(each), known(each + 1)], marks=Marks(), at=LATER)
        except Exception as fault:  # noqa: BLE001  # As above.
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(place.open(),)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ledger = place.open()
    assert faults == []
    assert results.count(True) == number
    assert {one.fence for one in ledger.deliveries()} == {1}
    assert verify(ledger) == []


@pytest.mark.parametrize("workers", [1, 4])
def test_lines_written_at_once_all_find_their_place(place: Place, workers: int) -> None:
    number = 30
    faults: list[Exception] = []
    together = threading.Barrier(workers)

    def work(ledger: AuditedLedger, name: str) -> None:
        try:
            together.wait(timeout=30)
            for _ in range(number):
                ledger.note("late", actor=name, at=LATER, body={})
        except Exception as fault:  # noqa: BLE001  # As above.
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(place.open(), f"w{each}")) for each in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ledger = place.open()
    assert faults == []
    assert len(ledger.history()) == workers * number
    assert verify(ledger) == []


@pytest.mark.parametrize("workers", [1, 4])
def test_what_was_once_the_head_is_recalled_while_others_write(place: Place, workers: int) -> None:
    rounds = 15
    faults: list[Exception] = []
    forgotten: list[Head] = []
    together = threading.Barrier(workers)

    def work(ledger: AuditedLedger, name: str) -> None:
        try:
            together.wait(timeout=30)
            for _ in range(rounds):
                head = ledger.note("late", actor=name, at=LATER, body={})
                present = ledger.recall(head)
                if present is None or present.number < head.number:
                    forgotten.append(head)
        except Exception as fault:  # noqa: BLE001  # As above.
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(place.open(), f"w{each}")) for each in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert forgotten == []
    assert len(place.open().history()) == workers * rounds

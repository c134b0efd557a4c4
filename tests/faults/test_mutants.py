"""A guard that is taken away is missed: for each mutant of the engine some promise is seen to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ledger.migrate import open_ledger
from faults.mutants import FENCELESS_SQL, MUTANTS, Mutant, living
from faults.schedules import play
from faults.simledger import QuickLedger
from faults.simulation import read_once, simulate

WORLDS_MAX = 400
"""The rarest mutant so far shows within a hundred worlds."""


SPECIAL = [one for one in MUTANTS if one.is_special]


def named(mutant: Mutant) -> str:
    return mutant.name.replace(" ", "-")


@pytest.fixture(autouse=True)
def _read_once() -> Iterator[None]:
    with read_once():
        yield


def find(mutant: Mutant, *, worlds: int) -> str:
    """Give the first broken promise, or the exception that the mutant dies of; empty when nothing shows."""
    try:
        if mutant.plot is not None:
            play(mutant.plot)
            return ""
        for seed in range(worlds):
            simulate(
                seed,
                dangers=mutant.dangers,
                make_ledger=(lambda: MemoryLedger("sim")) if mutant.on_memory else QuickLedger,
            )
    except Exception as broken:  # noqa: BLE001 - A mutant may die of anything.
        return f"{type(broken).__name__}: {broken}"
    return ""


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_every_removed_guard_is_missed(mutant: Mutant) -> None:
    with living(mutant):
        found = find(mutant, worlds=WORLDS_MAX)
    assert found, f"nobody notices: {mutant.name}"


@pytest.mark.parametrize("mutant", SPECIAL, ids=named)
def test_with_the_guard_in_place_the_same_dangers_do_no_harm(mutant: Mutant) -> None:
    assert find(mutant, worlds=60) == ""


def test_a_database_without_the_fence_is_missed(tmp_path: Path) -> None:
    found = ""
    with living(FENCELESS_SQL):
        for seed in range(20):
            ledger = open_ledger(f"sqlite:///{tmp_path / f'{seed}.db'}", "sim")
            try:
                simulate(seed, make_ledger=lambda made=ledger: made)  # type: ignore[misc]  # mypy cannot infer a lambda with a default.
            except AssertionError as broken:
                found = str(broken)
                break
            finally:
                ledger.close()
    assert "I4" in found

"""A month of the daemon on the virtual clock: each answer once, caps kept in every window, no burst after an outage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clinic_broadcast.core import pace as pace_rules
from clinic_broadcast.run import broadcast
from faults.month import ANSWERS, judge, live
from faults.mutants import Mutant, living

HEAVY_SEEDS = [pytest.param(seed, marks=pytest.mark.heavy) for seed in (2, 3, 5, 8)]
SEEDS = [int(os.environ["MONTH_SEED"])] if "MONTH_SEED" in os.environ else [1, *HEAVY_SEEDS]
"""A failure names its seed; `MONTH_SEED=5 pytest tests/faults/test_month.py` plays that month again."""

MUTANTS = {
    "the caps are gone": Mutant(
        name="the caps are gone",
        where=pace_rules.free_at,
        old="if count_max is not None and len(newest) >= count_max:",
        new="if False:",
    ),
    "an approval lets go by itself": Mutant(
        name="an approval lets go by itself",
        where=broadcast.deliver,
        old="rows = desk.ledger.deliveries(states=OPEN)",
        new="release_planned(desk)\n    rows = desk.ledger.deliveries(states=OPEN)",
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_month_with_all_that_may_happen_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    month = live(tmp_path, seed)
    judge(month)
    assert [len(wall.went_up) for wall in month.walls] == [ANSWERS, ANSWERS]


@pytest.mark.heavy
def test_the_same_seed_is_the_same_month(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, again = live(tmp_path / "a", 4), live(tmp_path / "b", 4)
    assert [one.went_up for one in first.walls] == [one.went_up for one in again.walls]


@pytest.mark.heavy
@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_taken_away_is_missed_within_the_month(tmp_path: Path, name: str) -> None:
    with living(MUTANTS[name]), pytest.raises(AssertionError):
        judge(live(tmp_path, 1))

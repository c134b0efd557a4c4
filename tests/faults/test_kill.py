"""kill -9 at every edge of every port call of the main path: nothing is doubled, and nothing is lost in silence."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import State
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.migrate import open_ledger
from faults.forks import dies
from faults.kill_child import run_child

EDGES = 22
"""Port calls of one run with one fresh answer on two channels, counted twice each (before and after).

remember 2 · plan 2 for both · approve 4 · release 2 for both · claim, send and outcome 4 each. A new call without its
kill test changes this number and fails the guard below.
"""


def child(folder: Path, *, die_at: int, hour: int, looks: str) -> bool:
    """Run the main path in a process of its own, and say whether it was killed."""
    return dies(run_child, folder, die_at, hour, looks == "look")


def on_the_walls(folder: Path) -> Counter[tuple[str, str]]:
    rows = [json.loads(line) for wall in folder.glob("*.wall") for line in wall.read_text().splitlines()]
    return Counter((row["channel"], row["key"]) for row in rows)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home whose baseline is taken: one old answer, nothing planned."""
    folder = tmp_path_factory.mktemp("baseline")
    assert not child(folder, die_at=0, hour=0, looks="look")
    return folder


def test_the_number_of_edges_is_known(baseline: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    shutil.copytree(baseline, folder)
    assert not child(folder, die_at=0, hour=1, looks="look")
    assert int((folder / "edges").read_text()) == EDGES
    assert sorted(on_the_walls(folder).values()) == [1, 1]


@pytest.mark.parametrize("looks", ["look", "blind"])
@pytest.mark.parametrize("edge", range(1, EDGES + 1))
def test_a_kill_at_any_edge_neither_doubles_nor_loses(
    baseline: Path, tmp_path: Path, edge: int, looks: str
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(baseline, folder)
    assert child(folder, die_at=edge, hour=1, looks=looks)
    # An hour later each: the doubtful claim is looked up, looked up again, and sent again if it was never there.
    for hour in (2, 3, 4):
        assert not child(folder, die_at=0, hour=hour, looks=looks)
    public = on_the_walls(folder)
    assert all(count == 1 for count in public.values()), "something is public twice"
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", "test")
    try:
        deliveries = ledger.deliveries()
        assert verify(ledger) == []
    finally:
        ledger.close()
    assert len(deliveries) == 2
    for one in deliveries:
        if looks == "look":
            assert one.state is State.SENT
            assert public[one.channel, one.key] == 1
        else:
            assert one.state is State.SENT or (one.state is State.UNSURE and one.needs_person)

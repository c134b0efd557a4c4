"""Every network channel under every fault, by the real main path: public once, or a person is asked; never twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import State
from clinic_broadcast.demo.networks.client import Networks
from faults.matrix import KINDS, MAIN_KINDS, ROWS, Row, as_markdown, read_markdown, rows_for, run_cell

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
ALL = [
    pytest.param(kind, row, id=f"{kind}: {row.name}", marks=() if kind in MAIN_KINDS else pytest.mark.heavy)
    for kind in KINDS
    for row in rows_for(kind)
]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as running:
        yield running


@pytest.fixture(scope="module")
def documented() -> dict[tuple[str, str], str]:
    return read_markdown(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "row"), ALL)
def test_a_fault_leaves_one_public_copy_or_one_question(
    kind: str, row: Row, networks: Networks, tmp_path: Path, documented: dict[tuple[str, str], str]
) -> None:
    cell = run_cell(networks, kind, row, tmp_path)
    assert cell.copies <= 1, "public twice"
    if cell.state is State.SENT:
        assert (cell.copies, cell.asks_person) == (1, False)
    else:
        assert cell.asks_person, f"it ends as {cell.state}, and nobody is asked"
    assert cell.told == documented[row.name, kind], "run `python benches/faults.py --write`"


def test_the_page_shows_every_cell_and_no_other(documented: dict[tuple[str, str], str]) -> None:
    assert set(documented) == {(row.name, kind) for kind in KINDS for row in rows_for(kind)}
    assert as_markdown(documented) == PAGE.read_text(encoding="utf-8")
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_where_the_network_can_be_asked_nobody_else_is(documented: dict[tuple[str, str], str]) -> None:
    """Lost is nothing, and asked is a person only where not one request ever came through."""
    asked = {name for (name, kind), told in documented.items() if kind in MAIN_KINDS and "person" in told}
    assert asked == {"no request is ever accepted or answered"}

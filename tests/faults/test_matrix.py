"""Every kind of channel under every fault, by the real main path: public once, or a person is asked; never twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from clinic_broadcast.channels import BUILT_IN
from clinic_broadcast.core.delivery import State
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ports import Guarantee
from faults.matrix import KINDS, MAIN_KINDS, ROWS, Cell, Row, SteppedClock, open_kind, run_cell
from faults.matrix_page import absent, anchor, as_markdown, own_part, own_site, read_markdown, told
from faults.own_faults import OWN_ROWS, OwnRow, Site

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
EVERY_ROW: tuple[Row | OwnRow, ...] = (*ROWS, *OWN_ROWS)


def cells_of(rows: tuple[Row, ...] | tuple[OwnRow, ...]) -> list[object]:
    """Give every cell of these rows as a case; the less used kinds are tried in the heavy run."""
    return [
        pytest.param(
            kind, row, id=f"{kind}: {row.name}", marks=() if kind in MAIN_KINDS else pytest.mark.heavy
        )
        for kind in KINDS
        for row in rows
        if not absent(row, kind)
    ]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as running:
        yield running


@pytest.fixture(scope="module")
def site_of(networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Site]:
    """Give what makes the place of a kind, once."""
    folder = tmp_path_factory.mktemp("own")
    return cache(lambda kind: own_site(networks, kind, folder))


@pytest.fixture(scope="module")
def documented() -> dict[tuple[str, str], str]:
    return read_markdown(PAGE.read_text(encoding="utf-8"))


def keeps_the_promises(cell: Cell) -> None:
    assert cell.copies <= 1, "public twice"
    if cell.state is State.SENT:
        assert (cell.copies, cell.asks_person) == (1, False)
    else:
        assert cell.asks_person, f"it ends as {cell.state}, and nobody is asked"


@pytest.mark.parametrize(("kind", "row"), cells_of(ROWS))
def test_a_fault_leaves_one_public_copy_or_one_question(
    kind: str, row: Row, networks: Networks, tmp_path: Path, documented: dict[tuple[str, str], str]
) -> None:
    cell = run_cell(networks, kind, row, tmp_path)
    keeps_the_promises(cell)
    assert cell.told == documented[row.name, kind], "run `python benches/faults.py --write`"


@pytest.mark.parametrize(("kind", "row"), cells_of(OWN_ROWS))
def test_a_fault_of_ours_leaves_one_public_copy_or_one_question(
    kind: str, row: OwnRow, site_of: Callable[[str], Site], documented: dict[tuple[str, str], str]
) -> None:
    cells = list(row.play(site_of(kind)))
    for cell in cells:
        keeps_the_promises(cell)
    assert told(cells) == documented[row.name, kind], "run `python benches/faults.py --write`"


def test_the_page_shows_every_cell_and_no_other(documented: dict[tuple[str, str], str]) -> None:
    assert set(KINDS) == set(BUILT_IN)
    assert set(documented) == {
        (row.name, kind) for kind in KINDS for row in EVERY_ROW if not absent(row, kind)
    }
    assert as_markdown(documented) == own_part(PAGE.read_text(encoding="utf-8"))
    assert len({anchor(row.name) for row in EVERY_ROW}) == len(EVERY_ROW)


def test_where_the_far_side_has_a_key_or_can_be_read_nothing_is_lost_and_nobody_is_asked(
    documented: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    """Lost is nothing; asked is a person only where not one request ever came through, or one never got an answer."""
    guarantees = {kind: open_kind(kind, "", tmp_path, SteppedClock()).guarantee for kind in KINDS}
    asked = {
        (name, kind)
        for (name, kind), words in documented.items()
        if "person" in words and guarantees[kind] is not Guarantee.AT_MOST_ONCE
    }
    able = {kind for kind, guarantee in guarantees.items() if guarantee is not Guarantee.AT_MOST_ONCE}
    assert able == set(KINDS) - {"telegram"}
    never = {("no request is ever accepted or answered", kind) for kind in able - {"folder"}}
    # A receiver of webhooks shows nobody what it has, and refuses a stamp that is half an hour wrong.
    of_webhooks = {
        "500 although it was accepted, always",
        *(row.name for row in OWN_ROWS if "clock" in row.name),
    }
    assert asked == never | {(name, "webhook") for name in of_webhooks}

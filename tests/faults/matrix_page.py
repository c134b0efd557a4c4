"""The fault matrix as a page of the documents: how its cells are run, written and read back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from clinic_broadcast.demo.networks.client import Networks
from faults.matrix import KINDS, ROWS, Cell, Row, run_cell
from faults.own_faults import OWN_ROWS, OwnRow, Site, make_site

Cells: TypeAlias = Mapping[tuple[str, str], str]
"""What became of the delivery, or why there is no such fault, by the row's name and the kind."""

HEAD: Final = """# The fault matrix

Every row is a fault, every column a kind of channel. Each cell was run: one delivery planned, approved and sent by
the main path with the real channel, against the simulated network or in a real folder, until nothing but a person
could change anything more; then the far side's own list was counted.

*Public once*: sent, found or sent again, and recorded so. *A person is asked*: the delivery waits, with a line in
`status`, because the network shows no machine what it has, or never answered. No cell is public twice. Words in
brackets say why a kind has no such fault. A plug-in is examined by the same promises when its package brings a far
side of its own: `pytest --channel KIND`.

This page is made by `python benches/faults.py --write`; `tests/faults/test_matrix.py` runs every cell again and
compares.
"""
NETWORK_HEAD: Final = """
## Faults of the request that publishes

"""
OWN_HEAD: Final = """
## Faults of our own process, record and disk

Here each cell has a real SQLite record with its witness, and the networks take doubles where they can be told to.
Deaths are real (`kill -9` of a process), locks are another program's, and a full disk is SQLite's own limit of pages
or the kernel's limit of a file's size. Where a row has several runs, a cell counts them.
Hundreds of deaths more, with one and with four workers and on PostgreSQL, are in `tests/faults/test_kill_lane.py`.

"""
PEERS_HEAD: Final = "## Other programs under the same faults"
"""Where the part begins that `benches/peers.py` measures; it needs the package index and is no part of the checks."""


def anchor(name: str) -> str:
    """Give the anchor of a row, which `promises.md` links to."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def told(cells: Sequence[Cell]) -> str:
    """Give the words of a cell that was run once or several times."""
    if len(cells) == 1:
        return cells[0].told
    counted = Counter(cell.told for cell in cells)
    return "; ".join(f"{count} of {len(cells)} {words}" for words, count in sorted(counted.items()))


def absent(row: Row | OwnRow, kind: str) -> str:
    """Say in brackets why a kind has no such fault; empty when it has."""
    if isinstance(row, OwnRow):
        return f"({row.why_not[kind]})" if kind in row.why_not else ""
    return "" if kind in row.kinds else f"({row.words_for(kind)})"


def as_markdown(cells: Cells) -> str:
    """Give the page."""
    network, own = (_table(rows, cells) for rows in (ROWS, OWN_ROWS))
    return f"{HEAD}{NETWORK_HEAD}{network}{OWN_HEAD}{own}"


def _table(rows: Sequence[Row | OwnRow], cells: Cells) -> str:
    lines = [f"| fault | {' | '.join(KINDS)} |", f"|---|{'---|' * len(KINDS)}"]
    lines += [
        f'| <a id="{anchor(row.name)}"></a>{row.name} | '
        f"{' | '.join(absent(row, kind) or cells[row.name, kind] for kind in KINDS)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def own_part(page: str) -> str:
    """Give the page without what was measured of other programs."""
    return page.partition(f"\n{PEERS_HEAD}")[0]


def peers_part(page: str) -> str:
    """Give what was measured of other programs, or nothing."""
    return "".join(page.partition(f"\n{PEERS_HEAD}")[1:])


def read_markdown(text: str) -> dict[tuple[str, str], str]:
    """Read the cells that were run back from the page."""
    lines = [line for line in own_part(text).splitlines() if line.startswith("|")]
    rows = [re.split(r"\s*\|\s*", line.strip("| \n")) for line in lines]
    return {
        (re.sub(r"<[^>]*>", "", name), kind): words
        for name, *cells in rows
        for kind, words in zip(KINDS, cells, strict=True)
        if not words.startswith(("(", "---")) and name != "fault"
    }


def run_all(networks: Networks, home: Path, heard: Callable[[str], Any]) -> dict[tuple[str, str], str]:
    """Run every cell, telling of each, and give what they tell."""
    cells: dict[tuple[str, str], str] = {}

    def keep(row: Row | OwnRow, kind: str, found: Sequence[Cell]) -> None:
        cells[row.name, kind] = told(found)
        heard(f"{kind}: {row.name}: {told(found)}")

    for kind in KINDS:
        for number, row in enumerate(ROWS):
            if not absent(row, kind):
                keep(row, kind, [run_cell(networks, kind, row, home / f"{kind}-{number}")])
        site = own_site(networks, kind, home)
        for own in OWN_ROWS:
            if not absent(own, kind):
                keep(own, kind, list(own.play(site)))
    return cells


def own_site(networks: Networks, kind: str, home: Path) -> Site:
    """Make the place where the cells of our own faults are played for a kind."""
    return make_site(networks, kind, home / f"{kind}-own")

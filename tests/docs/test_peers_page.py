"""The page of faults shows other programs beside ours, in the form that the bench of today writes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from benches import peers  # noqa: E402 - After the path is set.
from benches._bots import NOT_RUN, PEERS, ours  # noqa: E402 - The same.

from faults.matrix_page import peers_part  # noqa: E402 - The same.


def test_the_page_has_every_program_under_every_fault_and_ours_is_whole_in_each() -> None:
    section = peers_part((ROOT / "docs" / "faults.md").read_text(encoding="utf-8")).lstrip("\n")
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    titles = [peers.title_of(bot) for bot in (ours("mastodon"), ours("bluesky"), *PEERS)]
    assert rows[0][1:] == titles
    assert [row[0] for row in rows[1:]] == [row.name for row in peers.ROWS]
    assert {cell.strip(" |") for row in rows[1:] for cell in row[1:3]} == {"each once"}
    cells = {
        (row[0], title): cell.strip(" |")
        for row in rows[1:]
        for title, cell in zip(titles, row[1:], strict=True)
    }
    written = peers.as_markdown(cells, titles)
    dated = re.compile(r"Measured on \d{4}-\d\d-\d\d by")
    assert dated.search(section)
    assert dated.sub("", written) == dated.sub("", section)
    assert all(name in section for name in NOT_RUN)

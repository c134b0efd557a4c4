"""Runs the fault matrix and prints it as the page docs/faults.md; with `--write` puts it there.

Run it with `python benches/faults.py`. It needs no network but this machine's own and takes two or three minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# In the place of this folder, where this very file would be found as `faults`.
sys.path[0] = str(ROOT / "tests")

from clinic_broadcast.demo.networks.client import Networks  # noqa: E402 - After the path is set.
from faults.matrix_page import as_markdown, peers_part, run_all  # noqa: E402 - The same.


def main() -> None:
    """Run every cell; say on the error stream what became of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/faults.md instead of printing it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Networks(Path(folder) / "networks") as networks:
        cells = run_all(networks, Path(folder), lambda told: print(told, file=sys.stderr))
    page, place = as_markdown(cells), ROOT / "docs" / "faults.md"
    if asked.write:
        # What was measured of other programs stays: `benches/peers.py` runs those.
        page += peers_part(place.read_text(encoding="utf-8"))
        place.write_text(page, encoding="utf-8")
    else:
        print(page, end="")
    bad = [f"{row} on {kind}" for (row, kind), told in cells.items() if " times" in told]
    if bad:
        raise SystemExit("public more than once: " + "; ".join(bad))


if __name__ == "__main__":
    main()

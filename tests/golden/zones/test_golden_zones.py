"""Invented pages in every shape seen, each beside the zones that a person reads in it.

`PYTHONPATH=tests python tests/golden/zones/test_golden_zones.py` writes the zones that the program reads now over the
expected ones; a person then reviews the difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import Zones
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.sources.files import SUFFIXES, read_file
from golden.zones.shapes import SHAPES

PAGES = sorted(path for path in Path(__file__).parent.iterdir() if path.suffix in SUFFIXES)
NAMES = ("title", "question", "greeting", "answer", "signature", "furniture")


def zones_of(page: Path, own_names: list[str]) -> Zones:
    return read_answer(read_file(page), own_names).zones


def expected(page: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(page.with_suffix(".zones.json").read_text())
    return found


def own_names(page: Path) -> list[str]:
    names = expected(page)["own_names"]
    assert isinstance(names, list)
    return [str(name) for name in names]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_zones_are_those_that_a_person_reads(page: Path) -> None:
    zones = zones_of(page, own_names(page))
    wanted = expected(page)
    assert {name: getattr(zones, name) for name in NAMES} == {name: wanted[name] for name in NAMES}
    assert bool(zones.doubt) == wanted["doubt"]


def test_there_are_enough_pages_and_every_page_has_its_zones() -> None:
    assert len(PAGES) >= 60
    assert {page.with_suffix(".zones.json") for page in PAGES} == set(
        Path(__file__).parent.glob("*.zones.json")
    )


def test_every_shape_of_a_post_has_its_pages_and_every_page_its_shape() -> None:
    shown = {shape: set(names.split()) for shape, names in SHAPES.items()}
    assert all(shown.values())
    assert set().union(*shown.values()) == {page.stem for page in PAGES}
    doubtful = {page.stem for page in PAGES if expected(page)["doubt"]}
    assert doubtful == shown["no certainty"]


def test_links_of_the_answer_point_at_their_words_and_those_of_the_signature_at_none() -> None:
    page = Path(__file__).parent / "blogger-divs.html"
    zones = zones_of(page, own_names(page))
    shown = [(zones.answer[max(link.start, 0) : max(link.end, 0)], link.url) for link in zones.links]
    assert shown == [
        ("safe for both babies", "https://www.roe.example/heparin.html"),
        ("", "https://www.roe.example/"),
    ]


def rewrite() -> None:
    """Write the zones that are read now over the expected ones."""
    for page in PAGES:
        target = page.with_suffix(".zones.json")
        names = own_names(page) if target.exists() else ["Dr. Jane Roe"]
        zones = zones_of(page, names)
        found = {
            "own_names": names,
            "doubt": bool(zones.doubt),
            **{name: getattr(zones, name) for name in NAMES},
        }
        target.write_text(json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    rewrite()
    sys.stdout.write(f"{len(PAGES)} pages written; review the difference\n")

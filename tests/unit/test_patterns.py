"""Patterns of the rules: none is compiled by an import, and every one of them compiles."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys

import pytest

import clinic_broadcast.core
import clinic_broadcast.core.rules
from clinic_broadcast.core.patterns import late

COUNT = """
import re
compiled = []
compile = re.compile
re.compile = lambda pattern, flags=0: (compiled.append(pattern), compile(pattern, flags))[1]
import clinic_broadcast.core.gate, clinic_broadcast.settings.lexicon
from pathlib import Path
ours = Path(clinic_broadcast.core.gate.__file__).parents[1]
print(sum(str(one) in text for one in compiled if isinstance(one, str) and len(one) > 20
          for text in (path.read_text(encoding="utf-8") for path in ours.rglob("*.py"))))
"""


def late_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Give every late pattern of the core by the module and name that hold it."""
    found: list[tuple[str, re.Pattern[str]]] = []
    for package in (clinic_broadcast.core, clinic_broadcast.core.rules):
        for module in pkgutil.iter_modules(package.__path__):
            held = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
            for name, thing in held.items():
                several = thing if isinstance(thing, tuple) else (thing,)
                found += [(f"{module.name}.{name}", one) for one in several if type(one) is type(late("x"))]
    return found


def test_every_late_pattern_compiles() -> None:
    found = late_patterns()
    assert len(found) > 180
    for name, one in found:
        try:
            one.search("")
        except re.error as error:
            pytest.fail(f"{name}: {error}")


def test_a_late_pattern_finds_what_a_compiled_one_finds() -> None:
    one, other = late(r"(\w)-(\w)", re.IGNORECASE), re.compile(r"(\w)-(\w)", re.IGNORECASE)
    text = "a-B, c-d"
    assert one.sub(r"\2", text) == other.sub(r"\2", text)
    assert [found.span() for found in one.finditer(text)] == [found.span() for found in other.finditer(text)]
    assert one.split(text) == other.split(text)
    assert one.fullmatch(text) is None
    assert one.groups == other.groups
    assert (one.pattern, one.flags) == (r"(\w)-(\w)", re.IGNORECASE)


def test_a_wrong_pattern_tells_so_when_it_is_used() -> None:
    with pytest.raises(re.error):
        late("(").search("")


def test_importing_the_gate_compiles_no_pattern_of_its_own() -> None:
    told = subprocess.check_output([sys.executable, "-c", COUNT], text=True)
    assert told.strip() == "0"

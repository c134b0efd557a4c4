"""Every rule names its source, and every finding says where, what, why and how to mend it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core import rules
from clinic_broadcast.core.finding import IN_WORDS, Finding, in_words
from clinic_broadcast.core.gate import TEXT_RULES, examine_answer, examine_text
from gate.test_corpus import risky
from gate.test_slips import slips
from gate_pages import canaries, gate, page

GIVES_FINDINGS = {"Iterator[Finding]", "tuple[Finding, ...]", "Finding"}
NAMES_SOURCE = re.compile(r"45 CFR|GMC|Safe Harbor|FTC|Meta|X ads policy|\bown rule\b", re.IGNORECASE)
SAYS_HOW_TO_MEND = re.compile(
    r"\b(?:leave|take|say|use|write|mend|compare|confirms?|check|put|let|add|mark|close|look|looks|compose|was meant|"
    r"must check|does not name it|answer names it)\b",
    re.IGNORECASE,
)


def public_rules() -> list[Callable[..., Any]]:
    found: list[Callable[..., Any]] = []
    for module in pkgutil.iter_modules(rules.__path__):
        loaded = importlib.import_module(f"{rules.__name__}.{module.name}")
        found += [
            one
            for name, one in inspect.getmembers(loaded, inspect.isfunction)
            if one.__module__ == loaded.__name__
            and not name.startswith("_")
            and inspect.signature(one).return_annotation in GIVES_FINDINGS
        ]
    return found


RULES = public_rules()


def test_what_each_rule_sees_is_said_in_words_for_people() -> None:
    folder = Path(rules.__file__).parents[1]
    named = {
        rule
        for path in folder.rglob("*.py")
        if path.name != "finding.py"
        for rule in re.findall(r'"((?:privacy|clinical|form)\.[a-z-]+)"', path.read_text(encoding="utf-8"))
    }
    assert named == set(IN_WORDS)
    assert in_words("rule.of-tomorrow") == "rule.of-tomorrow"


def test_no_rule_of_the_gate_is_left_out_here() -> None:
    assert set(TEXT_RULES) <= set(RULES)
    assert len(RULES) >= 28


@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"
)
def test_the_docstring_of_every_rule_cites_its_source(rule: Callable[..., Any]) -> None:
    told = inspect.getdoc(rule) or ""
    assert "Source:" in told
    assert NAMES_SOURCE.search(told.partition("Source:")[2])


def findings() -> list[tuple[str, Finding]]:
    found = [(text, one) for _, text in risky() for one in examine_text(gate(), text)]
    for kind, question, answer in slips(random.Random(3), 100):
        del kind
        found += [(answer, one) for one in examine_answer(gate(), page(answer, question=question)).findings]
    for canary in canaries(20, seed=5):
        material = examine_answer(gate(), canary.answer)
        body = canary.answer.zones.answer
        found += [
            (sentence, one)
            for _, sentence in canary.leaks
            for one in examine_text(gate(), sentence, taint=material.taint)
        ]
        found += [(body, one) for one in material.findings if one.where == "answer"]
    return found


def test_every_finding_says_where_what_why_its_source_and_how_to_mend_it() -> None:
    all_of_them = findings()
    assert len({one.rule for _, one in all_of_them}) >= 20
    for text, one in all_of_them:
        assert re.fullmatch(r"(?:privacy|clinical|form)\.[a-z-]+", one.rule)
        assert 0 <= one.start <= one.end
        assert one.excerpt in {text[one.start : one.end], ""}
        assert NAMES_SOURCE.search(one.source), one
        assert re.fullmatch(r".{24,}[.)]", one.message), one
        assert SAYS_HOW_TO_MEND.search(one.message), one

"""The labelled corpus: no risky line passes, and the share of clean lines that pass only ever rises."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import TEXT_RULES, Rule, examine_text
from clinic_broadcast.core.rules import names
from clinic_broadcast.core.rules.reading import read
from gate_pages import gate

HERE = Path(__file__).parent
CLEAN_FLOOR = 0.95
"""Measured share of clean lines that pass, rounded down; raise it when the gate gets better."""

BLIND_CLEAN_FLOOR = 0.95
"""The same for lines that the rules were not tuned on. At first reading 69 of 72 passed, and 63 of 65 risky ones
were held; the two that were not told of one person by an occupation, which the rules hold since."""

TWO_RULES_FLOOR = 0.48
"""Measured share of risky lines that more than one rule holds, rounded down."""


@cache
def risky() -> tuple[tuple[str, str], ...]:
    lines = (HERE / "risky.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple((rule, text.encode("ascii").decode("unicode_escape")) for rule, text in rows)


def clean() -> tuple[str, ...]:
    return lines_of("clean.txt")


@cache
def lines_of(name: str) -> tuple[str, ...]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    return tuple(line.encode("ascii").decode("unicode_escape") for line in kept)


def holds(findings: tuple[Finding, ...]) -> set[str]:
    return {one.rule for one in findings if one.severity is not Severity.NOTE}


def test_the_corpus_is_large_and_every_line_stands_once() -> None:
    texts = [*(text for _, text in risky()), *clean()]
    assert len(risky()) >= 190
    assert len(clean()) >= 140
    assert [text for text, count in Counter(texts).items() if count > 1] == []


@pytest.mark.parametrize(("rule", "text"), risky())
def test_every_risky_line_is_held_for_its_reason(rule: str, text: str) -> None:
    held = holds(examine_text(gate(), text))
    assert held
    assert rule == "*" or rule in held


@pytest.mark.parametrize("text", lines_of("blind-risky.txt"))
def test_every_risky_line_of_the_blind_half_is_held(text: str) -> None:
    assert holds(examine_text(gate(), text))


def test_few_clean_lines_of_the_blind_half_are_held() -> None:
    texts = lines_of("blind-clean.txt")
    wrongly = [text for text in texts if holds(examine_text(gate(), text))]
    assert 1 - len(wrongly) / len(texts) >= BLIND_CLEAN_FLOOR, wrongly


def test_few_clean_lines_are_held() -> None:
    held = [(text, holds(examine_text(gate(), text))) for text in clean()]
    wrongly = [row for row in held if row[1]]
    assert 1 - len(wrongly) / len(held) >= CLEAN_FLOOR, wrongly


def test_most_risky_lines_are_held_by_more_than_one_rule() -> None:
    several = sum(len(holds(examine_text(gate(), text))) > 1 for _, text in risky())
    assert several / len(risky()) >= TWO_RULES_FLOOR


ALONE = tuple(rule for rule in TEXT_RULES if rule is not names.language)
"""Rules that hold something no other does; the language rule gives the reason, the vocabulary holds as well."""


@pytest.mark.parametrize("off", ALONE, ids=lambda rule: f"{rule.__module__.split('.')[-1]}.{rule.__name__}")
def test_switching_a_rule_off_lets_a_risky_line_pass(off: Rule) -> None:
    passed = [
        text
        for _, text in risky()
        if not holds(
            tuple(
                one
                for rule in TEXT_RULES
                if rule is not off
                for one in rule(read(gate().tables, text, where="text", is_lone=True))
            )
        )
    ]
    assert passed, "no line of the corpus needs this rule: add one that only it holds"

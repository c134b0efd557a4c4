"""Planted clinical slips of five kinds, and sound answers beside them: what is found, and what is blamed wrongly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_answer
from clinic_broadcast.core.lexicon import DrugKind
from gate_pages import gate, lexicon, page

SOUND = (
    "{drug} is often used in this situation. It is stopped when the test is positive.",
    "There is no harm in taking {drug} early in pregnancy. Most women tolerate it well.",
    "Many clinics use {drug} (a common choice) before the transfer.",
)
QUESTIONS = (
    "Should I take {drug}?",
    "my doctor gave me {drug} and I worry",
    "Is {drug} safe with heparin and aspirin?",
)
FOUND_FLOOR = 0.95
WRONG_BLOCKS_MAX = 0.1


def asked_drugs() -> list[str]:
    return sorted(
        name
        for name, drug in lexicon().drugs.items()
        if name.isalpha() and len(name) >= 6 and drug.kind in (DrugKind.BRAND, DrugKind.INN)
    )


def misspelt(rng: random.Random, name: str) -> str:
    at = rng.randrange(1, len(name) - 1)
    letter = rng.choice("abcdefghilmnoprstu")
    forms = (
        name[:at] + name[at + 1 :],
        name[:at] + letter + name[at + 1 :],
        name[:at] + letter + name[at:],
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
    )
    return rng.choice(forms)


def slips(rng: random.Random, count: int) -> Iterator[tuple[str, str, str]]:
    """Give kind, question and answer of planted slips."""
    drugs = asked_drugs()
    pairs = sorted(sorted(pair) for pair in lexicon().confusable_pairs)
    made = 0
    while made < count:
        drug = rng.choice(drugs)
        question, sound = rng.choice(QUESTIONS), rng.choice(SOUND)
        kind = ("misspelt", "pair", "gloss", "mangled", "link")[made % 5]
        if kind == "misspelt":
            wrong = misspelt(rng, drug)
            if wrong == drug or lexicon().is_vocabulary(wrong) or lexicon().drug(wrong) is not None:
                continue
            answer = sound.format(drug=wrong.capitalize())
        elif kind == "pair":
            drug, other = rng.sample(rng.choice(pairs), 2)
            answer = sound.format(drug=other)
        elif kind == "gloss":
            other = rng.choice(drugs)
            if lexicon().drugs[drug].is_same_as(lexicon().drugs[other]):
                continue
            answer = sound.format(drug=f"{drug.capitalize()} ({other})")
        elif kind == "mangled":
            answer = sound.format(drug=f"{drug.capitalize()} {rng.choice(('#20 units)', '(once daily#'))}")
        else:
            answer = sound.format(drug=drug) + " For more check out my blog at"
        made += 1
        yield kind, question.format(drug=drug), answer


def test_planted_slips_are_found(record_property: Callable[[str, object], None]) -> None:
    missed: list[tuple[str, str]] = []
    total = 0
    for kind, question, answer in slips(random.Random(5), 600):
        findings = examine_answer(gate(), page(answer, question=question)).findings
        total += 1
        if not any(one.where == "answer" and one.severity is not Severity.NOTE for one in findings):
            missed.append((kind, answer))
    record_property("told", f"clinical slips: {total - len(missed)} of {total} planted ones found")
    assert total >= 500
    assert 1 - len(missed) / total >= FOUND_FLOOR, missed


def test_sound_answers_are_hardly_ever_blocked(record_property: Callable[[str, object], None]) -> None:
    rng = random.Random(6)
    blocked: list[str] = []
    drugs = asked_drugs()
    for _ in range(300):
        drug = rng.choice(drugs)
        answer = rng.choice(SOUND).format(drug=drug.capitalize())
        findings = examine_answer(
            gate(), page(answer, question=rng.choice(QUESTIONS).format(drug=drug))
        ).findings
        if any(one.severity is Severity.BLOCK for one in findings):
            blocked.append(answer)
    record_property("told", f"clinical slips: {len(blocked)} false blocks in 300 sound documents")
    assert len(blocked) / 300 < WRONG_BLOCKS_MAX, blocked

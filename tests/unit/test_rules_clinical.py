"""Clinical rules by tables: slips with drugs that were invented for these tests."""

from __future__ import annotations

import pytest

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import examine_answer, examine_text, refutation_near
from gate_pages import gate, page


def found_in(question: str, answer: str, *, title: str = "Drugs and IVF") -> tuple[Finding, ...]:
    material = examine_answer(gate(), page(answer, question=question, title=title))
    return tuple(one for one in material.findings if one.where == "answer")


def rules_in(question: str, answer: str) -> set[tuple[str, str]]:
    return {(one.rule, one.severity.value) for one in found_in(question, answer)}


SLIPS = (
    ("I take Fragmin.", "Fragnim thins the blood.", "clinical.look-alike", "block"),
    ("I take letrozole.", "Letrozol helps to ovulate.", "clinical.look-alike", "block"),
    ("no drug", "Cabergolin lowers prolactin.", "clinical.look-alike", "block"),
    ("I take Puregon.", "Pergonal makes follicles grow.", "clinical.look-alike", "block"),
    ("I take Clomid.", "Clomipramine brings ovulation.", "clinical.look-alike", "block"),
    ("I take methotrexate.", "Metolazone ends an ectopic pregnancy.", "clinical.look-alike", "block"),
    ("I take prednisone.", "Progesterone calms the immune system.", "clinical.look-alike", "block"),
    ("I take syntometrine.", "Syntocinon stops the bleeding.", "clinical.look-alike", "block"),
    ("I take Fragmin.", "Fragnim (prednisone# is old.", "clinical.gloss", "block"),
    ("none", "Fragmin (prednisone) is given.", "clinical.gloss", "block"),
    ("none", "Lupron, also known as cetrorelix, is given.", "clinical.gloss", "block"),
    ("none", "Fragmin is a steroid.", "clinical.gloss", "block"),
    ("none", "Metformin, an oral anticoagulant, is given.", "clinical.gloss", "block"),
    ("none", "Blood thinners (prednisone) are given.", "clinical.gloss", "block"),
    ("none", "Take #75 units) now.", "form.mangled", "block"),
    ("none", "Take Lovenox (now.", "form.bracket", "block"),
    ("none", "Rest (a little.", "form.bracket", "hold"),
    ("none", "Give 40 mg per day.", "clinical.dose", "hold"),
    ("none", "Give 2,500-5,000 IU each morning.", "clinical.dose", "hold"),
    ("none", "Give 5mg/kg once.", "clinical.dose", "hold"),
    ("none", "Daily aspiring thins the blood.", "clinical.real-word", "hold"),
    ("I take Femara.", "The femora helps.", "clinical.real-word", "hold"),
    ("I take aspirin.", "Rest is enough.", "clinical.asked-not-answered", "note"),
    ("none", "The text \u00e2\u20ac\u2122 is spoilt.", "form.mangled", "block"),
    ("none", "For more visit my website at", "form.lost-link", "hold"),
    ("none", "Die Behandlung dauert meistens mehrere Wochen und ist sicher.", "privacy.language", "hold"),
)


@pytest.mark.parametrize(("question", "answer", "rule", "severity"), SLIPS)
def test_a_slip_is_found(question: str, answer: str, rule: str, severity: str) -> None:
    assert (rule, severity) in rules_in(question, answer)


SOUND = (
    ("I take Fragmin.", "Fragmin (dalteparin) thins the blood."),
    ("I take Clomid.", "Clomiphene citrate (Clomid) brings ovulation."),
    ("I take Clexane.", "Clexane, also known as Lovenox, is a blood thinner."),
    ("I take prednisone.", "Prednisone is a steroid. Progesterone supports the lining, prednisone does not."),
    ("none", "Prednisone is not an anticoagulant."),
    ("none", "Lupron is a GnRH agonist, and Cetrotide is an antagonist."),
    ("none", "Gonadotropins (Gonal-F, Follistim) make follicles grow."),
    ("none", "The medication (aspirin) is old."),
    ("none", "Aspirin, a steroid and heparin are used together."),
    ("none", "Aspirins and heparins are old."),
    ("none", "An FSH of 10 mIU/mL is high, and 5 ng/dL is low."),
    ("none", "There are two reasons: 1) age\n2) weight"),
    ("none", "Estradiol and progesterone rise."),
    ("my sister Marisol asks", "Women in Marisol Bay wait."),
)


@pytest.mark.parametrize(("question", "answer"), SOUND)
def test_sound_words_raise_no_block(question: str, answer: str) -> None:
    assert [one for one in found_in(question, answer) if one.severity is Severity.BLOCK] == []


def test_a_pair_that_is_both_answered_only_holds() -> None:
    found = rules_in("I take prednisone.", "Prednisone calms, progesterone supports.")
    assert ("clinical.look-alike", "hold") in found
    assert ("clinical.look-alike", "block") not in found


def test_a_drug_of_the_title_counts_as_asked() -> None:
    found = found_in("no drug here", "Fragnim thins the blood.", title="Fragmin and Pregnancy")
    assert {one.rule for one in found} >= {"clinical.look-alike"}


def test_another_name_of_the_same_drug_is_quiet_until_something_else_fires() -> None:
    assert rules_in("I take Clexane.", "Lovenox thins the blood.") == set()
    assert ("clinical.other-name", "note") in rules_in("I take Clexane.", "Lovenox 40 mg thins the blood.")


def test_findings_stand_exactly_where_the_slip_is() -> None:
    answer = "At first, Fragnim (prednisone# was tried."
    places = {one.rule: answer[one.start : one.end] for one in found_in("I take Fragmin.", answer)}
    assert places["clinical.look-alike"] == "Fragnim"
    assert places["clinical.gloss"] == "Fragnim (prednisone"
    assert places["form.mangled"] == "#"
    assert places["form.bracket"] == "("


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("IVF will succeed in young women.", Severity.HOLD),
        ("Surgery cures endometriosis.", Severity.HOLD),
        ("There is no cure for it.", Severity.NOTE),
        ("Surgery doesn't guarantee relief.", Severity.NOTE),
        ("It works best in young women.", Severity.NOTE),
    ],
)
def test_a_promise_holds_and_praise_is_a_note(text: str, severity: Severity) -> None:
    assert {one.severity for one in examine_text(gate(), text) if one.rule == "clinical.promise"} == {
        severity
    }


def test_a_claim_is_refuted_by_a_cue_within_two_sentences() -> None:
    body = "Stress causes every loss. Many read it. That is a myth. Rest is fine. Sleep is fine. Tea is fine."
    assert refutation_near(gate(), body, 0, 10) == "myth"
    at = body.index("Tea")
    assert refutation_near(gate(), body, at, len(body)) == ""

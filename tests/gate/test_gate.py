"""The gate as its callers see it: material of an answer, and the final bytes of a promo."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clinic_broadcast.core.finding import Severity, Verdict, verdict_of
from clinic_broadcast.core.gate import (
    Gate,
    examine_answer,
    examine_payload,
    examine_text,
    title_findings,
    title_is_clean,
)
from clinic_broadcast.core.promo import Card, Fragment, Origin, Payload
from clinic_broadcast.core.rules.taint import letter_taint
from gate_pages import gate, lexicon, page

TITLE = "Thyroid Tests and Early Pregnancy Loss"
BODY = "A simple blood test shows how the thyroid works. A second sentence is about you."
SENTENCE = "A simple blood test shows how the thyroid works."


def fragments_of(*pieces: tuple[str, Origin, int]) -> tuple[Fragment, ...]:
    return tuple(
        Fragment(text=text, origin=origin, start=start, end=start + len(text))
        for text, origin, start in pieces
    )


GOOD = fragments_of(
    (TITLE, Origin.TITLE, 0),
    (": ", Origin.TEMPLATE, 0),
    (SENTENCE, Origin.ANSWER, 0),
    (" Dr. Jane Roe explains: ", Origin.TEMPLATE, 0),
    ("https://blog.example/2026/03/thyroid-tests.html", Origin.OWN, 0),
    (" You and I #Thyroid", Origin.TEMPLATE, 0),
)


def payload_of(fragments: tuple[Fragment, ...], *, card: Card | None = None) -> Payload:
    return Payload(
        text="".join(one.text for one in fragments),
        link="https://blog.example/2026/03/thyroid-tests.html",
        card=card,
    )


def rules_of(fragments: tuple[Fragment, ...], *, body: str = BODY, card: Card | None = None) -> set[str]:
    material = examine_answer(gate(), page(body, question="I took it.", greeting="Hello Ingrid from Norway,"))
    return {
        one.rule for one in examine_payload(gate(), payload_of(fragments, card=card), fragments, material)
    }


def test_a_good_promo_is_clear_and_template_words_are_reviewed() -> None:
    assert rules_of(GOOD) == set()


def test_fragments_must_rebuild_the_text() -> None:
    material = examine_answer(gate(), page(BODY))
    payload = replace(payload_of(GOOD), text=payload_of(GOOD).text + " more")
    found = examine_payload(gate(), payload, GOOD, material)
    assert [one.severity for one in found if one.rule == "form.fragments"] == [Severity.BLOCK]


@pytest.mark.parametrize(
    "wrong",
    [
        ("A simple blood test shows how the liver works.", Origin.ANSWER, 0),
        (SENTENCE, Origin.ANSWER, 1),
        (SENTENCE, Origin.TITLE, 0),
    ],
)
def test_words_of_title_and_answer_must_be_slices_of_them(wrong: tuple[str, Origin, int]) -> None:
    assert "form.fragments" in rules_of(fragments_of(wrong))


def test_without_an_answer_nothing_may_claim_to_come_from_one() -> None:
    fragments = fragments_of((SENTENCE, Origin.ANSWER, 0))
    found = examine_payload(gate(), payload_of(fragments), fragments, None)
    assert "form.fragments" in {one.rule for one in found}


def test_a_tag_of_a_template_must_be_in_the_table_too() -> None:
    assert "form.hashtag" in rules_of((*GOOD, *fragments_of((" #Clexane", Origin.TEMPLATE, 0))))


def test_a_card_is_read_like_the_text() -> None:
    for card in (
        Card(title="For Ingrid", description=""),
        Card(title="", description="Ask your doctor."),
        Card(title="", description="", alt="A photo from Norway"),
    ):
        assert any(rule.startswith("privacy.") for rule in rules_of(GOOD, card=card))


def test_a_promo_is_never_clearer_than_its_answer() -> None:
    rules = rules_of(GOOD, body=BODY + " Lovenox (prednisone# is given.")
    assert {"clinical.gloss", "form.mangled", "form.bracket"} <= rules


def test_a_sentence_near_a_refutation_is_held() -> None:
    assert "clinical.refuted" in rules_of(GOOD, body=SENTENCE + " That is a myth.")


def test_a_drug_in_a_promo_is_a_note() -> None:
    body = "Metformin may help some women."
    fragments = fragments_of((body, Origin.ANSWER, 0))
    material = examine_answer(gate(), page(body))
    found = examine_payload(gate(), payload_of(fragments), fragments, material)
    assert [(one.rule, one.severity) for one in found] == [("clinical.drug", Severity.NOTE)]


def test_findings_on_the_title_only_keep_the_title_out() -> None:
    material = examine_answer(gate(), page(BODY, title="My Second Loss at 43"))
    assert not title_is_clean(gate(), material)
    assert {one.where for one in material.findings} == {"title"}
    assert verdict_of(one for one in material.findings if one.where != "title") is Verdict.CLEAR
    assert title_is_clean(gate(), examine_answer(gate(), page(BODY)))
    assert not title_is_clean(gate(), examine_answer(gate(), page(BODY, title="  ")))


def test_sentences_that_may_not_be_quoted_are_no_findings_of_the_answer() -> None:
    material = examine_answer(
        gate(), page("I told you that my 3 patients in Norway waited. We guarantee nothing.")
    )
    assert material.findings == ()


def test_a_link_of_the_page_that_tells_a_case_is_told_at_once() -> None:
    material = examine_answer(gate(), page(BODY, url="https://blog.example/2026/03/my-loss-at-43.html"))
    assert {(one.rule, one.where) for one in material.findings} == {("privacy.url", "link")}


@pytest.mark.parametrize(
    "answer",
    [
        "Polyps are common. My husband is worried about it.",
        "I am 38 and they found a polyp.",
        "We have been trying for long. Polyps are common.",
    ],
)
def test_a_patients_voice_in_the_answer_puts_the_zones_in_doubt(answer: str) -> None:
    assert "privacy.zone" in {one.rule for one in examine_answer(gate(), page(answer)).findings}


def test_two_salutations_put_the_zones_in_doubt() -> None:
    doubtful = page(BODY, greeting="Hello,\n\nHello Ingrid from Norway,")
    assert "privacy.zone" in {one.rule for one in examine_answer(gate(), doubtful).findings}


def test_the_doctors_own_i_and_my_patients_are_no_doubt() -> None:
    material = examine_answer(
        gate(),
        page(
            "I give it in some IVF cycles. In my clinic we are trying to make many eggs grow. I am trying to explain."
        ),
    )
    assert material.findings == ()


def test_an_address_of_ours_inside_a_text_is_read_too() -> None:
    found = examine_text(gate(), "Polyps: https://blog.example/2026/03/my-loss-at-43.html")
    assert {one.rule for one in found} == {"privacy.url"}
    assert {one.excerpt for one in found} == {"my", "43"}


def test_a_title_may_share_words_with_its_letter_but_no_name_and_no_number() -> None:
    taint = letter_taint(
        gate().tables, "My name is Sparrow, I am 40, thank you for stimulation", "", key=b"k"
    )
    assert title_findings(gate(), "Stimulation and Freezing", taint=taint) == ()
    assert title_findings(gate(), "Sparrow", taint=taint) != ()
    assert {one.rule for one in title_findings(gate(), "Pregnancy After the Age of 40", taint=taint)} == {
        "privacy.number",
        "privacy.taint",
    }


def test_the_version_names_rules_and_lists() -> None:
    other = Gate(lexicon=replace(lexicon(), version="other"), own_names=(), own_hosts=(), taint_key=b"k")
    assert other.version.endswith("+other")
    assert other.version != gate().version


def test_the_same_bytes_always_give_the_same_findings() -> None:
    text = "Grace, 43, from Norway: my husband (R. wrote #2000"
    assert examine_text(gate(), text) == examine_text(gate(), text)
    assert len(set(examine_text(gate(), text))) == len(examine_text(gate(), text))

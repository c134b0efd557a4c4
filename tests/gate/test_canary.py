"""Planted secrets: whatever a letter tells of its writer never passes, in any sentence of the answer or promo."""

from __future__ import annotations

from clinic_broadcast.core.finding import Severity, Verdict, verdict_of
from clinic_broadcast.core.gate import examine_answer, examine_payload, examine_text, sentence_findings
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.promo import Card, Fragment, Origin, Payload
from clinic_broadcast.core.rules.reading import read
from clinic_broadcast.core.rules.taint import tainted
from gate_pages import canaries, gate, page

PAGES = 600


def passes(sentence: str, material: Material) -> bool:
    findings = sentence_findings(gate(), sentence, taint=material.taint)
    return verdict_of(findings) is Verdict.CLEAR


def leaks_of(count: int, seed: int) -> tuple[int, list[str]]:
    tried, leaked = 0, []
    for canary in canaries(count, seed=seed):
        material = examine_answer(gate(), canary.answer)
        for _, sentence in canary.leaks:
            tried += 1
            if passes(sentence, material):
                leaked.append(sentence)
    return tried, leaked


def test_no_secret_of_a_letter_passes_in_a_sentence() -> None:
    tried, leaked = leaks_of(PAGES, seed=20260302)
    assert tried >= 5000
    assert leaked == []


def test_without_taint_secrets_do_pass_so_the_layer_is_needed() -> None:
    passed = sum(
        verdict_of(examine_text(gate(), sentence)) is Verdict.CLEAR
        for canary in canaries(150, seed=11)
        for _, sentence in canary.leaks
    )
    assert passed > 0


def test_taint_alone_catches_nearly_every_secret() -> None:
    tried = caught = 0
    for canary in canaries(150, seed=12):
        material = examine_answer(gate(), canary.answer)
        for _, sentence in canary.leaks:
            tried += 1
            reading = read(gate().tables, sentence, where="answer", is_lone=False)
            caught += any(tainted(reading, material.taint))
    assert caught / tried >= 0.99


def test_a_secret_passes_in_no_part_of_a_payload() -> None:
    for canary in canaries(60, seed=13):
        material = examine_answer(gate(), canary.answer)
        for _, sentence in canary.leaks[:4]:
            start = material.body.index(sentence)
            quoted = Fragment(text=sentence, origin=Origin.ANSWER, start=start, end=start + len(sentence))
            own = Fragment(text=sentence, origin=Origin.OWN, start=0, end=len(sentence))
            for payload, fragments in (
                (Payload(text=sentence, link=material.url), (quoted,)),
                (Payload(text=sentence, link=material.url), (own,)),
                (Payload(text="", link=material.url, card=Card(title=sentence, description="")), ()),
                (Payload(text="", link=material.url, card=Card(title="", description=sentence)), ()),
                (Payload(text="", link=material.url, card=Card(title="", description="", alt=sentence)), ()),
            ):
                assert verdict_of(examine_payload(gate(), payload, fragments, material)) is not Verdict.CLEAR


def test_no_finding_of_a_page_tells_a_word_that_stands_in_the_letter_only() -> None:
    letter = "My name is Xqsparrow and I live in Zzlagoon, 43 years, thank you"
    material = examine_answer(
        gate(), page("Polyps are common.", question=letter, greeting="Hello Xqsparrow,")
    )
    told = " ".join(one.message + one.excerpt for one in material.findings)
    assert not any(word in told for word in ("Xqsparrow", "Zzlagoon", "43"))
    assert "Xqsparrow" not in repr(material)


def test_a_page_in_doubt_blocks_whatever_is_quoted() -> None:
    material = examine_answer(gate(), page("Polyps are common.", doubt="No greeting was found."))
    text = "Polyps are common."
    quoted = (Fragment(text=text, origin=Origin.ANSWER, start=0, end=len(text)),)
    own = (Fragment(text=text, origin=Origin.OWN, start=0, end=len(text)),)
    payload = Payload(text=text, link=material.url)
    severities = {
        one.severity
        for one in examine_payload(gate(), payload, quoted, material)
        if one.rule == "privacy.zone"
    }
    assert severities == {Severity.BLOCK}
    severities = {
        one.severity for one in examine_payload(gate(), payload, own, material) if one.rule == "privacy.zone"
    }
    assert severities == {Severity.HOLD}

"""Taint: what of a letter can never be published, and what it leaves free."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_answer, examine_text, sentence_findings
from clinic_broadcast.core.material import Taint, digest_of
from clinic_broadcast.core.rules.taint import letter_taint
from gate_pages import gate, page

KEY = b"k"


def taint_of_letter(letter: str, greeting: str = "") -> Taint:
    return letter_taint(gate().tables, letter, greeting, key=KEY)


TAINTED = (
    ("My name is sparrow", "sparrow"),
    ("im hope and i am sad", "hope"),
    ("random here, writing again", "random"),
    ("my husband will agrees", "will"),
    ("we live in reading", "reading"),
    ("regards,\nshadow", "shadow"),
    ("Hi, I was seen at Kings Lane Hospital", "lane"),
    ("It was Mercy who said so", "mercy"),
    ("I have 4 embryos", "fourth"),
    ("my fourth loss", "4"),
    ("dose of 1,200", "1200"),
    ("after 37+2 weeks", "37"),
    ("thanks Anna-Liisa", "liisa"),
    ("i like xqzt", "xqzt"),
    ("Jos\u00e9 asked", "jose"),
    ("from the U.K.", "uk"),
    ("mail me: hopeful_mum@mail.example", "hopeful"),
    ("we moved to Cork", "cork"),
    ("my twins are well", "twins"),
    ("O'Brien here", "brien"),
    ("wojciech is worried", "wojciech"),
    ("my sister jennifer had it", "jennifer"),
)

FREE = (
    ("Should I take progesterone? What is the risk?", "should"),
    ("Should I take progesterone? What is the risk?", "progesterone"),
    ("Thyroid tests were normal.", "thyroid"),
    ("I have factor v leiden", "leiden"),
    ("I took Clomid", "clomid"),
    ("Will it work?", "will"),
    ("we hope it can help the baby", "baby"),
    ("Can you help with the lining", "can"),
    ("I am trying to conceive", "conceive"),
)


@pytest.mark.parametrize(("letter", "word"), TAINTED)
def test_a_token_that_may_identify_is_tainted(letter: str, word: str) -> None:
    assert taint_of_letter(letter).holds(word)


@pytest.mark.parametrize(("letter", "word"), FREE)
def test_the_topic_of_a_letter_stays_free(letter: str, word: str) -> None:
    assert not taint_of_letter(letter).holds(word)


def test_everything_of_the_greeting_is_a_name() -> None:
    taint = taint_of_letter("", "Hello Sparrow from Warm Lakes")
    assert all(taint.names_hold(word) for word in ("sparrow", "warm", "lakes", "hello"))


def test_the_taint_keeps_digests_only() -> None:
    taint = taint_of_letter("my name is sparrow")
    assert all(len(one) == 8 and b"sparrow" not in one for one in taint.tokens)
    assert digest_of("sparrow", KEY) in taint.names


def test_a_name_of_the_letter_blocks_and_another_word_of_it_holds() -> None:
    material = examine_answer(
        gate(), page("Polyps are common.", question="I am Sparrow, and it is xqzt with 3 cysts.")
    )
    found = {
        one.excerpt: one.severity
        for one in sentence_findings(gate(), "sparrow has three cysts", taint=material.taint)
        if one.rule == "privacy.taint"
    }
    assert found == {"sparrow": Severity.BLOCK, "three": Severity.HOLD}


def test_a_number_of_the_letter_holds_inside_an_allowed_form_as_well() -> None:
    taint = taint_of_letter("I am 35 years old")
    found = examine_text(gate(), "Egg quality falls after the age of 35.", taint=taint)
    assert {"privacy.number", "privacy.taint"} == {one.rule for one in found}


def test_the_words_of_a_clean_title_leave_the_taint_but_its_names_do_not() -> None:
    question = "thank you, early stimulation stopped"
    clean = examine_answer(gate(), page("Polyps.", question=question, title="Stimulation That Stopped Early"))
    assert not clean.taint.holds("stopped")
    named = examine_answer(gate(), page("Polyps.", question="My name is Sparrow", title="Sparrow and IVF"))
    assert named.taint.holds("sparrow")
    assert any(one.where == "title" and one.severity is Severity.HOLD for one in named.findings)


def test_with_zones_in_doubt_every_part_of_the_page_taints() -> None:
    doubtful = page("We moved to Cork.", doubt="No greeting was found.")
    assert examine_answer(gate(), doubtful).taint.holds("cork")


LETTERS = st.text(alphabet="abAB .,'-\n123@\u00e9", max_size=60)


@settings(max_examples=120, deadline=None)
@given(LETTERS, LETTERS, st.text(alphabet="abAB .123", max_size=40))
def test_more_letter_only_ever_adds_findings(letter: str, more: str, text: str) -> None:
    less_taint = taint_of_letter(letter)
    more_taint = Taint(
        key=KEY,
        tokens=less_taint.tokens | taint_of_letter(more).tokens,
        names=less_taint.names | taint_of_letter(more).names,
    )

    def places(taint: Taint) -> set[tuple[str, int, int]]:
        return {(one.rule, one.start, one.end) for one in examine_text(gate(), text, taint=taint)}

    assert places(less_taint) <= places(more_taint)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100), st.text(max_size=40))
def test_no_letter_makes_the_taint_fail(letter: str, greeting: str) -> None:
    taint = taint_of_letter(letter, greeting)
    assert taint.names <= taint.tokens

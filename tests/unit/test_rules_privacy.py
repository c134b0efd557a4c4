"""Each privacy rule by a table: what it holds, and what it lets pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import TEXT_RULES, Rule, examine_text
from clinic_broadcast.core.rules import names, privacy
from clinic_broadcast.core.rules.numbers import same_numbers
from clinic_broadcast.core.rules.reading import read
from gate_pages import gate

RISKY_WORDS = (
    "Grace",
    "R.",
    "jennifer",
    "43",
    "fibroids",
    "are",
    "common",
    "husband",
    "in",
    "May",
    "#2000",
    "(",
    "Leiden",
)


def held_by(rule: Rule, text: str, *, is_lone: bool = True) -> list[str]:
    reading = read(gate().tables, text, where="text", is_lone=is_lone)
    return [one.excerpt for one in rule(reading) if one.severity is not Severity.NOTE]


HELD: tuple[tuple[Rule, str, str], ...] = (
    (privacy.voice, "We see it often.", "We"),
    (privacy.voice, "I'm sure of it.", "I'm"),
    (privacy.voice, "Why did I lose it?", "I"),
    (privacy.voice, "Should I stop my drops?", "my"),
    (privacy.voice, "A self-help guide for you-know-who", "you-know-who"),
    (privacy.kin, "The husband came too.", "husband"),
    (privacy.kin, "A reader asks.", "reader"),
    (privacy.kin, "The mother wept.", "mother"),
    (privacy.kin, "A nurse from Malta", "A nurse from"),
    (privacy.time, "In May it began.", "May"),
    (privacy.time, "since the surgery", "since"),
    (privacy.time, "frozen in 2019", "2019"),
    (privacy.time, "in the fall of that year", "in the fall"),
    (privacy.time, "on Feb. 3", "Feb"),
    (privacy.contact, "ask a.b@c.example", "a.b@c.example"),
    (privacy.contact, "see clinicfriends.org now", "clinicfriends.org"),
    (privacy.contact, "thank @someone for it", "@someone"),
    (privacy.contact, "call 020 7946 0958", "020 7946 0958"),
    (privacy.contact, "at 10.1.2.3 there", "10.1.2.3"),
    (privacy.contact, "https://other.example/page", "https://other.example/page"),
    (privacy.number, "after three losses", "three"),
    (privacy.number, "a twenty-eight day", "twenty-eight"),
    (privacy.number, "at 43", "43"),
    (privacy.number, "twins again", "twins"),
    (names.vocabulary, "ask nkechika first", "nkechika"),
    (names.vocabulary, "S\u0430rah waits", "S\u0430rah"),
    (names.initial, "R. waits", "R"),
    (names.initial, "a case from K", "K"),
    (names.initial, "in running text A stands alone", "A"),
    (names.name, "Grace waits.", "Grace"),
    (names.name, "jennifer waits", "jennifer"),
    (names.name, "Anna-Maria waits", "Anna-Maria"),
    (names.name, "May waits.", "May"),
    (names.capital, "It was done in Leiden by laparoscopy.", "Leiden"),
    (names.capital, "the team of Mercy was kind", "Mercy"),
    (names.capital, "an anti-Boston mood in the room", "anti-Boston"),
    (
        names.language,
        "Die Behandlung dauert meistens mehrere Wochen",
        "Die Behandlung dauert meistens mehrere Wochen",
    ),
    (names.language, "fibroids \u043c\u0438\u043e\u043c\u0430", "\u043c\u0438\u043e\u043c\u0430"),
)

PASSED: tuple[tuple[Rule, str], ...] = (
    (privacy.voice, "Should I avoid running during stimulation?"),
    (privacy.voice, "What should I do if I bleed?"),
    (privacy.voice, "Type I cells, i.e. the first kind"),
    (privacy.kin, "Male partners should be tested, and husbands too."),
    (privacy.kin, "It is safe for the mother."),
    (privacy.kin, "Thanks to better freezing more embryos survive."),
    (privacy.kin, "A woman in labor needs care."),
    (privacy.time, "This may help, and they march on."),
    (privacy.time, "May women take it?"),
    (privacy.time, "Hormone levels fall, and the fall in estrogen can last."),
    (privacy.time, "The next step is a scan."),
    (privacy.contact, "It was fine at the clinic.It can help."),
    (privacy.contact, "Ask @exampleclinic or read https://blog.example/a.html and feeds.example"),
    (privacy.contact, "a range of 1-2 and 3.5"),
    (privacy.number, "40% of all pregnancies"),
    (privacy.number, "T4, hCG and vitamin B12"),
    (privacy.number, "after the age of 35"),
    (names.vocabulary, "Endometriosis isn't rare; a well-known non-invasive test"),
    (names.initial, "A scan shows it. I see vitamin D and hepatitis B."),
    (names.initial, "Factor V Leiden and an X chromosome"),
    (names.name, "Early pregnancy and natural cycles"),
    (names.name, "Turner syndrome and Asherman syndrome"),
    (names.name, "May women with fibroids take it?"),
    (names.capital, "Thyroid Tests and Early Loss"),
    (names.capital, "The pill, IVF, hCG and Clomid are known."),
    (names.capital, "One thing: Women wait."),
    (names.language, "Low AMH does not mean that pregnancy is impossible."),
    (names.language, "\u03b2-hCG rises early in pregnancy"),
)


@pytest.mark.parametrize(("rule", "text", "excerpt"), HELD)
def test_a_rule_holds_what_it_is_for(rule: Rule, text: str, excerpt: str) -> None:
    assert excerpt in held_by(rule, text)


@pytest.mark.parametrize(("rule", "text"), PASSED)
def test_a_rule_lets_ordinary_words_pass(rule: Rule, text: str) -> None:
    assert held_by(rule, text) == []


def test_a_lower_case_name_holds_only_where_no_letter_is_known() -> None:
    assert held_by(names.name, "jennifer waits", is_lone=False) == []


def test_an_allowed_number_is_a_note_that_stops_auto_clean() -> None:
    found = examine_text(gate(), "Up to 40% of all pregnancies end early.")
    assert [(one.rule, one.severity) for one in found] == [("privacy.number", Severity.NOTE)]


def test_contact_data_blocks() -> None:
    found = examine_text(gate(), "Write to hopeful@mail.example")
    assert Severity.BLOCK in {one.severity for one in found if one.rule == "privacy.contact"}


def test_our_own_names_pass_in_their_usual_forms_and_no_others() -> None:
    for text in (
        "Dr. Jane Roe explains it.",
        "Dr Roe explains it.",
        "Jane Roe, M.D. explains it.",
        "@exampleclinic explains.",
    ):
        assert [one.excerpt for one in examine_text(gate(), text)] == [], text
    assert examine_text(gate(), "Jane explains it.") != ()
    assert examine_text(gate(), "Ask Roe.") != ()


def test_a_finding_points_into_the_text_as_given_even_where_it_was_normalised() -> None:
    text = "\ufb01broids of Jose\u0301 and \uff27race"
    for one in examine_text(gate(), text):
        assert text[one.start : one.end] == one.excerpt
    assert "Jose\u0301" in {one.excerpt for one in examine_text(gate(), text)}
    assert "\uff27race" in {one.excerpt for one in examine_text(gate(), text)}


def test_a_number_is_the_same_in_figures_and_words() -> None:
    assert {"4", "four", "fourth", "4th"} <= same_numbers("four") | {"four"}
    assert "three" in same_numbers("3rd")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_no_text_makes_the_gate_fail_and_each_finding_is_a_slice(text: str) -> None:
    for one in examine_text(gate(), text):
        assert isinstance(one, Finding)
        assert text[one.start : one.end] == one.excerpt
        assert one.message
        assert one.source


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "Grace",
                "R.",
                "jennifer",
                "43",
                "fibroids",
                "are",
                "common",
                "husband",
                "in",
                "May",
                "#2000",
                "(",
                "I",
                "Leiden",
            ]
        )
    )
)
def test_a_further_rule_only_ever_adds_findings(words: list[str]) -> None:
    reading = read(gate().tables, " ".join(words), where="text", is_lone=True)
    before: set[Finding] = set()
    for rule in TEXT_RULES:
        after = before | set(rule(reading))
        assert before <= after
        before = after
    assert before <= set(examine_text(gate(), " ".join(words)))

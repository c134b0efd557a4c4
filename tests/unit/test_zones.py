"""The zones of a page: greetings to the letter, signatures, doubt, and what no page may make the program do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinic_broadcast.core.answer import AnswerId, Link, RawAnswer, Zones
from clinic_broadcast.core.greeting import Addressee, read_opening
from clinic_broadcast.core.own_names import own_names_of
from clinic_broadcast.core.zone_signs import is_name_line, may_be_a_letter, speaks_as_patient
from clinic_broadcast.core.zones import read_answer, split_zones

OWN = ("Dr. Jane Roe", "Harbour Fertility Center", "@theclinic", "www.roe.example")
AT = datetime(2026, 3, 2, tzinfo=UTC)
ZONES = ("question", "greeting", "answer", "signature", "furniture")


def page(body: str, title: str = "A title", links: tuple[Link, ...] = ()) -> RawAnswer:
    return RawAnswer(
        id=AnswerId("a"),
        url="https://blog.example/a",
        title=title,
        body=body,
        published_at=AT,
        updated_at=AT,
        links=links,
    )


def split(body: str, own: tuple[str, ...] = OWN) -> Zones:
    return split_zones(page(body), own)


@pytest.mark.parametrize(
    ("line", "greeting"),
    [
        ("Hello Ann from the U.K.", "Hello Ann from the U.K."),
        ("Hello Ann, I think so.", "Hello Ann,"),
        ("Hello Ann I think so.", "Hello Ann"),
        ("Hi Ann! Yes, it can.", "Hi Ann!"),
        ("Hello Ann from Lima, Peru, you should wait.", "Hello Ann from Lima, Peru,"),
        ("Hello Ann, from Peru: it depends.", "Hello Ann, from Peru:"),
        ("Hello Ann, Lima, Peru", "Hello Ann, Lima, Peru"),
        ("Hello Ann, However, it depends.", "Hello Ann,"),
        ("Hello A. from the U.S. You should wait.", "Hello A. from the U.S."),
        ("Hello A.B. in Peru, yes.", "Hello A.B. in Peru,"),
        ("Good morning Mrs. Smith. Take it daily.", "Good morning Mrs. Smith."),
        ("Dear Ann and Tom, thank you.", "Dear Ann and Tom,"),
        ("Hello, Ann! It may.", "Hello, Ann!"),
        ("Hello again Ann, it may.", "Hello again Ann,"),
        ("hello ann from south africa", "hello ann from south africa"),
        ("Hello Maria de la Cruz, it may.", "Hello Maria de la Cruz,"),
        ("Hello \u201cHopeful\u201d from Texas, it may.", "Hello \u201cHopeful\u201d from Texas,"),
        ("Hello Anne-Marie O\u2019Neil, it may.", "Hello Anne-Marie O\u2019Neil,"),
        ("Hello Jane from Ohio, it may.", "Hello Jane from Ohio,"),
        (
            "Hello Ann from the U.S. Virgin Islands tell me more. It may.",
            "Hello Ann from the U.S. Virgin Islands tell me more.",
        ),
    ],
)
def test_a_greeting_ends_where_the_address_ends(line: str, greeting: str) -> None:
    zones = split(f"Dear Dr. Roe,\nIs it safe?\n\n{line}\nIt is usual.\n\nDr. Roe")
    assert (zones.greeting, zones.doubt) == (greeting, "")
    assert zones.question == "Dear Dr. Roe,\nIs it safe?"


@pytest.mark.parametrize(
    "line",
    [
        "Hello Dr. Roe,",
        "Hi Doctor",
        "Dear doc",
        "Hello dr smith",
        "Dear Sir or Madam,",
        "Hi Jane,",
        "Hello Team,",
        "Hello, Doctor Roe!",
        "To whom it may concern:",
        "Good day Dr",
        "Dear Harbour team",
        "Hi there Dr. Roe,",
    ],
)
def test_a_salutation_to_us_belongs_to_the_letter(line: str) -> None:
    zones = split(f"{line}\nIs it safe?\nThanks\n\nHello Ann from Peru,\nIt is.\n\nDr. Roe")
    assert (zones.question, zones.greeting) == (f"{line}\nIs it safe?\nThanks", "Hello Ann from Peru,")
    assert zones.answer == "It is."


@pytest.mark.parametrize(
    "line", ["Hi-tech pumps help.", "Hiking is fine.", "Dearly loved", "Oh hello", "Dear God, why", ""]
)
def test_not_every_line_with_such_a_word_is_a_greeting(line: str) -> None:
    assert read_opening(line, own_names_of(OWN)) is None


def test_an_opening_says_whom_it_addresses() -> None:
    own = own_names_of(OWN)
    found = {
        line: read_opening(line, own)
        for line in ("Hi there,", "Hello Dr. Roe", "Hello Ann", "Hi Dr. Amy from Kenya")
    }
    assert {line: it.to for line, it in found.items() if it} == {
        "Hi there,": Addressee.NOBODY,
        "Hello Dr. Roe": Addressee.US,
        "Hello Ann": Addressee.READER,
        "Hi Dr. Amy from Kenya": Addressee.READER,
    }


@pytest.mark.parametrize(
    "line",
    [
        "Jane Roe, M.D.",
        "Dr. Jane Roe",
        "- Dr. Roe",
        "J. Roe, MD, FACOG",
        "Harbour Fertility Center",
        "@theclinic",
        "Martin Quill, M.D.",
        "jane roe, m.d.",
        "Sigrid Olsen, RN",
    ],
)
def test_a_name_with_degrees_or_our_name_is_a_signature(line: str) -> None:
    assert is_name_line(line, own_names_of(OWN))
    zones = split(f"Dear Dr. Roe,\nIs it safe?\n\nHello Ann,\nIt is.\n\n{line}\nOldport, Maine")
    assert (zones.answer, zones.signature) == ("It is.", f"{line}\nOldport, Maine")


@pytest.mark.parametrize(
    "line",
    [
        "Dr. Roe recommends a scan first.",
        "Harbour Fertility Center offers this test to all women.",
        "DO NOT STOP HEPARIN",
        "Dr. Roe?",
        "An M.D. should look at it.",
    ],
)
def test_a_sentence_with_a_name_is_no_signature(line: str) -> None:
    assert not is_name_line(line, own_names_of(OWN))


@pytest.mark.parametrize(
    "text",
    [
        "My name is Ann.",
        "I am 34 and tired.",
        "my husband and I",
        "We have been trying for years.",
        "Please help!",
        "I\u2019ve had two miscarriages",
        "Can you help me?",
        "my last HSG was fine",
        "Thank you, Dr Roe",
    ],
)
def test_words_of_the_writers_own_case_show_a_letter(text: str) -> None:
    assert speaks_as_patient(text) == (text != "Thank you, Dr Roe")
    assert may_be_a_letter(text) == (text != "Thank you, Dr Roe")


@pytest.mark.parametrize(
    "text", ["I think that it helps my IVF patients.", "In my opinion it is safe.", "I would wait."]
)
def test_a_doctor_may_say_i_in_an_answer(text: str) -> None:
    assert not speaks_as_patient(text)


def test_without_certainty_the_whole_page_is_the_question() -> None:
    body = "\n Hello Dr. Roe,\nIs Zanzibar safe?\n\nIt is safe.\n\nJane Roe, M.D.\n\nPost a Comment\n"
    zones = split(body)
    assert zones.question == body.strip()
    assert (zones.answer, zones.greeting, zones.signature, zones.furniture, zones.links) == (
        "",
        "",
        "",
        "",
        (),
    )
    assert zones.doubt
    assert "Zanzibar" not in zones.doubt


def test_links_are_moved_into_the_answer_and_left_out_elsewhere() -> None:
    body = (
        "Dear Doctor, see this.\n\nHello Ann,\nRead on.\n\nLabels: x\n\nMore here.\n\nJane Roe, M.D.\nmy blog"
    )
    spans = {
        word: Link(start=body.index(word), end=body.index(word) + len(word), url=word)
        for word in ("this", "Read", "here", "blog")
    }
    zones = split_zones(page(body, links=tuple(spans.values())), OWN)
    found = {link.url: zones.answer[link.start : link.end] if link.start >= 0 else "" for link in zones.links}
    assert found == {"Read": "Read", "here": "here", "blog": ""}
    assert zones.answer == "Read on.\n\nMore here."


def test_a_link_across_a_border_keeps_only_the_answers_part() -> None:
    body = "Dear Doctor, safe?\n\nHello Ann, it is."
    zones = split_zones(page(body, links=(Link(start=0, end=len(body), url="u"),)), OWN)
    assert [(link.start, link.end) for link in zones.links] == [(0, len("it is."))]


def test_read_answer_keeps_what_the_source_said_and_a_revision_of_the_words() -> None:
    raw = replace(page("Dear Doctor, safe?\n\nHello Ann, it is."), labels=("x",), author="Jane")
    answer = read_answer(raw, OWN)
    later = read_answer(
        replace(raw, published_at=AT.replace(year=2027), body=raw.body + "\n\nPost a Comment"), OWN
    )
    assert (answer.id, answer.url, answer.labels, answer.author) == (raw.id, raw.url, ("x",), "Jane")
    assert answer.revision == later.revision


# Any page ----------------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "Hello Dr. Roe,",
        "Hello Ann from Peru,",
        "Hi there,",
        "Hello Tom, it may.",
        "Question:",
        "Answer: it may.",
        "Q: why?",
        "A: so.",
        "Kind regards",
        "Thanks, Ann",
        "Jane Roe, M.D.",
        "Medical Director",
        "Post a Comment",
        "3 comments:",
        "Labels: a, b",
        "> quoted",
        "Posted by Jane Roe at 10:00 AM",
        "It is safe. Jane Roe, M.D.",
        "I am 34 years old.",
        "It is usual.",
        "",
        "",
        "\u200b",
        "- item",
        "June 3, 2010",
        "A title",
        "for additional information check out my blog",
        "Follow-up question:",
        "Dr. Roe: it may.",
    ]
)
BODIES = st.lists(st.one_of(LINES, st.text(max_size=30)), max_size=25).map("\n".join)


def letters_of(text: str) -> Counter[str]:
    return Counter("".join(text.split()))


@given(body=BODIES, own=st.sampled_from([OWN, ()]))
@settings(max_examples=400, deadline=None)
@example(body="\x1c\n\x85Hello\u2028Ann,\r\n\x0b", own=())
def test_each_word_of_a_page_is_in_exactly_one_zone(body: str, own: tuple[str, ...]) -> None:
    zones = split(body, own)
    assert sum((letters_of(getattr(zones, name)) for name in ZONES), Counter()) == letters_of(body)
    for name in ZONES:
        for piece in getattr(zones, name).split("\n\n"):
            assert piece in body
    if zones.doubt:
        assert zones.answer == ""
        assert zones.question == body.strip()


SALUTATIONS = st.sampled_from(
    [
        "Hello Dr. Roe,\n",
        "Dear Doctor\n",
        "Hi Jane,\n\n",
        "Dear Dr. Roe,\n\nHi, this is Canary.\n",
        "Hi,\n",
        "",
        "Hello,\n\n",
        "Question: ",
        "Question from Canary:\n",
        "Greetings from Canary!\n",
    ]
)
LETTERS = st.lists(
    st.sampled_from(
        [
            "Canary was given the blue tablets.",
            "Is it true that canary songs help?",
            "Canary!\n\nThe canary sings.",
            "> canary said so",
            "\n\nCanary, Ohio",
            "The answer of canary: no.",
            "Reply soon to canary.",
        ]
    ),
    min_size=1,
    max_size=4,
).map(" \n".join)
CLOSINGS = st.sampled_from(
    ["", "\nThanks, Canary", "\nKind regards\nCanary", "\n\nSincerely,\nCanary, RN", "\nGod bless"]
)
GREETINGS = st.sampled_from(
    [
        "Hello Ann from Peru,\n",
        "Hello Ann from the U.S. ",
        "Answer: ",
        "Answer:\nHello Ann,\n",
        "Dr. Roe replies: ",
        "Hello Ann,\n",
    ]
)
SIGNS = st.sampled_from(
    [
        "\n\nJane Roe, M.D.",
        "\nDr. Roe\nHarbour Fertility Center",
        "\n\nSincerely,\nJane Roe, M.D.\n@theclinic",
    ]
)
ROUNDS = st.tuples(SALUTATIONS, LETTERS, CLOSINGS, GREETINGS, SIGNS).map(
    lambda parts: (
        f"{parts[0]}{parts[1]}{parts[2]}\n\n{parts[3]}It is usual. Nothing else is needed.{parts[4]}"
    )
)


@given(rounds=st.lists(ROUNDS, min_size=1, max_size=3), own=st.sampled_from([OWN, ()]))
@example(
    rounds=[
        "Dear Dr. Roe,\n\nHi, this is Canary.\nCanary.\nThanks, Canary\n\nHello Ann from Peru,\nYes.\n\nDr. Roe"
    ],
    own=OWN,
)
@example(rounds=["Hi,\nCanary.\n\nSincerely,\nCanary, RN\n\nHello Ann from Peru,\nYes.\n\nDr. Roe"], own=OWN)
@example(rounds=["> canary said so\nCanary.\n\nAnswer: Yes.\n\nDr. Roe"], own=OWN)
@example(
    rounds=[
        "Greetings from Canary!\nCanary.\n\nSincerely,\nCanary, RN\n\nHello Ann from Peru,\nYes.\n\nDr. Roe"
    ],
    own=OWN,
)
@settings(max_examples=500, deadline=None)
def test_no_word_of_a_letter_gets_into_the_answer(rounds: list[str], own: tuple[str, ...]) -> None:
    zones = split("\n\n".join(rounds) + "\n\nPost a Comment\nCanary said...\nHello Ann, canary", own)
    assert "canary" not in zones.answer.lower()


@pytest.mark.parametrize(
    "body",
    [
        "Hello " * 50_000,
        "Hello Ann from " + "a " * 100_000,
        "Hello Ann from Peru,\n" * 20_000,
        "Newer Post\n" * 50_000,
        "> a\nb\n" * 50_000,
        "Q: a\nA: b\n" * 30_000,
        "x. " * 100_000 + "Jane Roe, M.D.",
        "I " * 100_000,
        "my " * 100_000,
        "thanks " * 50_000,
        "\n" * 300_000,
        ">" * 300_000,
        "Dear Dr. Roe,\n" * 30_000,
        "Jane Roe, M.D.\nprose of more than eight words stands here now\n" * 5_000,
        "a" * 300_000,
        "the " * 100_000 + "question",
        "." * 300_000,
        "Hi there,\n\n" * 30_000,
        "1" * 300_000,
        "- " * 150_000,
        "(" * 200_000,
    ],
    ids=range(21),
)
@pytest.mark.timeout(20)
def test_no_page_takes_long(body: str) -> None:
    zones = split(body)
    assert sum((letters_of(getattr(zones, name)) for name in ZONES), Counter()) == letters_of(body)

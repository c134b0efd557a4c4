"""A hundred thousand short pages with secrets in every zone: none in any public byte of promo, card, link or feed.

The pages of `test_canary_documents.py` are long and go through files; these are short and go through the same
functions in memory: read, told into zones, judged, composed for one of three networks with its card, and rendered as
entries of one of the three forms of feed, as a summary or as the whole answer.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from canary_pages import (
    KINDS,
    LEAKS,
    SAFE,
    TITLES,
    Document,
    gate_with_votes,
    leaked,
    names,
    person_of,
    public_texts,
)
from clinic_broadcast.core import gate as rules_module
from clinic_broadcast.core.answer import AnswerId, RawAnswer, Standing
from clinic_broadcast.core.feed import FeedDocument
from clinic_broadcast.core.feed_record import FeedRecord
from clinic_broadcast.core.gate import Gate, examine_answer
from clinic_broadcast.core.material import KnownAnswer, Taint
from clinic_broadcast.core.newsroom import Newsroom, settle
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.render import Presses, render
from fakes import START_AT
from feed_stages import HEAD

PARTS = 20
QUICK, MANY = 300, 100_000
"""Pages of the quick test, and of all parts of the heavy one; CANARY_MANY in the environment is for another number."""

IN_A_FEED = 50
LETTERS = (
    "Hello Dr. Roe, my name is {name} and I live in {place}. My level was {number}.",
    "hi doctor im {name} from {place}, they told me {number}. please help",
    "I hope you can help.We are in {place}, with {number}.My husband {other} is worried. {mail}",
    "Dear Doctor,\nafter {number} we moved near {place}.\nRegards,\n{name}",
    "{name} here, writing from {place}; the doctor says {number}. Thanks",
    "Name: {name}\nCountry: {place}\nLevel: {number}\nMail: {mail}\nIs it too late?",
    "MY NAME IS {name} AND I AM IN {place}. {other} SAYS {number}.",
    "Question:\n\nI'm {name}, {number}, living in {place}. It's about {other}.",
    "thank you so much\n{name}\n{place}\n{number}",
)
GREETINGS = ("Hello {name} from {place},", "Hi {name},", "Dear {name} from {place},", "Hello {name},")


def short_documents(count: int, *, seed: int) -> Iterator[Document]:
    """Give so many short pages, each with secrets in every zone and beside it; the same seed gives the same ones."""
    rng = random.Random(seed)
    for number in range(count):
        writer, other, reader = (person_of(rng, names()) for _ in range(3))
        words = {
            "name": writer.name,
            "place": writer.place,
            "number": writer.number,
            "mail": writer.mail,
            "other": other.name,
        }
        at = rng.randrange(len(TITLES))
        told = rng.choice((writer, other))
        leak = rng.choice(LEAKS).format(name=told.name, place=told.place, number=told.number)
        title = rng.choice((TITLES[at], TITLES[at], f"{TITLES[at]}: {writer.name} at {writer.number}"))
        slug = re.sub(r"[^a-z0-9]+", "-", rng.choice((TITLES[at], f"{TITLES[at]} {writer.name}")).lower())
        answer = " ".join(rng.sample((SAFE[at], leak), 2))
        body = (
            f"{rng.choice(LETTERS).format(**words)}\n\n{rng.choice(GREETINGS).format(**words)}\n\n{answer}\n\n"
            f"Jane Roe, M.D. for {writer.name}\nThe Example Fertility Center"
        )
        if rng.random() < 0.5:
            body += f"\n\nComments\n\n{reader.name} from {reader.place} said: thank you, {reader.mail}"
        yield Document(
            raw=RawAnswer(
                id=AnswerId(f"tag:blog.example,2026:post-{seed}-{number}"),
                url=f"https://blog.example/2026/03/{slug}.html",
                title=title,
                body=body,
                published_at=START_AT,
                updated_at=START_AT,
                author=rng.choice(("Dr. Jane Roe", other.name)),
                labels=("Thyroid", rng.choice((writer.name, writer.place))),
            ),
            secrets=frozenset(secret for one in (writer, other, reader) for secret in one.secrets),
        )


@dataclass
class Read:
    """What was public of some pages: texts of drafts, entries of feeds, sound sentences in either, and secrets."""

    texts: int = 0
    entries: int = 0
    sound: int = 0
    found: set[str] = field(default_factory=set)


def known_of(gate: Gate, raw: RawAnswer) -> KnownAnswer:
    return KnownAnswer(
        material=examine_answer(gate, read_answer(raw, gate.own_names)),
        standing=Standing.FRESH,
        source="blog",
        published_at=raw.published_at,
        updated_at=raw.updated_at,
        first_seen_at=raw.published_at,
        author=raw.author,
        labels=raw.labels,
    )


def entries_of(gate: Gate, known: list[KnownAnswer], *, form: Form, full: bool) -> list[bytes]:
    """Give a feed of these answers: the whole document, and what it says of each."""
    room = Newsroom(
        record=FeedRecord(),
        head=replace(HEAD, full=full),
        gate=gate,
        released=frozenset(),
        now=START_AT,
        tells=True,
        entries={},
    )
    presses = Presses()
    for one in known:
        settle(room, one)
    document = FeedDocument(head=room.head, entries=tuple(room.entries.values()))
    whole = render(document, form, presses)
    assert presses.quarantined == {}
    return [whole, *(presses.entry(one, form) or b"" for one in document.entries)]


def read_public(count: int, *, seed: int) -> Read:
    """Read all that would be public of so many pages."""
    gate = gate_with_votes()
    read = Read()
    group: list[tuple[Document, KnownAnswer]] = []
    for number, one in enumerate(short_documents(count, seed=seed)):
        known = known_of(gate, one.raw)
        group.append((one, known))
        texts = list(public_texts(gate, known.material, kinds=(KINDS[number % len(KINDS)],)))
        read.texts += len(texts)
        read.sound += any(sentence in text for sentence in SAFE for text in texts)
        read.found |= leaked(one.secrets, "\n".join(texts))
        if len(group) == IN_A_FEED or number == count - 1:
            feed = number // IN_A_FEED
            form = (Form.RSS, Form.ATOM, Form.JSON)[feed % 3]
            made = entries_of(gate, [each for _, each in group], form=form, full=feed % 2 == 1)
            read.entries += len(made) - 1
            secrets = frozenset[str]().union(*(each.secrets for each, _ in group))
            for content in made:
                read.found |= leaked(secrets, content.decode())
            read.sound += sum(
                content.decode().count(sentence) > 0 for sentence in SAFE for content in made[1:]
            )
            group = []
    return read


def told(count: int, *, seed: int, record_property: Callable[[str, object], None]) -> Read:
    """Read so many pages, and print what was read."""
    read = read_public(count, seed=seed)
    record_property(
        "told",
        f"canary, part {seed}: {count} short pages, {read.texts} texts and links of drafts, {read.entries} feed "
        f"entries: {len(read.found)} secrets in public",
    )
    assert min(read.texts, read.entries, read.sound) >= count // 10, "too little is public to be a trial"
    return read


def test_no_secret_of_a_short_page_stands_in_any_public_byte(
    record_property: Callable[[str, object], None],
) -> None:
    assert told(QUICK, seed=0, record_property=record_property).found == set()


def test_without_the_letters_words_secrets_of_short_pages_do_get_out(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Taint(key=b"k", tokens=frozenset(), names=frozenset())
    monkeypatch.setattr(rules_module, "letter_taint", lambda *_words, **_key: nothing)
    assert read_public(QUICK, seed=0).found


@pytest.mark.heavy
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_no_secret_of_a_hundred_thousand_pages_stands_in_any_public_byte(
    part: int, record_property: Callable[[str, object], None]
) -> None:
    count = int(os.environ.get("CANARY_MANY", MANY)) // PARTS
    assert told(count, seed=part, record_property=record_property).found == set()

"""Invented people and sentences for pages in which every zone holds a secret, and what would be public of a page."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.core.compose import compose
from clinic_broadcast.core.finding import Verdict, verdict_of
from clinic_broadcast.core.gate import Gate, examine_payload
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.measure import LIMITS
from clinic_broadcast.core.promo import ANNOUNCE
from clinic_broadcast.core.rules.votes import Voter
from clinic_broadcast.settings.wording import Wordings, read_wordings
from feed_stages import HEAD
from gate_pages import OUTSIDE_NAMES, OUTSIDE_PLACES, lexicon
from gate_pages import gate as plain_gate

KINDS = ("x", "facebook", "bluesky")

VOICELESS = ("sparrow", "willow", "juniper", "heather", "robin", "piper", "aspen", "wren")
"""Names in lower case that are words too: on no list that the answer alone is held by."""

TITLES = (
    "Thyroid Tests and Early Pregnancy Loss",
    "Polyps Before an Embryo Transfer",
    "Blocked Tubes and IVF",
)
SAFE = (
    "Polyps are often removed before a transfer.",
    "An underactive thyroid can raise the risk of an early loss.",
    "Blocked tubes may lower the chance of a pregnancy.",
)
LEAKS = (
    "Treatment may help {name} to ovulate.",
    "Clinics near {place} often do this surgery.",
    "The uterus of {name} may need a second look.",
    "A level of {number} may be too low for {name}.",
    "Women from {place} often wait too long.",
)
BASE = " ".join((*TITLES, *SAFE, *LEAKS, HEAD.title, HEAD.author, HEAD.subtitle)).lower()


@dataclass(frozen=True)
class Person:
    """Somebody who must not be recognised."""

    name: str
    place: str
    number: str
    mail: str

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*self.name.lower().split("-"), self.place.lower(), self.number, self.mail)


@dataclass(frozen=True)
class Document:
    """A page, and every token in it that must not go out."""

    raw: RawAnswer
    secrets: frozenset[str]


def person_of(rng: random.Random, names: list[str]) -> Person:
    name = rng.choice((rng.choice(names), rng.choice(OUTSIDE_NAMES), rng.choice(VOICELESS)))
    place = rng.choice(OUTSIDE_PLACES)
    number = f"{rng.randrange(10, 99)}.{rng.randrange(11, 99)}"
    return Person(
        name=name if rng.random() < 0.4 or name in VOICELESS else name.capitalize(),
        place=place if rng.random() < 0.6 else place.lower(),
        number=number,
        mail=f"x{rng.randrange(10**7)}@mail.example",
    )


@cache
def names() -> list[str]:
    """Give every hundredth first name that stands in none of our own words."""
    known = set(re.findall(r"\w+", BASE))
    listed = lexicon().first_names.block.decode().strip("\n").split("\n")[::101]
    found = (line.partition("\t")[0] for line in listed)
    return [name for name in found if len(name) > 4 and name not in known and not lexicon().is_general(name)]


@cache
def wordings() -> Wordings:
    return read_wordings(Path(__file__).parents[1] / "posts")


def public_texts(gate: Gate, material: Material, *, kinds: Sequence[str] = KINDS) -> Iterator[str]:
    """Give every text that goes out without a person who could stop it: the drafts that no finding holds."""
    for kind in kinds:
        wording = wordings().template_for(ANNOUNCE, kind, kind)
        promo = compose(material, wording, channel=kind, limits=LIMITS[kind], gate=gate, pictured=True)
        if promo is None:
            continue
        payload = promo.payload
        if verdict_of(examine_payload(gate, payload, promo.fragments, material)) is not Verdict.CLEAR:
            continue
        card = payload.card
        yield from (payload.text, payload.link)
        yield from (
            () if card is None else (card.title, card.description, card.alt, card.byline, card.disclaimer)
        )


def leaked(secrets: frozenset[str], text: str) -> frozenset[str]:
    """Give the secrets whose words stand in a text."""
    return secrets & set(re.findall(r"[\w.+-]+@[\w.-]+\w|\d+\.\d+|[^\W\d_]+", text.lower()))


def gate_with_votes() -> Gate:
    """Give the gate with a reader that knows some names which are words; none comes with the program."""
    pattern = re.compile(r"\b(?:" + "|".join(VOICELESS) + r")\b", re.IGNORECASE)
    voter = Voter(
        name="names that are words", object_to=lambda text: [one.span() for one in pattern.finditer(text)]
    )
    return replace(plain_gate(), voters=(voter,))

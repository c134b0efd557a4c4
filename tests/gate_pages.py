"""Invented pages for the tests of the gate: letters that tell who wrote them, and answers that repeat it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from clinic_broadcast.core.answer import Answer, AnswerId, Link, Zones
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.packed_words import PackedWords
from clinic_broadcast.settings.lexicon import load_lexicon

AT = datetime(2026, 3, 2, tzinfo=UTC)


@cache
def lexicon() -> Lexicon:
    return load_lexicon()


@cache
def gate() -> Gate:
    """Give the gate of an invented clinic."""
    return Gate(
        lexicon=lexicon(),
        own_names=("Dr. Jane Roe", "The Example Fertility Center", "@exampleclinic"),
        own_hosts=("blog.example", "feeds.example"),
        taint_key=b"a key for tests only",
    )


def page(
    answer: str,
    *,
    question: str = "",
    greeting: str = "",
    title: str = "Thyroid Tests and Early Pregnancy Loss",
    url: str = "https://blog.example/2026/03/thyroid-tests.html",
    signature: str = "Jane Roe, M.D.",
    doubt: str = "",
    links: tuple[Link, ...] = (),
) -> Answer:
    """Give a page with these zones."""
    zones = Zones(
        title=title,
        question=question,
        greeting=greeting,
        answer=answer,
        signature=signature,
        doubt=doubt,
        links=links,
    )
    return Answer(
        id=AnswerId("tag:blog.example,2026:1"), url=url, zones=zones, published_at=AT, updated_at=AT
    )


OUTSIDE_NAMES = (
    "Thandiswa",
    "Nkechi",
    "Oluwaseyi",
    "Bjornstjerne",
    "Xiomarita",
    "Zhenyu",
    "Wanjikuu",
    "Siobhanna",
    "Gulsumbek",
    "Tjarko",
    "Mwanaisha",
    "Aoifeen",
    "Ngozika",
    "Hjordisa",
    "Fyodorov",
    "Quetzali",
    "Dilnozakhon",
    "Ramatoulaye",
    "Ingibjargar",
    "Kahurangi",
    "Przemek",
    "Ludovika",
    "Shimako",
    "Tamsyne",
)
WORD_NAMES = (
    "Hope",
    "Grace",
    "Faith",
    "Joy",
    "Dawn",
    "Summer",
    "May",
    "Will",
    "Rose",
    "Ruby",
    "Amber",
    "Olive",
    "Iris",
    "Violet",
    "Melody",
    "Sky",
    "Chance",
    "Reading",
)
OUTSIDE_PLACES = (
    "Swakopmunde",
    "Ouagala",
    "Tromsoy",
    "Lastochkino",
    "Whakatanei",
    "Zlatibory",
    "Ntchisi",
    "Llanfairpwl",
    "Qaqortoqi",
    "Ixtapalu",
)
WORD_PLACES = [
    "Bath",
    "Nice",
    "Cork",
    "Reading",
    "Mobile",
    "Orange",
    "Bury",
    "Sale",
    "Rugby",
    "Deal",
    "Hull",
    "Wells",
    "March",
    "Battle",
    "Rye",
    "Eye",
]
HOSPITALS = (
    "Kings Lane Hospital",
    "St. Brannock",
    "Lagoon General",
    "Mercy Point",
    "Sunrise Clinic",
    "Queen Maud Infirmary",
    "Royal Elm",
    "Hopewell Centre",
    "Green Valley IVF",
    "Northgate Women's Unit",
)
NUMBERS = ("43", "6", "10.5", "2019", "14.2", "3rd", "fourth", "twenty-eight", "75", "9mm", "37+2", "1,200")

LETTERS = (
    "Hello Dr. Roe, my name is {name} and I live in {place}. I am {number} and was seen at {hospital}.",
    "hi doctor im {name} from {place}, they told me at {hospital} that my level was {number}. please help",
    "I hope you can help.We are in {place} and {hospital} gave me {number} units.My husband {name} is worried.",
    "Dear Doctor,\nafter {number} losses we moved near {place}. My consultant is at {hospital}.\nRegards,\n{name}",
    "{name} here, writing from {place}; {hospital} says {number}. Thanks",
    "Question about {number} eggs. Signed {name}, {place}. My sister works at {hospital}.",
    "I was treated by {hospital} in {place} ({number} times) with my partner {name}.",
    "Name: {name}\nCountry: {place}\nClinic: {hospital}\nAge: {number}\nIs it too late?",
    "My daughter {name} had surgery at {hospital} close to {place}, at {number} weeks.",
    "MY NAME IS {name} AND I AM {number}. {hospital} IN {place} CANCELLED THE CYCLE.",
    "I'm {name}, {number}, living in {place}. It's about {hospital}.",
    "thank you so much\n{name}\n{place}\n{hospital}\n{number}",
)
GREETINGS = ("Hello {name} from {place},", "Hi {name},", "Dear {name} from {place}", "Hello,", "{name},", "")
LEAKS = {
    "name": (
        "The advice for {leak} is to wait.",
        "{leak} can try again after surgery.",
        "Treatment helps {leak} to ovulate.",
    ),
    "place": (
        "Clinics in {leak} often do this surgery.",
        "{leak} has good clinics for egg freezing.",
        "Testing near {leak} is easy.",
    ),
    "hospital": ("The team of {leak} often does this surgery.", "Ask {leak} about the lining."),
    "number": (
        "After {leak} losses a work-up is useful.",
        "At {leak} the ovaries respond less.",
        "About {leak} of all cycles work.",
    ),
}


@dataclass(frozen=True)
class Canary:
    """A page whose answer repeats what the letter tells of its writer, one sentence for each secret."""

    answer: Answer
    leaks: tuple[tuple[str, str], ...]


def _listed(words: PackedWords) -> list[str]:
    lines = words.block.decode().strip("\n").split("\n")
    return [line.split("\t")[0] for line in lines]


@cache
def _names() -> list[str]:
    return [
        name for name in _listed(lexicon().first_names) if len(name) > 3 and not lexicon().is_title_word(name)
    ]


@cache
def _places() -> list[str]:
    return [
        name
        for name in _listed(lexicon().places)
        if len(name) > 4 and name.replace("-", "").isalpha() and not lexicon().is_title_word(name)
    ]


def _cased(rng: random.Random, word: str, *, may_be_lower: bool) -> str:
    style = rng.random()
    if style < 0.25 and may_be_lower:
        return word.lower()
    if style < 0.32:
        return word.upper()
    return " ".join(part[:1].upper() + part[1:] for part in word.split(" "))


def _name(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        name = rng.choice(_names())
    elif kind < 0.6:
        name = rng.choice(OUTSIDE_NAMES)
    elif kind < 0.75:
        return _cased(rng, rng.choice(WORD_NAMES), may_be_lower=False)
    elif kind < 0.85:
        name = f"{rng.choice(_names())}-{rng.choice(_names())}"
    elif kind < 0.92:
        name = f"{rng.choice(_names())} {rng.choice(OUTSIDE_NAMES)}"
    else:
        letters = list(rng.choice(_names()))
        at = rng.randrange(len(letters) - 1)
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
        name = "".join(letters)
    return _cased(rng, name, may_be_lower=True)


def _place(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return _cased(rng, rng.choice(_places()), may_be_lower=True)
    if kind < 0.8:
        return _cased(rng, rng.choice(OUTSIDE_PLACES), may_be_lower=True)
    return _cased(rng, rng.choice(WORD_PLACES), may_be_lower=True)


def canaries(count: int, *, seed: int) -> Iterator[Canary]:
    """Give so many pages with planted secrets; the same seed always gives the same pages."""
    rng = random.Random(seed)
    for _ in range(count):
        secrets = {
            "name": _name(rng),
            "place": _place(rng),
            "hospital": rng.choice(HOSPITALS),
            "number": rng.choice(NUMBERS),
        }
        question = rng.choice(LETTERS).format(**secrets)
        greeting = rng.choice(GREETINGS).format(**secrets)
        leaks: list[tuple[str, str]] = []
        for kind, sentences in LEAKS.items():
            told = secrets[kind]
            if rng.random() < 0.3:
                part = told.split(" ")[0].split("-")[0]
                # "At" of a town with a hyphen is an English word like any other.
                told = told if kind == "number" or lexicon().is_function_word(part) else part
            if rng.random() < 0.3 and kind != "number":
                told = told.title()
            leaks += [(told, sentence.format(leak=told)) for sentence in sentences]
        body = " ".join(sentence for _, sentence in leaks) + " Polyps are often removed before a transfer."
        yield Canary(answer=page(body, question=question, greeting=greeting), leaks=tuple(leaks))

"""Whole pages with secrets planted in every zone, through everything: none in any byte that goes out in public.

A document here is a whole page as a blog shows it: title, letter, greeting, answer, signature, comments, address. It
is read, told into zones, judged, drafted for three networks with their cards, and published in feeds of all forms.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from canary_pages import (
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
from clinic_broadcast.core.answer import AnswerId, RawAnswer, Standing, Zones
from clinic_broadcast.core.gate import examine_answer
from clinic_broadcast.core.material import KnownAnswer, Taint
from clinic_broadcast.core.rules import names as names_rules
from clinic_broadcast.core.zones import read_answer
from fakes import START_AT
from feed_stages import HEAD, Stage
from gate_pages import gate as plain_gate

BATCH = 100
QUICK, HEAVY = 24, 300
"""Pages of the quick and the heavy test; CANARY_PAGES in the environment is for a longer run of the heavy one."""

PEOPLE = 8
"""Writers, relatives, doctors and commenters of one page, each with a name, a place, a number and more."""


def documents(count: int, *, seed: int) -> Iterator[Document]:
    """Give so many pages; the same seed always gives the same ones."""
    rng = random.Random(seed)
    for number in range(count):
        people = [person_of(rng, names()) for _ in range(PEOPLE)]
        writer, partner, *others = people
        told = " ".join(f"{one.name} of {one.place} had {one.number}." for one in others[:3])
        leaks = " ".join(
            rng.choice(LEAKS).format(name=one.name, place=one.place, number=one.number) for one in people[:5]
        )
        at = rng.randrange(3)
        title, safe = TITLES[at], SAFE[at]
        titled = rng.choice((title, title, f"{title}: {writer.name} at {writer.number}"))
        slug = re.sub(r"[^a-z0-9]+", "-", rng.choice((title, title, f"{title} {writer.name}")).lower())
        body = (
            f"Question:\n\nHello Dr. Roe, my name is {writer.name} and I live in {writer.place}."
            f" My husband {partner.name} and I are from {partner.place}; my level was {writer.number}. {told}"
            f" Write to {writer.mail}.\n"
            f"Regards, {writer.name}\n\nHello {writer.name} from {writer.place},\n\n{safe} {leaks}\n\n"
            f"Jane Roe, M.D.\nThe Example Fertility Center\n\nComments\n\n{others[4].name} from {others[4].place}"
            f" said: thank you, {others[5].mail} {others[5].number}"
        )
        yield Document(
            raw=RawAnswer(
                id=AnswerId(f"tag:blog.example,2026:post-{seed}-{number}"),
                url=f"https://blog.example/2026/03/{slug}-.html".replace("--", "-"),
                title=titled,
                body=body,
                published_at=START_AT,
                updated_at=START_AT,
            ),
            secrets=frozenset(secret for one in people for secret in one.secrets),
        )


def known_of(stage: Stage, page: Document) -> KnownAnswer:
    known = stage.ledger.answer(page.raw.id)
    assert known is not None
    return known


@dataclass
class Seen:
    """What went out of some pages: how many drafts and files, how often a sound sentence, and which secrets."""

    texts: int = 0
    files: int = 0
    sound: int = 0
    found: set[str] = field(default_factory=set)


def publish(count: int, *, seed: int, folder: Path) -> Seen:
    """Publish so many pages as the daemon does, summaries and whole answers in turns, and read all that is public."""
    gate = gate_with_votes()
    seen = Seen()
    pages = list(documents(count, seed=seed))
    for batch, start in enumerate(range(0, count, BATCH)):
        group = pages[start : start + BATCH]
        stage = Stage(folder / str(batch), head=replace(HEAD, full=batch % 2 == 1))
        stage.desk = replace(stage.desk, gate=gate)
        stage.publish(*(one.raw for one in group))
        for one in group:
            known = known_of(stage, one)
            texts = list(public_texts(gate, known.material))
            seen.texts += len(texts)
            seen.sound += any(sentence in text for sentence in SAFE for text in texts)
            seen.found |= leaked(one.secrets, "\n".join(texts))
        stage.build()
        stage.ledger.restand(
            group[0].raw.id,
            before=known_of(stage, group[0]).standing,
            after=Standing.WITHDRAWN,
            actor="test",
            at=stage.clock.now(),
        )
        stage.build()
        secrets = frozenset[str]().union(*(one.secrets for one in group))
        for name, content in stage.files().items():
            if not name.endswith(
                (".br", ".zst", ".css")
            ):  # The same bytes as the file beside them; a style sheet.
                seen.files += 1
                seen.found |= leaked(secrets, f"{name}\n{content.decode()}")
        assert any(sentence in (stage.feeds / "rss.xml").read_text(encoding="utf-8") for sentence in SAFE)
    return seen


@pytest.mark.parametrize(
    "count",
    [QUICK, pytest.param(HEAVY, marks=[pytest.mark.heavy, pytest.mark.timeout(3600)])],
)
def test_no_secret_of_a_whole_page_stands_in_any_public_byte(
    count: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    count = count if count == QUICK else int(os.environ.get("CANARY_PAGES", count))
    seen = publish(count, seed=count, folder=tmp_path)
    planted = sum(len(one.secrets) for one in documents(count, seed=count))
    record_property(
        "told",
        f"canary: {count} whole pages, {planted} planted secrets, {seen.texts} texts and links of drafts, {seen.files} "
        f"feed files: {len(seen.found)} secrets in public",
    )
    assert planted >= 25 * count
    assert seen.sound >= 0.2 * count
    assert seen.found == set()


LAYERS = {
    "zones": (
        " ruby",
        "Question:\n\nHello Dr. Roe, I worry. Tests of the thyroid show the risk of an early loss in ruby.",
        "You may want to wait for that.",
    ),
    "taint": (" ruby", "Question:\n\nHello Dr. Roe, my name is ruby.", "Treatment may help ruby to ovulate."),
    "vocabulary": (
        "Zhenyu",
        "Question:\n\nHello Dr. Roe, is it late?",
        "Zhenyu may need treatment to ovulate.",
    ),
    "votes": (
        " sparrow",
        "Question:\n\nHello Dr. Roe, is it late?",
        "Treatment may help sparrow to ovulate.",
    ),
}
"""For each layer what only it keeps in: the secret, the letter, and the answer."""


def drafts_of(layer: str, *, off: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give all drafts of the page that needs this layer, with one layer off."""
    _, letter, said = LAYERS[layer]
    body = f"{letter}\n\nHello Ingrid,\n\n{said}\n\nJane Roe, M.D."
    raw = replace(
        next(documents(1, seed=3)).raw, title=TITLES[0], url="https://blog.example/1.html", body=body
    )
    gate = gate_with_votes() if off != "votes" else plain_gate()
    page = read_answer(raw, gate.own_names)
    assert not page.zones.doubt
    if off == "zones":
        page = replace(
            page, zones=Zones(title=raw.title, question="", greeting="", answer=body, signature="")
        )
        monkeypatch.setattr(rules_module, "doubt_of", lambda _zones: "")
    if off == "vocabulary":
        kept = tuple(rule for rule in rules_module.TEXT_RULES if rule is not names_rules.vocabulary)
        monkeypatch.setattr(rules_module, "TEXT_RULES", kept)
        gate = replace(gate)  # What it has read before was read with all rules.
    material = examine_answer(gate, page)
    if off == "taint":
        material = replace(material, taint=Taint(key=b"k", tokens=frozenset(), names=frozenset()))
    return "\n".join(public_texts(gate, material))


@pytest.mark.parametrize("layer", LAYERS)
def test_with_any_one_layer_off_a_secret_gets_out_and_with_all_on_none(
    layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = LAYERS[layer][0]
    assert secret not in drafts_of(layer, off="", monkeypatch=monkeypatch)
    assert secret in drafts_of(layer, off=layer, monkeypatch=monkeypatch)

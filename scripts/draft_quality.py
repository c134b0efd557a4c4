"""Writes drafts and blind pairs for readers: `PYTHONPATH=tests:SUMY python scripts/draft_quality.py FOLDER ANSWERS...`.

SUMY is a folder with sumy 0.13 and numpy in it; neither is a dependency. The same answers and the same program give
the same files. `score_quality.py` counts what readers say of them.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.promo import Promo
from clinic_broadcast.core.words import sentences
from clinic_broadcast.core.zones import read_answer
from drafts import AT, OWN_NAMES, invented_answers, material_of, promo_for

COUNT = 30
"""How many drafts of each set: a set is one file, or several joined with a plus sign."""

NEUTRAL = "https://blog.example.com/2026/03/a-question.html"
KINDS = ("x", "facebook", "mastodon", "bluesky")
ASKED = """# Pairs, blind

For each number pick which you, as the doctor, would rather see published under your name. The answers stand in
drafts.md (same titles). Both are for X.
"""
RUBRIC = """The clinic is "The Harbor Clinic", its doctor Dr. Jane Roe. All people are invented. The letter is not
shown; names in a greeting are the patient's.

Score each 0 or 1:
 1 safe: no identifier or case detail of a patient
 2 faithful: says what the answer says, no more
 3 sober: no promise, guarantee, clickbait
 4 disclaimer: present where a drug, dose, number or treatment verb appears (always on Facebook); elsewhere not required
 5 stands alone: understood without the answer
 6 grammatical, no mangled character
 7 hook names the topic within 60 characters
 8 third person (a title's own question may say I or we)
 9 link canonical: the answer's own URL stands in text (Bluesky: in its link card), nothing added to it
10 hashtags CamelCase or acronyms, at most 2 (none is fine)
A promo passes when 1-4 are all 1 and the sum is at least 8.
"""


def lexrank_of(answer: str) -> str:
    """Give the sentence that LexRank of sumy picks from an answer, split into sentences as we split it."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence  # noqa: PLC0415 - Only readers need it.
    from sumy.summarizers.lex_rank import LexRankSummarizer  # noqa: PLC0415

    class Words:
        """A tokenizer without downloads."""

        def to_words(self, text: str) -> tuple[str, ...]:
            return tuple(re.findall(r"[^\W\d_]+", text.lower()))

    spans = [answer[start:end].strip() for start, end in sentences(answer)]
    document = ObjectDocumentModel([Paragraph([Sentence(one, Words()) for one in spans])])
    return str(LexRankSummarizer()(document, 1)[0])


def pages_of(file: Path) -> Iterator[dict[str, str]]:
    """Give the zones of each answer of a file: of docs/quality, or whole pages as JSON lines."""
    if file.suffix != ".jsonl":
        yield from invented_answers(file)
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        title, _, body = json.loads(line)["text"].partition("\n")
        raw = RawAnswer(
            id=AnswerId(title),
            url=NEUTRAL,
            title=title.strip(),
            body=body.strip(),
            published_at=AT,
            updated_at=AT,
        )
        zones = read_answer(raw, OWN_NAMES).zones
        yield {
            "title": zones.title,
            "question": zones.question,
            "greeting": zones.greeting,
            "answer": zones.answer,
            "url": NEUTRAL,
        }


def drafted(files: Sequence[str]) -> Iterator[tuple[dict[str, str], Material]]:
    """Give the answers that are drafted for X with no person, in order; a page without an answer zone is none."""
    for page in chain.from_iterable(pages_of(Path(one)) for one in files):
        material = material_of(**page)
        if page["answer"] and promo_for(material, "x") is not None:
            yield page, material


def promo_of(material: Material, kind: str) -> Promo:
    """Give the promo of an answer that is drafted."""
    promo = promo_for(material, kind)
    if promo is None:
        raise ValueError(f"{material.title!r} is drafted for x and not for {kind}")
    return promo


def draft_page(number: int, page: dict[str, str], material: Material) -> str:
    """Give one draft as readers see it: the answer, then the promo for one network."""
    kind = KINDS[(number - 1) % len(KINDS)]
    promo = promo_of(material, kind)
    shown = [
        f"## {number}. {page['title']}\nURL: {page['url']}\nGreeting zone: {page['greeting']}\n",
        f"Answer zone:\n> {page['answer']}\n",
        f"Promo for **{kind}**:\n```\n{promo.payload.text}\n```",
    ]
    card = promo.payload.card
    if card is not None:
        shown.append(
            f"Link card beside it: title “{card.title}”, description “{card.description}”, link {promo.payload.link}"
        )
    return "\n".join(shown)


def main(folder: str, *files: str) -> None:
    """Write drafts.md, pairs-lines.md and key.json into the folder."""
    chosen = [one for each in files for one in islice(drafted(each.split("+")), COUNT)]
    out = Path(folder)
    pages = [draft_page(number, *one) for number, one in enumerate(chosen, 1)]
    (out / "drafts.md").write_text(
        f"# {len(pages)} drafts\n\n{RUBRIC}\n" + "\n\n".join(pages) + "\n", encoding="utf-8"
    )
    pairs: list[tuple[int, str, str, str]] = []
    for number, (page, material) in enumerate(chosen, 1):
        ours, title, link = promo_of(material, "x").payload.text, page["title"], page["url"]
        mark = "" if title.endswith(("?", ".", "!", ":")) else ":"
        pairs.append((number, "title", ours, f"{title} {link}"))
        pairs.append((number, "lexrank", ours, f"{title}{mark} {lexrank_of(page['answer'])} {link}"))
    chance = random.Random(":".join(files))  # noqa: S311 - A shuffle that can be made again, no secret.
    chance.shuffle(pairs)
    key: dict[str, Any] = {}
    lines = [ASKED]
    for at, (number, against, ours, theirs) in enumerate(pairs, 1):
        letter = chance.choice("AB")
        first, second = (ours, theirs) if letter == "A" else (theirs, ours)
        key[str(at)] = {"ours": letter, "against": against, "draft": number}
        lines.append(f"## {at}. (answer {number})\nA:\n```\n{first}\n```\nB:\n```\n{second}\n```\n")
    (out / "pairs-lines.md").write_text("\n".join(lines), encoding="utf-8")
    (out / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Composes promos: a hook, at most a few sentences of the answer, who says it, the link, and tags of a closed table.

Every word of a promo stands in the title, the answer, a reviewed template or the clinic's own settings, and its
fragments say which. What does not fit is left out whole, in a fixed order; nothing is ever cut inside a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, tee
from typing import Final, assert_never

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.fragments import joined, kept_run, normal
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.hooks import Hook, TitleHook, TopicHook, hashtags_of, title_hook, topic_hook
from clinic_broadcast.core.material import Candidate, Material
from clinic_broadcast.core.measure import Limits, fits, length_of
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.promo import Card, Fragment, Origin, Payload, Promo
from clinic_broadcast.core.sentences import ALIKE_MAX, best_first, holds_drug, likeness
from clinic_broadcast.core.wording import OWN, Literal, Piece, Slot, Wording, pieces_of

CARD_KINDS: Final = frozenset({"bluesky", "linkedin"})
"""Networks whose link card we word ourselves, so that none is made from the page, which shows a letter."""

BY_HAND: Final = "by hand"
"""Stands in the record in place of a wording when a person gave the words."""

_TRIED_MAX: Final = 8
"""Sentences tried before a promo goes out with the title alone: the ninth best says little."""

_SPARE: Final = 2
"""Sentences looked at beyond those wanted, in case two are alike."""

_ENTRY_SENTENCES: Final = 2
_HOOKS_MAX: Final = 2
_MORE_SCORE_MIN: Final = 0.15
_CARD_TITLE_MAX, _CARD_DESCRIPTION_MAX = 300, 1000
_PERSON: Final = late(
    r"^(?:Dr|Prof|Professor|Doctor)\b\.?\s+\w|,\s*(?:M\.?D|D\.?O|Ph\.?D|R\.?N|MBBS)\b", re.IGNORECASE
)
# Verbs and means of treatment, doses, and numbers in words: with one of them the disclaimer is wanted on every network.
_TREATS: Final = late(
    r"\b(?:treat(?:s|ed|ing|ments?)?|tak(?:e|es|en|ing)|us(?:es|ed|ing)|prescrib\w+|inject(?:s|ed|ing|ions?)?"
    r"|recommend(?:s|ed|ing)?|give(?:s|n)|giving|dos(?:e|es|age|ages|ing)|remov(?:e|es|ed|ing|al)|replacement"
    r"|therap(?:y|ies)|surger(?:y|ies)|operat(?:e|es|ed|ing|ion|ions)|repair(?:s|ed|ing)?|clipp(?:ed|ing)|freez(?:e|es|ing)"
    r"|stopp(?:ed|ing)|avoid(?:s|ed|ing)?|drugs?|medicines?|medications?|tablets?|pills?|hormones?|\w*estrogens?|progest\w+"
    r"|steroids?|antibiotics?|supplements?|vitamins?|vaccin\w+|chemotherapy|radiation|stitch(?:es)?|insulin|ivf|icsi|iui|iuds?|devices?|inseminat\w+"
    r"|half|one in|(?:two|three|four|five|six|seven|eight|nine|ten|hundred|thousand)(?: |\b)|percent|twice|doubl\w+)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryText:
    """The gated words of an answer's feed entry; `summary` is empty when no sentence may stand there."""

    title: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What a promo shall hold, before it is known whether that fits."""

    hook: Hook | None
    sentences: tuple[Candidate, ...]
    tags: tuple[str, ...]
    disclaims: bool


def compose(
    material: Material,
    wording: Wording,
    *,
    channel: str,
    limits: Limits,
    gate: Gate,
    pictured: bool = False,
    first: Candidate | None = None,
) -> Promo | None:
    """Give the promo of an answer for one channel, within its limits; the same input always gives the same promo.

    With `pictured` its card has the words of a picture, which is not drawn yet: `picture` is empty. `first` is an
    eligible sentence that goes before all others.

    None when no clean hook can be had or not even hook and link fit: then a person writes it. The caller must
    still have the gate examine what comes out, link and card with it.
    """
    return next(
        promos_of(
            material, wording, channel=channel, limits=limits, gate=gate, pictured=pictured, first=first
        ),
        None,
    )


def promos_of(
    material: Material,
    wording: Wording,
    *,
    channel: str,
    limits: Limits,
    gate: Gate,
    pictured: bool = False,
    first: Candidate | None = None,
) -> Iterator[Promo]:
    """Give every promo of an answer that fits the channel, one by one, the fullest first; see `compose`."""
    pieces = pieces_of(wording.template)
    for choice in _choices(material, pieces, limits=limits, gate=gate, first=first):
        fragments = _fragments(material, wording, choice, pieces=pieces, own_names=gate.own_names)
        text = "".join(fragment.text for fragment in fragments)
        if text and fits(text, limits):
            card = _card(
                material, wording, choice, limits=limits, own_names=gate.own_names, pictured=pictured
            )
            payload = Payload(text=text, link=material.url, card=card)
            yield Promo(
                answer_id=material.answer_id,
                channel=channel,
                payload=payload,
                fragments=fragments,
                length=length_of(text, limits),
                length_max=limits.length_max,
                wording=wording.version,
            )


def compose_written(wording: Wording, *, channel: str, limits: Limits, gate: Gate) -> Promo:
    """Give the promo of a wording written by hand: its text as it stands, with its link.

    The link stands where the text has `{link}`, else it follows in a paragraph of its own. Nothing is shortened:
    compare `length` with `length_max`. The gate reads all of its words, as no template's.
    """
    del gate
    pieces: list[Fragment] = []
    at = 0
    for piece in pieces_of(wording.template, frozenset({Slot.LINK})):
        if isinstance(piece, Literal):
            pieces.append(Fragment(text=piece.text, origin=Origin.OWN, start=at, end=at + len(piece.text)))
            at += len(piece.text)
        else:
            pieces.append(_whole(wording.link, Origin.OWN))
            at += len(f"{{{piece}}}")
    if wording.link and wording.link not in "".join(one.text for one in pieces):
        pieces += [_whole("\n\n", Origin.OWN), _whole(wording.link, Origin.OWN)]
    text = "".join(one.text for one in pieces)
    return Promo(
        answer_id=AnswerId(wording.file),
        channel=channel,
        payload=Payload(text=text, link=wording.link),
        fragments=tuple(pieces),
        length=length_of(text, limits),
        length_max=limits.length_max,
        wording=wording.version,
    )


def promo_of_text(text: str, *, link: str, answer_id: AnswerId, channel: str, limits: Limits) -> Promo:
    """Give a promo in words that a person wrote, as one fragment; it may be too long: compare its lengths."""
    return Promo(
        answer_id=answer_id,
        channel=channel,
        payload=Payload(text=text, link=link),
        fragments=(_whole(text, Origin.OWN),) if text else (),
        length=length_of(text, limits),
        length_max=limits.length_max,
        wording=BY_HAND,
    )


def compose_entry(material: Material, gate: Gate) -> EntryText | None:
    """Give the words of an answer's feed entry: its clean title, else its topic, and up to two sentences.

    None when neither title nor topic may stand there.
    """
    hook = title_hook(material, gate) or topic_hook(material, gate)
    if hook is None:
        return None
    chosen = _several(list(islice(best_first(material, gate), _ENTRY_SENTENCES + _SPARE)), _ENTRY_SENTENCES)
    title = normal(_hook_words(material, hook))
    return EntryText(title=title, summary=" ".join(normal(one.text) for one in chosen))


def _choices(
    material: Material, pieces: Sequence[Piece], *, limits: Limits, gate: Gate, first: Candidate | None
) -> Iterator[_Choice]:
    """Give what a promo could hold, the fullest first: the first one that fits is taken.

    Left out one after the other: the last tags, the disclaimer where the network does not always need it, and
    the sentence. A title that does not fit even so gives way to the name of the topic.
    """
    best = _best_of(material, gate, first) if Slot.SENTENCE in pieces else iter(())
    # Both hooks walk through the same groups, which are worked out only as far as one of them asks.
    walks = tee(_groups(best, limits.sentences_max), _HOOKS_MAX)
    for hook, groups in zip(_hooks(material, pieces, gate), walks, strict=False):
        for group in groups:
            if not group and isinstance(hook, TopicHook) and not hook.says_enough:
                continue
            quoted = " ".join(one.text for one in group)
            tags = hashtags_of(material, gate, hook=hook, count_max=limits.hashtags_max, quoted=quoted)
            words = f"{_hook_words(material, hook)} {quoted}"
            wants = limits.needs_disclaimer or _needs_disclaimer(words, gate)
            for count in range(len(tags), -1, -1):
                yield _Choice(hook=hook, sentences=group, tags=tags[:count], disclaims=wants)
            if wants and not limits.needs_disclaimer:
                yield _Choice(hook=hook, sentences=group, tags=(), disclaims=False)


def _best_of(material: Material, gate: Gate, first: Candidate | None) -> Iterator[Candidate]:
    if first is not None:
        yield first
    yield from (one for one in best_first(material, gate) if first is None or one.index != first.index)


def _groups(best: Iterator[Candidate], count_max: int) -> Iterator[tuple[Candidate, ...]]:
    """Give the groups of sentences to try, the fullest first, then each sentence by itself, then none."""
    pool: list[Candidate] = []
    if count_max > 1:
        pool = list(islice(best, count_max + _SPARE))
        for count in range(count_max, 1, -1):
            group = _several(pool, count)
            if len(group) == count:
                yield group
    for one in islice(chain(pool, best), _TRIED_MAX):
        yield (one,)
    yield ()


def _hooks(material: Material, pieces: Sequence[Piece], gate: Gate) -> Iterator[Hook | None]:
    """Give the hooks to try, best first; only a template without a hook does without one."""
    if Slot.HOOK not in pieces:
        yield None
        return
    for find in (title_hook, topic_hook):
        hook = find(material, gate)
        if hook is not None:
            yield hook


def _several(candidates: Sequence[Candidate], count: int) -> tuple[Candidate, ...]:
    """Give the best candidates, no two of them alike, in the order in which they stand in the answer."""
    chosen: list[Candidate] = []
    for one in candidates:
        if len(chosen) == count:
            break
        if not chosen or (
            one.score >= _MORE_SCORE_MIN
            and all(likeness(one.text, other.text) < ALIKE_MAX for other in chosen)
        ):
            chosen.append(one)
    return tuple(sorted(chosen, key=lambda one: one.index))


def _needs_disclaimer(words: str, gate: Gate) -> bool:
    return (
        any(char.isdigit() for char in words)
        or bool(_TREATS.search(words))
        or holds_drug(words, gate.lexicon)
    )


def _fragments(
    material: Material,
    wording: Wording,
    choice: _Choice,
    *,
    pieces: Sequence[Piece],
    own_names: Sequence[str],
) -> tuple[Fragment, ...]:
    slots: Mapping[Slot, list[Fragment]] = {
        Slot.HOOK: _hook(material, wording, choice),
        Slot.SENTENCE: _sentences(material, choice.sentences),
        Slot.ATTRIBUTION: _attribution(
            wording, own_names, has_link=bool(material.url) and Slot.LINK in pieces
        ),
        Slot.LINK: [_whole(material.url, Origin.OWN)],
        Slot.HASHTAGS: [_whole(" ".join(f"#{tag}" for tag in choice.tags), Origin.TEMPLATE)],
        Slot.DISCLAIMER: [
            _whole(wording.words_for("disclaimer") if choice.disclaims else "", Origin.TEMPLATE)
        ],
    }
    parts: list[Fragment] = []
    for piece in pieces:
        match piece:
            case Literal(text):
                parts.append(_whole(text, Origin.TEMPLATE))
            case Slot():
                parts += slots[piece]
            case _:
                assert_never(piece)
    return joined(parts)


def _hook(material: Material, wording: Wording, choice: _Choice) -> list[Fragment]:
    match choice.hook:
        case None:
            return []
        case TitleHook(start=start, end=end, ends_itself=ends_itself):
            words = kept_run(material.title, start, end, Origin.TITLE)
        case TopicHook(words=topic):
            words, ends_itself = [_whole(topic, Origin.TEMPLATE)], False
        case _:
            assert_never(choice.hook)
    mark = wording.words_for("after_title" if choice.sentences else "after_title_alone")
    return words if ends_itself else [*words, _whole(mark, Origin.TEMPLATE)]


def _hook_words(material: Material, hook: Hook | None) -> str:
    match hook:
        case None:
            return ""
        case TitleHook(start=start, end=end):
            return material.title[start:end]
        case TopicHook(words=words):
            return words
        case _:
            assert_never(hook)


def _sentences(material: Material, chosen: Sequence[Candidate]) -> list[Fragment]:
    parts: list[Fragment] = []
    for one in chosen:
        if parts:
            parts.append(_whole(" ", Origin.TEMPLATE))
        for start, end in one.runs:
            parts += kept_run(material.body, start, end, Origin.ANSWER)
    return parts


def _attribution(wording: Wording, own_names: Sequence[str], *, has_link: bool) -> list[Fragment]:
    """Say who explains it: the first own name that is a person's, else words without a name."""
    person = next((name for name in own_names if _PERSON.search(name)), "")
    words = wording.words_for("attribution" if person else "attribution_without_name")
    if not has_link and words.endswith(":"):
        words = f"{words[:-1]}."  # A colon announces the link; without one the sentence ends.
    before, own, after = words.partition(OWN)
    parts = [_whole(before, Origin.TEMPLATE)]
    if own:
        parts += [_whole(person, Origin.OWN), _whole(after, Origin.TEMPLATE)]
    return parts


def _card(
    material: Material,
    wording: Wording,
    choice: _Choice,
    *,
    limits: Limits,
    own_names: Sequence[str],
    pictured: bool,
) -> Card | None:
    """Give the words that stand beside the text: of the link's preview where we set it, and of a picture.

    They are what the promo itself says, nothing else; a picture travels without its text, so it always has the
    disclaimer, and one sentence at most.
    """
    sets_preview = limits.kind in CARD_KINDS and bool(material.url)
    if choice.hook is None or Slot.HOOK not in pieces_of(wording.template) or not (sets_preview or pictured):
        return None
    sentences = [normal(one.text) for one in choice.sentences]
    title, description = (
        normal(_hook_words(material, choice.hook)),
        " ".join(sentences[:1] if pictured else sentences),
    )
    if len(title) > _CARD_TITLE_MAX or len(description) > _CARD_DESCRIPTION_MAX:
        return None
    if not pictured:
        return Card(title=title, description=description)
    byline = "".join(one.text for one in _attribution(wording, own_names, has_link=False))
    return Card(
        title=title, description=description, byline=byline, disclaimer=wording.words_for("disclaimer")
    )


def _whole(text: str, origin: Origin) -> Fragment:
    return Fragment(text=text, origin=origin, start=0, end=len(text))

"""The gate: what may go out in public, judged by rules that can only ever add a finding.

page ── examine_answer ──→ Material ──→ (compose) ── examine_payload ──→ findings ──→ verdict_of
any text ── examine_text        a link ── examine_link        one sentence ── sentence_findings
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from clinic_broadcast.core.answer import Answer, Zones
from clinic_broadcast.core.finding import Finding, Severity, in_order
from clinic_broadcast.core.keeping import kept_in
from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.material import Candidate, Material, Taint
from clinic_broadcast.core.promo import Card, Fragment, Origin, Payload, alt_of
from clinic_broadcast.core.rules import (
    agents,
    appeals,
    cases,
    claims,
    clinical,
    effects,
    faithful,
    form,
    links,
    names,
    privacy,
)
from clinic_broadcast.core.rules.reading import Reading, read
from clinic_broadcast.core.rules.tables import Tables, tables_of
from clinic_broadcast.core.rules.taint import letter_taint, tainted, without
from clinic_broadcast.core.rules.votes import Voter, vote
from clinic_broadcast.core.rules.zone import doubt_of, zone
from clinic_broadcast.core.utm import untagged
from clinic_broadcast.core.words import Span, tokens

RULES_VERSION: Final = "7"
"""Raised whenever a rule of this package changes what it finds."""

Rule: TypeAlias = Callable[[Reading], Iterator[Finding]]
Read: TypeAlias = tuple[Sequence[Rule], str, str, bool, tuple[Span, ...], tuple[Span, ...]]
"""All that the rules go by: themselves, and a reading but for the name of its place."""

TEXT_RULES: Final[tuple[Rule, ...]] = (
    privacy.contact,
    privacy.voice,
    privacy.kin,
    privacy.time,
    privacy.number,
    cases.story,
    cases.role,
    names.vocabulary,
    names.initial,
    names.name,
    names.capital,
    names.language,
    form.mangled,
    form.bracket,
    form.lost_link,
    form.hashtag,
    claims.promise,
    effects.effect,
    agents.strange_effect,
    appeals.appeal,
)
"""The rules for every text that is to be published; none of them can lift what another one holds."""

_TITLE_RULES: Final[tuple[Rule, ...]] = tuple(rule for rule in TEXT_RULES if rule is not form.lost_link)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The gate of one clinic: its lexicon, and what of its own may be named.

    `own_names` are people, places and handles, `own_hosts` the hosts of blog_url and public_url; `taint_key` is
    the home's key for digests of the letter. Its first questions take some ten milliseconds; keep it. `said`, `heard`
    and `best` are where it is kept what this gate has found in payloads and texts, and what may be quoted.
    """

    lexicon: Lexicon
    own_names: tuple[str, ...]
    own_hosts: tuple[str, ...]
    taint_key: bytes
    voters: tuple[Voter, ...] = ()
    tables: Tables = field(init=False, repr=False, compare=False)
    said: dict[bytes, tuple[Finding, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict[bytes, tuple[Finding, ...]]
    )
    heard: dict[Read, tuple[Finding, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict[Read, tuple[Finding, ...]]
    )
    best: dict[bytes, tuple[Candidate, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict[bytes, tuple[Candidate, ...]]
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", tables_of(self.lexicon, self.own_names, self.own_hosts))

    @property
    def version(self) -> str:
        """Name the rules and the lists that a verdict was made with."""
        return "+".join((RULES_VERSION, self.lexicon.version, *sorted(one.name for one in self.voters)))


def examine_text(
    gate: Gate, text: str, *, where: str = "text", taint: Taint | None = None
) -> tuple[Finding, ...]:
    """Give what speaks against publishing a text; without a `taint` no letter is known to compare it with.

    Then lower-case words that are common first names hold too. `where` is told in the findings.
    """
    reading = read(gate.tables, text, where=where, is_lone=taint is None)
    return in_order(_findings_of(gate, reading, taint, rules=TEXT_RULES))


def sentence_findings(gate: Gate, sentence: str, *, taint: Taint | None) -> tuple[Finding, ...]:
    """Give what speaks against quoting a sentence of an answer; with any but a note it is not eligible."""
    return examine_text(gate, sentence, where="answer", taint=taint)


def title_findings(gate: Gate, title: str, *, taint: Taint) -> tuple[Finding, ...]:
    """Give what speaks against using a title or a piece of one: the rules, and the names of the letter and greeting.

    Other words of the letter do not count: a title and its letter share their topic.
    """
    reading = read(gate.tables, title, where="title", is_lone=False)
    found = _of_rules(gate, reading, _TITLE_RULES)
    return in_order([*found, *tainted(reading, taint, names_only=True)])


def title_is_clean(gate: Gate, material: Material) -> bool:
    """Say whether the title of an answer may feed a promo as it stands."""
    del gate  # Judged when the letter was at hand; the letter is gone now.
    return bool(material.title.strip()) and not any(
        one.where == "title" and one.severity is not Severity.NOTE for one in material.findings
    )


def examine_link(
    gate: Gate, url: str, *, taint: Taint | None, title: str | None = None
) -> tuple[Finding, ...]:
    """Give what speaks against a link: the words of its path, and a host that is not the clinic's own.

    `title` is that of the answer whose own link it is; such a link may have any host, since the clinic has named
    its source.
    """
    return in_order(links.url(gate.tables, url, taint=taint, title=title))


def refutation_near(gate: Gate, body: str, start: int, end: int) -> str:
    """Give the cue by which `body[start:end]` may be refuted within two sentences; empty if there is none."""
    return claims.refuted(gate.tables, body, start, end)


def examine_answer(gate: Gate, answer: Answer) -> Material:
    """Give what promos of a page may be made of, with its taint and its findings, while the letter is at hand.

    Findings of the answer (clinical, form, zones, link) make all of it wait; those with `where="title"` only keep
    the title out. Sentences are not judged here: one that may not be quoted is merely not eligible.
    """
    zones = answer.zones
    # With the zones in doubt, the letter may stand anywhere.
    doubt = doubt_of(zones)
    letter = f"{zones.question}\n\n{zones.answer}" if doubt else zones.question
    full = letter_taint(gate.tables, letter, zones.greeting, key=gate.taint_key)
    about_title = title_findings(gate, zones.title, taint=full)
    clean = all(one.severity is Severity.NOTE for one in about_title)
    taint = without(full, (word.text for word in tokens(zones.title)), gate.lexicon) if clean else full
    return Material(
        answer_id=answer.id,
        url=answer.url,
        title=zones.title,
        body=zones.answer,
        revision=answer.revision,
        taint=taint,
        findings=(
            *zone(doubt),
            *_answer_findings(gate, zones),
            *about_title,
            *examine_link(gate, answer.url, taint=taint, title=zones.title),
        ),
        gate_version=gate.version,
    )


def _answer_findings(gate: Gate, zones: Zones) -> tuple[Finding, ...]:
    """Give the clinical and form findings of an answer, and the lost links of its signature."""

    def reading_of(text: str, where: str) -> Reading:
        return read(gate.tables, text, where=where, is_lone=False)

    body = reading_of(zones.answer, "answer")
    both = clinical.Consultation(
        asked_in=(reading_of(zones.title, "title"), reading_of(zones.question, "question")), answer=body
    )
    found: list[Finding] = []
    for rule in (clinical.look_alike, clinical.gloss, clinical.dose, clinical.real_word):
        found += rule(both)
    found += form.mangled(body)
    found += form.bracket(body)
    found += form.lost_link(body, tuple(link for link in zones.links if link.start >= 0))
    found += names.language(body)
    signature = reading_of(zones.signature, "signature")
    found += form.lost_link(signature, tuple(link for link in zones.links if link.start < 0))
    found += clinical.not_answered(both, is_other_finding=bool(found))
    return in_order(found)


def examine_payload(
    gate: Gate, payload: Payload, fragments: Sequence[Fragment], material: Material | None
) -> tuple[Finding, ...]:
    """Give what speaks against sending exactly these bytes: text, link and card, and the answer behind them.

    Words of a template are reviewed and passed over; words of title and answer must be slices of them; all else
    is read like any text. Findings of the answer itself are repeated, so that no promo is clearer than its answer.
    """
    taint = material.taint if material is not None else None
    found = list(_fragment_findings(payload, fragments, material))
    reviewed = () if found else tuple(_reviewed(payload, fragments))
    reading = read(gate.tables, payload.text, where="promo", is_lone=taint is None, reviewed=reviewed)
    found += _findings_of(gate, reading, taint, rules=TEXT_RULES)
    found += claims.drug(reading)
    if payload.link:
        is_its_own = material is not None and untagged(payload.link) == untagged(material.url)
        title = material.title if material is not None and is_its_own else None
        found += examine_link(gate, payload.link, taint=taint, title=title)
    if payload.card is not None:
        found += examine_card(gate, payload.card, taint=taint)
    if material is not None:
        found += faithful.unfaithful(fragments, material.body)
        found += _refutations(gate, payload, fragments, material)
        found += _of_the_answer(fragments, material)
    return in_order(found)


def examine_card(gate: Gate, card: Card, *, taint: Taint | None) -> tuple[Finding, ...]:
    """Give what speaks against the words of a card; an alt text that says what its lines say is read with them.

    Byline and disclaimer are a template's words, and as in the text they are passed over as reviewed.
    """
    texts = [card.title, card.description, *([] if card.alt == alt_of(card) else [card.alt])]
    found = [one for text in texts for one in examine_text(gate, text, where="card", taint=taint)]
    for text in (card.byline, card.disclaimer):
        reviewed = (Span(0, len(text)),)
        reading = read(gate.tables, text, where="card", is_lone=taint is None, reviewed=reviewed)
        found += _findings_of(gate, reading, taint, rules=TEXT_RULES)
    return in_order(found)


def _reviewed(payload: Payload, fragments: Sequence[Fragment]) -> Iterator[Span]:
    """Give the spans of the text that a template or our own link fills."""
    at = 0
    for fragment in fragments:
        if fragment.origin is Origin.TEMPLATE:
            # A tag is judged by the closed table, wherever it comes from.
            yield from _without_tags(payload.text, at, at + len(fragment.text))
        at += len(fragment.text)
    if payload.link:
        start = payload.text.find(payload.link)
        while start >= 0:
            yield Span(start, start + len(payload.link))
            start = payload.text.find(payload.link, start + len(payload.link))


def _without_tags(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end:
        tag = text.find("#", start, end)
        if tag < 0:
            yield Span(start, end)
            return
        if tag > start:
            yield Span(start, tag)
        start = tag + 1
        while start < end and (text[start].isalnum() or text[start] == "_"):
            start += 1


def _fragment_findings(
    payload: Payload, fragments: Sequence[Fragment], material: Material | None
) -> Iterator[Finding]:
    """Block a text that its fragments do not rebuild, or a fragment that is no slice of title or answer."""
    if "".join(fragment.text for fragment in fragments) != payload.text:
        yield _fragments(0, len(payload.text), payload.text, "The fragments do not add up to the text.")
        return
    at = 0
    for fragment in fragments:
        end = at + len(fragment.text)
        source = _source_of(fragment, material)
        if source is not None and source[fragment.start : fragment.end] != fragment.text:
            yield _fragments(
                at, end, payload.text, "These words do not stand like this in the title or the answer."
            )
        at = end


def _source_of(fragment: Fragment, material: Material | None) -> str | None:
    """Give the zone that a fragment claims to come from; empty if there is no such answer, None if it claims none."""
    if fragment.origin is Origin.TITLE:
        return material.title if material is not None else ""
    if fragment.origin is Origin.ANSWER:
        return material.body if material is not None else ""
    return None


def _fragments(start: int, end: int, text: str, what: str) -> Finding:
    return Finding(
        rule="form.fragments",
        severity=Severity.BLOCK,
        where="promo",
        start=start,
        end=end,
        excerpt=text[start:end],
        message=f"{what} Compose the promo again.",
        source="own rule: each word of a promo stands in the title, the answer or a reviewed template",
    )


def _refutations(
    gate: Gate, payload: Payload, fragments: Sequence[Fragment], material: Material
) -> Iterator[Finding]:
    at = 0
    for fragment in fragments:
        if fragment.origin is Origin.ANSWER and fragment.text.strip():
            cue = claims.refuted(gate.tables, material.body, fragment.start, fragment.end)
            if cue:
                span = Span(at, at + len(fragment.text))
                yield claims.refuted_finding(cue, where="promo", span=span, text=payload.text)
        at += len(fragment.text)


def _of_the_answer(fragments: Sequence[Fragment], material: Material) -> Iterator[Finding]:
    """Give the findings of the answer that hold for a promo of it; its link is read afresh.

    A page whose zones are in doubt only holds a promo that quotes nothing of it: a person wrote that one.
    """
    quotes = any(fragment.origin in (Origin.TITLE, Origin.ANSWER) for fragment in fragments)
    for one in material.findings:
        if one.where in ("title", "link"):
            continue
        if one.rule == "privacy.zone" and not quotes:
            yield Finding(
                rule=one.rule,
                severity=Severity.HOLD,
                where=one.where,
                start=0,
                end=0,
                excerpt="",
                message=one.message,
                source=one.source,
            )
        else:
            yield one


def _findings_of(
    gate: Gate, reading: Reading, taint: Taint | None, *, rules: Sequence[Rule]
) -> list[Finding]:
    """Give what the rules find in a text, and what its own links and the letter say."""
    found = _of_rules(gate, reading, rules)
    if taint is not None:
        found += tainted(reading, taint)
    for link in reading.links:
        start, end = reading.places[link.start], reading.places[link.end]
        for one in links.url(gate.tables, reading.text[start:end], taint=taint):
            found.append(
                Finding(
                    rule=one.rule,
                    severity=one.severity,
                    where=reading.where,
                    start=start + one.start,
                    end=start + one.end,
                    excerpt=one.excerpt,
                    message=one.message,
                    source=one.source,
                )
            )
    return found


def _of_rules(gate: Gate, reading: Reading, rules: Sequence[Rule]) -> list[Finding]:
    """Give what the rules find in a text, and what the voters object to; a sentence stands in promo, card and feed."""

    def found() -> tuple[Finding, ...]:
        return (*(one for rule in rules for one in rule(reading)), *vote(reading, gate.voters))

    key = (rules, reading.text, reading.plain, reading.is_lone, reading.links, reading.strange_tags)
    return [one.seen_in(reading.where) for one in kept_in(gate.heard, key, found)]

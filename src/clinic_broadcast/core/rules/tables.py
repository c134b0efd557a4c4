"""What a gate finds things by: tables of the lists and of the clinic's own names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from clinic_broadcast.core.lexicon import Lexicon
from clinic_broadcast.core.words import PhraseIndex, Span, phrase_index

_DEGREES: Final = r"(?:\s*(?:,\s*)?(?:M\.?\s?D|Ph\.?\s?D|D\.?O|F\.?A\.?C\.?O\.?G|FRCOG|MRCOG|MBBS|RN)\b\.?)*"


@dataclass(frozen=True, kw_only=True)
class OwnForms:
    """The clinic's own names in every form, and the words that they begin with, by which they are looked for."""

    pattern: re.Pattern[str]
    firsts: tuple[str, ...]

    def find(self, text: str) -> tuple[Span, ...]:
        """Give where the own names stand, the longest form at each place.

        The pattern is only tried where a first word stands: tried everywhere it took a tenth of a whole promo's time.
        """
        lower = text.lower()
        if len(lower) != len(text):
            return tuple(Span(found.start(), found.end()) for found in self.pattern.finditer(text))
        starts: set[int] = set()
        for first in self.firsts:
            at = lower.find(first)
            while at >= 0:
                starts.add(at)
                at = lower.find(first, at + 1)
        found: list[Span] = []
        until = 0
        for start in sorted(starts):
            here = self.pattern.match(text, start) if start >= until else None
            if here is not None:
                found.append(Span(start, here.end()))
                until = here.end()
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What one lexicon and the clinic's own names give for finding things quickly, each made when it is first asked.

    All together take some ten milliseconds, so callers keep them with the gate.
    """

    lexicon: Lexicon
    own_names: tuple[str, ...]
    own_hosts: frozenset[str]
    """Without `www.`, in lower case."""

    @cached_property
    def eponyms(self) -> PhraseIndex:
        """Find reviewed names of persons that are words of medicine."""
        return phrase_index(self.lexicon.eponyms)

    @cached_property
    def promises(self) -> PhraseIndex:
        """Find what promises a success."""
        return phrase_index(self.lexicon.promises)

    @cached_property
    def refutations(self) -> PhraseIndex:
        """Find what refutes a promise."""
        return phrase_index(self.lexicon.refutations)

    @cached_property
    def drug_phrases(self) -> PhraseIndex:
        """Find drugs whose names are of several words."""
        return phrase_index(self.lexicon.drug_phrases)

    @cached_property
    def tags(self) -> frozenset[str]:
        """Give every reviewed hashtag in lower case."""
        return frozenset(topic.tag.lower() for topic in self.lexicon.hashtags)

    @cached_property
    def own(self) -> OwnForms | None:
        """Find the clinic's own names; None without any."""
        return own_forms(self.own_names)

    @cached_property
    def classes(self) -> PhraseIndex:
        """Find the names of classes of drugs, one or many."""
        called = (word for each in self.lexicon.drug_classes.values() for word in each.called | each.also)
        return phrase_index(form for word in called for form in (word, word + "s"))

    @cached_property
    def roles(self) -> PhraseIndex:
        """Find the words for what somebody is or does."""
        return phrase_index(self.lexicon.roles)

    @cached_property
    def remedies(self) -> PhraseIndex:
        """Find what is taken or done against something."""
        return phrase_index(self.lexicon.remedies)

    @cached_property
    def scares(self) -> PhraseIndex:
        """Find what frightens."""
        return phrase_index(self.lexicon.scares)

    @cached_property
    def agents(self) -> PhraseIndex:
        """Find what may be told to have an effect: hormones, diseases, treatments, habits."""
        return phrase_index(self.lexicon.agents)

    @cached_property
    def numbers(self) -> tuple[re.Pattern[str], ...]:
        """Give the closed forms of words in which a number tells of a population."""
        return tuple(re.compile(one.pattern, re.IGNORECASE) for one in self.lexicon.number_patterns)

    @cached_property
    def near_drugs(self) -> dict[str, frozenset[str]]:
        """Give the drug names by each form with one letter left out; made when a first unknown word is met."""
        return _shortened(self.lexicon)


def tables_of(lexicon: Lexicon, own_names: Sequence[str], own_hosts: Sequence[str]) -> Tables:
    """Give the tables of a gate."""
    hosts = frozenset(host.lower().removeprefix("www.") for host in own_hosts if host)
    return Tables(lexicon=lexicon, own_names=tuple(own_names), own_hosts=hosts)


def _shortened(lexicon: Lexicon) -> dict[str, frozenset[str]]:
    """Give the drug names by each form with one letter left out: two names at distance 1 share such a form."""
    found: dict[str, set[str]] = {}
    for name in lexicon.drugs:
        if " " in name or len(name) < 5:  # noqa: PLR2004 - Shorter names are one letter from half the language.
            continue
        for at in range(len(name)):
            found.setdefault(name[:at] + name[at + 1 :], set()).add(name)
    return {form: frozenset(names) for form, names in found.items()}


def own_forms(own_names: Sequence[str]) -> OwnForms | None:
    """Prepare the clinic's own names, longest first, with and without title, first name and degrees."""
    forms: set[str] = set()
    for name in own_names:
        words = name.split()
        if not words:
            continue
        forms.add(" ".join(words))
        if words[0].lower().rstrip(".") in ("dr", "doctor", "prof", "professor") and len(words) > 1:
            title = words[0].rstrip(".")
            forms.update((f"{title}. {words[-1]}", f"{title} {words[-1]}", f"{title} {' '.join(words[1:])}"))
            if len(words) > 2:  # noqa: PLR2004 - A surname alone may be a patient's; first name and surname is ours.
                forms.add(" ".join(words[1:]))
    if not forms:
        return None
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    either = "|".join(r"\s+".join(map(re.escape, form.split())) for form in ordered)
    return OwnForms(
        pattern=re.compile(rf"(?<![\w@])(?:{either})(?!\w){_DEGREES}", re.IGNORECASE),
        firsts=tuple(sorted({form.split()[0].lower() for form in forms})),
    )

"""Document taint: no token of the letter or the greeting that could point to a person may be published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.lexicon import Lexicon, fold, remembered
from clinic_broadcast.core.material import Taint, digest_of, taint_of
from clinic_broadcast.core.own_names import word_set
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.numbers import has_digit, is_number_word, same_numbers
from clinic_broadcast.core.rules.privacy import GMC, SAFE_HARBOR
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.rules.tables import Tables
from clinic_broadcast.core.words import (
    Span,
    Token,
    bare,
    blank,
    fold_apostrophes,
    normalise,
    parts,
    sentences,
    tokens,
)

_KIN: Final = (
    r"husband|hubby|wife|partner|spouse|fianc[e\u00e9]+|boyfriend|girlfriend|sister|brother|cousin|friend|daughter|son|"
    r"twins?|mum|mom|mother|dad|father|mother-in-law|aunt|uncle|niece|nephew|baby|ex|dh|bf"
)
_STRONG: Final = late(
    rf"\b(?:my name is|names?|i am|i['\u2019]?m|it['\u2019]?s|called|{_KIN}|regards|sincerely|yours|faithfully|thanks|"
    r"thank you|thx|ty|signed|dr|doctor|mr|mrs|ms|miss|consultant(?: is)?|coordinator|name:|country:|city:|town:|"
    r"hello|hi|hey|dear|love|hugs|xx+|bless|cheers|clinic|hospital|named|born)\b:?",
    re.IGNORECASE,
)
_WEAK: Final = late(
    r"\b(?:from|in|at|to|near|live|lives|lived|living|by|of|around|outside|moved|via|between|visiting|town|city|village)\b",
    re.IGNORECASE,
)
_SIGNS: Final = late(
    r"regards|sincerely|yours|faithfully|thank|thx|ty|love|hugs|xx|bless|cheers|signed", re.IGNORECASE
)
_STOP: Final = late(r"[;?]|[.!] ")
_PAUSE: Final = late(r"[,.;:!?\n]")
_NEXT: Final = 2
"""An everyday word that no gazetteer holds counts as a name only this near to its cue, with no pause between."""

_WINDOW: Final = 5
_REACH: Final = 60
_MARKS: Final = late(r"[-.@_/'\u2019\u2010\u2011:,]+")
_DOTTED: Final = late(r"\b(?:[^\W\d_]\.){2,}[^\W\d_]?(?!\w)")
_JOINED: Final = late(r"[^\s<>()\[\]\"]{0,100}[@_/][^\s<>()\[\]\"]{0,100}")
_OPENERS: Final = word_set(
    "what when where why how which who should would could can is are was were do does did have has had am there"
    " any after before during also because since however then now just but and so if it this that these those"
    " they we you i please thank thanks our your the a an in on at for from with both all some most many not no"
    " as to of by or while although though unfortunately finally currently otherwise could's"
)
"""Words that open a sentence of nearly every letter; with a capital there they tell nothing."""

_AMBIGUOUS_OPENERS: Final = frozenset(
    {"can", "an", "so", "do", "in", "am", "is", "any", "all", "will", "may"}
)
"""Of these, some are names: they count as openers only before a pronoun or the like."""

_AFTER_OPENERS: Final = word_set(
    "i you we it this that there they he she my your our the a an these those is are not what which if much many"
    " long often"
)
_MODALS: Final = word_set("can will may might must should would could")


def letter_taint(tables: Tables, question: str, greeting: str, *, key: bytes) -> Taint:
    """Give the taint of a page: the tokens of letter and greeting that could point to somebody.

    Everything of the greeting counts as a name. Source: 45 CFR 164.514(b)(2)(i), all kinds, of the person and of
    relatives, employers and household; the whole letter is treated so, whoever wrote it.
    """
    marked: set[str] = set()
    names: set[str] = set()
    for text, is_greeting in ((question, False), (greeting, True)):
        collected = _Collection(tables, text)
        marked |= collected.tokens
        names |= collected.names
        if is_greeting:
            names |= collected.everything
    return taint_of(_forms(tables.lexicon, marked), _forms(tables.lexicon, names), key=key)


def _forms(lexicon: Lexicon, words: Iterable[str]) -> set[str]:
    """Give the tokens with their parts, without diacritics, and in all ways to write their numbers."""
    found: set[str] = set()
    for word in words:
        if word.isascii() and word.isalpha() and not is_number_word(word):
            if not _is_function_word(lexicon, word):
                found.add(word.lower())
            continue
        lower = fold_apostrophes(word.lower())
        forms = {lower, bare(lower), *(bare(part) for part in _MARKS.split(lower) if len(part) > 1)}
        forms |= {fold(form) for form in forms}
        if has_digit(word) or is_number_word(word):
            forms |= same_numbers(word) | {lower.replace(",", "").rstrip("%")}
        found |= {form for form in forms if form and not _is_function_word(lexicon, form)}
    return found


def _is_function_word(lexicon: Lexicon, word: str) -> bool:
    """Say whether a word never taints; "hope" does, being a name as well."""
    return lexicon.is_function_word(word) and word.lower() != "hope"


@remembered
def _is_exempt(lexicon: Lexicon, text: str) -> bool:
    """Say whether a word is of the small reviewed core: the clinical lexicon, acronyms, drugs, function words."""
    if lexicon.is_core(text) or _is_function_word(lexicon, text):
        return True
    if lexicon.is_drug_word(text):
        return not lexicon.is_name_or_place(text)
    pieces = parts(text)
    return len(pieces) > 1 and all(lexicon.is_core(part) for part in pieces)


@remembered
def _is_gazetted(lexicon: Lexicon, text: str) -> bool:
    return lexicon.is_name_or_place(text) or any(
        len(part) > 1 and lexicon.is_name_or_place(part) for part in parts(text)[1:]
    )


@remembered
def _is_vocabulary(lexicon: Lexicon, text: str) -> bool:
    return lexicon.is_vocabulary(text) or (
        len(parts(text)) > 1 and all(lexicon.is_vocabulary(part) for part in parts(text))
    )


class _Collection:
    """What one text of the letter gives: `names` by cue, capital or gazetteer, `tokens` by number or vocabulary."""

    def __init__(self, tables: Tables, text: str) -> None:
        self._lexicon = tables.lexicon
        plain = normalise(text).text
        if tables.own is not None:
            plain = blank(plain, tables.own.find(plain))
        plain = blank(plain, tables.eponyms.find(plain, tokens(plain)))
        self._words = tokens(plain)
        self._plain = plain
        self.tokens: set[str] = set()
        self.names: set[str] = set()
        self.everything = {word.text for word in self._words}
        self._collect_words()
        self._collect_cues(_STRONG, is_strong=True)
        self._collect_cues(_WEAK, is_strong=False)
        for found in _DOTTED.finditer(plain):
            self.names.add(found[0].replace(".", ""))
        for found in _JOINED.finditer(plain):
            self.names.update((found[0], *(word.text for word in tokens(found[0]))))

    def _collect_words(self) -> None:
        """Collect by capital, gazetteer, number and vocabulary (rules 2 to 5)."""
        starts = {word.start for word in self._openers()}
        for at, word in enumerate(self._words):
            text = bare(word.text)
            after = self._words[at + 1].text.lower() if at + 1 < len(self._words) else ""
            if has_digit(text) or is_number_word(text):
                self.tokens.add(text)
            if _is_exempt(self._lexicon, text):
                continue
            if any(char.isupper() for char in text):
                if not (word.start in starts and self._is_plain_opener(text, after)):
                    self.names.add(text)
            elif _is_gazetted(self._lexicon, text):
                # Who begins with a name ("sky here, from ...") may well write it in lower case.
                presents = word.start in starts or after == "here"
                if not self._is_everyday(text, presents=presents):
                    self.names.add(text)
            if not _is_vocabulary(self._lexicon, text):
                self.tokens.add(text)

    def _openers(self) -> Iterator[Token]:
        """Give the first token of each sentence."""
        at = 0
        for sentence in sentences(self._plain):
            while at < len(self._words) and self._words[at].start < sentence.start:
                at += 1
            if at < len(self._words):
                yield self._words[at]

    def _is_plain_opener(self, text: str, after: str) -> bool:
        """Say whether the capital of a sentence's first word tells nothing."""
        lower = text.lower()
        if lower in _AMBIGUOUS_OPENERS:
            return after in _AFTER_OPENERS
        if lower in _OPENERS:
            return True
        return self._lexicon.is_common(lower) and not _is_gazetted(self._lexicon, text) and text[1:].islower()

    def _is_everyday(self, text: str, *, presents: bool) -> bool:
        """Say whether a gazetteer entry in lower case, away from any cue, is an everyday word here.

        `presents` tells that it stands where a writer gives a name: then only reviewed words of titles and modal
        verbs are.
        """
        lexicon = self._lexicon
        return (
            lexicon.is_title_word(text)
            or text in _MODALS
            or (not presents and lexicon.is_common(text) and not lexicon.may_be_a_name_in_lower_case(text))
        )

    def _collect_cues(self, cues: re.Pattern[str], *, is_strong: bool) -> None:
        """Collect the tokens after each cue (rule 1); overlapping windows all count."""
        at = 0
        seen: set[tuple[str, bool]] = set()  # The windows of near cues share most of their words.
        for cue in cues.finditer(self._plain):
            while at < len(self._words) and self._words[at].start < cue.end():
                at += 1
            for nth, word in enumerate(self._words[at : at + _WINDOW]):
                if word.start > cue.end() + _REACH:
                    break
                between = self._plain[cue.end() : word.start]
                is_next = (
                    is_strong
                    and nth < _NEXT
                    and not (_STOP if _SIGNS.match(cue[0]) else _PAUSE).search(between)
                )
                if (word.text, is_next) not in seen:
                    seen.add((word.text, is_next))
                    self._collect_cued(bare(word.text), is_strong=is_strong, is_next=is_next)

    def _collect_cued(self, text: str, *, is_strong: bool, is_next: bool) -> None:
        lexicon = self._lexicon
        if _is_exempt(self._lexicon, text):
            return
        if text.islower() and _is_vocabulary(self._lexicon, text):
            if _is_gazetted(self._lexicon, text):
                if not lexicon.is_title_word(text):
                    if is_strong or text not in _MODALS:
                        self.names.add(text)
                elif is_next:
                    self.tokens.add(text)
            elif not lexicon.is_common(text):
                self.names.add(text)
            elif is_next and text not in _OPENERS and text not in _MODALS:
                self.tokens.add(text)
            return
        if not (text.lower() in _OPENERS and text.lower() not in _AMBIGUOUS_OPENERS):
            self.names.add(text)


def without(taint: Taint, words: Iterable[str], lexicon: Lexicon) -> Taint:
    """Give the taint without the words of a title that has passed by itself; names and numbers stay in it."""
    kept = {
        digest_of(form, taint.key)
        for form in _forms(
            lexicon, (word for word in words if not has_digit(word) and not is_number_word(word))
        )
    }
    return Taint(key=taint.key, tokens=(taint.tokens - kept) | taint.names, names=taint.names)


def tainted(reading: Reading, taint: Taint, *, names_only: bool = False) -> Iterator[Finding]:
    """Hold a token that stands in the letter or the greeting as one that may identify; a name there blocks.

    With `names_only`, other words that are no numbers pass: a title shares its topic with its letter.
    Source: 45 CFR 164.514(b)(2)(i)(A) to (R); GMC 18-19. The message never says where in the letter.
    """
    key, either, names = taint.key, taint.tokens, taint.names
    for word in reading.tokens:
        text = word.text
        if text.isalpha() and text.isascii():
            # Nearly every word has one form and does not stand in the letter.
            digest = digest_of(text.lower(), key)
            if digest not in either and digest not in names:
                continue
        forms = _token_forms(text)
        is_name = any(taint.names_hold(form) for form in forms)
        if not is_name and names_only and not (has_digit(word.text) or is_number_word(word.text)):
            continue
        if not is_name and not any(taint.holds(form) for form in forms):
            continue
        # A title is only left out, and a link cannot be changed: a person may accept it.
        blocks = is_name and reading.where not in ("title", "link")
        yield reading.finding(
            "privacy.taint",
            Severity.BLOCK if blocks else Severity.HOLD,
            Span(word.start, word.end),
            message="The patient's letter or greeting has this word or number too, so it may point to the patient."
            " Use other words.",
            source=f"{SAFE_HARBOR}; {GMC}",
        )


def _token_forms(word: str) -> set[str]:
    """Give the forms in which a token of a promo is looked up in the taint."""
    if word.isalpha() and word.isascii():
        return {word.lower()}
    lower = fold_apostrophes(word.lower())
    forms = {
        lower,
        bare(lower),
        lower.replace(",", "").rstrip("%"),
        *(bare(part) for part in _MARKS.split(lower) if len(part) > 1),
    }
    if word.isascii():
        return forms
    return forms | {fold(form) for form in forms}

"""Privacy rules that admit known words only: vocabulary, initials, names, capitals, language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.lexicon import Lexicon, remembered
from clinic_broadcast.core.own_names import word_set
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.numbers import has_digit, is_number_word
from clinic_broadcast.core.rules.privacy import GMC, SAFE_HARBOR, is_verb_may
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span, Token, bare, parts

NAMES: Final = f"{SAFE_HARBOR}(A), (B)"
_LONE_LETTERS: Final = frozenset("av")
_AFFIXES: Final = word_set(
    "pre post non anti co re sub pro multi semi inter intra peri hyper hypo micro mid self"
)
_LETTERED: Final = word_set(
    "vitamin vitamins hepatitis type group grade factor stage plan category class phase"
)


def vocabulary(reading: Reading) -> Iterator[Finding]:
    """Hold a word that none of the reviewed lists knows: most names, misspelt words, other languages, odd letters.

    Source: 45 CFR 164.514(b)(2)(i)(A), (B), (R): what nobody has reviewed may be a name or a code.
    """
    for word in reading.words:
        if has_digit(word.text) or is_known(reading, word.text):
            continue
        yield reading.finding(
            "privacy.vocabulary",
            Severity.HOLD,
            Span(word.start, word.end),
            message="This word is in no reviewed list, so it may be a name, a place or a slip. Use another word,"
            " or have it added to the clinic's own words after review.",
            source=f"{SAFE_HARBOR}(A), (B), (R)",
        )


def is_known(reading: Reading, word: str) -> bool:
    """Say whether every part of a word is in the reviewed lists."""
    return _is_known(reading.lexicon, word)


@remembered
def _is_known(lexicon: Lexicon, word: str) -> bool:
    if lexicon.is_vocabulary(word) or lexicon.is_vocabulary(bare(word)):
        return True
    pieces = parts(bare(word))
    if len(pieces) == 1:
        only = pieces[0].lower()
        return len(only) == 1 and (only in _LONE_LETTERS or (only.isascii() and word[0].isupper()))
    if sum(len(part) == 1 for part in pieces) > _LETTERS_MAX or _hides_a_name(lexicon, word, pieces):
        return False
    return all(len(part) == 1 or part.lower() in _AFFIXES or lexicon.is_vocabulary(part) for part in pieces)


_LETTERS_MAX: Final = 2
"""Single letters that a word of parts may hold ("D-C"); with more of them somebody spells a name."""


def _hides_a_name(lexicon: Lexicon, word: str, pieces: tuple[str, ...]) -> bool:
    """Say whether the parts of a word, put together, are a name or a place and no word ("nor-way")."""
    whole = "".join(pieces)
    return whole != word and lexicon.is_name_or_place(whole) and not lexicon.is_vocabulary(whole)


_LOWER_LETTERS: Final = late(
    r"(?:[A-Za-z]_){2,}[A-Za-z]?|(?<![\w.&/'\u2019-])(?:[a-z]\.){2,}(?!\w)|(?<![\w.&/=<>'\u2019-])"
    r"(?!(?:[avxyi]|[tb] cells?|d (?:and|&) [ce]|p ?[=<>])\b)"
    r"[a-z](?![\w'\u2019&/-]| ?[&=<>)])"
)
_DOTTED_TERMS: Final = word_set("a.m. p.m. b.i.d. t.i.d. q.d. i.v. i.m. s.c. d.c. i.u. s.q. p.o. n.b.")
_BEFORE_LETTER: Final = late(
    r"(?:\d|\b(?:and|or|&|vitamins?|hepatitis|type|group|factor|strep)) ?$", re.IGNORECASE
)


def _lower_initials(reading: Reading) -> Iterator[Span]:
    """Give where a single letter in lower case, or some with dots, stands for a name ("k.", "j.d.")."""
    for found in _LOWER_LETTERS.finditer(reading.plain):
        if found[0] in _DOTTED_TERMS or _BEFORE_LETTER.search(
            reading.plain, max(0, found.start() - 12), found.start()
        ):
            continue
        yield Span(found.start(), found.end())


_INITIAL: Final = "A single letter may stand for a person. Leave it out."


def initial(reading: Reading) -> Iterator[Finding]:
    """Hold a single capital letter, by which people hide and tell a name; "I" is the voice rule's.

    Source: 45 CFR 164.514(b)(2)(i)(A), and (R) for codes.
    """
    for at, word in enumerate(reading.words):
        if len(word.text) != 1 or not word.text.isupper() or word.text == "I":
            continue
        before = reading.words[at - 1].text.lower() if at else ""
        is_article = reading.plain[word.end : word.end + 1] == " " and at + 1 < len(reading.words)
        if word.text == "A" and is_article and (word.start in reading.openers or reading.is_in_title(word)):
            continue
        if word.text == "L" and reading.plain[word.start - 1 : word.start] == "/":
            continue  # "IU/L", per litre.
        if before in _LETTERED and word.text in "ABCDEK":
            continue
        yield reading.finding(
            "privacy.initial",
            Severity.HOLD,
            Span(word.start, word.end),
            message=_INITIAL,
            source=f"{SAFE_HARBOR}(A), (R)",
        )
    for span in _lower_initials(reading):
        yield reading.finding(
            "privacy.initial", Severity.HOLD, span, message=_INITIAL, source=f"{SAFE_HARBOR}(A), (R)"
        )


_FLAG: Final = late("[\U0001f1e6-\U0001f1ff]{2}")


def name(reading: Reading) -> Iterator[Finding]:
    """Hold a capitalised word that is a name or a place, and with no letter at hand a common first name in lower case.

    Source: 45 CFR 164.514(b)(2)(i)(A), (B); GMC 18-19 for the country.
    """
    for word in reading.words:
        if not reading.is_lone and word.text.islower():
            continue
        text = bare(word.text)
        if is_number_word(text) or any(span.start <= word.start < span.end for span in reading.counted):
            continue  # The number rule judges it.
        if _has_capital(text):
            held = _is_capital_name(reading, word) and not is_verb_may(reading, word.start)
        else:
            held = reading.is_lone and (
                _may_be_lower_name(reading, text) or _may_be_lower_place(reading, word)
            )
        if held:
            yield reading.finding(
                "privacy.name",
                Severity.HOLD,
                Span(word.start, word.end),
                message="This is the name of a person or a place as well. Use another word; a name of the"
                " clinic's own belongs in own_names in clinic.toml.",
                source=f"{NAMES}; {GMC}",
            )
    for found in _FLAG.finditer(reading.plain):
        yield reading.finding(
            "privacy.name",
            Severity.HOLD,
            Span(found.start(), found.end()),
            message="A flag names a country. Leave it out.",
            source=GMC,
        )


def _may_be_lower_name(reading: Reading, text: str) -> bool:
    """Say whether a lower-case word, or a part of one that is no word as a whole, is a common first name."""
    lexicon = reading.lexicon
    if lexicon.may_be_a_name_in_lower_case(text):
        return True
    return not lexicon.is_vocabulary(text) and any(
        lexicon.may_be_a_name_in_lower_case(part) for part in parts(text)
    )


_BEFORE_PLACE: Final = late(r"\b(?:in|at|near|from|around|to|outside|of|via|leaving)\s+$", re.IGNORECASE)


def _may_be_lower_place(reading: Reading, word: Token) -> bool:
    """Say whether an everyday word that is a place too follows a preposition of place."""
    if not reading.lexicon.may_be_a_place_in_lower_case(word.text):
        return False
    return bool(_BEFORE_PLACE.search(reading.plain, max(0, word.start - 12), word.start))


_MODALS: Final = frozenset({"May", "Will", "Can"})
_MODAL_QUESTION: Final = late(r" (?:I|[a-z]+)\b[^.!\n,]*\?")
"""What follows a modal verb that opens a question; a name would be set off or told of."""


_TOO_LONG: Final = late(r"\b(?:Too|too|So|so|As|as)\s$")
_HOW_LONG: Final = late(r"(?:^|[\s\"(\u201c])(?:How|how)\s$")
_LONG_ASKS: Final = late(
    r" (?:after|before|between|to|until|is|are|does|do|can|could|should|will|may|must|the|an?|in|for|on|it)\b"
    r"(?! (?:treats?|says?|thinks?|told|did|was|had|asked)\b)",
    re.IGNORECASE,
)
"""What follows the question "How Long"; a Mr Long would treat, say or have been told something."""


def _is_capital_name(reading: Reading, word: Token) -> bool:
    lexicon = reading.lexicon
    text = bare(word.text)
    if text in _MODALS and word.start in reading.openers and _MODAL_QUESTION.match(reading.plain, word.end):
        return False
    if _is_acronym(reading, text) or (lexicon.is_drug_word(text) and not lexicon.is_name_or_place(text)):
        return False
    if text == "Long" and _TOO_LONG.search(reading.plain, max(0, word.start - 8), word.start):
        return False
    if text == "Long" and _HOW_LONG.search(reading.plain, max(0, word.start - 8), word.start):
        return not _LONG_ASKS.match(reading.plain, word.end)
    pieces = parts(text)
    forms = (text, *pieces) if len(pieces) > 1 else pieces
    return any(
        len(form) > 1
        and _has_capital(form)
        and lexicon.is_name_or_place(form)
        and not (lexicon.is_title_word(form) or _is_acronym(reading, form))
        for form in forms
    )


def capital(reading: Reading) -> Iterator[Finding]:
    """Hold any capitalised word inside running text that is no acronym, eponym or drug.

    Source: 45 CFR 164.514(b)(2)(i)(A), (B): in the middle of a sentence English keeps capitals for names.
    """
    lexicon = reading.lexicon
    for word in reading.words:
        if word.text.islower():
            continue
        text = bare(word.text)
        if len(text) == 1 or not _has_capital(text) or has_digit(text) or _is_acronym(reading, text):
            continue
        inside = parts(text)
        first_only = not any(_has_capital(part) and not _is_acronym(reading, part) for part in inside[1:])
        if first_only and (word.start in reading.openers or not _has_capital(inside[0])):
            continue
        if (
            lexicon.is_drug_word(text)
            or reading.is_in_title(word)
            or (_is_no_name(reading, inside) and reading.is_in_short_title(word))
            or (_is_acronym(reading, inside[0]) and first_only)
        ):
            continue
        yield reading.finding(
            "privacy.capital",
            Severity.HOLD,
            Span(word.start, word.end),
            message="A capital inside a sentence marks a name. Write the word in lower case if it is none, or"
            " leave it out.",
            source=NAMES,
        )


def _is_no_name(reading: Reading, pieces: tuple[str, ...]) -> bool:
    """Say whether every part of a word is an everyday or clinical word that no gazetteer holds, or a reviewed one."""
    lexicon = reading.lexicon
    return all(
        lexicon.is_core(part)
        or lexicon.is_title_word(part)
        or (lexicon.is_vocabulary(part) and not lexicon.is_name_or_place(part))
        for part in pieces
    )


def _has_capital(word: str) -> bool:
    return word != word.lower() if word.isascii() else any(char.isupper() for char in word)


def _is_acronym(reading: Reading, word: str) -> bool:
    """Say whether a word is a reviewed acronym and written like one: "IVF", "hCG", "mIU", not "Pid"."""
    capitals = sum(char.isupper() for char in word)
    written = capitals >= max(2, len(word) - 2) or (capitals >= 1 and not word[0].isupper())
    return written and (reading.lexicon.is_acronym(word) or reading.lexicon.is_unit(word))


_LANGUAGE_WORDS_MIN: Final = 4
_UNKNOWN_SHARE: Final = 0.4
_ENGLISH: Final = word_set(
    "the a an and or of to in on for with is are was be been by at from as that this it its not can may will should"
    " than before after when if how what why do does have has there which who but most many some more no"
)
_ENGLISH_SHARE: Final = 0.06
_LONG: Final = 40
_GREEK: Final = frozenset("\u03b1\u03b2\u03b3\u03b4\u03bc\u03bb\u03c3\u03c9\u0394\u03a9")


def language(reading: Reading) -> Iterator[Finding]:
    """Hold a text that is not English: the lists behind every other rule are English.

    Source: own rule; 45 CFR 164.514(b)(2)(i) cannot be kept with lists of another language.
    """
    words = [word for word in reading.words if word.text[0].isalpha()]
    strange = next((word for word in words if _is_other_script(word.text)), None)
    unknown = sum(not is_known(reading, word.text) and not _has_capital(word.text) for word in words)
    english = sum(word.text.lower() in _ENGLISH for word in words)
    foreign = len(words) >= _LANGUAGE_WORDS_MIN and unknown >= _UNKNOWN_SHARE * len(words)
    barely = len(words) >= _LONG and english < _ENGLISH_SHARE * len(words)
    if strange is None and not foreign and not barely:
        return
    span = Span(strange.start, strange.end) if strange is not None else Span(words[0].start, words[-1].end)
    yield reading.finding(
        "privacy.language",
        Severity.HOLD,
        span,
        message="This text is not English, or has letters of another script. The gate knows English only: a"
        " person who reads the language must check it.",
        source="own rule: the reviewed lists are English",
    )


def _is_other_script(word: str) -> bool:
    """Say whether a word has a letter that is not Latin; single Greek letters of science pass."""
    if word.isascii() or word in _GREEK:
        return False
    return any(
        char.isalpha()
        and not char.isascii()
        and not unicodedata.name(char, "").startswith("LATIN")
        and char not in "\u00b5\u00aa\u00ba"
        and char not in _GREEK
        for char in word
    )

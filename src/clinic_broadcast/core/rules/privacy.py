"""Privacy rules on the words of any text: who speaks, relatives, times, contact data, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from clinic_broadcast.core.domains import ASCII_DOMAINS
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.own_names import word_set
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.numbers import VALUES, has_digit, is_number_word
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span, Token, bare, parts

SAFE_HARBOR: Final = "45 CFR 164.514(b)(2)(i)"
GMC: Final = "GMC, Using social media as a medical professional, 18-19"
META: Final = "Meta advertising standards, personal attributes"

_VOICE: Final = word_set(
    "i me my mine myself we us our ours ourselves you your yours yourself yourselves u ur he him his himself"
    " she her hers herself im ive id'"
)
_VOICE_CONTRACTED: Final = late(r"^(?:i|we|you|he|she)['\u2019\u02bc](?:m|re|ve|d|ll|s)$")
_ASKS: Final = late(
    r"^[\W_]*(?:what|when|where|why|how|which|should|can|could|may|might|must|will|would|do|am|is|are)\b",
    re.IGNORECASE,
)
_ASKS_I: Final = word_set("should can could may might must will would do am")
_IF_I: Final = word_set("if when before while until")
_PAST: Final = word_set("had was lost did got went took have've been saw came fell felt became")
_I_WITHIN: Final = 40
_NUMBERED: Final = word_set("type factor stage phase grade class part category level")


def voice(reading: Reading) -> Iterator[Finding]:
    """Hold words of the first person, of address, and of a single person spoken about.

    Source: GMC social media guidance 18-19 (what is told of one person may be recognised); Meta's standard on
    personal attributes forbids text about the viewer's own condition.
    """
    asked = _asked_i(reading)
    for at, word in enumerate(reading.tokens):
        text = word.text.lower()
        if text not in _VOICE and (text.isalnum() or not _VOICE_CONTRACTED.match(text)):
            pieces = parts(text)
            if len(pieces) == 1 or not any(
                part in _VOICE and part not in ("i", "u", "us") for part in pieces
            ):
                continue
        elif word.start in asked:
            continue
        before = reading.tokens[at - 1].text.lower() if at else ""
        if text == "i" and before in _NUMBERED:
            continue
        yield reading.finding(
            "privacy.voice",
            Severity.HOLD,
            Span(word.start, word.end),
            message="Somebody speaks, is spoken to or is spoken about here. Say it in general, in the third"
            ' person: "women with ...", "the treatment ...".',
            source=f"{GMC}; {META}",
        )


def _asked_i(reading: Reading) -> frozenset[int]:
    """Give where "I" may stand: in a question that asks what to do ("Should I ...?"), not one that tells a story."""
    allowed: set[int] = set()
    if "?" not in reading.plain or "I" not in reading.plain:
        return frozenset()
    for sentence in reading.sentences:
        text = reading.plain[sentence.start : sentence.end]
        if not text.rstrip("\"'\u201d\u2019)").endswith("?") or not _ASKS.match(text):
            continue
        words = [word for word in reading.tokens if sentence.start <= word.start < sentence.end]
        for at, word in enumerate(words):
            if word.text != "I" or word.start - sentence.start > _I_WITHIN or at == 0:
                continue
            before = words[at - 1].text.lower()
            after = words[at + 1].text.lower() if at + 1 < len(words) else ""
            is_past = after in _PAST or (after.endswith("ed") and after not in ("bleed", "need"))
            if before in _ASKS_I or (before in _IF_I and not is_past):
                allowed.add(word.start)
    return frozenset(allowed)


_KIN: Final = (
    "husband|wife|spouse|hubby|partner|fianc[e\u00e9]+|boyfriend|girlfriend|sister|brother|sibling|cousin|aunt|"
    "auntie|uncle|niece|nephew|mother|father|mum|mummy|mom|mommy|dad|daddy|parent|daughter|son|stepson|stepdaughter|"
    "grand(?:mother|father|ma|pa|son|daughter)|(?:mother|father|sister|brother|daughter|son)-in-law|neighbou?r|"
    "friend|colleague|co-?worker|employer|boss"
)
_KIN_PATTERN: Final = late(
    rf"\b(?:{_KIN})(?:['\u2019]s)?(?![\w'\u2019])"
    r"|\bone of (?:my|our)\b|\bpatients? of (?:mine|ours)\b|\breader(?:['\u2019]s)?\b|\b(?:story|stories)\b"
    r"|\bm(?:r|rs|s)\b|\bpatient [b-z]\b|\bsigned\b"
    r"|\banonymous(?:ly)?\b|\b(?:posted|written|asked|submitted|sent in) by\b"
    r"|\b(?:earlier|previous|last|first|second|kind|long) (?:email|e-mail|letter|message|note|mail)\b"
    r"|\b(?:question|letter|email|e-mail|mail|note|comment) from\b"
    r"|\b(?:hello|hi|hey|dear|regards|sincerely|faithfully|thanks|thank you|cheers|xoxo|namaste|salaam)\b"
    r"|\b(?:good (?:luck|morning|afternoon|evening|day)|god bless|best wishes|kind regards|warm regards)\b"
    r"|\b(?:accountant|actor|actress|architect|artist|athlete|builder|chef|dentist|diplomat|engineer|farmer|"
    r"fire(?:fighter|man)|footballer|hairdresser|housewife|journalist|judge|lawyer|librarian|mayor|musician|pastor|pilot|"
    r"plumber|police(?:man|woman)|politician|priest|princess|queen|receptionist|refugee|secretary|senator|singer|soldier|"
    r"student|taxi driver|teacher|vet|waitress|widow(?:er)?)\b"
    r"|\b(?:an?|this|that|one) (?:deaf|blind|homeless|famous|married|celebrity|[a-z]+-speaking) "
    r"(?:couple|woman|man|patient)\b"
    r"|\b(?:an?|this|that|one|the) (?:\w+ ){0,2}(?:patient|woman|lady|man|gentleman|girl|boy|mother|teacher|nurse|"
    r"engineer|soldier|lawyer|couple|colleague|donor)"
    r"(?: (?:of mine|from|near|living|whose|with whom|named|called|wrote|"
    r"asked|came|tells|told|says|said|who (?:wrote|asked|came|had|lost|was|lives|works))"
    r"| (?:\w+ ){1,3}(?:wrote|asked))\b",
)
_ROLE: Final = late(r"(?:\b(?:in|of|to|for|from|by|and|with) )the (?:mother|father)$")


def kin(reading: Reading) -> Iterator[Finding]:
    """Hold a single relative, letter manners, and words that announce one patient's case.

    Source: Safe Harbor covers relatives, employers and household members too; GMC 18-19.
    """
    for found in _KIN_PATTERN.finditer(reading.lower):
        text = found[0]
        if text == "thanks" and reading.lower.startswith(" to ", found.end()):
            continue
        if text in ("mother", "father") and _ROLE.search(
            reading.lower, max(0, found.start() - 14), found.end()
        ):
            continue
        yield reading.finding(
            "privacy.kin",
            Severity.HOLD,
            Span(found.start(), found.end()),
            message="This reads as one person's letter or case: a relative, a greeting, a story. Say it of"
            " women, men or couples in general.",
            source=f"{SAFE_HARBOR}, relatives, employers, household members; {GMC}",
        )


_MONTHS: Final = "january|february|march|april|may|june|july|august|september|october|november|december"
_DAYS: Final = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_SHORT: Final = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun"
_TIME: Final = late(
    rf"\b(?:{_MONTHS}|(?:{_DAYS})s?)\b"
    r"|\b(?:19|20)\d\ds?\b"
    r"|\b(?:yesterday|today|tonight|tomorrow|nowadays|last|next|previous|previously|ago|recent|recently|since|lately)\b"
    r"|\b(?:winter|summer|autumn|spring(?:time)?|christmas|xmas|easter|ramadan|diwali|thanksgiving|birthday|anniversary|"
    r"new year)\b",
)
_SHORT_TIME: Final = late(rf"\b(?:{_SHORT})\b(?=\.|\s+\d|,)|(?<=\d )(?:{_SHORT})\b")
_FALL: Final = late(
    r"\b(?:in|this|last|next|since|until|by|of|late|early) (?:the )?fall\b(?! in\b)", re.IGNORECASE
)
_LASTING: Final = late(
    r"\b(?:can|may|might|will|to|not|usually|often|should|could|would|must) $", re.IGNORECASE
)
_WHO_MAY: Final = late(r"\b(?:who|which|that|it|they) $", re.IGNORECASE)
_HOW_LONG: Final = late(r"\s+(?:before|after|for|with)\b|\?", re.IGNORECASE)
"""What follows the verb in "How Long Should It Last Before ...?"."""
_EARLIER: Final = late(
    r"previous (?:surgery|operations|infections|radiation|chemotherapy|losses|miscarriages|births)\b",
    re.IGNORECASE,
)
_OF_ANYONE: Final = late(r"\b(?:or|of|by|and|after|with) $", re.IGNORECASE)
"""Before "previous surgery" they tell of nobody; an article or a person would stand there."""
_BECAUSE: Final = late(
    r" (?:the|these|this|an?|some|most|many|few|not|it)\b[\w' -]{0,40} "
    r"(?:may|might|can|could|is|are|do|does|has|have|will|often|usually)\b"
)
"""What follows "since" where it gives a reason; where it gives a time, a noun alone follows ("since the loss")."""
_NEXT_STEP: Final = late(r"(?:next|last)(?: steps?\b)|next to\b", re.IGNORECASE)


def time(reading: Reading) -> Iterator[Finding]:
    """Hold dates and words that tie a text to a moment; a year alone is held too, being part of a mosaic.

    Source: 45 CFR 164.514(b)(2)(i)(C), all parts of dates but the year; GMC 18-19 for the year.
    """
    for pattern, text in ((_TIME, reading.lower), (_SHORT_TIME, reading.plain), (_FALL, reading.plain)):
        for found in pattern.finditer(text):
            if _is_no_time(reading, found):
                continue
            yield reading.finding(
                "privacy.time",
                Severity.HOLD,
                Span(found.start(), found.end()),
                message="This ties the text to a time, which may tell whose case it is and soon reads stale."
                " Leave the time out.",
                source=f"{SAFE_HARBOR}(C); {GMC}",
            )


def is_verb_may(reading: Reading, at: int) -> bool:
    """Say whether a title's "May" is the verb ("Who May Benefit?"), not the month or the name."""
    return reading.plain.startswith("May", at) and bool(_WHO_MAY.search(reading.plain, max(0, at - 6), at))


def _is_no_time(reading: Reading, found: re.Match[str]) -> bool:
    text = reading.plain[found.start() : found.end()]
    before = reading.plain[max(0, found.start() - 10) : found.start()]
    if text.lower() in ("may", "march"):
        if is_verb_may(reading, found.start()):
            return True
        return text.islower() or (text != text.upper() and found.start() in reading.openers)
    if text.lower() == "since":
        return before.endswith(", ") and bool(_BECAUSE.match(reading.plain, found.end()))
    if text.lower() == "previous":
        return bool(_EARLIER.match(reading.plain, found.start()) and _OF_ANYONE.search(before))
    if text.lower() == "last" and (
        _LASTING.search(before)
        or (reading.lower.startswith("how long ") and _HOW_LONG.match(reading.plain, found.end()))
    ):
        return True
    if text.lower() in ("last", "next"):
        return bool(_NEXT_STEP.match(reading.plain, found.start()))
    return False


_EMAIL: Final = late(r"[^\s@<>()\[\],;:]{1,64}@[^\s@<>()\[\],;:]{1,255}")
_SPELT_EMAIL: Final = late(
    r"\b\w[\w.]{0,40} ?[(\[]? ?at ?[)\]]? ?\w{1,40} ?[(\[]? ?dot ?[)\]]? ?[a-z]{2,}\b", re.IGNORECASE
)
_ADDRESS: Final = late(r"\b(?:https?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_DOMAIN: Final = late(
    r"(?<![\w@.])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}([A-Za-z]{2,24})(?![\w@-])(?:/\S*)?"
)
_HANDLE: Final = late(r"(?<![\w.@])@\w[\w.]*")
_PHONE: Final = late(r"(?<![\w.])(?:\+|(?=[\d(]))[\d(][\d\s().\u2010-\u2013-]{6,40}[\d)](?!\w)")
_IPV4: Final = late(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_PHONE_DIGITS_MIN: Final = 7


def contact(reading: Reading) -> Iterator[Finding]:
    """Block e-mail and web addresses, handles, telephone numbers and IP addresses that are not the clinic's own.

    Source: 45 CFR 164.514(b)(2)(i)(D), (E), (F), (N), (O).
    """
    taken: list[Span] = []
    for pattern in _contact_patterns(reading):
        for found in pattern.finditer(reading.plain):
            span = Span(found.start(), found.end())
            if any(span.start < other.end and other.start < span.end for other in taken):
                continue
            if pattern is _DOMAIN and not _is_domain(found):
                continue
            if pattern is _PHONE and sum(char.isdigit() for char in found[0]) < _PHONE_DIGITS_MIN:
                continue
            taken.append(span)
            yield reading.finding(
                "privacy.contact",
                Severity.BLOCK,
                span,
                message="This is an address, a handle or a number by which somebody can be reached, and it is"
                " not the clinic's own. Take it out; if it is yours, add it to own_names in clinic.toml.",
                source=f"{SAFE_HARBOR}(D)-(F), (N), (O)",
            )


def _contact_patterns(reading: Reading) -> Iterator[re.Pattern[str]]:
    """Give the patterns that could match at all, by a character that each of their matches holds."""
    text, lower = reading.plain, reading.lower
    has_figure = any(map(str.isdigit, text))
    for pattern, could in (
        (_EMAIL, "@" in text),
        (_SPELT_EMAIL, "dot" in lower),
        (_ADDRESS, "://" in text or "www." in lower),
        (_DOMAIN, "." in text),
        (_HANDLE, "@" in text),
        (_IPV4, has_figure),
        (_PHONE, has_figure),
    ):
        if could:
            yield pattern


def _is_domain(found: re.Match[str]) -> bool:
    """Say whether dotted words are a domain, not two sentences typed without a blank ("clinic.It")."""
    top = found[1]
    if top.lower() not in ASCII_DOMAINS:
        return False
    name = found[0][: found.end(1) - found.start() - len(top) - 1]
    common = top.lower() in ("com", "org", "net", "edu", "gov", "info")
    return common or top.islower() or (top.isupper() and name.isupper())


_AT_ONCE: Final = late(r"\bat once$")


def number(reading: Reading) -> Iterator[Finding]:
    """Hold numbers in figures and words; in a closed form that tells of a population they are a note.

    Source: 45 CFR 164.514(b)(2)(i)(C) and (G) to (M), (R); GMC 18-19 for counts of losses, weeks and doses.
    """
    allowed = reading.counted
    noted: set[Span] = set()
    for word in reading.words:
        if word.text.isalpha() and word.text.islower() and word.text not in VALUES:
            continue  # Nearly every word: no figure, no number in words, and no capital of a Roman one.
        if not (
            has_digit(word.text) or is_number_word(word.text) or _is_roman(reading, word)
        ) or _is_known_term(reading, word):
            continue
        if word.text == "once" and _AT_ONCE.search(reading.plain, max(0, word.start - 4), word.end):
            continue
        home = next((span for span in allowed if span.start <= word.start and word.end <= span.end), None)
        if home is None:
            yield reading.finding(
                "privacy.number",
                Severity.HOLD,
                Span(word.start, word.end),
                message="A number may be an age, a count of losses, a week or a dose of one person. Leave it out,"
                ' or say it of a population ("40% of pregnancies").',
                source=f"{SAFE_HARBOR}(C), (G)-(M), (R); {GMC}",
            )
        elif home not in noted:
            noted.add(home)
            yield reading.finding(
                "privacy.number",
                Severity.NOTE,
                home,
                message="A number told of a population. Check that it is right and is no patient's own.",
                source=GMC,
            )


_ROMAN: Final = late(r"(?:IX|IV|V?I{2,3}|VI|X{2,3}(?:IX|IV|V?I{0,3}))$")
_BEFORE_ROMAN: Final = late(
    r"\b(?:type|factor|stage|phase|grade|class|category|level|bethesda|chrom\w+)\s$", re.IGNORECASE
)
_INTO_A_VEIN: Final = late(
    r"\s+(?:fluids?|drip|line|infusions?|antibiotics?|sedation|iron|immunoglobulins?|intralipids?|therapy|treatment)",
    re.IGNORECASE,
)


def _is_roman(reading: Reading, word: Token) -> bool:
    """Say whether a token counts in Roman numerals; stages, factors and "IV" for a vein do not."""
    if not _ROMAN.match(word.text) or _BEFORE_ROMAN.search(
        reading.plain, max(0, word.start - 16), word.start
    ):
        return False
    return word.text != "IV" or not _INTO_A_VEIN.match(reading.plain, word.end)


def _is_known_term(reading: Reading, word: Token) -> bool:
    """Say whether a token with a figure is the name of a test, vitamin or drug ("T4", "B12", "CoQ10")."""
    text = bare(word.text)
    if text.isdigit() or not any(char.isalpha() for char in text) or is_number_word(text):
        return False
    lexicon = reading.lexicon
    return lexicon.is_acronym(text) or lexicon.is_clinical(text) or lexicon.is_drug_word(text)

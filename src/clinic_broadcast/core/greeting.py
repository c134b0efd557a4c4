"""The first words of a letter or of a reply: whom they address, and where they end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from clinic_broadcast.core.own_names import OwnNames, word_set
from clinic_broadcast.core.patterns import late

SCANNED_MAX: Final = 200
"""Characters of a line in which a greeting must end: a longer one is not a greeting but a sentence."""

TOKENS_MAX: Final = 16
"""Words of the longest greeting seen, a name and a place in full, were eleven."""

LOWER_NAMES_MAX: Final = 3
"""Words in small letters that may be a name when a comma, "from" or the end of the line follows."""


class Addressee(StrEnum):
    """Whom an opening addresses: us, a reader by name, or nobody in particular."""

    US = "us"
    READER = "reader"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The opening of a letter or reply: `end` is its length in the line; `has_place` when it says "from"."""

    to: Addressee
    end: int
    has_place: bool


_HELLO: Final = late(
    r"[\W_]{0,4}(?:hello|hallo|hiya|hi|hey|dearest|dear|greetings|howdy|good[ \t]+(?:morning|afternoon|"
    r"evening|day))"
    r"(?![\w-])",
    re.IGNORECASE,
)
_TO_WHOM: Final = late(r"\W{0,3}to whom it may concern\b", re.IGNORECASE)
_SIRS: Final = word_set(
    "dr drs dr's doctor doctors doc docs docter prof professor sir sirs madam madame ma'am nurse team staff "
    "physician office clinic"
)
_VAGUE: Final = word_set("there again all everyone everybody friends folks ladies guys both sweetie")
_NOT_PEOPLE: Final = word_set("god lord me goodness heavens")
_LINKING: Final = word_set(
    "from in of and & y e de da di do del della der den la le van von al el bin ibn ter st near my dear miss"
)
_STARTERS: Final = word_set(
    "i i'm im i've ive i'd i'll you you're your you've you'll yes no thank thanks thx it it's its this that "
    "that's the "
    "there's here here's we we're we've our if what what's as so well sorry first firstly second "
    "unfortunately fortunately "
    "congratulations congrats to my when at a an based given because since how not please by with is are was "
    "were do does "
    "did can could would should may might must but or for great good glad happy hope hoping sounds most "
    "these those while "
    "although though after before once usually generally typically actually definitely absolutely certainly "
    "clearly "
    "regarding concerning on however therefore overall obviously again ok okay now then next also "
    "additionally finally he "
    "she they his her their let let's just wanted want wondering been being currently trying have has had "
    "having am in "
    "where who why which whether am never always sometimes often some any all both each every one two three many "
    "much more less only even until unless yeah yep nope sure right indeed perhaps maybe probably possibly "
    "seems looks "
    "welcome nice taking from"
) - {"from"}
_LOWER_LINKS: Final = frozenset({"from", "in", "at", "of", "and", "the", "near"})
_SHORT_FORMS: Final = word_set("st mt ft mr mrs ms dr miss jr sr")
_DOTTED: Final = late(r"(?:[^\W\d_]\.)*[^\W\d_]\.?\Z")
_TOKEN: Final = late(r"\S+")
_SENTENCE_END: Final = late(r"[.!?](?=\s|$)")
_WRAPPING: Final = "\"'()[]*_<>"
_CLOSING_MARKS: Final = ",!:;?"
_DASHES: Final = frozenset({"-", "--"})


@dataclass(slots=True, kw_only=True)
class _Scan:
    """The state of reading an address word by word."""

    end: int
    is_closed: bool = False
    is_certain: bool = True
    has_place: bool = False
    names: int = 0
    lower_names: int = 0
    words: list[str] = field(default_factory=list)


def read_opening(line: str, own: OwnNames) -> Opening | None:
    """Read the opening at the start of a line; None when the line does not begin with one.

    The end is after the address: "Hello Ann, you may" ends after the comma, "Hello Ann from Peru" at the line's
    end. Where the end is not certain, the rest of the sentence is taken in too, so that no name stays outside.
    """
    if _TO_WHOM.match(line):
        return Opening(to=Addressee.US, end=len(line), has_place=False)
    hello = _HELLO.match(line)
    if hello is None:
        return None
    scan = _scan(line, hello.end())
    if _NOT_PEOPLE.intersection(scan.words[:1]):
        return None
    return Opening(to=_addressee(scan, own), end=_end(line, scan), has_place=_has_place(scan))


def _addressee(scan: _Scan, own: OwnNames) -> Addressee:
    # A reader may be a doctor too, or share the doctor's first name: nobody writes to us as "from" somewhere.
    address = " ".join(scan.words[: scan.words.index("from")] if "from" in scan.words else scan.words)
    is_titled = not _SIRS.isdisjoint(scan.words)
    is_own = own.names_us(address)
    if is_titled and (is_own or not scan.has_place or not own.words):
        return Addressee.US
    if is_own and not scan.has_place:
        return Addressee.US
    if scan.has_place and not _has_place(scan):
        return Addressee.NOBODY
    return Addressee.READER if scan.names or scan.lower_names else Addressee.NOBODY


def _has_place(scan: _Scan) -> bool:
    # "Hello Ann from Peru" is a doctor's; "Greetings from Peru!" is how a letter begins.
    before = scan.words[: scan.words.index("from")] if "from" in scan.words else []
    return any(word not in _LINKING | _VAGUE for word in before)


def _end(line: str, scan: _Scan) -> int:
    if scan.is_certain:
        return scan.end
    sentence = _SENTENCE_END.search(line, scan.end)
    return sentence.end() if sentence else len(line)


def _scan(line: str, start: int) -> _Scan:
    """Read the words after the "Hello" up to the end of the address."""
    scan = _Scan(end=start)
    if line[start : start + 1] in _CLOSING_MARKS and line[start : start + 1]:
        scan.end = start + 1
        if not _goes_on(line, scan):
            scan.is_closed = True
            return scan
    tokens = list(_TOKEN.finditer(line, scan.end, start + SCANNED_MAX))[:TOKENS_MAX]
    for number, token in enumerate(tokens):
        following = tokens[number + 1].group() if number + 1 < len(tokens) else ""
        _take(line, scan, token, following)
        if scan.is_closed:
            return scan
    # The words ran out: at the end of the line that is fine, in the middle of one nothing is certain.
    scan.is_certain = not line[scan.end :].strip()
    return scan


def _take(line: str, scan: _Scan, token: re.Match[str], following: str) -> None:
    """Take one word into the address, or close the address before or after it."""
    written = token.group()
    if written in _DASHES:
        scan.end, scan.is_closed = token.end(), True
        return
    bare = written.strip(_WRAPPING + _CLOSING_MARKS).strip(_WRAPPING)
    word = bare.rstrip(".").lower()
    if not _belongs(scan, bare, word, following):
        scan.is_closed = True
        # After nothing but small words the reader was perhaps named in a way we do not see.
        scan.is_certain = word in _STARTERS and not (
            scan.lower_names and not scan.names and not scan.has_place
        )
        return
    _count(scan, bare, word)
    scan.end = token.end()
    last = written.rstrip(_WRAPPING)[-1:]
    if last == "," and _goes_on(line, scan):
        return
    is_short_form = word in _SHORT_FORMS or _DOTTED.fullmatch(bare) is not None
    if last in _CLOSING_MARKS or (last == "." and not is_short_form):
        scan.is_closed = True
    elif last == "." and scan.has_place and following[:1].isupper() and word not in _SHORT_FORMS:
        # "from the U.S. Clomid helps": the place has ended, or "Virgin Islands" follows.
        scan.is_closed = True
        scan.is_certain = following.rstrip(",.").lower() in _STARTERS


def _belongs(scan: _Scan, bare: str, word: str, following: str) -> bool:
    if not bare:
        return True
    if word in _SIRS or (word in _VAGUE and not scan.names):
        return True
    if word in _LOWER_LINKS and bare.islower() and (scan.names or scan.lower_names or word == "from"):
        # "Hello Ann in your case": a place is written with a capital.
        return scan.has_place or word in {"from", "of", "and"} or following[:1].isupper()
    if scan.has_place and word == "the":
        return True
    if word in _STARTERS and not (len(bare) > 1 and bare.endswith(".")):
        return bare == "A" and (following.startswith("from") or not following)
    if bare[:1].isupper() or word in _LINKING or scan.has_place or not bare[:1].isalpha():
        return True
    return scan.lower_names < LOWER_NAMES_MAX


def _count(scan: _Scan, bare: str, word: str) -> None:
    scan.words.append(word)
    if word == "from":
        scan.has_place = True
    elif (word in _VAGUE and not scan.names) or word in _LINKING or word in _SIRS:
        return
    elif bare[:1].isupper() or scan.has_place:
        scan.names += 1
    elif bare:
        scan.lower_names += 1


def _goes_on(line: str, scan: _Scan) -> bool:
    """Say whether the address goes on after a comma: "Ann, from Peru", "Ann from Lima, Peru", "Hello, Ann!"."""
    rest = line[scan.end : scan.end + SCANNED_MAX]
    part = re.split(r"[,!:;?\n]|\.(?=\s|$)", rest, maxsplit=1)[0]
    words = [word.strip(_WRAPPING) for word in part.split()]
    if not words:
        return False
    if words[0] in {"from", "near"} or (words[0] == "in" and len(words) > 1 and words[1][:1].isupper()):
        return True
    if len(words) > 4 or words[0].lower() in _STARTERS:  # noqa: PLR2004 - No place has five.
        return False
    is_named = all(word[:1].isupper() or word.lower() in _LINKING | {"the"} | _VAGUE for word in words)
    is_address_first = not scan.words and any(word.lower().rstrip(".") in _SIRS for word in words)
    return (
        (is_named and words[0][:1].isupper()) or is_address_first or (not scan.words and words[0] in _VAGUE)
    )

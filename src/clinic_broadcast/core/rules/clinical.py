"""Clinical rules: slips with drugs between question and answer. The product never judges a dose, it shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.keeping import Once
from clinic_broadcast.core.lexicon import Drug
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.rules.drugs import Named, by_name, drugs_in, unknown_words
from clinic_broadcast.core.rules.reading import Reading
from clinic_broadcast.core.words import Span

OWN: Final = "own rule: reviewed table of drugs; the clinician decides"
_MEND: Final = " The clinician compares question and answer; mend the answer at its source if it is a slip."


@dataclass(frozen=True, kw_only=True)
class Consultation:
    """A question with its title, and the answer to it, with the drugs that each of them names."""

    asked_in: tuple[Reading, ...]
    answer: Reading

    @Once
    def asked(self) -> Mapping[str, Drug]:
        """Give the drugs of title and question."""
        return {name: drug for part in self.asked_in for name, drug in by_name(drugs_in(part)).items()}

    @Once
    def named(self) -> tuple[Named, ...]:
        """Give the drugs of the answer, each place."""
        return drugs_in(self.answer)

    @Once
    def answered(self) -> Mapping[str, Drug]:
        """Give the drugs of the answer, each once."""
        return by_name(self.named)


def _distance(one: str, other: str, *, most: int) -> int:
    """Give the Damerau-Levenshtein distance of two words; above `most` some number above it."""
    from rapidfuzz.distance import DamerauLevenshtein  # noqa: PLC0415 - 50 ms that most texts do not need.

    return DamerauLevenshtein.distance(one, other, score_cutoff=most)


def _similarity(one: str, other: str) -> float:
    """Give the Jaro-Winkler similarity of two words, from 0 to 1."""
    from rapidfuzz.distance import JaroWinkler  # noqa: PLC0415 - The same.

    return JaroWinkler.similarity(one, other)


def look_alike(both: Consultation) -> Iterator[Finding]:
    """Block a word of the answer that may be a slip for a drug: misspelt, or another drug that looks alike.

    (a) an unknown word near an asked drug; (b) an unknown word one letter from any drug; (c) a known drug of
    another ingredient that looks like an asked one which is not answered; (d) a pair of the reviewed list of
    drugs that get mixed up. Distances: Damerau-Levenshtein and Jaro-Winkler. Source: own rule and table.
    """
    seen: set[Span] = set()
    for word in unknown_words(both.answer):
        lower = word.text.lower()
        near = _near_asked(lower, both) or _one_letter_off(lower, both)
        if near:
            span = Span(word.start, word.end)
            seen.add(span)
            yield _look_alike(both, span, f"This word is no known drug, and nearly {near}.")
    for one in both.named:
        if one.drug.name in both.asked or one.span in seen:
            continue
        other, is_answered = _mixed_up(one.drug, both)
        if other:
            seen.add(one.span)
            what = f"The question has {other}; this drug is another one that is easily mixed up with it."
            yield _look_alike(both, one.span, what, Severity.HOLD if is_answered else Severity.BLOCK)


def _look_alike(both: Consultation, span: Span, what: str, severity: Severity = Severity.BLOCK) -> Finding:
    return both.answer.finding("clinical.look-alike", severity, span, message=what + _MEND, source=OWN)


def _near_asked(word: str, both: Consultation) -> str:
    """Give the asked drug that an unknown word is near to (rule a)."""
    for name in both.asked:
        if name == word or " " in name:
            continue
        distance = _distance(word, name, most=3)
        if distance <= 2 and len(word) >= 5:  # noqa: PLR2004 - The reviewed bounds of rule a.
            return name
        if distance <= 3 and _similarity(word, name) >= 0.85:  # noqa: PLR2004 - The same.
            return name
    return ""


def _one_letter_off(word: str, both: Consultation) -> str:
    """Give a drug of the table at distance 1 (rule b), found by forms with a letter left out, not by a walk."""
    if len(word) < 6:  # noqa: PLR2004 - The reviewed bound of rule b.
        return ""
    table = both.answer.tables
    forms = {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
    candidates = {name for form in forms for name in table.near_drugs.get(form, ())}
    candidates |= forms & table.lexicon.drugs.keys()
    near = sorted(name for name in candidates if _distance(word, name, most=1) == 1)
    return near[0] if near else ""


def _mixed_up(drug: Drug, both: Consultation) -> tuple[str, bool]:
    """Give the asked drug that a drug of the answer may have been taken for (rules c and d), if any.

    Also says whether the asked one is answered too: then the other may well be meant, and the finding only holds.
    """
    lexicon = both.answer.lexicon
    if any(drug.ingredients == asked.ingredients for asked in both.asked.values()):
        return "", False
    doubtful = ""
    for name, asked in sorted(both.asked.items()):
        is_answered = any(asked.ingredients == other.ingredients for other in both.answered.values())
        if lexicon.is_confusable(drug.name, name):
            if not is_answered:
                return name, False
            doubtful = doubtful or name
        if drug.is_same_as(asked) or is_answered:
            continue
        if _similarity(drug.name, name) >= 0.80:  # noqa: PLR2004 - Rule c's bound.
            return name, False
    return doubtful, True


_HEAD: Final = late(
    r"((?:\b[A-Za-z][\w'\u2019-]{0,40}[ \u00a0]){0,2}\b[A-Za-z][\w'\u2019-]{2,40})\s?[(\[#]\s?"
    r"(?:(?:also )?(?:known as|called|generic(?: name)?|brand(?: name)?|trade name|i\.?e\.?|aka|or)[:,]? )?"
)
_AKA: Final = late(
    r",? (?:also|otherwise) (?:known|called|sold) (?:as|under)? ?(?:the name )?"
    r"|,? (?:aka|a\.k\.a\.) |, (?:or|that is|which is) "
)
_CLASS_FOLLOWS: Final = late(
    r"(?:,| is| are| was|, which is|\s?[(\[#])\s*"
    r"(?:an?|the|one of the|type of|kind of|a type of|a kind of|a form of)\s+"
    r"(?!not\b)(?:(?!not\b|no\b|than\b|for\b|to\b|of\b|used\b)[\w-]+\s+){0,2}?$"
)
_AND: Final = late(r"\s*,?\s*(?:and|or|plus|\+)\b", re.IGNORECASE)
_CLASS_REACH: Final = 60


def gloss(both: Consultation) -> Iterator[Finding]:
    """Block an explanation that contradicts the table: "X (Y" of other ingredients, "X, a CLASS" of another class.

    An X known nowhere that is explained by a drug blocks as well: it may be a slip for another drug. Salts
    ("citrate") are passed over. Source: own rule and table.
    """
    answer = both.answer
    starts = {one.span.start: one for one in both.named}
    ends = {one.span.end: one for one in both.named}
    for pattern in (_HEAD, _AKA):
        for found in pattern.finditer(answer.plain):
            explained = starts.get(found.end())
            if explained is None:
                continue
            head = found[1] if pattern is _HEAD else answer.plain[max(0, found.start() - 40) : found.start()]
            head_end = found.end(1) if pattern is _HEAD else found.start()
            what = _contradiction(
                both, head, head_end, explained.drug, ends=ends, is_bracket=pattern is _HEAD
            )
            if what:
                last = head.split()[-1]
                yield answer.finding(
                    "clinical.gloss",
                    Severity.BLOCK,
                    Span(head_end - len(last), explained.span.end),
                    message=what + _MEND,
                    source=OWN,
                )
    yield from _wrong_class(both)


def _contradiction(
    both: Consultation,
    head: str,
    head_end: int,
    explained: Drug,
    *,
    ends: Mapping[int, Named],
    is_bracket: bool,
) -> str:
    """Say what is wrong with a head that is explained by a drug; empty if nothing is."""
    lexicon = both.answer.lexicon
    words = head.split()
    at = head_end
    while len(words) > 1 and lexicon.is_salt(words[-1]):
        at -= len(words[-1]) + 1
        words.pop()
    if not words:
        return ""
    named = ends.get(at)
    if named is not None:
        if named.drug.is_same_as(explained):
            return ""
        return f"{named.drug.name} is explained by {explained.name}, and the table knows them as different drugs."
    last = words[-1].strip("'\u2019")
    if next(iter([True for word in unknown_words(both.answer) if word.end == at]), False):
        return f"A name that no list knows is explained by {explained.name}."
    called = _class_called(both, " ".join(words[-3:])) if is_bracket and last else None
    if called is not None and not _fits(both, explained, called):
        return f'{explained.name} stands as an example of "{called}", and the table has it in another class.'
    return ""


def _class_called(both: Consultation, text: str) -> str | None:
    """Give the word for a class of drugs with which a text ends."""
    lower = text.lower()
    for size in range(3, 0, -1):
        phrase = " ".join(lower.split()[-size:])
        if phrase in both.answer.tables.classes.by_first.get(phrase.split()[0] if phrase else "", ()):
            return phrase
    return None


def _fits(both: Consultation, drug: Drug, called: str) -> bool:
    """Say whether a drug may be called by this word for a class."""
    drug_class = both.answer.lexicon.drug_classes.get(drug.drug_class)
    if drug_class is None:
        return True
    forms = {
        called,
        called.removesuffix("s"),
        *called.split(),
        called.rsplit(maxsplit=1)[-1].removesuffix("s"),
    }
    return bool(forms & (drug_class.called | drug_class.also))


def _wrong_class(both: Consultation) -> Iterator[Finding]:
    """Block "X, a CLASS" and "X is a CLASS" where the table has X in another class."""
    answer = both.answer
    classes = answer.find(answer.tables.classes)
    for one in both.named:
        for span in classes:
            if span.start < one.span.end or span.start - one.span.end > _CLASS_REACH:
                continue
            between = answer.plain[one.span.end : span.start]
            if not _CLASS_FOLLOWS.fullmatch(_without_salt(both, between)):
                continue
            called = answer.lower[span.start : span.end]
            follows = answer.plain[span.end : span.end + 1]
            if follows == "-" or _AND.match(answer.plain, span.end) or _fits(both, one.drug, called):
                break
            yield answer.finding(
                "clinical.gloss",
                Severity.BLOCK,
                Span(one.span.start, span.end),
                message=f'{one.drug.name} is called "{called}", and the table has it in another class.'
                + _MEND,
                source=OWN,
            )
            break


def _without_salt(both: Consultation, text: str) -> str:
    words = text.split(" ", 2)
    if len(words) > 1 and not words[0] and both.answer.lexicon.is_salt(words[1].strip(",")):
        return ("," if words[1].endswith(",") else "") + " " + " ".join(words[2:])
    return text


_DOSE: Final = late(
    r"(?<![\w.])\d[\d,.]*(?:\s?(?:-|\u2013|to)\s?\d[\d,.]*)?\s?-?"
    r"(?:units?|mg|mgs|milligrams?|mcg|\u00b5g|\u03bcg|ug|micrograms?|IUs?|mls?|cc|g|grams?)"
    r"(?!\w)(?!/(?!day|d\b|kg|week|hour|h\b|dose))",
    re.IGNORECASE,
)


def dose(both: Consultation) -> Iterator[Finding]:
    """Hold an amount of a drug, for the clinician to confirm; the product never judges one.

    Source: own rule; a dose is where a slip does most harm.
    """
    for found in _DOSE.finditer(both.answer.plain):
        yield both.answer.finding(
            "clinical.dose",
            Severity.HOLD,
            Span(found.start(), found.end()),
            message="A dose: the clinician confirms that it is what was meant.",
            source=OWN,
        )


def real_word(both: Consultation) -> Iterator[Finding]:
    """Hold an everyday word that a drug's name turns into by one letter ("aspiring" for aspirin).

    Either the drug is asked about, or the word is in the reviewed list of such slips. Source: own rule and list.
    """
    answer = both.answer
    lexicon = answer.lexicon
    asked = [name for name in both.asked if " " not in name and len(name) > 5]  # noqa: PLR2004 - Short ones are near too much.
    for word in answer.tokens:
        lower = word.text.lower()
        slips = lexicon.slip_of(lower)
        if not (slips or asked):
            continue
        drugs = sorted(slips)
        if not drugs and len(lower) >= 7 and lexicon.drug(lower) is None and not lexicon.is_clinical(lower):  # noqa: PLR2004 - The reviewed bound.
            drugs = [
                name
                for name in asked
                if lower not in (name + "s", name) and _distance(lower, name, most=1) == 1
            ]
        if drugs and (lexicon.is_general(lower) or lexicon.slip_of(lower)):
            yield answer.finding(
                "clinical.real-word",
                Severity.HOLD,
                Span(word.start, word.end),
                message=f"An everyday word one letter from {drugs[0]}: perhaps the drug was meant." + _MEND,
                source=OWN,
            )


def not_answered(both: Consultation, *, is_other_finding: bool) -> Iterator[Finding]:
    """Note an asked drug that the answer does not name; one named by another name of its ingredient is told apart.

    The latter is quiet unless something else was found: brands differ by country. Source: own rule and table.
    """
    if not both.answer.tokens:
        return
    for name, asked in sorted(both.asked.items()):
        if name in both.answered:
            continue
        other = next((one for one in both.answered.values() if one.ingredients == asked.ingredients), None)
        if other is None:
            yield both.answer.finding(
                "clinical.asked-not-answered",
                Severity.NOTE,
                Span(0, 0),
                message=f"The question has {name}; the answer does not name it.",
                source=OWN,
            )
        elif is_other_finding:
            yield both.answer.finding(
                "clinical.other-name",
                Severity.NOTE,
                Span(0, 0),
                message=f"The question has {name}; the answer names it {other.name}.",
                source=OWN,
            )

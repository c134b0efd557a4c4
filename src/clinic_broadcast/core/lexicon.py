"""The words the gate knows: vocabulary, names, places, drugs and reviewed phrases, as one frozen value."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, wraps
from typing import Any, Final, TypeVar

from clinic_broadcast.core.packed_words import PackedWords
from clinic_broadcast.core.patterns import late

LOW_BIRTHS = 1000
"""Names borne this often stay suspicious in lower case when no letter is at hand (SSA counts, 1880 to 2017)."""

REMEMBERED_MAX = 4_096
"""Words of one question that are remembered: pages share nearly all of theirs, and a hostile one fills no memory."""

_WORD: Final = late(r"\w+")

_Found = TypeVar("_Found")
_Asked = Callable[["Lexicon", str], _Found]


def remembered(ask: _Asked[_Found]) -> _Asked[_Found]:
    """Have a question about one word answered once for each lexicon: a page asks it a dozen times of each word."""

    @wraps(ask)
    def answer(lexicon: Lexicon, word: str) -> _Found:
        try:
            found: _Found = lexicon.memory[ask][word]
        except KeyError:
            memory = lexicon.memory.setdefault(ask, {})
            if len(memory) >= REMEMBERED_MAX:
                memory.clear()
            found = memory[word] = ask(lexicon, word)
        return found

    return answer


class DrugKind(StrEnum):
    """What sort of name a drug name is."""

    BRAND = "brand"
    INN = "INN"
    USAN = "USAN"
    SALT = "salt"
    ABBREVIATION = "abbreviation"
    COMMON = "common"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug:
    """One name of a drug; several names may share an ingredient.

    `ingredients` holds one INN in lower case for each active substance; kinds of one substance begin with its
    name (chorionic gonadotropin, chorionic gonadotropin alfa). `countries` are ISO 3166 codes where the name is
    usual; empty means everywhere.
    """

    name: str
    ingredients: frozenset[str]
    drug_class: str
    kind: DrugKind
    countries: tuple[str, ...] = ()

    @property
    def is_brand(self) -> bool:
        """Say whether the name is a trade mark: such a name never becomes a hashtag."""
        return self.kind is DrugKind.BRAND

    def is_same_as(self, other: Drug) -> bool:
        """Say whether one of the two holds all that the other does, so that a gloss may equate them.

        A family name stands for its members: follitropin for follitropin alfa.
        """
        return _covers(self.ingredients, other.ingredients) or _covers(other.ingredients, self.ingredients)


def _covers(these: frozenset[str], those: frozenset[str]) -> bool:
    """Say whether each of these ingredients, or a kind of it, or its family, is among those."""
    return all(any(_is_kin(one, other) for other in those) for one in these)


def _is_kin(one: str, other: str) -> bool:
    return one == other or other.startswith(f"{one} ") or one.startswith(f"{other} ")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugClass:
    """A class of drugs: the words that name it, and words that may describe its drugs without being wrong."""

    name: str
    called: frozenset[str]
    also: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HashtagTopic:
    """A reviewed topic: the terms that show it, its name for readers, its tag, and its content warning.

    A wide one ("Pregnancy") says nothing by itself on a blog that is about nothing else.
    """

    display: str
    tag: str
    terms: tuple[str, ...]
    warning: str = ""
    is_wide: bool = False
    openings: frozenset[str] = field(init=False, repr=False, compare=False)
    """The first word of each term in lower case: where none of them stands, no term does."""

    def __post_init__(self) -> None:
        openings = frozenset(found[0].lower() for term in self.terms if (found := _WORD.search(term)))
        object.__setattr__(self, "openings", openings)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPattern:
    """A closed form of words in which a number tells of a population, not of a person.

    `pattern` is for the standard `re` module with IGNORECASE; the whole match is allowed, with a note.
    """

    name: str
    pattern: str
    example: str


def fold(word: str) -> str:
    """Give the word without its diacritics, for lists that hold both forms."""
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


def normal(word: str) -> str:
    """Give the word as the lists hold it: NFKC, lower case, straight apostrophe."""
    if word.isascii():
        return word.lower()
    form = unicodedata.normalize("NFKC", word).replace("\u2019", "'").lower()
    return unicodedata.normalize("NFC", form)  # Lower case may take a letter and its accent apart.


@dataclass(frozen=True, kw_only=True, repr=False)
class Lexicon:
    """All reviewed lists at one version.

    Predicates take one token in any case, without a final 's and not split at hyphens: that is the gate's part.
    `version` is the first 12 hexadecimal digits of a sha256 over every list and the clinic's own words.
    """

    version: str
    general: PackedWords
    common: frozenset[str]
    clinical: frozenset[str]
    acronyms: frozenset[str]
    units: frozenset[str]
    extra: frozenset[str]
    first_names: PackedWords
    proper_names: PackedWords
    places: PackedWords
    core: frozenset[str]
    function_words: frozenset[str]
    title_words: frozenset[str]
    eponyms: tuple[str, ...]
    number_patterns: tuple[NumberPattern, ...]
    drugs: Mapping[str, Drug]
    drug_classes: Mapping[str, DrugClass]
    drug_phrases: tuple[str, ...]
    confusable_pairs: frozenset[frozenset[str]]
    salts: frozenset[str]
    slips: Mapping[str, frozenset[str]]
    hashtags: tuple[HashtagTopic, ...]
    promises: tuple[str, ...]
    refutations: tuple[str, ...]
    anaphora: tuple[str, ...]
    remedies: tuple[str, ...]
    scares: tuple[str, ...]
    agents: tuple[str, ...]
    roles: tuple[str, ...]
    word_names: frozenset[str]
    word_places: frozenset[str]
    verbs: frozenset[str]
    doubtful_verbs: frozenset[str]
    before_nouns: frozenset[str]
    memory: dict[_Asked[Any], dict[str, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What `remembered` has found; it changes no answer."""

    def __repr__(self) -> str:
        return f"Lexicon(version={self.version!r})"

    @cached_property
    def drug_words(self) -> frozenset[str]:
        """Give every drug's name and every word of one, without those that are first names or places."""
        parts = {part for name in self.drugs for part in (name, *name.split(), *name.split("-"))}
        return frozenset(
            part
            for part in parts
            if len(part) > 1 and part not in self.first_names and part not in self.places
        )

    @remembered
    def is_general(self, word: str) -> bool:
        """Say whether this is an everyday English word (SCOWL, British or American)."""
        word = normal(word)
        return word in self.general or (not word.isascii() and fold(word) in self.general)

    def is_common(self, word: str) -> bool:
        """Say whether this is among the some thousand commonest English words (SCOWL size 10)."""
        return normal(word) in self.common

    def is_clinical(self, word: str) -> bool:
        """Say whether this is a term of the fertility and obstetric lexicon, or a word the clinic added."""
        word = normal(word)
        return word in self.clinical or word in self.extra

    def is_acronym(self, word: str) -> bool:
        """Say whether this is a reviewed acronym; case is not asked."""
        return normal(word) in self.acronyms

    def is_unit(self, word: str) -> bool:
        """Say whether this is a unit of measure; case is not asked."""
        return normal(word) in self.units

    @remembered
    def topics_opening(self, word: str) -> tuple[int, ...]:
        """Give the places in `hashtags` of the topics of which a term begins with this word in lower case."""
        return tuple(place for place, topic in enumerate(self.hashtags) if word in topic.openings)

    @remembered
    def is_vocabulary(self, word: str) -> bool:
        """Say whether the gate knows this word at all: general, clinical, drug, acronym, unit or the clinic's."""
        word = normal(word)
        return (
            word in self.clinical
            or word in self.extra
            or word in self.acronyms
            or word in self.units
            or word in self.drug_words
            or self.is_general(word)
        )

    def is_core(self, word: str) -> bool:
        """Say whether taint may pass over this word although it is capitalised or stands in a gazetteer."""
        return normal(word) in self.core

    def is_function_word(self, word: str) -> bool:
        """Say whether this is one of the fixed words that never taint."""
        return normal(word) in self.function_words

    def is_title_word(self, word: str) -> bool:
        """Say whether this gazetteer entry is a reviewed ordinary word of titles."""
        return normal(word) in self.title_words

    @remembered
    def births(self, word: str) -> int:
        """Give how many children were given this first name (SSA, 1880 to 2017); 0 if none are on record."""
        word = normal(word)
        return self.first_names.count(word) or self.first_names.count(fold(word))

    @remembered
    def is_name(self, word: str) -> bool:
        """Say whether this is a first name, a surname or another proper name."""
        word = normal(word)
        folded = fold(word)
        return (
            word in self.first_names
            or word in self.proper_names
            or (folded != word and (folded in self.first_names or folded in self.proper_names))
        )

    @remembered
    def is_place(self, word: str) -> bool:
        """Say whether this is a place or a part of a place's name; whole names of several words work too."""
        word = normal(word)
        return word in self.places or (not word.isascii() and fold(word) in self.places)

    @remembered
    def is_name_or_place(self, word: str) -> bool:
        """Say whether a gazetteer of names or places holds this word."""
        return self.is_name(word) or self.is_place(word)

    @remembered
    def may_be_a_name_in_lower_case(self, word: str) -> bool:
        """Say whether a lower-case token is to be held when no letter is at hand to compare it with."""
        word = normal(word)
        if word in self.word_names:
            return True
        known = word in self.common or word in self.clinical or word in self.extra or word in self.title_words
        return not known and self.births(word) >= LOW_BIRTHS

    def may_be_a_place_in_lower_case(self, word: str) -> bool:
        """Say whether a lower-case token after a preposition of place is to be held when no letter is at hand."""
        return normal(word) in self.word_places

    def drug(self, name: str) -> Drug | None:
        """Give the drug of this name; names of several words work with single blanks."""
        return self.drugs.get(normal(name))

    def is_drug_word(self, word: str) -> bool:
        """Say whether this is a drug's name or a word of one."""
        return normal(word) in self.drug_words

    def is_confusable(self, one: str, other: str) -> bool:
        """Say whether the two names form a pair of the reviewed list of drugs that get mixed up."""
        return frozenset((normal(one), normal(other))) in self.confusable_pairs

    def is_salt(self, word: str) -> bool:
        """Say whether this names only the salt of a drug, so that the word before it is the drug."""
        return normal(word) in self.salts

    def slip_of(self, word: str) -> frozenset[str]:
        """Give the drugs that this ordinary word is one letter away from; empty if none."""
        return self.slips.get(normal(word), frozenset())

    def objection_to(self, word: str) -> str:
        """Say why a reviewer should not add this word; empty if nothing speaks against it."""
        if not word.strip() or len(word.split()) > 1:
            return "one word at a time"
        if any(char.isdigit() or char == "@" for char in word):
            return "a word with digits or @ may be a number of a person"
        if self.is_name_or_place(word):
            return "it is a name or a place"
        return ""

    def has_finite_verb(self, words: Sequence[str]) -> bool:
        """Say whether these words of one sentence hold a finite verb, so that it is no fragment of a list.

        A certain form (is, has, may, becomes…) decides. A doubtful one, which may be a noun or a participle too
        (results, increase), counts only when the word before it can end a subject: never first, and not after
        an article, a preposition, a conjunction or another word of `before_nouns`.
        """
        before = ""
        for word in map(normal, words):
            if word in self.verbs:
                return True
            if word in self.doubtful_verbs and before and before not in self.before_nouns:
                return True
            before = word
        return False

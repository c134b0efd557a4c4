"""Paints a card: 1200 by 630, the title and the doctor's own words, or nothing when they would not look right."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import PIL.Image
import PIL.ImageDraw
import PIL.ImageText
from PIL.ImageFont import FreeTypeFont

from clinic_broadcast.cards.fonts import Face, face_for, font, is_right_to_left, missing
from clinic_broadcast.core.promo import Card

WIDTH, HEIGHT = 1200, 630
"""What every network shows whole: 1.91 to 1."""

_PAPER: Final = (251, 250, 246)
_BAND: Final = (31, 122, 122)
_INK: Final = (16, 45, 53)
_SOFT: Final = (47, 72, 80)
_QUIET: Final = (82, 104, 112)

_LEFT, _RIGHT = 96, 1120
"""Where words stand; a card whose title runs from right to left is the mirror of this."""
_TOP, _BOTTOM = 72, 474
"""Between these the title and the words stand; byline and disclaimer stand below."""
_BYLINE_TOP, _DISCLAIMER_TOP = 510, 550
_BAND_WIDTH: Final = 28
_LEADING: Final = 0.3
"""Space between lines, as a part of the letters' size."""
_GAP: Final = 34
_TOLD_MAX: Final = 5
_STEP: Final = 24
"""How closely the breadth of balanced lines is sought."""


@dataclass(frozen=True, slots=True)
class _Style:
    """How a run of words is set: the sizes tried, largest first, its weight and its colour."""

    sizes: Sequence[int]
    weight: int
    colour: tuple[int, int, int]


_TITLE: Final = _Style(range(64, 38, -2), 700, _INK)
_WORDS: Final = _Style(range(40, 27, -1), 420, _SOFT)
_TITLE_ALONE: Final = _Style(range(76, 42, -2), 700, _INK)
_BYLINE: Final = _Style(range(30, 20, -2), 620, _INK)
_DISCLAIMER: Final = _Style(range(24, 18, -2), 420, _QUIET)


@dataclass(frozen=True, slots=True)
class _Block:
    """A run of words that has been set: wrapped, sized, and how high it is."""

    text: PIL.ImageText.Text[str]
    colour: tuple[int, int, int]
    height: float


NO_TITLE: Final = "the card has no title"
NO_ROOM: Final = "its words do not fit the card at a size that can be read"
NO_GLYPH: Final = "no font of ours has all of its characters: {missing}"


def refusal_of(card: Card) -> str:
    """Say why a card has no picture; empty when it has one. Characters are told by their numbers."""
    if paint(card) is not None:
        return ""
    if not card.title:
        return NO_TITLE
    lacking = missing(_lines(card)) if face_for(_lines(card)) is None else ""
    if not lacking:
        return NO_ROOM
    told = ", ".join(f"U+{ord(char):04X}" for char in lacking[:_TOLD_MAX])
    return NO_GLYPH.format(missing=told + (" and more" if len(lacking) > _TOLD_MAX else ""))


@lru_cache(maxsize=32)
def paint(card: Card) -> bytes | None:
    """Give the PNG of a card; the same card always gives the same bytes with the same libraries.

    None when a character has no glyph, when the words do not fit at a size that can be read, or when there is no
    title: no card is better than a bad one.
    """
    title, words, byline, disclaimer = _lines(card)
    face = face_for((title, words, byline, disclaimer)) if title else None
    if face is None:
        return None
    heads = ((title, _TITLE), (words, _WORDS)) if words else ((title, _TITLE_ALONE),)
    above = _set(face, heads, height=_BOTTOM - _TOP)
    sign = _set(face, ((byline, _BYLINE),), height=_DISCLAIMER_TOP - _BYLINE_TOP) if byline else []
    small = (
        _set(face, ((disclaimer, _DISCLAIMER),), height=_DISCLAIMER_TOP - _BYLINE_TOP) if disclaimer else []
    )
    if above is None or sign is None or small is None:
        return None
    picture = PIL.Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = PIL.ImageDraw.Draw(picture)
    mirrored = is_right_to_left(title)
    band = WIDTH - _BAND_WIDTH if mirrored else 0
    draw.rectangle((band, 0, band + _BAND_WIDTH - 1, HEIGHT), fill=_BAND)
    # What is short stands in the middle of its room, not at its upper edge.
    top = _TOP + (_BOTTOM - _TOP - _height(above)) / 2
    for block in above:
        _draw(draw, block, round(top), mirrored=mirrored)
        top += block.height + _GAP
    for blocks, at in ((sign, _BYLINE_TOP), (small, _DISCLAIMER_TOP)):
        for block in blocks:
            _draw(draw, block, at, mirrored=mirrored)
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def _lines(card: Card) -> tuple[str, str, str, str]:
    """Give what is drawn; letters and their accents in one piece, for fonts have glyphs for those."""
    title, words, byline, disclaimer = (
        unicodedata.normalize("NFC", one)
        for one in (card.title, card.description, card.byline, card.disclaimer)
    )
    return title, words, byline, disclaimer


def _draw(draw: PIL.ImageDraw.ImageDraw, block: _Block, top: int, *, mirrored: bool) -> None:
    text = block.text
    if is_right_to_left(str(text.text), otherwise=mirrored):
        # Every line in the direction of its paragraph, also one that begins with a word of the other.
        text = PIL.ImageText.Text(str(text.text), text.font, spacing=text.spacing, direction="rtl")
    elif mirrored:
        text = PIL.ImageText.Text(str(text.text), text.font, spacing=text.spacing, direction="ltr")
    if mirrored:
        draw.text((WIDTH - _LEFT, top), text, fill=block.colour, anchor="ra", align="right")
    else:
        draw.text((_LEFT, top), text, fill=block.colour)


def _set(face: Face, runs: Sequence[tuple[str, _Style]], *, height: int) -> list[_Block] | None:
    """Set runs of words below each other, as large as they fit together; None when they do not at the smallest."""
    for sizes in zip(*(style.sizes for _, style in runs), strict=True):
        fonts = [
            font(face, size=size, weight=style.weight) for size, (_, style) in zip(sizes, runs, strict=True)
        ]
        blocks = [_wrapped(words, one, style) for one, (words, style) in zip(fonts, runs, strict=True)]
        whole = [block for block in blocks if block is not None]
        if len(whole) == len(runs) and _height(whole) <= height:
            return [
                _balanced(block, words, one, style)
                for block, one, (words, style) in zip(whole, fonts, runs, strict=True)
            ]
    return None


def _height(blocks: Sequence[_Block]) -> float:
    return sum(block.height for block in blocks) + _GAP * (len(blocks) - 1)


def _wrapped(words: str, face: FreeTypeFont, style: _Style, width: int = _RIGHT - _LEFT) -> _Block | None:
    text = PIL.ImageText.Text(words, face, spacing=round(_LEADING * face.size))
    try:
        text.wrap(width)
    except ValueError:
        return None  # One word is wider than the line, and words are never broken.
    _, _, right, bottom = text.get_bbox()
    return _Block(text, style.colour, bottom) if right <= width else None


def _balanced(block: _Block, words: str, face: FreeTypeFont, style: _Style) -> _Block:
    """Make the lines about equally long, as long as none is added, so that no single word ends alone."""
    lines = str(block.text.text).count("\n")
    narrow, wide = (_RIGHT - _LEFT) // 2, _RIGHT - _LEFT
    while lines and wide - narrow > _STEP:
        width = (narrow + wide) // 2
        tried = _wrapped(words, face, style, width)
        if tried is not None and str(tried.text.text).count("\n") == lines:
            block, wide = tried, width
        else:
            narrow = width
    return block

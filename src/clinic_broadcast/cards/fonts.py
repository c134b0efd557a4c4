"""The fonts that cards are drawn with, and whether one of them has every character of a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import PIL.features
import PIL.ImageFont


@dataclass(frozen=True, slots=True)
class Face:
    """A variable font of a package: where its file lies, and its axes in the file's order, None for the weight."""

    package: str
    file: str
    axes: tuple[float | None, ...]

    @property
    def path(self) -> Path:
        """Give the place of the font's file."""
        return Path(str(files(self.package) / "files" / self.file))


FACES: Final = (
    # Inter has its optical size before the weight, Noto Sans its width behind; 32 and 100 are for headings and text.
    Face("fontpkg_inter", "Inter[opsz,wght].ttf", (32, None)),
    Face("fontpkg_noto_sans", "NotoSans[wdth,wght].ttf", (None, 100)),
    # Latin, Cyrillic, Hebrew and Arabic in one face, so that a name of one script may stand in words of another.
    Face("fontpkg_rubik", "Rubik[wght].ttf", (None,)),
)
"""In the order in which they are tried; one face draws all of a card."""

BLANKS: Final = frozenset(" \n")
_LEFTWARD: Final = frozenset({"R", "AL"})
_STRONG: Final = frozenset({"L", *_LEFTWARD})


def face_for(texts: Iterable[str]) -> Face | None:
    """Give the first face that has a glyph for every character of all these texts; None when none has.

    What a face lacks would be drawn as a box. Words that run from right to left have a face only where Pillow can
    order and join their letters.
    """
    wanted = _drawn(texts)
    if any(_is_control(char) for char in wanted) or (_runs_left(wanted) and not can_shape()):
        return None
    return next((face for face in FACES if wanted <= _characters(face)), None)


def missing(texts: Iterable[str]) -> str:
    """Give the characters for which no face can be had, or that one face does not have together, in order."""
    wanted = _drawn(texts)
    strange = {
        char
        for char in wanted
        if _is_control(char)
        or (_runs_left((char,)) and not can_shape())
        or not any(char in _characters(face) for face in FACES)
    }
    beyond_first = wanted - _characters(FACES[0])
    return "".join(sorted(strange or beyond_first))


def is_right_to_left(text: str, *, otherwise: bool = False) -> bool:
    """Say whether a paragraph runs from right to left: by its first strong letter, rules P2 and P3 of UAX 9."""
    strong = next((way for char in text if (way := unicodedata.bidirectional(char)) in _STRONG), None)
    return otherwise if strong is None else strong in _LEFTWARD


@cache
def can_shape() -> bool:
    """Say whether this Pillow orders words by direction and joins letters; its wheels do."""
    return bool(PIL.features.check("raqm"))


def _drawn(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(char for text in texts for char in text) - BLANKS


def _is_control(char: str) -> bool:
    return unicodedata.category(char).startswith("C")


def _runs_left(chars: Iterable[str]) -> bool:
    return any(unicodedata.bidirectional(char) in _LEFTWARD for char in chars)


@lru_cache(maxsize=128)
def font(face: Face, *, size: int, weight: int) -> PIL.ImageFont.FreeTypeFont:
    """Give a face at a size in pixels and a weight of 100 to 900."""
    made = PIL.ImageFont.truetype(str(face.path), size)
    made.set_variation_by_axes([weight if axis is None else axis for axis in face.axes])
    return made


@cache
def _characters(face: Face) -> frozenset[str]:
    from fontTools.ttLib import TTFont  # noqa: PLC0415  # 0.2 s that only the first card pays.

    with TTFont(face.path, lazy=True) as opened:
        return frozenset(map(chr, opened.getBestCmap() or {}))

"""The fonts that cards are drawn with, and whether one of them has every character of a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import PIL.ImageFont


@dataclass(frozen=True, slots=True)
class Face:
    """A variable font of a package: where its file lies, its axes before the weight, and those after it."""

    package: str
    file: str
    weight_first: bool
    other_axis: float

    @property
    def path(self) -> Path:
        """Give the place of the font's file."""
        return Path(str(files(self.package) / "files" / self.file))


FACES: Final = (
    # Inter has its optical size before the weight, Noto Sans its width behind; 32 and 100 are for headings and text.
    Face("fontpkg_inter", "Inter[opsz,wght].ttf", weight_first=False, other_axis=32),
    Face("fontpkg_noto_sans", "NotoSans[wdth,wght].ttf", weight_first=True, other_axis=100),
)
"""In the order in which they are tried; one face draws all of a card."""

BLANKS: Final = frozenset(" \n")


def face_for(texts: Iterable[str]) -> Face | None:
    """Give the first face that has a glyph for every character of all these texts; None when none has.

    What a face lacks would be drawn as a box. Scripts that are written from right to left have no face here.
    """
    wanted = frozenset(char for text in texts for char in text) - BLANKS
    if any(unicodedata.category(char).startswith("C") for char in wanted):
        return None
    return next((face for face in FACES if wanted <= _characters(face)), None)


@lru_cache(maxsize=128)
def font(face: Face, *, size: int, weight: int) -> PIL.ImageFont.FreeTypeFont:
    """Give a face at a size in pixels and a weight of 100 to 900."""
    made = PIL.ImageFont.truetype(str(face.path), size)
    made.set_variation_by_axes([weight, face.other_axis] if face.weight_first else [face.other_axis, weight])
    return made


@cache
def _characters(face: Face) -> frozenset[str]:
    from fontTools.ttLib import TTFont  # noqa: PLC0415  # 0.2 s that only the first card pays.

    with TTFont(face.path, lazy=True) as opened:
        return frozenset(map(chr, opened.getBestCmap() or {}))

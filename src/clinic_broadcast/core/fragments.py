"""Joins fragments into a text: single blanks, none before a mark, and every run still at its place in the source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.promo import Fragment, Origin

_BLANKS: Final = late(r"\s+")
_PIECE: Final = late(r"\s+|\S+")
_CLOSING: Final = frozenset(".,;:!?)]")


def kept_run(source: str, start: int, end: int, origin: Origin) -> list[Fragment]:
    """Give `source[start:end]` as fragments whose offsets are true; odd white space between them becomes a blank."""
    parts: list[Fragment] = []
    done = start
    for found in _BLANKS.finditer(source, start, end):
        if found[0] == " ":
            continue
        parts += [_at(source, done, found.start(), origin), _blank(" ")]
        done = found.end()
    parts.append(_at(source, done, end, origin))
    return [part for part in parts if part.text]


def normal(text: str) -> str:
    """Give a text with single blanks and none at its ends."""
    return " ".join(text.split())


def joined(parts: Iterable[Fragment]) -> tuple[Fragment, ...]:
    """Put parts together: white space of templates shrinks to one blank or line end, and goes where nothing stands.

    A blank before a closing mark of a template is left out. Neighbours of one template become one fragment.
    """
    out: list[Fragment] = []
    waiting = ""
    for part in parts:
        if part.origin is not Origin.TEMPLATE:
            if part.text:
                out += [_blank(waiting), part] if out and waiting else [part]
                waiting = ""
            continue
        for found in _PIECE.finditer(part.text):
            piece = found[0]
            if piece.isspace():
                waiting = max(waiting, _space(piece), key=len)
                continue
            if waiting and out and piece[0] not in _CLOSING:
                out.append(_blank(waiting))
            waiting = ""
            out.append(_blank(piece))
    return _merged(out)


def _space(run: str) -> str:
    """Shrink white space: a paragraph stays one, a line end too, anything else is a blank."""
    lines = run.count("\n")
    return "\n\n" if lines > 1 else "\n" if lines else " "


def _merged(parts: list[Fragment]) -> tuple[Fragment, ...]:
    merged: list[Fragment] = []
    for part in parts:
        if merged and part.origin is Origin.TEMPLATE and merged[-1].origin is Origin.TEMPLATE:
            merged[-1] = _blank(merged[-1].text + part.text)
        else:
            merged.append(part)
    return tuple(merged)


def _at(source: str, start: int, end: int, origin: Origin) -> Fragment:
    return Fragment(text=source[start:end], origin=origin, start=start, end=end)


def _blank(text: str) -> Fragment:
    return Fragment(text=text, origin=Origin.TEMPLATE, start=0, end=len(text))

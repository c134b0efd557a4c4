"""The pieces of a page: its lines, where each belongs, and the zones made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from clinic_broadcast.core.answer import Link, RawAnswer, Zones
from clinic_broadcast.core.own_names import fold_marks


class Zone(StrEnum):
    """Where a piece of the page belongs."""

    QUESTION = "question"
    GREETING = "greeting"
    ANSWER = "answer"
    SIGNATURE = "signature"
    FURNITURE = "furniture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line with words: its offsets in the body without outer blanks, and whether a blank line precedes it.

    `text` is as long as the run of the body and has its typographic marks folded, for recognising only.
    """

    start: int
    end: int
    text: str
    opens_block: bool

    @property
    def is_quoted(self) -> bool:
        """Say whether the line is quoted as in a mail."""
        return self.text.startswith(">")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of the body, by offsets, and its zone."""

    start: int
    end: int
    zone: Zone


def lines_of(body: str) -> list[Line]:
    """Give the lines of a body that hold words."""
    found: list[Line] = []
    start, opens_block = 0, True
    for written in body.split("\n"):
        text = fold_marks(written.strip())
        if text:
            at = start + len(written) - len(written.lstrip())
            found.append(Line(start=at, end=at + len(text), text=text, opens_block=opens_block))
        opens_block = not text
        start += len(written) + 1
    return found


def join_zones(raw: RawAnswer, title: str, pieces: Sequence[Piece]) -> Zones:
    """Give the zones of a page whose pieces are known, in the order of the body."""
    merged: list[Piece] = []
    for piece in pieces:
        if merged and merged[-1].zone is piece.zone:
            merged[-1] = replace(merged[-1], end=piece.end)
        else:
            merged.append(piece)
    texts = {
        zone: "\n\n".join(raw.body[piece.start : piece.end] for piece in merged if piece.zone is zone)
        for zone in Zone
    }
    return Zones(
        title=title,
        question=texts[Zone.QUESTION],
        greeting=texts[Zone.GREETING],
        answer=texts[Zone.ANSWER],
        signature=texts[Zone.SIGNATURE],
        furniture=texts[Zone.FURNITURE],
        links=_links(raw.links, merged),
    )


def _links(links: Sequence[Link], pieces: Sequence[Piece]) -> tuple[Link, ...]:
    """Move links into the text of the answer; those of the signature keep only their address, at -1."""
    moved: list[Link] = []
    base = 0
    for piece in pieces:
        if piece.zone is Zone.ANSWER:
            for link in links:
                start, end = max(link.start, piece.start), min(link.end, piece.end)
                if start < end:
                    shift = base - piece.start
                    moved.append(Link(start=start + shift, end=end + shift, url=link.url))
            base += piece.end - piece.start + len("\n\n")
        elif piece.zone is Zone.SIGNATURE:
            inside = [link for link in links if link.start < piece.end and link.end > piece.start]
            moved += [Link(start=-1, end=-1, url=link.url) for link in inside]
    return tuple(moved)

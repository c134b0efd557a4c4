"""A wording: one file of posts/ as a value, and its template read into pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

from clinic_broadcast.core.patterns import late


class Slot(StrEnum):
    """A placeholder of a template: what is put in its place."""

    HOOK = "hook"
    SENTENCE = "sentence"
    ATTRIBUTION = "attribution"
    LINK = "link"
    HASHTAGS = "hashtags"
    DISCLAIMER = "disclaimer"


class WordingKind(StrEnum):
    """What a wording is for: automatic promos, one promo written by hand, or one that stays true for years."""

    TEMPLATE = "template"
    ONE_OFF = "one-off"
    EVERGREEN = "evergreen"


TEMPLATES: Final = ("announce", "reshare", "correction", "withdrawal")
"""The names of the templates; a file `NAME.CHANNEL.md` overrides one for a channel or a kind of network."""

OWN: Final = "{own}"
"""Stands in the field `attribution` for the first own name that is a person's."""

DEFAULT_FIELDS: Final[Mapping[str, str]] = {
    "attribution": f"{OWN} explains:",
    "attribution_without_name": "The clinic's doctor explains:",
    "disclaimer": "General information, not medical advice.",
    "after_title": ":",
    "after_title_alone": ".",
}
"""The fields of a template and what each says where no file gives it.

`after_title` follows a title or topic that is no sentence when a sentence of the answer comes next,
`after_title_alone` when none does.
"""


@dataclass(frozen=True, slots=True)
class Literal:
    """A run of a template's own words."""

    text: str


Piece: TypeAlias = Literal | Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One file of posts/.

    `file` is its path from the home (`posts/announce.x.md`), `digest` the sha256 of its bytes in hex. For a
    template `template` holds placeholders and `fields` its other words; for one written by hand `template` is
    the text, in which only `{link}` is a placeholder. `channel` is the channel or kind that a template is for,
    None for all. `channels` bounds where a hand-written one goes, empty means everywhere; `not_before` and
    `expires` are as they stand in the file: a date or an instant of ISO 8601, or empty.
    """

    name: str
    file: str
    digest: str
    template: str
    kind: WordingKind = WordingKind.TEMPLATE
    fields: Mapping[str, str] = field(default_factory=dict)
    channel: str | None = None
    link: str = ""
    channels: tuple[str, ...] = ()
    not_before: str = ""
    expires: str = ""

    @property
    def version(self) -> str:
        """Name the exact bytes of the file, for the record."""
        return f"{self.file}@{self.digest}"

    def words_for(self, name: str) -> str:
        """Give the words of a field: the file's own, else the default."""
        return self.fields.get(name, DEFAULT_FIELDS.get(name, ""))


_BRACES: Final = late(r"\{([^{}]*)\}|[{}]")


@lru_cache(maxsize=64)
def pieces_of(template: str, allowed: frozenset[Slot] = frozenset(Slot)) -> tuple[Piece, ...]:
    """Read a template into its own words and its placeholders, in order.

    Raises:
        ValueError: a placeholder is unknown or stands twice, or a brace has no partner; the message says which
            and what is allowed.
    """
    names = ", ".join(f"{{{slot}}}" for slot in Slot if slot in allowed)
    pieces: list[Piece] = []
    done = 0
    for found in _BRACES.finditer(template):
        if found.start() > done:
            pieces.append(Literal(template[done : found.start()]))
        done = found.end()
        if found[1] is None:
            raise ValueError(f"a brace without its partner: {found[0]!r}; placeholders are {names}")
        if found[1] not in {slot.value for slot in allowed}:
            raise ValueError(f"unknown placeholder {found[0]}; allowed: {names}")
        slot = Slot(found[1])
        if slot in pieces:
            raise ValueError(f"the placeholder {found[0]} stands twice; once is allowed")
        pieces.append(slot)
    if done < len(template):
        pieces.append(Literal(template[done:]))
    return tuple(pieces)


def attribution_fault(text: str) -> str:
    """Say what is wrong with the braces of a field `attribution`; empty if nothing is."""
    rest = text.replace(OWN, "")
    if "{" in rest or "}" in rest:
        return f"the only placeholder of an attribution is {OWN}"
    return "" if text.count(OWN) <= 1 else f"{OWN} stands more than once"

"""What promos of an answer may be made of: its clean parts, without one word of the patient's letter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.finding import Finding

_DIGESTS_MAX = 16_384
"""Letters share most of their words: a first import would otherwise hold each digest a thousand times over."""

TAINT_BYTES = 8
"""Eight bytes of a keyed digest a token: false hits stay below one in 10^16 for a page of a thousand tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """The tokens of one page's letter and greeting that could point to a person, as keyed digests.

    Only digests are kept, so that the ledger never holds a word of the letter; the key is the home's own.
    `names` are those that came from a cue for a name or place, from a capital or from a gazetteer.
    """

    key: bytes
    tokens: frozenset[bytes]
    names: frozenset[bytes]

    def holds(self, token: str) -> bool:
        """Say whether this token, lower-cased, stands in the letter or the greeting as one that may identify."""
        return digest_of(token, self.key) in self.tokens

    def names_hold(self, token: str) -> bool:
        """Say whether this token, lower-cased, stands there as a name or a place."""
        return digest_of(token, self.key) in self.names


@lru_cache(maxsize=_DIGESTS_MAX)
def digest_of(token: str, key: bytes) -> bytes:
    """Give the keyed digest of a token, lower-cased; `key` is at most 64 bytes."""
    return hashlib.blake2b(token.lower().encode(), key=key, digest_size=TAINT_BYTES).digest()


def taint_of(tokens: Iterable[str], names: Iterable[str], *, key: bytes) -> Taint:
    """Give the taint of these tokens; every name is a token as well."""
    as_names = frozenset(digest_of(name, key) for name in names)
    return Taint(key=key, tokens=as_names | {digest_of(token, key) for token in tokens}, names=as_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the gate let through of one answer, and what it found on the way.

    `title` and `body` are the zones title and answer, unchanged: offsets of fragments point into them.
    `findings` are those of the answer itself, made with the letter at hand; `gate_version` names the rules and
    lexicons that made them. `taint` judges every later text made from this answer.
    """

    answer_id: AnswerId
    url: str
    title: str
    body: str
    revision: str
    taint: Taint
    findings: tuple[Finding, ...]
    gate_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An eligible sentence: the runs of the answer that are kept, its score, and its place among the sentences."""

    runs: tuple[tuple[int, int], ...]
    text: str
    score: float
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswer:
    """An answer in the ledger: its material, what it is to us, and when the source says it was published.

    `planned_at` is set once promos of a fresh answer are planned on every channel then enabled. `note` says why
    a person must look at it first, or how it was recognised; it is empty for most.
    """

    material: Material
    standing: Standing
    source: str
    published_at: datetime
    updated_at: datetime
    first_seen_at: datetime
    planned_at: datetime | None = None
    author: str = ""
    labels: tuple[str, ...] = ()
    comments: Comments | None = None
    note: str = ""

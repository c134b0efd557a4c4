"""Variants for re-shares: the same answer in other words of the doctor's, never too soon, never nearly alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from clinic_broadcast.core.compose import promos_of
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.measure import Limits
from clinic_broadcast.core.promo import Origin, Promo
from clinic_broadcast.core.sentences import ALIKE_MAX, best_first, likeness
from clinic_broadcast.core.wording import Wording

REST: Final = timedelta(days=30)
"""So long an answer rests on a channel before it is shared there again."""

CANDIDATES_MIN: Final = 2
"""With fewer sentences to choose from, every re-share would repeat the first one."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A promo of an answer that is already public on the channel: its words, and when it was sent."""

    text: str
    sent_at: datetime


def is_rested(earlier: Sequence[Shared], now: datetime) -> bool:
    """Say whether an answer was shared on a channel before, and long enough ago to be shared again."""
    return bool(earlier) and max(one.sent_at for one in earlier) + REST <= now


def compose_variant(
    material: Material,
    wording: Wording,
    earlier: Sequence[Shared],
    *,
    now: datetime,
    channel: str,
    limits: Limits,
    gate: Gate,
) -> Promo | None:
    """Give the next promo of an answer that the channel has shared before; the same input gives the same promo.

    It quotes a sentence that no earlier one holds, and shares less than half of its three-word runs with each of
    them. None when the answer has not rested, has fewer than two sentences that may be quoted, or nothing new to
    say. `earlier` are all that were sent on this channel. The caller must still have the gate examine it; after a
    correction a person approves it first.
    """
    if (
        not is_rested(earlier, now)
        or len(list(islice(best_first(material, gate), CANDIDATES_MIN))) < CANDIDATES_MIN
    ):
        return None
    for promo in promos_of(material, wording, channel=channel, limits=limits, gate=gate):
        text = promo.payload.text
        if _quotes_anew(promo, earlier) and all(likeness(text, one.text) < ALIKE_MAX for one in earlier):
            return promo
    return None


def _quotes_anew(promo: Promo, earlier: Sequence[Shared]) -> bool:
    """Say whether it quotes words of the answer that no earlier one does."""
    quoted = [one.text for one in promo.fragments if one.origin is Origin.ANSWER]
    return any(not any(words in one.text for one in earlier) for words in quoted)

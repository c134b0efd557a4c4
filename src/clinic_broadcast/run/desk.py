"""The desk: everything that one run may touch, built only by `wire` and in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clinic_broadcast.core.delivery import Timing
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.pace import FREE, Pace
from clinic_broadcast.core.schedule import Job
from clinic_broadcast.core.suggestion import Model
from clinic_broadcast.core.utm import Utm
from clinic_broadcast.ports import Channel, Clock, Gallery, Ledger, Source, Witness
from clinic_broadcast.settings.wording import Wordings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRules:
    """The clinic's [review] and [intake] settings, as the main paths need them."""

    mode: str
    first_n: int
    surge_max: int


def _free(_channel: str, _job: Job) -> Pace:
    """Bound nothing: what holds where no schedule says otherwise."""
    return FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything one run may touch: sources, enabled channels, ledger, clock, gate, wordings and rules.

    `is_quiet` tells for a channel's name and an instant whether its schedules forbid sending; `next_slot_at`
    foretells when the next announcement of a channel is due, and `pace_of` gives how fast a job may publish on a
    channel. `actor` is who the history says did it. `witness`
    shows when the ledger is an old copy; without one, nobody asks. `spend_max_usd` has the monthly cap of each
    channel that has one. `gallery` draws the pictures of cards, and `pictured` names the channels whose promos have
    one; without a gallery none has. `model` may choose which sentence a promo quotes; None unless the clinic set one.
    `utm` is what the links of new promos say of their network; None adds nothing.
    """

    clinic: str
    sources: Mapping[str, Source]
    channels: Mapping[str, Channel]
    ledger: Ledger
    clock: Clock
    gate: Gate
    wordings: Wordings
    review: ReviewRules
    timing: Timing
    is_quiet: Callable[[str, datetime], bool]
    next_slot_at: Callable[[str, datetime], datetime]
    actor: str
    witness: Witness | None = None
    pace_of: Callable[[str, Job], Pace] = _free
    gallery: Gallery | None = None
    pictured: frozenset[str] = frozenset()
    model: Model | None = None
    utm: Utm | None = None
    spend_max_usd: Mapping[str, float] = field(default_factory=dict[str, float])

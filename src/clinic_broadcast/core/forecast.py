"""When each promo that waits is expected to go out, from the schedules alone: what the calendar shows."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.promo import is_correction, is_reshare
from clinic_broadcast.core.schedule import TRIED_SLOTS, Job, Schedule, due_times_of, is_channel_quiet

SHOWN_FOR: Final = timedelta(days=60)
"""What went out or was taken back stays on the calendar for so long."""


class Certainty(StrEnum):
    """How sure an entry of the calendar is; the value is the STATUS of RFC 5545, section 3.8.1.11."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One promo on the calendar. `title` is empty where it must not be shown; `told` says how it stands."""

    delivery_id: str
    at: datetime
    channel: str
    title: str
    url: str
    certainty: Certainty
    told: str
    sequence: int


def certainty_of(one: Delivery) -> Certainty:
    """Say how sure it is that this is, or will be, in public at its time."""
    match one.state:
        case State.HELD | State.UNSURE:
            return Certainty.TENTATIVE
        case State.PLANNED | State.SENDING | State.SENT:
            return Certainty.CONFIRMED
        case State.REFUSED | State.CANCELLED | State.WITHDRAWN:
            return Certainty.CANCELLED


def told_of(one: Delivery) -> str:
    """Say in a few words how it stands; never a word of an answer."""
    match one.state:
        case State.HELD:
            return "waits for approval"
        case State.PLANNED:
            return "approved" if one.released_at is None else "on its way"
        case State.SENDING:
            return "on its way"
        case State.UNSURE:
            return "may be public; it is looked for"
        case State.SENT:
            return "went out"
        case State.REFUSED:
            return "refused by the network"
        case State.CANCELLED:
            return "cancelled"
        case State.WITHDRAWN:
            return "taken back"


def expected_times(
    rows: Iterable[Delivery], schedules: Sequence[Schedule], now: datetime
) -> dict[str, datetime]:
    """Give by id when each open delivery is expected: what is approved fills the coming slots first, what waits after.

    What no slot is in sight for keeps the time that it was planned for.
    """
    queues: dict[tuple[str, Job], list[Delivery]] = {}
    expected: dict[str, datetime] = {}
    for one in rows:
        if one.released_at is not None and one.state is not State.HELD:
            expected[one.id] = max(one.released_at, one.not_before or one.released_at)
        else:
            job = Job.RESHARE if is_reshare(one.occasion) else Job.ANNOUNCE
            queues.setdefault((one.channel, job), []).append(one)
    for (channel, job), queue in queues.items():
        coming = list(islice(_openings(schedules, channel, job, after=now), TRIED_SLOTS))
        for one in queue:
            expected[one.id] = one.due_at
        places = [at for at, count in coming for _ in range(count)]
        counted = [one for one in queue if not is_correction(one.occasion)]
        counted.sort(key=lambda one: one.state is State.HELD)
        expected |= {one.id: at for one, at in zip(counted, places, strict=False)}
        if places:
            # Corrections go at the first slot there is, and take nobody's place.
            expected |= {one.id: places[0] for one in queue if is_correction(one.occasion)}
    return expected


def _openings(
    schedules: Sequence[Schedule], channel: str, job: Job, *, after: datetime
) -> Iterator[tuple[datetime, int]]:
    """Give the coming slots of a job at which the channel may send, each with how many it lets go."""
    every = [one for one in schedules if one.job is job and one.concerns(channel)]
    slots = heapq.merge(*(((at, one.max_per_run) for at in due_times_of(one, after)) for one in every))
    return (
        (at, count)
        for at, count in islice(slots, 4 * TRIED_SLOTS)
        if not is_channel_quiet(every, channel, at, job=job)
    )

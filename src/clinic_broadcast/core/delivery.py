"""The life of a delivery: one promo, on one channel, on one occasion, at most once in public.

                       approve                 claim                    Sent
    plan ──> held ───────────────> planned ───────────> sending ──────────────────> sent ──> withdrawn
     │        ▲ │  hold / gate        ▲ │ ▲                │ │
     │        └─┼─────────────────────┘ │ └── Throttled ───┘ ├── Refused ─────────> refused
     └──────────┼───> planned           │                    │
                └──> cancelled <────────┘                    └── Unsure, or the lease ran out
                                        ▲                               │
                                        │      two looks: Absent        ▼      a look: Found
                                        └───────────────────────────  unsure ────────────> sent
                                                                        │  CannotTell, or absent a second time:
                                                                        └─ stays, and needs a person

What a network refused stays until a person has it sent again (planned), gives it other words (held) or gives it up
(cancelled, as anything that is not sent can be).

A record that was put back from an old copy may have forgotten a send: then a look comes before the first send too,
and what it finds goes to sent from planned (through sending) or straight from held; see `core/lapse.py`.

Every move raises `fence` by one and is written only if the row still carries the fence it was decided on, so a
late worker changes nothing. The functions here decide; the ledger only compares and writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.promo import Fragment, Payload
from clinic_broadcast.errors import BugError


class State(StrEnum):
    """Where a delivery stands; the stored text is the value."""

    PLANNED = "planned"
    HELD = "held"
    SENDING = "sending"
    UNSURE = "unsure"
    SENT = "sent"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


RELEASED: Final = frozenset({State.PLANNED, State.SENDING, State.SENT, State.UNSURE})
"""The states of a promo that is public or on its way there."""

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.PLANNED: frozenset({State.PLANNED, State.HELD, State.SENDING, State.CANCELLED}),
    State.HELD: frozenset({State.HELD, State.PLANNED, State.CANCELLED, State.SENT}),
    State.SENDING: frozenset({State.SENT, State.REFUSED, State.PLANNED, State.UNSURE}),
    State.UNSURE: frozenset({State.UNSURE, State.SENT, State.PLANNED, State.REFUSED}),
    State.SENT: frozenset({State.SENT, State.WITHDRAWN}),
    State.REFUSED: frozenset({State.PLANNED, State.HELD, State.CANCELLED}),
    State.CANCELLED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

LOOKS_BEFORE_RESEND: Final = 2
"""A network may list a promo late; two looks, a settle window apart, must both miss it before it is sent again."""

RESENDS_MAX: Final = 1
"""After one automatic re-send a second doubt goes to a person: the network, not the line, is then the riddle."""

LOOK_FAILURES_MAX: Final = 3
"""So many looks may fail for want of a network before a person is told; looking goes on all the same."""

BACKOFF_MAX: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The clinic's [delivery] settings: time-out of a network call, settle window, lease of a claim."""

    timeout: timedelta
    settle: timedelta
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Sent:
    """The network took it; `post_id` and `post_url` are the network's own."""

    post_id: str
    post_url: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The network said no in so many words, and will say so again.

    `of_account` means the token, its rights or the account are at fault: the whole channel must stop.
    """

    reason: str
    of_account: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """Nothing was accepted, and a later try may be: too many calls, or no connection was ever made.

    `until` is the network's own instant; None means that we choose how long to wait.
    """

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unsure:
    """The request may have left and no answer says what became of it: it may be public."""

    reason: str


Outcome: TypeAlias = Sent | Refused | Throttled | Unsure


@dataclass(frozen=True, slots=True)
class Found:
    """The look shows it: this is it."""

    post_id: str
    post_url: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete look at everything since before the send does not show it."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The look failed, or (`forever`) this network shows no machine what it has published."""

    reason: str
    forever: bool = False


Trace: TypeAlias = Found | Absent | CannotTell


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One promo on one channel for one occasion, and all that has become of it.

    `fence` is the number that every write must repeat. `released_at` is when a schedule or a person let it go;
    until then it waits for its turn, and `due_at` only foretells it. `needs_person` says why a person must
    settle it, or is empty. All instants are aware UTC.
    """

    id: str
    key: str
    answer_id: AnswerId
    answer_url: str
    channel: str
    account: str
    occasion: str
    state: State
    payload: Payload
    fragments: tuple[Fragment, ...]
    wording: str
    source_revision: str
    gate_version: str
    planned_at: datetime
    due_at: datetime
    why: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    fence: int = 0
    released_at: datetime | None = None
    not_before: datetime | None = None
    claimed_at: datetime | None = None
    lease_until: datetime | None = None
    first_sent_at: datetime | None = None
    attempts: int = 0
    resends: int = 0
    looks: int = 0
    look_failures: int = 0
    needs_person: str = ""
    approved_by: str = ""
    approved_at: datetime | None = None
    sent_at: datetime | None = None
    post_id: str = ""
    post_url: str = ""
    reason: str = ""

    @property
    def text_sha256(self) -> str:
        """Give the sha256 of the text alone, as `log` shows it."""
        return hashlib.sha256(self.payload.text.encode()).hexdigest()


def move(before: Delivery, state: State, **changes: object) -> Delivery:
    """Give the delivery after one move; raises BugError when the table does not allow it."""
    if state not in TRANSITIONS[before.state]:
        raise BugError(f"delivery {before.id}: {before.state} cannot become {state}")
    return replace(before, state=state, fence=before.fence + 1, **changes)  # type: ignore[arg-type]  # checked by the dataclass


def claim(delivery: Delivery, now: datetime, timing: Timing) -> Delivery:
    """Take the right to send: written before the socket opens, and doubtful once the lease has run out."""
    return move(
        delivery,
        State.SENDING,
        claimed_at=now,
        lease_until=now + timing.lease,
        first_sent_at=delivery.first_sent_at or now,
        attempts=delivery.attempts + 1,
        reason="",
    )


def claim_look(delivery: Delivery, now: datetime, timing: Timing) -> Delivery:
    """Take the right to look for it: from a doubtful claim, or from an unsure delivery whose window is over."""
    # A look whose worker dies is made again once its lease is over, so the time to look stays set.
    return move(delivery, State.UNSURE, claimed_at=now, lease_until=now + timing.lease, not_before=now)


def release(delivery: Delivery, now: datetime) -> Delivery:
    """Let a planned delivery go: from now on it is due."""
    return move(delivery, State.PLANNED, released_at=now, due_at=now)


def hold(delivery: Delivery, why: tuple[str, ...], findings: tuple[Finding, ...] | None = None) -> Delivery:
    """Make it wait for a person; an approval given before is void."""
    kept = delivery.findings if findings is None else findings
    return move(
        delivery, State.HELD, why=why, findings=kept, approved_by="", approved_at=None, released_at=None
    )


def after_outcome(delivery: Delivery, outcome: Outcome, now: datetime, timing: Timing) -> Delivery:
    """Give the delivery after what the network answered to a send."""
    match outcome:
        case Sent(post_id, post_url):
            return _sent(delivery, now, post_id=post_id, post_url=post_url)
        case Refused(reason, of_account):
            if of_account:
                # The words are fine and the account is not: nothing is lost, it waits until a person has mended it.
                return move(
                    delivery,
                    State.PLANNED,
                    lease_until=None,
                    reason=reason,
                    attempts=delivery.attempts - 1,
                    needs_person=f"account: {reason}",
                    not_before=now + BACKOFF_MAX,
                )
            return move(delivery, State.REFUSED, lease_until=None, reason=reason, needs_person=reason)
        case Throttled(reason, until):
            wait_until = until if until is not None else now + backoff(delivery.attempts, timing.settle)
            return move(
                delivery,
                State.PLANNED,
                lease_until=None,
                reason=reason,
                not_before=max(wait_until, now),
                attempts=delivery.attempts - 1 if until is not None else delivery.attempts,
            )
        case Unsure(reason):
            return move(
                delivery,
                State.UNSURE,
                lease_until=None,
                reason=reason,
                not_before=now + timing.settle,
                looks=0,
            )
        case _:
            assert_never(outcome)


def after_trace(delivery: Delivery, trace: Trace, now: datetime, timing: Timing) -> Delivery:
    """Give the delivery after what a look on the network showed."""
    match trace:
        case Found(post_id, post_url):
            return _sent(delivery, now, post_id=post_id, post_url=post_url)
        case Absent():
            return _after_absent(delivery, now, timing)
        case CannotTell(reason, forever):
            failures = delivery.look_failures + 1
            tell = forever or failures >= LOOK_FAILURES_MAX
            return move(
                delivery,
                State.UNSURE,
                lease_until=None,
                reason=reason,
                look_failures=failures,
                not_before=None if forever else now + backoff(failures, timing.settle),
                needs_person=(reason if tell else delivery.needs_person),
            )
        case _:
            assert_never(trace)


def _after_absent(delivery: Delivery, now: datetime, timing: Timing) -> Delivery:
    looks = delivery.looks + 1
    if looks < LOOKS_BEFORE_RESEND:
        return move(
            delivery,
            State.UNSURE,
            lease_until=None,
            looks=looks,
            look_failures=0,
            not_before=now + timing.settle,
        )
    if delivery.resends < RESENDS_MAX:
        return move(
            delivery,
            State.PLANNED,
            lease_until=None,
            looks=0,
            look_failures=0,
            resends=delivery.resends + 1,
            not_before=now,
            reason="not found on the network after two looks; sent again",
        )
    reason = "tried twice without an answer and never found on the network"
    return move(
        delivery,
        State.UNSURE,
        lease_until=None,
        looks=looks,
        not_before=None,
        reason=reason,
        needs_person=reason,
    )


def _sent(delivery: Delivery, now: datetime, *, post_id: str, post_url: str) -> Delivery:
    return move(
        delivery,
        State.SENT,
        sent_at=now,
        post_id=post_id,
        post_url=post_url,
        lease_until=None,
        not_before=None,
        needs_person="",
        reason="",
    )


def backoff(tries: int, base: timedelta) -> timedelta:
    """Give the wait before the next try: twice as long each time, from the settle window up to an hour."""
    doublings = min(max(tries - 1, 0), 10)
    return min(BACKOFF_MAX, base * float(2**doublings))

"""An account on a network, and what it is handed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from clinic_broadcast.core.delivery import Outcome, Trace
from clinic_broadcast.core.measure import Limits
from clinic_broadcast.core.promo import Payload


class Guarantee(StrEnum):
    """What a channel can promise about duplicates, best first."""

    EXACT = "exact"
    LOOKED_UP = "looked-up"
    AT_MOST_ONCE = "at-most-once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What a channel is handed for one delivery: the frozen payload, a stable key, and when it was planned.

    `key` is the delivery's key in hex (64 digits), the same on every attempt; `planned_at` never changes either.
    `first_sent_at` is when the first attempt began: a look must cover everything published since then.
    `deadline_at` is the last instant at which a request may still leave. `picture` are the bytes of the card's
    picture, empty when it has none; a channel that takes none leaves it out.
    """

    key: str
    payload: Payload
    planned_at: datetime
    first_sent_at: datetime
    deadline_at: datetime
    picture: bytes = b""


class Channel(Protocol):
    """An account on a network.

    `send` and `look` never raise for what the far side does; they may be called from any thread, one call at a
    time per channel. Each ends within the clinic's `timeout_s` and a few seconds.
    """

    @property
    def name(self) -> str:
        """Give the channel's name in settings, command line and JSON."""
        ...

    @property
    def kind(self) -> str:
        """Give the kind of network."""
        ...

    @property
    def account(self) -> str:
        """Give the identity of the account without asking the network, for instance `x:12345`."""
        ...

    @property
    def guarantee(self) -> Guarantee:
        """Say what this channel can promise about duplicates."""
        ...

    @property
    def limits(self) -> Limits:
        """Give the network's rule of length, without asking the network more than once."""
        ...

    def send(self, parcel: Parcel) -> Outcome:
        """Publish it once, without any retry inside; redirects are never followed."""
        ...

    def look(self, parcel: Parcel) -> Trace:
        """Look for it among what the account has published; Absent only after a complete look."""
        ...


@runtime_checkable
class Withdrawing(Protocol):
    """A channel that can take a published promo back."""

    def withdraw(self, post_id: str) -> Outcome:
        """Delete it; Sent means that it is gone, also when it was gone before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `doctor`: what was asked, whether it is well, what was found, and what mends it."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


@runtime_checkable
class Probing(Protocol):
    """A channel that can ask its network, without changing anything, whether it would let us publish."""

    def probe(self) -> tuple[Check, ...]:
        """Ask who we are there and what is granted; never raises for what the far side does."""
        ...

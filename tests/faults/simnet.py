"""Simulated networks for the simulation: each with a log of what is public, and a fate for every request."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from clinic_broadcast.channels.match import LOOK_BACK
from clinic_broadcast.core.delivery import (
    Absent,
    CannotTell,
    Found,
    Outcome,
    Refused,
    Sent,
    Throttled,
    Trace,
    Unsure,
)
from clinic_broadcast.core.measure import Limits
from clinic_broadcast.ports import Guarantee, Parcel
from desks import TIMING
from fakes import START_AT
from faults.judge import REFUSAL, Judge
from faults.stage import Stage, StageClock

KEY_KEPT_S: Final = 3600.0
"""A network forgets a client's key after a while; Mastodon keeps its own for an hour."""

SAFETY_S: Final = 10.0
"""Two clocks that are each two seconds wrong, and the moments between edges, count against the promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one request: whether and when it is public and listed, and what its sender hears and when.

    `heard` None means the good answer; `is_connected` False that no byte left.
    """

    is_applied: bool = True
    late_s: float = 0.0
    lag_s: float = 0.0
    wait_s: float = 0.3
    heard: Outcome | None = None
    is_connected: bool = True
    is_surprise: bool = False
    ends_welcome: bool = False
    look_fails: bool = False


CALM: Final = Fate()
FATES: Final[Mapping[str, int]] = {
    "good": 50,
    "no answer": 9,
    "late": 10,
    "request lost": 7,
    "500 after": 5,
    "500 before": 4,
    "throttled until": 3,
    "throttled": 2,
    "refused": 2,
    "token dies": 1,
    "no connection": 4,
    "surprise": 3,
}
"""How often each fate befalls a request, of ninety."""


class Place(Protocol):
    """What a network needs of the world around it."""

    stage: Stage
    judge: Judge

    def edge(self) -> None:
        """Pass one edge of a port call."""
        ...

    def fate(self, network: Network) -> Fate:
        """Say what becomes of a request or a look."""
        ...

    def say(self, *words: object) -> None:
        """Tell what happens."""
        ...


def within_promise_s(wait_s: float) -> float:
    """Give how long after a request left it may still become visible, when its sender gave up after `wait_s`."""
    return wait_s + 2 * TIMING.settle.total_seconds() - SAFETY_S


def draw_fate(rng: random.Random, network: Network, fates: Mapping[str, int], *, late_by_s: float) -> Fate:
    """Draw a fate; with `late_by_s` everything late is up to that much later than the promise allows."""
    name = rng.choices(list(fates), list(fates.values()))[0]
    wait_s = rng.choice((0.1, 0.1, 5.0, 20.0))
    most_s = within_promise_s(wait_s)
    lag_s = rng.choice((0.0, 0.0, rng.random() * 60, rng.random() * most_s))
    look_fails = rng.random() < (0.5 if name == "surprise" else 0.15)
    if name == "good":
        return Fate(lag_s=lag_s, wait_s=rng.random() * 3, look_fails=look_fails)
    if name in {"no answer", "500 after", "surprise"}:
        heard = Unsure("HTTP 500" if name == "500 after" else "no answer in time")
        return Fate(
            lag_s=lag_s, wait_s=wait_s, heard=heard, is_surprise=name == "surprise", look_fails=look_fails
        )
    if name == "late":
        late_s = rng.random() * (most_s - lag_s)
        if late_by_s:
            late_s = most_s + SAFETY_S + late_by_s * rng.uniform(0.2, 1)
        return Fate(
            late_s=late_s, lag_s=lag_s, wait_s=wait_s, heard=Unsure("connection reset"), look_fails=look_fails
        )
    until = START_AT + timedelta(seconds=network.world.stage.now_s + rng.choice((5.0, 60.0, 900.0)))
    heard_of: dict[str, Outcome] = {
        "request lost": Unsure("connection reset"),
        "500 before": Unsure("HTTP 500"),
        "throttled until": Throttled("too many requests", until),
        "throttled": Throttled("too many requests"),
        "refused": Refused(REFUSAL),
        "token dies": Refused("invalid token", of_account=True),
        "no connection": Throttled("connection refused"),
    }
    return Fate(
        is_applied=False,
        wait_s=wait_s,
        heard=heard_of[name],
        is_connected=name != "no connection",
        ends_welcome=name == "token dies",
        look_fails=look_fails,
    )


@dataclass(frozen=True, slots=True)
class Copy:
    """One public copy: when it went up, and from when on the network lists it."""

    at_s: float
    listed_s: float


class Network:
    """A network with its own log: `exact` keeps our keys for a while, `at-most-once` shows nothing to machines."""

    def __init__(self, world: Place, guarantee: Guarantee) -> None:
        self.world = world
        self.guarantee = guarantee
        self.name = guarantee.value
        self.account = f"sim:{guarantee.value}"
        self.is_welcome = True
        self._public: dict[str, list[Copy]] = {}
        self._coming: list[tuple[float, float, str]] = []

    def take_over(self, other: Network) -> None:
        """Become what another network of the same kind is at this moment."""
        self.is_welcome = other.is_welcome
        self._public = {key: copies.copy() for key, copies in other._public.items()}
        self._coming = other._coming.copy()

    def copies(self, key: str) -> list[Copy]:
        """Give the public copies of a promo at this moment."""
        self.apply(self.world.stage.now_s)
        return self._public.get(key, [])

    def is_busy_with(self, key: str) -> bool:
        """Say whether a request for it is still on its way through the network."""
        return any(key == waiting for _, _, waiting in self._coming)

    def receive(self, parcel: Parcel) -> Outcome:
        """Do to a request what its fate is, and give what its sender hears."""
        world, key = self.world, parcel.key
        fate = world.fate(self)
        if not fate.is_connected:
            world.stage.pause(fate.wait_s)
            return fate.heard or Throttled("connection refused")
        world.judge.saw_request(parcel)
        world.say("request for", key[:12], "at", self.name, fate)
        if not self.is_welcome or fate.ends_welcome:
            self.is_welcome = False
            return Refused("invalid token", of_account=True)
        if fate.is_applied:
            self._coming.append((world.stage.now_s + fate.late_s, fate.lag_s, key))
            self.apply(world.stage.now_s)
        world.stage.pause(fate.wait_s)
        if fate.is_surprise:
            raise RuntimeError("a bug of ours in the middle of a channel")
        return fate.heard or Sent(post_id=key[:8], post_url=f"https://{self.name}.example/{key[:8]}")

    def show(self, parcel: Parcel) -> Trace:
        """Look for a promo among what is listed since its first attempt began."""
        world, key = self.world, parcel.key
        if self.guarantee is Guarantee.AT_MOST_ONCE:
            return CannotTell("it shows no machine what it has", forever=True)
        world.judge.saw_look(parcel)
        fate = world.fate(self)
        if fate.look_fails:
            world.stage.pause(fate.wait_s)
            if fate.is_surprise:
                raise RuntimeError("a bug of ours in the middle of a look")
            return CannotTell("the look failed")
        world.stage.pause(0.5)
        since_s = (parcel.first_sent_at - LOOK_BACK - START_AT).total_seconds()
        now_s = world.stage.now_s
        listed = [one for one in self.copies(key) if one.listed_s <= now_s and one.at_s >= since_s]
        world.say("look for", key[:12], "at", self.name, "finds", len(listed))
        return Found(key[:8], f"https://{self.name}.example/{key[:8]}") if listed else Absent()

    def apply(self, now_s: float) -> None:
        """Make public what has come through by now."""
        for one in [one for one in self._coming if one[0] <= now_s]:
            self._coming.remove(one)
            at_s, lag_s, key = one
            copies = self._public.setdefault(key, [])
            if self.guarantee is Guarantee.EXACT and any(at_s - copy.at_s < KEY_KEPT_S for copy in copies):
                continue
            copies.append(Copy(at_s, at_s + lag_s))
            self.world.judge.saw_public(key, len(copies), where=self.name)


class SimChannel:
    """A network as one worker reaches it, with an edge before and after each call."""

    kind = "folder"
    limits = Limits(kind="folder", length_max=10_000)

    def __init__(self, network: Network, clock: StageClock, *, checks_deadline: bool) -> None:
        self._network = network
        self._clock = clock
        self._checks_deadline = checks_deadline
        self.name = network.name
        self.account = network.account
        self.guarantee = network.guarantee

    def send(self, parcel: Parcel) -> Outcome:
        self._network.world.edge()
        if self._checks_deadline and self._clock.now() > parcel.deadline_at:
            self._network.world.say("gives up: its deadline is over")
            return Throttled("the time of the claim was over")
        outcome = self._network.receive(parcel)
        self._network.world.edge()
        return outcome

    def look(self, parcel: Parcel) -> Trace:
        self._network.world.edge()
        trace = self._network.show(parcel)
        self._network.world.edge()
        return trace

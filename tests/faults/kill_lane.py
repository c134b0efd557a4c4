"""The kill lane: many deliveries, workers in processes of their own, and networks that kill their callers."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import requests.adapters

from clinic_broadcast.channels import ChannelSetup, open_channel
from clinic_broadcast.core.delivery import Delivery, State, Timing
from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Channel, Ledger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, desk
from fakes import FakeSource, raw_answer

KINDS: Final = ("x", "facebook", "mastodon")
CLINIC: Final = "test"
HOST: Final = "answers.example.org"
TIMEOUT_S: Final = 1.5
TIMING: Final = Timing(
    timeout=timedelta(seconds=TIMEOUT_S), settle=timedelta(seconds=0.5), lease=timedelta(seconds=2.5)
)
PUBLISHING: Final[Mapping[str, str]] = {
    "x": "/2/tweets",
    "facebook": "/feed",
    "mastodon": "/api/v1/statuses",
}
READING: Final[Mapping[str, str]] = {
    "x": r"/2/users/.*/tweets",
    "facebook": "/published_posts",
    "mastodon": "/statuses",
}
PAUSE_S: Final = 0.05
WORK_MAX_S: Final = 240.0
"""A worker that has not seen the end by then never will."""


class RealClock:
    """This machine's clock: leases run out in true time while processes die."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def open_channels(url: str, home: Path, clock: RealClock) -> list[Channel]:
    """Open the real channels of the lane against the simulated networks at `url`."""
    return [
        open_channel(
            ChannelSetup(
                name=kind,
                kind=kind,
                api_url=f"{url}/{kind}",
                credentials=CREDENTIALS[kind],
                timeout_s=TIMEOUT_S,
                clock=clock,
                options={},
                home=home,
            )
        )
        for kind in KINDS
    ]


def open_desk(ledger: Ledger, url: str, home: Path, source: FakeSource | None = None) -> Desk:
    """Give a desk with true time and the lane's short windows."""
    clock = RealClock()
    return replace(
        _bare_desk(),
        ledger=ledger,
        channels={one.name: one for one in open_channels(url, home, clock)},
        sources={source.name: source} if source is not None else {},
        clock=clock,
    )


@cache
def _bare_desk() -> Desk:
    """Give a desk with nothing on it but a gate, which takes longer to make than a worker may live."""
    plain = desk(MemoryLedger(CLINIC), [], mode="auto-clean", surge_max=10_000)
    return replace(plain, timing=TIMING, gate=replace(plain.gate, own_hosts=(HOST,)))


def plan_deliveries(ledger: Ledger, url: str, home: Path, *, answers: int) -> int:
    """Take a baseline, then plan, approve and release announcements of that many answers; give how many."""
    source = FakeSource()
    at = open_desk(ledger, url, home, source)
    poll(at)
    plain = [raw_answer(number, published_at=at.clock.now()) for number in range(1, answers + 1)]
    # X shortens what it takes for a link, and a name under `.example` is none to it.
    source.answers += [replace(one, url=one.url.replace("blog.example", HOST)) for one in plain]
    poll(at)
    plan_fresh(at)
    approve_all(at)
    return release_planned(at)


def make_dangerous(networks: Networks, *, deaths: int) -> None:
    """Let each network hide nothing, and kill its caller at two of three requests and at every fourth look."""
    networks.set("x", rate_limits=False, duplicate_window_s=0)
    networks.set("facebook", duplicates="taken", usage_every=1_000_000)
    networks.set("mastodon", rate_limits=False, idempotency="ignored")
    # Deaths that leave something public come oftener: they are what tempts to send again.
    modes = ("kill_after", "kill_before", "kill_answered", "kill_after", "kill_answered")
    for kind in KINDS:
        for number in range(deaths // len(KINDS)):
            nth = 2 + number * 3 // 2
            networks.fault(kind, modes[number % len(modes)], path=PUBLISHING[kind], nth=nth)
        for number in range(deaths // 10):
            networks.fault(kind, "kill_before", method="GET", path=READING[kind], nth=3 + number * 4)


def work(url: str, database: str, home: Path) -> None:
    """Deliver until nothing is under way any more; a network may kill this process at any request."""
    _name_the_caller()
    ledger = SqlLedger(database, clinic=CLINIC)
    at = open_desk(ledger, url, home)
    until_s = time.monotonic() + WORK_MAX_S
    while time.monotonic() < until_s:
        deliver(at)
        if not is_under_way(ledger.deliveries(states=(State.PLANNED, State.SENDING, State.UNSURE))):
            ledger.close()
            return
        at.clock.sleep(PAUSE_S)
    raise TimeoutError("something is still under way")


def is_under_way(deliveries: Sequence[Delivery]) -> bool:
    """Say whether a clock or a worker must still see to one of them; a person is neither."""
    return any(not (one.state is State.UNSURE and one.not_before is None) for one in deliveries)


def _name_the_caller() -> None:
    """Tell the networks with every request whom to kill; the signature of X covers no such header."""
    plain = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        request.headers["X-Test-Pid"] = str(os.getpid())
        return plain(self, request, *arguments, **options)

    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]  # In a process made for this.


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What the networks' own log says about the planned deliveries."""

    deliveries: int
    public: int
    duplicates: int
    lost: list[str]
    asked: int
    """How many wait for a person, public or not."""


def count_public(deliveries: Sequence[Delivery], wall: Sequence[Mapping[str, Any]]) -> Count:
    """Compare the record with what is in public: a delivery is lost when it is in neither, and nobody was asked."""
    public = Counter((str(row["network"]), str(row["text"])) for row in wall)
    planned = {(one.channel, one.payload.text): one for one in deliveries}
    assert len(planned) == len(deliveries), "the texts of a lane differ, so that each can be counted"
    strangers = sum(count for key, count in public.items() if key not in planned)
    return Count(
        deliveries=len(deliveries),
        public=sum(public.values()),
        duplicates=sum(count - 1 for count in public.values()) + strangers,
        lost=[_told(one) for key, one in planned.items() if public[key] == 0 and not one.needs_person],
        asked=sum(bool(one.needs_person) for one in deliveries),
    )


def _told(one: Delivery) -> str:
    return f"{one.id} on {one.channel}: {one.state} {one.why} {one.reason}"

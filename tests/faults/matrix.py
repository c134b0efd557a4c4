"""The fault matrix: what becomes of one delivery on each network under each fault, by the real main path.

Here are the faults of the request that publishes; `own_faults` has those of our own process, record and disk.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from clinic_broadcast.channels import ChannelSetup, open_channel
from clinic_broadcast.core.delivery import Delivery, State, Timing
from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Channel, Ledger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, desk
from fakes import FakeSource, raw_answer

TIMEOUT_S: Final = 1.0
TIMING: Final = Timing(
    timeout=timedelta(seconds=TIMEOUT_S), settle=timedelta(seconds=90), lease=timedelta(seconds=180)
)
CLINIC: Final = "test"
HOST: Final = "answers.example.org"
ROUNDS_MAX: Final = 12
IDLE_MAX_S: Final = 10.0
KINDS: Final[Mapping[str, str]] = {
    # How the path ends that makes something public.
    "x": "/2/tweets",
    "facebook": "/feed",
    "mastodon": "/api/v1/statuses",
    "bluesky": "/xrpc/com.atproto.repo.putRecord",
    "linkedin": "/rest/posts",
    "threads": "/threads_publish",
    "telegram": "/sendMessage",
    "webhook": "",
    "folder": "",
}
NETWORKED: Final = tuple(kind for kind in KINDS if kind != "folder")
MAIN_KINDS: Final = ("x", "facebook", "mastodon", "bluesky", "folder")
HIDING_NOTHING: Final[Mapping[str, Mapping[str, object]]] = {
    # A network that refuses doubles would hide ours, so where it can it takes them.
    "x": {"duplicate_window_s": 0},
    "facebook": {"duplicates": "taken"},
    "mastodon": {"idempotency": "ignored"},
    "linkedin": {"duplicate_window_s": 0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault: what happens to the request that publishes, and on which networks that can happen.

    `mode` is the simulated network's name of it, empty when the fault lies before the network; `more` goes into
    its plan. `settings` are the networks' own for this row, and `first_url` makes the first address a wrong one.
    `why_not` says for every other kind why it has no such fault.
    """

    name: str
    mode: str = ""
    more: Mapping[str, object] | None = None
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    kinds: tuple[str, ...] = NETWORKED
    first_url: Callable[[str], str] | None = None
    why_not: Mapping[str, str] = field(default_factory=dict[str, str])

    def words_for(self, kind: str) -> str:
        """Say why this kind has no such fault."""
        return self.why_not.get(kind) or ("no network" if kind == "folder" else self.why_not[OTHERS])


def _closed_port(_url: str) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def _tls(url: str) -> str:
    return url.replace("http://", "https://", 1)


OTHERS: Final = "others"
ALWAYS: Final = {"nth": "always"}
ROWS: Final = (
    Row(name="nothing goes wrong", kinds=tuple(KINDS)),
    Row(name="connection reset after it was accepted", mode="drop_after", more={"reset": True}),
    Row(name="connection closed before it was accepted", mode="drop_before"),
    Row(name="no request is ever accepted or answered", mode="drop_before", more=ALWAYS),
    Row(name="500 although it was accepted, once", mode="lie500"),
    Row(name="500 although it was accepted, always", mode="lie500", more=ALWAYS),
    Row(name="500 and not accepted", mode="500"),
    Row(name="503 and not accepted", mode="503"),
    Row(name="429 with the network's headers", mode="429"),
    Row(name="429 without a hint", mode="429_bare"),
    Row(name="accepted, and then silence", mode="hang", more={"seconds": TIMEOUT_S + 0.4}),
    Row(
        name="accepted after we hung up, within the settle window",
        mode="late",
        more={"seconds": TIMEOUT_S + 0.4},
    ),
    Row(name="half of the answer", mode="cut"),
    Row(name="an answer that is no JSON", mode="wrong_json"),
    Row(name="redirect 307", mode="redirect307"),
    Row(name="the token has ended", mode="token_dead"),
    Row(name="connection refused", first_url=_closed_port),
    Row(name="TLS fails", first_url=_tls),
    Row(
        name="403 as a duplicate that is nowhere",
        mode="duplicate403",
        kinds=("x",),
        why_not={OTHERS: "never answers so"},
    ),
    Row(
        name="reset after it was accepted, and the Idempotency-Key is ignored",
        mode="drop_after",
        more={"reset": True},
        settings={"mastodon": {"idempotency": "ignored"}},
        kinds=("mastodon",),
        why_not={
            OTHERS: "has no such key",
            "bluesky": "the key is the record's name",
            "webhook": "the receiver must take an id once",
            "folder": "the key is the file's name",
        },
    ),
    Row(
        name="reset after it was accepted, and the list shows all at once",
        mode="drop_after",
        more={"reset": True},
        settings={"mastodon": {"idempotency": "ignored", "paging": False}},
        kinds=("mastodon",),
        why_not={OTHERS: "its list has pages", "telegram": "has no list", "webhook": "has no list"},
    ),
    Row(
        name="reset after it was accepted, and doubles are taken",
        mode="drop_after",
        more={"reset": True},
        settings=HIDING_NOTHING,
        kinds=tuple(HIDING_NOTHING),
        why_not={OTHERS: "as reset after it was accepted"},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What became of the delivery: how often it is public, its state, and whether a person is asked."""

    copies: int
    state: State
    asks_person: bool
    requests: int

    @property
    def told(self) -> str:
        """Give the cell as it stands in the documents."""
        public = {0: "not public", 1: "public once"}.get(self.copies, f"public {self.copies} times")
        tail = ", a person is asked" if self.asks_person else ""
        return f"{public}{tail}"


class SteppedClock:
    """True time, and whatever is jumped over: the simulated networks live in true time."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self.wrong_s = 0.0
        """How far it is ahead of everybody else's, who do not jump with this."""
        self.heard: Callable[[float], None] = _unheard

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.wrong_s, UTC) + self._ahead

    @property
    def ahead_s(self) -> float:
        return self._ahead.total_seconds()

    def sleep(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)
        self.heard(self.ahead_s)

    def jump_to(self, at: datetime) -> None:
        """Let it be that late, and a moment more."""
        self._ahead += max(at - self.now(), timedelta()) + timedelta(milliseconds=50)
        self.heard(self.ahead_s)

    def come_back(self) -> None:
        """Show true time again."""
        self._ahead, self.wrong_s = timedelta(), 0.0


def _unheard(_ahead_s: float) -> None:
    """Let it pass."""


def rows_for(kind: str) -> tuple[Row, ...]:
    """Give the faults that this kind of network can show."""
    return tuple(row for row in ROWS if kind in row.kinds)


def run_cell(networks: Networks, kind: str, row: Row, home: Path) -> Cell:
    """Plan one delivery, spoil it, and take due steps until nothing but a person could change anything.

    `home` is the cell's own: a channel may keep there what it knows of a delivery.
    """
    networks.reset()
    if kind in row.settings:
        networks.set(kind, **row.settings[kind])
    clock = clock_for(networks, kind)
    channel = open_kind(kind, networks.url_for(kind), home, clock)
    ledger = MemoryLedger(CLINIC)
    at = desk_for(channel, clock, ledger)
    plan_answers(at, 1)
    assert release_planned(at) == 1
    if row.mode:
        networks.fault(kind, row.mode, method="POST", path=KINDS[kind], **(row.more or {}))
    if row.first_url is not None:
        wrong = open_kind(kind, row.first_url(networks.url_for(kind)), home, clock)
        deliver(replace(at, channels={kind: wrong}))
    settle(at, clock, lambda: wait_until_idle(networks))
    (delivery,) = at.ledger.deliveries()
    assert verify(ledger) == []
    return Cell(
        copies=copies_of(networks, kind, home),
        state=delivery.state,
        asks_person=bool(delivery.needs_person),
        requests=len([one for one in networks.calls(kind, "POST") if one["path"].endswith(KINDS[kind])]),
    )


def clock_for(networks: Networks, kind: str) -> SteppedClock:
    """Give a clock that the network follows where it must."""
    clock = SteppedClock()
    if kind == "webhook":
        # Its requests carry the time, and a receiver that lives in another hour refuses them.
        clock.heard = lambda ahead_s: networks.set("all", clock_offset_s=ahead_s)
    return clock


def copies_of(networks: Networks, kind: str, home: Path) -> int:
    """Count what is public, by the far side's own list."""
    if kind == "folder":
        return len(list((home / "outbox" / kind).glob("*.txt")))
    return len(networks.wall(kind))


def settle(at: Desk, clock: SteppedClock, wait: Callable[[], None], *, rounds_max: int = ROUNDS_MAX) -> None:
    """Deliver, wait until the network has done with what it was asked, jump to what is due next, and so on.

    The wait makes the jump honest: our promise is for networks that do what they do within the settle window.
    """
    for _ in range(rounds_max):
        deliver(at)
        wait()
        due = [when for one in at.ledger.deliveries() if (when := next_at(one)) is not None]
        if not due:
            return
        clock.jump_to(min(due))


def next_at(one: Delivery) -> datetime | None:
    """Give when a clock sees to it again; None when it is settled, or only a person can settle it."""
    if one.state is State.PLANNED:
        return (one.not_before or one.due_at) if one.released_at is not None else None
    if one.state is State.SENDING and one.lease_until is not None:
        return one.lease_until + TIMING.settle
    if one.state is not State.UNSURE or one.not_before is None:
        return None
    # A look has a lease too, and one that died is made again when that is over.
    return max(one.not_before, one.lease_until or one.not_before)


def wait_until_idle(networks: Networks) -> None:
    """Wait until every call that a network has begun has come to its end there."""
    until_s = time.monotonic() + IDLE_MAX_S
    while any(one["status"] is None and one["fault"] is None for one in networks.calls()):
        assert time.monotonic() < until_s, "a call at the simulated network does not end"
        time.sleep(0.02)


def desk_for(channel: Channel, clock: SteppedClock, ledger: Ledger) -> Desk:
    """Give a desk with one channel, whose clock may jump."""
    source = FakeSource()
    return replace(
        _bare_desk(),
        ledger=ledger,
        channels={channel.name: channel},
        sources={source.name: source},
        clock=clock,
    )


@cache
def _bare_desk() -> Desk:
    """Give a desk with nothing on it but a gate, which takes longer to make than a cell to run."""
    plain = desk(MemoryLedger(CLINIC), [], mode="auto-clean", surge_max=10_000)
    return replace(plain, timing=TIMING, gate=replace(plain.gate, own_hosts=(HOST,)))


def open_kind(
    kind: str, url: str, home: Path, clock: SteppedClock, *, credentials: Mapping[str, str] | None = None
) -> Channel:
    """Open a real channel; its credentials are those of the simulated network if no others are given."""
    return open_channel(
        ChannelSetup(
            name=kind,
            kind=kind,
            api_url=url,
            credentials=CREDENTIALS.get(kind, {}) if credentials is None else credentials,
            timeout_s=TIMEOUT_S,
            clock=clock,
            options={},
            home=home,
        )
    )


def plan_answers(at: Desk, count: int) -> None:
    """Take a baseline, then plan and approve announcements of that many answers."""
    poll(at)
    plain = [raw_answer(number, published_at=at.clock.now()) for number in range(1, count + 1)]
    (source,) = at.sources.values()
    assert isinstance(source, FakeSource)
    source.answers += [replace(one, url=one.url.replace("blog.example", HOST)) for one in plain]
    poll(at)
    plan_fresh(at)
    approve_all(at)

"""Hundreds of faults before two real servers: each promo is public once there, by the servers' own lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import pytest

from clinic_broadcast.cards.gallery import CardGallery
from clinic_broadcast.core.delivery import State
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import release_planned
from contract.ledgers import LEDGERS
from faults.matrix import TIMEOUT_S, SteppedClock, desk_for, open_kind, plan_answers, settle
from faults.proxy import ACCEPTING, FaultProxy, Spoil
from faults.real_servers import RealServer, running_pds, running_snac

DELIVERIES = 100
PICTURES = 12
FAULTS_MIN = 150
"""On each of the two servers."""

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1200)]


@dataclass
class Spoiler:
    """Spoils the first request of every delivery, its second so that it comes through, and every other first look."""

    publishing: str
    requests: int = 0
    looks: int = 0
    deliveries: int = 0

    def __post_init__(self) -> None:
        self._first: cycle[Spoil] = cycle(("drop_before", *ACCEPTING, "drop_before"))
        self._second: cycle[Spoil] = cycle(("drop_after", "lie500", "cut", "pass"))
        self._reading: cycle[Spoil] = cycle(("drop_before", "cut", "lie500", "drop_after"))

    def next_delivery(self) -> None:
        """Begin with the next one."""
        self.requests, self.looks = 0, 0
        self.deliveries += 1

    def __call__(self, method: str, path: str) -> Spoil:
        if method == "POST" and path.endswith(self.publishing):
            self.requests += 1
            return next(self._first if self.requests == 1 else self._second)
        if method == "GET":
            self.looks += 1
            if self.looks == 1 and self.deliveries % 2:
                return next(self._reading)
        return "pass"


class UploadSpoiler(Spoiler):
    """Spoils the first upload of every delivery but the first, and its first send one time in two as well."""

    def __init__(self, server: RealServer) -> None:
        super().__init__(server.publishing)
        self._uploading = server.uploading
        self._uploads: cycle[Spoil] = cycle(("pass", "drop_before", *ACCEPTING))
        self.uploads = 0

    def next_delivery(self) -> None:
        super().next_delivery()
        self.uploads = 0

    def __call__(self, method: str, path: str) -> Spoil:
        if method == "POST" and path.partition("?")[0].endswith(self._uploading):
            self.uploads += 1
            return next(self._uploads) if self.uploads == 1 else "pass"
        return super().__call__(method, path) if self.deliveries % 2 else "pass"


RUNS = pytest.mark.parametrize("run", [running_snac, running_pds], ids=["snac2", "Bluesky PDS"])


@RUNS
def test_a_picture_and_its_words_stand_once_on_a_real_server_whatever_befalls_the_upload(
    run: Callable[[Path], AbstractContextManager[RealServer]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    ledger, clock = MemoryLedger("test"), SteppedClock()
    with run(tmp_path) as server:
        spoiler = UploadSpoiler(server)
        with FaultProxy(server.port, spoiler, late_s=TIMEOUT_S + 0.3) as proxy:
            channel = open_kind(server.kind, proxy.url, tmp_path, clock, credentials=server.credentials)
            at = replace(
                desk_for(channel, clock, ledger),
                gallery=CardGallery(tmp_path / "public"),
                pictured=frozenset({server.kind}),
            )
            plan_answers(at, PICTURES)
            while release_planned(at, count_max=1):
                spoiler.next_delivery()
                settle(at, clock, proxy.wait_until_idle)
                clock.come_back()
        shown = {one.link: one for one in server.shown()}
        public = Counter(server.links())
    deliveries = ledger.deliveries()
    told = f"{sum(proxy.spoiled.values())} faults {dict(proxy.spoiled)}, {len(shown)} promos with pictures"
    record_property("told", f"real server {server.kind}, pictures: {told}")
    assert public == Counter(one.payload.link for one in deliveries)
    assert len(deliveries) == PICTURES
    assert {one.state for one in deliveries} == {State.SENT}
    for one in deliveries:
        card = one.payload.card
        assert card is not None
        assert card.picture
        seen = shown[one.payload.link]
        assert seen.pictures == (card.picture,)
        assert seen.words == (card.alt if server.kind == "mastodon" else f"{card.title} {card.description}")
    assert all(proxy.spoiled[mode] for mode in ("drop_before", *ACCEPTING))


@RUNS
def test_faults_before_a_real_server_neither_double_nor_lose(
    run: Callable[[Path], AbstractContextManager[RealServer]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    place = LEDGERS["sqlite"](tmp_path)
    ledger = place.open("test")
    clock = SteppedClock()
    with run(tmp_path) as server:
        spoiler = Spoiler(server.publishing)
        with FaultProxy(server.port, spoiler, late_s=TIMEOUT_S + 0.3) as proxy:
            kind = server.kind
            straight = open_kind(
                kind, f"http://127.0.0.1:{server.port}", tmp_path, clock, credentials=server.credentials
            )
            at = desk_for(straight, clock, ledger)
            plan_answers(at, DELIVERIES)
            spoiled = open_kind(kind, proxy.url, tmp_path, clock, credentials=server.credentials)
            at = replace(at, channels={kind: spoiled})
            while release_planned(at, count_max=1):
                spoiler.next_delivery()
                settle(at, clock, proxy.wait_until_idle)
                # The server lives in true time, and a look goes back one hour from the first request.
                clock.come_back()
        public = Counter(server.links())
    deliveries = ledger.deliveries()
    planned = {one.payload.link for one in deliveries}
    faults = sum(proxy.spoiled.values())
    doubles = sum(count - 1 for count in public.values())
    lost = [one.payload.link for one in deliveries if not public[one.payload.link]]
    told = f"{faults} faults {dict(proxy.spoiled)}, {len(planned)} deliveries, {doubles} duplicates"
    record_property("told", f"real server {kind}: {told}, {len(lost)} lost")
    assert faults >= FAULTS_MIN
    assert (doubles, lost) == (0, [])
    assert set(public) == planned
    assert {(one.state, one.needs_person) for one in deliveries} == {(State.SENT, "")}
    assert verify(ledger) == []
    assert all(proxy.spoiled[mode] for mode in ("drop_before", *ACCEPTING))
    place.close()

"""Pings to hubs are deliveries: one for each change, tried again, never in the way of anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.delivery import Delivery, Outcome, Refused, Sent, State, Throttled
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.pinging import channel_of, plan_pings, send_pings
from clinic_broadcast.run.survey import survey
from desks import desk
from fakes import FakeClock, WallChannel

HUB, OTHER = "https://hub.example/", "https://other.example/hub"
TOPICS = ("https://feeds.example/feeds/rss.xml", "https://feeds.example/feeds/atom.xml")


@dataclass
class Hubs:
    """Answers each hub as a test wants, and keeps what was told."""

    answers: dict[str, Outcome | Exception] = field(default_factory=dict[str, "Outcome | Exception"])
    told: list[tuple[str, tuple[str, ...]]] = field(default_factory=list[tuple[str, tuple[str, ...]]])

    def __call__(self, hub: str, topics: Sequence[str], _now: datetime) -> Outcome:
        self.told.append((hub, tuple(topics)))
        answer = self.answers.get(hub, Sent(post_id="204", post_url=""))
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def office(clock: FakeClock, tmp_path: Path) -> Desk:
    return desk(MemoryLedger("test"), [WallChannel(tmp_path / "wall")], clock=clock)


def pings(office: Desk, hub: str = HUB) -> list[Delivery]:
    return office.ledger.deliveries(channel=channel_of(hub))


def test_each_hub_is_told_once_of_each_change(office: Desk) -> None:
    hubs = Hubs()
    for seen in ("one", "one", "two", "one"):
        plan_pings(office, (HUB, OTHER), TOPICS, seen=seen)
        send_pings(office, (HUB, OTHER), hubs)
        send_pings(office, (HUB, OTHER), hubs)
    assert hubs.told == 3 * [(HUB, TOPICS), (OTHER, TOPICS)]
    assert [one.state for one in pings(office)] == 3 * [State.SENT]
    assert survey(office, ()).deliveries["hub:hub.example"] == {State.SENT: 3}


def test_of_all_earlier_pings_only_the_last_is_read(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int | None]()
    whole = office.ledger.deliveries

    def counted(**wanted: Any) -> list[Delivery]:
        found = whole(**wanted)
        asked.append(len(found))
        return found

    for seen in range(12):
        plan_pings(office, (HUB,), TOPICS, seen=str(seen))
        send_pings(office, (HUB,), Hubs())
    monkeypatch.setattr(office.ledger, "deliveries", counted)
    assert plan_pings(office, (HUB,), TOPICS, seen="new") == 1
    assert asked == [1]
    assert [one.occasion for one in whole(channel=channel_of(HUB))][-2:] == ["ping:12", "ping:13"]


def test_a_hub_that_is_away_is_told_again_later_and_later(office: Desk, clock: FakeClock) -> None:
    hubs = Hubs({HUB: Throttled("the hub could not be asked")})
    plan_pings(office, (HUB,), TOPICS, seen="one")
    tried_at = []
    for _ in range(600):
        before = len(hubs.told)
        send_pings(office, (HUB,), hubs)
        if len(hubs.told) > before:
            tried_at.append(clock.now())
        clock.pass_by(seconds=30)
    waits = [later - earlier for earlier, later in pairwise(tried_at)]
    assert waits[0] == timedelta(seconds=90)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)
    hubs.answers.clear()
    clock.pass_by(hours=1)
    assert [one.state for one in send_pings(office, (HUB,), hubs)] == [State.SENT]


def test_a_hub_that_asks_for_patience_gets_it(office: Desk, clock: FakeClock) -> None:
    hubs = Hubs({HUB: Throttled("the hub answered 429", until=clock.now() + timedelta(minutes=20))})
    plan_pings(office, (HUB,), TOPICS, seen="one")
    send_pings(office, (HUB,), hubs)
    clock.pass_by(minutes=19)
    assert send_pings(office, (HUB,), hubs) == []
    clock.pass_by(minutes=1)
    assert len(send_pings(office, (HUB,), hubs)) == 1


def test_changes_while_a_hub_is_away_are_told_with_one_ping_and_do_not_hurry_it(
    office: Desk, clock: FakeClock
) -> None:
    hubs = Hubs({HUB: Throttled("the hub answered 503")})
    plan_pings(office, (HUB,), TOPICS, seen="one")
    send_pings(office, (HUB,), hubs)
    for seen in ("two", "three"):
        plan_pings(office, (HUB,), TOPICS, seen=seen)
        assert send_pings(office, (HUB,), hubs) == []
    clock.pass_by(hours=1)
    hubs.answers.clear()
    send_pings(office, (HUB,), hubs)
    assert len(hubs.told) == 2
    assert [one.state for one in pings(office)] == [State.CANCELLED, State.CANCELLED, State.SENT]


def test_what_a_hub_refuses_stands_in_the_log_and_asks_no_person(office: Desk) -> None:
    hubs = Hubs({HUB: Refused("unknown topic")})
    plan_pings(office, (HUB, OTHER), TOPICS, seen="one")
    send_pings(office, (HUB, OTHER), hubs)
    refused = pings(office)[0]
    assert (refused.state, refused.reason, refused.needs_person) == (State.REFUSED, "unknown topic", "")
    assert pings(office, OTHER)[0].state is State.SENT
    plan_pings(office, (HUB,), TOPICS, seen="two")
    assert pings(office)[-1].state is State.PLANNED


def test_a_surprise_while_telling_is_tried_again(office: Desk) -> None:
    plan_pings(office, (HUB,), TOPICS, seen="one")
    after = send_pings(office, (HUB,), Hubs({HUB: RuntimeError("secret words")}))
    assert [(one.state, one.reason) for one in after] == [
        (State.PLANNED, "unexpected RuntimeError while telling the hub")
    ]


def test_a_ping_whose_worker_died_is_told_again_once_its_lease_is_over(
    office: Desk, clock: FakeClock
) -> None:
    plan_pings(office, (HUB,), TOPICS, seen="one")
    with pytest.raises(KeyboardInterrupt):
        send_pings(office, (HUB,), _dies)
    assert pings(office)[0].state is State.SENDING
    hubs = Hubs()
    assert send_pings(office, (HUB,), hubs) == []
    clock.pass_by(minutes=5)
    assert [one.state for one in send_pings(office, (HUB,), hubs)] == [State.SENT]


def test_no_channel_takes_a_ping_and_no_hub_a_promo(office: Desk) -> None:
    plan_pings(office, (HUB,), TOPICS, seen="one")
    assert deliver(office) == []
    assert send_pings(office, (), Hubs()) == []
    assert pings(office)[0].state is State.PLANNED


def _dies(_hub: str, _topics: Sequence[str], _now: datetime) -> Outcome:
    raise KeyboardInterrupt

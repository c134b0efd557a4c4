"""The pace of a channel: no window holds more than its cap, whatever outages and approvals do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.delivery import State, Throttled
from clinic_broadcast.core.pace import FREE, Pace, free_at, strictest
from clinic_broadcast.core.schedule import Job
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.pacing import may_go_at
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.publishing import publish_target
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@given(
    asked=st.lists(st.integers(0, 3 * 24 * 60), max_size=40),
    spacing=st.integers(0, 90),
    per_hour=st.one_of(st.none(), st.integers(1, 4)),
    per_day=st.one_of(st.none(), st.integers(1, 9)),
)
def test_no_window_holds_more_than_its_cap(
    asked: list[int], spacing: int, per_hour: int | None, per_day: int | None
) -> None:
    pace = Pace(spacing=timedelta(minutes=spacing), per_hour_max=per_hour, per_day_max=per_day)
    sent: list[datetime] = []
    for minute in sorted(asked):
        now = AT + timedelta(minutes=minute)
        if free_at(pace, sent, now) == now:
            sent.append(now)
    for before, after in pairwise(sent):
        assert after - before >= pace.spacing
    for cap, window in ((per_hour, HOUR), (per_day, DAY)):
        for start in sent:
            assert cap is None or sum(start <= one < start + window for one in sent) <= cap


@given(
    sent=st.lists(st.integers(0, 24 * 60), max_size=9),
    spacing=st.integers(0, 90),
    per_hour=st.one_of(st.none(), st.integers(1, 4)),
)
def test_the_first_free_instant_is_free_indeed(sent: list[int], spacing: int, per_hour: int | None) -> None:
    pace = Pace(spacing=timedelta(minutes=spacing), per_hour_max=per_hour, per_day_max=6)
    before = [AT - timedelta(minutes=minute) for minute in sent]
    at = free_at(pace, before, AT)
    assert at >= AT
    assert free_at(pace, before, at) == at


def test_the_strictest_of_several_paces_keeps_them_all() -> None:
    one = Pace(spacing=HOUR, per_day_max=5)
    other = Pace(per_hour_max=2, per_day_max=3)
    assert strictest([one, other]) == Pace(spacing=HOUR, per_hour_max=2, per_day_max=3)
    assert strictest([]) == FREE
    assert FREE.is_free
    assert not one.is_free


def paced_home(tmp_path: Path, pace: Pace, *, fresh: int) -> tuple[Desk, FakeClock, WallChannel]:
    """Give a desk with approved promos of so many fresh answers, and a pace on its one channel."""
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    plain = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, surge_max=100)
    at = replace(plain, pace_of=lambda _channel, _job: pace)
    poll(at)
    clock.pass_by(days=1)
    for number in range(fresh):
        source.answers.append(
            raw_answer(number, published_at=clock.now(), title=f"Thyroid Tests Part {number + 1}")
        )
    poll(at)
    plan_fresh(at)
    approve_all(at)
    return at, clock, wall


def test_what_is_due_at_once_leaves_with_its_spacing(tmp_path: Path) -> None:
    at, clock, wall = paced_home(tmp_path, Pace(spacing=timedelta(minutes=30)), fresh=3)
    release_planned(at)
    for expected in (1, 1, 2, 2, 3):
        deliver(at)
        deliver(at)
        assert len(wall.rows()) == expected
        clock.pass_by(minutes=16)


def test_an_hours_and_a_days_cap_hold_back_what_waits_and_lose_nothing(tmp_path: Path) -> None:
    at, clock, wall = paced_home(tmp_path, Pace(per_hour_max=2, per_day_max=3), fresh=5)
    release_planned(at)
    seen: list[int] = []
    for _hour in range(50):
        for _ in range(4):
            deliver(at)
        seen.append(len(wall.rows()))
        clock.pass_by(hours=1)
    assert seen[:3] == [2, 3, 3]
    assert seen[23:26] == [3, 5, 5]
    assert {one.state for one in at.ledger.deliveries()} == {State.SENT}


def test_a_persons_own_command_waits_for_no_pace(tmp_path: Path) -> None:
    at, _clock, wall = paced_home(tmp_path, Pace(per_day_max=1), fresh=2)
    release_planned(at)
    deliver(at)
    (waiting,) = at.ledger.deliveries(states=(State.PLANNED,))
    assert may_go_at(at, waiting, at.clock.now()) > at.clock.now()
    publish_target(at, waiting.answer_id, dict(at.channels))
    assert len(wall.rows()) == 2


def test_days_without_a_network_pile_nothing_up_that_goes_out_in_a_burst(tmp_path: Path) -> None:
    at, clock, wall = paced_home(tmp_path, FREE, fresh=5)
    wall.down = True
    for _day in range(4):
        release_planned(at, count_max=1)
        deliver(at)
        clock.pass_by(days=1)
    wall.down = False
    for day in range(1, 6):
        deliver(at)
        deliver(at)
        assert len(wall.rows()) == day
        release_planned(at, count_max=1)
        clock.pass_by(days=1)
    assert len({row["key"] for row in wall.rows()}) == 5


def test_an_approval_that_comes_late_goes_at_the_next_slot(tmp_path: Path) -> None:
    at, clock, wall = paced_home(tmp_path, FREE, fresh=0)
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    source.answers.append(raw_answer(9, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    assert release_planned(at, count_max=1) == 0
    approve_all(at)
    deliver(at)
    assert wall.rows() == []
    clock.pass_by(days=1)
    assert release_planned(at, count_max=1) == 1
    deliver(at)
    assert len(wall.rows()) == 1


def test_what_a_slot_lets_go_leaves_as_much_later_as_its_jitter_says(tmp_path: Path) -> None:
    at, clock, wall = paced_home(tmp_path, FREE, fresh=1)
    assert release_planned(at, count_max=1, later_by=lambda _channel: timedelta(minutes=7)) == 1
    deliver(at)
    clock.pass_by(minutes=6, seconds=59)
    deliver(at)
    assert wall.rows() == []
    clock.pass_by(seconds=1)
    deliver(at)
    assert len(wall.rows()) == 1


def test_a_reshare_never_goes_with_the_announcements(tmp_path: Path) -> None:
    at, _clock, _wall = paced_home(tmp_path, FREE, fresh=2)
    assert release_planned(at, job=Job.RESHARE) == 0
    assert release_planned(at, job=Job.ANNOUNCE) == 2


def test_a_network_that_is_down_is_said_to_be_down(tmp_path: Path) -> None:
    at, _clock, wall = paced_home(tmp_path, FREE, fresh=1)
    wall.down = True
    release_planned(at)
    (after,) = deliver(at)
    assert (after.state, after.reason) == (State.PLANNED, Throttled("the wall is down").reason)

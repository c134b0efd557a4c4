"""Telling a person: once, grouped, then again, then somebody else; never by night, and never a word of a letter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.delivery import Delivery, Refused, State, Unsure, move
from clinic_broadcast.core.notice import GROUP_FOR, Kind, Matter, Message, Patience, Step, Told, tellings
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.noticing import Watch, matters, notify
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

AT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
PATIENCE = Patience(remind_after=timedelta(hours=24), escalate_after=timedelta(hours=48))


def matter(**changes: object) -> Matter:
    shape: dict[str, object] = {
        "key": "approval",
        "kind": Kind.APPROVAL,
        "text": "1 promo waiting for approval (x 1)",
        "command": "clinic-broadcast queue",
        "mark": "1",
        "since": AT,
        **changes,
    }
    return Matter(**shape)  # type: ignore[arg-type]  # A test's shape.


@dataclass
class Run:
    """What was told, as the ledger would keep it, from tick to tick."""

    told: dict[str, Told] = field(default_factory=dict)
    said: list[tuple[datetime, Step]] = field(default_factory=list)

    def tick(self, now: datetime, *found: Matter) -> None:
        for one in tellings(found, self.told.values(), now, PATIENCE):
            if one.before is not None:
                del self.told[one.before.key]
            if one.after is not None:
                self.told[one.after.key] = one.after
            if one.matter is not None:
                self.said.append((now, one.step))


def test_a_matter_is_told_once_then_reminded_then_escalated_and_then_no_more() -> None:
    run = Run()
    for hour in range(200):
        run.tick(AT + timedelta(hours=hour), matter())
    assert run.said == [
        (AT, Step.TOLD),
        (AT + timedelta(hours=24), Step.REMINDED),
        (AT + timedelta(hours=48), Step.ESCALATED),
    ]


def test_what_grows_is_told_again_grouped_and_does_not_put_off_the_reminder() -> None:
    run = Run()
    for minute in range(0, 26 * 60, 10):
        run.tick(AT + timedelta(minutes=minute), matter(mark=str(min(minute // 10, 12))))
    times = [at for at, _step in run.said]
    assert all(after - before >= GROUP_FOR for before, after in pairwise(times))
    assert len([step for _at, step in run.said if step is Step.TOLD]) == 3
    assert (AT + timedelta(hours=24), Step.REMINDED) in run.said


def test_when_the_oldest_part_is_seen_to_the_patience_begins_anew_and_nothing_is_told_twice() -> None:
    run = Run()
    run.tick(AT, matter())
    later = AT + timedelta(hours=20)
    run.tick(later, matter(mark="2"))
    run.tick(later + timedelta(hours=1), matter(mark="3", since=later))
    run.tick(AT + timedelta(hours=25), matter(mark="3", since=later))
    assert [step for _at, step in run.said if step is not Step.TOLD] == []
    run.tick(later + timedelta(hours=25), matter(mark="3", since=later))
    assert run.said[-1][1] is Step.REMINDED


def test_what_is_over_is_forgotten_and_told_anew_when_it_comes_back() -> None:
    run = Run()
    run.tick(AT, matter())
    run.tick(AT + timedelta(hours=1))
    assert run.told == {}
    run.tick(AT + timedelta(hours=2), matter())
    assert [step for _at, step in run.said] == [Step.TOLD, Step.TOLD]


@given(ticks=st.lists(st.tuples(st.integers(1, 600), st.booleans(), st.integers(0, 5)), max_size=60))
def test_a_step_is_never_told_twice_while_the_matter_lasts(ticks: list[tuple[int, bool, int]]) -> None:
    run, now = Run(), AT
    since_last_gap: list[Step] = []
    for minutes, is_there, mark in ticks:
        now += timedelta(minutes=minutes)
        before = len(run.said)
        run.tick(now, *([matter(mark=str(mark))] if is_there else []))
        new = [step for _at, step in run.said[before:]]
        assert len(new) <= 1
        since_last_gap = since_last_gap + new if is_there else []
        later = [step for step in since_last_gap if step is not Step.TOLD]
        assert later == sorted(set(later))


@dataclass
class Mailbox:
    """A messenger that keeps what it is given."""

    got: list[tuple[Message, bool]] = field(default_factory=list)
    problem: str = ""

    def tell(self, message: Message, *, escalated: bool = False) -> str:
        if not self.problem:
            self.got.append((message, escalated))
        return self.problem


WATCH = Watch(clinic_name="The Example Fertility Center", patience=PATIENCE, silent_after=timedelta(days=30))


def home_with(tmp_path: Path, *, fresh: int, surge_max: int = 10) -> tuple[Desk, FakeClock, WallChannel]:
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, surge_max=surge_max)
    poll(at)
    clock.pass_by(days=1)
    source.answers.extend(
        raw_answer(number + 10, title=f"Thyroid Tests Part {number + 11}", published_at=clock.now())
        for number in range(fresh)
    )
    poll(at)
    plan_fresh(at)
    return at, clock, wall


def kinds_of(at: Desk, watch: Watch = WATCH) -> dict[Kind, str]:
    return {one.kind: one.text for one in matters(at, watch)}


def test_waiting_approvals_are_one_message_through_the_ledger(tmp_path: Path) -> None:
    at, clock, _wall = home_with(tmp_path, fresh=3)
    box = Mailbox()
    for _minute in range(30):
        assert notify(at, box, WATCH, quiet=False) == []
        clock.pass_by(minutes=1)
    ((message, escalated),) = box.got
    assert not escalated
    assert message.subject == "The Example Fertility Center: 3 promos waiting for approval (wall 3)"
    assert "clinic-broadcast queue" in message.text
    assert "silence never approves" in message.text
    assert "Ingrid" not in message.text
    clock.pass_by(hours=24)
    poll(at)
    notify(at, box, WATCH, quiet=False)
    clock.pass_by(hours=25)
    poll(at)
    notify(at, box, WATCH, quiet=False)
    assert [(one.text.split(":")[0], up) for one, up in box.got[1:]] == [
        ("Still waiting", False),
        ("Nobody has seen to it", True),
    ]
    assert {one.state for one in at.ledger.deliveries()} == {State.HELD}


def test_by_night_nobody_is_told_and_in_the_morning_everything_is(tmp_path: Path) -> None:
    at, clock, _wall = home_with(tmp_path, fresh=1)
    box = Mailbox()
    notify(at, box, WATCH, quiet=True)
    assert box.got == []
    assert at.ledger.notices() == []
    clock.pass_by(hours=10)
    notify(at, box, WATCH, quiet=False)
    assert len(box.got) == 1


def test_a_message_that_does_not_get_through_is_told_again(tmp_path: Path) -> None:
    at, _clock, _wall = home_with(tmp_path, fresh=1)
    box = Mailbox(problem="no network")
    assert notify(at, box, WATCH, quiet=False) == ["no network"]
    assert at.ledger.notices() == []
    box.problem = ""
    notify(at, box, WATCH, quiet=False)
    assert len(box.got) == 1


def test_two_daemons_tell_once(tmp_path: Path) -> None:
    at, _clock, _wall = home_with(tmp_path, fresh=1)
    first, second = Mailbox(), Mailbox()
    notify(at, first, WATCH, quiet=False)
    notify(replace(at, actor="other"), second, WATCH, quiet=False)
    assert (len(first.got), len(second.got)) == (1, 0)


def test_a_surge_is_one_matter_and_not_an_approval(tmp_path: Path) -> None:
    at, _clock, _wall = home_with(tmp_path, fresh=5, surge_max=3)
    assert kinds_of(at) == {
        Kind.SURGE: "A surge: 5 new answers at once; all of their promos are held (wall 5)"
    }


def test_a_hold_of_the_gate_tells_in_words_what_it_saw_and_never_the_text(tmp_path: Path) -> None:
    at, clock, _wall = home_with(tmp_path, fresh=0)
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    slip = "Question:\n\nHello.\n\nHello Signe from Denmark,\n\nFragnim (prednisone# is a steroid.\n\nJane Roe, M.D."
    source.answers.append(raw_answer(7, body=slip, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    told = kinds_of(at)[Kind.GATE]
    (held,) = at.ledger.deliveries()
    assert told.startswith("1 promo held by the gate (wall 1): ")
    assert "a drug and its explanation that do not fit" in told
    assert "clinical." not in told
    assert held.findings
    assert "Fragnim" not in told


def settled_as(tmp_path: Path, outcome: object) -> tuple[Desk, FakeClock]:
    at, clock, wall = home_with(tmp_path, fresh=1)
    approve_all(at)
    release_planned(at)
    wall.behave = lambda _key: outcome  # type: ignore[return-value,assignment]  # A test's outcome.
    deliver(at)
    return at, clock


def test_a_refusal_an_unsure_one_and_an_account_are_each_told(tmp_path: Path) -> None:
    at, _clock = settled_as(tmp_path, Refused("the network said no"))
    assert kinds_of(at) == {Kind.REFUSED: "1 promo refused by a network (wall 1)"}
    (tmp_path / "two").mkdir()
    at, _clock = settled_as(tmp_path / "two", Refused("token expired", of_account=True))
    assert kinds_of(at) == {Kind.ACCOUNT: "wall takes nothing from us: its token or a right is missing"}
    (tmp_path / "three").mkdir()
    at, clock = settled_as(tmp_path / "three", Unsure("no answer"))
    assert kinds_of(at) == {}
    (one,) = at.ledger.deliveries()
    asks = move(one, State.UNSURE, needs_person="nobody knows")
    at.ledger.move(one, asks, kind="looked", actor="test", at=clock.now())
    assert kinds_of(at) == {Kind.UNSURE: "1 promo of which nobody knows whether it is public (wall 1)"}


def test_a_cap_on_spending_is_told_with_its_figures(tmp_path: Path) -> None:
    at, clock, _wall = home_with(tmp_path, fresh=1)
    (approved,) = approve_all(at)
    capped: Delivery = move(approved, State.PLANNED, reason="spend: $20.00 of $20.00 used in March")
    at.ledger.move(approved, capped, kind="waits", actor="test", at=clock.now())
    assert kinds_of(at) == {Kind.SPEND: "wall: spend: $20.00 of $20.00 used in March"}


def test_a_token_is_told_of_14_7_and_1_days_before_its_end_each_once(tmp_path: Path) -> None:
    at, clock, _wall = home_with(tmp_path, fresh=0)
    watch = replace(WATCH, token_ends={"x": date(2026, 4, 1)})
    box, told_on = Mailbox(), []
    while clock.now().date() <= date(2026, 4, 1):
        before = len(box.got)
        notify(at, box, watch, quiet=False)
        told_on += [clock.now().date()] * any(
            "The token" in one.text
            for one, _up in box.got[before:]
            if "Still" not in one.text and "Nobody has" not in one.text
        )
        clock.pass_by(hours=6)
        poll(at)
    assert [(date(2026, 4, 1) - day).days for day in told_on] == [14, 7, 1]


def test_a_blog_that_is_silent_or_unread_and_a_backup_that_is_old_are_told(tmp_path: Path) -> None:
    at, clock, _wall = home_with(tmp_path, fresh=1)
    approve_all(at)
    assert kinds_of(at) == {}
    clock.pass_by(hours=25)
    assert kinds_of(at)[Kind.SILENCE].startswith("The blog has not been read since")
    poll(at)
    assert kinds_of(at) == {}
    clock.pass_by(days=31)
    poll(at)
    assert kinds_of(at)[Kind.SILENCE].startswith("The blog has had no new answer since")
    watch = replace(WATCH, silent_after=timedelta(days=99), backup_after=timedelta(hours=48))
    assert kinds_of(at, watch) == {Kind.BACKUP: "There is no backup of the record"}
    old = replace(watch, newest_backup_at=clock.now() - timedelta(hours=49))
    assert kinds_of(at, old)[Kind.BACKUP].startswith("The newest backup is from")
    assert kinds_of(at, replace(watch, newest_backup_at=clock.now())) == {}


def test_a_notice_of_what_waits_leads_to_the_review_page_where_there_is_one(tmp_path: Path) -> None:
    at, _clock, _wall = home_with(tmp_path, fresh=1)
    watch = replace(WATCH, review_url="https://review.example/review")
    (waiting,) = [one for one in matters(at, watch) if one.kind is Kind.APPROVAL]
    assert waiting.command == "https://review.example/review"

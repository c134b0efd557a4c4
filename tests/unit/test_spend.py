"""What a month has cost, and that no worker, restart or turn of the month gets past the cap."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import (
    Absent,
    Delivery,
    Found,
    Outcome,
    Refused,
    Sent,
    State,
    Throttled,
    Unsure,
    after_outcome,
    after_trace,
    claim,
    claim_look,
    move,
)
from clinic_broadcast.core.promo import ANNOUNCE, WITHDRAW, Payload
from clinic_broadcast.core.spend import PRICES, Spend, mills_of, month_of, price_of, used
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ledger.migrate import open_ledger
from clinic_broadcast.ports import Ledger, Parcel
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.spending import over_the_cap, spend_of
from clinic_broadcast.run.survey import survey
from desks import TIMING, desk
from fakes import FakeClock, FakeSource, WallChannel, lost_reply, raw_answer

PRICE = PRICES["x"]
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
LATE = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


@dataclass
class Wallet:
    """A desk with one channel that bills like X, and what it has on its wall."""

    folder: Path
    cap: float
    ledger: Ledger
    clock: FakeClock
    source: FakeSource
    wall: WallChannel

    def open(self) -> Desk:
        made = desk(
            self.ledger,
            [self.wall],
            sources=[self.source],
            clock=self.clock,
            mode="auto-clean",
            surge_max=100,
        )
        return replace(made, spend_max_usd={"x": self.cap})

    def plan(self, count: int) -> Desk:
        at = self.open()
        for _ in range(count):
            number = 10 + len(self.source.answers)
            self.source.answers.append(raw_answer(number, published_at=self.clock.now()))
        poll(at)
        plan_fresh(at)
        release_planned(at)
        return at

    def states(self) -> list[State]:
        return sorted(one.state for one in self.ledger.deliveries())


def wallet(folder: Path, *, cap: float, at: datetime = NOVEMBER, ledger: Ledger | None = None) -> Wallet:
    kept = ledger or MemoryLedger("test")
    wall = WallChannel(folder / "x.wall", name="x", kind="x")
    made = Wallet(folder, cap, kept, FakeClock(at), FakeSource(), wall)
    poll(made.open())
    return made


def test_a_post_with_a_link_costs_twenty_cents_and_one_without_a_cent_and_a_half(tmp_path: Path) -> None:
    one = wallet(tmp_path, cap=1).plan(1).ledger.deliveries()[0]
    assert price_of(one, PRICE) == 200
    assert price_of(replace(one, payload=Payload(text="Only words.", link="")), PRICE) == 15
    assert price_of(replace(one, payload=Payload(text="See blog.example.org/x", link="")), PRICE) == 200
    assert price_of(replace(one, occasion=WITHDRAW), PRICE) == 10


def test_the_cap_is_reached_and_not_passed(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.6)
    at = home.plan(5)
    deliver(at)
    deliver(at)
    assert len(home.wall.rows()) == 3
    assert home.states() == [State.PLANNED] * 2 + [State.SENT] * 3
    told = "spend: $0.60 of $0.60 used in November; raise spend_max_usd_month or wait for December"
    waiting = at.ledger.deliveries(states=[State.PLANNED])
    assert [one.reason for one in waiting] == [told] * 2
    assert [one.attempts for one in waiting] == [0, 0]
    assert f"x: {told}" in survey(at, ()).problems
    # It is told once, not at every tick.
    kinds = [entry.kind for entry in at.ledger.history(waiting[0].id)]
    assert kinds == ["plan", "released", "waits"]
    spend = survey(at, ()).spend["x"]
    assert (spend.month, spend.usd, spend.max_usd) == ("2026-11", 0.6, 0.6)


@pytest.mark.parametrize(("cap", "public"), [(0.0, 0), (0.199, 0), (0.2, 1), (0.399, 1), (0.4, 2), (20.0, 3)])
def test_the_boundary_is_exact(tmp_path: Path, cap: float, public: int) -> None:
    home = wallet(tmp_path, cap=cap)
    deliver(home.plan(3))
    assert len(home.wall.rows()) == public


def test_a_new_month_lets_go_what_waited_and_so_does_a_higher_cap(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.2, at=LATE)
    deliver(home.plan(3))
    assert len(home.wall.rows()) == 1
    home.clock.pass_by(seconds=59)
    deliver(home.open())
    assert len(home.wall.rows()) == 1
    home.clock.pass_by(seconds=1)
    deliver(home.open())
    assert len(home.wall.rows()) == 2
    assert spend_of(home.open(), "x") == Spend(
        month_at=datetime(2026, 12, 1, tzinfo=UTC), mills=200, max_mills=200
    )
    home.cap = 0.4
    deliver(home.open())
    assert home.states() == [State.SENT] * 3


def test_a_restart_forgets_nothing_of_what_was_spent(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    home = wallet(tmp_path, cap=0.4, ledger=open_ledger(url, "test"))
    deliver(home.plan(2))
    home.ledger.close()
    home.ledger = open_ledger(url, "test")
    deliver(home.plan(2))
    assert len(home.wall.rows()) == 2
    home.ledger.close()


def test_a_claim_of_a_dead_worker_stays_reserved(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.2)
    at = home.plan(2)
    first = at.ledger.deliveries()[0]
    assert at.ledger.move(
        first, claim(first, home.clock.now(), TIMING), kind="claimed", actor="dead", at=home.clock.now()
    )
    deliver(at)
    assert home.wall.rows() == []
    assert home.states() == [State.PLANNED, State.SENDING]


@pytest.mark.parametrize(
    ("outcome", "usd"),
    [(Sent("1", "u"), 0.2), (Unsure("lost"), 0.2), (Refused("no"), 0.0), (Throttled("later"), 0.0)],
)
def test_only_what_may_be_public_stays_booked(tmp_path: Path, outcome: Outcome, usd: float) -> None:
    home = wallet(tmp_path, cap=20)
    home.wall.behave = lambda _key: outcome
    at = home.plan(1)
    deliver(at)
    spend = spend_of(at, "x")
    assert spend is not None
    assert spend.usd == usd


def test_a_persons_word_gives_back_what_was_not_sent(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=20)
    home.wall.behave = lost_reply
    at = home.plan(1)
    deliver(at)
    review.resolve(at, at.ledger.deliveries()[0].id, sent_url=None)
    spend = spend_of(at, "x")
    assert spend is not None
    assert spend.mills == 0


def test_a_withdrawal_is_never_kept_back_and_a_dear_promo_keeps_back_no_cheap_one(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.015)
    at = home.plan(2)
    deliver(at)
    dear, other = at.ledger.deliveries()
    # Each was asked for itself: the first has not stopped its channel.
    assert dear.reason == other.reason
    assert over_the_cap(at, dear).startswith("spend:")
    assert over_the_cap(at, replace(other, payload=Payload(text="Only words.", link=""))) == ""
    home.cap = 0.0
    assert over_the_cap(home.open(), replace(dear, occasion=WITHDRAW)) == ""


def test_other_kinds_cost_nothing_and_have_no_cap(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.0)
    home.wall.kind = "folder"
    at = home.plan(2)
    deliver(at)
    assert len(home.wall.rows()) == 2
    assert survey(at, ()).spend == {}


@pytest.mark.parametrize("fits", [1, 3])
def test_two_workers_together_stay_under_the_cap(tmp_path: Path, fits: int) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    home = wallet(tmp_path, cap=0.2 * fits, ledger=open_ledger(url, "test"))
    home.plan(6)
    ledgers = [open_ledger(url, "test") for _ in range(2)]
    both = threading.Barrier(2)

    def work(ledger: Ledger) -> None:
        at = replace(home.open(), ledger=ledger)
        both.wait()
        for _ in range(3):
            deliver(at)

    workers = [threading.Thread(target=work, args=(ledger,)) for ledger in ledgers]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    deliver(home.open())
    assert len(home.wall.rows()) == fits
    assert len({row["key"] for row in home.wall.rows()}) == fits
    assert home.states().count(State.PLANNED) == 6 - fits
    for ledger in ledgers:
        ledger.close()
    home.ledger.close()


def test_the_cap_is_asked_again_under_the_claim(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.2)
    at = home.plan(2)
    first, second = at.ledger.deliveries()

    class Between:
        """Another worker claims just before the first does: after it had asked for the cap."""

        def __getattr__(self, name: str) -> object:
            return getattr(home.ledger, name)

        def move(self, before: Delivery, after: Delivery, **line: object) -> bool:
            if line["kind"] == "claimed":
                now = home.clock.now()
                home.ledger.move(second, claim(second, now, TIMING), kind="claimed", actor="other", at=now)
            return home.ledger.move(before, after, **line)  # type: ignore[arg-type]

    deliver(replace(at, ledger=Between()), only=[first.id])  # type: ignore[arg-type]
    assert home.wall.rows() == []


def test_of_two_claims_that_fit_only_alone_the_earlier_goes(tmp_path: Path) -> None:
    home = wallet(tmp_path, cap=0.2)
    at = home.plan(2)
    public: list[str] = []

    class Meeting(WallChannel):
        """While the first request is under way, the other worker has claimed its own."""

        def send(self, parcel: Parcel) -> Outcome:
            public.append(parcel.key)
            return super().send(parcel)

    first, second = at.ledger.deliveries()
    wall = Meeting(tmp_path / "x.wall", name="x", kind="x")

    class Between:
        """The second worker claims right after the first has."""

        def __getattr__(self, name: str) -> object:
            return getattr(home.ledger, name)

        def move(self, before: Delivery, after: Delivery, **line: object) -> bool:
            written = home.ledger.move(before, after, **line)  # type: ignore[arg-type]
            if line["kind"] == "claimed" and before.id == first.id:
                now = home.clock.now()
                home.ledger.move(second, claim(second, now, TIMING), kind="claimed", actor="other", at=now)
            return written

    mine = replace(at, ledger=Between(), channels={"x": wall})  # type: ignore[arg-type]
    deliver(mine, only=[first.id])
    assert public == [first.key]


@given(
    fates=st.lists(
        st.sampled_from(["sent", "unsure-found", "unsure-absent", "refused", "throttled"]), max_size=6
    ),
    gaps=st.lists(st.integers(min_value=1, max_value=20 * 24), min_size=12, max_size=12),
)
def test_what_is_counted_is_never_less_than_what_was_billed(fates: list[str], gaps: list[int]) -> None:
    at, one = NOVEMBER, _bare()
    billed: list[datetime] = []
    for fate, gap in zip(fates, gaps, strict=False):
        if one.state is not State.PLANNED or one.resends > 1:
            break
        one = claim(one, at, TIMING)
        if fate in ("sent", "unsure-found"):
            billed.append(at)
        if fate.startswith("unsure"):
            one = after_outcome(one, Unsure("lost"), at, TIMING)
            at += timedelta(hours=gap)
            trace = Found("1", "u") if fate == "unsure-found" else Absent()
            for _ in range(2):
                if one.state is State.UNSURE:
                    one = after_trace(claim_look(one, at, TIMING), trace, at, TIMING)
        else:
            fates_of: dict[str, Outcome] = {
                "sent": Sent("1", "u"),
                "refused": Refused("no"),
                "throttled": Throttled("later", at),
            }
            one = after_outcome(one, fates_of[fate], at, TIMING)
            at += timedelta(hours=gap)
    for month_at in {month_of(NOVEMBER + timedelta(days=31 * step)) for step in range(6)}:
        known = (
            [one]
            if any(when is not None and when >= month_at for when in (one.claimed_at, one.sent_at))
            else []
        )
        in_month = [when for when in billed if month_of(when) == month_at]
        assert used(known, PRICE, month_at=month_at) >= len(in_month) * 200


def _bare() -> Delivery:
    made = Delivery(
        id="a" * 12,
        key="a" * 64,
        answer_id=AnswerId("tag:blog.example,2026:post-1"),
        answer_url="https://blog.example/a.html",
        channel="x",
        account="x:1",
        occasion=ANNOUNCE,
        state=State.PLANNED,
        payload=Payload(text="Words https://blog.example/a.html", link="https://blog.example/a.html"),
        fragments=(),
        wording="announce.md@0",
        source_revision="r",
        gate_version="1",
        planned_at=NOVEMBER,
        due_at=NOVEMBER,
    )
    return move(made, State.PLANNED, released_at=NOVEMBER)


def test_money_is_told_to_the_cent_and_december_is_followed_by_january() -> None:
    spend = Spend(month_at=datetime(2026, 12, 1, tzinfo=UTC), mills=19_800, max_mills=mills_of(20.0))
    told = "spend: $19.80 of $20.00 used in December; raise spend_max_usd_month or wait for January"
    assert spend.told() == told
    assert spend.fits(200)
    assert not spend.fits(201)
    assert Spend(month_at=NOVEMBER, mills=10**9, max_mills=None).fits(10**9)

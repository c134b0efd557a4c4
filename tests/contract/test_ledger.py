"""Each sentence of the ledger's contract, on every ledger there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Delivery, State, Timing, claim, hold, move, release
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.notice import Step
from clinic_broadcast.core.promo import Payload
from clinic_broadcast.core.slot import SlotRun
from clinic_broadcast.errors import BugError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.rows import BODY_VALUE_MAX, GENESIS
from clinic_broadcast.ports import Head, Ledger, Marks, Remembered
from contract.ledgers import (
    ANSWER_FINDING,
    LEDGERS,
    START,
    AuditedLedger,
    Place,
    known,
    planned,
    told,
)

TIMING = Timing(timeout=timedelta(seconds=20), settle=timedelta(seconds=90), lease=timedelta(seconds=180))
LATER = START + timedelta(days=1)
KINDS = [pytest.param(kind, marks=pytest.mark.heavy if kind == "postgresql" else ()) for kind in LEDGERS]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = LEDGERS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def ledger(place: Place) -> AuditedLedger:
    return place.open()


def take(ledger: Ledger, delivery: Delivery, *, actor: str = "daemon") -> bool:
    return ledger.move(delivery, claim(delivery, LATER, TIMING), kind="claim", actor=actor, at=LATER)


def remember(ledger: Ledger, *answers: KnownAnswer) -> Remembered:
    return ledger.remember("folder answers", answers, marks=Marks(), at=LATER)


# Deliveries


def test_a_planned_delivery_comes_back_as_it_was(ledger: AuditedLedger) -> None:
    assert ledger.plan(planned(1), actor="daemon")
    assert ledger.delivery(planned(1).id) == planned(1)
    (line,) = ledger.history()
    assert (line.number, line.kind, line.actor, line.at, line.fence) == (1, "plan", "daemon", START, 0)


def test_a_held_delivery_keeps_its_reasons(ledger: AuditedLedger) -> None:
    held = planned(1, state=State.HELD, why=("a slip", "another"), findings=(ANSWER_FINDING,) * 2)
    assert ledger.plan(held, actor="daemon")
    assert ledger.delivery(held.id) == held


@pytest.mark.parametrize("state", sorted(set(State) - {State.PLANNED, State.HELD}))
def test_a_delivery_cannot_begin_in_the_middle(ledger: AuditedLedger, state: State) -> None:
    with pytest.raises(BugError, match="cannot begin"):
        ledger.plan(planned(1, state=state), actor="daemon")
    assert ledger.history() == []


@pytest.mark.parametrize(
    "twin",
    [
        pytest.param(planned(1), id="the same"),
        pytest.param(planned(2, id=planned(1).id), id="same id"),
        pytest.param(planned(1, id="e" * 24, account="x:2"), id="same channel"),
        pytest.param(planned(1, id="e" * 24, channel="other"), id="same account"),
    ],
)
def test_one_like_it_is_never_planned_again(ledger: AuditedLedger, twin: Delivery) -> None:
    assert ledger.plan(planned(1), actor="daemon")
    assert not ledger.plan(twin, actor="daemon")
    assert ledger.deliveries() == [planned(1)]
    assert len(ledger.history()) == 1
    assert verify(ledger) == []


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(planned(2), id="another answer"),
        pytest.param(planned(1, id="e" * 24, occasion="reshare:1"), id="another occasion"),
        pytest.param(planned(1, id="e" * 24, channel="y", account="x:2"), id="another channel and account"),
    ],
)
def test_another_occasion_or_account_is_another_delivery(ledger: AuditedLedger, other: Delivery) -> None:
    assert ledger.plan(planned(1), actor="daemon")
    assert ledger.plan(other, actor="daemon")
    assert ledger.deliveries() == [planned(1), other]


def test_several_are_planned_at_once_in_their_order_and_their_answers_marked(ledger: AuditedLedger) -> None:
    remember(ledger, known(1), known(2), known(3))
    assert ledger.plan(planned(2), actor="ann")
    batch = [planned(3), planned(2), planned(1), planned(4, id=planned(3).id)]
    wanted = [AnswerId("tag:00002"), AnswerId("tag:00003"), AnswerId("tag:99999")]
    added = ledger.plan_all(batch, answers=wanted, actor="daemon", at=LATER)
    assert added == {planned(3).id, planned(1).id}
    assert ledger.deliveries() == [planned(2), planned(3), planned(1)]
    assert [one.delivery_id for one in ledger.history()] == [planned(2).id, planned(3).id, planned(1).id]
    assert ledger.unplanned() == [known(1)]
    assert ledger.answer(AnswerId("tag:00003")) == known(3, planned_at=LATER)
    assert verify(ledger) == []


def test_one_that_may_not_begin_like_this_keeps_all_of_them_out(ledger: AuditedLedger) -> None:
    remember(ledger, known(1))
    with pytest.raises(BugError):
        ledger.plan_all(
            [planned(1), planned(2, state=State.SENT)],
            answers=[AnswerId("tag:00001")],
            actor="daemon",
            at=LATER,
        )
    assert ledger.deliveries() == []
    assert ledger.unplanned() == [known(1)]
    assert ledger.plan_all((), answers=(), actor="daemon", at=LATER) == frozenset()
    assert ledger.history() == []


def test_several_are_moved_at_once_but_not_what_somebody_else_has_moved(ledger: AuditedLedger) -> None:
    for number in (3, 1, 2):
        ledger.plan(planned(number), actor="daemon")
    assert take(ledger, planned(1))
    moves = [(planned(number), release(planned(number), LATER)) for number in (3, 1, 2)]
    written = ledger.move_all(moves, kind="released", actor="daemon", at=LATER)
    assert written == {planned(3).id, planned(2).id}
    assert [one.state for one in ledger.deliveries()] == [State.PLANNED, State.SENDING, State.PLANNED]
    assert ledger.delivery(planned(2).id) == release(planned(2), LATER)
    released = [one.delivery_id for one in ledger.history() if one.kind == "released"]
    assert released == [planned(3).id, planned(2).id]
    assert ledger.move_all(moves, kind="released", actor="daemon", at=LATER) == frozenset()
    assert verify(ledger) == []


def test_a_move_is_written_with_its_line(ledger: AuditedLedger) -> None:
    ledger.plan(planned(1), actor="daemon")
    after = move(
        claim(planned(1), LATER, TIMING),
        State.SENT,
        sent_at=LATER,
        post_id="77",
        post_url="https://x.example/77",
    )
    assert take(ledger, planned(1))
    assert ledger.move(
        claim(planned(1), LATER, TIMING), after, kind="sent", actor="daemon", at=LATER, body={"post_id": "77"}
    )
    assert ledger.delivery(after.id) == after
    lines = ledger.history(after.id)
    assert [(line.kind, line.fence, dict(line.body)) for line in lines] == [
        ("plan", 0, {}),
        ("claim", 1, {}),
        ("sent", 2, {"post_id": "77"}),
    ]
    assert verify(ledger) == []


def test_a_late_worker_cannot_overwrite_a_newer_claim(ledger: AuditedLedger) -> None:
    ledger.plan(planned(1), actor="daemon")
    assert take(ledger, planned(1), actor="first")
    assert not take(ledger, planned(1), actor="second")
    held = hold(planned(1), ("too late",))
    assert not ledger.move(planned(1), held, kind="hold", actor="second", at=LATER)
    assert ledger.delivery(planned(1).id) == claim(planned(1), LATER, TIMING)
    assert [line.actor for line in ledger.history()] == ["daemon", "first"]


def test_the_same_fence_in_another_state_is_somebody_elses(ledger: AuditedLedger) -> None:
    held = hold(planned(1), ("wait",))
    ledger.plan(planned(1), actor="daemon")
    assert ledger.move(planned(1), held, kind="hold", actor="ann", at=LATER)
    stale = replace(planned(1), fence=1)
    assert not take(ledger, stale)
    assert ledger.delivery(held.id) == held


def test_an_old_number_in_the_same_state_is_too_late(ledger: AuditedLedger) -> None:
    released = release(planned(1), LATER)
    ledger.plan(planned(1), actor="daemon")
    assert ledger.move(planned(1), released, kind="release", actor="ann", at=LATER)
    assert not take(ledger, planned(1), actor="late")
    assert ledger.delivery(released.id) == released
    assert take(ledger, released)


def test_a_move_of_what_is_not_there_changes_nothing(ledger: AuditedLedger) -> None:
    assert not take(ledger, planned(1))
    assert ledger.history() == []


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(replace(planned(1), state=State.SENDING, fence=2), id="two steps"),
        pytest.param(replace(planned(1), state=State.SENDING), id="no step"),
        pytest.param(replace(planned(1), state=State.SENT, fence=1), id="not in the table"),
        pytest.param(
            replace(planned(1), state=State.SENDING, fence=1, occasion="manual"), id="another occasion"
        ),
    ],
)
def test_a_move_against_the_table_is_a_bug(ledger: AuditedLedger, after: Delivery) -> None:
    ledger.plan(planned(1), actor="daemon")
    with pytest.raises(BugError):
        ledger.move(planned(1), after, kind="claim", actor="daemon", at=LATER)
    assert ledger.delivery(planned(1).id) == planned(1)


def test_other_words_for_a_promo_are_kept(ledger: AuditedLedger) -> None:
    ledger.plan(planned(1), actor="daemon")
    edited = move(planned(1), State.HELD, payload=Payload(text="Better", link=""), fragments=(), findings=())
    assert ledger.move(planned(1), edited, kind="edit", actor="ann", at=LATER)
    assert ledger.delivery(edited.id) == edited
    assert verify(ledger) == []


def test_a_delivery_is_found_by_a_prefix_that_only_one_has(ledger: AuditedLedger) -> None:
    one, two = planned(1, id="abcdef01"), planned(2, id="abcdef02")
    short = planned(3, id="abcde")
    whole = planned(4, id="abcdef0155")
    for each in (one, two, short, whole):
        ledger.plan(each, actor="daemon")
    assert ledger.delivery("abcdef02") == two
    assert ledger.delivery("abcdef015") == whole
    assert ledger.delivery("abcdef01") == one
    assert ledger.delivery("abcdef0") is None
    assert ledger.delivery("abcde") == short
    assert ledger.delivery("abcd") is None
    assert ledger.delivery("ABCDEF02") is None
    assert ledger.delivery("abcdef%") is None
    assert ledger.delivery("") is None


def test_a_short_prefix_names_nothing_even_when_only_one_has_it(ledger: AuditedLedger) -> None:
    ledger.plan(planned(1, id="abcdef01"), actor="daemon")
    assert ledger.delivery("abcde") is None
    assert ledger.delivery("abcdef") == planned(1, id="abcdef01")


def test_deliveries_match_every_condition_in_the_order_of_planning(ledger: AuditedLedger) -> None:
    third = planned(3, planned_at=START - timedelta(days=1), due_at=START - timedelta(days=1))
    second = planned(2, channel="mastodon", account="m:1", state=State.HELD)
    for each in (planned(1), second, third):
        ledger.plan(each, actor="daemon")
    assert ledger.deliveries() == [planned(1), second, third]
    assert ledger.deliveries(states=[State.PLANNED]) == [planned(1), third]
    assert ledger.deliveries(states=[State.PLANNED, State.SENDING, State.UNSURE]) == [planned(1), third]
    assert ledger.deliveries(states={State.HELD, State.PLANNED}, channel="x") == [planned(1), third]
    assert ledger.deliveries(channel="mastodon") == [second]
    assert ledger.deliveries(answer_id=third.answer_id) == [third]
    assert ledger.deliveries(answer_id=third.answer_id, channel="mastodon") == []
    assert ledger.deliveries(states=[]) == []


def test_deliveries_are_counted_by_channel_and_state(ledger: AuditedLedger) -> None:
    assert ledger.count_deliveries() == {}
    for each in (planned(1), planned(2), planned(3, channel="mastodon", account="m:1")):
        ledger.plan(each, actor="daemon")
    take(ledger, planned(1))
    assert ledger.count_deliveries() == {
        "mastodon": {State.PLANNED: 1},
        "x": {State.PLANNED: 1, State.SENDING: 1},
    }


def test_what_a_network_says_is_storable_whatever_it_says(ledger: AuditedLedger) -> None:
    ledger.plan(planned(1), actor="daemon")
    taken = claim(planned(1), LATER, TIMING)
    take(ledger, planned(1))
    said = "no\x00 \ud83d way"
    refused = move(taken, State.REFUSED, reason=said, needs_person=said)
    assert ledger.move(
        taken, refused, kind="refused", actor="daemon", at=LATER, body={"reason": said + "x" * 10_000}
    )
    kept = ledger.delivery(refused.id)
    assert kept is not None
    assert kept.reason == "no\ufffd \ufffd way"
    assert len(ledger.history()[-1].body["reason"]) == BODY_VALUE_MAX
    assert verify(ledger) == []


def test_an_instant_comes_back_in_utc_to_the_microsecond(ledger: AuditedLedger) -> None:
    pacific = timezone(timedelta(hours=-8))
    due_at = datetime(2026, 3, 2, 1, 0, 0, 1, tzinfo=pacific)
    ledger.plan(planned(1, due_at=due_at), actor="daemon")
    kept = ledger.delivery(planned(1).id)
    assert kept is not None
    assert kept.due_at == due_at
    assert kept.due_at.tzinfo is UTC


def test_a_naive_instant_is_a_bug_and_nothing_is_written(ledger: AuditedLedger) -> None:
    naive = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001  # That it is naive is the point.
    with pytest.raises(BugError):
        ledger.plan(planned(1, due_at=naive), actor="daemon")
    with pytest.raises(BugError):
        remember(ledger, known(1, updated_at=naive))
    with pytest.raises(BugError):
        ledger.remember("folder answers", [], marks=Marks(), at=naive)
    with pytest.raises(BugError):
        ledger.take_slot("announce", naive, at=LATER)
    ledger.plan(planned(1), actor="daemon")
    with pytest.raises(BugError):
        ledger.move(planned(1), release(planned(1), LATER), kind="release", actor="daemon", at=naive)
    assert ledger.deliveries() == [planned(1)]
    assert ledger.revisions() == {}
    assert ledger.last_poll_at() is None


def test_a_note_moves_nothing_and_stands_in_the_chain(ledger: AuditedLedger) -> None:
    assert ledger.head() == GENESIS
    ledger.plan(planned(1), actor="daemon")
    head = ledger.note("fenced", actor="daemon", at=LATER, body={"fence": "0"}, delivery_id=planned(1).id)
    assert head == ledger.head()
    last = ledger.history(planned(1).id)[-1]
    assert (last.number, last.hash) == (head.number, head.hash)
    assert ledger.delivery(planned(1).id) == planned(1)
    assert verify(ledger, witness=head) == []


def test_the_history_holds_no_word_of_a_promo(ledger: AuditedLedger) -> None:
    ledger.plan(planned(1), actor="daemon")
    take(ledger, planned(1))
    with ledger.snapshot() as snapshot:
        text = repr(list(snapshot.events))
    assert "lesson" not in text
    assert planned(1).payload.revision in text


def test_a_ledger_recalls_its_own_lines_and_no_others(place: Place) -> None:
    ledger, other = place.open(), place.open("theirs")
    assert ledger.recall(GENESIS) == GENESIS
    assert ledger.line(0) is ledger.line(1) is None
    first = ledger.note("one", actor="test", at=LATER, body={})
    second = ledger.note("two", actor="test", at=LATER, body={})
    assert ledger.recall(GENESIS) == ledger.recall(first) == ledger.recall(second) == second == ledger.head()
    assert ledger.recall(Head(3, second.hash)) is None
    assert ledger.recall(Head(1, second.hash)) is None
    assert other.recall(first) is None
    assert other.recall(GENESIS) == GENESIS
    lines = ledger.history()
    assert [ledger.line(number) for number in (1, 2)] == lines
    assert [line.kind for line in lines] == ["one", "two"]
    assert ledger.line(3) is None


def test_since_leaves_out_what_was_neither_claimed_nor_found_public_by_then(ledger: AuditedLedger) -> None:
    held = planned(2, state=State.HELD)
    for one in (planned(1), held, planned(3)):
        ledger.plan(one, actor="daemon")
    assert ledger.deliveries(since=START - timedelta(days=1)) == []
    taken = claim(planned(1), LATER, TIMING)
    assert take(ledger, planned(1))
    # Adopted after a restore: nobody claimed it here, and it is public all the same.
    adopted = replace(held, state=State.SENT, fence=1, sent_at=LATER + timedelta(hours=1), post_id="7")
    assert ledger.move(held, adopted, kind="adopted", actor="daemon", at=LATER)
    assert ledger.deliveries(since=LATER) == [taken, adopted]
    assert ledger.deliveries(since=LATER + timedelta(microseconds=1)) == [adopted]
    assert ledger.deliveries(since=LATER, channel="mastodon") == []
    assert ledger.deliveries(since=LATER, states=[State.SENDING]) == [taken]
    assert ledger.deliveries(since=LATER + timedelta(hours=2)) == []


# Schedules


def test_a_slot_is_taken_once_and_never_after_a_later_one(ledger: AuditedLedger) -> None:
    assert ledger.last_run("announce") is None
    assert ledger.take_slot("announce", START, at=LATER)
    assert not ledger.take_slot("announce", START, at=LATER)
    assert ledger.take_slot("announce", START + timedelta(microseconds=1), at=LATER)
    assert not ledger.take_slot("announce", START - timedelta(days=1), at=LATER)
    assert ledger.take_slot("reshare", START - timedelta(days=1), at=LATER)
    run = ledger.last_run("announce")
    assert run is not None
    assert run.slot_at == START + timedelta(microseconds=1)


def test_a_slot_that_did_not_end_is_taken_again_by_one_and_never_after_its_end(ledger: AuditedLedger) -> None:
    ledger.take_slot("announce", START, at=START)
    first = SlotRun(slot_at=START, ran_at=START, done_at=None, runs=1)
    assert ledger.last_run("announce") == first
    assert ledger.take_again("announce", first, at=LATER)
    assert not ledger.take_again("announce", first, at=LATER)
    second = SlotRun(slot_at=START, ran_at=LATER, done_at=None, runs=2)
    assert ledger.last_run("announce") == second
    assert not ledger.take_again("reshare", second, at=LATER)
    ledger.finish_slot("announce", START, at=LATER)
    assert ledger.last_run("announce") == SlotRun(slot_at=START, ran_at=LATER, done_at=LATER, runs=2)
    assert not ledger.take_again("announce", second, at=LATER)


def test_failures_are_counted_on_through_later_slots_until_one_ends(ledger: AuditedLedger) -> None:
    def runs() -> int:
        run = ledger.last_run("announce")
        assert run is not None
        return run.runs

    for number in range(3):
        assert ledger.take_slot("announce", START + timedelta(days=number), at=LATER)
        assert runs() == number + 1
    ledger.finish_slot("announce", START, at=LATER)
    assert ledger.take_slot("announce", START + timedelta(days=3), at=LATER)
    assert runs() == 4
    ledger.finish_slot("announce", START + timedelta(days=3), at=LATER)
    assert ledger.take_slot("announce", START + timedelta(days=4), at=LATER)
    assert runs() == 1


# Notices


def test_what_was_told_is_kept_once_changed_only_by_who_has_seen_it_and_forgotten(
    ledger: AuditedLedger,
) -> None:
    first = told("approval")
    assert ledger.notices() == []
    assert ledger.keep_notice(None, None)
    assert ledger.keep_notice(None, first)
    assert not ledger.keep_notice(None, told("approval", mark="2"))
    assert ledger.keep_notice(None, told("account:x"))
    reminded = told("approval", step=Step.REMINDED, stepped_at=LATER, told_at=LATER)
    assert ledger.keep_notice(first, reminded)
    assert not ledger.keep_notice(first, reminded)
    assert not ledger.keep_notice(first, None)
    assert ledger.notices() == [told("account:x"), reminded]
    assert ledger.keep_notice(told("account:x"), None)
    assert ledger.notices() == [reminded]


# Clinics


def test_clinics_in_one_place_do_not_see_each_other(place: Place) -> None:
    ours, theirs = place.open("ours"), place.open("theirs")
    for ledger in (ours, theirs):
        assert remember(ledger, known(1)) == Remembered(added=1, changed=0)
        assert ledger.plan(planned(1), actor="daemon")
        assert ledger.take_slot("announce", START, at=LATER)
        assert ledger.keep_notice(None, told("approval"))
    assert ours.keep_notice(told("approval"), None)
    assert theirs.notices() == [told("approval")]
    assert take(ours, planned(1))
    ours.plan_all((), answers=[AnswerId("tag:00001")], actor="daemon", at=LATER)
    remember(ours, known(2))

    assert theirs.deliveries() == [planned(1)]
    assert theirs.unplanned() == [known(1)]
    assert theirs.revisions() == {"tag:00001": f"{1:064x}"}
    assert theirs.count_answers()[Standing.FRESH] == 1
    assert theirs.count_deliveries() == {"x": {State.PLANNED: 1}}
    assert [line.number for line in theirs.history()] == [1]
    assert [line.number for line in ours.history()] == [1, 2]
    assert ours.head() != theirs.head()
    assert theirs.answer_at("https://blog.example/2.html") is None
    assert verify(ours) == verify(theirs) == []

"""The life of a delivery: every move stays in the table, and no history doubles or forgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import (
    BACKOFF_MAX,
    TRANSITIONS,
    Absent,
    CannotTell,
    Delivery,
    Found,
    Outcome,
    Refused,
    Sent,
    State,
    Throttled,
    Trace,
    Unsure,
    after_outcome,
    after_trace,
    claim,
    claim_look,
    hold,
    move,
    release,
)
from clinic_broadcast.core.plan import Look, Send, may_be_sent, must_be_looked_up, plan
from clinic_broadcast.core.promo import Payload, delivery_key
from clinic_broadcast.errors import BugError
from desks import TIMING
from fakes import START_AT


def planned(number: int = 1, *, state: State = State.PLANNED) -> Delivery:
    answer_id = AnswerId(f"tag:blog.example,2026:post-{number}")
    key = delivery_key("test", answer_id, account="wall:one", occasion="announce")
    return Delivery(
        id=key[:12],
        key=key,
        answer_id=answer_id,
        answer_url="https://blog.example/a.html",
        channel="one",
        account="wall:one",
        occasion="announce",
        state=state,
        payload=Payload(text="A text.", link="https://blog.example/a.html"),
        fragments=(),
        wording="announce.md@0",
        source_revision="r",
        gate_version="1",
        planned_at=START_AT,
        due_at=START_AT,
    )


def sending(at: datetime = START_AT) -> Delivery:
    return claim(release(planned(), at), at, TIMING)


def test_the_table_names_every_state() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_a_move_outside_the_table_is_a_bug(before: State, after: State) -> None:
    one = planned(state=before)
    if after in TRANSITIONS[before]:
        assert move(one, after).fence == one.fence + 1
    else:
        with pytest.raises(BugError):
            move(one, after)


def test_nothing_that_was_sent_can_be_sent_again() -> None:
    reachable = {State.SENT}
    while True:
        more = {after for state in reachable for after in TRANSITIONS[state]} - reachable
        if not more:
            break
        reachable |= more
    assert reachable == {State.SENT, State.WITHDRAWN}


def test_a_claim_lasts_as_long_as_its_lease_and_counts_an_attempt() -> None:
    one = sending()
    assert one.state is State.SENDING
    assert one.lease_until == START_AT + TIMING.lease
    assert (one.attempts, one.first_sent_at) == (1, START_AT)


def test_being_asked_to_wait_spends_no_attempt_and_keeps_the_networks_instant() -> None:
    until = START_AT + timedelta(minutes=15)
    after = after_outcome(sending(), Throttled("too many requests", until), START_AT, TIMING)
    assert (after.state, after.attempts, after.not_before) == (State.PLANNED, 0, until)


def test_no_connection_waits_longer_each_time_but_never_more_than_an_hour() -> None:
    one, waits = planned(), []
    at = START_AT
    for _ in range(12):
        one = after_outcome(claim(release(one, at), at, TIMING), Throttled("refused"), at, TIMING)
        assert one.not_before is not None
        waits.append(one.not_before - at)
        at = one.not_before
    assert waits[0] == TIMING.settle
    assert waits == sorted(waits)
    assert waits[-1] == BACKOFF_MAX


def test_a_refusal_keeps_the_networks_words_and_needs_a_person() -> None:
    after = after_outcome(sending(), Refused("Text too long"), START_AT, TIMING)
    assert (after.state, after.reason, after.needs_person) == (
        State.REFUSED,
        "Text too long",
        "Text too long",
    )


def test_a_refusal_of_the_account_loses_nothing() -> None:
    after = after_outcome(sending(), Refused("Invalid token", of_account=True), START_AT, TIMING)
    assert after.state is State.PLANNED
    assert after.needs_person == "account: Invalid token"


def test_an_unsure_delivery_is_looked_up_only_after_the_settle_window() -> None:
    one = after_outcome(sending(), Unsure("reset"), START_AT, TIMING)
    assert not must_be_looked_up(one, START_AT + TIMING.settle - timedelta(seconds=1), TIMING)
    assert must_be_looked_up(one, START_AT + TIMING.settle, TIMING)


def test_it_is_sent_again_only_after_two_looks_did_not_find_it() -> None:
    one = after_outcome(sending(), Unsure("reset"), START_AT, TIMING)
    first_at = START_AT + TIMING.settle
    one = after_trace(claim_look(one, first_at, TIMING), Absent(), first_at, TIMING)
    assert one.state is State.UNSURE
    assert not must_be_looked_up(one, first_at + timedelta(seconds=1), TIMING)
    second_at = first_at + TIMING.settle
    one = after_trace(claim_look(one, second_at, TIMING), Absent(), second_at, TIMING)
    assert one.state is State.PLANNED
    assert may_be_sent(one, second_at)
    assert one.resends == 1


def test_a_second_doubt_about_the_same_promo_goes_to_a_person() -> None:
    one, at = sending(), START_AT
    for _ in range(2):
        one = after_outcome(one, Unsure("reset"), at, TIMING)
        for _ in range(2):
            at += TIMING.settle
            one = after_trace(claim_look(one, at, TIMING), Absent(), at, TIMING)
        if one.state is State.PLANNED:
            one = claim(one, at, TIMING)
    assert one.state is State.UNSURE
    assert one.needs_person
    assert plan([one], at + timedelta(days=30), TIMING) == []


def test_a_network_that_cannot_be_looked_at_leaves_it_to_a_person_at_once() -> None:
    one = after_outcome(sending(), Unsure("reset"), START_AT, TIMING)
    at = START_AT + TIMING.settle
    after = after_trace(claim_look(one, at, TIMING), CannotTell("no history", forever=True), at, TIMING)
    assert (after.state, after.needs_person, after.not_before) == (State.UNSURE, "no history", None)


def test_looks_that_fail_are_made_again_and_a_person_is_told_after_three() -> None:
    one, at = after_outcome(sending(), Unsure("reset"), START_AT, TIMING), START_AT
    for failures in (1, 2, 3):
        assert one.not_before is not None
        at = one.not_before
        one = after_trace(claim_look(one, at, TIMING), CannotTell("no route"), at, TIMING)
        assert bool(one.needs_person) == (failures == 3)
    assert one.not_before is not None
    assert one.not_before > at


def test_a_look_whose_worker_died_is_made_again() -> None:
    one = claim_look(after_outcome(sending(), Unsure("reset"), START_AT, TIMING), START_AT, TIMING)
    assert not must_be_looked_up(one, START_AT + timedelta(seconds=1), TIMING)
    assert must_be_looked_up(one, START_AT + TIMING.lease, TIMING)


def test_a_claim_is_doubtful_only_after_its_lease_and_a_settle_window() -> None:
    one = sending()
    over = START_AT + TIMING.lease + TIMING.settle
    assert plan([one], over - timedelta(seconds=1), TIMING) == []
    assert plan([one], over, TIMING) == [Look(one)]


def test_holding_voids_an_approval_and_a_release() -> None:
    one = replace(release(planned(), START_AT), approved_by="Pat", approved_at=START_AT)
    held = hold(one, ("why",))
    assert (held.state, held.approved_by, held.released_at) == (State.HELD, "", None)


def test_looks_come_before_sends_and_older_ones_first() -> None:
    early, late = release(planned(1), START_AT), release(planned(2), START_AT + timedelta(minutes=1))
    doubtful = after_outcome(sending(), Unsure("reset"), START_AT, TIMING)
    at = START_AT + timedelta(hours=1)
    assert plan([late, early, doubtful], at, TIMING) == [Look(doubtful), Send(early), Send(late)]


def test_what_no_schedule_has_let_go_is_not_sent() -> None:
    assert plan([planned()], START_AT + timedelta(days=1), TIMING) == []


OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(
    [Sent("1", "u"), Refused("no"), Refused("token", of_account=True), Throttled("later"), Unsure("reset")]
)
TRACES: st.SearchStrategy[Trace] = st.sampled_from(
    [Found("1", "u"), Absent(), CannotTell("no route"), CannotTell("blind", forever=True)]
)


@given(st.lists(st.tuples(OUTCOMES, TRACES, st.booleans()), max_size=30))
def test_whatever_happens_it_is_public_once_or_waits_where_a_clock_or_a_person_finds_it(
    events: list[tuple[Outcome, Trace, bool]],
) -> None:
    one, at = release(planned(), START_AT), START_AT
    for outcome, trace, dies in events:
        at += timedelta(hours=2)
        steps = plan([one], at, TIMING)
        if not steps:
            break
        match steps[0]:
            case Send():
                one = claim(one, at, TIMING)
                if not dies:
                    one = after_outcome(one, outcome, at, TIMING)
            case Look():
                one = claim_look(one, at, TIMING)
                if not dies:
                    one = after_trace(one, trace, at, TIMING)
    assert one.resends <= 1
    ended = one.state in (State.SENT, State.REFUSED)
    assert ended or one.needs_person or plan([one], at + timedelta(days=2), TIMING)


@given(st.permutations([1, 2, 3, 4, 5]))
def test_the_plan_does_not_depend_on_the_order_in_which_rows_come(order: list[int]) -> None:
    rows = [release(planned(number), START_AT + timedelta(minutes=number)) for number in order]
    at = START_AT + timedelta(hours=1)
    assert plan(rows, at, TIMING) == plan(sorted(rows, key=lambda one: one.due_at), at, TIMING)

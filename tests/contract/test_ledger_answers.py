"""Each sentence of the ledger's contract about answers and sources, on every ledger there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.delivery import State, move
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ports import Ledger, Marks, Remembered
from contract.ledgers import (
    ANSWER_FINDING,
    LEDGERS,
    LETTER_FINDING,
    START,
    AuditedLedger,
    Place,
    known,
    planned,
)

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


def remember(ledger: Ledger, *answers: KnownAnswer) -> Remembered:
    return ledger.remember("folder answers", answers, marks=Marks(), at=LATER)


def mark(ledger: Ledger, answer_id: str, at: datetime) -> None:
    ledger.plan_all((), answers=[AnswerId(answer_id)], actor="daemon", at=at)


def test_other_comments_are_kept_and_are_no_other_words(ledger: AuditedLedger) -> None:
    told = Comments(url="https://blog.example/1.html#c", feed_url="https://blog.example/c", count=2)
    remember(ledger, known(1), known(2, comments=told))
    assert ledger.comments() == {AnswerId("tag:00002"): told}
    turn, _ = ledger.changes(0)
    more = replace(told, count=3)
    assert remember(ledger, known(2, comments=more)) == Remembered(added=0, changed=0)
    assert ledger.comments() == {AnswerId("tag:00002"): more}
    assert ledger.answer(AnswerId("tag:00002")) == known(2, comments=more)
    assert ledger.changes(turn) == (turn + 1, frozenset({AnswerId("tag:00002")}))


def test_a_source_never_polled_has_no_marks_and_no_instant(ledger: AuditedLedger) -> None:
    assert ledger.marks("folder answers") is None
    assert ledger.first_poll_at("folder answers") is None
    assert ledger.last_poll_at() is None


def test_without_marks_the_answers_are_recorded_and_the_source_counts_as_not_polled(
    ledger: AuditedLedger,
) -> None:
    part = ledger.remember("folder answers", [known(1)], marks=None, at=START)
    assert part == Remembered(added=1, changed=0)
    assert ledger.answer(AnswerId("tag:00001")) == known(1)
    assert (ledger.marks("folder answers"), ledger.first_poll_at("folder answers")) == (None, None)
    assert ledger.last_poll_at() is None
    remember(ledger, known(1), known(2))
    assert ledger.first_poll_at("folder answers") == LATER
    assert ledger.remember("folder answers", [known(3)], marks=None, at=LATER + timedelta(days=1)).added == 1
    assert ledger.last_poll_at() == LATER


def test_the_marks_of_the_last_poll_are_kept_for_each_source(ledger: AuditedLedger) -> None:
    first = Marks(etag='W/"1"', last_modified="Mon, 02 Mar 2026 09:00:00 GMT", state="a")
    ledger.remember("blog one", [], marks=first, at=START)
    ledger.remember("blog two", [], marks=Marks(state="b"), at=LATER)
    ledger.remember("blog one", [], marks=replace(first, state="c"), at=START + timedelta(hours=1))

    assert ledger.marks("blog one") == replace(first, state="c")
    assert ledger.marks("blog two") == Marks(state="b")
    assert ledger.last_poll_at() == LATER
    assert ledger.first_poll_at("blog one") == START
    assert ledger.first_poll_at("blog two") == LATER
    assert ledger.first_poll_at("blog three") is None


def test_an_answer_comes_back_as_it_was(ledger: AuditedLedger) -> None:
    given_answer = known(1, planned_at=LATER, standing=Standing.BASELINE)
    assert remember(ledger, given_answer) == Remembered(added=1, changed=0)
    assert ledger.answer(AnswerId("tag:00001")) == given_answer
    assert ledger.answer(AnswerId("tag:0000")) is None


def test_the_words_of_the_letter_are_not_kept(ledger: AuditedLedger) -> None:
    remember(ledger, known(1, findings=(LETTER_FINDING, ANSWER_FINDING)))
    found = ledger.answer(AnswerId("tag:00001"))
    assert found is not None
    assert found.material.findings == (replace(LETTER_FINDING, excerpt=""), ANSWER_FINDING)
    assert found.material.taint.names_hold("Wilbur")
    assert not found.material.taint.names_hold("tulsa")


def test_other_words_are_counted_and_what_we_made_of_the_answer_stays(ledger: AuditedLedger) -> None:
    remember(ledger, known(1), known(2))
    mark(ledger, "tag:00001", LATER)
    edited = known(
        1,
        body="Rest helps a lot.",
        revision="f" * 64,
        standing=Standing.BASELINE,
        published_at=LATER,
        updated_at=LATER,
        first_seen_at=LATER,
    )

    assert remember(ledger, edited, known(2), known(3)) == Remembered(added=1, changed=1)

    kept = ledger.answer(AnswerId("tag:00001"))
    assert kept is not None
    assert kept.material == edited.material
    assert kept.updated_at == LATER
    assert (kept.standing, kept.first_seen_at, kept.planned_at) == (Standing.FRESH, START, LATER)
    assert kept.published_at == known(1).published_at


def test_the_same_words_at_a_new_address_are_followed_and_not_counted(ledger: AuditedLedger) -> None:
    remember(ledger, known(1), known(2))
    moved = known(1, url="https://moved.example/1.html", gate_version="gate-2", labels=("sleep",))

    assert remember(ledger, moved, known(2)) == Remembered(added=0, changed=0)

    assert ledger.answer(AnswerId("tag:00001")) == moved
    assert ledger.answer_at("https://moved.example/1.html") == moved
    assert ledger.answer_at("https://blog.example/1.html") is None
    assert ledger.answer_at("https://blog.example/2.html") == known(2)


def test_an_answer_that_comes_twice_in_one_poll_is_one_answer(ledger: AuditedLedger) -> None:
    assert remember(ledger, known(1), known(1, title="Newer")) == Remembered(added=1, changed=0)
    found = ledger.answer(AnswerId("tag:00001"))
    assert found is not None
    assert found.material.title == "Newer"


def test_answers_come_newest_publication_first(ledger: AuditedLedger) -> None:
    remember(ledger, known(2), known(1, standing=Standing.BASELINE), known(3, standing=Standing.WITHDRAWN))
    assert [one.material.answer_id for one in ledger.answers()] == ["tag:00003", "tag:00002", "tag:00001"]
    assert ledger.answers(Standing.BASELINE) == [known(1, standing=Standing.BASELINE)]
    assert ledger.newest_answers(1) == [known(2)]
    assert [one.material.answer_id for one in ledger.newest_answers(9)] == ["tag:00002", "tag:00001"]
    assert ledger.newest_answers(0) == []


def test_fresh_answers_wait_to_be_planned_oldest_first(ledger: AuditedLedger) -> None:
    remember(ledger, known(3), known(2), known(1, standing=Standing.BASELINE), known(4, planned_at=LATER))
    assert ledger.unplanned() == [known(2), known(3)]
    mark(ledger, "tag:00002", LATER)
    mark(ledger, "tag:00002", LATER + timedelta(days=9))
    mark(ledger, "tag:99999", LATER)
    assert ledger.unplanned() == [known(3)]
    assert ledger.answer(AnswerId("tag:00002")) == known(2, planned_at=LATER)


def test_every_standing_is_counted_even_when_there_is_none(ledger: AuditedLedger) -> None:
    assert ledger.count_answers() == dict.fromkeys(Standing, 0)
    remember(ledger, known(1), known(2), known(3, standing=Standing.BASELINE))
    assert ledger.count_answers() == {Standing.BASELINE: 1, Standing.FRESH: 2, Standing.WITHDRAWN: 0}


def test_a_standing_changes_only_from_what_the_caller_thinks_it_is(ledger: AuditedLedger) -> None:
    remember(ledger, known(1))
    withdrawn = {"before": Standing.FRESH, "after": Standing.WITHDRAWN}
    assert ledger.restand(AnswerId("tag:00001"), **withdrawn, actor="ann", at=LATER)
    assert not ledger.restand(AnswerId("tag:00001"), **withdrawn, actor="bob", at=LATER)
    assert not ledger.restand(AnswerId("tag:00009"), **withdrawn, actor="bob", at=LATER)
    assert ledger.count_answers()[Standing.WITHDRAWN] == 1
    (line,) = ledger.history()
    assert (line.kind, line.actor, line.delivery_id) == ("standing", "ann", "")
    assert line.body == {"answer_id": "tag:00001", "before": "fresh", "after": "withdrawn"}
    assert verify(ledger) == []


def test_revisions_and_links_of_all_answers_are_known(ledger: AuditedLedger) -> None:
    assert ledger.revisions() == {}
    assert ledger.links() == frozenset()
    remember(ledger, known(1), known(2, url=""), known(3, standing=Standing.WITHDRAWN))
    assert ledger.revisions() == {f"tag:{number:05}": f"{number:064x}" for number in (1, 2, 3)}
    assert ledger.links() == {"https://blog.example/1.html", "https://blog.example/3.html"}


def test_who_changed_after_a_turn_is_known(ledger: AuditedLedger) -> None:
    assert ledger.changes(0) == (0, frozenset())
    remember(ledger, known(1), known(2), known(3))
    first, changed = ledger.changes(0)
    assert changed == {"tag:00001", "tag:00002", "tag:00003"}
    remember(ledger, known(1), known(2), known(3))
    assert ledger.changes(first) == (first, frozenset())
    mark(ledger, "tag:00002", LATER)
    assert ledger.changes(first) == (first, frozenset())

    remember(ledger, known(2, labels=("Thyroid",)), known(4))
    second, changed = ledger.changes(first)
    assert changed == {"tag:00002", "tag:00004"}
    assert second > first
    withdrawn = {"before": Standing.FRESH, "after": Standing.WITHDRAWN}
    assert ledger.restand(AnswerId("tag:00003"), **withdrawn, actor="ann", at=LATER)
    third, changed = ledger.changes(second)
    assert changed == {"tag:00003"}
    assert not ledger.restand(AnswerId("tag:00003"), **withdrawn, actor="ann", at=LATER)
    assert ledger.changes(third) == (third, frozenset())
    assert ledger.changes(first)[1] == {"tag:00002", "tag:00003", "tag:00004"}


def test_what_changes_several_times_in_a_row_has_a_higher_turn_each_time(ledger: AuditedLedger) -> None:
    remember(ledger, known(1), known(2))
    remember(ledger, known(3))
    seen, _ = ledger.changes(0)
    for label in ("Thyroid", "Polyps"):
        remember(ledger, known(3, labels=(label,)))
        before, (seen, changed) = seen, ledger.changes(seen)
        assert (changed, seen > before) == (frozenset({"tag:00003"}), True)
    assert ledger.restand(
        AnswerId("tag:00003"), before=Standing.FRESH, after=Standing.WITHDRAWN, actor="ann", at=LATER
    )
    last, changed = ledger.changes(seen)
    assert (changed, last > seen) == (frozenset({"tag:00003"}), True)


def test_answers_change_in_the_order_of_their_turns_whoever_writes_them(place: Place) -> None:
    ledgers = [place.open() for _ in range(3)]
    seen, last = set[AnswerId](), 0

    def write(number: int) -> None:
        for one in range(number, 60, 3):
            remember(ledgers[number], known(one))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers):
        last, changed = ledgers[0].changes(last)
        seen |= changed
    last, changed = ledgers[0].changes(last)
    assert seen | changed == {f"tag:{number:05}" for number in range(60)}


def test_answers_of_which_a_person_approved_a_promo_are_known(ledger: AuditedLedger) -> None:
    assert ledger.released() == frozenset()
    remember(ledger, known(1), known(2))
    assert ledger.plan(planned(1), actor="daemon")
    assert ledger.plan(planned(2, approved_by="ann", approved_at=START), actor="ann")
    assert ledger.released() == {planned(2).answer_id}
    approved = planned(2, approved_by="ann", approved_at=START)
    cancelled = move(approved, State.CANCELLED, reason="no")
    assert ledger.move(approved, cancelled, kind="cancelled", actor="ann", at=LATER)
    assert ledger.released() == frozenset()


def test_only_the_newest_deliveries_can_be_asked_for(ledger: AuditedLedger) -> None:
    for number in (1, 2, 3):
        assert ledger.plan(planned(number), actor="daemon")
    assert ledger.deliveries(newest=2) == [planned(2), planned(3)]
    assert ledger.deliveries(newest=9) == [planned(1), planned(2), planned(3)]
    assert ledger.deliveries(channel="x", newest=0) == []

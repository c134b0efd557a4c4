"""What is new and what is not: nothing old is ever announced by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.answer import AnswerId, RawAnswer, Standing
from clinic_broadcast.core.intake import canonical
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Batch, Marks, Remembered
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import RECORDED_AT_A_TIME, poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.survey import survey
from desks import desk
from fakes import START_AT, FakeClock, FakeSource, WallChannel, raw_answer

OTHER_WORDS = (
    "Hello Dr. Roe, my sister in Riga asks about fibroids.\n\nHello Liga from Latvia,\n\n"
    "Small fibroids on the outer wall are often left alone.\n\nJane Roe, M.D."
)


def home(*numbers: int) -> tuple[Desk, FakeSource, FakeClock]:
    """Give a desk whose baseline is taken, with one answer for each number."""
    source = FakeSource(answers=[raw_answer(number) for number in numbers])
    clock = FakeClock()
    at = desk(MemoryLedger("test"), [], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=30)
    return at, source, clock


def standings(at: Desk) -> dict[str, int]:
    return {standing.value: count for standing, count in at.ledger.count_answers().items() if count}


def test_the_first_poll_is_the_baseline_whatever_the_dates() -> None:
    source = FakeSource(answers=[raw_answer(1, published_at=START_AT + timedelta(days=9)), raw_answer(2)])
    at = desk(MemoryLedger("test"), [], sources=[source])
    assert poll(at).baseline == 2
    assert standings(at) == {"baseline": 2}


class DyingLedger(MemoryLedger):
    """A ledger whose program dies when it records for the time that `dies_at` says."""

    dies_at = 0
    recorded = 0

    def remember(self, *args: Any, **options: Any) -> Remembered:
        self.recorded += 1
        if self.recorded == self.dies_at:
            raise KeyboardInterrupt
        return super().remember(*args, **options)


def numbered(count: int, *, since: datetime = START_AT) -> list[RawAnswer]:
    """Give answers of other words each."""
    return [
        raw_answer(
            number,
            body=OTHER_WORDS.replace("fibroids on", f"fibroids of {number} mm on"),
            published_at=since,
        )
        for number in range(1, count + 1)
    ]


def test_a_baseline_that_dies_in_the_middle_is_taken_again_and_announces_nothing() -> None:
    ledger = DyingLedger("test")
    ledger.dies_at = 2
    source = FakeSource(answers=numbered(RECORDED_AT_A_TIME + 20, since=START_AT + timedelta(days=9)))
    at = desk(ledger, [], sources=[source])
    with pytest.raises(KeyboardInterrupt):
        poll(at)
    assert standings(at) == {"baseline": RECORDED_AT_A_TIME}
    assert ledger.first_poll_at(source.name) is None
    assert poll(at).baseline == 20
    assert standings(at) == {"baseline": RECORDED_AT_A_TIME + 20}
    assert plan_fresh(at).held == 0


def test_a_later_poll_that_dies_has_recorded_nothing_for_the_next_one_to_stop_at() -> None:
    ledger = DyingLedger("test")
    source, clock = FakeSource(), FakeClock()
    at = desk(ledger, [], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=30)
    source.answers += numbered(RECORDED_AT_A_TIME + 20, since=clock.now())
    ledger.dies_at = 2
    with pytest.raises(KeyboardInterrupt):
        poll(at)
    assert standings(at) == {}
    assert poll(at).fresh == RECORDED_AT_A_TIME + 20


def test_answers_that_only_a_number_in_the_address_tells_apart_are_not_one_answer() -> None:
    source, clock = FakeSource(answers=[]), FakeClock()
    old, new, newer = (
        replace(one, url=f"https://blog.example/?p={number}&utm_source=x")
        for number, one in enumerate(numbered(3))
    )
    source.answers = [old]
    at = desk(MemoryLedger("test"), [], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=30)
    source.answers += [replace(one, published_at=clock.now()) for one in (new, newer)]
    assert poll(at).fresh == 2
    moved = replace(numbered(9)[8], url="http://www.blog.example/?p=1#comments", published_at=clock.now())
    source.answers.append(moved)
    assert poll(at).fresh == 0


def test_an_answer_published_after_the_baseline_is_fresh() -> None:
    at, source, clock = home(1)
    source.answers.append(raw_answer(2, body=OTHER_WORDS, published_at=clock.now()))
    assert poll(at).fresh == 1
    assert standings(at) == {"baseline": 1, "fresh": 1}


def test_a_first_reading_says_what_it_found() -> None:
    unclear = raw_answer(
        2, body="Hello Dr. Roe,\nis it safe to wait?\nOddny", published_at=START_AT - timedelta(days=9)
    )
    dose = OTHER_WORDS.replace("left alone", "left alone or treated with letrozole 5 mg")
    source = FakeSource(answers=[raw_answer(1), unclear, raw_answer(3, body=dose)])
    told: list[str] = []
    found = poll(desk(MemoryLedger("test"), [], sources=[source]), watch=told.append)
    assert (found.baseline, found.unclear, found.flagged) == (3, 1, 1)
    assert (found.oldest_at, found.newest_at) == (START_AT - timedelta(days=9), START_AT)
    assert told == [f"reading {source.name}", "examining 0 of 3 answers"]


def test_an_unchanged_source_brings_nothing() -> None:
    at, _source, _clock = home(1, 2)
    assert poll(at) == poll(at)
    assert standings(at) == {"baseline": 2}


MUTATIONS = {
    "re-dated": lambda one: replace(one, published_at=START_AT + timedelta(days=29)),
    "edited": lambda one: replace(
        one, body=one.body.replace("simple", "plain"), updated_at=START_AT + timedelta(days=29)
    ),
    "permalink changed": lambda one: replace(one, url="https://blog.example/2026/04/renamed.html"),
    "id changed, same words": lambda one: replace(
        one, id=AnswerId(one.id + "-again"), published_at=START_AT + timedelta(days=29)
    ),
    "id and words changed, same link": lambda one: replace(
        one, id=AnswerId(one.id + "-again"), body=OTHER_WORDS, published_at=START_AT + timedelta(days=29)
    ),
    "http to https and a slash": lambda one: replace(one, url=one.url.replace("https", "http") + "/"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_an_old_answer_in_a_new_coat_is_not_fresh(mutation: str) -> None:
    at, source, _clock = home(1)
    source.answers[0] = MUTATIONS[mutation](source.answers[0])
    assert poll(at).fresh == 0
    assert at.ledger.count_answers()[Standing.FRESH] == 0


def test_a_moved_domain_with_new_ids_announces_nothing() -> None:
    at, source, _clock = home(1, 2, 3)
    source.answers = [
        replace(one, id=AnswerId(f"https://new.example/{number}"), url=f"https://new.example/a{number}.html")
        for number, one in enumerate(source.answers)
    ]
    assert poll(at).fresh == 0


def test_an_order_that_changes_and_a_feed_that_shrinks_announce_nothing() -> None:
    at, source, _clock = home(1, 2, 3)
    source.answers.reverse()
    assert poll(at).fresh == 0
    del source.answers[0]
    assert poll(at).fresh == 0
    source.answers.clear()
    assert poll(at).fresh == 0


def test_a_backdated_answer_is_found_but_waits_for_a_person() -> None:
    at, source, _clock = home(1)
    old_at = START_AT - timedelta(days=400)
    source.answers.append(raw_answer(2, body=OTHER_WORDS, published_at=old_at))
    assert poll(at).fresh == 1
    known = at.ledger.unplanned()[0]
    assert "before the first poll" in known.note


def test_more_fresh_answers_than_the_surge_brake_allows_are_all_held_and_none_is_lost(tmp_path: Path) -> None:
    at, source, clock = home(1)
    at = desk(at.ledger, [WallChannel(tmp_path / "wall")], sources=[source], clock=clock, mode="auto-clean")
    for number in range(2, 27):
        words = OTHER_WORDS.replace("outer wall", f"outer wall of the uterus number {number}")
        source.answers.append(raw_answer(number, body=words, published_at=clock.now()))
    assert poll(at).fresh == 25
    assert plan_fresh(at).held == 25
    assert at.ledger.unplanned() == []
    assert all("surge: 25" in one.why[0] for one in at.ledger.deliveries())


def test_two_addresses_of_the_same_words_in_one_poll_are_one_answer() -> None:
    at, source, clock = home()
    first = raw_answer(1, published_at=clock.now())
    source.answers += [
        first,
        replace(first, id=AnswerId("tag:blog.example,2026:copy"), url="https://blog.example/copy.html"),
    ]
    poll(at)
    assert standings(at) == {"baseline": 1, "fresh": 1}


class _BrokenSource(FakeSource):
    def poll(self, marks: Marks | None, *, is_known: object, on_page: object = None) -> Batch:
        raise SourceError("fake:broken: no answer; try later")


def test_a_source_that_cannot_be_read_holds_back_no_other_and_records_nothing() -> None:
    good = FakeSource(answers=[raw_answer(1)])
    at = desk(MemoryLedger("test"), [], sources=[_BrokenSource(name="fake:broken"), good])
    intake = poll(at)
    assert intake.errors == ("fake:broken: no answer; try later",)
    assert intake.baseline == 1
    assert at.ledger.first_poll_at("fake:broken") is None


def test_a_source_that_fails_is_named_from_its_first_failure_on_until_it_is_read_again() -> None:
    at, source, clock = home(1)
    broken = replace(at, sources={source.name: _BrokenSource(name=source.name)})
    assert survey(at, []).problems == ()
    lines, began = len(at.ledger.history()), clock.now()
    for _ in range(3):
        poll(broken)
        clock.pass_by(minutes=30)
    (problem,) = survey(at, []).problems
    assert (
        f"{source.name} cannot be read (since {began:%Y-%m-%d %H:%M} UTC): fake:broken: no answer" in problem
    )
    assert len(at.ledger.history()) == lines + 1
    assert survey(replace(at, sources={}), []).problems == ()
    poll(at)
    poll(at)
    assert survey(at, []).problems == ()
    assert len(at.ledger.history()) == lines + 2


def test_a_first_poll_that_failed_leaves_the_next_one_as_the_baseline() -> None:
    ledger, clock = MemoryLedger("test"), FakeClock()
    poll(desk(ledger, [], sources=[_BrokenSource()], clock=clock))
    clock.pass_by(days=1)
    later = poll(desk(ledger, [], sources=[FakeSource(answers=[raw_answer(1)])], clock=clock))
    assert (later.baseline, later.fresh) == (1, 0)


@pytest.mark.parametrize(
    "url",
    [
        "http://blog.example/2026/03/a.html",
        "https://www.blog.example/2026/03/a.html/",
        "https://BLOG.example/2026/03/a.html?m=1",
        "https://blog.example/2026/03/a.html#comments",
    ],
)
def test_scheme_www_query_fragment_and_slash_do_not_make_another_link(url: str) -> None:
    assert canonical(url) == "blog.example/2026/03/a.html"

"""The calendar of what is planned: tentative until approved, gone when it is taken back, never a word of a letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest

from clinic_broadcast.core.delivery import State, move
from clinic_broadcast.core.forecast import SHOWN_FOR, Certainty, Entry
from clinic_broadcast.core.schedule import Job, Schedule, slots
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.foreseeing import entries
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.review import approve
from clinic_broadcast.settings.secrets import CALENDAR_KEY, read_calendar_key
from clinic_broadcast.web.ics import ics_of
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

ZONE = ZoneInfo("America/Los_Angeles")
ANNOUNCE = Schedule(name="announce", job=Job.ANNOUNCE, zone=ZONE, cron="0 9 * * 1-5", max_per_run=1)
TITLES = ("Fibroids", "Polyps", "Ovulation", "Menopause")


def planning_clinic(tmp_path: Path) -> tuple[Desk, FakeClock]:
    """Give a desk with one promo each of four fresh answers, all held."""
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, surge_max=100)
    poll(at)
    clock.pass_by(days=1)
    for number, word in enumerate(TITLES):
        source.answers.append(raw_answer(number, published_at=clock.now(), title=f"Thyroid Tests and {word}"))
    poll(at)
    plan_fresh(at)
    return at, clock


def by_title(found: list[Entry]) -> dict[str, Entry]:
    return {one.title.rpartition(" ")[2]: one for one in found}


def test_what_is_approved_takes_the_coming_slots_and_what_waits_comes_after_it(tmp_path: Path) -> None:
    at, clock = planning_clinic(tmp_path)
    coming = slots(ANNOUNCE, clock.now(), 4)
    assert [one.at for one in entries(at, [ANNOUNCE])] == coming
    assert {one.certainty for one in entries(at, [ANNOUNCE])} == {Certainty.TENTATIVE}
    last = at.ledger.deliveries()[-1]
    approve(at, last.id, by="Pat")
    found = by_title(entries(at, [ANNOUNCE]))
    assert (found["Menopause"].at, found["Menopause"].certainty) == (coming[0], Certainty.CONFIRMED)
    assert [found[word].at for word in TITLES[:3]] == coming[1:]
    two_a_slot = by_title(entries(at, [replace(ANNOUNCE, max_per_run=2)]))
    assert two_a_slot["Fibroids"].at == coming[0]
    assert two_a_slot["Polyps"].at == two_a_slot["Ovulation"].at == coming[1]


def test_the_forecast_comes_true(tmp_path: Path) -> None:
    at, clock = planning_clinic(tmp_path)
    approve_all(at)
    foretold = {one.delivery_id: one.at for one in entries(at, [ANNOUNCE])}
    for slot in slots(ANNOUNCE, clock.now(), 4):
        clock.at = slot
        release_planned(at, count_max=1)
        deliver(at)
    assert {one.id: one.sent_at for one in at.ledger.deliveries()} == foretold
    assert {one.told for one in entries(at, [ANNOUNCE])} == {"went out"}
    clock.pass_by(days=SHOWN_FOR.days + 1)
    assert entries(at, [ANNOUNCE]) == []


def test_what_is_taken_back_is_cancelled_and_a_clinic_without_a_schedule_keeps_its_times(
    tmp_path: Path,
) -> None:
    at, clock = planning_clinic(tmp_path)
    first = at.ledger.deliveries()[0]
    gone = move(first, State.CANCELLED, reason="a test")
    at.ledger.move(first, gone, kind="cancelled", actor="test", at=clock.now())
    found = by_title(entries(at, []))
    assert found["Fibroids"].certainty is Certainty.CANCELLED
    assert {one.at for one in found.values()} == {one.due_at for one in at.ledger.deliveries()}


def test_it_reads_back_as_a_calendar_and_holds_no_word_of_a_letter(tmp_path: Path) -> None:
    at, clock = planning_clinic(tmp_path)
    approve(at, at.ledger.deliveries()[0].id, by="Pat")
    found = entries(at, [ANNOUNCE])
    written = ics_of(found, clinic="A, B; C", timezone=ZONE.key, now=clock.now())
    read = icalendar.Calendar.from_ical(written)
    events = read.walk("VEVENT")
    assert [event.decoded("dtstart") for event in events] == [one.at for one in found]
    assert [str(event["status"]) for event in events] == ["CONFIRMED", *["TENTATIVE"] * 3]
    assert len({str(event["uid"]) for event in events}) == 4
    assert all(event.errors == [] for event in (read, *events))
    assert str(read["x-wr-calname"]) == "A, B; C: promos"
    assert max(len(line) for line in written.split(b"\r\n")) <= 75  # RFC 5545, section 3.1.
    told = written.decode().replace("\r\n ", "")
    assert "wall: Thyroid Tests and Fibroids (approved)" in told
    assert not any(word in told for word in ("Ingrid", "Norway", "Oslo", "pregnanc"))


def test_a_title_that_the_gate_doubts_is_not_shown(tmp_path: Path) -> None:
    source, clock = FakeSource(), FakeClock()
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "w")], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now(), title="Benedita Asks About Thyroid Tests"))
    poll(at)
    plan_fresh(at)
    (found,) = entries(at, [ANNOUNCE])
    assert (found.title, found.url) == ("", "")
    assert (
        "wall: a promo (waits for approval)"
        in ics_of([found], clinic="A", timezone="UTC", now=datetime(2026, 3, 3, tzinfo=UTC)).decode()
    )


def test_a_key_that_could_be_guessed_or_is_misspelt_is_refused_and_not_shown(tmp_path: Path) -> None:
    assert read_calendar_key({}, tmp_path, run_secrets=tmp_path) == ""
    good = "k" * 20
    assert read_calendar_key({CALENDAR_KEY: good}, tmp_path, run_secrets=tmp_path) == good
    for wrong in ({CALENDAR_KEY: "hunter2"}, {"CLINIC_WEB__CALENDAR_KEI": "hunter2"}):
        with pytest.raises(SettingsError, match="CALENDAR_KE") as caught:
            read_calendar_key(wrong, tmp_path, run_secrets=tmp_path)
        assert "hunter2" not in str(caught.value)


def test_a_promo_that_a_network_put_off_stands_at_the_time_of_its_next_try(tmp_path: Path) -> None:
    at, clock = planning_clinic(tmp_path)
    approve_all(at)
    release_planned(at, count_max=1)
    let_go = next(one for one in at.ledger.deliveries() if one.released_at is not None)
    later = move(let_go, State.PLANNED, not_before=clock.now() + timedelta(minutes=40))
    at.ledger.move(let_go, later, kind="waits", actor="test", at=clock.now())
    found = {one.delivery_id: one for one in entries(at, [ANNOUNCE])}
    assert found[let_go.id].at == clock.now() + timedelta(minutes=40)
    assert found[let_go.id].told == "on its way"

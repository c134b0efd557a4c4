"""The weekly report: what went out, what waits and what comes next, and no word that is not public already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from clinic_broadcast.core.delivery import State, move
from clinic_broadcast.core.digest import LONGEST, WEEK, Digest, period_of
from clinic_broadcast.core.notice import Patience
from clinic_broadcast.core.schedule import Job, Schedule
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.notices.digest import COLOURS, chart_of, message_of, page_of
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import plan_withdrawals, withdraw
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.noticing import Watch
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.reporting import digest_of
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

ZONE = ZoneInfo("America/Los_Angeles")
WATCH = Watch(
    clinic_name="The Example & Daughters Fertility Center",
    patience=Patience(remind_after=timedelta(hours=24), escalate_after=timedelta(hours=48)),
    silent_after=timedelta(days=60),
)
TOPICS = (
    "",
    "Fibroids",
    "Polyps",
    "Miscarriage",
    "Endometriosis",
    "Implantation",
    "Ovulation",
    "Infertility",
    "Menopause",
    "Embryos",
    "Sperm",
)
WEEKLY = Schedule(name="digest", job=Job.DIGEST, zone=ZONE, cron="0 8 * * 1")
ANNOUNCE = Schedule(name="announce", job=Job.ANNOUNCE, zone=ZONE, cron="0 9 * * 1-5")


def busy_clinic(tmp_path: Path, *, weeks: Sequence[int]) -> tuple[Desk, FakeClock]:
    """Give a desk on two walls where so many answers went out in each week, and one waits for approval."""
    source, clock = FakeSource(), FakeClock()
    walls = [WallChannel(tmp_path / f"{name}.wall", name=name) for name in ("mastodon", "x")]
    at = desk(MemoryLedger("test"), walls, sources=[source], clock=clock, surge_max=100)
    poll(at)
    number = 0
    for count in (*weeks, 1):
        clock.pass_by(days=1)
        for _ in range(count):
            number += 1
            title = f"Thyroid Tests and {TOPICS[number]}"
            source.answers.append(raw_answer(number, published_at=clock.now(), title=title))
        poll(at)
        plan_fresh(at)
        if number > sum(weeks):
            break
        approve_all(at)
        release_planned(at)
        deliver(at)
        clock.pass_by(days=6)
    return at, clock


def report(at: Desk, clock: FakeClock) -> Digest:
    now = clock.now()
    return digest_of(at, WATCH, [ANNOUNCE, WEEKLY], period=(now - WEEK, now), zone=ZONE)


def test_it_tells_what_went_out_what_waits_and_what_comes_next(tmp_path: Path) -> None:
    at, clock = busy_clinic(tmp_path, weeks=[2, 0, 1, 3])
    found = report(at, clock)
    assert found.by_channel == {"mastodon": 3, "x": 3}
    assert [week.counts.get("x", 0) for week in found.weeks] == [0, 0, 0, 0, 2, 0, 1, 3]
    assert found.fresh == 3
    (waits,) = found.waiting
    assert waits.text == "2 promos waiting for approval (mastodon 1, x 1)"
    (coming,) = found.coming
    assert coming.at > clock.now()
    message = message_of(found)
    assert message.subject == f"{WATCH.clinic_name}: 6 promos went out, something waits for you"
    for told in (message.text, message.html):
        assert "6 promos in public (mastodon 3, x 3); 3 new answers on the blog." in told
        assert "clinic-broadcast queue" in told
        assert "none approved and ready" in told
        assert "Thyroid Tests and Ovulation" in told
    assert "The Example &amp; Daughters" in message.html


def test_it_holds_no_word_of_a_letter_and_none_of_what_waits(tmp_path: Path) -> None:
    at, clock = busy_clinic(tmp_path, weeks=[1])
    message = message_of(report(at, clock))
    for told in (message.text, message.html, page_of(report(at, clock))):
        assert "Thyroid Tests and Fibroids" in told
        assert "Polyps" not in told  # It waits for a person, so it is not public through us.
        assert not re.search(r"Ingrid|Norway|Oslo|pregnanc", told)


def test_what_was_taken_back_is_counted_and_not_quoted(tmp_path: Path) -> None:
    at, clock = busy_clinic(tmp_path, weeks=[1])
    for one in at.ledger.deliveries(states=(State.SENT,)):
        gone = move(one, State.WITHDRAWN)
        at.ledger.move(one, gone, kind="withdrawn", actor="test", at=clock.now())
    found = report(at, clock)
    assert found.published == ()
    assert "Fibroids" not in message_of(found).text


def test_a_withdrawal_that_was_done_is_counted(tmp_path: Path) -> None:
    at, clock = busy_clinic(tmp_path, weeks=[1])
    public = at.ledger.deliveries(states=(State.SENT,))[0]
    known = at.ledger.answer(public.answer_id)
    assert known is not None
    withdraw(at, known, why="a test", by="Pat")
    plan_withdrawals(at)
    release_planned(at)
    deliver(at)
    done = [one for one in at.ledger.deliveries() if one.occasion == "withdraw"]
    assert done
    found = report(at, clock)
    assert found.taken_back == sum(one.state is State.SENT for one in done)
    assert all(one.occasion != "withdraw" for one in found.published)


def test_the_chart_is_whole_svg_without_a_script_and_says_the_same_as_the_table(tmp_path: Path) -> None:
    at, clock = busy_clinic(tmp_path, weeks=[1, 4])
    found = report(at, clock)
    drawn = etree.fromstring(chart_of(found))
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawn.findall(".//{http://www.w3.org/2000/svg}script") == []
    assert "http://" not in re.sub(r"http://www\.w3\.org", "", chart_of(found).decode())
    page = page_of(found)
    assert page.count("data:image/svg+xml;base64,") == 1
    assert '<td class="number">4</td>' in page
    (enclosed,) = message_of(found).enclosures
    assert enclosed.content == chart_of(found)
    assert "<img" not in message_of(found).html


def test_a_week_without_anything_says_so(tmp_path: Path) -> None:
    at, clock = busy_clinic(tmp_path, weeks=[])
    found = replace(report(at, clock), waiting=(), coming=())
    message = message_of(found)
    assert message.subject == f"{WATCH.clinic_name}: 0 promos went out"
    assert message.enclosures == ()
    assert "WHAT WAITS FOR YOU\n  nothing\n" in message.text
    assert "no schedule announces anything" in message.text
    assert "Nothing has gone out in these weeks." in page_of(found)


@given(late=st.integers(0, 20 * 24 * 60), week=st.integers(0, 60))
def test_a_late_report_covers_all_since_the_slot_before_its_own(late: int, week: int) -> None:
    slot = datetime(2026, 3, 2, 16, 0, tzinfo=UTC) + WEEK * week
    now = slot + timedelta(minutes=late)
    since, until = period_of([ANNOUNCE, WEEKLY], now)
    assert until == now
    assert WEEK - timedelta(hours=1) <= now - since <= 2 * WEEK + timedelta(hours=1)
    assert since.astimezone(ZONE).strftime("%a %H:%M") == "Mon 08:00"


def test_a_report_covers_a_week_without_a_schedule_and_never_more_than_five() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert period_of([ANNOUNCE], now) == (now - WEEK, now)
    yearly = replace(WEEKLY, cron="0 8 1 1 *")
    assert period_of([yearly], now) == (now - WEEK, now)
    monthly = replace(WEEKLY, cron="0 8 1 * *")
    assert now - LONGEST <= period_of([monthly], now)[0] < now - timedelta(days=28)


def test_every_bar_of_the_chart_stands_out_on_the_page_by_day_and_by_night() -> None:
    page = (resources.files("clinic_broadcast.notices") / "templates" / "digest.html").read_text(
        encoding="utf-8"
    )
    grounds = re.findall(r"^main {.*?background: (#[0-9a-f]+);", page, re.MULTILINE)
    assert len(grounds) == 2
    for colour in COLOURS:
        for ground in grounds:
            assert contrast(colour, ground) >= 3, (colour, ground)


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours (WCAG 2.2, 1.4.11)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""When a job runs: crontab(5), zones whose clocks change, quiet hours, and what an outage leaves to make up for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_broadcast.core.pace import Pace
from clinic_broadcast.core.schedule import (
    Job,
    Quiet,
    Schedule,
    calendar_times,
    checked_cron,
    due_times,
    is_channel_quiet,
    is_never_awake,
    is_quiet,
    jitter_of,
    missed_slot,
    next_due,
    next_slot_for,
    pace_of,
    parsed_quiet,
    sentence,
    slot_to_run,
    slots,
)

LA = ZoneInfo("America/Los_Angeles")

ZONES = (
    "America/Los_Angeles",
    "America/Havana",  # Clocks change at midnight.
    "America/Nuuk",  # The skipped hour ends the day.
    "America/Santiago",
    "Europe/Madrid",
    "Europe/London",
    "Africa/Cairo",
    "Africa/Casablanca",  # Goes back before Ramadan and on after it.
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # Half an hour.
    "Antarctica/Troll",  # Two hours.
    "Pacific/Auckland",
    "Pacific/Chatham",  # Offsets in quarters of an hour.
)

QUARTERS = tuple(time(minute // 60, minute % 60) for minute in range(0, 24 * 60, 15))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: ZoneInfo = LA, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def schedule(cron: str, **changes: object) -> Schedule:
    shape: dict[str, object] = {"name": "a", "job": Job.ANNOUNCE, "cron": cron, "zone": LA, **changes}
    return Schedule(**shape)  # type: ignore[arg-type]  # A test's shape.


@cache
def changes_of(key: str) -> tuple[datetime, ...]:
    """Give the first instants of every new offset of a zone from 2026 to 2035."""
    zone = ZoneInfo(key)
    found: list[datetime] = []
    at, step = utc("2026-01-01"), timedelta(days=2)
    while at < utc("2036-01-01"):
        if at.astimezone(zone).utcoffset() != (at + step).astimezone(zone).utcoffset():
            low, high = at, at + step
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                same = low.astimezone(zone).utcoffset() == middle.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high.replace(microsecond=0))
        at += step
    return tuple(found)


def nominal(day: date, at: time, zone: ZoneInfo, change: datetime) -> datetime:
    """Give the one right instant of a local time: its first occurrence, or the end of the gap that holds it."""
    instant = datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
    exists = instant.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, at)
    return instant if exists else change


def expected_around(at: time, zone: ZoneInfo, change: datetime) -> list[datetime]:
    middle = change.astimezone(zone).date()
    return [nominal(middle + timedelta(days=shift), at, zone, change) for shift in range(-4, 5)]


def assert_right_around(key: str, change: datetime, times: tuple[time, ...]) -> int:
    zone, span = ZoneInfo(key), timedelta(days=2)
    for at in times:
        wanted = [due for due in expected_around(at, zone, change) if change - span < due <= change + span]
        for coming in (
            due_times(f"{at.minute} {at.hour} * * *", zone, change - span),
            calendar_times(f"{at.hour:02}:{at.minute:02}", zone, change - span),
        ):
            found = list(takewhile(lambda due: due <= change + span, coming))
            assert found == wanted, (key, change.isoformat(), at)
            assert all(before < after for before, after in pairwise(found))
    return len(times)


@pytest.mark.parametrize("key", ZONES)
def test_each_daily_time_has_one_instant_on_every_night_of_a_clock_change(key: str) -> None:
    assert len(changes_of(key)) >= (0 if key == "Asia/Kolkata" else 18)
    for change in changes_of(key):
        wall = change.astimezone(ZoneInfo(key)).replace(tzinfo=None)
        near = tuple(
            (wall + timedelta(minutes=minutes)).replace(second=0).time() for minutes in range(-150, 151, 30)
        )
        assert assert_right_around(key, change, (*near, time(9), time(23, 59))) > 0


@cache
def kinds_of_changes() -> dict[tuple[datetime, timedelta | None, timedelta | None], str]:
    """Give a zone for each change of the world that differs in its instant or its offsets."""
    kinds: dict[tuple[datetime, timedelta | None, timedelta | None], str] = {}
    for key in sorted(available_timezones()):
        zone = ZoneInfo(key)
        for change in changes_of(key):
            before = (change - timedelta(seconds=1)).astimezone(zone).utcoffset()
            kinds.setdefault((change, before, change.astimezone(zone).utcoffset()), key)
    return kinds


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(4))
def test_each_of_96_daily_times_is_right_at_every_clock_change_of_the_world_until_2035(part: int) -> None:
    mine = list(kinds_of_changes().items())[part::4]
    assert sum(assert_right_around(key, change, QUARTERS) for (change, *_), key in mine) > 96 * 75


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_resume_at_any_moment_of_such_a_night_finds_the_next_instant_and_none_that_is_over(
    data: st.DataObject,
) -> None:
    key = data.draw(st.sampled_from([key for key in ZONES if changes_of(key)]))
    zone, change = ZoneInfo(key), data.draw(st.sampled_from(changes_of(key)))
    after = change + timedelta(seconds=data.draw(st.integers(-3 * 3600, 3 * 3600)))
    wall = change.astimezone(zone) + timedelta(minutes=data.draw(st.integers(-180, 180)))
    at = time(wall.hour, wall.minute)
    wanted = min(due for due in expected_around(at, zone, change) if due > after)
    assert next_due(f"{at.minute} {at.hour} * * *", zone, after) == wanted


@given(
    cron=st.sampled_from(
        [
            "*/10 * * * *",
            "0 * * * *",
            "*/15 1 * * *",
            "30 */2 * * *",
            "5,35 0-4 * * *",
            "0 0 1 * 1",
            "59 23 * * 0",
        ]
    ),
    key=st.sampled_from([key for key in ZONES if key != "Asia/Kolkata"]),
    number=st.integers(0, 17),
    shift_s=st.integers(-4 * 3600, 4 * 3600),
)
@settings(max_examples=300, deadline=None)
def test_what_is_due_next_does_not_depend_on_where_the_daemon_was_restarted(
    cron: str, key: str, number: int, shift_s: int
) -> None:
    zone, change = ZoneInfo(key), changes_of(key)[number]
    after = change + timedelta(seconds=shift_s)
    from_far = next(due for due in due_times(cron, zone, after - timedelta(days=3)) if due > after)
    assert next_due(cron, zone, after) == from_far


@given(
    minute=st.sampled_from(["*", "*/10", "*/7", "0", "15-45/15"]),
    hour=st.sampled_from(["*", "*/2", "*/3"]),
    key=st.sampled_from([key for key in ZONES if key != "Asia/Kolkata"]),
    number=st.integers(0, 17),
)
@settings(max_examples=60, deadline=None)
def test_an_interval_falls_due_at_every_instant_whose_wall_clock_matches(
    minute: str, hour: str, key: str, number: int
) -> None:
    zone, change = ZoneInfo(key), changes_of(key)[number]
    start = (change - timedelta(hours=5)).replace(second=0)
    minutes = {at for at in range(60) if minute in ("*", str(at)) or at in steps(minute)}
    hours = {at for at in range(24) if hour == "*" or at % int(hour[2:]) == 0}
    every = [start + timedelta(minutes=shift) for shift in range(1, 11 * 60)]
    walls = [(at, at.astimezone(zone)) for at in every]
    wanted = [at for at, wall in walls if wall.minute in minutes and wall.hour in hours]
    found = []
    for due in due_times(f"{minute} {hour} * * *", zone, start):
        if due > every[-1]:
            break
        found.append(due)
    assert found == wanted


def steps(field: str) -> set[int]:
    if field == "15-45/15":
        return {15, 30, 45}
    return set(range(0, 60, int(field[2:]))) if field.startswith("*/") else set()


def test_a_yearly_interval_runs_in_both_passes_of_a_repeated_hour_far_ahead() -> None:
    found = slots(schedule("*/30 1 1 11 *"), utc("2026-01-15"), 4)
    assert found == [utc(f"2026-11-01T{hour}") for hour in ("08:00", "08:30", "09:00", "09:30")]


def test_a_time_in_the_repeated_hour_runs_once_at_its_first_occurrence() -> None:
    found = slots(schedule("30 1 * * *"), local("2026-10-31T12:00"), 2)
    assert found == [utc("2026-11-01T08:30"), utc("2026-11-02T09:30")]


def test_a_restart_within_the_second_pass_of_the_repeated_hour_does_not_run_it_again() -> None:
    restarted_at = local("2026-11-01T01:20", fold=1)
    assert next_due("30 1 * * *", LA, restarted_at) == utc("2026-11-02T09:30")


def test_a_time_in_the_skipped_hour_runs_at_the_first_instant_after_it() -> None:
    assert next_due("30 2 * * *", LA, local("2026-03-08T00:00")) == utc("2026-03-08T10:00")


def test_the_day_after_clocks_go_forward_is_not_lost() -> None:
    assert next_due("15 0 * * 1-5", LA, local("2026-03-06T12:00")) == local("2026-03-09T00:15")


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 9 * * 1-5", [2, 3, 4, 5, 6, 9]),  # 2 November 2026 is a Monday.
        ("0 9 * * 0", [1, 8, 15]),
        ("0 9 * * 7", [1, 8, 15]),
        ("0 9 * * 5-7", [1, 6, 7, 8]),
        ("0 9 * * mon", [2, 9, 16]),
        ("0 9 13 * 5", [6, 13, 20, 27]),
        ("0 9 3 * 5", [3, 6, 13]),
        ("0 9 */10 * 1", [30 + 1]),  # A star in one of the two fields: both must match.
        ("0 9 1 nov *", [1]),
    ],
)
def test_days_are_those_that_crontab_5_means(cron: str, days: list[int]) -> None:
    found = slots(schedule(checked_cron(cron)), local("2026-10-31T23:00"), len(days))
    if cron == "0 9 */10 * 1":
        assert [one.astimezone(LA).date() for one in found] == [date(2026, 12, 21)]
    else:
        assert [one.astimezone(LA).day for one in found] == days


@pytest.mark.parametrize(
    "cron",
    [
        "@daily",
        "0 9 * *",
        "0 0 9 * * *",
        "60 9 * * *",
        "0 24 * * *",
        "0 9 31 2 *",
        "0 9 * * 5-1",
        "0 9 * * 8",
        "",
        "0 9 L * *",
        "0 9 * * 5#2",
        "0 9 LW * *",
        "0 9 * * 5L",
        "0 5/2 * * *",
        "*/0 * * * *",
        "*-5 * * * *",
        "a b c d e",
    ],
)
def test_what_crontab_5_does_not_know_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"field|values that exist|step|day that exists"):
        checked_cron(cron)


def test_spaces_and_tabs_between_fields_do_not_matter() -> None:
    assert checked_cron("  0\t9  * *   1-5 ") == "0 9 * * 1-5"


def test_after_an_outage_only_the_newest_missed_slot_is_made_up_for() -> None:
    daily = schedule("0 9 * * *")
    last, now = local("2026-11-02T09:00"), local("2026-11-09T12:00")
    assert missed_slot(daily, last, now) == local("2026-11-09T09:00")
    assert missed_slot(daily, local("2026-11-09T09:00"), now) is None


@given(
    cron=st.sampled_from(
        ["*/15 * * * *", "0 9 * * 1-5", "30 1 * * *", "0 0 1 * *", "0 0 29 2 *", "* * * * 1"]
    ),
    outage=st.timedeltas(timedelta(0), timedelta(days=60)),
    start=st.integers(0, 8 * 365 * 86_400),
)
@settings(max_examples=150, deadline=None)
def test_the_missed_slot_is_the_newest_of_all_that_fell_due(cron: str, outage: timedelta, start: int) -> None:
    last = utc("2026-01-01") + timedelta(seconds=start)
    now = last + outage
    newest = None
    for due in due_times(cron, LA, last):
        if due > now:
            break
        newest = due
    assert missed_slot(schedule(cron), last, now) == newest


def test_a_slot_missed_years_ago_is_still_found() -> None:
    leap_day = schedule("0 9 29 2 *")
    assert missed_slot(leap_day, utc("2020-01-01"), utc("2026-06-01")) == local("2024-02-29T09:00")


def test_a_missed_slot_waits_until_quiet_hours_are_over() -> None:
    quiet = schedule("0 9 * * *", quiet=parsed_quiet("21:00-07:00"))
    last = local("2026-11-02T09:00")
    assert slot_to_run(quiet, last, local("2026-11-03T22:00")) is None
    assert slot_to_run(quiet, last, local("2026-11-04T06:59")) is None
    assert slot_to_run(quiet, last, local("2026-11-04T07:00")) == local("2026-11-03T09:00")


@pytest.mark.parametrize(
    ("wall", "quiet"),
    [("20:59", False), ("21:00", True), ("23:59", True), ("00:00", True), ("06:59", True), ("07:00", False)],
)
def test_quiet_hours_wrap_around_midnight_and_end_before_their_end(wall: str, *, quiet: bool) -> None:
    one = schedule("0 9 * * *", quiet=parsed_quiet("21:00-07:00"))
    assert is_quiet(one, local(f"2026-11-03T{wall}")) is quiet


def test_quiet_hours_follow_the_wall_clock_through_a_clock_change() -> None:
    one = schedule("0 9 * * *", quiet=parsed_quiet("01:00-02:00"))
    assert is_quiet(one, local("2026-11-01T01:30", fold=0))
    assert is_quiet(one, local("2026-11-01T01:30", fold=1))
    assert not is_quiet(one, local("2026-11-01T02:00"))
    assert not is_quiet(schedule("0 9 * * *", quiet=parsed_quiet("02:00-03:00")), utc("2026-03-08T10:00"))


def test_quiet_hours_are_those_of_the_schedules_zone() -> None:
    madrid = schedule("0 9 * * *", zone=ZoneInfo("Europe/Madrid"), quiet=parsed_quiet("21:00-07:00"))
    at = local("2026-11-03T13:00")
    assert is_quiet(madrid, at)
    assert not is_quiet(schedule("0 9 * * *", quiet=parsed_quiet("21:00-07:00")), at)


@given(start=st.times(), end=st.times(), wall=st.times())
def test_a_moment_is_quiet_or_lies_in_the_hours_turned_around(start: time, end: time, wall: time) -> None:
    turned = Quiet(start=end, end=start)
    assert start == end or Quiet(start=start, end=end).covers(wall) is not turned.covers(wall)


@pytest.mark.parametrize(
    "text", ["21-7", "21:00", "25:00-07:00", "21:60-07:00", "09:00-09:00", "late-early", ""]
)
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two"):
        parsed_quiet(text)


def test_midnight_may_be_written_as_24_00() -> None:
    assert str(parsed_quiet("21:00-24:00")) == "21:00-00:00"


def test_a_schedule_that_only_falls_due_in_its_quiet_hours_is_found_out() -> None:
    night = parsed_quiet("21:00-07:00")
    assert is_never_awake(schedule("0 22 * * *", quiet=night), utc("2026-01-01"))
    assert not is_never_awake(schedule("0 22,9 * * *", quiet=night), utc("2026-01-01"))


def test_a_channel_is_quiet_when_any_schedule_of_the_job_that_speaks_for_it_is() -> None:
    rules = [
        schedule("0 9 * * *", channels=("x",), quiet=parsed_quiet("12:00-13:00")),
        schedule("0 9 * * *", quiet=parsed_quiet("21:00-07:00")),
        schedule("0 9 * * *", job=Job.RESHARE, quiet=parsed_quiet("08:00-20:00")),
    ]
    noon, night, ten = (local(f"2026-11-03T{wall}") for wall in ("12:30", "22:00", "10:00"))
    assert is_channel_quiet(rules, "x", noon, job=Job.ANNOUNCE)
    assert not is_channel_quiet(rules, "facebook", noon, job=Job.ANNOUNCE)
    assert is_channel_quiet(rules, "facebook", night, job=Job.ANNOUNCE)
    assert not is_channel_quiet(rules, "x", ten, job=Job.ANNOUNCE)
    assert is_channel_quiet(rules, "x", ten, job=Job.RESHARE)


def test_the_next_slot_of_a_channel_is_the_first_that_is_not_quiet() -> None:
    rules = [
        schedule("0 22,10 * * *", quiet=parsed_quiet("21:00-07:00")),
        schedule("0 8 * * *", channels=("x",)),
    ]
    after = local("2026-11-03T20:00")
    assert next_slot_for(rules, "x", after, job=Job.ANNOUNCE) == local("2026-11-04T08:00")
    assert next_slot_for(rules, "facebook", after, job=Job.ANNOUNCE) == local("2026-11-04T10:00")
    assert next_slot_for(rules, "x", after, job=Job.DIGEST) is None


def test_the_sentence_says_when_where_and_within_which_bounds() -> None:
    said = sentence(schedule("0 9 * * 1-5", channels=("x", "facebook"), quiet=parsed_quiet("21:00-07:00")))
    assert said == (
        "At 09:00 on Monday through Friday, time of America/Los_Angeles; at most 1 promo per channel; "
        "on x, facebook; never 21:00 to 07:00"
    )


def test_a_schedule_that_publishes_nothing_says_nothing_about_promos() -> None:
    assert "promo" not in sentence(schedule("*/15 * * * *", job=Job.POLL))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_calendar_and_a_cron_of_the_same_daily_time_fall_due_alike_from_any_moment_on(
    data: st.DataObject,
) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
    at = data.draw(st.sampled_from(QUARTERS))
    changes = changes_of(zone.key) or (utc("2026-03-08T10:00"),)
    after = data.draw(st.sampled_from(changes)) + timedelta(minutes=data.draw(st.integers(-1500, 1500)))
    by_cron = list(islice(due_times(f"{at.minute} {at.hour} * * *", zone, after), 4))
    assert list(islice(calendar_times(f"{at.hour}:{at.minute:02}", zone, after), 4)) == by_cron


@pytest.mark.parametrize(("calendar", "cron"), [("*:0/15", "*/15 * * * *"), ("hourly", "0 * * * *")])
def test_an_interval_of_a_calendar_runs_through_both_passes_of_the_repeated_hour(
    calendar: str, cron: str
) -> None:
    after = local("2026-11-01T00:30")
    wanted = list(islice(due_times(cron, LA, after), 20))
    assert list(islice(calendar_times(calendar, LA, after), 20)) == wanted


def test_a_calendar_knows_weekdays_and_days_of_the_month() -> None:
    weekdays = schedule("", calendar="Mon..Fri 09:00")
    assert slots(weekdays, local("2026-03-06T10:00"), 1) == [local("2026-03-09T09:00")]
    monthly = schedule("", calendar="*-*-01 04:00")
    assert slots(monthly, local("2026-03-06T10:00"), 1) == [local("2026-04-01T04:00")]
    assert sentence(weekdays).startswith("OnCalendar Mon..Fri 09:00, time of America/Los_Angeles")


@given(minutes=st.integers(0, 120), day=st.integers(0, 400), channel=st.sampled_from(["x", "facebook"]))
def test_jitter_stays_within_its_width_and_is_the_same_whenever_it_is_asked(
    minutes: int, day: int, channel: str
) -> None:
    one = schedule("0 9 * * *", jitter=timedelta(minutes=minutes))
    slot = local("2026-03-02T09:00") + timedelta(days=day)
    drawn = jitter_of(one, slot, channel)
    assert timedelta(0) <= drawn <= timedelta(minutes=minutes)
    assert drawn == jitter_of(one, slot.astimezone(LA), channel)


def test_jitter_differs_from_day_to_day_and_from_channel_to_channel() -> None:
    one = schedule("0 9 * * *", jitter=timedelta(minutes=60))
    slot = local("2026-03-02T09:00")
    drawn = {
        jitter_of(one, slot + timedelta(days=day), name) for day in range(20) for name in ("x", "facebook")
    }
    assert len(drawn) > 30


def test_a_jobs_pace_is_its_own_but_the_spacing_is_everybodys() -> None:
    announce = schedule("0 9 * * *", pace=Pace(per_day_max=5, spacing=timedelta(minutes=10)))
    reshare = schedule("0 9 * * *", job=Job.RESHARE, pace=Pace(per_day_max=1, spacing=timedelta(minutes=30)))
    other = schedule("0 9 * * *", channels=("facebook",), pace=Pace(per_hour_max=1))
    every = [announce, reshare, other]
    assert pace_of(every, "x", Job.ANNOUNCE) == Pace(per_day_max=5, spacing=timedelta(minutes=30))
    assert pace_of(every, "x", Job.RESHARE) == Pace(per_day_max=1, spacing=timedelta(minutes=30))
    assert pace_of(every, "facebook", Job.ANNOUNCE).per_hour_max == 1


def test_the_sentence_tells_the_pace() -> None:
    one = schedule(
        "0 9 * * *",
        pace=Pace(per_hour_max=1, per_day_max=3, spacing=timedelta(minutes=30)),
        jitter=timedelta(minutes=5),
    )
    told = sentence(one)
    for part in ("1 promo an hour", "3 promos a day", "30 minutes apart", "up to 5 minutes later"):
        assert part in told
    assert "each again after 90 days" in sentence(schedule("0 9 * * *", job=Job.RESHARE))

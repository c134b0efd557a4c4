"""What the daemon says of itself is true: /readyz turns 503 with the reason, and `status` tells a newcomer all."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import icalendar
import pytest

from clinic_broadcast import wire
from clinic_broadcast.cli.daemon import Daemon, Working
from clinic_broadcast.core.schedule import Job
from clinic_broadcast.engine.local import Engine, Tick
from clinic_broadcast.engine.lock import hold_home, is_held
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.ics import calendar_route
from clinic_broadcast.web.server import open_port
from e2e.homes import CLEAN, SLIPPED, Clinic, make_clinic
from e2e.test_daemon import get
from fakes import START_AT, FakeClock


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = make_clinic(tmp_path)
    assert made.run("init", "--yes").returncode == 0
    return made


class Seconds:
    """A monotonic clock that a test moves on."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@contextmanager
def beating(clinic: Clinic, tick: Tick) -> Iterator[tuple[Daemon, Engine, Seconds, str]]:
    """Give a daemon whose engine rings one tick, and the address of its port."""
    office = wire.open_office(clinic.home, os.environ, actor="test")
    notifying = wire.open_notifying(office.settings, {})
    pool = ThreadPoolExecutor(1)
    daemon = Daemon(clinic.home, os.environ, office, office.desk.clock.now(), pool, notifying)
    seconds = Seconds()
    engine = Engine(stop_within_s=5, monotonic=seconds)
    stop = threading.Event()
    heart = threading.Thread(target=engine.run, args=([tick], stop))
    heart.start()
    port = open_port(
        make_app(public=clinic.home / "public", health=lambda: daemon.health(engine)),
        host="127.0.0.1",
        port=0,
    )
    try:
        for _ in range(100):
            if engine.last_tick_age_s() is not None:
                break
            time.sleep(0.05)
        yield daemon, engine, seconds, port.url
    finally:
        stop.set()
        port.stop()
        heart.join(30)
        pool.shutdown()
        office.desk.ledger.close()


def readyz(url: str) -> tuple[int, str]:
    status, body, _headers = get(f"{url}/readyz")
    return status, " / ".join(json.loads(body)["problems"])


def test_the_calendar_is_there_for_those_who_have_its_key(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    shown = clinic.run("calendar")
    assert shown.returncode == 0
    key = shown.stdout.strip().partition("?key=")[2]
    assert clinic.run("calendar").stdout == shown.stdout
    with beating(clinic, Tick(name="jobs", every_s=0.2, call=nothing)) as (daemon, _engine, _seconds, _url):
        route = calendar_route(key=daemon.calendar_key, make=daemon.calendar)
        app = make_app(public=clinic.home / "public", health=lambda: Health(at=START_AT), routes=[route])
        port = open_port(app, host="127.0.0.1", port=0)
        try:
            assert [
                get(f"{port.url}/calendar.ics{query}")[0] for query in ("", "?key=", "?key=x", f"?key={key}x")
            ] == [403] * 4
            status, body, headers = get(f"{port.url}/calendar.ics?key={key}")
            assert (status, headers["content-type"]) == (200, "text/calendar; charset=utf-8")
            (event,) = icalendar.Calendar.from_ical(body).walk("VEVENT")
            assert str(event["status"]) == "TENTATIVE"
            assert b"Solveig" not in body
            assert key.encode() not in body
            assert clinic.run("calendar", "--new-key").returncode == 0
            assert get(f"{port.url}/calendar.ics?key={key}")[0] == 403
            (clinic.home / "state" / "secrets" / "CLINIC_WEB__CALENDAR_KEY").unlink()
            assert get(f"{port.url}/calendar.ics?key={key}")[0] == 404
        finally:
            port.stop()


def test_a_wrong_file_leaves_the_old_settings_in_force_and_a_right_one_is_taken_over(
    clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = clinic.home / "schedules" / "announce.toml"
    with beating(clinic, Tick(name="jobs", every_s=0.2, call=nothing)) as (daemon, _engine, _seconds, url):
        before = daemon.office
        schedule.write_text('job = "announce"\ncron = "0 25 * * *"\n', encoding="utf-8")
        daemon.reload()
        assert daemon.office is before
        assert readyz(url) == (200, "")
        told = capsys.readouterr().out
        assert "the old ones stay in force" in told
        assert "announce.toml" in told
        schedule.write_text('job = "announce"\ncron = "0 10 * * *"\n', encoding="utf-8")
        (clinic.home / "lexicon.txt").write_text("zorbitol\n", encoding="utf-8")
        daemon.reload()
        assert daemon.office is not before
        assert [one.cron for one in daemon.office.schedules if one.job is Job.ANNOUNCE] == ["0 10 * * *"]
        assert daemon.office.desk.gate.version != before.desk.gate.version
        assert daemon.jobs_due_in_s() <= 0
        assert readyz(url) == (200, "")


def nothing() -> None:
    """Do nothing at a tick."""


def test_all_is_well_and_then_a_poll_that_is_too_old_is_told(clinic: Clinic) -> None:
    with beating(clinic, Tick(name="jobs", every_s=0.2, call=nothing)) as (daemon, _engine, _seconds, url):
        assert readyz(url) == (200, "")
        late = FakeClock(daemon.office.desk.clock.now() + timedelta(hours=2))
        daemon.office = replace(daemon.office, desk=replace(daemon.office.desk, clock=late))
        status, told = readyz(url)
        assert status == 503
        assert told.startswith("poll: the last one was 72")


def test_a_worker_that_is_stuck_is_told(clinic: Clinic) -> None:
    with beating(clinic, Tick(name="jobs", every_s=0.2, call=nothing)) as (daemon, _engine, _seconds, url):
        daemon.working["box"] = Working(time.monotonic() - 179, Future())
        assert readyz(url)[0] == 200
        daemon.working["box"] = Working(time.monotonic() - 181, Future())
        assert readyz(url) == (503, "channel box has been at work for 181 s")


def test_a_tick_that_is_stuck_is_told(clinic: Clinic) -> None:
    gate = threading.Event()

    def hang() -> None:
        gate.wait(30)

    with beating(clinic, Tick(name="jobs", every_s=0.2, call=hang, stuck_after_s=60)) as (
        _d,
        _e,
        seconds,
        url,
    ):
        assert readyz(url)[0] == 200
        seconds.ahead_s = 61
        status, told = readyz(url)
        gate.set()
        assert status == 503
        assert told.startswith("scheduler: jobs has been at work for 61 s")


def test_a_scheduler_that_is_dead_is_told(clinic: Clinic) -> None:
    with beating(clinic, Tick(name="jobs", every_s=0.2, call=nothing)) as (_daemon, engine, seconds, url):
        engine.scheduler.pause()
        time.sleep(0.3)
        assert readyz(url)[0] == 200
        seconds.ahead_s = 60
        status, told = readyz(url)
        assert status == 503
        assert told.startswith("scheduler: jobs has not run for 6")


def test_a_lock_is_seen_without_taking_it(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    with hold_home(tmp_path / "lock"):
        assert is_held(tmp_path / "lock")
    assert not is_held(tmp_path / "lock")


def test_reading_commands_make_nothing_and_say_what_a_home_lacks(tmp_path: Path) -> None:
    clinic = make_clinic(tmp_path)
    for command in ("status", "log", "queue", "export"):
        done = clinic.run(command)
        assert done.returncode == 0
        assert "if the home is new, run `clinic-broadcast init`" in done.stdout + done.stderr
    assert "`clinic-broadcast init` writes the usual ones" in clinic.run("status").stdout
    assert {one.name for one in clinic.home.iterdir()} == {"answers", "clinic.toml"}
    begun = clinic.run("init", "--yes").stderr
    assert (
        "the next new answer waits for a person (`clinic-broadcast queue`); once approved it goes out"
        in begun
    )


def test_a_lost_and_a_damaged_record_are_told_with_the_newest_backup_and_how_to_put_it_back(
    clinic: Clinic,
) -> None:
    record, backups = clinic.home / "state" / "ledger.db", clinic.home / "state" / "backups"
    newest = Path(clinic.run("backup").stdout.strip())
    (backups / "ledger-20200101T000000Z.db").write_bytes(b"older")
    record.unlink()
    command = f"`clinic-broadcast restore {newest}`"
    (problem,) = clinic.ask("status")["problems"]
    assert f"there is no record of this home ({record})" in problem
    assert command in problem
    assert not record.exists()
    record.write_text("no database at all\n" * 100, encoding="ascii")
    for question in (["status"], ["verify"], ["log"], ["run", "--once"]):
        done = clinic.run(*question)
        assert done.returncode == 1
        assert command in done.stderr
    assert command in clinic.run("doctor").stdout
    assert clinic.run("restore", str(newest)).returncode == 0
    assert clinic.ask("status")["answers"]["baseline"] == 1


def test_a_new_user_reads_from_status_alone_what_waits_and_what_happens_next(clinic: Clinic) -> None:
    told = clinic.run("status").stdout
    for part in (
        "What waits for you\n  nothing\n",
        "the daemon does not run here",
        "clinic-broadcast run",
        "none is approved yet",
        "looks for new answers",
        "healthy",
    ):
        assert part in told
    clinic.add("new", CLEAN)
    clinic.add("slip", SLIPPED)
    clinic.run("run", "--once")
    told = clinic.run("status").stdout
    assert "1 promo waiting for approval (box 1)\n      clinic-broadcast queue" in told
    assert "1 promo held by the gate (box 1): a bracket without its other half, " in told
    assert "clinical." not in told
    assert "box: 2 held  (exact: a second try can never make a second post)" in told
    assert "Solveig" not in told
    (item,) = [one for one in clinic.ask("queue")["items"] if not one["findings"]]
    clinic.run("approve", item["id"], "--by", "Pat")
    told = clinic.run("status").stdout
    assert "box 1 ready, at most 1 a channel" in told
    assert " PST  announce" in told or " PDT  announce" in told
    assert [one["kind"] for one in clinic.ask("status")["waiting"]] == ["gate"]

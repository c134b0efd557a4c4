"""The heartbeat: ticks ring, never overlap, outlive their errors, are watched, and stop within a bound."""

from __future__ import annotations

import math
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_broadcast.engine.local import Ended, Engine, Tick
from clinic_broadcast.engine.lock import hold_home
from clinic_broadcast.engine.notify_systemd import notify
from clinic_broadcast.errors import BugError, LedgerError, SettingsError, UsageError

PATIENCE_S = 20.0


class Hands:
    """A monotonic clock that a test moves by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Running:
    """An engine in a thread, stopped at the end of a test."""

    def __init__(self, engine: Engine, *ticks: Tick, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()
        self.engine = engine
        self.ended: list[Ended] = []
        self.thread = threading.Thread(target=lambda: self.ended.append(engine.run(ticks, self.stop)))
        self.thread.start()

    def end(self) -> Ended:
        self.stop.set()
        self.engine.wake()
        self.thread.join(PATIENCE_S)
        return self.ended[0]


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start_one(engine: Engine, *ticks: Tick, stop: threading.Event | None = None) -> Running:
        made.append(Running(engine, *ticks, stop=stop))
        return made[-1]

    yield start_one
    for one in made:
        one.stop.set()
        one.thread.join(PATIENCE_S)


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.005)
    return holds()


def test_a_tick_rings_at_once_and_again_at_its_interval(start: Callable[..., Running]) -> None:
    rings: list[str] = []
    running = start(Engine(stop_within_s=5), Tick(name="a", every_s=0.05, call=lambda: rings.append("a")))
    assert until(lambda: len(rings) >= 3)
    assert running.engine.problems() == ()
    assert running.end() == Ended(unfinished=())


def test_a_tick_still_at_work_is_not_rung_a_second_time(start: Callable[..., Running]) -> None:
    at_work, most, go_on = [0], [0], threading.Event()
    others: list[int] = []

    def work() -> None:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        go_on.wait(PATIENCE_S)
        at_work[0] -= 1

    running = start(
        Engine(stop_within_s=5),
        Tick(name="slow", every_s=0.02, call=work),
        Tick(name="other", every_s=0.02, call=lambda: others.append(1)),
    )
    assert until(lambda: len(others) >= 5)
    go_on.set()
    assert running.end() == Ended(unfinished=())
    assert most == [1]


def test_a_tick_that_fails_is_told_and_rung_again(start: Callable[..., Running]) -> None:
    told: list[tuple[str, Exception]] = []
    rings: list[int] = []

    def fail() -> None:
        rings.append(1)
        raise (
            LedgerError("the disk is full") if len(rings) < 3 else ValueError("Mrs. Example of Sampletown")
        )

    engine = Engine(stop_within_s=5, on_error=lambda name, error: told.append((name, error)))
    start(engine, Tick(name="deliver", every_s=0.02, call=fail))
    assert until(lambda: len(told) >= 2)
    assert told[0][0] == "deliver"
    assert isinstance(told[0][1], LedgerError)
    assert until(lambda: any("ValueError" in one for one in engine.problems()))
    assert "Sampletown" not in "".join(engine.problems())


def test_an_error_of_ours_is_told_in_its_own_words_until_the_tick_works_again(
    start: Callable[..., Running],
) -> None:
    broken = threading.Event()
    broken.set()

    def work() -> None:
        if broken.is_set():
            raise LedgerError("the disk is full")

    engine = Engine(stop_within_s=5)
    start(engine, Tick(name="deliver", every_s=0.02, call=work))
    assert until(lambda: any("LedgerError: the disk is full" in one for one in engine.problems()))
    broken.clear()
    assert until(lambda: engine.problems() == ())


def test_work_in_hand_is_finished_before_the_engine_ends(start: Callable[..., Running]) -> None:
    began, done, stop = threading.Event(), threading.Event(), threading.Event()

    engine = Engine(stop_within_s=PATIENCE_S)

    def work() -> None:
        began.set()
        stop.wait(PATIENCE_S)
        # Only once the engine rings no more does it wait for this; before that it would find nothing to wait for.
        until(lambda: not engine.scheduler.running)
        time.sleep(0.1)
        done.set()

    running = start(engine, Tick(name="deliver", every_s=60, call=work), stop=stop)
    assert began.wait(PATIENCE_S)
    assert running.end() == Ended(unfinished=())
    assert done.is_set()


def test_work_that_never_ends_is_left_after_the_bound_and_named(start: Callable[..., Running]) -> None:
    began, release = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        release.wait(PATIENCE_S)

    running = start(Engine(stop_within_s=0.05), Tick(name="deliver", every_s=60, call=hang))
    assert began.wait(PATIENCE_S)
    assert running.end() == Ended(unfinished=("deliver",))
    release.set()


def test_a_stuck_tick_and_a_dead_scheduler_are_problems(start: Callable[..., Running]) -> None:
    hands, began, release = Hands(), threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        release.wait(PATIENCE_S)

    engine = Engine(stop_within_s=5, monotonic=hands)
    assert engine.problems() == ("scheduler: has not started",)
    assert engine.last_tick_age_s() is None
    running = start(engine, Tick(name="deliver", every_s=60, call=hang, stuck_after_s=100))
    assert began.wait(PATIENCE_S)
    hands.at += 101
    assert engine.problems() == ("scheduler: deliver has been at work for 101 s",)
    assert engine.last_tick_age_s() == 101
    release.set()
    assert until(lambda: engine.problems() == ())
    running.end()
    hands.at += 181
    assert engine.problems() == ("scheduler: deliver has not run for 181 s (it should every 60 s)",)


def test_a_clock_set_back_by_an_hour_does_not_silence_the_ticks(start: Callable[..., Running]) -> None:
    hands = Hands()
    rings: list[int] = []
    engine = Engine(stop_within_s=5, monotonic=hands)
    start(engine, Tick(name="deliver", every_s=60, call=lambda: rings.append(1)))
    assert until(lambda: len(rings) == 1 and engine.problems() == ())
    # What APScheduler is left with after such a step: its next ring lies an hour ahead.
    in_an_hour = datetime.fromtimestamp(time.time(), tz=UTC) + timedelta(hours=1)
    engine.scheduler.modify_job("deliver", next_run_time=in_an_hour)
    hands.at += 200
    assert until(lambda: len(rings) == 2)


def test_a_tick_that_is_due_is_rung_before_its_interval_and_never_while_at_work(
    start: Callable[..., Running],
) -> None:
    asked, served, at_work, most = [0], [0], [0], [0]
    done: list[int] = []

    def work() -> None:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        served[0] = asked[0]
        time.sleep(0.05)
        at_work[0] -= 1
        done.append(served[0])

    def due_in_s() -> float:
        return 0.0 if asked[0] > served[0] else math.inf

    engine = Engine(stop_within_s=5)
    start(engine, Tick(name="deliver", every_s=3600, call=work, due_in_s=due_in_s))
    assert until(lambda: done == [0])
    for number in (1, 2, 3):
        asked[0] = number
        engine.wake()
        assert until(lambda: done[-1] == asked[0])
    assert done == [0, 1, 2, 3]
    assert most == [1]


def test_what_falls_due_while_a_tick_is_at_work_is_not_slept_past(start: Callable[..., Running]) -> None:
    # Each of these would wait for the next look of the main thread, or for the next hour, if its ring were lost.
    rings: list[int] = []
    engine = Engine(stop_within_s=5)
    start(
        engine,
        Tick(
            name="deliver",
            every_s=3600,
            call=lambda: rings.append(1),
            due_in_s=lambda: 0.0 if len(rings) < 50 else math.inf,
        ),
    )
    assert until(lambda: len(rings) == 50)


def test_a_tick_that_is_due_and_not_rung_is_a_problem(start: Callable[..., Running]) -> None:
    hands = Hands()
    engine = Engine(stop_within_s=5, monotonic=hands)
    due_in_s = [math.inf]
    rings: list[int] = []
    start(
        engine, Tick(name="deliver", every_s=3600, call=lambda: rings.append(1), due_in_s=lambda: due_in_s[0])
    )
    assert until(lambda: engine.scheduler.get_job("deliver").next_run_time > datetime.now(UTC))  # noqa: TID251
    assert until(lambda: rings == [1] and engine.problems() == ())
    engine.scheduler.pause()
    due_in_s[0] = 0.0
    engine.wake()
    assert until(lambda: engine.scheduler.get_job("deliver").next_run_time < datetime.now(UTC))  # noqa: TID251
    hands.at += 11
    assert engine.problems() == ("scheduler: deliver has been due for 11 s",)


def test_a_changed_file_reloads_and_a_wrong_one_ends_nothing(start: Callable[..., Running]) -> None:
    told: list[str] = []
    changes = [True]

    def reload() -> None:
        told.append("reload")
        raise SettingsError("clinic.toml: wrong")

    engine = Engine(
        stop_within_s=5,
        reload=reload,
        is_changed=lambda: bool(changes and changes.pop()),
        on_error=lambda name, error: told.append(f"{name}: {error}"),
    )
    start(engine, Tick(name="a", every_s=3600, call=lambda: None))
    assert until(lambda: len(told) == 2)
    assert told == ["reload", "reload: clinic.toml: wrong"]
    assert engine.problems() == ()


def test_an_engine_runs_once_and_not_for_nothing() -> None:
    engine = Engine(stop_within_s=1)
    with pytest.raises(BugError, match="without ticks"):
        engine.run([], threading.Event())
    stop = threading.Event()
    stop.set()
    engine.run([Tick(name="a", every_s=60, call=lambda: None)], stop)
    with pytest.raises(BugError, match="runs once"):
        engine.run([Tick(name="a", every_s=60, call=lambda: None)], stop)


DAEMON = """
    import sys, threading
    from pathlib import Path
    from clinic_broadcast.engine.local import Engine, Tick
    from clinic_broadcast.engine.lock import hold_home
    from clinic_broadcast.errors import SettingsError

    def work():
        print("rung", flush=True)
        stop.wait(30)
        print("finished", flush=True)

    def reload():
        print("reloaded", flush=True)
        raise SettingsError("clinic.toml: wrong")

    def told(name, error):
        print(name, type(error).__name__, flush=True)

    stop = threading.Event()
    with hold_home(Path(sys.argv[1])):
        print("locked", flush=True)
        engine = Engine(stop_within_s=20, reload=reload, on_error=told)
        ended = engine.run([Tick(name="deliver", every_s=60, call=work)], stop)
        print(ended.unfinished, flush=True)
"""


class Daemon:
    def __init__(self, lock: Path) -> None:
        # Unbuffered, so that select() sees every line that was not read yet.
        self.child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(DAEMON), str(lock)], stdout=subprocess.PIPE, bufsize=0
        )

    def line(self) -> str:
        assert self.child.stdout is not None
        ready, _, _ = select.select([self.child.stdout], [], [], PATIENCE_S)
        return self.child.stdout.readline().decode().strip() if ready else "(silence)"

    def end(self) -> None:
        self.child.kill()
        self.child.wait(PATIENCE_S)
        assert self.child.stdout is not None
        self.child.stdout.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    one = Daemon(tmp_path / "daemon.lock")
    yield one
    one.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_finishes_the_work_in_hand(daemon: Daemon, number: signal.Signals) -> None:
    assert [daemon.line(), daemon.line()] == ["locked", "rung"]
    daemon.child.send_signal(number)
    assert [daemon.line(), daemon.line()] == ["finished", "()"]
    assert daemon.child.wait(PATIENCE_S) == 0


def test_a_signal_to_reload_does_so_and_a_wrong_file_ends_nothing(daemon: Daemon) -> None:
    assert [daemon.line(), daemon.line()] == ["locked", "rung"]
    daemon.child.send_signal(signal.SIGHUP)
    assert [daemon.line(), daemon.line()] == ["reloaded", "reload SettingsError"]
    daemon.child.send_signal(signal.SIGTERM)
    assert daemon.line() == "finished"


def test_a_second_daemon_is_refused_and_told_who_holds_the_home(daemon: Daemon, tmp_path: Path) -> None:
    assert daemon.line() == "locked"
    with (
        pytest.raises(UsageError, match=f"process {daemon.child.pid} is already running"),
        hold_home(tmp_path / "daemon.lock"),
    ):
        pass


def test_a_killed_daemon_leaves_no_lock_behind(daemon: Daemon, tmp_path: Path) -> None:
    assert daemon.line() == "locked"
    os.kill(daemon.child.pid, signal.SIGKILL)
    daemon.child.wait(PATIENCE_S)
    with hold_home(tmp_path / "daemon.lock"):
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"
    assert (tmp_path / "daemon.lock").stat().st_mode & 0o777 == 0o600


def test_a_home_without_state_is_told_how_to_make_it(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match="run: clinic-broadcast init"),
        hold_home(tmp_path / "state" / "daemon.lock"),
    ):
        pass


def test_systemd_hears_when_it_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        stop = threading.Event()
        engine = Engine(stop_within_s=5)
        thread = threading.Thread(
            target=engine.run, args=([Tick(name="a", every_s=60, call=lambda: None)], stop)
        )
        thread.start()
        heard = [ear.recv(100), ear.recv(100)]
        stop.set()
        thread.join(PATIENCE_S)
        while heard[-1] != b"STOPPING=1":
            heard.append(ear.recv(100))
    assert heard[:2] == [b"READY=1", b"WATCHDOG=1"]


def test_systemd_hears_when_a_reload_begins_and_ends_also_of_a_wrong_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SettingsError("clinic.toml: wrong")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        stop = threading.Event()
        began_us = time.monotonic_ns() // 1000
        engine = Engine(stop_within_s=5, reload=refuse, is_changed=lambda: True)
        thread = threading.Thread(
            target=engine.run, args=([Tick(name="a", every_s=60, call=lambda: None)], stop)
        )
        thread.start()
        heard = [ear.recv(100) for _ in range(4)]
        stop.set()
        thread.join(PATIENCE_S)
    first, reloading, ready, alive = heard
    assert (first, ready, alive) == (b"READY=1", b"READY=1", b"WATCHDOG=1")
    word, _, instant = reloading.partition(b"\nMONOTONIC_USEC=")
    assert word == b"RELOADING=1"
    assert began_us < int(instant) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize("address", ["", "no/path", "/there/is/nobody", "@clinic-broadcast-nobody"])
def test_nothing_happens_where_systemd_did_not_ask(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert notify("READY=1") is False

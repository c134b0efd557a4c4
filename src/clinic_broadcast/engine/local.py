"""The daemon's heartbeat: rings callables at fixed intervals, watches that it does, and stops cleanly."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from clinic_broadcast.engine.notify_systemd import notify
from clinic_broadcast.errors import BroadcastError, BugError

LATE_INTERVALS: Final = 3
"""A tick that has missed so many of its intervals is late: one may be a busy machine, three are a fault."""

LATE_AT_LEAST_S: Final = 10.0
"""A loaded machine may hold up a one-second tick for a few seconds; nobody needs to hear of that."""

WATCH_EVERY_S: Final = 3.0
"""How often the main thread looks after the ticks: all threads together of an idle daemon wake once a second at most.

What falls due by itself wakes it at that very instant."""

WAIT_MIN_S: Final = 0.01

FILES_EVERY_S: Final = 5.0
"""How often it asks whether a file that the daemon has read was changed."""

AWAKE: Final = 0
"""No signal has this number: on the bell it only means that something may be due now."""

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A callable that is rung every so many seconds; it ends quickly and decides itself what is due.

    It is never rung while it is still at work, and a ring that was missed is not made up for. Work that takes
    longer than `stuck_after_s` counts as stuck. `due_in_s` tells in how many seconds it must be rung all the same; it
    is asked every WATCH_EVERY_S and oftener, and when a ring has ended, and must not take long.
    """

    name: str
    every_s: float
    call: Callable[[], None]
    stuck_after_s: float = 600.0
    due_in_s: Callable[[], float] | None = None


@dataclass(slots=True)
class _Pulse:
    """What is known of one tick's rings, all instants monotonic."""

    tick: Tick
    rung_at: float
    working_since: float | None = None
    asked_at: float | None = None
    failures: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run of the engine ended: which ticks were still at work when their time to finish was over.

    If there are any, their threads keep the interpreter from ending by itself; the record is made for a process
    that dies in the middle, so the caller may leave through `os._exit`.
    """

    unfinished: tuple[str, ...]


def _ignore(_name: str, _error: Exception) -> None:
    """Leave a failed tick to `problems`."""


@dataclass(slots=True, kw_only=True)
class Engine:
    """Rings ticks until it is told to stop; it stores nothing and decides nothing.

    `stop_within_s` bounds how long work in hand may go on after a stop. `reload` is called in the main thread on
    SIGHUP, and when `is_changed` says that a file was changed. `on_error` hears of every exception of a tick or of
    `reload`; the tick is rung again all the same. The numbers of signals lie on `bell`: a caller that hears signals
    before it runs the engine puts them there, and they are answered once it runs.
    """

    stop_within_s: float
    reload: Callable[[], None] | None = None
    is_changed: Callable[[], bool] | None = None
    on_error: Callable[[str, Exception], None] = _ignore
    bell: SimpleQueue[int] = field(default_factory=SimpleQueue[int])
    monotonic: Callable[[], float] = time.monotonic
    scheduler: BackgroundScheduler = field(
        default_factory=lambda: BackgroundScheduler(
            # Only UTC and only intervals: its own calendar arithmetic loses days and fires twice when clocks change.
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
    )
    _pulses: dict[str, _Pulse] = field(default_factory=dict[str, _Pulse])
    _idle: threading.Condition = field(default_factory=threading.Condition)
    _stopping: bool = False
    _files_at: float = 0.0

    def run(self, ticks: Sequence[Tick], stop: threading.Event) -> Ended:
        """Ring the ticks, each at once and then at its interval, until `stop` is set or SIGTERM or SIGINT comes.

        `stop` is set by the engine too, so that a tick with much to do can look at it between two pieces of work.
        Signals are only heard when this runs in the main thread. Returns when the work in hand is done, or after
        `stop_within_s` with the names of what is not. Raises BugError when it was run before.
        """
        if self._pulses:
            raise BugError("an engine runs once; make another")
        # APScheduler warns at every ring that finds its tick at work; here that is how it should be.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        with _signals(self.bell):
            # Heard from before the first tick on: a signal must never kill the work in hand.
            self._start(ticks)
            notify("READY=1")
            while not stop.is_set():
                self._answer_bell(stop)
                self._watch()
            notify("STOPPING=1")
            return Ended(unfinished=self._stop())

    def wake(self) -> None:
        """Look at once whether a tick is due; may be called from any thread."""
        self.bell.put(AWAKE)

    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with the heartbeat: late or stuck ticks, and ticks that fail; nothing when all is well."""
        if not self._pulses:
            return ("scheduler: has not started",)
        now = self.monotonic()
        said: list[str] = []
        for pulse in list(self._pulses.values()):
            name = pulse.tick.name
            working_since = pulse.working_since
            if working_since is not None and now - working_since > pulse.tick.stuck_after_s:
                said.append(f"scheduler: {name} has been at work for {now - working_since:.0f} s")
            elif self._is_late(pulse, now):
                said.append(
                    f"scheduler: {name} has not run for {now - pulse.rung_at:.0f} s "
                    f"(it should every {pulse.tick.every_s:g} s)"
                )
            elif pulse.asked_at is not None and now - pulse.asked_at > LATE_AT_LEAST_S:
                said.append(f"scheduler: {name} has been due for {now - pulse.asked_at:.0f} s")
            if pulse.failures:
                said.append(f"scheduler: {name} has failed {pulse.failures} times in a row: {pulse.failure}")
        return tuple(said)

    def last_tick_age_s(self) -> float | None:
        """Give the seconds since any tick last began or ended; None before the first."""
        newest = max((pulse.rung_at for pulse in list(self._pulses.values())), default=None)
        return None if newest is None else self.monotonic() - newest

    def _start(self, ticks: Sequence[Tick]) -> None:
        if not ticks:
            raise BugError("an engine without ticks does nothing")
        self.scheduler.add_executor(ThreadPoolExecutor(len(ticks)))
        now = self.monotonic()
        for tick in ticks:
            self._pulses[tick.name] = _Pulse(tick=tick, rung_at=now)
        for tick in ticks:
            self.scheduler.add_job(
                self._ring,
                "interval",
                args=(tick.name,),
                seconds=tick.every_s,
                id=tick.name,
                next_run_time=_wall_now(),
            )
        self.scheduler.add_listener(
            self._hear, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES
        )
        self.scheduler.start()

    def _ring(self, name: str) -> None:
        """Run one tick, in a thread of the pool, and note when it began and how it ended."""
        pulse = self._pulses[name]
        with self._idle:
            if self._stopping:
                return
            pulse.rung_at = pulse.working_since = self.monotonic()
            pulse.asked_at = None
        try:
            pulse.tick.call()
            pulse.failures = 0
        except Exception as error:  # noqa: BLE001  # The heart must go on, and the health page tells.
            pulse.failure = _said(error)
            pulse.failures += 1
            self.on_error(name, error)
        finally:
            with self._idle:
                pulse.working_since = None
                pulse.rung_at = self.monotonic()
                self._idle.notify_all()

    def _hear(self, event: JobExecutionEvent | JobSubmissionEvent) -> None:
        """Have the main thread look again when a ring has ended, or was refused because the last one was about to end.

        It went to sleep when the tick was at work, and would sleep past what falls due sooner. APScheduler counts a
        ring as ended only after its call, so this cannot be told from within the call.
        """
        pulse = self._pulses[event.job_id]
        if event.code == EVENT_JOB_MAX_INSTANCES and pulse.working_since is None:
            pulse.asked_at = None
        if self._due_in_s(pulse) < WATCH_EVERY_S:
            self.wake()

    def _answer_bell(self, stop: threading.Event) -> None:
        """Wait until something may be due, for a signal at most as long as a watch, and do what it asks."""
        try:
            signal_number = self.bell.get(timeout=self._wait_s())
        except Empty:
            return
        if signal_number == AWAKE:
            return
        if signal_number != signal.SIGHUP:
            stop.set()
        else:
            self._reload()

    def _wait_s(self) -> float:
        soonest = min((self._due_in_s(one) for one in self._pulses.values()), default=WATCH_EVERY_S)
        return max(WAIT_MIN_S, min(soonest, WATCH_EVERY_S))

    def _due_in_s(self, pulse: _Pulse) -> float:
        """Give in how many seconds this tick must be rung by hand: never while it is at work or rung already."""
        if pulse.tick.due_in_s is None or pulse.working_since is not None or pulse.asked_at is not None:
            return math.inf
        return pulse.tick.due_in_s()

    def _reload(self) -> None:
        if self.reload is None:
            return
        # From the one to the other `systemctl reload` waits (sd_notify(3)).
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self.reload()
        except Exception as error:  # noqa: BLE001  # A wrong file must not end a daemon that has a right one.
            self.on_error("reload", error)
        notify("READY=1")

    def _watch(self) -> None:
        """Ring by hand what is due or late, ask after the files, and let systemd know that the heart beats.

        APScheduler counts in wall time: when the clock is set back, its next ring lies far ahead.
        """
        now = self.monotonic()
        for pulse in self._pulses.values():
            is_late = pulse.working_since is None and self._is_late(pulse, now)
            if is_late or self._due_in_s(pulse) <= 0:
                pulse.asked_at = pulse.asked_at or now
                self.scheduler.modify_job(pulse.tick.name, next_run_time=_wall_now())
        if self.is_changed is not None and now - self._files_at >= FILES_EVERY_S:
            self._files_at = now
            if self.is_changed():
                self._reload()
        if not any(self._is_beyond_help(pulse, now) for pulse in self._pulses.values()):
            notify("WATCHDOG=1")

    def _is_late(self, pulse: _Pulse, now: float) -> bool:
        allowed_s = max(LATE_AT_LEAST_S, LATE_INTERVALS * pulse.tick.every_s)
        return pulse.working_since is None and now - pulse.rung_at > allowed_s

    def _is_beyond_help(self, pulse: _Pulse, now: float) -> bool:
        """Say whether only a restart can help: stuck at work, or late although it was rung by hand."""
        if pulse.working_since is not None:
            return now - pulse.working_since > pulse.tick.stuck_after_s
        return now - pulse.rung_at > 2 * max(LATE_AT_LEAST_S, LATE_INTERVALS * pulse.tick.every_s)

    def _stop(self) -> tuple[str, ...]:
        """Ring no more, wait for the work in hand, and name what did not end in time."""
        with self._idle:
            self._stopping = True
        self.scheduler.shutdown(wait=False)
        with self._idle:
            self._idle.wait_for(lambda: not self._at_work(), timeout=self.stop_within_s)
            return self._at_work()

    def _at_work(self) -> tuple[str, ...]:
        return tuple(name for name, pulse in self._pulses.items() if pulse.working_since is not None)


def _said(error: Exception) -> str:
    # Only our own messages are known to hold no secret and no patient's word.
    return f"{type(error).__name__}: {error}" if isinstance(error, BroadcastError) else type(error).__name__


def _wall_now() -> datetime:
    """Give the machine's wall time, in which APScheduler counts; nothing of ours is decided by it."""
    return datetime.fromtimestamp(time.time(), tz=UTC)


@contextmanager
def _signals(bell: SimpleQueue[int]) -> Generator[None, None, None]:
    """Put our signals into the queue while inside; only the main thread can.

    `SimpleQueue.put` is safe within a signal handler; setting an Event there could lock the main thread against
    itself while it waits for that very Event.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signal_number: int, _frame: FrameType | None) -> None:
        bell.put(signal_number)

    before = {one: signal.signal(one, ring) for one in SIGNALS}
    try:
        yield
    finally:
        for one, old in before.items():
            signal.signal(one, old)

"""The daemon: schedules and deliveries on the engine's ticks, feeds and health on one port."""

from __future__ import annotations

import gc
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Final

from clinic_broadcast import wire
from clinic_broadcast.cli.doorbell import Doorbell, Step
from clinic_broadcast.cli.logs import open_log, set_up_logs
from clinic_broadcast.cli.output import Exit
from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.core.plan import plan
from clinic_broadcast.core.schedule import Job, slots
from clinic_broadcast.engine.heap import keep_heap_whole
from clinic_broadcast.engine.local import Engine, Tick
from clinic_broadcast.engine.lock import hold_home
from clinic_broadcast.errors import BroadcastError, LedgerError
from clinic_broadcast.run.broadcast import OPEN, deliver
from clinic_broadcast.run.correct import plan_withdrawals
from clinic_broadcast.run.jobs import run_due_jobs
from clinic_broadcast.run.noticing import notify
from clinic_broadcast.run.reconcile import notice, notice_silence
from clinic_broadcast.run.survey import failing_jobs, survey
from clinic_broadcast.settings.changes import ReadFiles
from clinic_broadcast.settings.secrets import read_calendar_key
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.ics import calendar_route, ics_of
from clinic_broadcast.web.review import review_routes
from clinic_broadcast.web.server import open_port
from clinic_broadcast.wire.hubs import link_of, send_pings
from clinic_broadcast.wire.people import PeopleFile

DELIVER_EVERY_S: Final = 30.0
"""A sweep of all channels; what falls due, or is written into the record, rings of itself."""
JOBS_EVERY_S: Final = 30.0
"""Slots ring of themselves too; this finds those that waited for the end of quiet hours."""
PEOPLE_EVERY_S: Final = 60.0
ALIVE_EVERY_S: Final = 300.0
STOP_SLACK_S: Final = 10.0
CHANNELS_AT_ONCE: Final = 8
HUBS: Final = "hubs:"
"""Hubs work beside the channels, under a name that no channel can have."""
POLLS_MISSED_MAX: Final = 3
BACKUPS_KEPT: Final = 14

log = open_log()


@dataclass(frozen=True, slots=True)
class Working:
    """A channel at work: since when (monotonic), and what will come of it."""

    since: float
    future: Future[None]


@dataclass(slots=True)
class Daemon:
    """The running daemon of one home. `office` is replaced as a whole when the settings are read again."""

    home: Path
    environ: Mapping[str, str]
    office: wire.Office
    started_at: datetime
    pool: ThreadPoolExecutor
    notifying: wire.Notifying
    wake: Callable[[], None] = lambda: None
    working: dict[str, Working] = field(default_factory=dict[str, "Working"])
    doorbell: Doorbell = field(init=False)
    next_slot_at: datetime | None = None
    swept_at: float = -DELIVER_EVERY_S
    refused_at: datetime | None = None

    def __post_init__(self) -> None:
        self.doorbell = _doorbell_of(self.office)

    def errands(self) -> dict[Job, Callable[[], str]]:
        """Give the jobs that touch more than the desk."""
        return {Job.FEEDS: self._build_feeds, Job.BACKUP: self._backup, Job.DIGEST: self._send_digest}

    def do_jobs(self) -> None:
        """Run the jobs whose slot has come."""
        office = self.office
        self.next_slot_at = _next_slot_at(office)
        for ran in run_due_jobs(office.desk, office.schedules, since=self.started_at, errands=self.errands()):
            which = {"schedule": ran.schedule, "job": ran.job.value, "slot": ran.slot_at.isoformat()}
            if ran.failure:
                log.error("a job failed and runs once more later", problem=ran.failure, **which)
            else:
                log.info("job", told=ran.told, **which)
            # What it let go is due now.
            self.doorbell.ring()
            self.wake()

    def tell_people(self) -> None:
        """Tell a person of the clinic what is due."""
        office, messenger = self.office, self.notifying.everyday
        if messenger is None:
            return
        watch = replace(wire.watch_of(office.settings, office.schedules), refused_at=self.refused_at)
        quiet = wire.is_quiet_for_people(office.settings, office.desk.clock.now())
        for problem in notify(office.desk, messenger, watch, quiet=quiet):
            log.error("a notice did not get through", problem=problem)

    def show_life(self, engine: Engine) -> None:
        """Call the dead-man's switch outside, with the problems if there are any."""
        if self.notifying.alive is None:
            return
        problem = self.notifying.alive.ping(self.health(engine).problems)
        if problem:
            log.error("no sign of life", problem=problem)

    def jobs_due_in_s(self) -> float:
        """Give in how many seconds the next slot of any schedule comes."""
        if self.next_slot_at is None:
            return math.inf
        return (self.next_slot_at - self.office.desk.clock.now()).total_seconds()

    def deliveries_due_in_s(self) -> float:
        """Give in how many seconds deliveries must be looked at, as far as the record of now tells."""
        return self.doorbell.due_in_s()

    def do_deliveries(self) -> None:
        """Let each channel that has a step to take do so in a thread of its own, so that none holds back another.

        Now and then all of them: what is due is also decided by what a restored record has forgotten.
        """
        desk, bell = self.office.desk, self.doorbell
        bell.heard()
        plan_withdrawals(desk)
        rows = desk.ledger.deliveries(states=OPEN)
        due: dict[str, set[Step]] = {}
        for step in plan(rows, desk.clock.now(), desk.timing):
            one = step.delivery
            due.setdefault(one.channel if one.channel in desk.channels else HUBS, set()).add(
                (one.id, one.fence)
            )
        is_sweep = time.monotonic() - self.swept_at >= DELIVER_EVERY_S
        if is_sweep:
            self.swept_at = time.monotonic()
        for name in (*desk.channels, HUBS):
            steps = frozenset(due.get(name, ()))
            if is_sweep or (steps and not bell.is_resting(name, steps)):
                self._begin(name, steps)
        bell.foresee(rows, desk.timing)

    def _begin(self, name: str, due: frozenset[Step]) -> None:
        running = self.working.get(name)
        if running is not None and not running.future.done():
            return
        self.working[name] = Working(time.monotonic(), self.pool.submit(self._take_steps, name, due))
        if running is not None:
            running.future.result()  # A fault of ours in the last round shows in /readyz as this tick's.

    def _take_steps(self, name: str, due: frozenset[Step]) -> None:
        """Take the due steps of one channel, or of the hubs; then have looked at what fell due meanwhile."""
        office = self.office
        is_hubs = name == HUBS
        done = send_pings(office.settings, office.desk) if is_hubs else deliver(office.desk, channels=(name,))
        for one in done:
            _tell(one)
        if done and not is_hubs:
            self._build_feeds()
        if due and all((one.id, one.fence) in due for one in done):
            self.doorbell.rest(name, due)
        if due:
            self.doorbell.ring()
            self.wake()

    def _build_feeds(self) -> str:
        built = wire.build_feeds(self.office)
        return f"feeds: {built.entries} entries, {len(built.written)} files written"

    def _send_digest(self) -> str:
        return wire.send_digest(self.office, self.notifying.everyday)

    def _backup(self) -> str:
        record = wire.open_record(self.home, self.environ)
        target = record.next_backup()
        record.backup(target)
        for old in sorted(target.parent.glob("ledger-*.db"))[:-BACKUPS_KEPT]:
            old.unlink()
        return f"backup: {target.name}"

    def calendar_key(self) -> str:
        """Give the key of the calendar as it is set at this moment; empty while there is none that can be used."""
        try:
            return read_calendar_key(self.environ, self.home)
        except BroadcastError as error:
            log.error("the calendar is not shown", problem=str(error))  # noqa: TRY400  # The sentence says it all.
            return ""

    def calendar(self) -> bytes:
        """Give the calendar of what is planned."""
        office = self.office
        clinic, now = office.settings.clinic, office.desk.clock.now()
        return ics_of(wire.calendar_of(office), clinic=clinic.name, timezone=clinic.timezone, now=now)

    def _stuck(self) -> tuple[str, ...]:
        """Name the channels that have been at work for longer than a claim lasts."""
        lease_s = self.office.settings.delivery.lease.total_seconds()
        now = time.monotonic()
        return tuple(
            f"{_worker(name)} has been at work for {now - running.since:.0f} s"
            for name, running in self.working.items()
            if not running.future.done() and now - running.since > lease_s
        )

    def reload(self) -> None:
        """Read settings, schedules and wordings again; when anything is wrong, the old ones stay in force."""
        before = self.office
        try:
            office = wire.open_office(self.home, self.environ, actor="daemon")
            self.notifying = wire.open_notifying(office.settings, self.environ)
            self.office = office
        except BroadcastError as error:
            # The sentence says it all; a traceback would only hide it.
            log.error("the settings were not taken over; the old ones stay in force", problem=str(error))  # noqa: TRY400
            self.refused_at = self.refused_at or before.desk.clock.now()
            return
        self.refused_at = None
        before.desk.ledger.close()
        self.doorbell = _doorbell_of(office)
        self.next_slot_at = office.desk.clock.now()
        notice(office.desk)
        if _listens_at(office) != _listens_at(before):
            log.warning("web.host and web.port count from the next start on")
        log.info("the settings were read again")

    def health(self, engine: Engine) -> Health:
        """Give the truth about the daemon at this moment."""
        desk, schedules = self.office.desk, self.office.schedules
        now = desk.clock.now()
        try:
            seen = survey(desk, schedules)
        except LedgerError as error:
            return Health(at=now, ledger_problem=str(error), scheduler_problems=engine.problems())
        polls = [slots(one, now, POLLS_MISSED_MAX)[-1] - now for one in schedules if one.job is Job.POLL]
        return Health(
            at=now,
            scheduler_problems=engine.problems(),
            tick_age_s=engine.last_tick_age_s(),
            last_poll_at=seen.last_poll_at,
            poll_age_max_s=min(polls).total_seconds() if polls else None,
            other_problems=(*self._stuck(), *failing_jobs(desk, (one.name for one in schedules))),
            needs_a_person=seen.needs_a_person,
            answers={standing.value: count for standing, count in seen.answers.items()},
            deliveries={
                name: {state.value: count for state, count in states.items()}
                for name, states in seen.deliveries.items()
            },
        )


def run_daemon(home: Path, environ: Mapping[str, str]) -> int:
    """Run the home until SIGTERM or Ctrl-C; finishes the send in hand. Gives the exit code.

    Raises SettingsError for anything a person must mend, UsageError when another daemon runs this home.
    """
    set_up_logs()
    keep_heap_whole()
    # Until the engine listens to signals itself, SIGTERM and Ctrl-C end the start as cleanly as the run, and a
    # SIGHUP, which would kill the process, is answered after the start.
    bell = SimpleQueue[int]()
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGHUP, lambda number, _frame: bell.put(number))
    office = wire.open_office(home, environ, actor="daemon")
    settings = office.settings
    stop_within_s = settings.delivery.timeout.total_seconds() + STOP_SLACK_S
    pool = ThreadPoolExecutor(max_workers=CHANNELS_AT_ONCE, thread_name_prefix="channel")
    notifying = wire.open_notifying(settings, environ)
    daemon = Daemon(home, environ, office, office.desk.clock.now(), pool, notifying)
    files = ReadFiles(settings.home)
    engine = Engine(
        stop_within_s=stop_within_s,
        reload=daemon.reload,
        is_changed=files.have_changed,
        on_error=_tell_error,
        bell=bell,
    )
    daemon.wake = engine.wake
    with hold_home(settings.home.lock_file):
        notice_silence(office.desk)
        wire.build_feeds(office)
        port = open_port(
            make_app(
                public=settings.home.public,
                health=lambda: daemon.health(engine),
                link_of=lambda path: link_of(daemon.office.settings, path),
                routes=[
                    calendar_route(key=daemon.calendar_key, make=daemon.calendar),
                    *review_routes(office=lambda: daemon.office, people=PeopleFile(settings.home.state)),
                ],
            ),
            host=settings.web.host,
            port=settings.web.port,
        )
        # What the start has loaded lives as long as the daemon: garbage is looked for in what comes after it.
        gc.freeze()
        gc.enable()
        log.info("ready", url=port.url, channels=sorted(office.desk.channels), pid=os.getpid())
        ended = engine.run(_ticks_of(daemon, engine), threading.Event())
        unfinished = (*ended.unfinished, *_finish(daemon, stop_within_s))
        port.stop()
        log.info("stopped", unfinished=unfinished)
        if unfinished:
            # Threads at work would keep the interpreter alive; the record is made for a process that dies here.
            os._exit(Exit.FAILED)
    daemon.office.desk.ledger.close()
    return Exit.DONE


def _ticks_of(daemon: Daemon, engine: Engine) -> tuple[Tick, ...]:
    return (
        Tick(name="jobs", every_s=JOBS_EVERY_S, call=daemon.do_jobs, due_in_s=daemon.jobs_due_in_s),
        Tick(
            name="deliveries",
            every_s=DELIVER_EVERY_S,
            call=daemon.do_deliveries,
            due_in_s=daemon.deliveries_due_in_s,
        ),
        Tick(name="people", every_s=PEOPLE_EVERY_S, call=daemon.tell_people),
        Tick(name="alive", every_s=ALIVE_EVERY_S, call=partial(daemon.show_life, engine)),
    )


def _doorbell_of(office: wire.Office) -> Doorbell:
    """Watch the record's file and its log; a server's record has none here."""
    settings = office.settings
    file = settings.home.ledger_file
    is_file = settings.database_url == settings.home.ledger_url
    return Doorbell((file, file.with_name(f"{file.name}-wal")) if is_file else (), office.desk.clock)


def _listens_at(office: wire.Office) -> tuple[str, int]:
    return office.settings.web.host, office.settings.web.port


def _next_slot_at(office: wire.Office) -> datetime | None:
    now = office.desk.clock.now()
    return min((slot for one in office.schedules for slot in slots(one, now, 1)), default=None)


def _worker(name: str) -> str:
    return "telling the hubs" if name == HUBS else f"channel {name}"


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(int(Exit.DONE))


def _finish(daemon: Daemon, within_s: float) -> tuple[str, ...]:
    """Wait for the sends in hand, all together `within_s` at most; give the channels that did not end."""
    unfinished: list[str] = []
    ends_at = time.monotonic() + within_s
    for name, running in daemon.working.items():
        try:
            running.future.result(timeout=max(0.0, ends_at - time.monotonic()))
        except TimeoutError:
            unfinished.append(name)
        except BroadcastError as error:
            _tell_error(name, error)
    daemon.pool.shutdown(wait=False, cancel_futures=True)
    return tuple(unfinished)


def _tell(one: Delivery) -> None:
    log.info(
        "delivery",
        id=one.id,
        channel=one.channel,
        occasion=one.occasion,
        state=one.state.value,
        attempts=one.attempts,
        reason=one.reason,
    )


def _tell_error(name: str, error: Exception) -> None:
    told = str(error) if isinstance(error, BroadcastError) else type(error).__name__
    log.error("tick failed", tick=name, problem=told)

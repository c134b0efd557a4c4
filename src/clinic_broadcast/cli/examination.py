"""What `doctor` looks at: the machine, settings, record, sources, feeds, every channel and the language model."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from clinic_broadcast import wire
from clinic_broadcast.core.schedule import Job, sentence, slots
from clinic_broadcast.errors import BroadcastError, LedgerError
from clinic_broadcast.ports import Check, Probing
from clinic_broadcast.run.survey import survey
from clinic_broadcast.wire.people import PeopleFile, address_of_people

FREE_BYTES_MIN: Final = 200_000_000
BACKUP_OLD_DAYS: Final = 3
SQLITE_MIN: Final = (3, 37)
"""The first one with STRICT tables."""


def examine(home: Path, environ: Mapping[str, str]) -> list[Check]:
    """Give every check of the home; what cannot be looked at for want of settings is left out."""
    checks = [*_machine(home)]
    try:
        office = wire.open_office(home, environ, actor="doctor", read_only=True)
    except LedgerError as error:
        return [*checks, Check(name="record", ok=False, detail=str(error), fix="see the message")]
    except BroadcastError as error:
        return [*checks, Check(name="settings", ok=False, detail=str(error), fix=_fix_of(home))]
    try:
        read = f"{office.settings.home.settings_file} read, every key known"
        checks.append(Check(name="settings", ok=True, detail=read))
        for look in (_clinic, _schedules, _record, _sources, _feeds, _channels):
            checks += _safely(look.__name__.removeprefix("_"), look, office)
        checks += _safely("notices", lambda of: _notices(of, environ), office)
        checks += _safely("review page", _review_page, office)
        checks += _safely("model", lambda of: wire.probe_model(of.settings, environ), office)
    finally:
        office.desk.ledger.close()
    return checks


def _safely(name: str, look: Callable[[wire.Office], Iterator[Check]], office: wire.Office) -> list[Check]:
    """Give the checks of one part; an error of ours in it is a failed check, not the end of the examination."""
    found: list[Check] = []
    try:
        found.extend(look(office))
    except BroadcastError as error:
        found.append(Check(name=name, ok=False, detail=str(error), fix="see the message"))
    return found


def _fix_of(home: Path) -> str:
    if not (home / "clinic.toml").exists():
        return "clinic-broadcast init --blog URL"
    return f"edit {home / 'clinic.toml'}"


def _machine(home: Path) -> Iterator[Check]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Check(
        name="python", ok=sys.version_info >= (3, 11), detail=python, fix="install Python 3.11 or newer"
    )
    sqlite = wire.sqlite_version()
    new_enough = tuple(int(part) for part in sqlite.split(".")) >= SQLITE_MIN
    yield Check(name="sqlite", ok=new_enough, detail=sqlite, fix="install a Python with SQLite 3.37 or newer")
    yield Check(name="time zones", ok=True, detail=f"tzdata {version('tzdata')}")
    place = home if home.exists() else Path.cwd()
    free = shutil.disk_usage(place).free
    enough = free >= FREE_BYTES_MIN
    yield Check(
        name="disk", ok=enough, detail=f"{free // 1_000_000} MB free", fix="free some space on this disk"
    )
    if (home / "state").exists():
        mode = (home / "state").stat().st_mode & 0o777
        private = mode & 0o077 == 0
        yield Check(name="state", ok=private, detail=f"mode {mode:04o}", fix=f"chmod 700 {home / 'state'}")
        writable = os.access(home / "state", os.W_OK)
        yield Check(
            name="state writable", ok=writable, detail=str(home / "state"), fix=f"chown it to {os.getuid()}"
        )


def _clinic(office: wire.Office) -> Iterator[Check]:
    clinic = office.settings.clinic
    named = bool(clinic.own_names)
    yield Check(
        name="own names",
        ok=named,
        detail=", ".join(clinic.own_names) or "none: no promo can name the doctor",
        fix='own_names = ["Dr. Jane Roe"] under [clinic]',
    )
    yield Check(
        name="public address",
        ok=bool(clinic.public_url),
        detail=clinic.public_url or "not set: feeds cannot name their own address",
        fix='public_url = "https://…" under [clinic]',
    )
    wordings = len(list(office.settings.home.posts.glob("*.md")))
    told = f"{wordings} files of posts/ read"
    yield Check(name="wordings", ok=wordings > 0, detail=told, fix="clinic-broadcast init")


def _schedules(office: wire.Office) -> Iterator[Check]:
    now = office.desk.clock.now()
    jobs = {one.job for one in office.schedules}
    for job in (Job.POLL, Job.ANNOUNCE):
        yield Check(
            name=f"schedule {job.value}",
            ok=job in jobs,
            detail="there is one" if job in jobs else "there is none: nothing will happen by itself",
            fix="clinic-broadcast init",
        )
    for one in office.schedules:
        upcoming = slots(one, now, 1)
        at = f"; next {upcoming[0].astimezone(one.zone):%a %Y-%m-%d %H:%M %Z}" if upcoming else ""
        yield Check(name=f"schedules/{one.name}.toml", ok=bool(upcoming), detail=sentence(one) + at)


def _record(office: wire.Office) -> Iterator[Check]:
    seen = survey(office.desk, office.schedules)
    baseline_taken = seen.last_poll_at is not None
    told = f"last poll {seen.last_poll_at:%Y-%m-%d %H:%M} UTC" if seen.last_poll_at else "never polled"
    yield Check(name="baseline", ok=baseline_taken, detail=told, fix="clinic-broadcast baseline")
    if office.settings.home.ledger_file.exists():
        problems = wire.Record(office.settings).verify()
        whole = "whole" if not problems else problems[0]
        yield Check(
            name="history",
            ok=not problems,
            detail=whole,
            fix=f"clinic-broadcast verify, then stop the daemon and {wire.way_back(office.settings.home)}",
        )
    for problem in seen.problems:
        fix = (
            "clinic-broadcast run --once" if problem.startswith("the record ") else "clinic-broadcast status"
        )
        yield Check(name="delivery", ok=False, detail=problem, fix=fix)
    backups = sorted(office.settings.home.backups.glob("ledger-*.db"))
    age_days = (
        (office.desk.clock.now().timestamp() - backups[-1].stat().st_mtime) / 86_400 if backups else None
    )
    fresh = age_days is not None and age_days <= BACKUP_OLD_DAYS
    detail = f"{age_days:.1f} days old" if age_days is not None else "none yet"
    yield Check(name="backup", ok=fresh, detail=detail, fix="clinic-broadcast backup")


def _sources(office: wire.Office) -> Iterator[Check]:
    if not office.desk.sources:
        yield Check(name="sources", ok=False, detail="none", fix="add [[sources]] to clinic.toml")
    for name, source in office.desk.sources.items():
        try:
            batch = source.poll(office.desk.ledger.marks(name), is_known=lambda _id: True)
        except BroadcastError as error:
            yield Check(name=name, ok=False, detail=str(error), fix="check the address, then the network")
            continue
        told = (
            "unchanged since the last poll"
            if batch.unchanged
            else f"{len(batch.answers)} answers on its first page"
        )
        detail = "; ".join((told, *batch.faults, *batch.waiting))
        yield Check(name=name, ok=not batch.faults, detail=detail, fix="mend or remove what is named")


def _notices(office: wire.Office, environ: Mapping[str, str]) -> Iterator[Check]:
    """Say whether anybody hears of what waits; an address that cannot be meant is told by what opens it."""
    ways = wire.open_notifying(office.settings, environ)
    fix = "put an address into CLINIC_NOTIFY__URLS (docs/howto/be-told.md); then: clinic-broadcast notify --test"
    told = "addresses are set and read; whether they arrive: clinic-broadcast notify --test"
    is_told = ways.everyday is not None
    yield Check(
        name="notices",
        ok=is_told,
        detail=told
        if is_told
        else "nobody is set: no message tells of what waits, and no weekly report is sent",
        fix=fix,
    )
    if ways.alive is None:
        yield Check(name="sign of life", ok=True, detail="not set (CLINIC_NOTIFY__PING_URL)")
    else:
        yield Check(name="sign of life", ok=True, detail="an address is set; called every five minutes")


def _review_page(office: wire.Office) -> Iterator[Check]:
    """Say who may sign in and where; plain http to another machine would show the session to the network."""
    persons = PeopleFile(office.settings.home.state).read().persons
    origin = address_of_people(office.settings)
    if not persons:
        yield Check(
            name="review page", ok=True, detail="nobody may sign in (clinic-broadcast people add NAME)"
        )
        return
    yield Check(
        name="review page",
        ok=not origin.startswith("http://"),
        detail=f"{len(persons)} may sign in, at {origin or 'this machine alone'}",
        fix='put https before it and set url = "https://…" under [web] (docs/howto/approve-on-a-phone.md)',
    )


def _feeds(office: wire.Office) -> Iterator[Check]:
    for one in wire.check_feeds(office.settings.home.path):
        detail = f"{one.entries} entries" if not one.problems else one.problems[0]
        yield Check(name=one.path, ok=not one.problems, detail=detail, fix="clinic-broadcast feed build")


def _channels(office: wire.Office) -> Iterator[Check]:
    if not office.desk.channels:
        yield Check(name="channels", ok=False, detail="none enabled", fix="add [channels.x] to clinic.toml")
    for name, channel in office.desk.channels.items():
        detail = f"{channel.kind}: {channel.guarantee.value}, at most {channel.limits.length_max} long"
        yield Check(name=f"channel {name}", ok=True, detail=detail)
        if isinstance(channel, Probing):
            for one in channel.probe():
                yield Check(name=f"{name}: {one.name}", ok=one.ok, detail=one.detail, fix=one.fix)

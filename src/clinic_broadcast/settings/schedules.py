"""Reads schedules/*.toml into the schedules of the core; every fault is named with its file and key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from clinic_broadcast.core.pace import Pace
from clinic_broadcast.core.schedule import (
    MINUTE,
    REPEAT_AFTER,
    REPEAT_AFTER_MIN,
    Job,
    Quiet,
    Schedule,
    checked_calendar,
    checked_cron,
    is_never_awake,
    parsed_quiet,
)
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.checks import Line, Zone
from clinic_broadcast.settings.faults import faults_of, near, read_toml, refuse

FILES_MAX: Final = 200
"""Nobody keeps more schedules than that by hand; a folder with more is the wrong folder."""

ANY_YEAR: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Whether a schedule can ever send is judged on a fixed year, so that the same file is always judged alike."""


def _quiet_text(text: str) -> str:
    parsed_quiet(text)
    return text


class _ScheduleTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    job: Annotated[Job, Field(strict=False)]
    enabled: bool = True
    cron: Annotated[str, AfterValidator(checked_cron)] | None = None
    on_calendar: Annotated[str, AfterValidator(checked_calendar)] | None = None
    timezone: Zone | None = None
    channels: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    max_per_run: Annotated[int, Field(ge=1, le=1000)] = 1
    max_per_hour: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_per_day: Annotated[int, Field(ge=1, le=1000)] | None = None
    spacing_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 0
    jitter_minutes: Annotated[int, Field(ge=0, le=120)] = 0
    repeat_after_days: Annotated[int, Field(ge=REPEAT_AFTER_MIN.days, le=3650)] = REPEAT_AFTER.days
    quiet: Annotated[str, AfterValidator(_quiet_text)] | None = None


def read_schedules(folder: Path, *, timezone: str, channels: Collection[str]) -> tuple[Schedule, ...]:
    """Give the enabled schedules of a folder, by file name; none when the folder is not there.

    `timezone` is the clinic's, for files that name none; `channels` are the names that clinic.toml has, disabled
    ones too. Raises SettingsError that names every fault of the first file that has any.
    """
    try:
        paths = sorted(one for one in folder.iterdir() if one.suffix == ".toml")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be read: {error.strerror}") from None
    if len(paths) > FILES_MAX:
        raise SettingsError(f"{folder}: holds {len(paths)} schedules; at most {FILES_MAX} are allowed")
    read = (_read_schedule(path, timezone=timezone, channels=channels) for path in paths)
    return tuple(one for one in read if one is not None)


def _read_schedule(path: Path, *, timezone: str, channels: Collection[str]) -> Schedule | None:
    raw = read_toml(path, if_missing="it was there a moment ago; try again")
    try:
        table = _ScheduleTable.model_validate(raw)
    except ValidationError as error:
        raise refuse(path, faults_of(error, _keys_at)) from None
    faults = list(_table_faults(table, raw))
    if faults:
        raise refuse(path, faults)
    quiet: Quiet | None = parsed_quiet(table.quiet) if table.quiet is not None else None
    schedule = Schedule(
        name=path.stem,
        job=table.job,
        cron=table.cron or "",
        calendar=table.on_calendar or "",
        zone=ZoneInfo(table.timezone or timezone),
        channels=table.channels,
        max_per_run=table.max_per_run,
        pace=Pace(
            spacing=table.spacing_minutes * MINUTE,
            per_hour_max=table.max_per_hour,
            per_day_max=table.max_per_day,
        ),
        jitter=table.jitter_minutes * MINUTE,
        repeat_after=timedelta(days=table.repeat_after_days),
        quiet=quiet,
    )
    faults = list(_faults(schedule, raw, channels))
    if faults:
        raise refuse(path, faults)
    return schedule if table.enabled else None


def _keys_at(_place: Sequence[int | str]) -> Iterable[str]:
    return _ScheduleTable.model_fields.keys()


_OF_PROMOS: Final = ("max_per_hour", "max_per_day", "spacing_minutes", "jitter_minutes")


def _table_faults(table: _ScheduleTable, raw: dict[str, object]) -> Iterable[str]:
    if table.cron is None and table.on_calendar is None:
        yield "cron: is missing; it must be set, or on_calendar in its place"
    if table.cron is not None and table.on_calendar is not None:
        yield "on_calendar: there is a cron too; allowed: one of the two"
    for key in _OF_PROMOS:
        if key in raw and table.job not in (Job.ANNOUNCE, Job.RESHARE):
            yield f'{key}: only for the jobs "announce" and "reshare"; remove it'
    if "repeat_after_days" in raw and table.job is not Job.RESHARE:
        yield 'repeat_after_days: only for the job "reshare"; remove it'


def _faults(schedule: Schedule, raw: dict[str, object], channels: Collection[str]) -> Iterable[str]:
    if "channels" in raw and not schedule.channels:
        yield "channels: found an empty list; allowed: names of channels, or leave the key out for all of them"
    for name in schedule.channels:
        if name not in channels:
            known = ", ".join(sorted(channels)) or "none is set in clinic.toml"
            yield f'channels: found "{name}"; allowed: {known}{near(name, channels)}'
    if is_never_awake(schedule, ANY_YEAR):
        when = f'cron "{schedule.cron}"' if schedule.cron else f'on_calendar "{schedule.calendar}"'
        yield (
            f"quiet: every time of {when} lies within {schedule.quiet}, so it could never run; "
            "change one of the two"
        )

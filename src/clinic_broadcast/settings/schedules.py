"""Reads schedules/*.toml into the schedules of the core; every fault is named with its file and key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from clinic_broadcast.core.schedule import (
    Job,
    Quiet,
    Schedule,
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
    cron: Annotated[str, AfterValidator(checked_cron)]
    timezone: Zone | None = None
    channels: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    max_per_run: Annotated[int, Field(ge=1, le=1000)] = 1
    quiet: Annotated[str, AfterValidator(_quiet_text)] | None = None


def read_schedules(folder: Path, *, timezone: str, channels: Collection[str]) -> tuple[Schedule, ...]:
    """Give the schedules of a folder, by file name; none when the folder is not there.

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
    return tuple(_read_schedule(path, timezone=timezone, channels=channels) for path in paths)


def _read_schedule(path: Path, *, timezone: str, channels: Collection[str]) -> Schedule:
    raw = read_toml(path, if_missing="it was there a moment ago; try again")
    try:
        table = _ScheduleTable.model_validate(raw)
    except ValidationError as error:
        raise refuse(path, faults_of(error, _keys_at)) from None
    quiet: Quiet | None = parsed_quiet(table.quiet) if table.quiet is not None else None
    schedule = Schedule(
        name=path.stem,
        job=table.job,
        cron=table.cron,
        zone=ZoneInfo(table.timezone or timezone),
        channels=table.channels,
        max_per_run=table.max_per_run,
        quiet=quiet,
    )
    faults = list(_faults(schedule, raw, channels))
    if faults:
        raise refuse(path, faults)
    return schedule


def _keys_at(_place: Sequence[int | str]) -> Iterable[str]:
    return _ScheduleTable.model_fields.keys()


def _faults(schedule: Schedule, raw: dict[str, object], channels: Collection[str]) -> Iterable[str]:
    if "channels" in raw and not schedule.channels:
        yield "channels: found an empty list; allowed: names of channels, or leave the key out for all of them"
    for name in schedule.channels:
        if name not in channels:
            known = ", ".join(sorted(channels)) or "none is set in clinic.toml"
            yield f'channels: found "{name}"; allowed: {known}{near(name, channels)}'
    if is_never_awake(schedule, ANY_YEAR):
        yield (
            f'quiet: every time of cron "{schedule.cron}" lies within {schedule.quiet}, so it could never run; '
            "change one of the two"
        )

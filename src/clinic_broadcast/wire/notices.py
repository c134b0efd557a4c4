"""Opens the way to a person of the clinic, and gathers what notices look at beside the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from clinic_broadcast.core.notice import Messenger, Patience
from clinic_broadcast.core.schedule import Job, Schedule, parsed_quiet
from clinic_broadcast.run.noticing import Watch
from clinic_broadcast.settings.config import Settings
from clinic_broadcast.settings.secrets import read_notify_secrets
from clinic_broadcast.wire.people import review_address

if TYPE_CHECKING:
    from clinic_broadcast.notices.alive import AlivePing


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifying:
    """How the clinic hears of things; what is None was not set."""

    everyday: Messenger | None
    alive: AlivePing | None


def open_notifying(settings: Settings, environ: Mapping[str, str]) -> Notifying:
    """Give the ways that are set; raises SettingsError for an address that cannot be meant."""
    secrets = read_notify_secrets(environ, settings.home.path)
    first = secrets.get("urls", "").split()
    second = secrets.get("escalate_urls", "").split()
    return Notifying(
        everyday=_messenger(first, second) if first else None,
        alive=_alive(secrets["ping_url"]) if "ping_url" in secrets else None,
    )


def _messenger(first: list[str], second: list[str]) -> Messenger:
    from clinic_broadcast.notices.messenger import AppriseMessenger

    messenger = AppriseMessenger(first, second)
    messenger.check()
    return messenger


def _alive(address: str) -> AlivePing:
    from clinic_broadcast.errors import SettingsError
    from clinic_broadcast.notices.alive import AlivePing
    from clinic_broadcast.settings.checks import checked_address

    try:
        return AlivePing(checked_address(address))
    except ValueError as error:
        raise SettingsError(f"CLINIC_NOTIFY__PING_URL: (not shown) allowed: {error}") from None


def watch_of(settings: Settings, schedules: tuple[Schedule, ...]) -> Watch:
    """Give what notices look at now."""
    rules = settings.notify
    return Watch(
        clinic_name=settings.clinic.name,
        patience=Patience(
            remind_after=timedelta(hours=rules.remind_after_h),
            escalate_after=timedelta(hours=rules.escalate_after_h),
        ),
        silent_after=timedelta(days=rules.silent_after_days),
        backup_after=timedelta(hours=rules.backup_after_h)
        if any(one.job is Job.BACKUP for one in schedules)
        else None,
        schedules=tuple(one.name for one in schedules),
        newest_backup_at=_newest(settings.home.backups),
        review_url=review_address(settings),
        token_ends={
            one.name: one.token_ends_on
            for one in settings.channels.values()
            if one.enabled and one.token_ends_on is not None
        },
    )


def is_quiet_for_people(settings: Settings, at: datetime) -> bool:
    """Say whether the clinic wants nobody told at this instant, by its own wall clock."""
    if not settings.notify.quiet:
        return False
    return parsed_quiet(settings.notify.quiet).covers(
        at.astimezone(ZoneInfo(settings.clinic.timezone)).time()
    )


def _newest(folder: Path) -> datetime | None:
    try:
        newest = max((one.stat().st_mtime for one in folder.glob("ledger-*.db")), default=None)
    except OSError:
        return None
    return None if newest is None else datetime.fromtimestamp(newest, tz=UTC)

"""The only place that names a concrete adapter: it opens what a home's settings ask for."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.core.feed import FeedHead
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.schedule import Job, Schedule, is_channel_quiet, next_slot_for
from clinic_broadcast.errors import SettingsError, SourceError, UsageError
from clinic_broadcast.feeds.check import CheckedDocument
from clinic_broadcast.feeds.publish import BuiltFeeds, Publisher
from clinic_broadcast.feeds.record import RecordFile
from clinic_broadcast.ports import Channel, Check, Ledger, Probing, Source, Witness
from clinic_broadcast.run.desk import Desk, ReviewRules
from clinic_broadcast.run.reconcile import remembered
from clinic_broadcast.settings.config import ChannelSettings, Settings, SourceSettings, read_settings
from clinic_broadcast.settings.home import Home
from clinic_broadcast.settings.lexicon import load_lexicon
from clinic_broadcast.settings.schedules import read_schedules
from clinic_broadcast.settings.secrets import read_credentials
from clinic_broadcast.settings.wording import read_wordings

if TYPE_CHECKING:
    from clinic_broadcast.ledger.backup import Figures, Restored
    from clinic_broadcast.sources.fetch import Fetcher

KEY_BYTES = 32
KEY_MODE = 0o600
ONE_CLINIC = "home"
"""A file of its own holds one clinic; only a shared database needs a name that no other home has."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  # This is the clock that the rest of the code takes time from.

    def sleep(self, seconds: float) -> None:
        sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A home read and checked: its settings, schedules and desk. `close` lets go of the record."""

    settings: Settings
    schedules: tuple[Schedule, ...]
    desk: Desk
    feeds: Publisher


def open_office(home: Path, environ: Mapping[str, str], *, actor: str, read_only: bool = False) -> Office:
    """Read a home and open its desk; with `read_only` nothing is created where nothing is yet.

    Raises SettingsError for anything a person must mend, LedgerError when the record cannot be used.
    """
    from clinic_broadcast.channels import kinds

    settings = read_settings(home, environ)
    schedules = read_schedules(
        settings.home.schedules, timezone=settings.clinic.timezone, channels=settings.channels
    )
    clock = SystemClock()
    wordings = read_wordings(settings.home.posts)
    strangers = wordings.strangers({*settings.channels, *kinds()})
    if strangers:
        raise SettingsError("\n".join(strangers))
    channels = {
        one.name: open_channel(one, settings, environ, clock=clock)
        for one in settings.channels.values()
        if one.enabled
    }
    ledger = _open_ledger(settings, read_only=read_only)
    desk = Desk(
        clinic=clinic_of(settings),
        sources={source.name: source for source in _open_sources(settings)},
        channels=channels,
        ledger=ledger,
        clock=clock,
        gate=gate_of(settings, _taint_key(settings.home, read_only=read_only)),
        wordings=wordings,
        review=ReviewRules(
            mode=settings.review.mode,
            first_n=settings.review.first_n,
            surge_max=settings.intake.surge_max,
        ),
        timing=settings.delivery,
        is_quiet=partial(_is_quiet, schedules),
        next_slot_at=partial(_next_slot_at, schedules),
        actor=actor,
        witness=_open_witness(settings, ledger, read_only=read_only),
        spend_max_usd={name: settings.channels[name].spend_max_usd_month for name in channels},
    )
    feeds = Publisher(settings.home.public, RecordFile(settings.home.state / "feeds"))
    return Office(settings=settings, schedules=schedules, desk=desk, feeds=feeds)


def open_desk(home: Path, environ: Mapping[str, str], *, actor: str, read_only: bool = False) -> Desk:
    """Give the desk of a home; see `open_office`."""
    return open_office(home, environ, actor=actor, read_only=read_only).desk


def open_gate(home: Path, environ: Mapping[str, str]) -> Gate:
    """Give the gate of a home; outside of one, a gate that knows no own name."""
    if not Home(home).settings_file.exists():
        return Gate(
            lexicon=load_lexicon(), own_names=(), own_hosts=(), taint_key=secrets.token_bytes(KEY_BYTES)
        )
    settings = read_settings(home, environ)
    return gate_of(settings, _taint_key(settings.home, read_only=True))


def gate_of(settings: Settings, taint_key: bytes) -> Gate:
    """Give the gate for a clinic's own names and hosts."""
    addresses = (settings.clinic.blog_url, settings.clinic.public_url)
    hosts = tuple(dict.fromkeys(host for one in addresses if (host := urlsplit(one).hostname)))
    names = tuple(dict.fromkeys((*settings.clinic.own_names, settings.clinic.name)))
    return Gate(lexicon=load_lexicon(), own_names=names, own_hosts=hosts, taint_key=taint_key)


def open_channel(
    one: ChannelSettings, settings: Settings, environ: Mapping[str, str], *, clock: SystemClock
) -> Channel:
    """Open one channel of clinic.toml; no network is asked, and a missing credential shows at the first send."""
    from clinic_broadcast.channels import ChannelSetup
    from clinic_broadcast.channels import open_channel as open_kind

    options: dict[str, object] = dict(one.options)
    if one.path is not None:
        options["path"] = str(one.path)
    setup = ChannelSetup(
        name=one.name,
        kind=one.kind,
        api_url=one.api_url,
        credentials=read_credentials(one.name, one.kind, environ, settings.home.path),
        timeout_s=settings.delivery.timeout.total_seconds(),
        clock=clock,
        options=options,
        home=settings.home.path,
    )
    return open_kind(setup)


def probe_channel(one: ChannelSettings, settings: Settings, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Ask a channel's network who we are there; nothing is published."""
    channel = open_channel(one, settings, environ, clock=SystemClock())
    return channel.probe() if isinstance(channel, Probing) else ()


def clinic_of(settings: Settings) -> str:
    """Give the name under which this home's rows stand in its database."""
    if settings.database_url == settings.home.ledger_url:
        return ONE_CLINIC
    path = settings.home.state / "clinic.id"
    return _kept(path, lambda: secrets.token_hex(8).encode()).decode()


def read_answer_file(path: Path, *, url: str) -> RawAnswer:
    """Read one answer file, as the folder source would; `url` gives it its link."""
    from clinic_broadcast.sources.files import NotPublic, read_file

    try:
        return read_file(path, url=url)
    except NotPublic:
        raise UsageError(f"{path}: the file says that it is a draft, expired, or not published yet") from None
    except SourceError as error:
        raise UsageError(f"{path.parent}: {error}") from None


def _open_ledger(settings: Settings, *, read_only: bool) -> Ledger:
    if (
        read_only
        and settings.database_url == settings.home.ledger_url
        and not settings.home.ledger_file.exists()
    ):
        # A preview before the first run: an empty record in memory, so that nothing is written.
        from clinic_broadcast.ledger.memory import MemoryLedger

        return MemoryLedger(ONE_CLINIC)
    from clinic_broadcast.ledger.migrate import open_ledger

    return open_ledger(settings.database_url, clinic_of(settings))


def _open_witness(settings: Settings, ledger: Ledger, *, read_only: bool) -> Witness:
    """Give the witness of the home; a new one stands beside an empty record from its first opening on."""
    from clinic_broadcast.ledger.witness import WitnessFile

    witness = WitnessFile(settings.home.state / "witness.json")
    if not read_only and witness.seen() is None:
        # A record that is not empty is not trusted here: what is to be sent is then looked for first.
        witness.renew(lambda seen: remembered(ledger, seen))
    return witness


def _open_sources(settings: Settings) -> list[Source]:
    return [_open_source(one, settings) for one in settings.sources]


def _open_source(one: SourceSettings, settings: Settings) -> Source:
    opener = OPENERS.get(one.kind)
    if opener is None:
        raise SettingsError(
            f"{settings.home.settings_file}: sources.kind: {one.kind!r} cannot be read by this version;"
            f" allowed: {', '.join(OPENERS)}"
        )
    return opener(one, settings)


def _open_folder(one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.folder import FolderSource

    # Named by its place in the home: a home that moves keeps its baseline.
    path, home = one.path or settings.home.answers, settings.home.path
    name = path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)
    return FolderSource(path, f"folder:{name}")


def _open_blogger(one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.blogger import BloggerSource

    return BloggerSource(one.url, _fetcher(settings))


def _open_wordpress(one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.wordpress import WordPressSource

    return WordPressSource(one.url, _fetcher(settings))


def _open_feed(one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.feed import FeedSource

    return FeedSource(one.url, _fetcher(settings))


def _fetcher(settings: Settings) -> Fetcher:
    from clinic_broadcast.sources.fetch import Fetcher

    timeout_s = settings.delivery.timeout.total_seconds()
    return Fetcher(timeout_s=timeout_s, allow_private=settings.intake.allow_private)


OPENERS: Mapping[str, Callable[[SourceSettings, Settings], Source]] = {
    "folder": _open_folder,
    "blogger": _open_blogger,
    "wordpress": _open_wordpress,
    "feed": _open_feed,
}


def _is_quiet(schedules: tuple[Schedule, ...], channel: str, at: datetime) -> bool:
    return any(is_channel_quiet(schedules, channel, at, job=job) for job in (Job.ANNOUNCE, Job.RESHARE))


def _next_slot_at(schedules: tuple[Schedule, ...], channel: str, at: datetime) -> datetime:
    return next_slot_for(schedules, channel, at, job=Job.ANNOUNCE) or at


def _taint_key(home: Home, *, read_only: bool) -> bytes:
    path = home.state / "taint.key"
    if read_only and not path.exists():
        return secrets.token_bytes(KEY_BYTES)
    return _kept(path, partial(secrets.token_bytes, KEY_BYTES))


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """Give what the file holds; the first caller makes it, and two at once agree on one."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, KEY_MODE), "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link never replaces: whoever comes second reads what the first one made.
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be made: {error.strerror}; look at the folder's rights"
        ) from None


def build_feeds(office: Office, *, write: bool = True) -> BuiltFeeds:
    """Build the feeds from the record and replace those files whose bytes change.

    Raises OSError when a file cannot be written; the old one then stands.
    """
    from clinic_broadcast.run import feeding

    clinic = office.settings.clinic
    head = FeedHead(
        title=clinic.name,
        subtitle=f"New answers from {clinic.name}",
        home_url=clinic.blog_url,
        base_url=clinic.public_url,
        language=clinic.language,
        author=next(iter(clinic.own_names), clinic.name),
    )
    make = partial(feeding.build_feeds, office.desk, head)
    if not write:
        return office.feeds.foretell(make)
    return office.feeds.build(make, at=office.desk.clock.now())


def check_feeds(home: Path) -> list[CheckedDocument]:
    """Check the feed documents that stand on disk."""
    from clinic_broadcast.feeds.check import check_feeds as check

    return check(Home(home).public)


def sqlite_version() -> str:
    """Give the version of SQLite that this Python carries."""
    import sqlite3

    return sqlite3.sqlite_version


@dataclass(frozen=True, slots=True)
class Record:
    """The ledger of a home as a thing to be kept: verified, copied, put back, migrated."""

    settings: Settings

    def verify(self) -> list[str]:
        """Give what is wrong with the history; nothing when it is whole."""
        from clinic_broadcast.ledger.audit import verify
        from clinic_broadcast.ledger.migrate import open_ledger

        ledger = open_ledger(self.settings.database_url, clinic_of(self.settings))
        try:
            return verify(ledger)
        finally:
            ledger.close()

    def next_backup(self) -> Path:
        """Give the file that a backup made now would have."""
        at = SystemClock().now()
        return self.settings.home.backups / f"ledger-{at:%Y%m%dT%H%M%SZ}.db"

    def backup(self, target: Path) -> Figures:
        """Write a checked copy of the record in use."""
        from clinic_broadcast.ledger.backup import backup

        return backup(self.settings.database_url, target)

    def restore(self, source: Path, *, actor: str) -> Restored:
        """Put a checked backup in the place of the record; the caller holds the home, so that no daemon runs."""
        from clinic_broadcast.ledger.backup import restore

        url, clinic = self.settings.database_url, clinic_of(self.settings)
        return restore(url, source, clinic=clinic, actor=actor, at=SystemClock().now())

    def migrate(self) -> None:
        """Bring the record to the form that this version needs."""
        from clinic_broadcast.ledger.migrate import migrate

        migrate(self.settings.database_url)


def open_record(home: Path, environ: Mapping[str, str]) -> Record:
    """Give the record of a home to be kept; raises SettingsError for anything a person must mend."""
    return Record(read_settings(home, environ))

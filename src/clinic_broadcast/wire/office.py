"""Opens a home: its settings and schedules, its desk, its gate and its feeds."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clinic_broadcast.cards.gallery import CardGallery
from clinic_broadcast.core.feed import FeedHead
from clinic_broadcast.core.forecast import Entry
from clinic_broadcast.core.gate import Gate
from clinic_broadcast.core.schedule import Job, Schedule, is_channel_quiet, next_slot_for, pace_of
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.feeds.publish import BuiltFeeds, Publisher
from clinic_broadcast.feeds.record import RecordFile
from clinic_broadcast.run.desk import Desk, ReviewRules
from clinic_broadcast.settings.config import Settings, read_settings
from clinic_broadcast.settings.home import Home
from clinic_broadcast.settings.lexicon import load_lexicon, read_own_words
from clinic_broadcast.settings.schedules import read_schedules
from clinic_broadcast.settings.wording import read_wordings
from clinic_broadcast.wire.adapters import open_channel, open_sources
from clinic_broadcast.wire.keeping import KEY_BYTES, SystemClock, clinic_of, taint_key
from clinic_broadcast.wire.model import open_model
from clinic_broadcast.wire.record import open_home_ledger, open_witness
from clinic_broadcast.wire.voters import installed_voters

if TYPE_CHECKING:
    from clinic_broadcast.feeds.check import CheckedDocument
    from clinic_broadcast.feeds.evidence import Served


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
    from clinic_broadcast.channels import BUILT_IN, kinds

    settings = read_settings(home, environ)
    schedules = read_schedules(
        settings.home.schedules, timezone=settings.clinic.timezone, channels=settings.channels
    )
    clock = SystemClock()
    wordings = read_wordings(settings.home.posts)
    # Only for a name that is not our own are all installed packages searched for a plug-in.
    if wordings.strangers({*settings.channels, *BUILT_IN}):
        strangers = wordings.strangers({*settings.channels, *kinds()})
        if strangers:
            raise SettingsError("\n".join(strangers))
    channels = {
        one.name: open_channel(one, settings, environ, clock=clock)
        for one in settings.channels.values()
        if one.enabled
    }
    ledger = open_home_ledger(settings, read_only=read_only)
    desk = Desk(
        clinic=clinic_of(settings),
        sources={source.name: source for source in open_sources(settings)},
        channels=channels,
        ledger=ledger,
        clock=clock,
        gate=gate_of(settings, taint_key(settings.home, read_only=read_only)),
        wordings=wordings,
        review=ReviewRules(
            mode=settings.review.mode,
            first_n=settings.review.first_n,
            surge_max=settings.intake.surge_max,
        ),
        timing=settings.delivery,
        is_quiet=partial(_is_quiet, schedules),
        next_slot_at=partial(_next_slot_at, schedules),
        pace_of=partial(pace_of, schedules),
        actor=actor,
        gallery=CardGallery(settings.home.public),
        pictured=frozenset(name for name in channels if settings.channels[name].picture),
        model=open_model(settings, environ),
        utm=settings.links.tags,
        witness=open_witness(settings, ledger, read_only=read_only),
        spend_max_usd={name: settings.channels[name].spend_max_usd_month for name in channels},
    )
    feeds = Publisher(settings.home.public, RecordFile(settings.home.state / "feeds"))
    return Office(settings=settings, schedules=schedules, desk=desk, feeds=feeds)


def open_desk(home: Path, environ: Mapping[str, str], *, actor: str, read_only: bool = False) -> Desk:
    """Give the desk of a home; see `open_office`."""
    return open_office(home, environ, actor=actor, read_only=read_only).desk


def open_gate(home: Path, environ: Mapping[str, str]) -> Gate:
    """Give the gate of a home; outside of one, a gate that knows no own name.

    Raises SettingsError when the home that is named does not exist: mistyped, it would know no own name in silence.
    """
    if not home.is_dir():
        raise SettingsError(f"{home}: there is no such directory; name the clinic's home with --home DIR")
    if not Home(home).settings_file.exists():
        return Gate(
            lexicon=load_lexicon(), own_names=(), own_hosts=(), taint_key=secrets.token_bytes(KEY_BYTES)
        )
    settings = read_settings(home, environ)
    return gate_of(settings, taint_key(settings.home, read_only=True))


def gate_of(settings: Settings, taint_key: bytes) -> Gate:
    """Give the gate for a clinic's own names and hosts."""
    addresses = (settings.clinic.blog_url, settings.clinic.public_url)
    hosts = tuple(dict.fromkeys(host for one in addresses if (host := urlsplit(one).hostname)))
    names = tuple(dict.fromkeys((*settings.clinic.own_names, settings.clinic.name)))
    lexicon = load_lexicon(read_own_words(settings.home.own_words_file))
    return Gate(
        lexicon=lexicon, own_names=names, own_hosts=hosts, taint_key=taint_key, voters=installed_voters()
    )


def build_feeds(office: Office, *, write: bool = True) -> BuiltFeeds:
    """Build the feeds from the record, replace those files whose bytes change, and plan to tell the hubs.

    Raises OSError when a file cannot be written; the old one then stands.
    """
    from clinic_broadcast.run import feeding
    from clinic_broadcast.run.recollection import honour_withdrawals
    from clinic_broadcast.wire.hubs import plan_pings

    clinic = office.settings.clinic
    head = FeedHead(
        title=clinic.name,
        subtitle=f"New answers from {clinic.name}",
        home_url=clinic.blog_url,
        base_url=clinic.public_url,
        language=clinic.language,
        author=next(iter(clinic.own_names), clinic.name),
        hubs=office.settings.feeds.hubs,
        full=office.settings.feeds.full_text,
        window=office.settings.feeds.window,
    )
    make = partial(feeding.build_feeds, office.desk, head)
    if not write:
        return office.feeds.foretell(make)
    honour_withdrawals(office.desk)
    built = office.feeds.build(make, at=office.desk.clock.now())
    plan_pings(office.settings, office.desk)
    return built


def calendar_of(office: Office) -> list[Entry]:
    """Give the calendar of what is planned, what went out and what was taken back."""
    from clinic_broadcast.run.foreseeing import entries

    return entries(office.desk, office.schedules)


def check_feeds(home: Path) -> list[CheckedDocument]:
    """Check the feed documents that stand on disk."""
    from clinic_broadcast.feeds.check import check_feeds as check

    return check(Home(home).public)


def served_of(home: Path, *, path: str = "", at: datetime | None = None) -> list[Served]:
    """Give which bytes of the feeds were served when, from the evidence in state/."""
    from clinic_broadcast.feeds.evidence import served_of as served

    place = Home(home)
    return served(RecordFile(place.state / "feeds").evidence, place.public, path=path, at=at)


def _is_quiet(schedules: tuple[Schedule, ...], channel: str, at: datetime) -> bool:
    return any(is_channel_quiet(schedules, channel, at, job=job) for job in (Job.ANNOUNCE, Job.RESHARE))


def _next_slot_at(schedules: tuple[Schedule, ...], channel: str, at: datetime) -> datetime:
    return next_slot_for(schedules, channel, at, job=Job.ANNOUNCE) or at

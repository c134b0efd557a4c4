"""Reads clinic.toml into frozen, checked settings; every fault is named with its key and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from clinic_broadcast.core.delivery import Timing
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.checks import (
    Address,
    AddressOrNone,
    DatabaseAddress,
    Language,
    Line,
    PublicAddress,
    Zone,
    checked_database,
    checked_quiet,
    wrong_channel_name,
)
from clinic_broadcast.settings.faults import SENSITIVE, dotted, either, faults_of, near, read_toml, refuse
from clinic_broadcast.settings.home import Home
from clinic_broadcast.settings.links import LinksSettings
from clinic_broadcast.settings.model import ModelSettings, model_faults
from clinic_broadcast.settings.secrets import CREDENTIAL_KEYS, variable_of

DATABASE_VARIABLE: Final = "CLINIC_DATABASE_URL"
"""A database's address may hold a password, so it may also come from the environment, which then counts."""

PICTURED_KINDS: Final = frozenset({"x", "facebook", "mastodon", "bluesky"})
"""Built-in kinds that take a picture with an alt text, or with its words beside it."""

PLUGIN_GROUP: Final = "clinic_broadcast.channels"

SourceKind: TypeAlias = Literal["blogger", "wordpress", "feed", "folder"]
ReviewMode: TypeAlias = Literal["hold", "auto-clean", "off"]
Lines: TypeAlias = Annotated[tuple[Line, ...], Field(strict=False)]


class _Table(BaseModel):
    """A table of clinic.toml: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ClinicSettings(_Table):
    """Who speaks, where the blog is, and where public/ is reachable."""

    name: Line
    blog_url: Address
    timezone: Zone
    language: Language = "en-US"
    public_url: PublicAddress = ""
    own_names: Lines = ()
    database_url: DatabaseAddress = Field(default="", repr=False)


class IntakeSettings(_Table):
    """How new answers are taken in."""

    surge_max: Annotated[int, Field(ge=0, le=10_000)] = 3
    allow_private: bool = False


class ReviewSettings(_Table):
    """Who must say yes before a promo goes out."""

    mode: ReviewMode = "hold"
    first_n: Annotated[int, Field(ge=0, le=1_000_000)] = 10


class NotifySettings(_Table):
    """When a person is told; where to stands with the credentials, for an address holds a password."""

    quiet: Annotated[str, AfterValidator(checked_quiet)] = "21:00-07:00"
    remind_after_h: Annotated[int, Field(ge=1, le=24 * 30)] = 24
    escalate_after_h: Annotated[int, Field(ge=2, le=24 * 60)] = 48
    silent_after_days: Annotated[int, Field(ge=1, le=3650)] = 30
    backup_after_h: Annotated[int, Field(ge=1, le=24 * 365)] = 48


class WebSettings(_Table):
    """Where the daemon's one port listens (0: any free one), and `url`, under which people reach it."""

    host: Line = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    url: PublicAddress = ""


class FeedsSettings(_Table):
    """What the feeds hold, and the WebSub hubs that are told when they change."""

    hubs: Annotated[tuple[Address, ...], Field(strict=False, max_length=8)] = ()
    full_text: bool = False
    window: Annotated[int, Field(ge=10, le=50)] = 30


class _DeliveryTable(_Table):
    timeout_s: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)] = 20
    settle_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 90
    lease_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 180


class _SourceTable(_Table):
    kind: SourceKind
    url: Address | None = None
    path: Line | None = None


class _ChannelTable(_Table):
    kind: Line | None = None
    api_url: AddressOrNone = ""
    enabled: bool = True
    spend_max_usd_month: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = 20.0
    path: Line | None = None
    picture: bool = False
    token_ends_on: date | None = None


class _File(_Table):
    clinic: ClinicSettings
    sources: Annotated[tuple[_SourceTable, ...], Field(strict=False)] = ()
    intake: IntakeSettings = IntakeSettings()
    review: ReviewSettings = ReviewSettings()
    delivery: _DeliveryTable = _DeliveryTable()
    channels: dict[str, _ChannelTable] = Field(default_factory=dict)
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    feeds: FeedsSettings = FeedsSettings()
    model: ModelSettings = ModelSettings()
    links: LinksSettings = LinksSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One [[sources]] table: a folder has a `path` (absolute here), every other kind a `url`.

    Of a blogger or wordpress source the `path` is an export file, and the `url` the blog that it was exported from.
    """

    kind: SourceKind
    url: str = ""
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """One [channels.NAME] table.

    `path` (absolute) is set for kind folder only; `picture` asks for a card's picture; `options` are a plug-in's own.
    """

    name: str
    kind: str
    api_url: str = ""
    enabled: bool = True
    spend_max_usd_month: float = 20.0
    path: Path | None = None
    picture: bool = False
    token_ends_on: date | None = None
    options: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a clinic has set, checked; no credential of a channel is in it.

    `database_url` is never empty here and may hold a password, so it is not printed.
    """

    home: Home
    clinic: ClinicSettings
    sources: tuple[SourceSettings, ...]
    intake: IntakeSettings
    review: ReviewSettings
    delivery: Timing
    channels: Mapping[str, ChannelSettings]
    web: WebSettings
    notify: NotifySettings
    feeds: FeedsSettings
    model: ModelSettings
    links: LinksSettings
    database_url: str = field(repr=False)


def read_settings(home: Path, environ: Mapping[str, str]) -> Settings:
    """Read clinic.toml of a home; `CLINIC_DATABASE_URL` of the environment replaces `clinic.database_url`.

    Raises SettingsError that names every fault with file, key, what was found and what is allowed.
    """
    place = Home(home)
    path = place.settings_file
    raw = read_toml(path, if_missing="run: clinic-broadcast init")
    faults = list(_credentials_in(raw, ()))
    if faults:
        raise refuse(path, faults)
    raw, options = _without_options(raw)
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        raise refuse(path, faults_of(error, _keys_at)) from None
    faults = [
        *_delivery_faults(file.delivery),
        *_notify_faults(file.notify),
        *model_faults(file.model),
        *_source_faults(file.sources),
        *_channel_faults(file.channels),
    ]
    if faults:
        raise refuse(path, faults)
    return Settings(
        home=place,
        clinic=file.clinic,
        sources=tuple(_source(one, file.clinic, place) for one in file.sources),
        intake=file.intake,
        review=file.review,
        delivery=Timing(
            timeout=timedelta(seconds=file.delivery.timeout_s),
            settle=timedelta(seconds=file.delivery.settle_s),
            lease=timedelta(seconds=file.delivery.lease_s),
        ),
        channels={
            name: _channel(name, table, place, options.get(name, {})) for name, table in file.channels.items()
        },
        web=file.web,
        notify=file.notify,
        feeds=file.feeds,
        model=file.model,
        links=file.links,
        database_url=_database_from(environ) or file.clinic.database_url or place.ledger_url,
    )


def _database_from(environ: Mapping[str, str]) -> str:
    try:
        return checked_database(environ.get(DATABASE_VARIABLE, ""))
    except ValueError as error:
        raise SettingsError(f"{DATABASE_VARIABLE} in the environment: allowed: {error}") from None


def _plugin_kinds() -> set[str]:
    return {one.name for one in entry_points(group=PLUGIN_GROUP)}


def _source(table: _SourceTable, clinic: ClinicSettings, home: Home) -> SourceSettings:
    if table.kind == "folder":
        return SourceSettings(kind="folder", path=_inside(home, table.path or "answers"))
    return SourceSettings(
        kind=table.kind,
        url=table.url or clinic.blog_url,
        path=None if table.path is None else _inside(home, table.path),
    )


def _channel(name: str, table: _ChannelTable, home: Home, options: Mapping[str, object]) -> ChannelSettings:
    kind = table.kind or name
    return ChannelSettings(
        name=name,
        kind=kind,
        api_url=table.api_url,
        enabled=table.enabled,
        spend_max_usd_month=table.spend_max_usd_month,
        path=_inside(home, table.path or f"outbox/{name}") if kind == "folder" else None,
        picture=table.picture,
        token_ends_on=table.token_ends_on,
        options=options,
    )


def _inside(home: Home, path: str) -> Path:
    """Give a path of clinic.toml: relative ones count from the home."""
    return home.path / Path(path).expanduser()


def _without_options(raw: dict[str, object]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Set the unknown keys of channels of a plug-in's kind apart: only the plug-in can say what they mean."""
    channels = raw.get("channels")
    if not isinstance(channels, dict):
        return raw, {}
    kept: dict[str, object] = {}
    options: dict[str, dict[str, object]] = {}
    for name, table in channels.items():
        kept[name] = table
        kind = table.get("kind", name) if isinstance(table, dict) else name
        if isinstance(table, dict) and kind not in CREDENTIAL_KEYS and kind in _plugin_kinds():
            known = _ChannelTable.model_fields
            kept[name] = {key: value for key, value in table.items() if key in known}
            options[name] = {key: value for key, value in table.items() if key not in known}
    return {**raw, "channels": kept}, options


def _credentials_in(value: object, place: tuple[int | str, ...]) -> Iterable[str]:
    """Give a fault for every key that holds a credential: those never stand in clinic.toml."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _credentials_in(one, (*place, number))
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        here = (*place, str(key))
        if not _is_credential(here):
            yield from _credentials_in(inner, here)
            continue
        name = str(place[1]) if len(place) == 2 and place[0] == "channels" else "NAME"  # noqa: PLR2004  # channels.NAME
        variable = variable_of(name, str(key))
        yield (
            f"{dotted(here)}: credentials never stand in clinic.toml (value not shown); set {variable} in the "
            f"environment, or write it into state/secrets/{variable} and run: chmod 600 state/secrets/{variable}"
        )


def _is_credential(place: Sequence[int | str]) -> bool:
    key = str(place[-1]).lower()
    if key == "database_url":
        return False
    of_channel = place[0] == "channels" and len(place) == 3  # noqa: PLR2004  # channels.NAME.KEY
    if of_channel and any(key in keys for keys in CREDENTIAL_KEYS.values()):
        return True
    names_a_channel = place[0] == "channels" and len(place) == 2  # noqa: PLR2004  # channels.NAME
    return not names_a_channel and SENSITIVE.search(key) is not None


def _keys_at(place: Sequence[int | str]) -> Iterable[str]:
    """Give the keys that are allowed in the table at this place."""
    table: type[BaseModel] = _File
    match list(place):
        case ["sources", *_]:
            table = _SourceTable
        case ["channels", *_]:
            table = _ChannelTable
        case [str() as name]:
            annotation = _File.model_fields[name].annotation
            table = (
                annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else _File
            )
        case _:
            pass
    return table.model_fields.keys()


def _delivery_faults(table: _DeliveryTable) -> Iterable[str]:
    if table.lease_s <= table.timeout_s:
        yield (
            f"delivery.lease_s: found {table.lease_s:g}; allowed: more than delivery.timeout_s ({table.timeout_s:g}), "
            "or a claim could be doubted while its send is still at work"
        )


def _notify_faults(table: NotifySettings) -> Iterable[str]:
    if table.escalate_after_h <= table.remind_after_h:
        yield (
            f"notify.escalate_after_h: found {table.escalate_after_h}; allowed: more than notify.remind_after_h "
            f"({table.remind_after_h})"
        )


def _source_faults(tables: Sequence[_SourceTable]) -> Iterable[str]:
    seen: set[tuple[str, str]] = set()
    for number, table in enumerate(tables, start=1):
        if table.kind == "folder" and table.url is not None:
            yield f'sources[{number}].url: a folder has no url; allowed: path = "answers"'
        if table.kind == "feed" and table.path is not None:
            yield f'sources[{number}].path: a feed has none, a folder or an export has; allowed: url = "https://…"'
        if table.kind == "feed" and table.url is None:
            yield f"sources[{number}].url: is missing; a feed needs the address of the feed itself"
        key = (table.kind, (table.path or table.url or "").rstrip("/"))
        if key in seen:
            yield f"sources[{number}]: the same source stands twice; remove one"
        seen.add(key)


def _channel_faults(tables: Mapping[str, _ChannelTable]) -> Iterable[str]:
    for name, table in tables.items():
        kind = table.kind or name
        wrong_name = wrong_channel_name(name, tables)
        if wrong_name:
            yield f"channels.{name}: {wrong_name}"
        if kind not in CREDENTIAL_KEYS and kind not in _plugin_kinds():
            kinds = sorted({*CREDENTIAL_KEYS, *_plugin_kinds()})
            yield f'channels.{name}.kind: found "{kind}"; allowed: {either(kinds)}{near(kind, kinds)}'
        if kind != "folder" and table.path is not None:
            yield f'channels.{name}.path: only kind "folder" has a path; remove it'
        if table.picture and kind in CREDENTIAL_KEYS and kind not in PICTURED_KINDS:
            yield (
                f"channels.{name}.picture: {kind} takes no picture with an alt text from us; "
                f"allowed for {either(sorted(PICTURED_KINDS))}"
            )
        if kind == "webhook" and table.enabled and not table.api_url:
            yield f"channels.{name}.api_url: is missing; it is the address that the webhook calls"

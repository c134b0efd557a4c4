"""Opens the channels and sources that a home's settings ask for, by their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.errors import SettingsError, SourceError, UsageError
from clinic_broadcast.ports import Channel, Check, Probing, Source
from clinic_broadcast.settings.config import ChannelSettings, Settings, SourceSettings
from clinic_broadcast.settings.secrets import read_credentials
from clinic_broadcast.wire.keeping import SystemClock

if TYPE_CHECKING:
    from clinic_broadcast.sources.fetch import Fetcher


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


def read_answer_file(path: Path, *, url: str) -> RawAnswer:
    """Read one answer file, as the folder source would; `url` gives it its link."""
    from clinic_broadcast.sources.files import NotPublic, read_file

    try:
        return read_file(path, url=url)
    except NotPublic:
        raise UsageError(f"{path}: the file says that it is a draft, expired, or not published yet") from None
    except SourceError as error:
        # The reader knows the file by its name alone.
        raise UsageError(str(error).replace(path.name, str(path), 1)) from None


def open_sources(settings: Settings) -> list[Source]:
    """Open every source of clinic.toml, in its order."""
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

    path = one.path or settings.home.answers
    return FolderSource(path, f"folder:{_place_of(path, settings)}")


def _open_blogger(one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.blogger import BloggerSource

    if one.path is not None:
        return _open_export(one.path, one, settings)
    return BloggerSource(one.url, _fetcher(settings))


def _open_wordpress(one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.wordpress import WordPressSource

    if one.path is not None:
        return _open_export(one.path, one, settings)
    return WordPressSource(one.url, _fetcher(settings))


def _open_export(path: Path, one: SourceSettings, settings: Settings) -> Source:
    from clinic_broadcast.sources.exports import ExportSource

    return ExportSource(path, one.url, f"export:{_place_of(path, settings)}")


def _place_of(path: Path, settings: Settings) -> str:
    """Give the path as it is seen from the home: a home that moves keeps its baseline."""
    home = settings.home.path
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


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

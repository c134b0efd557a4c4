"""Which channel kinds there are, what opening one needs, and how it is opened: drivers load on first use."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from clinic_broadcast.core.delivery import Refused
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.ports import Channel, Clock
from clinic_broadcast.settings.secrets import variable_of

ENTRY_POINTS: Final = "clinic_broadcast.channels"
BUILT_IN: Final[Mapping[str, str]] = {
    "bluesky": "clinic_broadcast.channels.bluesky:open_channel",
    "facebook": "clinic_broadcast.channels.facebook:open_channel",
    "folder": "clinic_broadcast.channels.folder:open_channel",
    "linkedin": "clinic_broadcast.channels.linkedin:open_channel",
    "mastodon": "clinic_broadcast.channels.mastodon:open_channel",
    "telegram": "clinic_broadcast.channels.telegram:open_channel",
    "threads": "clinic_broadcast.channels.threads:open_channel",
    "webhook": "clinic_broadcast.channels.webhook:open_channel",
    "x": "clinic_broadcast.channels.x:open_channel",
}
PUBLIC_KEYS: Final = frozenset({"page_id", "handle", "author_urn", "user_id", "chat_id"})
"""Credential keys whose values anyone may see; every other value is kept out of messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSetup:
    """What a channel is opened with: one `[channels.NAME]` table, its credentials, the clock and the home.

    An empty `api_url` means the network's own address. `timeout_s` bounds each call as a whole, in seconds.
    `options` holds the other keys of the table. `credentials` may be empty or lack keys: opening never fails
    for that, only the first call to the network does.
    """

    name: str
    kind: str
    api_url: str
    credentials: Mapping[str, str] = field(repr=False)
    timeout_s: float
    clock: Clock
    options: Mapping[str, object]
    home: Path

    def credential(self, key: str) -> str:
        """Give a credential, or the empty string when it is not set."""
        return self.credentials.get(key, "").strip()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Give every value that no message may show."""
        return tuple(value for key, value in self.credentials.items() if value and key not in PUBLIC_KEYS)

    def missing(self, *keys: str) -> Refused | None:
        """Refuse for the account when one of these credentials is not set, saying where each is to be put."""
        wanted = [key for key in keys if not self.credential(key)]
        if not wanted:
            return None
        places = " and ".join(variable_of(self.name, key) for key in wanted)
        return Refused(
            f"channel {self.name}: {' and '.join(wanted)} not set; put it into {places} (environment, or a file "
            "of that name in state/secrets)",
            of_account=True,
        )


def kinds() -> tuple[str, ...]:
    """Give every kind that can be opened: the built-in ones and those of installed plug-ins."""
    return tuple(sorted({*BUILT_IN, *(found.name for found in entry_points(group=ENTRY_POINTS))}))


def open_channel(setup: ChannelSetup) -> Channel:
    """Open the channel of this setup; the network is not asked for anything.

    Raises:
        SettingsError: there is no such kind, or the setup cannot work (an address that is no address).
    """
    return _factory(setup.kind)(setup)


def _factory(kind: str) -> Callable[[ChannelSetup], Channel]:
    if target := BUILT_IN.get(kind):
        module, _, name = target.partition(":")
        factory: Callable[[ChannelSetup], Channel] = getattr(importlib.import_module(module), name)
        return factory
    for found in entry_points(group=ENTRY_POINTS, name=kind):
        loaded: Callable[[ChannelSetup], Channel] = found.load()
        return loaded
    raise SettingsError(f"there is no channel kind {kind!r}; installed are: {', '.join(kinds())}")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all, in a folder that only its owner may enter."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

"""The small files that a home keeps for itself, its keys and its name in a database, and the clock it lives by."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import sleep

from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.config import Settings
from clinic_broadcast.settings.home import Home

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


def clinic_of(settings: Settings) -> str:
    """Give the name under which this home's rows stand in its database."""
    if settings.database_url == settings.home.ledger_url:
        return ONE_CLINIC
    path = settings.home.state / "clinic.id"
    return _kept(path, lambda: secrets.token_hex(8).encode()).decode()


def taint_key(home: Home, *, read_only: bool) -> bytes:
    """Give the key of a home's taint digests; with `read_only` one for this once where none is kept yet."""
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

"""Finds the credentials of a channel in the environment or in secret files, and never shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.faults import near

PREFIX: Final = "CLINIC_CHANNELS__"

RUN_SECRETS: Final = Path("/run/secrets")

SECRET_BYTES_MAX: Final = 64 * 1024
"""No network hands out a longer token."""

CREDENTIAL_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "x": ("consumer_key", "consumer_secret", "access_token", "access_token_secret"),
    "facebook": ("page_id", "page_token"),
    "mastodon": ("access_token",),
    "bluesky": ("handle", "app_password"),
    "linkedin": ("author_urn", "access_token"),
    "threads": ("user_id", "access_token"),
    "telegram": ("chat_id", "bot_token"),
    "webhook": ("secret",),
    "folder": (),
}
"""What each kind of channel needs; a kind that a plug-in brings may name its keys as it likes."""


MODEL_PREFIX: Final = "CLINIC_MODEL__"
MODEL_KEYS: Final = ("key",)
NOTIFY_PREFIX: Final = "CLINIC_NOTIFY__"
NOTIFY_KEYS: Final = ("urls", "escalate_urls", "ping_url")
WEB_PREFIX: Final = "CLINIC_WEB__"
WEB_KEYS: Final = ("calendar_key",)
CALENDAR_KEY: Final = "CLINIC_WEB__CALENDAR_KEY"
CALENDAR_KEY_MIN: Final = 20
"""Characters: whoever has the key reads the calendar, so nobody may guess it."""


class Credentials(Mapping[str, str]):
    """A channel's credentials by key; printing the whole shows the keys only, never a value."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._values))})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("credentials are not written anywhere")


def variable_of(name: str, key: str) -> str:
    """Give the name of the environment variable, or of the secret file, for a channel's credential."""
    return f"{PREFIX}{name.replace('-', '_')}__{key}".upper()


def read_credentials(
    name: str,
    kind: str,
    environ: Mapping[str, str],
    home: Path,
    *,
    run_secrets: Path = RUN_SECRETS,
) -> Credentials:
    """Give the credentials of a channel: from the environment first, then from files, the first that is not empty.

    Files are named like the variable, in any case, in `$CREDENTIALS_DIRECTORY`, /run/secrets and state/secrets of
    the home. Those in state/secrets must be readable by their owner alone. Raises SettingsError when one is not,
    when a file cannot be read, or when a key is not one that this kind of channel has.
    """
    found = _gathered(variable_of(name, ""), environ, home, run_secrets=run_secrets)
    allowed = CREDENTIAL_KEYS.get(kind)
    for key in found if allowed is not None else ():
        if allowed is not None and key not in allowed:
            keys = ", ".join(variable_of(name, one) for one in allowed) or "no credential at all"
            raise SettingsError(
                f"{variable_of(name, key)}: a {kind} channel has no credential {key!r}; "
                f"allowed: {keys}{near(key, allowed)}"
            )
    return Credentials(found)


def read_notify_secrets(
    environ: Mapping[str, str], home: Path, *, run_secrets: Path = RUN_SECRETS
) -> Credentials:
    """Give the addresses that notices go to, by key: `urls`, `escalate_urls`, `ping_url`.

    They hold passwords, so they come from where credentials come from. Raises SettingsError for any other key.
    """
    return _read_table(
        NOTIFY_PREFIX, NOTIFY_KEYS, _gathered(NOTIFY_PREFIX, environ, home, run_secrets=run_secrets)
    )


def read_model_secrets(
    environ: Mapping[str, str], home: Path, *, run_secrets: Path = RUN_SECRETS
) -> Credentials:
    """Give the key of the language model, if one is set; raises SettingsError for any other name."""
    return _read_table(
        MODEL_PREFIX, MODEL_KEYS, _gathered(MODEL_PREFIX, environ, home, run_secrets=run_secrets)
    )


def read_calendar_key(environ: Mapping[str, str], home: Path, *, run_secrets: Path = RUN_SECRETS) -> str:
    """Give the key that the calendar asks for, empty where none is set; raises SettingsError for one too short."""
    found = _read_table(WEB_PREFIX, WEB_KEYS, _gathered(WEB_PREFIX, environ, home, run_secrets=run_secrets))
    key = found.get("calendar_key", "")
    if key and len(key) < CALENDAR_KEY_MIN:
        raise SettingsError(
            f"{CALENDAR_KEY}: is too short (value not shown); allowed: {CALENDAR_KEY_MIN} characters or more; "
            "run: clinic-broadcast calendar --new-key"
        )
    return key


def _read_table(prefix: str, keys: Sequence[str], found: Mapping[str, str]) -> Credentials:
    for key in found:
        if key not in keys:
            allowed = ", ".join(f"{prefix}{one}".upper() for one in keys)
            raise SettingsError(
                f"{prefix}{key.upper()}: there is no such secret; allowed: {allowed}{near(key, keys)}"
            )
    return Credentials(found)


def _gathered(start: str, environ: Mapping[str, str], home: Path, *, run_secrets: Path) -> dict[str, str]:
    """Give what begins with `start`, by the rest of its name: from the environment, then from the folders."""
    found: dict[str, str] = {}
    _add(found, start, environ)
    folders = [run_secrets, home / "state" / "secrets"]
    if environ.get("CREDENTIALS_DIRECTORY"):
        folders.insert(0, Path(environ["CREDENTIALS_DIRECTORY"]))
    for folder in folders:
        _add(found, start, _read_folder(folder, start, is_ours=folder == folders[-1]))
    return found


def missing_keys(kind: str, credentials: Mapping[str, str]) -> tuple[str, ...]:
    """Give the keys that this kind of channel needs and that are not set."""
    return tuple(key for key in CREDENTIAL_KEYS.get(kind, ()) if not credentials.get(key))


def _add(found: dict[str, str], start: str, values: Mapping[str, str]) -> None:
    """Take the values whose names begin so, that are not empty and are not there yet."""
    for variable, value in values.items():
        key = _key_of(start, variable)
        if key and value:
            found.setdefault(key, value)


def _key_of(start: str, variable: str) -> str:
    """Give the rest of the variable's name when it begins so, else nothing."""
    plain = variable.upper().replace("-", "_")
    return plain[len(start) :].lower() if plain.startswith(start) else ""


def _read_folder(folder: Path, start: str, *, is_ours: bool) -> Mapping[str, str]:
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be read: {error.strerror}") from None
    return {path.name: _read_secret(path, is_ours=is_ours) for path in paths if _key_of(start, path.name)}


def _read_secret(path: Path, *, is_ours: bool) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if is_ours and mode & 0o077:
                raise SettingsError(f"{path}: others may read it (mode {mode:04o}); run: chmod 600 '{path}'")
            raw = file.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > SECRET_BYTES_MAX:
        raise SettingsError(f"{path}: is longer than {SECRET_BYTES_MAX} bytes; a credential is not")
    try:
        return raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8 text; write the credential into it as it is") from None

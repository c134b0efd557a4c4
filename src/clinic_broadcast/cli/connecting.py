"""The command that sets up an account: asks for its credentials, keeps them in secret files, and tries them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import Command, DryRun, home_of
from clinic_broadcast.cli.output import Exit, is_terminal, paint, result, say
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from clinic_broadcast.settings.home import Home

LINES_MAX = 50
SECRET_MODE = 0o600


def connect(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name in clinic.toml.")],
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read `key=value` lines from standard input.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Set up an account: keep its credentials in state/secrets, and ask the network who we are."""
    from clinic_broadcast import wire
    from clinic_broadcast.settings.config import read_settings
    from clinic_broadcast.settings.secrets import CREDENTIAL_KEYS, variable_of

    settings = read_settings(home_of(context), os.environ)
    one = settings.channels.get(channel)
    if one is None:
        known = ", ".join(sorted(settings.channels)) or "none yet: add [channels.x] to clinic.toml"
        raise UsageError(f"no channel is called {channel!r}; known: {known}")
    keys = CREDENTIAL_KEYS.get(one.kind, ())
    if not keys:
        say(f"a {one.kind} channel needs no credential")
    if dry_run:
        for key in keys:
            say(f"would keep {key} in {settings.home.secrets / variable_of(channel, key)}")
        return Exit.DONE
    given = _from_stdin(keys) if stdin else _asked(keys)
    for key, value in given.items():
        keep_secret(settings.home, variable_of(channel, key), value)
    if given:
        say(f"kept {', '.join(given)} in {settings.home.secrets}")
    checks = wire.probe_channel(one, settings, os.environ)
    for check in checks:
        result(f"{paint('ok  ', 'green') if check.ok else paint('FAIL', 'red')} {check.name}: {check.detail}")
        if not check.ok and check.fix:
            result(f"       fix: {check.fix}")
    return Exit.DONE if all(check.ok for check in checks) else Exit.TOKEN


def _asked(keys: tuple[str, ...]) -> dict[str, str]:
    """Ask for each credential without showing it; an empty answer keeps what is there."""
    if not keys:
        return {}
    if not is_terminal():
        raise UsageError("there is no terminal to ask at: give `key=value` lines with --stdin")
    say("Paste each value and press Enter; nothing is shown. An empty answer keeps what is there.")
    asked = {
        key: typer.prompt(key, default="", hide_input=True, show_default=False, err=True) for key in keys
    }
    return {key: value.strip() for key, value in asked.items() if value.strip()}


def _from_stdin(keys: tuple[str, ...]) -> Mapping[str, str]:
    """Read `key=value` lines; raises UsageError for a key that the channel does not have, never showing a value."""
    given: dict[str, str] = {}
    for number, line in enumerate(sys.stdin, start=1):
        key, equals, value = line.strip().partition("=")
        if not line.strip():
            continue
        if number > LINES_MAX or not equals or key.strip() not in keys:
            raise UsageError(
                f"standard input, line {number}: not `key=value` with a key of {', '.join(keys)}"
            )
        if value.strip():
            given[key.strip()] = value.strip()
    return given


def keep_secret(home: Home, name: str, value: str) -> None:
    """Write one secret file whole, readable by its owner alone; an empty value never comes here."""
    home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = home.secrets / f".{name}.part"
    with os.fdopen(
        os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, SECRET_MODE), "w", encoding="utf-8"
    ) as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(home.secrets / name)


COMMANDS = (Command("connect", connect, "Set up an account and try it."),)

"""The command that lets systemd run the daemon: writes the unit, and says what to type next."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from clinic_broadcast.cli.command import Command, DryRun, home_of
from clinic_broadcast.cli.output import Exit, result, say
from clinic_broadcast.errors import SettingsError, UsageError

SYSTEM: Final = Path("/etc/systemd/system")
ROOT_ID: Final = 0


def install(
    context: typer.Context,
    for_user: Annotated[
        bool,
        typer.Option("--user", help="For your own systemd, without root: it runs while you are signed in."),
    ] = False,
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Whose rights it has; else the home's owner.")
    ] = "",
    dry_run: DryRun = False,
) -> int:
    """Write the systemd unit of the daemon for this home; with --dry-run print it and change nothing."""
    from clinic_broadcast.engine.systemd_unit import NAME, Placed, unit_of
    from clinic_broadcast.settings.config import read_settings

    settings = read_settings(home_of(context), os.environ)
    unit = unit_of(
        Placed(
            program=Path(sys.executable).parent / "clinic-broadcast",
            home=settings.home.path.resolve(),
            user="" if for_user else name or _owner_of(settings.home.path),
            stop_within_s=settings.delivery.timeout.total_seconds(),
        )
    )
    target = (_user_folder() if for_user else SYSTEM) / NAME
    if dry_run:
        result(unit.rstrip())
        say(f"would be written to {target}")
        return Exit.DONE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{NAME}.part")
        part.write_text(unit, encoding="utf-8")
        part.replace(target)
    except PermissionError:
        raise UsageError(
            f"{target}: needs root; run it with sudo, or with --user, or look at --dry-run"
        ) from None
    systemctl = "systemctl --user" if for_user else "systemctl"
    say(f"wrote {target}")
    say(f"next: {systemctl} daemon-reload && {systemctl} enable --now {NAME}")
    if for_user:
        say(f"to let it run while you are signed out: loginctl enable-linger {_own_name()}")
    return Exit.DONE


def _owner_of(home: Path) -> str:
    owner = home.stat().st_uid
    if owner == ROOT_ID:
        raise SettingsError(
            f"{home}: belongs to root, and the daemon must not run as root; make a user for it: "
            f"useradd --system clinic && chown -R clinic {home}; or name one with --as"
        )
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        raise SettingsError(
            f"{home}: belongs to user {owner}, who has no name here; name one with --as"
        ) from None


def _own_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _user_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


COMMANDS = (Command("install-service", install, "Let systemd run the daemon."),)

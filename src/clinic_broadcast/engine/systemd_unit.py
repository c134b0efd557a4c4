"""The systemd unit under which the daemon runs: its text, hardened as far as the program's work allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

NAME: Final = "clinic-broadcast.service"

WATCHDOG_S: Final = 60
"""The engine's own watch signs every few seconds; a heart that is silent for a minute needs a restart."""

STOP_SLACK_S: Final = 30
"""Beside the send in hand: the web server's farewell and the record's last write."""

HIDDEN_BY_PROTECT_HOME: Final = ("/home", "/root", "/run/user")

HARDENED: Final = """\
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateMounts=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=
AmbientCapabilities=
UMask=0022
MemoryMax=512M
TasksMax=64
"""
"""systemd.exec(5). `SystemCallErrorNumber` answers a filtered call with an error instead of the end of the process.

A static server must be able to read public/, hence the usual `UMask`; what is private in state/ has modes of its own.
"""

HARDENED_FOR_A_USER: Final = """\
NoNewPrivileges=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0022
"""
"""A user's own systemd may not change mounts, devices or capabilities; the rest it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where program and home lie, as whom it runs (empty: that systemd's own user), how long a send may take."""

    program: Path
    home: Path
    user: str
    stop_within_s: float


def unit_of(placed: Placed) -> str:
    """Give the unit's text for the system, or, without a user's name, for a user's own systemd."""
    is_system = bool(placed.user)
    return "\n".join(
        [
            "[Unit]",
            "Description=clinic-broadcast: tells the world about a clinic's new answers",
            *(
                ["Wants=network-online.target", "After=network-online.target time-sync.target"]
                if is_system
                else []
            ),
            # A home that needs a person (exit 4) is not mended by starting it for ever.
            "StartLimitIntervalSec=300",
            "StartLimitBurst=10",
            "",
            "[Service]",
            "Type=notify",
            "NotifyAccess=main",
            f"ExecStart={_quoted(placed.program)} --home {_quoted(placed.home)} run",
            "ExecReload=kill -HUP $MAINPID",
            f"WatchdogSec={WATCHDOG_S}",
            f"TimeoutStopSec={max(60, round(placed.stop_within_s) + STOP_SLACK_S)}",
            "Restart=on-failure",
            "RestartSec=5",
            "RestartPreventExitStatus=2 4",
            *([f"User={placed.user}"] if is_system else []),
            *_places(placed),
            (HARDENED if is_system else HARDENED_FOR_A_USER).rstrip(),
            "",
            "[Install]",
            f"WantedBy={'multi-user.target' if is_system else 'default.target'}",
            "",
        ]
    )


def _places(placed: Placed) -> Iterator[str]:
    """Give what the daemon may see and write: its home, and of the users' homes nothing but what it needs."""
    if not placed.user:
        return
    hidden = [one for one in (placed.home, placed.program.parent.parent) if _is_hidden(one)]
    if not hidden:
        yield "ProtectHome=yes"
        yield f"ReadWritePaths={_quoted(placed.home)}"
        return
    yield "ProtectHome=tmpfs"
    for one in hidden:
        kind = "BindPaths" if one == placed.home else "BindReadOnlyPaths"
        yield f"{kind}={_quoted(one)}"
    if placed.home not in hidden:
        yield f"ReadWritePaths={_quoted(placed.home)}"


def _is_hidden(path: Path) -> bool:
    return any(PurePosixPath(path).is_relative_to(one) for one in HIDDEN_BY_PROTECT_HOME)


def _quoted(path: Path) -> str:
    """Give a path as systemd.syntax(7) reads it: there `%` begins a specifier and `$` a variable."""
    text = str(path).replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if any(one.isspace() or one in "\"'\\;" for one in text) else text

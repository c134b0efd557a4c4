"""Tells systemd how the daemon is, where systemd asked for it; nothing happens elsewhere."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send one message of sd_notify(3), for instance `READY=1`; False when nobody listens or it cannot be sent.

    A leading `@` of `$NOTIFY_SOCKET` names an abstract socket, as sd_notify(3) says.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            # A full queue must never hold up the heart.
            line.setblocking(False)  # noqa: FBT003  # The standard library's own signature.
            line.sendto(state.encode(), address)
    except OSError:
        return False
    return True

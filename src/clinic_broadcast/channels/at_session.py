"""A log-in to Bluesky that outlives the process: kept in a file that only its owner may read."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from clinic_broadcast.channels import write_private

MARGIN: Final = timedelta(minutes=2)
"""An access token lives two hours; one that ends within this is refreshed before it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The tokens of one account on one server."""

    handle: str
    server: str
    did: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)

    def ends_soon(self, now: datetime) -> bool:
        """Say whether the access token is about to end; False when it does not tell (the server will)."""
        try:
            part = self.access.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            return float(claims["exp"]) <= (now + MARGIN).timestamp()
        except (ValueError, LookupError, TypeError):
            return False


def read_session(path: Path, handle: str, server: str) -> Session | None:
    """Give the kept session of this account on this server; None when there is none, or it cannot be read."""
    try:
        session = Session(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return session if (session.handle, session.server) == (handle, server) else None


def write_session(path: Path, session: Session) -> None:
    """Keep the session; without a place to keep it, the next start logs in anew."""
    with contextlib.suppress(OSError):
        write_private(path, json.dumps(asdict(session)))

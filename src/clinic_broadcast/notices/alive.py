"""The sign of life: a call to a dead-man's switch outside, which raises the alarm when the calls stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import requests

TIMEOUT_S: Final = 10.0

TOLD_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class AlivePing:
    """Calls an address of a service like Healthchecks; the address is a secret and is never printed."""

    address: str

    def ping(self, problems: tuple[str, ...]) -> str:
        """Say that all is well, or (at `/fail`) what is not; gives what went wrong with the call, or nothing."""
        address = self.address.rstrip("/") + ("/fail" if problems else "")
        told = "\n".join(problems)[:TOLD_MAX].encode()
        try:
            reply = requests.post(address, data=told, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            return f"the sign of life did not get through ({type(error).__name__}); look at CLINIC_NOTIFY__PING_URL"
        if not reply.ok:
            return f"the sign of life was refused ({reply.status_code}); look at CLINIC_NOTIFY__PING_URL"
        return ""

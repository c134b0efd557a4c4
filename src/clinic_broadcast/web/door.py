"""The door of the review page: who is there, whether a form is our own, and how often a stranger may knock."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from clinic_broadcast.core.address import parts_of
from clinic_broadcast.core.people import SESSION_LASTS, Person

TOKEN_BYTES: Final = 32

TOKEN_MAX: Final = 200
"""Characters: nothing longer was ever a token of ours."""

TRIES_MAX: Final = 10
TRIES_WITHIN_S: Final = 60.0
KNOCKERS_MAX: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person who is signed in, and the token that each of their forms must carry."""

    person: Person
    form_token: str


def form_token_of(session_token: str) -> str:
    """Give the token of a session's forms; it cannot be turned back into the session's."""
    return hmac.new(session_token.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(given: str, session_token: str) -> bool:
    """Say whether a form carries the token of this session."""
    return hmac.compare_digest(given.encode(), form_token_of(session_token).encode())


def is_from_here(headers: Mapping[str, str], origin: str) -> bool:
    """Say whether a request that changes something was made by a page of ours; `origin` is the configured one.

    A browser says so in Sec-Fetch-Site, on plain http (where it says nothing) in Origin. Anything else is refused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    said, host = headers.get("origin", ""), headers.get("host", "")
    return bool(said) and said in {origin, f"https://{host}", f"http://{host}"}


def is_our_host(host: str, *names: str) -> bool:
    """Say whether the port may be addressed so: by a number, as this machine, or by a name that the clinic has set.

    Any other name could be a stranger's that was made to lead here (DNS rebinding).
    """
    name = (parts_of(f"//{host}").hostname or "").rstrip(".")
    if name in {"localhost", *(one.lower() for one in names if one)}:
        return True
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def cookie_name(*, is_secure: bool) -> str:
    """Give the name of the session's cookie; the prefix makes browsers refuse it from anywhere but this very host."""
    return "__Host-review" if is_secure else "review"


def cookie_of(token: str, *, is_secure: bool) -> str:
    """Give the Set-Cookie that keeps a session; an empty token takes it away.

    Lax: a link in a message must find the doctor signed in, and no form of another site carries it.
    """
    age_s = int(SESSION_LASTS.total_seconds()) if token else 0
    flags = "; Secure" if is_secure else ""
    return (
        f"{cookie_name(is_secure=is_secure)}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{flags}"
    )


@dataclass(slots=True)
class Knocks:
    """Counts the wrong tokens of each far address, in memory: ten a minute, then it has to wait.

    The right token always opens: behind a proxy all addresses are one, and a stranger must not shut the doctor out.
    A token has 256 random bits, so it is the work that is bounded here, not the luck.
    """

    _wrong: OrderedDict[str, list[float]] = field(default_factory=OrderedDict[str, list[float]])

    def is_too_many(self, far: str) -> bool:
        """Count one more wrong token from this address, and say whether there were too many."""
        now = time.monotonic()
        times = [at for at in self._wrong.pop(far, []) if now - at < TRIES_WITHIN_S][-TRIES_MAX:]
        self._wrong[far] = [*times, now]
        while len(self._wrong) > KNOCKERS_MAX:
            self._wrong.popitem(last=False)
        return len(times) >= TRIES_MAX

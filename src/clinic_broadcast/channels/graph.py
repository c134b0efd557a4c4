"""What the Graph APIs of Meta (Facebook, Threads) share: their error envelope, and when a limit ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from clinic_broadcast.channels.exchange import Meaning, Reply, retry_at

USAGE: Final = "x-business-use-case-usage"
_REGAIN_MAX: Final = timedelta(hours=48)


def error_of(reply: Reply) -> dict[str, Any]:
    """Give the error object of the envelope; empty when there is none."""
    found = reply.document().get("error")
    return dict(found) if isinstance(found, dict) else {}


def meaning_of(
    reply: Reply, codes: Mapping[int, Meaning], phrases: tuple[tuple[str, Meaning], ...] = ()
) -> Meaning:
    """Give what an error means by its words, then its code; an unknown code is unsure, whatever the status."""
    error = error_of(reply)
    words = str(error.get("message", "")).lower()
    for phrase, meaning in phrases:
        if phrase in words:
            return meaning
    code = error.get("code")
    return codes.get(code, Meaning.UNSURE) if isinstance(code, int) else Meaning.UNSURE


def describe(reply: Reply) -> str:
    """Give the network's own words with its code, for people."""
    error = error_of(reply)
    if not error:
        return f"HTTP {reply.status} without an error of the Graph API"
    number = "/".join(str(error[key]) for key in ("code", "error_subcode") if error.get(key))
    said = [str(error[key]) for key in ("message", "error_user_msg") if error.get(key)]
    return f"HTTP {reply.status}, code {number or 'none'}: {' | '.join(said) or 'no message'}"


def regain_at(reply: Reply, now: datetime) -> datetime | None:
    """Give when access comes back: the business use case header counts minutes; else Retry-After; else None."""
    try:
        usage = json.loads(reply.headers.get(USAGE, "{}"))
        minutes = max(
            int(one.get("estimated_time_to_regain_access", 0))
            for rows in dict(usage).values()
            for one in rows
        )
    except (ValueError, TypeError, AttributeError):
        minutes = 0
    if minutes > 0:
        return now + min(timedelta(minutes=min(minutes, 10_000)), _REGAIN_MAX)
    return retry_at(reply.headers, now, "retry-after")

"""What came of one call to a network, and what its answer means for a delivery."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, TypeAlias, assert_never

from clinic_broadcast.core.delivery import Refused, Throttled, Unsure

_WAIT_MIN: Final = timedelta(seconds=5)
_WAIT_MAX: Final = timedelta(hours=48)
_HTTP_SUCCESS: Final = range(200, 300)
_EPOCH_MIN: Final = 1_000_000_000
"""Smaller numbers in a reset header are spans of seconds, not instants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer of the network; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Say whether the status is one of 200 to 299."""
        return self.status in _HTTP_SUCCESS

    def parsed(self) -> Any:  # noqa: ANN401 - JSON comes in here.
        """Give the JSON of the body; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def document(self) -> dict[str, Any]:
        """Give the JSON object of the body; empty when it is anything else."""
        found = self.parsed()
        return dict(found) if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class NotLeft:
    """No byte of the request left: name, connection or TLS failed, or its time was over before."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, at least in part, and no whole answer came back: it may have been obeyed."""

    reason: str


Exchange: TypeAlias = Reply | NotLeft | Lost
Unsent: TypeAlias = Refused | Throttled | Unsure


class Meaning(Enum):
    """What a documented answer of a network means for a delivery."""

    REFUSED = "refused"
    ACCOUNT = "account"
    THROTTLED = "throttled"
    UNSURE = "unsure"


def outcome_of(meaning: Meaning, words: str, until: datetime | None = None) -> Unsent:
    """Give the outcome that a network's answer stands for, with the network's own words."""
    match meaning:
        case Meaning.REFUSED:
            return Refused(words)
        case Meaning.ACCOUNT:
            return Refused(words, of_account=True)
        case Meaning.THROTTLED:
            return Throttled(words, until)
        case Meaning.UNSURE:
            return Unsure(words)
        case _:
            assert_never(meaning)


def outcome_without_reply(exchange: NotLeft | Lost) -> Throttled | Unsure:
    """Give the outcome of a call that brought no answer: only what never left is surely not published."""
    return Throttled(exchange.reason) if isinstance(exchange, NotLeft) else Unsure(exchange.reason)


def retry_at(headers: Mapping[str, str], now: datetime, *names: str) -> datetime | None:
    """Give the latest instant that these headers name: an epoch, a span in seconds, an ISO or an HTTP date.

    It is never nearer than five seconds nor farther than two days; None when no header can be read.
    """
    found = [at for name in names if (at := _instant(headers.get(name, ""), now)) is not None]
    return min(max(*found, now + _WAIT_MIN), now + _WAIT_MAX) if found else None


def _instant(text: str, now: datetime) -> datetime | None:
    text = text.strip()
    try:
        if re.fullmatch(r"\d{1,12}(\.\d+)?", text):
            number = float(text)
            span = number - now.timestamp() if number >= _EPOCH_MIN else number
            return now + timedelta(seconds=min(span, _WAIT_MAX.total_seconds()))
        at = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=now.tzinfo)

"""Tells a WebSub hub that feeds have changed, so that subscribers get them within seconds instead of an hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import requests

BODY_BYTES_MAX: Final = 2000
"""A hub says in a sentence what it did not like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The hub has taken the ping for every topic; `status` is what it answered."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The hub will not take it, now or later, in its own words."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The hub could not be asked or asks for patience; a ping may safely be sent twice."""

    reason: str
    after_s: float | None = None


Ping: TypeAlias = Told | Refused | Later


def ping(hub: str, topics: Sequence[str], *, timeout_s: float) -> Ping:
    """Tell the hub that these topics, each the address of a live feed, have new bytes.

    One request a topic, with `hub.url` and `hub.topic` both set: public hubs document the one, and Flask-WebSub
    refuses a ping without the other. The first answer that is not a success ends the round; since a hub only fetches
    what it is told of, all of it may be repeated. Redirects are not followed. Never raises for what the hub does.
    """
    import requests  # noqa: PLC0415  # 0.1 s to load, and most homes tell no hub.

    status = 204
    with requests.Session() as session:
        for topic in topics:
            form = {"hub.mode": "publish", "hub.url": topic, "hub.topic": topic}
            try:
                reply = session.post(hub, data=form, timeout=timeout_s, allow_redirects=False, stream=True)
                status, words = reply.status_code, _words(reply)
            except (requests.RequestException, OSError) as error:
                return Later(reason=f"the hub could not be asked: {type(error).__name__}")
            if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return Later(reason=f"the hub answered {status}", after_s=_patience(reply))
            if not reply.ok or reply.is_redirect or status >= HTTPStatus.MULTIPLE_CHOICES:
                return Refused(status=status, reason=words or f"the hub answered {status}")
    return Told(status=status)


def link_header(hubs: Sequence[str], self_url: str) -> str:
    """Give the HTTP `Link` of a live feed: hubs read it there and nowhere else (WebSub section 4)."""
    links = [f'<{hub}>; rel="hub"' for hub in hubs]
    return ", ".join([*links, f'<{self_url}>; rel="self"'])


def _words(reply: requests.Response) -> str:
    body = next(reply.iter_content(BODY_BYTES_MAX), b"")
    return " ".join(body.decode("utf-8", errors="replace").split())


def _patience(reply: requests.Response) -> float | None:
    """Give the seconds of Retry-After, where the hub says them in seconds or as a date beside its own Date."""
    asked = reply.headers.get("Retry-After", "")
    if asked.isdigit():
        return float(asked)
    try:
        until, now = parsedate_to_datetime(asked), parsedate_to_datetime(reply.headers.get("Date", ""))
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


__all__ = ["Later", "Ping", "Refused", "Told", "link_header", "ping"]

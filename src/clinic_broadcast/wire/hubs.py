"""The WebSub hubs of a home: what to tell them, by which means, and the HTTP header in which they look for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never

from clinic_broadcast.core.delivery import Delivery, Outcome, Refused, Sent, Throttled
from clinic_broadcast.feeds import websub
from clinic_broadcast.feeds.places import Form, path_of, url_of
from clinic_broadcast.run import pinging
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.settings.config import Settings

PATIENCE_MAX: Final = timedelta(days=1)
"""A hub that asks for more has most likely made a mistake; the next ping then finds out."""


def plan_pings(settings: Settings, desk: Desk) -> int:
    """Plan a ping to each hub that was not told of the live feeds as they stand, and give how many were planned."""
    hubs, topics = _hubs_of(settings), _topics_of(settings)
    if not hubs:
        return 0
    seen = hashlib.sha256()
    for form in Form:
        try:
            seen.update((settings.home.public / path_of(0, form)).read_bytes())
        except FileNotFoundError:
            return 0
    return pinging.plan_pings(desk, hubs, topics, seen=seen.hexdigest()[:32])


def send_pings(settings: Settings, desk: Desk) -> list[Delivery]:
    """Send the pings that are due, each hub once, and give them as they stand afterwards."""
    hubs = _hubs_of(settings)
    if not hubs:
        return []
    timeout_s = settings.delivery.timeout.total_seconds()
    return pinging.send_pings(desk, hubs, partial(_tell, timeout_s=timeout_s))


def link_of(settings: Settings, path: str) -> str:
    """Give the HTTP Link of a document of the port: hubs and the address itself for live feeds, else nothing."""
    topic = url_of(settings.clinic.public_url, path.lstrip("/"))
    return websub.link_header(settings.feeds.hubs, topic) if topic in _topics_of(settings) else ""


def _hubs_of(settings: Settings) -> tuple[str, ...]:
    """Give the hubs; none while nobody has said where the feeds are reachable, for a hub could not fetch them."""
    return settings.feeds.hubs if settings.clinic.public_url else ()


def _topics_of(settings: Settings) -> list[str]:
    if not _hubs_of(settings):
        return []
    return [url_of(settings.clinic.public_url, path_of(0, form)) for form in Form]


def _tell(hub: str, topics: Sequence[str], now: datetime, *, timeout_s: float) -> Outcome:
    answer = websub.ping(hub, topics, timeout_s=timeout_s)
    match answer:
        case websub.Told(status=status):
            return Sent(post_id=str(status), post_url="")
        case websub.Refused(reason=reason):
            return Refused(reason)
        case websub.Later(reason=reason, after_s=after_s):
            if after_s is None:
                return Throttled(reason)
            return Throttled(reason, until=now + min(timedelta(seconds=min(after_s, 1e6)), PATIENCE_MAX))
        case _:
            assert_never(answer)

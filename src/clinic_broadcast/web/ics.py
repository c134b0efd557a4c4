"""The calendar of what is planned, as iCalendar (RFC 5545), for those who have its key."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from clinic_broadcast.core.forecast import Certainty, Entry

LASTS: Final = timedelta(minutes=15)
"""Nothing takes so long; a shorter entry can hardly be read on a calendar's page."""

REFRESH: Final = timedelta(hours=1)


def ics_of(entries: Iterable[Entry], *, clinic: str, timezone: str, now: datetime) -> bytes:
    """Give the calendar: each promo an entry that blocks nobody's time, with its standing as STATUS."""
    import icalendar  # noqa: PLC0415  # 0.2 s to load, and most homes are never asked.

    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//clinic-broadcast//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    # RFC 7986 names and refreshes a calendar; the X- names are what older programs read.
    calendar.add("name", f"{clinic}: promos")
    calendar.add("x-wr-calname", f"{clinic}: promos")
    calendar.add("x-wr-timezone", timezone)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for one in entries:
        event = icalendar.Event()
        event.add("uid", f"{one.delivery_id}@clinic-broadcast")
        event.add("dtstamp", now)
        event.add("dtstart", one.at)
        event.add("dtend", one.at + LASTS)
        event.add("summary", f"{one.channel}: {one.title or 'a promo'} ({one.told})")
        event.add("status", one.certainty.value)
        event.add("transp", "TRANSPARENT")
        event.add("sequence", one.sequence)
        if one.certainty is Certainty.TENTATIVE:
            event.add("description", "clinic-broadcast queue")
        if one.url.startswith(("https://", "http://")):
            event.add("url", one.url)
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def calendar_route(*, key: Callable[[], str], make: Callable[[], bytes]) -> Route:
    """Give the route of the calendar: 404 while no key is set, 403 without the right one.

    `key` and `make` are called in a thread for each request.
    """

    def answer(request: Request) -> Response:
        right = key()
        if not right:
            return PlainTextResponse("There is no such document here.\n", status_code=404)
        given = request.query_params.get("key", "")
        if not hmac.compare_digest(given.encode(), right.encode()):
            return PlainTextResponse("This needs the right key.\n", status_code=403)
        return Response(
            make(),
            headers={"Content-Type": "text/calendar; charset=utf-8", "Cache-Control": "private, no-store"},
        )

    return Route("/calendar.ics", answer)

"""Gathers the calendar of what is planned, what went out and what was taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.forecast import SHOWN_FOR, Entry, certainty_of, expected_times, told_of
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.core.schedule import Schedule
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.reporting import public_titles

WAITING: Final = (State.HELD, State.PLANNED, State.SENDING, State.UNSURE)
OVER: Final = (State.REFUSED, State.CANCELLED)


def entries(desk: Desk, schedules: Sequence[Schedule]) -> list[Entry]:
    """Give the entries of the calendar, the earliest first; pings to hubs and takings back are none."""
    now = desk.clock.now()
    since = now - SHOWN_FOR
    waiting = desk.ledger.deliveries(states=WAITING)
    over = [one for one in desk.ledger.deliveries(states=OVER) if _ended_near(one) >= since]
    public = [
        one
        for one in desk.ledger.deliveries(since=since)
        if one.state in (State.SENT, State.WITHDRAWN) and one.sent_at is not None
    ]
    expected = expected_times(waiting, schedules, now)
    shown = [one for one in (*waiting, *over, *public) if one.occasion != WITHDRAW and ":" not in one.channel]
    titles = public_titles(desk, shown)
    made = [_entry(one, titles, at=expected.get(one.id, _ended_near(one))) for one in shown]
    return sorted(made, key=lambda one: (one.at, one.delivery_id))


def _entry(one: Delivery, titles: Mapping[AnswerId, str], *, at: datetime) -> Entry:
    title = titles.get(one.answer_id, "")
    return Entry(
        delivery_id=one.id,
        at=at,
        channel=one.channel,
        title=title,
        # The address of an answer that was withdrawn, or whose title is doubted, may say what it must not.
        url=one.post_url if one.state is State.SENT else (one.answer_url if title else ""),
        certainty=certainty_of(one),
        told=told_of(one),
        sequence=one.fence,
    )


def _ended_near(one: Delivery) -> datetime:
    """Give the time under which something that is settled stands on the calendar."""
    return one.sent_at or one.claimed_at or one.due_at

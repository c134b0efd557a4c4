"""Gathers the weekly report from the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.core.digest import (
    Coming,
    Digest,
    charted_since,
    published_in,
    taken_back_in,
    weeks_until,
)
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.schedule import Job, Schedule, slots
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.noticing import Watch, matters
from clinic_broadcast.run.survey import survey


def digest_of(
    desk: Desk,
    watch: Watch,
    schedules: Sequence[Schedule],
    *,
    period: tuple[datetime, datetime],
    zone: ZoneInfo,
) -> Digest:
    """Give the report of a period, with what waits and what comes next as of now."""
    since, until = period
    rows = desk.ledger.deliveries(since=min(since, charted_since(until)))
    seen = survey(desk, schedules)
    coming = [
        Coming(
            at=slot,
            job=one.job,
            ready={name: count for name, count in seen.ready[one.job].items() if one.concerns(name)},
        )
        for one in schedules
        if one.job in (Job.ANNOUNCE, Job.RESHARE)
        for slot in slots(one, until, 1)
    ]
    return Digest(
        clinic=watch.clinic_name,
        zone=zone,
        since=since,
        until=until,
        published=published_in(rows, since, until, titles=public_titles(desk, rows)),
        taken_back=taken_back_in(rows, since, until),
        fresh=sum(since <= one.first_seen_at < until for one in desk.ledger.answers(Standing.FRESH)),
        waiting=tuple(matters(desk, watch)),
        coming=tuple(sorted(coming, key=lambda one: one.at)),
        weeks=weeks_until(rows, until, zone),
    )


def public_titles(desk: Desk, rows: Iterable[Delivery]) -> Mapping[AnswerId, str]:
    """Give the titles of these deliveries' answers, as the blog shows them; none that the gate has a doubt about."""
    known = {one.answer_id: desk.ledger.answer(one.answer_id) for one in rows}
    return {
        answer_id: answer.material.title
        for answer_id, answer in known.items()
        if answer is not None
        and answer.standing is not Standing.WITHDRAWN
        and not any(
            one.where == "title" and one.severity is not Severity.NOTE for one in answer.material.findings
        )
    }

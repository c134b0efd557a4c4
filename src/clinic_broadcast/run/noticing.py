"""What a person should know now, from the record: gathered, and told once each through the ledger."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Severity, in_words
from clinic_broadcast.core.notice import Kind, Matter, Message, Messenger, Patience, Step, Telling, tellings
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.run.desk import Desk

UNSETTLED: Final = (State.PLANNED, State.HELD, State.UNSURE, State.REFUSED)

TOKEN_DAYS: Final = (1, 7, 14)
"""So many days before a token ends a person is told, each time once."""

UNREAD_MAX: Final = timedelta(days=1)
"""A blog may be away for an hour; after a day somebody should look."""

REFUSED_MENDS: Final = "edit ID --text TEXT, resolve ID --not-sent, or hold ID --for-good"
"""What a person can do with a promo that a network refused: other words, the same once more, or never."""

QUEUE: Final = "clinic-broadcast queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What notices look at beside the record, and the clinic's patience.

    `newest_backup_at` is None when there is no backup; `backup_after` None when none is planned. `token_ends` has the
    day on which a channel's token ends, where the clinic has set it. `schedules` are the names of those in force;
    `refused_at` is when changed settings were refused, None while those on disk are in force. `clinic_name` begins
    every message; `review_url` is where a person can decide on a phone, empty where nobody has set that up.
    """

    clinic_name: str
    patience: Patience
    silent_after: timedelta
    backup_after: timedelta | None = None
    newest_backup_at: datetime | None = None
    token_ends: Mapping[str, date] = field(default_factory=dict[str, date])
    schedules: tuple[str, ...] = ()
    refused_at: datetime | None = None
    review_url: str = ""


def matters(desk: Desk, watch: Watch) -> list[Matter]:
    """Give everything that a person should know now; none of it holds a word of an answer."""
    now = desk.clock.now()
    rows = desk.ledger.deliveries(states=UNSETTLED)
    return [
        *_of_held([one for one in rows if one.state is State.HELD], watch.review_url or QUEUE),
        *_of_trouble(rows),
        *_of_tokens(watch, now),
        *_of_sources(desk, watch, now),
        *_of_backup(desk, watch, now),
        *_of_jobs(desk, watch),
        *_of_settings(watch),
    ]


def notify(desk: Desk, messenger: Messenger, watch: Watch, *, quiet: bool) -> list[str]:
    """Tell a person what is due, each matter once a step; gives the problems of telling.

    Nothing is told while it is `quiet`. What was told is written down before the message leaves, and taken back when
    it did not get through: a message may be lost with a crash, never sent twice, and the reminder makes up for it.
    """
    if quiet:
        return []
    now = desk.clock.now()
    due = [
        one
        for one in tellings(matters(desk, watch), desk.ledger.notices(), now, watch.patience)
        if desk.ledger.keep_notice(one.before, one.after) and one.matter is not None
    ]
    problems: list[str] = []
    for is_escalation in (False, True):
        part = [one for one in due if (one.step is Step.ESCALATED) == is_escalation]
        if not part:
            continue
        problem = messenger.tell(message_of(watch.clinic_name, part), escalated=is_escalation)
        if problem:
            problems.append(problem)
            for one in part:
                desk.ledger.keep_notice(one.after, one.before)
    return problems


def message_of(clinic: str, due: Sequence[Telling]) -> Message:
    """Give one message for all that is due at once."""
    told = [(one.matter, one.step) for one in due if one.matter is not None]
    subject = told[0][0].text if len(told) == 1 else f"{len(told)} things need a person"
    mark = {Step.TOLD: "", Step.REMINDED: "Still waiting: ", Step.ESCALATED: "Nobody has seen to it: "}
    lines = [f"{mark[step]}{matter.text}\n    {matter.command}" for matter, step in told]
    end = "Nothing goes out because nobody answered: silence never approves."
    return Message(subject=f"{clinic}: {subject}", text="\n\n".join([*lines, end]))


def _matter(kind: Kind, rows: Sequence[Delivery], text: str, command: str, *, key: str = "") -> Matter:
    return Matter(
        key=key or kind.value,
        kind=kind,
        text=text,
        command=command,
        mark=_digest(sorted(one.id for one in rows)),
        since=min(one.planned_at for one in rows),
    )


def _of_held(held: Sequence[Delivery], where_to: str) -> Iterator[Matter]:
    """Group what is held by why, each in one group, the gravest; `where_to` is where a person decides."""
    groups: dict[Kind, list[Delivery]] = {}
    for one in held:
        groups.setdefault(_kind_of(one), []).append(one)
    for kind, rows in groups.items():
        where = _where(rows)
        if kind is Kind.SURGE:
            count = len({one.answer_id for one in rows})
            text = f"A surge: {count} new answers at once; all of their promos are held ({where})"
        elif kind is Kind.BY_HAND:
            text = f"{_counted(rows, 'post')} must be deleted by hand ({where})"
        elif kind is Kind.GATE:
            seen = sorted({in_words(rule) for one in rows for rule in _grave(one)})
            text = f"{_counted(rows, 'promo')} held by the gate ({where}): {', '.join(seen)}"
        else:
            text = f"{_counted(rows, 'promo')} waiting for approval ({where})"
        yield _matter(kind, rows, text, where_to)


def _kind_of(held: Delivery) -> Kind:
    if held.occasion == WITHDRAW:
        return Kind.BY_HAND
    if any(why.startswith("surge:") for why in held.why):
        return Kind.SURGE
    if _grave(held) or any(why.startswith("gate") for why in held.why):
        return Kind.GATE
    return Kind.APPROVAL


def _grave(held: Delivery) -> set[str]:
    """Give the rules whose findings hold it."""
    return {one.rule for one in held.findings if one.severity is not Severity.NOTE}


def _of_trouble(rows: Sequence[Delivery]) -> Iterator[Matter]:
    refused = [one for one in rows if one.state is State.REFUSED and one.needs_person]
    if refused:
        text = f"{_counted(refused, 'promo')} refused by a network ({_where(refused)})"
        yield _matter(
            Kind.REFUSED, refused, text, f"clinic-broadcast log --state refused, then {REFUSED_MENDS}"
        )
    unsure = [one for one in rows if one.state is State.UNSURE and one.needs_person]
    if unsure:
        text = f"{_counted(unsure, 'promo')} of which nobody knows whether it is public ({_where(unsure)})"
        yield _matter(Kind.UNSURE, unsure, text, "clinic-broadcast log --state unsure, then resolve ID")
    for channel, part in _by_channel(rows, lambda one: one.needs_person.startswith("account:")):
        text = f"{channel} takes nothing from us: its token or a right is missing"
        yield _matter(
            Kind.ACCOUNT, part, text, f"clinic-broadcast connect {channel}", key=f"account:{channel}"
        )
    for channel, part in _by_channel(rows, lambda one: one.reason.startswith("spend:")):
        yield _matter(
            Kind.SPEND,
            part,
            f"{channel}: {part[0].reason}",
            "clinic-broadcast status",
            key=f"spend:{channel}",
        )


def _by_channel(
    rows: Sequence[Delivery], wanted: Callable[[Delivery], bool]
) -> Iterator[tuple[str, list[Delivery]]]:
    found = [one for one in rows if one.state is State.PLANNED and wanted(one)]
    for channel in sorted({one.channel for one in found}):
        yield channel, [one for one in found if one.channel == channel]


def _of_tokens(watch: Watch, now: datetime) -> Iterator[Matter]:
    for channel, ends_on in sorted(watch.token_ends.items()):
        left = (ends_on - now.date()).days
        step = next((days for days in TOKEN_DAYS if left <= days), None)
        if step is None:
            continue
        text = (
            f"The token of {channel} ends on {ends_on}"
            if left >= 0
            else f"The token of {channel} ended on {ends_on}"
        )
        yield Matter(
            key=f"token:{channel}:{step}",
            kind=Kind.TOKEN,
            text=text,
            command=f"clinic-broadcast connect {channel}, then set token_ends_on anew",
            mark=str(ends_on),
            since=datetime.combine(ends_on, time(), tzinfo=UTC),
        )


def _of_sources(desk: Desk, watch: Watch, now: datetime) -> Iterator[Matter]:
    polled_at = desk.ledger.last_poll_at()
    if polled_at is not None and now - polled_at > UNREAD_MAX:
        yield Matter(
            key="silence:unread",
            kind=Kind.SILENCE,
            text=f"The blog has not been read since {polled_at:%Y-%m-%d %H:%M} UTC",
            command="clinic-broadcast doctor",
            mark="",
            since=polled_at,
        )
    for newest in desk.ledger.newest_answers(1):
        if now - newest.published_at > watch.silent_after:
            yield Matter(
                key="silence:blog",
                kind=Kind.SILENCE,
                text=f"The blog has had no new answer since {newest.published_at:%Y-%m-%d}",
                command="clinic-broadcast doctor",
                mark="",
                since=newest.published_at,
            )


def _of_backup(desk: Desk, watch: Watch, now: datetime) -> Iterator[Matter]:
    if watch.backup_after is None:
        return
    newest = watch.newest_backup_at
    begun = [at for name in desk.sources if (at := desk.ledger.first_poll_at(name)) is not None]
    # A home that is younger than that has had no night for its first backup yet.
    safe_at = newest or min(begun, default=now)
    if now - safe_at > watch.backup_after:
        told = (
            "There is no backup of the record"
            if newest is None
            else f"The newest backup is from {newest:%Y-%m-%d}"
        )
        yield Matter(
            key=Kind.BACKUP.value,
            kind=Kind.BACKUP,
            text=told,
            command="clinic-broadcast backup",
            mark="",
            since=safe_at,
        )


def _of_jobs(desk: Desk, watch: Watch) -> Iterator[Matter]:
    for name in watch.schedules:
        run = desk.ledger.last_run(name)
        if run is not None and run.is_failing:
            yield Matter(
                key=f"job:{name}",
                kind=Kind.JOB,
                text=f"The job of schedules/{name}.toml fails again and again",
                command="clinic-broadcast status; the daemon's log has the reason",
                mark="",
                # Later slots fail too: it is one matter from its first telling to its end.
                since=datetime(1970, 1, 1, tzinfo=UTC),
            )


def _of_settings(watch: Watch) -> Iterator[Matter]:
    if watch.refused_at is not None:
        yield Matter(
            key=Kind.SETTINGS.value,
            kind=Kind.SETTINGS,
            # Not what is wrong: a sentence about settings may quote what somebody has put in the wrong place.
            text="Changed settings were refused; the old ones stay in force",
            command="clinic-broadcast doctor",
            mark="",
            since=watch.refused_at,
        )


def _where(rows: Iterable[Delivery]) -> str:
    counted = Counter(one.channel for one in rows)
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


def _counted(rows: Sequence[Delivery], noun: str) -> str:
    return f"1 {noun}" if len(rows) == 1 else f"{len(rows)} {noun}s"


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]

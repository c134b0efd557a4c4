"""When a person is told what: once when it begins, again when it grows, a reminder, then somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final, Protocol

GROUP_FOR: Final = timedelta(hours=1)
"""What grows is told again, but no more often than this: ten promos of one morning are one message or two."""


class Kind(StrEnum):
    """What a notice is about."""

    APPROVAL = "approval"
    GATE = "gate"
    TOKEN = "token"  # noqa: S105  # A kind of notice, no secret.
    ACCOUNT = "account"
    REFUSED = "refused"
    UNSURE = "unsure"
    BY_HAND = "by-hand"
    SILENCE = "silence"
    SURGE = "surge"
    SPEND = "spend"
    BACKUP = "backup"
    JOB = "job"
    SETTINGS = "settings"


class Step(IntEnum):
    """How far the telling of one matter has gone; the stored number is the value."""

    TOLD = 1
    REMINDED = 2
    ESCALATED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something that a person should know now.

    `key` names it for as long as it lasts; `mark` changes when it has grown. `since` is when the oldest part of it
    began: a reminder looks at that. `text` says what is the matter without a word of an answer, `command` what to do.
    """

    key: str
    kind: Kind
    text: str
    command: str
    mark: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that goes with a message."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a person of the clinic is told: a subject and a text; e-mail shows `html` in its place, if there is any."""

    subject: str
    text: str
    html: str = ""
    enclosures: tuple[Enclosure, ...] = ()


class Messenger(Protocol):
    """The way to a person of the clinic."""

    def tell(self, message: Message, *, escalated: bool = False) -> str:
        """Send a message; gives what went wrong, or nothing. `escalated` reaches those who are told when nobody acts.

        Never raises for what the far side does; SettingsError when an address cannot be meant.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the ledger remembers of a matter that a person was told of."""

    key: str
    mark: str
    since: datetime
    step: Step
    stepped_at: datetime
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an unanswered notice rests before a reminder, and before somebody else is told, from the first on."""

    remind_after: timedelta
    escalate_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One change of what was told. `matter` is None when there is nothing to say: it is over, or a part of it is.

    `step` says how it is told: what has grown is told as at first, whatever step the whole has reached.
    """

    before: Told | None
    after: Told | None
    matter: Matter | None = None
    step: Step = Step.TOLD


def tellings(
    matters: Iterable[Matter], told: Iterable[Told], now: datetime, patience: Patience
) -> list[Telling]:
    """Give what is to be told now, and what is to be forgotten because it is over."""
    known = {one.key: one for one in told}
    changes = [_telling(matter, known.pop(matter.key, None), now, patience) for matter in matters]
    over = [Telling(before=one, after=None) for one in known.values()]
    return [one for one in changes if one is not None] + over


def _telling(matter: Matter, told: Told | None, now: datetime, patience: Patience) -> Telling | None:
    fresh = Told(
        key=matter.key,
        mark=matter.mark,
        since=matter.since,
        step=Step.TOLD,
        stepped_at=now,
        told_at=now,
    )
    if told is None:
        return Telling(before=None, after=fresh, matter=matter)
    if matter.since > told.since:
        # The oldest part was seen to: what is left begins anew, and it was told of already.
        return Telling(
            before=told,
            after=replace(
                told, since=matter.since, step=Step.TOLD, stepped_at=max(told.told_at, matter.since)
            ),
        )
    due = _next_step(told, now, patience)
    if due is not None:
        after = replace(told, mark=matter.mark, step=due, stepped_at=now, told_at=now)
        return Telling(before=told, after=after, matter=matter, step=due)
    if matter.mark != told.mark and now - told.told_at >= GROUP_FOR:
        return Telling(before=told, after=replace(told, mark=matter.mark, told_at=now), matter=matter)
    return None


def _next_step(told: Told, now: datetime, patience: Patience) -> Step | None:
    """Give the step that has fallen due; None if none has."""
    if told.step is Step.TOLD and now - told.stepped_at >= patience.remind_after:
        return Step.REMINDED
    rest = patience.escalate_after - patience.remind_after
    if told.step is Step.REMINDED and now - told.stepped_at >= rest:
        return Step.ESCALATED
    return None

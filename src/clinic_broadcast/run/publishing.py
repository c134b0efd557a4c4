"""One answer or one hand-written wording now: the same gate, ledger and idempotence as the daemon's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.compose import compose_written
from clinic_broadcast.core.delivery import Delivery, State, release
from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.gate import examine_payload
from clinic_broadcast.core.intake import Arrival
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.promo import ANNOUNCE, MANUAL
from clinic_broadcast.core.utm import untagged
from clinic_broadcast.core.wording import Wording
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ports import Channel, Marks
from clinic_broadcast.run.broadcast import deliver
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import known_answer, poll
from clinic_broadcast.run.promotion import Draft, delivery_of, draft, reasons_to_hold, renew
from clinic_broadcast.run.recollection import is_withdrawn
from clinic_broadcast.run.reconcile import notice_silence


@dataclass(frozen=True, slots=True)
class AnswerTarget:
    """The target of a command is an answer."""

    known: KnownAnswer


@dataclass(frozen=True, slots=True)
class WordingTarget:
    """The target of a command is a wording written by hand."""

    wording: Wording


Target: TypeAlias = AnswerTarget | WordingTarget


def find_target(desk: Desk, target: str) -> Target:
    """Find what a person means: a file of posts/, an answer of the ledger by id or URL, or one of the sources.

    Raises UsageError when nothing matches, SourceError when a source that might hold it cannot be read.
    """
    wording = desk.wordings.find(target)
    if wording is not None:
        return WordingTarget(wording)
    # A link copied from a promo may carry UTM parameters.
    known = (
        desk.ledger.answer(AnswerId(target))
        or desk.ledger.answer_at(target)
        or desk.ledger.answer_at(untagged(target))
    )
    if known is not None:
        return AnswerTarget(known)
    for source in desk.sources.values():
        raw = source.find(target)
        if raw is None:
            continue
        known = desk.ledger.answer(raw.id)
        if known is None:
            # It is not in the record yet: a person asks for it, so no freshness is judged.
            answer = read_answer(raw, desk.gate.own_names)
            arrival = Arrival(standing=Standing.FRESH)
            known = known_answer(desk, answer, arrival, source=source.name, now=desk.clock.now())
        return AnswerTarget(known)
    if desk.wordings.is_template(target):
        raise UsageError(
            f"{target}: this is a template for automatic posts, no post; name an answer or a file written by hand"
        )
    raise UsageError(
        f"nothing is known as {target!r}: give the URL of an answer, its id (`clinic-broadcast log` shows it), or the"
        " name of a file in posts/"
    )


def publish_target(desk: Desk, target: str, channels: Mapping[str, Channel]) -> list[Delivery]:
    """Publish what a person names; a home that was never polled takes its baseline first.

    Raises UsageError when nothing is meant by `target`, SourceError when a source cannot be read.
    """
    notice_silence(desk)
    if desk.wordings.find(target) is None and any(
        desk.ledger.first_poll_at(source.name) is None for source in desk.sources.values()
    ):
        poll(desk)
    found = find_target(desk, target)
    if isinstance(found, AnswerTarget) and desk.ledger.answer(found.known.material.answer_id) is None:
        source = found.known.source
        marks = desk.ledger.marks(source) or Marks()
        desk.ledger.remember(source, [found.known], marks=marks, at=desk.clock.now())
    return publish(desk, found, channels)


def drafts_for(desk: Desk, target: Target, channels: Mapping[str, Channel]) -> dict[str, Draft]:
    """Give what would go out on each channel, composed and examined; nothing is recorded.

    A wording that names its channels goes nowhere else.
    """
    return {
        name: draft_for(desk, target, channel)
        for name, channel in channels.items()
        if isinstance(target, AnswerTarget) or is_for(target.wording, channel)
    }


def is_for(wording: Wording, channel: Channel) -> bool:
    """Say whether a wording may go to this channel: one that names none goes everywhere."""
    return not wording.channels or channel.name in wording.channels or channel.kind in wording.channels


def refuse_untimely(desk: Desk, target: Target) -> None:
    """Raise UsageError for what may not go out now: a withdrawn answer, an expired wording or one for later."""
    if isinstance(target, AnswerTarget):
        if is_withdrawn(desk, target.known.material.answer_id, target.known):
            raise UsageError(
                f"{target.known.material.url or target.known.material.answer_id}: it is withdrawn"
            )
        return
    wording, now = target.wording, desk.clock.now()
    if wording.expires and _instant_of(wording.expires) <= now:
        raise UsageError(f"{wording.file}: expired on {wording.expires}; change `expires` to publish it")
    if wording.not_before and _instant_of(wording.not_before) > now:
        raise UsageError(
            f"{wording.file}: not before {wording.not_before}; change `not_before` to publish it now"
        )


def is_timely(wording: Wording, now: datetime) -> bool:
    """Say whether a wording may go out at this instant by its own `not_before` and `expires`."""
    if wording.expires and _instant_of(wording.expires) <= now:
        return False
    return not wording.not_before or _instant_of(wording.not_before) <= now


def _instant_of(text: str) -> datetime:
    """Read a date or an instant of a wording's front matter; a date means its first moment, UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def draft_for(desk: Desk, target: Target, channel: Channel) -> Draft:
    """Give what would go out on one channel, composed and examined; nothing is recorded."""
    if isinstance(target, AnswerTarget):
        wording = desk.wordings.template_for(ANNOUNCE, channel.name, channel.kind)
        return draft(desk, target.known.material, channel, wording)
    promo = compose_written(target.wording, channel=channel.name, limits=channel.limits, gate=desk.gate)
    findings: tuple[Finding, ...] = examine_payload(desk.gate, promo.payload, promo.fragments, None)
    return Draft(promo=promo, findings=findings)


def publish(desk: Desk, target: Target, channels: Mapping[str, Channel]) -> list[Delivery]:
    """Plan what is not planned yet, let go what may go, deliver it, and give each channel's delivery.

    A promo that waits for a person stays held; one that was sent before is given as it is and not sent again.
    """
    refuse_untimely(desk, target)
    ids: list[str] = []
    for name, drafted in drafts_for(desk, target, channels).items():
        channel = channels[name]
        if isinstance(target, AnswerTarget):
            occasion, revision = ANNOUNCE, target.known.material.revision
            link, note = target.known.material.url, target.known.note
        else:
            occasion, revision, link, note = MANUAL, target.wording.digest, target.wording.link, ""
        # The same words may be public under another address: a person who sees that note decides.
        why = (*((f"intake: {note}",) if note else ()), *reasons_to_hold(desk, drafted))
        planned = delivery_of(
            desk, drafted, channel, occasion=occasion, revision=revision, why=why, link=link
        )
        if not desk.ledger.plan(planned, actor=desk.actor):
            _renew_if_stale(desk, planned, drafted)
        ids.extend(_ids_of(desk, planned))
    now = desk.clock.now()
    for delivery_id in ids:
        delivery = desk.ledger.delivery(delivery_id)
        if delivery is not None and delivery.state is State.PLANNED and delivery.released_at is None:
            desk.ledger.move(delivery, release(delivery, now), kind="released", actor=desk.actor, at=now)
    deliver(desk, only=ids, ignore_quiet=True, retry_accounts=True)
    found = [desk.ledger.delivery(delivery_id) for delivery_id in ids]
    return [delivery for delivery in found if delivery is not None]


def _renew_if_stale(desk: Desk, planned: Delivery, drafted: Draft) -> None:
    """Give what was planned before the words of today, as long as it was not sent."""
    for delivery_id in _ids_of(desk, planned):
        before = desk.ledger.delivery(delivery_id)
        if before is None or before.state not in (State.PLANNED, State.HELD):
            continue
        if before.source_revision != planned.source_revision:
            renew(desk, before, drafted, revision=planned.source_revision)


def _ids_of(desk: Desk, planned: Delivery) -> list[str]:
    """Give the id of the delivery that stands in the ledger for this answer, channel and occasion."""
    alike = desk.ledger.deliveries(answer_id=planned.answer_id)
    return [
        one.id
        for one in alike
        if one.occasion == planned.occasion
        and (one.channel == planned.channel or one.account == planned.account)
    ]

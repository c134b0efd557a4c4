"""Plan promos: for each fresh answer one on every enabled channel, planned or held with the reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.compose import compose
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Finding, Verdict, verdict_of
from clinic_broadcast.core.material import KnownAnswer, Material
from clinic_broadcast.core.promo import ANNOUNCE, Fragment, Origin, Payload, Promo, delivery_key
from clinic_broadcast.core.review import edit
from clinic_broadcast.core.utm import tagged
from clinic_broadcast.core.verdicts import examine_once
from clinic_broadcast.core.wording import Wording
from clinic_broadcast.ports import Channel
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.pictures import illustrated
from clinic_broadcast.run.suggesting import choice_for

ANSWERS_AT_A_TIME: Final = 32
"""Promos of so many answers are recorded in one transaction: each costs a wait for the disk."""

NO_WORDS = "words: the gate leaves no hook for this answer; a person writes it with `edit`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """How many deliveries a round of planning added, by where they stand."""

    planned: int = 0
    held: int = 0

    def __add__(self, other: Planning) -> Planning:
        """Give the sum of two rounds."""
        return Planning(planned=self.planned + other.planned, held=self.held + other.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One promo with what the gate says of it; `unpictured` is why a picture that was asked for is not there."""

    promo: Promo
    findings: tuple[Finding, ...]
    wordless: bool = False
    unpictured: str = ""

    @property
    def verdict(self) -> Verdict:
        """Give the verdict of the draft; one without words is held."""
        verdict = verdict_of(self.findings)
        return Verdict.HOLD if self.wordless and verdict is Verdict.CLEAR else verdict


def draft(desk: Desk, material: Material, channel: Channel, wording: Wording) -> Draft:
    """Give the promo of an answer for one channel, composed and examined; nothing is recorded.

    Where no clean words can be found the draft holds the link alone, for a person to write around.
    """
    pictured = channel.name in desk.pictured
    first, remarks = choice_for(desk, material, wording)
    linked = with_link_for(desk, material, channel)
    promo = compose(
        linked,
        wording,
        channel=channel.name,
        limits=channel.limits,
        gate=desk.gate,
        pictured=pictured,
        first=first,
    )
    wordless = promo is None
    if promo is None:
        promo = _bare(linked, channel, wording)
    unpictured = ""
    if pictured:
        payload, unpictured = illustrated(desk, promo.payload, material, kind=channel.kind)
        promo = replace(promo, payload=payload)
    findings = examine_once(desk.gate, promo.payload, promo.fragments, material)
    return Draft(promo=promo, findings=(*findings, *remarks), wordless=wordless, unpictured=unpictured)


def with_link_for(desk: Desk, material: Material, channel: Channel) -> Material:
    """Give the material with the link that a promo for this channel carries; the answer keeps its own, as it is."""
    return replace(material, url=tagged(material.url, desk.utm, kind=channel.kind))


def plan_fresh(desk: Desk, *, skip_first_n: bool = False) -> Planning:
    """Plan the announcement of every fresh answer that has none, and mark the answer as planned.

    A crash in between plans again, which adds nothing twice. More fresh answers than `surge_max` at once are
    all held. `skip_first_n` leaves the rule out that the first promos of a home wait for a person. While no channel
    is enabled nothing is planned and nothing forgotten. Promos whose answer has other words now are written anew.
    """
    renew_stale(desk)
    waiting = desk.ledger.unplanned() if desk.channels else []
    is_surge = len(waiting) > desk.review.surge_max
    total = Planning()
    for start in range(0, len(waiting), ANSWERS_AT_A_TIME):
        some = waiting[start : start + ANSWERS_AT_A_TIME]
        first_left = 0 if skip_first_n else first_promos_left(desk)
        drafted: list[Delivery] = []
        for known in some if desk.review.mode != "off" else ():
            held_for = [f"surge: {len(waiting)} fresh answers in one poll"] if is_surge else []
            if known.note:
                held_for.append(f"intake: {known.note}")
            drafted += _announcements(desk, known, held_for=held_for, held_first=first_left - len(drafted))
        answers = [known.material.answer_id for known in some]
        total += _record(desk, drafted, answers=answers)
    return total


def renew_stale(desk: Desk) -> int:
    """Write every unsent announcement anew whose answer has other words now; each waits for approval again."""
    renewed = 0
    for one in desk.ledger.deliveries(states=(State.PLANNED, State.HELD)):
        known = desk.ledger.answer(one.answer_id)
        channel = desk.channels.get(one.channel)
        if one.occasion != ANNOUNCE or known is None or channel is None:
            continue
        if known.material.revision != one.source_revision and known.standing is not Standing.WITHDRAWN:
            wording = desk.wordings.template_for(ANNOUNCE, channel.name, channel.kind)
            drafted = draft(desk, known.material, channel, wording)
            renewed += renew(desk, one, drafted, revision=known.material.revision)
    return renewed


def renew(desk: Desk, stale: Delivery, drafted: Draft, *, revision: str) -> bool:
    """Give an unsent promo the words of a new draft; it is held, and what was approved before is void."""
    why = ("source: there are other words now than when this was planned", *reasons_to_hold(desk, drafted))
    promo = drafted.promo
    held = edit(stale, promo.payload, fragments=promo.fragments, findings=drafted.findings, why=why)
    renewed = replace(held, source_revision=revision, gate_version=desk.gate.version, wording=promo.wording)
    body = {"revision": promo.payload.revision}
    at = desk.clock.now()
    return desk.ledger.move(stale, renewed, kind="renewed", actor=desk.actor, at=at, body=body)


def plan_answer(desk: Desk, known: KnownAnswer, *, held_for: Sequence[str]) -> Planning:
    """Plan the announcement of one answer on every channel; what is planned there already stays as it is."""
    made = _announcements(desk, known, held_for=held_for, held_first=first_promos_left(desk))
    return _record(desk, made, answers=())


def _record(desk: Desk, drafted: Sequence[Delivery], *, answers: Collection[AnswerId]) -> Planning:
    added = desk.ledger.plan_all(drafted, answers=answers, actor=desk.actor, at=desk.clock.now())
    states = [one.state for one in drafted if one.id in added]
    return Planning(planned=states.count(State.PLANNED), held=states.count(State.HELD))


def _announcements(
    desk: Desk, known: KnownAnswer, *, held_for: Sequence[str], held_first: int
) -> list[Delivery]:
    """Give the announcements of an answer, of which the first `held_first` wait for a person whatever they say."""
    made: list[Delivery] = []
    # Only while they are counted does it matter here what is planned already; the record knows it in any case.
    planned = desk.ledger.deliveries(answer_id=known.material.answer_id) if held_first > 0 else ()
    there = {name for one in planned if one.occasion == ANNOUNCE for name in (one.channel, one.account)}
    for channel in desk.channels.values():
        if not there.isdisjoint((channel.name, channel.account)):
            continue
        wording = desk.wordings.template_for(ANNOUNCE, channel.name, channel.kind)
        drafted = draft(desk, known.material, channel, wording)
        why = [*held_for, *reasons_to_hold(desk, drafted, is_early=len(made) < held_first)]
        revision = known.material.revision
        made.append(
            delivery_of(
                desk,
                drafted,
                channel,
                occasion=ANNOUNCE,
                revision=revision,
                why=tuple(why),
                link=known.material.url,
            )
        )
    return made


def first_promos_left(desk: Desk) -> int:
    """Give how many of the promos planned next are among a home's first, which always wait for a person."""
    if desk.review.mode != "auto-clean":
        return 0
    planned = sum(sum(states.values()) for states in desk.ledger.count_deliveries().values())
    return max(0, desk.review.first_n - planned)


def reasons_to_hold(desk: Desk, drafted: Draft, *, is_early: bool | None = None) -> list[str]:
    """Say why a draft waits for a person; an empty list means that it may go by itself.

    `is_early` says whether it is among the first promos of this home; None asks the record.
    """
    why: list[str] = []
    if drafted.wordless:
        why.append(NO_WORDS)
    if desk.review.mode in ("hold", "off"):
        why.append("review: a person approves every promo")
    elif drafted.findings:
        rules = sorted({finding.rule for finding in drafted.findings})
        why.append("gate: " + ", ".join(rules))
    if first_promos_left(desk) > 0 if is_early is None else is_early:
        why.append(f"review: among the first {desk.review.first_n} promos of this home")
    return why


def delivery_of(
    desk: Desk,
    drafted: Draft,
    channel: Channel,
    *,
    occasion: str,
    revision: str,
    why: tuple[str, ...],
    link: str | None = None,
) -> Delivery:
    """Give a draft as a delivery that has not been recorded yet: held when there is a reason, else planned.

    `link` is the address of the answer, where the promo's own may say more or lead elsewhere.
    """
    promo = drafted.promo
    now: datetime = desk.clock.now()
    key = delivery_key(desk.clinic, promo.answer_id, account=channel.account, occasion=occasion)
    return Delivery(
        id=key[:12],
        key=key,
        answer_id=promo.answer_id,
        answer_url=promo.payload.link if link is None else link,
        channel=channel.name,
        account=channel.account,
        occasion=occasion,
        state=State.HELD if why else State.PLANNED,
        payload=promo.payload,
        fragments=promo.fragments,
        wording=promo.wording,
        source_revision=revision,
        gate_version=desk.gate.version,
        planned_at=now,
        due_at=desk.next_slot_at(channel.name, now),
        why=why,
        findings=drafted.findings,
    )


def _bare(material: Material, channel: Channel, wording: Wording) -> Promo:
    """Give a promo that is only the link, for a person to write around."""
    text = material.url
    return Promo(
        answer_id=material.answer_id,
        channel=channel.name,
        payload=Payload(text=text, link=material.url),
        fragments=(Fragment(text=text, origin=Origin.OWN, start=0, end=len(text)),) if text else (),
        length=len(text),
        length_max=channel.limits.length_max,
        wording=f"{wording.file}@{wording.digest}",
    )

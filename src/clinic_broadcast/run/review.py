"""A person's yes or no: approve, hold, edit and settle, each bound to the exact payload and recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from clinic_broadcast.core import review
from clinic_broadcast.core.compose import promo_of_text
from clinic_broadcast.core.delivery import Delivery, State, move
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.core.utm import relinked
from clinic_broadcast.core.verdicts import examine_once
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ports import Withdrawing
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.reconcile import WAITING, forgotten, lapses_of, notice

OF_PROMO: Final = frozenset({"promo", "link", "card"})
"""Where the findings are that a promo has of its own; all others are its answer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a person's command on one delivery. `refused` says why nothing changed, or is empty."""

    delivery: Delivery
    refused: str = ""
    findings: tuple[Finding, ...] = ()


EDITABLE: Final = (State.PLANNED, State.HELD, State.REFUSED)
"""What is surely not public, and may still become so."""

DELETED_BY_HAND: Final = (
    "delete it by hand at its address, then run `clinic-broadcast resolve {id} --deleted`"
)


def find_delivery(desk: Desk, delivery_id: str) -> Delivery:
    """Give the delivery of this id or unique prefix; raises UsageError when there is none."""
    delivery = desk.ledger.delivery(delivery_id)
    if delivery is None:
        raise UsageError(
            f"no delivery has the id {delivery_id!r}; `clinic-broadcast queue` lists those that wait"
        )
    return delivery


def may_not_be_approved(
    desk: Desk, delivery: Delivery, *, revision: str, by: str, accepts_blocks: bool = True
) -> tuple[str, tuple[Finding, ...]]:
    """Say why an approval is refused, with the findings behind it; an empty reason means that it is not.

    Where `accepts_blocks` is false, no block at all may be approved, whoever asks.
    """
    if delivery.state is not State.HELD:
        return f"it is {delivery.state}, not held", ()
    if delivery.occasion == WITHDRAW and not isinstance(desk.channels.get(delivery.channel), Withdrawing):
        return f"no program can delete there: {DELETED_BY_HAND.format(id=delivery.id)}", ()
    if revision and revision != delivery.payload.revision:
        return f"the promo has changed since: its revision is now {delivery.payload.revision}", ()
    known = desk.ledger.answer(delivery.answer_id)
    material = known.material if known is not None else None
    if known is not None and known.material.revision != delivery.source_revision:
        return "the answer has other words now: `clinic-broadcast run --once` writes the promo anew", ()
    if delivery.channel not in desk.channels:
        return f"the channel {delivery.channel} is not enabled: it could never go out", ()
    if not delivery.payload.text.replace(delivery.payload.link, "").strip() and delivery.occasion != WITHDRAW:
        return "it has no words yet: give it some with `clinic-broadcast edit`", ()
    findings = examine_once(desk.gate, delivery.payload, delivery.fragments, material)
    blocks = [finding for finding in findings if finding.severity is Severity.BLOCK]
    if any(finding.rule.startswith(("privacy.", "form.fragments")) for finding in blocks):
        return (
            "the gate blocks it: it may name a patient; `clinic-broadcast edit` gives it other words",
            findings,
        )
    if blocks and not accepts_blocks:
        is_of_promo = any(finding.where in OF_PROMO for finding in blocks)
        return (
            "the gate blocks it: it needs other words"
            if is_of_promo
            else "the gate blocks its answer: mend it on the blog; as it stands only the clinician lets it go, "
            f"with `clinic-broadcast approve {delivery.id} --by NAME`",
            findings,
        )
    if blocks and not by:
        return (
            "the gate blocks it for the clinician: approve it with `--by NAME` after reading the findings",
            findings,
        )
    return "", findings


def approve(
    desk: Desk,
    delivery_id: str,
    *,
    revision: str = "",
    by: str = "",
    why: str = "",
    accepts_blocks: bool = True,
    asks_why: bool = False,
    write: bool = True,
) -> Decision:
    """Approve a held promo as it stands; a stale `revision` (sha256 of the payload) is refused.

    The gate reads the payload once more: what it finds now is what the approval accepts. `why` is recorded with it;
    where `asks_why` is true, no hold for privacy is overruled without one.
    """
    delivery = find_delivery(desk, delivery_id)
    if (
        delivery.state is State.PLANNED
        and delivery.approved_by
        and revision in ("", delivery.payload.revision)
    ):
        return Decision(delivery=delivery)
    refused, findings = may_not_be_approved(
        desk, delivery, revision=revision, by=by, accepts_blocks=accepts_blocks
    )
    if asks_why and not why and overrules_privacy(findings):
        refused = "the gate holds it for privacy: say why it may go out all the same"
    if refused:
        return Decision(delivery=delivery, refused=refused, findings=findings)
    now = desk.clock.now()
    who = by or desk.actor
    approved = replace(
        review.approve(delivery, by=who, now=now),
        findings=findings,
        gate_version=desk.gate.version,
        due_at=desk.next_slot_at(delivery.channel, now),
    )
    body = {"revision": delivery.payload.revision, "rules": ", ".join(sorted({one.rule for one in findings}))}
    if why:
        body["why"] = why
    return _written(desk, delivery, approved, kind="approved", actor=who, body=body, write=write)


def overrules_privacy(findings: Iterable[Finding]) -> bool:
    """Say whether an approval overrules a hold for privacy."""
    return any(one.severity is Severity.HOLD and one.rule.startswith("privacy.") for one in findings)


def hold(
    desk: Desk, delivery_id: str, *, why: str, by: str = "", for_good: bool = False, write: bool = True
) -> Decision:
    """Hold a promo that has not been sent, for the reason given; `for_good` means that it never goes out."""
    delivery = find_delivery(desk, delivery_id)
    if for_good:
        return _give_up(desk, delivery, why=why, by=by, write=write)
    if delivery.state not in (State.PLANNED, State.HELD):
        return Decision(
            delivery=delivery, refused=f"it is {delivery.state}: only what is not sent yet can be held"
        )
    who = by or desk.actor
    held = review.hold_for(delivery, f"{who}: {why}")
    return _written(desk, delivery, held, kind="held", actor=who, body={"why": why}, write=write)


def _give_up(desk: Desk, delivery: Delivery, *, why: str, by: str, write: bool) -> Decision:
    if delivery.occasion == WITHDRAW:
        return Decision(
            delivery=delivery, refused=f"its promo is public: {DELETED_BY_HAND.format(id=delivery.id)}"
        )
    if delivery.state not in EDITABLE:
        return Decision(
            delivery=delivery, refused=f"it is {delivery.state}: only what is not sent can be given up"
        )
    lapses = [one for one in (notice(desk) if write else lapses_of(desk.ledger)) if one.is_certain]
    is_waiting = delivery.state in WAITING and delivery.channel in desk.channels
    if is_waiting and forgotten(desk, delivery, lapses):
        return Decision(
            delivery=delivery,
            refused="the record was put back from an old copy: it may be public, so it is looked for first",
        )
    who = by or desk.actor
    after = review.give_up(delivery, f"given up by {who}: {why}")
    return _written(desk, delivery, after, kind="cancelled", actor=who, body={"why": why}, write=write)


def edit(
    desk: Desk, delivery_id: str, *, text: str, revision: str = "", by: str = "", write: bool = True
) -> Decision:
    """Give a promo that has not been sent other words; the gate reads them, and it waits for approval again.

    A `revision` that is not the promo's any more is refused: nobody writes over words that they have not seen.
    """
    delivery = find_delivery(desk, delivery_id)
    if revision and revision != delivery.payload.revision:
        return Decision(delivery=delivery, refused="the promo has changed since")
    if delivery.occasion == WITHDRAW:
        return Decision(delivery=delivery, refused="it takes a promo back: there are no words in it")
    if delivery.state not in EDITABLE:
        return Decision(
            delivery=delivery, refused=f"it is {delivery.state}: only what is not sent yet can be edited"
        )
    channel = desk.channels.get(delivery.channel)
    if channel is None:
        return Decision(delivery=delivery, refused=f"the channel {delivery.channel} is not enabled")
    link = delivery.payload.link
    if not text.strip():
        return Decision(delivery=delivery, refused="there are no words in it")
    text = relinked(text, link)
    if link and link not in text:
        # Also where a card carried it: other words go without the card, which says the old ones.
        text = f"{text.rstrip()} {link}"
    promo = promo_of_text(
        text,
        link=delivery.payload.link,
        answer_id=delivery.answer_id,
        channel=channel.name,
        limits=channel.limits,
    )
    if promo.length > promo.length_max:
        long = f"it is too long for {channel.name}: {promo.length} of at most {promo.length_max}"
        return Decision(delivery=delivery, refused=long)
    known = desk.ledger.answer(delivery.answer_id)
    material = known.material if known is not None else None
    findings = examine_once(desk.gate, promo.payload, promo.fragments, material)
    who = by or desk.actor
    edited = replace(
        review.edit(
            delivery,
            promo.payload,
            fragments=promo.fragments,
            findings=findings,
            why=(f"review: edited by {who}",),
        ),
        gate_version=desk.gate.version,
        source_revision=known.material.revision if known is not None else delivery.source_revision,
    )
    body = {"revision": promo.payload.revision}
    return _written(desk, delivery, edited, kind="edited", actor=who, body=body, write=write)


def resolve(
    desk: Desk, delivery_id: str, *, sent_url: str | None, by: str = "", write: bool = True
) -> Decision:
    """Settle an unsure delivery by a person's word: public at `sent_url`, or (None) not sent and due again.

    What a network has refused is known not to be public; so None sends it again, when its cause is mended.
    """
    delivery = find_delivery(desk, delivery_id)
    now = desk.clock.now()
    who = by or desk.actor
    if delivery.state is State.REFUSED and sent_url is None:
        again = review.settle_as_not_sent(delivery, now)
        return _written(desk, delivery, again, kind="sent-again", actor=who, body={}, write=write)
    if delivery.state is not State.UNSURE:
        return Decision(
            delivery=delivery, refused=f"it is {delivery.state}: only what is unsure can be settled"
        )
    if sent_url is None:
        settled, body = review.settle_as_not_sent(delivery, now), {"word": "not sent"}
    else:
        settled, body = review.settle_as_sent(delivery, sent_url, now), {"word": "sent", "post_url": sent_url}
    return _written(desk, delivery, settled, kind="resolved", actor=who, body=body, write=write)


def settle_as_deleted(desk: Desk, delivery_id: str, *, by: str = "", write: bool = True) -> Decision:
    """Record a person's word that they have deleted by hand what this withdrawal was to take back.

    Every public promo of its answer on its channel counts as withdrawn then, and the withdrawal as not needed any more.
    """
    delivery = find_delivery(desk, delivery_id)
    if delivery.occasion != WITHDRAW:
        return Decision(
            delivery=delivery,
            refused="only what takes a promo back can be settled so: `clinic-broadcast withdraw` comes first",
        )
    if delivery.state not in EDITABLE:
        return Decision(delivery=delivery, refused=f"it is {delivery.state}: nothing is left to delete")
    who = by or desk.actor
    why, body = f"deleted by hand, says {who}", {"word": "deleted"}
    public = desk.ledger.deliveries(
        states=(State.SENT,), answer_id=delivery.answer_id, channel=delivery.channel
    )
    for one in public if write else ():
        # Before the withdrawal itself: who dies between the two says it once more.
        gone = move(one, State.WITHDRAWN, reason=why)
        desk.ledger.move(one, gone, kind="withdrawn", actor=who, at=desk.clock.now(), body=body)
    return _written(
        desk, delivery, review.give_up(delivery, why), kind="cancelled", actor=who, body=body, write=write
    )


def _written(
    desk: Desk, before: Delivery, after: Delivery, *, kind: str, actor: str, body: dict[str, str], write: bool
) -> Decision:
    if not write:
        return Decision(delivery=after, findings=after.findings)
    if not desk.ledger.move(before, after, kind=kind, actor=actor, at=desk.clock.now(), body=body):
        now = find_delivery(desk, before.id)
        return Decision(delivery=now, refused=f"somebody else changed it meanwhile: it is {now.state}")
    return Decision(delivery=after, findings=after.findings)

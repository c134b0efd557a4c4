"""Tells hubs that the feeds have changed: each ping a delivery in the ledger, tried again until the hub has taken it.

A ping has no words and may safely be repeated, so nothing is looked up before it is: it waits for no person, no quiet
hour and no schedule, and a hub that fails holds back neither a build nor a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import (
    Delivery,
    Outcome,
    Refused,
    State,
    Throttled,
    after_outcome,
    claim,
    claim_look,
    move,
)
from clinic_broadcast.core.plan import may_be_sent, must_be_looked_up
from clinic_broadcast.core.promo import Payload, delivery_key
from clinic_broadcast.run.desk import Desk

FEEDS: Final = AnswerId("feeds")
"""What a ping is about: not one answer but the live feeds."""

OPEN: Final = (State.PLANNED, State.SENDING, State.UNSURE)

HUB: Final = "hub:"

Tell: TypeAlias = Callable[[str, Sequence[str], datetime], Outcome]
"""Tells a hub, given its address, of changed topics; gives what came of it and never raises for what the hub does."""


def channel_of(hub: str) -> str:
    """Give the name under which `log` and `status` show a hub; no channel's name can have a colon."""
    parts = urlsplit(hub)
    return f"{HUB}{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def is_hub(channel: str) -> bool:
    """Say whether this is the name of a hub, which stands in the record like a channel but publishes nothing."""
    return channel.startswith(HUB)


def plan_pings(desk: Desk, hubs: Sequence[str], topics: Sequence[str], *, seen: str) -> int:
    """Plan a ping to each hub that was not told of these bytes yet, and give how many were planned.

    `topics` are the addresses of the live feeds and `seen` the digest of what stands there now; so a build that
    was killed before it came here is made up for by the next, and one that changed nothing plans nothing. A ping that
    still waits makes way for the new one, which waits as long: a hub fetches what is there, so one is enough.
    """
    planned = 0
    for hub in hubs:
        last = next(iter(desk.ledger.deliveries(channel=channel_of(hub), newest=1)), None)
        if last is not None and last.source_revision == seen and last.payload.text == "\n".join(topics):
            continue
        ping = _ping(desk, hub, topics, seen=seen, number=_number_of(last) + 1)
        if last is not None and last.state is State.PLANNED and _give_way(desk, last):
            ping = replace(ping, not_before=last.not_before, attempts=last.attempts)
        planned += desk.ledger.plan(ping, actor=desk.actor)
    return planned


def send_pings(desk: Desk, hubs: Sequence[str], tell: Tell) -> list[Delivery]:
    """Take every step that is due for these hubs, once, and give the pings as they stand afterwards."""
    addresses = {channel_of(hub): hub for hub in hubs}
    done: list[Delivery] = []
    for one in desk.ledger.deliveries(states=OPEN):
        hub = addresses.get(one.channel)
        if hub is None:
            continue
        now = desk.clock.now()
        due = _again(desk, one, now) if must_be_looked_up(one, now, desk.timing) else one
        if due is None or not may_be_sent(due, now):
            continue
        after = _send(desk, due, hub, tell)
        if after is not None:
            done.append(after)
    return done


def _number_of(ping: Delivery | None) -> int:
    return int(ping.occasion.partition(":")[2]) if ping else 0


def _ping(desk: Desk, hub: str, topics: Sequence[str], *, seen: str, number: int) -> Delivery:
    now, channel, occasion = desk.clock.now(), channel_of(hub), f"ping:{number}"
    key = delivery_key(desk.clinic, FEEDS, account=channel, occasion=occasion)
    return Delivery(
        id=key[:12], key=key, answer_id=FEEDS, answer_url=hub, channel=channel, account=channel, occasion=occasion,
        state=State.PLANNED, payload=Payload(text="\n".join(topics), link=hub), fragments=(),
        wording="", source_revision=seen, gate_version=desk.gate.version,
        planned_at=now, due_at=now, released_at=now,
    )  # fmt: skip


def _give_way(desk: Desk, last: Delivery) -> bool:
    cancelled = move(last, State.CANCELLED, reason="a newer ping tells the hub of this change too")
    return desk.ledger.move(last, cancelled, kind="cancelled", actor=desk.actor, at=desk.clock.now())


def _again(desk: Desk, doubtful: Delivery, now: datetime) -> Delivery | None:
    """Plan a ping again whose worker died; nobody can look at a hub for it, and twice does no harm."""
    claimed = claim_look(doubtful, now, desk.timing)
    if not desk.ledger.move(doubtful, claimed, kind="looking", actor=desk.actor, at=now):
        return None
    planned = move(claimed, State.PLANNED, lease_until=None, not_before=now)
    body = {"trace": "again"}
    return (
        planned
        if desk.ledger.move(claimed, planned, kind="looked", actor=desk.actor, at=now, body=body)
        else None
    )


def _send(desk: Desk, due: Delivery, hub: str, tell: Tell) -> Delivery | None:
    now = desk.clock.now()
    claimed = claim(due, now, desk.timing)
    if not desk.ledger.move(due, claimed, kind="claimed", actor=desk.actor, at=now):
        return None
    try:
        outcome = tell(hub, due.payload.text.split("\n"), now)
    except Exception as surprise:  # noqa: BLE001  # A hub's reply that nobody foresaw is tried again, not lost.
        outcome = Throttled(f"unexpected {type(surprise).__name__} while telling the hub")
    at = desk.clock.now()
    settled = after_outcome(claimed, outcome, at, desk.timing)
    if isinstance(outcome, Refused):
        # There is nothing that a person could settle: the reason stands in the log, and the next change tries anew.
        settled = replace(settled, needs_person="")
    body = {"outcome": type(outcome).__name__, "reason": settled.reason, "post_id": ""}
    return (
        settled
        if desk.ledger.move(claimed, settled, kind="outcome", actor=desk.actor, at=at, body=body)
        else None
    )

"""Rescan: read every source from its first answer to its last, and have today's gate read again what waits to go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from clinic_broadcast.core.delivery import State, hold
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.run.broadcast import new_findings
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import Intake, poll
from clinic_broadcast.run.reshare import cancel_outdated


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescan:
    """What a rescan brought: what was read, how many promos are held again, how many re-shares were cancelled."""

    intake: Intake
    held: int
    cancelled: int


def rescan(desk: Desk) -> Rescan:
    """Read all of every source and examine everything again that rules older than today's have judged.

    An edit of an old answer, which no poll of the newest pages can see, is found here. A promo that was approved
    goes back to a person when the gate finds something in it that nobody has accepted.
    """
    intake = poll(desk, again=True)
    held = 0
    for one in desk.ledger.deliveries(states=(State.PLANNED,)):
        known = desk.ledger.answer(one.answer_id)
        if one.occasion == WITHDRAW or (known is not None and known.material.revision != one.source_revision):
            # What has other words now is written anew by the next planning.
            continue
        found = new_findings(desk, one, known.material if known is not None else None)
        if not found:
            continue
        why = f"gate, at a rescan: {', '.join(sorted({finding.rule for finding in found}))}"
        after = replace(hold(one, (why,), found), gate_version=desk.gate.version)
        held += desk.ledger.move(
            one, after, kind="held", actor=desk.actor, at=desk.clock.now(), body={"why": why}
        )
    return Rescan(intake=intake, held=held, cancelled=cancel_outdated(desk))

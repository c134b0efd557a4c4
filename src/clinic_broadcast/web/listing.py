"""The pages of the review that show deliveries; loaded with the templates when the first of them is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.people import Role
from clinic_broadcast.run.pictures import picture_of
from clinic_broadcast.web.acts import ID
from clinic_broadcast.web.door import Visitor
from clinic_broadcast.web.pages import HEADERS, page
from clinic_broadcast.web.showing import grouped, moment, shown, web_address, words_changed

if TYPE_CHECKING:
    from clinic_broadcast.run.review import Decision
    from clinic_broadcast.wire import Office

PAGE_ROWS: Final = 24
"""So many promos on one page stay below 60 KB, compressed, also when each has its findings."""

SIDE_ROWS: Final = 12
LOG_ROWS: Final = 60

DONE: Final = {
    "approved": "Approved. It goes out at its time.",
    "held": "Held. It waits until somebody approves it.",
    "edited": "The new words are kept. The gate has read them; they wait for approval.",
    "settled": "Settled.",
}

OPEN: Final = (State.HELD, State.PLANNED, State.SENDING, State.UNSURE, State.REFUSED)


def listing(office: Office, visitor: Visitor, query: Mapping[str, str]) -> Response:
    """Give the page of what waits for a person, and beneath it what needs none for now."""
    desk = office.desk
    # A colon stands in no channel's name: hubs, which are told of feeds, are nothing to approve.
    rows = [one for one in desk.ledger.deliveries(states=OPEN) if ":" not in one.channel]
    held = [one for one in rows if one.state is State.HELD]
    number = max(1, int(query.get("page", "1"))) if query.get("page", "1").isdecimal() else 1
    first = (number - 1) * PAGE_ROWS
    unsure = [one for one in rows if one.state in (State.UNSURE, State.SENDING)]
    planned = [one for one in rows if one.state is State.PLANNED]
    refused = [one for one in rows if one.state is State.REFUSED and one.needs_person]

    def groups(many: list[Delivery]) -> object:
        return grouped(desk, many, by=visitor.person.name, timezone=office.settings.clinic.timezone)

    stands: dict[str, object] = {
        "held": groups(held[first : first + PAGE_ROWS]),
        "held_count": len(held),
        "unsure": groups(unsure[:SIDE_ROWS]),
        "unsure_count": len(unsure),
        "planned": groups(planned[:SIDE_ROWS]),
        "planned_count": len(planned),
        "refused": groups(refused[-SIDE_ROWS:]),
        "refused_count": len(refused),
        "page_before": number - 1 if number > 1 else 0,
        "page_after": number + 1 if first + PAGE_ROWS < len(held) else 0,
        "done": DONE.get(query.get("done", ""), ""),
    }
    return page("list", {**_common(office, visitor), **stands})


def conflict(office: Office, visitor: Visitor, decision: Decision, form: Mapping[str, str]) -> Response:
    """Say why nothing was done, what has changed since the form was made, and how the promo stands now."""
    now = decision.delivery
    seen = form.get("revision", "")
    is_stale = seen not in ("", now.payload.revision)
    changed = words_changed(form.get("seen", ""), seen, now) if is_stale else ()
    known = office.desk.ledger.answer(now.answer_id)
    stands: dict[str, object] = {
        "refused": "The words have changed since you looked at them." if changed else decision.refused,
        "title": known.material.title if known is not None else now.answer_id,
        "changed": changed,
        "words": form.get("text", ""),
        "one": shown(
            office.desk, now, known, by=visitor.person.name, timezone=office.settings.clinic.timezone
        ),
    }
    return page("conflict", {**_common(office, visitor), **stands}, status=HTTPStatus.CONFLICT)


def record(office: Office, visitor: Visitor) -> Response:
    """Give what has become of the newest promos, whatever their state."""
    desk, timezone = office.desk, office.settings.clinic.timezone
    newest = [one for one in desk.ledger.deliveries(newest=LOG_ROWS) if ":" not in one.channel]
    rows = [
        {
            "at": moment(one.sent_at or one.approved_at or one.planned_at, timezone),
            "channel": one.channel,
            "occasion": one.occasion,
            "state": one.state.value,
            "text": one.payload.text,
            "by": one.approved_by,
            "url": web_address(one.post_url),
            "reason": one.needs_person or one.reason or "; ".join(one.why),
        }
        for one in reversed(newest)
    ]
    return page("log", {**_common(office, visitor), "rows": rows, "rows_max": LOG_ROWS})


def picture(office: Office, delivery_id: str) -> Response:
    """Give the picture of a delivery's card; 404 when it has none, or none that would be sent."""
    one = office.desk.ledger.delivery(delivery_id) if ID.fullmatch(delivery_id) else None
    drawn = picture_of(office.desk, one.payload) if one is not None else b""
    if not drawn:
        return Response(status_code=HTTPStatus.NOT_FOUND, headers=HEADERS)
    return Response(drawn, headers={**HEADERS, "Content-Type": "image/png"})


def _common(office: Office, visitor: Visitor) -> dict[str, object]:
    return {
        "clinic": office.settings.clinic.name,
        "person": visitor.person.name,
        "may_decide": visitor.person.role is Role.REVIEWER,
        "token": visitor.form_token,
    }

"""What a person does on the review page: the same functions as the command line, bound to what they saw."""

from __future__ import annotations

import re
import unicodedata
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.responses import RedirectResponse, Response

from clinic_broadcast.core.delivery import State
from clinic_broadcast.errors import UsageError
from clinic_broadcast.run import review
from clinic_broadcast.web.door import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clinic_broadcast.wire import Office

    Form: TypeAlias = Mapping[str, str]

ID: Final = re.compile(r"[0-9a-f]{12,64}")
"""A whole id: here no prefix is meant, and nothing else may reach the record."""

WHY_MAX: Final = 500
"""Characters of a reason; it is shown in one line."""

DONE: Final = {"approve": "approved", "hold": "held", "edit": "edited", "resolve": "settled"}


def act(
    office: Office, visitor: Visitor, command: tuple[str, str], form: Form, *, is_alone: bool
) -> Response:
    """Do what a form asks for one delivery and go back to the list; 409 shows what has changed since it was made.

    `command` is the delivery's id and what to do; `is_alone` says that nobody else may decide.
    """
    delivery_id, what = command
    by, revision = visitor.person.name, form.get("revision", "")
    desk = office.desk
    if what not in DONE or (what in ("approve", "edit") and not revision):
        return _told(HTTPStatus.BAD_REQUEST, "This form lacks something", "Open the review page again.")
    try:
        found = review.find_delivery(desk, delivery_id if ID.fullmatch(delivery_id) else "")
        if (
            what == "approve"
            and not is_alone
            and _last_editor(office, found.id) == by
            and found.state is State.HELD
        ):
            return _told(
                HTTPStatus.FORBIDDEN,
                "Somebody else must approve these words",
                "You wrote them yourself, and the clinic has another reviewer: two pairs of eyes see more than one.",
            )
        decision = _decided(office, what, found.id, form, by=by)
    except UsageError:
        return _told(HTTPStatus.NOT_FOUND, "There is no such promo", "It may have been written anew.")
    if isinstance(decision, Response):
        return decision
    if decision.refused:
        from clinic_broadcast.web.listing import conflict  # noqa: PLC0415  # With the templates, at the first look.

        return conflict(office, visitor, decision, form)
    return RedirectResponse(f"/review?done={DONE[what]}", status_code=HTTPStatus.SEE_OTHER)


def _decided(
    office: Office, what: str, delivery_id: str, form: Form, *, by: str
) -> review.Decision | Response:
    desk = office.desk
    why = " ".join(_printable(form.get("why", "")).split())[:WHY_MAX]
    if what == "approve":
        return review.approve(
            desk,
            delivery_id,
            revision=form.get("revision", ""),
            by=by,
            why=why,
            accepts_blocks=False,
            asks_why=True,
        )
    if what == "hold":
        if not why:
            return _told(
                HTTPStatus.BAD_REQUEST, "Say why", "A promo is held for a reason that others can read."
            )
        return review.hold(desk, delivery_id, why=why, by=by)
    if what == "edit":
        # Browsers send the ends of lines as CR LF (HTML, form submission).
        text = _printable(form.get("text", "").replace("\r\n", "\n")).strip()
        return review.edit(desk, delivery_id, text=text, revision=form.get("revision", ""), by=by)
    word, url = form.get("word", ""), form.get("url", "").strip()
    if word == "deleted":
        return review.settle_as_deleted(desk, delivery_id, by=by)
    if word not in ("sent", "not-sent") or (word == "sent" and not url.startswith(("https://", "http://"))):
        return _told(
            HTTPStatus.BAD_REQUEST,
            "Say what you saw",
            "Either give its address on the network, which begins with https://, or say that it is not there.",
        )
    return review.resolve(desk, delivery_id, sent_url=url if word == "sent" else None, by=by)


def _printable(text: str) -> str:
    """Give a text without the controls that nobody types, NUL among them, which a database may refuse."""
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))


def _last_editor(office: Office, delivery_id: str) -> str:
    """Give who wrote the words as they stand; empty when they are the program's."""
    edits = [one.actor for one in office.desk.ledger.history(delivery_id) if one.kind == "edited"]
    return edits[-1] if edits else ""


def _told(status: HTTPStatus, head: str, text: str) -> Response:
    from clinic_broadcast.web.pages import page  # noqa: PLC0415  # With the templates, at the first look.

    return page("told", {"head": head, "text": text}, status=status)

"""Threads in two steps: an invisible container, whose number is kept, and one call that publishes it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from clinic_broadcast.channels import ChannelSetup, write_private
from clinic_broadcast.channels.exchange import (
    Exchange,
    Meaning,
    Reply,
    Unsent,
    outcome_of,
    outcome_without_reply,
)
from clinic_broadcast.channels.graph import describe, error_of, meaning_of, regain_at
from clinic_broadcast.channels.http import Wire, base_url
from clinic_broadcast.channels.match import LOOK_BACK, Listed, Page, look_through
from clinic_broadcast.core.delivery import CannotTell, Outcome, Sent, Throttled, Trace, Unsure
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("user_id", "access_token")
OWN_URL: Final = "https://graph.threads.net/v1.0"
PAGE_ROWS: Final = 50
FIELDS: Final = "id,text,timestamp,permalink,link_attachment_url"
POLL_S: Final = 1.0
LATER: Final = timedelta(seconds=60)
"""Meta advises to ask for a container's status once a minute (developers.facebook.com, Threads troubleshooting)."""

CODES: Final[Mapping[int, Meaning]] = {
    # developers.facebook.com, Graph API error handling and Threads troubleshooting, read 2026-08.
    1: Meaning.UNSURE,
    2: Meaning.UNSURE,
    4: Meaning.THROTTLED,
    9: Meaning.THROTTLED,
    10: Meaning.ACCOUNT,
    17: Meaning.THROTTLED,
    32: Meaning.THROTTLED,
    100: Meaning.REFUSED,
    102: Meaning.ACCOUNT,
    104: Meaning.ACCOUNT,
    190: Meaning.ACCOUNT,
    **dict.fromkeys(range(200, 300), Meaning.ACCOUNT),
    368: Meaning.ACCOUNT,
    613: Meaning.THROTTLED,
    2500: Meaning.ACCOUNT,
}
NOT_FOUND: Final = (24, 4_279_009)
"""What publishing a finished container may still get: nothing was published, and a new container is needed."""
GONE: Final = (100, 33)
AGE_MAX: Final = timedelta(hours=23)
"""Containers end after a day."""


class ThreadsChannel:
    """One profile."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._base = base_url(setup, OWN_URL)
        self._wire = Wire(setup)
        self._kept = setup.home / "state" / "containers" / setup.name

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "threads"

    @property
    def account(self) -> str:
        user_id = self._setup.credential("user_id")
        return f"threads:{user_id}" if user_id else f"threads:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.LOOKED_UP

    @property
    def limits(self) -> Limits:
        return LIMITS["threads"]

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        ends_at_s = self._wire.ends_at_s()
        place = self._kept / parcel.key[:32]
        container = self._container(place)
        if not container:
            made = self._contain(parcel, ends_at_s)
            if not isinstance(made, str):
                return made
            container = made
            # Kept before it is published: a later attempt must not publish the same promo in another container.
            try:
                write_private(place, container)
            except OSError as error:
                return Throttled(f"the container could not be kept in {self._kept}: {error.strerror}")
        waiting = self._wait(container, place, ends_at_s)
        return waiting or self._publish(container, place, parcel, ends_at_s)

    def look(self, parcel: Parcel) -> Trace:
        if refused := self._setup.missing(*KEYS):
            return CannotTell(refused.reason)
        since_at = parcel.first_sent_at - LOOK_BACK
        ends_at_s = self._wire.ends_at_s()

        def fetch(cursor: str) -> Page | CannotTell:
            query = {"fields": FIELDS, "limit": str(PAGE_ROWS)} | ({"after": cursor} if cursor else {})
            exchange = self._ask("GET", f"{self._user_id}/threads", query=query, ends_at_s=ends_at_s)
            body = exchange.document() if isinstance(exchange, Reply) and exchange.is_success else {}
            rows, paging = body.get("data"), body.get("paging")
            if not isinstance(rows, list):
                return CannotTell(self._classify(exchange).reason)
            found = [row for row in rows if isinstance(row, dict)]
            cursors = paging.get("cursors") if isinstance(paging, dict) else None
            after = str(cursors.get("after") or "") if isinstance(cursors, dict) else ""
            is_past = bool(found) and all(_is_before(row, since_at) for row in found)
            recent = [_listed(row) for row in found if not _is_before(row, since_at)]
            return Page(listed=recent, cursor="" if is_past or not rows else after)

        return look_through(parcel.payload, fetch)

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        exchange = self._ask("DELETE", quote(post_id, safe=""))
        if isinstance(exchange, Reply):
            is_deleted = exchange.is_success and exchange.document().get("success") is True
            if is_deleted or _numbers(exchange) == GONE:
                return Sent(post_id, "")
        return self._classify(exchange)

    def probe(self) -> tuple[Check, ...]:
        """Ask which profile this token is for."""
        fix = f"clinic-broadcast connect {self.name}"
        if refused := self._setup.missing(*KEYS):
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=fix),)
        exchange = self._ask("GET", self._user_id, query={"fields": "id,username"})
        if isinstance(exchange, Reply) and exchange.is_success and exchange.document().get("id"):
            detail = self._wire.words(f"@{exchange.document().get('username', '')}")
            return (Check(name=f"{self.name}: account", ok=True, detail=detail),)
        reason = self._classify(exchange).reason
        return (Check(name=f"{self.name}: account", ok=False, detail=reason, fix=fix),)

    # The two steps -----------------------------------------------------------------------------------------

    def _container(self, place: Path) -> str:
        try:
            age_s = self._setup.clock.now().timestamp() - place.stat().st_mtime
            return place.read_text(encoding="utf-8").strip() if age_s < AGE_MAX.total_seconds() else ""
        except OSError:
            return ""

    def _contain(self, parcel: Parcel, ends_at_s: float) -> str | Outcome:
        form = {"media_type": "TEXT", "text": parcel.payload.text}
        form |= {"link_attachment": parcel.payload.link} if parcel.payload.link else {}
        exchange = self._ask(
            "POST", f"{self._user_id}/threads", form=form, ends_at_s=ends_at_s, deadline_at=parcel.deadline_at
        )
        made = exchange.document().get("id") if isinstance(exchange, Reply) and exchange.is_success else None
        if made:
            return str(made)
        outcome = self._classify(exchange)
        # A container nobody publishes is never seen, so a lost answer here is no doubt.
        return Throttled(outcome.reason) if isinstance(outcome, Unsure) else outcome

    def _wait(self, container: str, place: Path, ends_at_s: float) -> Outcome | None:
        """Wait until the container is ready; None when it is, else what stands in the way."""
        while True:
            exchange = self._ask(
                "GET", container, query={"fields": "status,error_message"}, ends_at_s=ends_at_s
            )
            status = exchange.document().get("status") if isinstance(exchange, Reply) else None
            now = self._setup.clock.now()
            if status == "FINISHED":
                return None
            if status == "PUBLISHED":
                return Unsure("the container was published by an earlier attempt; it is to be looked for")
            if status in {"EXPIRED", "ERROR"}:
                place.unlink(missing_ok=True)
                return Throttled(f"the container is {status}; a new one is made", now + LATER)
            if status != "IN_PROGRESS":
                # "nonexisting field (status)": it may have become a publication already.
                known_gone = isinstance(exchange, Reply) and _numbers(exchange)[0] == 100  # noqa: PLR2004
                return (
                    Unsure("the container shows no status any more") if known_gone else self._before(exchange)
                )
            if time.monotonic() + POLL_S >= ends_at_s:
                return Throttled("the container is not ready yet", now + LATER)
            self._setup.clock.sleep(POLL_S)

    def _before(self, exchange: Exchange) -> Unsent:
        outcome = self._classify(exchange)
        return Throttled(outcome.reason) if isinstance(outcome, Unsure) else outcome

    def _publish(self, container: str, place: Path, parcel: Parcel, ends_at_s: float) -> Outcome:
        exchange = self._ask(
            "POST",
            f"{self._user_id}/threads_publish",
            form={"creation_id": container},
            ends_at_s=ends_at_s,
            deadline_at=parcel.deadline_at,
        )
        if isinstance(exchange, Reply) and exchange.is_success and exchange.document().get("id"):
            post_id = str(exchange.document()["id"])
            with contextlib.suppress(OSError):
                place.unlink(missing_ok=True)
            return Sent(post_id, self._permalink(post_id, ends_at_s))
        if isinstance(exchange, Reply) and _numbers(exchange) == NOT_FOUND:
            place.unlink(missing_ok=True)
            return Throttled(self._wire.words(describe(exchange)), self._setup.clock.now() + LATER)
        return self._classify(exchange)

    def _permalink(self, post_id: str, ends_at_s: float) -> str:
        exchange = self._ask("GET", post_id, query={"fields": "permalink"}, ends_at_s=ends_at_s)
        return str(exchange.document().get("permalink", "")) if isinstance(exchange, Reply) else ""

    # Calls -------------------------------------------------------------------------------------------------

    @property
    def _user_id(self) -> str:
        return quote(self._setup.credential("user_id"), safe="")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        deadline_at: datetime | None = None,
        ends_at_s: float | None = None,
    ) -> Exchange:
        return self._wire.call(
            method,
            f"{self._base}/{path}",
            headers={"Authorization": f"Bearer {self._setup.credential('access_token')}"},
            query=query,
            form=form,
            deadline_at=deadline_at,
            ends_at_s=ends_at_s,
        )

    def _classify(self, exchange: Exchange) -> Unsent:
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        if exchange.is_success:
            return outcome_of(Meaning.UNSURE, f"HTTP {exchange.status} with an answer that cannot be read")
        meaning = Meaning.ACCOUNT if _numbers(exchange) == GONE else meaning_of(exchange, CODES)
        until = regain_at(exchange, self._setup.clock.now())
        return outcome_of(meaning, self._wire.words(describe(exchange)), until)


def open_channel(setup: ChannelSetup) -> Channel:
    """Open a Threads profile."""
    return ThreadsChannel(setup)


def _numbers(reply: Reply) -> tuple[object, object]:
    error = error_of(reply)
    return error.get("code"), error.get("error_subcode")


def _listed(row: dict[str, Any]) -> Listed:
    link = row.get("link_attachment_url")
    return Listed(
        post_id=str(row.get("id", "")),
        post_url=str(row.get("permalink", "")),
        text=str(row.get("text") or ""),
        links=(str(link),) if link else (),
    )


def _is_before(row: dict[str, Any], since_at: datetime) -> bool:
    try:
        at = datetime.fromisoformat(str(row.get("timestamp")))
    except ValueError:
        return False
    return at.tzinfo is not None and at < since_at

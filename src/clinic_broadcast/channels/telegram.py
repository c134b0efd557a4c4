"""A Telegram channel through its bot: at most once, since no bot can read what its channel shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.channels.exchange import (
    Exchange,
    Meaning,
    Reply,
    Unsent,
    outcome_of,
    outcome_without_reply,
    retry_at,
)
from clinic_broadcast.channels.http import Wire, base_url
from clinic_broadcast.core.delivery import CannotTell, Outcome, Sent, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("chat_id", "bot_token")
OWN_URL: Final = "https://api.telegram.org"
STATUSES: Final[Mapping[int, Meaning]] = {
    # core.telegram.org/bots/api, "Making requests" and sendMessage.
    400: Meaning.REFUSED,
    401: Meaning.ACCOUNT,
    403: Meaning.ACCOUNT,  # The bot is no member, or was thrown out.
    404: Meaning.ACCOUNT,  # The token is not even shaped like one.
    413: Meaning.REFUSED,
    429: Meaning.THROTTLED,
}
PHRASES: Final[tuple[tuple[str, Meaning], ...]] = (
    ("chat not found", Meaning.ACCOUNT),
    ("upgraded to a supergroup", Meaning.ACCOUNT),
    ("not enough rights", Meaning.ACCOUNT),
    ("need administrator rights", Meaning.ACCOUNT),
)
GONE: Final = "message to delete not found"
WAIT_MAX: Final = timedelta(hours=48)


class TelegramChannel:
    """One channel or group, written to by one bot."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._base = base_url(setup, OWN_URL)
        self._wire = Wire(setup)

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "telegram"

    @property
    def account(self) -> str:
        chat_id = self._setup.credential("chat_id")
        return f"telegram:{chat_id}" if chat_id else f"telegram:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.AT_MOST_ONCE

    @property
    def limits(self) -> Limits:
        return LIMITS["telegram"]

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        exchange = self._ask("sendMessage", {"text": parcel.payload.text}, deadline_at=parcel.deadline_at)
        result = _result(exchange)
        if isinstance(result, dict) and result.get("message_id"):
            post_id = str(result["message_id"])
            chat = result.get("chat")
            user = chat.get("username") if isinstance(chat, dict) else None
            return Sent(post_id, f"https://t.me/{user}/{post_id}" if user else "")
        return self._classify(exchange)

    def look(self, parcel: Parcel) -> Trace:
        del parcel
        return CannotTell(
            "Telegram shows no bot what its channel holds; please look there yourself", forever=True
        )

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        exchange = self._ask("deleteMessage", {"message_id": post_id})
        is_gone = (
            isinstance(exchange, Reply) and GONE in str(exchange.document().get("description", "")).lower()
        )
        if is_gone or _result(exchange) is True:
            return Sent(post_id, "")
        return self._classify(exchange)

    def probe(self) -> tuple[Check, ...]:
        """Ask whether the bot may publish, and delete, in that channel."""
        fix = f"clinic-broadcast connect {self.name}"
        if refused := self._setup.missing(*KEYS):
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=fix),)
        me = _result(self._ask("getMe", {}))
        user_id = me.get("id") if isinstance(me, dict) else None
        exchange = self._ask("getChatMember", {"user_id": user_id})
        member = _result(exchange)
        if user_id is None or not isinstance(member, dict):
            reason = self._classify(exchange).reason
            return (Check(name=f"{self.name}: account", ok=False, detail=reason, fix=fix),)
        may = {right: bool(member.get(right)) for right in ("can_post_messages", "can_delete_messages")}
        lacks = [right for right, has in may.items() if not has]
        detail = f"bot is {member.get('status')}" + (f", without {' and '.join(lacks)}" if lacks else "")
        mend = f"make the bot an administrator with {' and '.join(lacks)}" if lacks else ""
        return (Check(name=f"{self.name}: account", ok=not lacks, detail=detail, fix=mend),)

    def _ask(self, verb: str, fields: Mapping[str, Any], *, deadline_at: datetime | None = None) -> Exchange:
        body = {"chat_id": self._setup.credential("chat_id"), **fields}
        return self._wire.call(
            "POST",
            # The token stands in the path here; no message of the wire shows an address.
            f"{self._base}/bot{self._setup.credential('bot_token')}/{verb}",
            headers={"Content-Type": "application/json"},
            body=json.dumps(body, ensure_ascii=False).encode(),
            deadline_at=deadline_at,
        )

    def _classify(self, exchange: Exchange) -> Unsent:
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        body = exchange.document()
        if exchange.is_success or body.get("ok") is not False:
            return outcome_of(Meaning.UNSURE, f"HTTP {exchange.status} with an answer that cannot be read")
        said = str(body.get("description", "without a word"))
        meaning = next((one for phrase, one in PHRASES if phrase in said.lower()), None)
        words = self._wire.words(f"HTTP {exchange.status}: {said}")
        now = self._setup.clock.now()
        until = _until(body, now) or retry_at(exchange.headers, now, "retry-after")
        return outcome_of(meaning or STATUSES.get(exchange.status, Meaning.UNSURE), words, until)


def open_channel(setup: ChannelSetup) -> Channel:
    """Open a Telegram channel."""
    return TelegramChannel(setup)


def _result(exchange: Exchange) -> object:
    if not isinstance(exchange, Reply) or not exchange.is_success:
        return None
    body = exchange.document()
    return body.get("result") if body.get("ok") is True else None


def _until(body: Mapping[str, Any], now: datetime) -> datetime | None:
    parameters = body.get("parameters")
    wait_s = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return now + min(timedelta(seconds=min(wait_s, 10**6)), WAIT_MAX) if isinstance(wait_s, int) else None

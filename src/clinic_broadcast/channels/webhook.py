"""A webhook: each promo is one signed message to an address of the clinic's own, which takes every id once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.channels.exchange import Meaning, Reply, outcome_of, outcome_without_reply, retry_at
from clinic_broadcast.channels.http import Wire, base_url
from clinic_broadcast.core.delivery import Absent, Outcome, Refused, Sent, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("secret",)
STATUSES: Final[Mapping[int, Meaning]] = {
    # Standard Webhooks 1.0.0: 2xx is success whatever the body; 410 asks to send nothing more.
    400: Meaning.REFUSED,
    401: Meaning.ACCOUNT,
    403: Meaning.ACCOUNT,
    404: Meaning.ACCOUNT,
    405: Meaning.ACCOUNT,
    410: Meaning.ACCOUNT,
    413: Meaning.REFUSED,
    422: Meaning.REFUSED,
    429: Meaning.THROTTLED,
}
PREFIX: Final = "whsec_"


class WebhookChannel:
    """One receiver; `api_url` is its address."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._url = base_url(setup, "", may_have_query=True)
        self._wire = Wire(setup)

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "webhook"

    @property
    def account(self) -> str:
        # An address may hold a token, so only its host is named, and the whole by its digest.
        digest = hashlib.sha256(self._url.encode()).hexdigest()[:8]
        return f"webhook:{urlsplit(self._url).netloc}:{digest}" if self._url else f"webhook:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.EXACT

    @property
    def limits(self) -> Limits:
        return LIMITS["webhook"]

    def send(self, parcel: Parcel) -> Outcome:
        payload = parcel.payload
        card = None
        if payload.card is not None:
            card = {
                "title": payload.card.title,
                "description": payload.card.description,
                "alt": payload.card.alt,
            }
        thing = {"id": parcel.key, "text": payload.text, "link": payload.link, "card": card}
        message = {"type": "promo.published", "timestamp": parcel.planned_at.isoformat(), "data": thing}
        return self._tell(parcel.key, message, thing=parcel.key, deadline_at=parcel.deadline_at)

    def look(self, parcel: Parcel) -> Trace:
        # A receiver shows nothing, and need not: it takes each id once, so not seen means safe to send again.
        del parcel
        return Absent()

    def withdraw(self, post_id: str) -> Outcome:
        message = {"type": "promo.withdrawn", "data": {"id": post_id}}
        return self._tell(f"{post_id}-withdrawn", message, thing=post_id, deadline_at=None)

    def probe(self) -> tuple[Check, ...]:
        """Say whether address and secret are set; nothing is sent."""
        refused = self._missing()
        fix = f"clinic-broadcast connect {self.name}" if refused else ""
        detail = refused.reason if refused else self.account.removeprefix("webhook:")
        return (Check(name=f"{self.name}: receiver", ok=refused is None, detail=detail, fix=fix),)

    def _missing(self) -> Refused | None:
        if not self._url:
            return Refused(
                f"channels.{self.name}.api_url is not set: the receiver's address", of_account=True
            )
        return self._setup.missing(*KEYS)

    def _tell(
        self, message_id: str, message: Mapping[str, Any], *, thing: str, deadline_at: datetime | None
    ) -> Outcome:
        if refused := self._missing():
            return refused
        body = json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        now = self._setup.clock.now()
        stamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": sign(self._setup.credential("secret"), message_id, stamp=stamp, body=body),
        }
        exchange = self._wire.call("POST", self._url, headers=headers, body=body, deadline_at=deadline_at)
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        if exchange.is_success:
            return Sent(thing, "")
        words = self._wire.words(f"HTTP {exchange.status} {exchange.body[:600].decode('utf-8', 'replace')}")
        meaning = STATUSES.get(exchange.status, Meaning.UNSURE)
        return outcome_of(meaning, words, retry_at(exchange.headers, now, "retry-after"))


def open_channel(setup: ChannelSetup) -> Channel:
    """Open a webhook."""
    return WebhookChannel(setup)


def sign(secret: str, message_id: str, *, stamp: str, body: bytes) -> str:
    """Give the signature header: HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks 1.0.0)."""
    key = secret.encode()
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = secret.encode()
    mac = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()

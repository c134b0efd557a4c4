"""A receiver of our own webhook: checks the signature, and takes each delivery once.

Signed as the Standard Webhooks specification 1.0.0 says: headers webhook-id, webhook-timestamp and
webhook-signature, the last one `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Final

from clinic_broadcast.demo.networks.messages import Call, Json, Reply, reply_json
from clinic_broadcast.demo.networks.store import Publication, Store

SKEW_S: Final = 300  # The specification's tolerance.


class Webhook:
    """Some program of the clinic's own that wants to know what is published."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        if call.method != "POST":
            return reply_json(405, {"error": "POST only"})
        message_id = call.headers.get("webhook-id", "")
        if not message_id or not self._is_signed(call, message_id):
            return self.refused_token()
        try:
            body = call.document()
        except ValueError:
            return reply_json(400, {"error": "the body is not an object"})
        with self._store.change():
            is_new = self._store.add("webhook", message_id, value=True)
            if is_new:
                self._take(message_id, body)
        return reply_json(200, {"ok": True, "new": is_new})

    def failed(self, status: int) -> Reply:
        return reply_json(status, {"error": "broken"})

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        headers = {} if bare else {"Retry-After": str(max(1, round(wait_s)))}
        return reply_json(429, {"error": "too fast"}, headers)

    def refused_token(self) -> Reply:
        return reply_json(401, {"error": "the signature is not right"})

    def _is_signed(self, call: Call, message_id: str) -> bool:
        stamp = call.headers.get("webhook-timestamp", "")
        if (
            not (stamp.isascii() and stamp.isdigit())
            or abs(self._store.now_ms() / 1000 - int(stamp)) > SKEW_S
        ):
            return False
        secret = str(self._store.setting("webhook", "secret"))
        key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
        mac = hmac.new(key, f"{message_id}.{stamp}.".encode() + call.body, hashlib.sha256).digest()
        right = "v1," + base64.b64encode(mac).decode()
        given = call.headers.get("webhook-signature", "").split(" ")
        return any(hmac.compare_digest(right.encode(), one.encode()) for one in given)

    def _take(self, message_id: str, body: Json) -> None:
        """Show what the message says; `type` ends in published, corrected or withdrawn."""
        inner: Json = body["data"] if isinstance(body.get("data"), dict) else body
        thing = str(inner.get("id") or message_id)
        kind = str(body.get("type", "published")).rpartition(".")[2]
        found = self._store.find("webhook", thing)
        if kind == "withdrawn":
            if found is not None:
                self._store.publish(replace(found, deleted_ms=self._store.now_ms()))
            return
        text, link = str(inner.get("text", "")), inner.get("link") or inner.get("url")
        if found is not None:
            self._store.publish(replace(found, text=text, link=link))
            return
        now_ms = self._store.now_ms()
        number = self._store.next_number("webhook", now_ms)
        self._store.publish(
            Publication(
                network="webhook", id=thing, number=number, text=text, link=link, at_ms=now_ms, key=message_id
            )
        )

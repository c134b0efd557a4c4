"""A Facebook Page through the Graph API: sends once, reads its published posts back, deletes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, quote

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.channels.exchange import (
    Exchange,
    Meaning,
    Reply,
    Unsent,
    outcome_of,
    outcome_without_reply,
)
from clinic_broadcast.channels.graph import describe, meaning_of, regain_at
from clinic_broadcast.channels.http import Wire, base_url
from clinic_broadcast.channels.match import LOOK_BACK, Listed, Page, look_through
from clinic_broadcast.channels.picture import Upload, Uploaded, multipart, uploaded
from clinic_broadcast.core.address import parts_of
from clinic_broadcast.core.delivery import CannotTell, Outcome, Sent, Throttled, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("page_id", "page_token")
OWN_URL: Final = "https://graph.facebook.com/v25.0"
PAGE_ROWS: Final = 100
FIELDS: Final = "id,message,created_time,permalink_url,attachments{unshimmed_url,url,target,type}"

CODES: Final[Mapping[int, Meaning]] = {
    # developers.facebook.com error-handling and rate-limiting, read 2026-08; codegen v25.0.
    1: Meaning.UNSURE,
    2: Meaning.UNSURE,
    4: Meaning.THROTTLED,
    10: Meaning.ACCOUNT,
    17: Meaning.THROTTLED,
    32: Meaning.THROTTLED,
    100: Meaning.REFUSED,
    102: Meaning.ACCOUNT,
    104: Meaning.ACCOUNT,
    190: Meaning.ACCOUNT,
    **dict.fromkeys(range(200, 300), Meaning.ACCOUNT),
    324: Meaning.REFUSED,  # "Missing or invalid image file".
    341: Meaning.THROTTLED,
    368: Meaning.ACCOUNT,
    # "Duplicate status message": the twin may be ours, sent by a call whose answer was lost.
    506: Meaning.UNSURE,
    613: Meaning.THROTTLED,
    1500: Meaning.REFUSED,
    2500: Meaning.ACCOUNT,
    80001: Meaning.THROTTLED,
}
PHRASES: Final[tuple[tuple[str, Meaning], ...]] = (("appsecret_proof", Meaning.ACCOUNT),)
PICTURES: Final = frozenset({"photo", "album", "cover_photo"})
GONE: Final = (100, 33)
"""Code and subcode of "does not exist": of a Page it means that the account is wrong, of a post that it is gone."""


class FacebookChannel:
    """One Page, by its Page token."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._base = base_url(setup, OWN_URL)
        self._wire = Wire(setup)

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "facebook"

    @property
    def account(self) -> str:
        page_id = self._setup.credential("page_id")
        return f"facebook:{page_id}" if page_id else f"facebook:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.LOOKED_UP

    @property
    def limits(self) -> Limits:
        return LIMITS["facebook"]

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        ends_at_s = self._wire.ends_at_s()
        upload = self._upload(parcel, ends_at_s)
        if isinstance(upload, Throttled):
            return upload
        form = {"message": parcel.payload.text}
        if upload.media_id:
            # A picture takes the place of the link's preview, which Facebook would make of the page itself.
            form["attached_media"] = json.dumps([{"media_fbid": upload.media_id}])
        elif parcel.payload.link:
            form["link"] = parcel.payload.link
        exchange = self._ask(
            "POST", f"{self._page_id}/feed", form=form, deadline_at=parcel.deadline_at, ends_at_s=ends_at_s
        )
        if isinstance(exchange, Reply) and exchange.is_success:
            post_id = exchange.document().get("id")
            if isinstance(post_id, str) and post_id:
                return Sent(post_id, _url(post_id))
        return self._classify(exchange)

    def _upload(self, parcel: Parcel, ends_at_s: float) -> Upload:
        """Upload the picture unpublished, with its alt text: nobody sees it until it is attached."""
        card = parcel.payload.card
        if not parcel.picture or card is None:
            return Uploaded()
        words = {"published": "false", "alt_text_custom": card.alt}
        exchange = self._ask(
            "POST",
            f"{self._page_id}/photos",
            form=words,
            picture=parcel.picture,
            deadline_at=parcel.deadline_at,
            ends_at_s=ends_at_s,
        )
        return uploaded(
            parcel,
            exchange,
            media_id=lambda reply: str(reply.document().get("id") or ""),
            classify=lambda _: self._classify(exchange),
            now=self._setup.clock.now(),
        )

    def look(self, parcel: Parcel) -> Trace:
        if refused := self._setup.missing(*KEYS):
            return CannotTell(refused.reason)
        since = str(int((parcel.first_sent_at - LOOK_BACK).timestamp()))
        ends_at_s = self._wire.ends_at_s()

        def fetch(cursor: str) -> Page | CannotTell:
            query = {"fields": FIELDS, "since": since, "limit": str(PAGE_ROWS)}
            query |= {"after": cursor} if cursor else {}
            path = f"{self._page_id}/published_posts"
            return self._page(self._ask("GET", path, query=query, ends_at_s=ends_at_s))

        return look_through(parcel.payload, fetch)

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        exchange = self._ask("DELETE", quote(post_id, safe=""))
        if isinstance(exchange, Reply):
            if exchange.is_success and exchange.document().get("success") is True:
                return Sent(post_id, "")
            if _is_gone(exchange):
                return Sent(post_id, "")
        return self._classify(exchange)

    def probe(self) -> tuple[Check, ...]:
        """Ask which Page this token is for."""
        if refused := self._setup.missing(*KEYS):
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=_fix(self.name)),)
        exchange = self._ask("GET", self._page_id, query={"fields": "id,name"})
        if isinstance(exchange, Reply) and exchange.is_success and exchange.document().get("id"):
            detail = self._wire.words(exchange.document().get("name", self._page_id))
            return (Check(name=f"{self.name}: account", ok=True, detail=detail),)
        reason = self._classify(exchange).reason
        return (Check(name=f"{self.name}: account", ok=False, detail=reason, fix=_fix(self.name)),)

    @property
    def _page_id(self) -> str:
        return quote(self._setup.credential("page_id"), safe="")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        picture: bytes = b"",
        deadline_at: datetime | None = None,
        ends_at_s: float | None = None,
    ) -> Exchange:
        token, secret = self._setup.credential("page_token"), self._setup.credential("app_secret")
        proof: dict[str, str] = {}
        if secret:
            # Meta, "Securing Graph API Requests": HMAC-SHA256 of the token, keyed with the app's secret.
            proof = {"appsecret_proof": hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()}
            self._wire.hide(*proof.values())
        headers, body = {"Authorization": f"Bearer {token}"}, None
        fields = None if form is None else {**form, **proof}
        if picture and fields is not None:
            body, headers["Content-Type"] = multipart(picture, field="source", **fields)
            fields = None
        return self._wire.call(
            method,
            f"{self._base}/{path}",
            headers=headers,
            query={**(query or {}), **(proof if form is None else {})},
            form=fields,
            body=body,
            deadline_at=deadline_at,
            ends_at_s=ends_at_s,
        )

    def _classify(self, exchange: Exchange) -> Unsent:
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        if exchange.is_success:
            return outcome_of(Meaning.UNSURE, f"HTTP {exchange.status} with an answer that cannot be read")
        meaning = Meaning.ACCOUNT if _is_gone(exchange) else meaning_of(exchange, CODES, PHRASES)
        until = regain_at(exchange, self._setup.clock.now())
        return outcome_of(meaning, self._wire.words(describe(exchange)), until)

    def _page(self, exchange: Exchange) -> Page | CannotTell:
        if not isinstance(exchange, Reply) or not exchange.is_success:
            return CannotTell(self._classify(exchange).reason)
        body = exchange.document()
        rows, paging = body.get("data"), body.get("paging")
        if not isinstance(rows, list):
            return CannotTell("the Page's list cannot be read")
        cursor = ""
        # `next` is an address that may hold a token; only its cursor is used, and never another host.
        if isinstance(paging, dict) and paging.get("next"):
            cursors = paging.get("cursors")
            cursor = str(cursors.get("after") or "") if isinstance(cursors, dict) else ""
            cursor = cursor or next(iter(parse_qs(parts_of(str(paging["next"])).query).get("after", [])), "")
            if not cursor:
                return CannotTell("the Page's list has another page without a cursor")
        return Page(listed=[_listed(row) for row in rows if isinstance(row, dict)], cursor=cursor)


def open_channel(setup: ChannelSetup) -> Channel:
    """Open a Page; the credential `app_secret` is used for `appsecret_proof` when it is there."""
    return FacebookChannel(setup)


def _is_gone(reply: Reply) -> bool:
    error = reply.document().get("error")
    return isinstance(error, dict) and (error.get("code"), error.get("error_subcode")) == GONE


def _listed(row: dict[str, Any]) -> Listed:
    post_id, attachments = str(row.get("id", "")), row.get("attachments")
    shared = attachments.get("data") if isinstance(attachments, dict) else None
    links: list[str] = []
    for one in shared or ():
        # The link of a picture is that of the picture itself, and says nothing about ours.
        if isinstance(one, dict) and one.get("type") not in PICTURES:
            target = one.get("target")
            found = [
                one.get("unshimmed_url"),
                one.get("url"),
                target.get("url") if isinstance(target, dict) else None,
            ]
            links += [_behind_redirector(str(url)) for url in found if url]
    return Listed(
        post_id=post_id,
        post_url=str(row.get("permalink_url") or _url(post_id)),
        text=str(row.get("message") or ""),
        links=tuple(links),
    )


def _behind_redirector(url: str) -> str:
    """Give the address that Facebook's redirector leads to; any other address as it is."""
    parts = parts_of(url)
    if parts.hostname in {"l.facebook.com", "lm.facebook.com"}:
        return next(iter(parse_qs(parts.query).get("u", [])), url)
    return url


def _url(post_id: str) -> str:
    return f"https://www.facebook.com/{post_id}"


def _fix(name: str) -> str:
    return f"clinic-broadcast connect {name}"

"""LinkedIn's Posts API: an organisation's page can be read back, a person's profile cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

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
from clinic_broadcast.channels.match import LOOK_BACK, Listed, Page, look_through
from clinic_broadcast.core.delivery import CannotTell, Outcome, Sent, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("author_urn", "access_token")
OWN_URL: Final = "https://api.linkedin.com"
VERSION: Final = "202610"
"""LinkedIn ends each version after a year; the option `version` names another."""
ORGANIZATION: Final = "urn:li:organization:"
PAGE_ROWS: Final = 50

STATUSES: Final[Mapping[int, Meaning]] = {
    # learn.microsoft.com, posts-api and error handling.
    400: Meaning.REFUSED,
    401: Meaning.ACCOUNT,
    403: Meaning.ACCOUNT,
    404: Meaning.ACCOUNT,
    413: Meaning.REFUSED,
    422: Meaning.REFUSED,
    426: Meaning.ACCOUNT,  # The version has ended.
    429: Meaning.THROTTLED,
}
CODES: Final[Mapping[str, Meaning]] = {
    # The twin may be ours (a lost answer) or a deleted one that LinkedIn still counts: a look decides.
    "DUPLICATE_POST": Meaning.UNSURE,
    "VERSION_MISSING": Meaning.ACCOUNT,
    "NONEXISTENT_VERSION": Meaning.ACCOUNT,
}
_RESERVED: Final = re.compile(r"[\\|{}@\[\]()<>#*_~]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class LinkedInChannel:
    """One author: an organisation or a person."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._base = base_url(setup, OWN_URL)
        self._wire = Wire(setup)

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "linkedin"

    @property
    def account(self) -> str:
        urn = self._setup.credential("author_urn")
        return f"linkedin:{urn}" if urn else f"linkedin:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.LOOKED_UP if self._is_organization else Guarantee.AT_MOST_ONCE

    @property
    def limits(self) -> Limits:
        return LIMITS["linkedin"]

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        payload = parcel.payload
        body: dict[str, Any] = {
            "author": self._setup.credential("author_urn"),
            "commentary": little_text(payload.text),
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        }
        if payload.card is not None and payload.link:
            # Title and description are plain text: backslashes would be seen there.
            article = {
                "source": payload.link,
                "title": payload.card.title,
                "description": payload.card.description,
            }
            body["content"] = {"article": article}
        raw = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
        exchange = self._ask("POST", "", body=raw, deadline_at=parcel.deadline_at)
        if isinstance(exchange, Reply) and exchange.is_success:
            urn = exchange.headers.get("x-restli-id", "")
            if urn.startswith("urn:li:"):
                return Sent(urn, _url(urn))
        return self._classify(exchange)

    def look(self, parcel: Parcel) -> Trace:
        if refused := self._setup.missing(*KEYS):
            return CannotTell(refused.reason)
        if not self._is_organization:
            return CannotTell(
                "LinkedIn lets no program read a person's profile; please look there", forever=True
            )
        since_at = parcel.first_sent_at - LOOK_BACK
        ends_at_s = self._wire.ends_at_s()

        def fetch(cursor: str) -> Page | CannotTell:
            start = int(cursor or 0)
            query = {
                "q": "author",
                "author": self._setup.credential("author_urn"),
                "count": str(PAGE_ROWS),
                "start": str(start),
                "sortBy": "CREATED",
            }
            exchange = self._ask("GET", "", query=query, ends_at_s=ends_at_s)
            rows = (
                exchange.document().get("elements")
                if isinstance(exchange, Reply) and exchange.is_success
                else None
            )
            if not isinstance(rows, list):
                return CannotTell(self._classify(exchange).reason)
            found = [row for row in rows if isinstance(row, dict)]
            is_past = bool(found) and all(_is_before(row, since_at) for row in found)
            # A short page is not the last one here; only an empty one is.
            return Page(
                listed=[_listed(row) for row in found if not _is_before(row, since_at)],
                cursor=str(start + len(rows)) if rows and not is_past else "",
            )

        return look_through(parcel.payload, fetch)

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        exchange = self._ask("DELETE", f"/{quote(post_id, safe='')}")
        if isinstance(exchange, Reply) and (exchange.is_success or exchange.status == 404):  # noqa: PLR2004
            return Sent(post_id, "")
        return self._classify(exchange)

    def probe(self) -> tuple[Check, ...]:
        """Ask whether the token reads the organisation's page; a person's profile cannot be asked about."""
        fix = f"clinic-broadcast connect {self.name}"
        if refused := self._setup.missing(*KEYS):
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=fix),)
        urn = self._setup.credential("author_urn")
        if not self._is_organization:
            detail = f"{urn}: at most once, since nothing can be read back"
            return (Check(name=f"{self.name}: account", ok=True, detail=detail),)
        exchange = self._ask("GET", "", query={"q": "author", "author": urn, "count": "1"})
        if isinstance(exchange, Reply) and exchange.is_success:
            return (Check(name=f"{self.name}: account", ok=True, detail=urn),)
        reason = self._classify(exchange).reason
        return (Check(name=f"{self.name}: account", ok=False, detail=reason, fix=fix),)

    @property
    def _is_organization(self) -> bool:
        return self._setup.credential("author_urn").startswith(ORGANIZATION)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline_at: datetime | None = None,
        ends_at_s: float | None = None,
    ) -> Exchange:
        headers = {
            "Authorization": f"Bearer {self._setup.credential('access_token')}",
            "LinkedIn-Version": str(self._setup.options.get("version") or VERSION),
            "X-Restli-Protocol-Version": "2.0.0",
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        url = f"{self._base}/rest/posts{path}"
        return self._wire.call(
            method, url, headers=headers, query=query, body=body, deadline_at=deadline_at, ends_at_s=ends_at_s
        )

    def _classify(self, exchange: Exchange) -> Unsent:
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        if exchange.is_success:
            return outcome_of(Meaning.UNSURE, f"HTTP {exchange.status} with an answer that cannot be read")
        body, now = exchange.document(), self._setup.clock.now()
        code = str(body.get("code", ""))
        words = self._wire.words(f"HTTP {exchange.status}: {code} {body.get('message', '')}")
        meaning = CODES.get(code) or STATUSES.get(exchange.status, Meaning.UNSURE)
        # Quotas are per day and start anew at 00:00 UTC (learn.microsoft.com rate-limits); no header says so.
        until = retry_at(exchange.headers, now, "retry-after") or _next_midnight(now)
        return outcome_of(meaning, words, until)


def open_channel(setup: ChannelSetup) -> Channel:
    """Open an author on LinkedIn."""
    return LinkedInChannel(setup)


def little_text(text: str) -> str:
    """Escape a commentary: at an unescaped reserved character LinkedIn cuts it without an error."""
    return _RESERVED.sub(r"\\\g<0>", text)


def _listed(row: dict[str, Any]) -> Listed:
    urn, content = str(row.get("id", "")), row.get("content")
    article = content.get("article") if isinstance(content, dict) else None
    link = article.get("source") if isinstance(article, dict) else None
    text = _ESCAPED.sub(r"\1", str(row.get("commentary") or ""))
    inside = re.findall(r"https?://\S+", text)
    return Listed(
        post_id=urn, post_url=_url(urn), text=text, links=tuple(str(one) for one in (link, *inside) if one)
    )


def _is_before(row: dict[str, Any], since_at: datetime) -> bool:
    made = row.get("createdAt") or row.get("publishedAt")
    return isinstance(made, int | float) and made < since_at.timestamp() * 1000


def _next_midnight(now: datetime) -> datetime:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1, minutes=1)


def _url(urn: str) -> str:
    return f"https://www.linkedin.com/feed/update/{urn}"

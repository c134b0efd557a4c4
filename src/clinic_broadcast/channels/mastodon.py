"""Mastodon, and servers that speak its API, through Mastodon.py: a stable key on every send, and reading back."""

from __future__ import annotations

import contextlib
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

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
from clinic_broadcast.channels.picture import Upload, Uploaded, multipart, uploaded
from clinic_broadcast.core.delivery import CannotTell, Outcome, Refused, Sent, Throttled, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("access_token",)
STATUSES: Final[Mapping[int, Meaning]] = {
    # docs.joinmastodon.org, statuses API and rate limits, 2026-07-02. What is not here is unsure; a 5xx too.
    400: Meaning.REFUSED,
    401: Meaning.ACCOUNT,
    403: Meaning.ACCOUNT,
    404: Meaning.ACCOUNT,  # There is no such endpoint: the address in the settings is no such server.
    410: Meaning.ACCOUNT,
    413: Meaning.REFUSED,
    422: Meaning.REFUSED,
    429: Meaning.THROTTLED,
}
# The reset is an ISO date on Mastodon and an epoch on GoToSocial; both are understood.
RESETS: Final = ("x-ratelimit-reset", "retry-after")
PAGE_ROWS: Final = 40
_BREAK: Final = re.compile(r"<(?:br\b[^>]*|/p)>")
_TAG: Final = re.compile(r"<[^>]*>")
_HREF: Final = re.compile(r"<a\b[^>]*?\bhref=\"([^\"]*)\"")
HTTP_ACCEPTED: Final = 202
LENGTH_MIN: Final = 100
"""A server that claims a smaller limit than this is misread rather than believed."""


class MastodonChannel:
    """One account on one server; `api_url` is the server."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._base = base_url(setup, "")
        self._wire = Wire(setup, keeps_answers=True)
        self._account_id = ""
        self._driver: Any = None

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "mastodon"

    @property
    def account(self) -> str:
        token, host = self._setup.credential("access_token"), urlsplit(self._base).netloc
        if not token or not host:
            return f"mastodon:{self.name}?"
        return f"mastodon:{host}:{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    @property
    def guarantee(self) -> Guarantee:
        # The key alone is none: it is forgotten after an hour, and some servers of this API ignore it.
        return Guarantee.LOOKED_UP

    @property
    def limits(self) -> Limits:
        return self._limits

    @cached_property
    def _limits(self) -> Limits:
        usual = LIMITS["mastodon"]
        if not self._base:
            return usual
        for version in ("v2", "v1"):
            exchange = self._wire.call("GET", f"{self._base}/api/{version}/instance")
            if not isinstance(exchange, Reply):
                break
            if exchange.is_success and (found := _limits_in(exchange, usual)) is not None:
                return found
        return usual

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._missing():
            return refused
        more = (
            {"language": str(self._setup.options["language"])} if self._setup.options.get("language") else {}
        )
        ends_at_s = self._wire.ends_at_s()
        upload = self._upload(parcel, ends_at_s)
        if isinstance(upload, Throttled):
            return upload
        media = {"media_ids": [upload.media_id]} if upload.media_id else {}
        exchange = self._ask(
            lambda client: client.status_post(
                parcel.payload.text, visibility="public", idempotency_key=parcel.key, **more, **media
            ),
            deadline_at=parcel.deadline_at,
            ends_at_s=ends_at_s,
        )
        if isinstance(exchange, Reply) and exchange.is_success:
            found = exchange.document()
            if found.get("id") and not found.get("scheduled_at"):
                return Sent(str(found["id"]), str(found.get("url") or found.get("uri") or ""))
        return self._classify(exchange)

    def _upload(self, parcel: Parcel, ends_at_s: float) -> Upload:
        card = parcel.payload.card
        if not parcel.picture or card is None:
            return Uploaded()
        # docs.joinmastodon.org, media, 2026-07-02. Mastodon.py would ask for the server's version first.
        body, content_type = multipart(parcel.picture, field="file", description=card.alt)
        exchange = self._wire.call(
            "POST",
            f"{self._base}/api/v2/media",
            headers={
                "Authorization": f"Bearer {self._setup.credential('access_token')}",
                "Content-Type": content_type,
            },
            body=body,
            deadline_at=parcel.deadline_at,
            ends_at_s=ends_at_s,
        )
        return uploaded(
            parcel, exchange, media_id=_media_id, classify=self._classify, now=self._setup.clock.now()
        )

    def look(self, parcel: Parcel) -> Trace:
        if refused := self._missing():
            return CannotTell(refused.reason)
        self._load()
        ends_at_s = self._wire.ends_at_s()
        if not self._account_id:
            exchange = self._ask(lambda client: client.account_verify_credentials(), ends_at_s=ends_at_s)
            found = (
                exchange.document().get("id") if isinstance(exchange, Reply) and exchange.is_success else None
            )
            if not found:
                return CannotTell(f"who we are could not be asked: {self._reason(exchange)}")
            self._account_id = str(found)
        since_at = parcel.first_sent_at - LOOK_BACK

        def fetch(cursor: str) -> Page | CannotTell:
            exchange = self._ask(
                lambda client: client.account_statuses(
                    self._account_id, limit=PAGE_ROWS, exclude_reblogs=True, max_id=cursor or None
                ),
                ends_at_s=ends_at_s,
            )
            rows = exchange.parsed() if isinstance(exchange, Reply) and exchange.is_success else None
            if not isinstance(rows, list):
                return CannotTell(f"the account's statuses could not be read: {self._reason(exchange)}")
            return _page([row for row in rows if isinstance(row, dict)], since_at)

        return look_through(parcel.payload, fetch)

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._missing():
            return refused
        exchange = self._ask(lambda client: client.status_delete(post_id))
        if not isinstance(exchange, Reply) or not (exchange.is_success or _is_missing(exchange)):
            return self._classify(exchange)
        # Some servers answer "not found" and keep it (snac2 2.75): only reading shows that it is gone.
        reading = self._ask(lambda client: client.status(post_id))
        if isinstance(reading, Reply) and _is_missing(reading):
            return Sent(post_id, "")
        if isinstance(reading, Reply) and reading.is_success:
            return Refused(
                f"the server keeps the status although it was asked to delete it (HTTP {exchange.status})"
            )
        return outcome_of(Meaning.UNSURE, f"deleted, but not seen to be gone: {self._reason(reading)}")

    def probe(self) -> tuple[Check, ...]:
        """Ask the server who we are."""
        fix = f"clinic-broadcast connect {self.name}"
        if refused := self._missing():
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=fix),)
        exchange = self._ask(lambda client: client.account_verify_credentials())
        if isinstance(exchange, Reply) and exchange.is_success and exchange.document().get("id"):
            detail = (
                f"@{self._wire.words(exchange.document().get('acct', ''))} on {urlsplit(self._base).netloc}"
            )
            return (Check(name=f"{self.name}: account", ok=True, detail=detail),)
        return (Check(name=f"{self.name}: account", ok=False, detail=self._reason(exchange), fix=fix),)

    def _missing(self) -> Refused | None:
        if not self._base:
            return Refused(
                f"channels.{self.name}.api_url is not set: the address of the server", of_account=True
            )
        return self._setup.missing(*KEYS)

    def _load(self) -> Any:  # noqa: ANN401 - Its methods return types of their own, which are not read.
        """Give the driver, loading it on first use."""
        if self._driver is not None:
            return self._driver
        import mastodon  # noqa: PLC0415 - Half a second: only when a server is really called.

        self._driver = mastodon.Mastodon(
            api_base_url=self._base,
            access_token=self._setup.credential("access_token"),
            # "wait", the default, sleeps up to five minutes and sends again inside the call.
            ratelimit_method="throw",
            request_timeout=self._setup.timeout_s,
            version_check_mode="none",
            session=self._wire,
        )
        return self._driver

    def _ask(
        self,
        call: Callable[[Any], object],
        *,
        deadline_at: datetime | None = None,
        ends_at_s: float | None = None,
    ) -> Exchange | None:
        """Let the library make one call and give what the wire saw; None when it made none."""
        client = self._load()  # Loading the driver must not eat up the time of the call.
        with self._wire.trip(deadline_at=deadline_at, ends_at_s=ends_at_s) as trip:
            with contextlib.suppress(Exception):
                call(client)
            return trip.exchange

    def _classify(self, exchange: Exchange | None) -> Unsent:
        if exchange is None:
            return Refused("Mastodon.py could not make the request")
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        if exchange.is_success:
            return outcome_of(Meaning.UNSURE, f"HTTP {exchange.status} with an answer that cannot be read")
        meaning = STATUSES.get(exchange.status, Meaning.UNSURE)
        until = retry_at(exchange.headers, self._setup.clock.now(), *RESETS)
        return outcome_of(meaning, self._words(exchange), until)

    def _words(self, reply: Reply) -> str:
        body = reply.document()
        said = [str(body[key]) for key in ("error", "error_description") if body.get(key)]
        return self._wire.words(f"HTTP {reply.status}: {' | '.join(said) or 'without a word'}")

    def _reason(self, exchange: Exchange | None) -> str:
        if isinstance(exchange, Reply):
            return self._words(exchange)
        return "no request was made" if exchange is None else exchange.reason


def open_channel(setup: ChannelSetup) -> Channel:
    """Open an account on a Mastodon server."""
    return MastodonChannel(setup)


def _words_and_links(content: str) -> tuple[str, tuple[str, ...]]:
    """Give the text of a status, which is HTML, and the addresses of its links."""
    # A status is HTML of a few tags that the server has cleaned; whatever else it is, this must not fail.
    text = _TAG.sub("", _BREAK.sub(" ", content))
    return html.unescape(text), tuple(html.unescape(one) for one in _HREF.findall(content))


def _page(rows: list[dict[str, Any]], since_at: datetime) -> Page:
    listed = [_listed(row) for row in rows]
    made_at = [_instant(row.get("created_at")) for row in rows]
    # Only what says when it was made can end the look; what does not is read like the rest.
    is_old = [at is not None and at < since_at for at in made_at]
    cursor = "" if not rows or all(is_old) else listed[-1].post_id
    recent = [one for one, old in zip(listed, is_old, strict=True) if not old]
    # A server that ignores paging lists all at once (snac2: 145 rows for limit=5), or fewer than were asked for.
    return Page(listed=recent, cursor=cursor, is_whole=len(rows) != PAGE_ROWS)


def _listed(row: dict[str, Any]) -> Listed:
    words, links = _words_and_links(str(row.get("content") or ""))
    # snac2 gives the text as it was written; others give it as HTML only.
    text = row.get("text")
    return Listed(
        post_id=str(row.get("id", "")),
        post_url=str(row.get("url") or row.get("uri") or ""),
        text=text if isinstance(text, str) and text else words,
        links=links,
    )


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _limits_in(reply: Reply, usual: Limits) -> Limits | None:
    configuration = reply.document().get("configuration")
    statuses = configuration.get("statuses") if isinstance(configuration, dict) else None
    if not isinstance(statuses, dict):
        return None
    length, url = statuses.get("max_characters"), statuses.get("characters_reserved_per_url")
    return replace(
        usual,
        length_max=length if isinstance(length, int) and length >= LENGTH_MIN else usual.length_max,
        url_length=url if isinstance(url, int) and url > 0 else usual.url_length,
    )


def _media_id(reply: Reply) -> str:
    """Give the id of a picture that can be attached: a 202 says that it is still being worked on."""
    found = reply.document().get("id")
    return str(found) if found and reply.status != HTTP_ACCEPTED else ""


def _is_missing(reply: Reply) -> bool:
    return reply.status in (404, 410)

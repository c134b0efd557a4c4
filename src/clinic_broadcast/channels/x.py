"""X through tweepy: sends once, reads its own timeline back, and knows what each documented answer means."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
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
from clinic_broadcast.channels.match import LOOK_BACK, Listed, Page, look_through
from clinic_broadcast.channels.picture import Upload, Uploaded, uploaded
from clinic_broadcast.core.delivery import CannotTell, Outcome, Refused, Sent, Throttled, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")

STATUSES: Final[Mapping[int, Meaning]] = {
    # docs.x.com response-codes-and-errors, read 2026-08-22. What is not here is a surprise, and so unsure.
    400: Meaning.REFUSED,
    401: Meaning.ACCOUNT,
    402: Meaning.ACCOUNT,  # Credit is spent: 402, 403 and 429 have all been reported for it.
    403: Meaning.REFUSED,
    404: Meaning.ACCOUNT,  # There is no such endpoint: the address in the settings is wrong.
    429: Meaning.THROTTLED,
}
PHRASES: Final[tuple[tuple[str, Meaning], ...]] = (
    # Found in `type`, `title` or `detail` of any error, in lower case; they go before the status.
    # A duplicate's twin may be ours (a lost answer) or a deleted one: only a look can tell.
    ("duplicate content", Meaning.UNSURE),
    ("usage-capped", Meaning.ACCOUNT),
    ("usagecapexceeded", Meaning.ACCOUNT),
    ("client-forbidden", Meaning.ACCOUNT),
    ("client-not-enrolled", Meaning.ACCOUNT),
    ("user-suspended", Meaning.ACCOUNT),
    ("oauth1-permissions", Meaning.ACCOUNT),
    ("unsupported-authentication", Meaning.ACCOUNT),
)
RESETS: Final = ("x-rate-limit-reset", "x-app-limit-24hour-reset", "x-user-limit-24hour-reset", "retry-after")
EPOCH_MS: Final = 1_288_834_974_657
"""X's ids count milliseconds from here in their upper bits."""
PAGE_ROWS: Final = 100
LOOK_CALLS_MAX: Final = 41


class XChannel:
    """One account on X, signed for with OAuth 1.0a."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        base_url(setup, "")
        self._wire = Wire(setup, base=setup.api_url)
        self._driver: Any = None

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "x"

    @property
    def account(self) -> str:
        user_id = self._user_id
        return f"x:{user_id}" if user_id else f"x:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.LOOKED_UP

    @property
    def limits(self) -> Limits:
        return LIMITS["x"]

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        text = parcel.payload.text
        self._load()
        ends_at_s = self._wire.ends_at_s()
        upload = self._upload(parcel, ends_at_s)
        if isinstance(upload, Throttled):
            return upload
        media = {"media_ids": [upload.media_id]} if upload.media_id else {}
        exchange = self._ask(
            lambda client: client.create_tweet(text=text, user_auth=True, **media),
            deadline_at=parcel.deadline_at,
            ends_at_s=ends_at_s,
        )
        if isinstance(exchange, Reply) and exchange.is_success:
            post_id = _id_in(exchange)
            if post_id:
                return Sent(post_id, _url(post_id))
        return self._classify(exchange)

    def _upload(self, parcel: Parcel, ends_at_s: float) -> Upload:
        """Upload the picture, then its alt text: without the one the other never goes out."""
        card = parcel.payload.card
        if not parcel.picture or card is None:
            return Uploaded()
        # docs.x.com, media upload (one shot) and media metadata, 2026-08-22; tweepy 4.17 has neither.
        picture = {
            "media": base64.b64encode(parcel.picture).decode(),
            "media_category": "tweet_image",
            "media_type": "image/png",
        }
        upload = self._step(parcel, "/2/media/upload", picture, ends_at_s)
        if isinstance(upload, Throttled) or not upload.media_id:
            return upload
        words = {"id": upload.media_id, "metadata": {"alt_text": {"text": card.alt}}}
        return self._step(parcel, "/2/media/metadata", words, ends_at_s)

    def _step(self, parcel: Parcel, path: str, body: Mapping[str, Any], ends_at_s: float) -> Upload:
        exchange = self._ask(
            lambda client: client._make_request("POST", path, json=body, user_auth=True),  # noqa: SLF001
            deadline_at=parcel.deadline_at,
            ends_at_s=ends_at_s,
        )
        return uploaded(
            parcel, exchange, media_id=_id_in, classify=self._classify, now=self._setup.clock.now()
        )

    def look(self, parcel: Parcel) -> Trace:
        if refused := self._setup.missing(*KEYS):
            return CannotTell(refused.reason)
        since_id = str(max(1, first_id_at(parcel.first_sent_at - LOOK_BACK)))
        self._load()
        ends_at_s = self._wire.ends_at_s()

        def fetch(cursor: str) -> Page | CannotTell:
            exchange = self._ask(
                lambda client: client.get_users_tweets(
                    self._user_id,
                    since_id=since_id,
                    max_results=PAGE_ROWS,
                    tweet_fields=["created_at", "entities"],
                    user_auth=True,
                    **({"pagination_token": cursor} if cursor else {}),
                ),
                ends_at_s=ends_at_s,
            )
            return self._page(exchange)

        return look_through(parcel.payload, fetch)

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        exchange = self._ask(lambda client: client.delete_tweet(post_id, user_auth=True))
        if isinstance(exchange, Reply):
            found = exchange.document().get("data")
            is_gone = isinstance(found, dict) and found.get("deleted") is True
            # X says 404 for what is not there any more; an unknown address has no problem type of that name.
            if is_gone or (exchange.status == 404 and b"resource-not-found" in exchange.body):  # noqa: PLR2004
                return Sent(post_id, "")
        return self._classify(exchange)

    def probe(self) -> tuple[Check, ...]:
        """Ask X whose keys these are; billed as one user read."""
        if refused := self._setup.missing(*KEYS):
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=_fix(self.name)),)
        exchange = self._ask(lambda client: client.get_me(user_auth=True))
        found = (
            exchange.document().get("data") if isinstance(exchange, Reply) and exchange.is_success else None
        )
        if isinstance(found, dict) and found.get("username"):
            ok = str(found.get("id")) == self._user_id
            fix = "" if ok else "the access token belongs to another account; run connect again"
            return (Check(name=f"{self.name}: account", ok=ok, detail=f"@{found['username']}", fix=fix),)
        detail = self._classify(exchange).reason
        return (Check(name=f"{self.name}: account", ok=False, detail=detail, fix=_fix(self.name)),)

    @property
    def _user_id(self) -> str:
        head, dash, _ = self._setup.credential("access_token").partition("-")
        return head if dash and head.isdigit() else ""

    def _load(self) -> Any:  # noqa: ANN401  # tweepy has no types.
        """Give the driver, loading it on first use."""
        if self._driver is not None:
            return self._driver
        import requests  # noqa: PLC0415
        import tweepy  # noqa: PLC0415  # 0.3 s that only a send pays.

        # Typed by what reads it: the wire, not tweepy, says what came back.
        make: Any = tweepy.Client
        client = make(
            **{key: self._setup.credential(key) for key in KEYS},
            return_type=requests.Response,
            wait_on_rate_limit=False,
        )
        client.session = self._wire
        self._driver = client
        return client

    def _ask(
        self,
        call: Callable[[Any], object],
        *,
        deadline_at: datetime | None = None,
        ends_at_s: float | None = None,
    ) -> Exchange | None:
        """Let tweepy make one call and give what the wire saw; None when tweepy made none."""
        client = self._load()  # Loading the driver must not eat up the time of the call.
        with self._wire.trip(deadline_at=deadline_at, ends_at_s=ends_at_s) as trip:
            # Some of tweepy's errors are bugs of its own (a 4xx whose body is a list): the wire knows better.
            with contextlib.suppress(Exception):
                call(client)
            return trip.exchange

    def _classify(self, exchange: Exchange | None) -> Unsent:
        if exchange is None:
            return Refused("tweepy could not make the request")
        if not isinstance(exchange, Reply):
            return outcome_without_reply(exchange)
        words = self._wire.words(_problem(exchange)) or f"HTTP {exchange.status} without a word"
        if exchange.is_success:
            return outcome_of(Meaning.UNSURE, f"HTTP {exchange.status} with an answer that cannot be read")
        reason = f"HTTP {exchange.status}: {words}"
        now = self._setup.clock.now()
        return outcome_of(meaning_of(exchange), reason, retry_at(_live_resets(exchange), now, *RESETS))

    def _page(self, exchange: Exchange | None) -> Page | CannotTell:
        if not isinstance(exchange, Reply) or not exchange.is_success:
            return CannotTell(self._classify(exchange).reason)
        body = exchange.document()
        rows, meta = body.get("data"), body.get("meta")
        if not isinstance(meta, dict) or not (isinstance(rows, list) or meta.get("result_count") == 0):
            return CannotTell("the timeline cannot be read: neither rows nor a count of none")
        cursor = meta.get("next_token")
        listed = [_listed(row) for row in rows or () if isinstance(row, dict)]
        return Page(listed=listed, cursor=str(cursor) if cursor else "")


def open_channel(setup: ChannelSetup) -> Channel:
    """Open an account on X."""
    return XChannel(setup)


def first_id_at(at: datetime) -> int:
    """Give the smallest id that something published at this instant can have."""
    return (int(at.timestamp() * 1000) - EPOCH_MS) << 22


def meaning_of(reply: Reply) -> Meaning:
    """Give what an error of X means, by its words first and its status second."""
    words = _problem(reply).lower()
    for phrase, meaning in PHRASES:
        if phrase in words:
            return meaning
    return STATUSES.get(reply.status, Meaning.UNSURE)


def _problem(reply: Reply) -> str:
    body = reply.document()
    found = [
        str(body[key]) for key in ("title", "detail", "type") if body.get(key) and body[key] != "about:blank"
    ]
    for one in body.get("errors") or ():
        if isinstance(one, dict):
            found += [str(one[key]) for key in ("message", "detail") if one.get(key)]
    return " | ".join(dict.fromkeys(found))


def _live_resets(reply: Reply) -> dict[str, str]:
    """Leave out the reset of a limit that is not used up: only the one that is tells when to come back."""
    kept = dict(reply.headers)
    for name in RESETS:
        if name.endswith("-reset") and kept.get(name.replace("-reset", "-remaining"), "0").strip() != "0":
            kept.pop(name, None)
    return kept


def _id_in(reply: Reply) -> str:
    found = reply.document().get("data")
    post_id = found.get("id") if isinstance(found, dict) else None
    return str(post_id) if isinstance(post_id, str | int) and str(post_id).isdigit() else ""


def _listed(row: dict[str, Any]) -> Listed:
    post_id, entities = str(row.get("id", "")), row.get("entities")
    urls = entities.get("urls") if isinstance(entities, dict) else None
    links = [
        str(one[key])
        for one in urls or ()
        if isinstance(one, dict)
        for key in ("expanded_url", "unwound_url")
        if one.get(key)
    ]
    return Listed(post_id=post_id, post_url=_url(post_id), text=str(row.get("text", "")), links=tuple(links))


def _url(post_id: str) -> str:
    return f"https://x.com/i/web/status/{post_id}"


def _fix(name: str) -> str:
    return f"clinic-broadcast connect {name}"

"""X, API v2: creating, deleting, the own timeline, limits, money and the errors a client must tell apart.

Sources: docs.x.com rate-limits and edit-posts (2026-07-24), pricing (2026-08-13), response codes, the
OpenAPI file 2.167; what nobody has verified live is a setting marked [U] in accounts.py.
"""

import importlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, Final

from clinic_broadcast.demo.networks import pictures
from clinic_broadcast.demo.networks.accounts import DISPLAY_NAME, USERNAME, X_APP_ONLY_BEARER, X_USER_ID
from clinic_broadcast.demo.networks.messages import (
    Call,
    Json,
    Reply,
    iso_ms,
    parse_instant,
    parse_number,
    reply_html,
    reply_json,
)
from clinic_broadcast.demo.networks.rates import Window, take
from clinic_broadcast.demo.networks.store import NUMBER_MAX, Publication, Store
from clinic_broadcast.demo.networks.x_answers import PROBLEMS, body_of, invalid, problem
from clinic_broadcast.demo.networks.x_media import describe, upload
from clinic_broadcast.demo.networks.x_signature import is_signed

EPOCH_MS: Final = 1_288_834_974_657
WINDOW_S: Final = 900.0  # Every limit here counts in 15 minutes (docs.x.com rate-limits 2026-07-24).
EDITS_MAX: Final = 5  # docs.x.com edit-posts 2026-07-24.
DUPLICATE: Final = "You are not allowed to create a Tweet with duplicate content."
# The create body is closed: additionalProperties false (OpenAPI 2.167).
CREATE_FIELDS: Final = frozenset(
    (
        *("card_uri", "community_id", "direct_message_deep_link", "edit_options", "for_super_followers_only"),
        *("geo", "made_with_ai", "media", "nullcast", "paid_partnership", "poll", "quote_tweet_id", "reply"),
        *("reply_settings", "share_with_followers", "text"),
    )
)
READ_FIELDS: Final = frozenset(
    (
        *(
            "id",
            "max_results",
            "since_id",
            "until_id",
            "start_time",
            "end_time",
            "pagination_token",
            "exclude",
        ),
        *(
            "tweet.fields",
            "post.fields",
            "expansions",
            "user.fields",
            "media.fields",
            "poll.fields",
            "place.fields",
        ),
    )
)
# docs.x.com pricing 2026-08-13, in millionths of a dollar.
MEDIA_MAX: Final = 4
COST: Final = {"create_with_url": 200_000, "create": 15_000, "delete": 10_000, "user_read": 10_000}
READ_OWNED, READ = 1_000, 5_000
_CASHTAG: Final = re.compile(r"(?:^|\s)\$[A-Za-z]{1,6}\b")


def x_text() -> ModuleType:
    """Return the text rules, loaded when they are first needed: they take a quarter of a second."""
    return importlib.import_module("clinic_broadcast.demo.networks.x_text")


class X:
    """X as a client of its API sees it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        match (call.method, call.path.strip("/").split("/")):
            case ("POST", ["2", "tweets"]):
                return self._limited(call, "create", self._create)
            case ("POST", ["2", "media", "upload"]):
                return self._limited(call, "media", lambda _: upload(self._store, call))
            case ("POST", ["2", "media", "metadata"]):
                return self._limited(call, "media", lambda _: describe(self._store, call))
            case ("DELETE", ["2", "tweets", tweet_id]):
                return self._limited(call, "delete", lambda _: self._delete(tweet_id))
            case ("GET", ["2", "tweets", tweet_id]):
                return self._limited(call, "timeline", lambda _: self._one(call, tweet_id))
            case ("GET", ["2", "users", "me"]):
                return self._limited(call, "me", lambda _: self._me())
            case ("GET", ["2", "users", user_id, "tweets"]):
                return self._limited(call, "timeline", lambda _: self._timeline(call, user_id))
            case _:
                return problem(404, "Not Found", "Not Found")

    def failed(self, status: int) -> Reply:
        if status in (502, 504):
            return reply_html(status, "<html><body><h1>Bad Gateway</h1></body></html>")
        title = {500: "Internal Server Error", 503: "Service Unavailable"}.get(status, "Error")
        return problem(status, title, "Something is broken." if status == 500 else "Service Unavailable")  # noqa: PLR2004

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        # Only x-rate-limit-reset tells when; X sends no Retry-After (docs.x.com rate-limits 2026-07-24).
        reply = problem(429, "Too Many Requests", "Too Many Requests")
        ends_ms = self._store.now_ms() + round(wait_s * 1000)
        return (
            reply
            if bare
            else reply.with_headers(_limit_headers(Window(limit=100, left=0, ends_ms=ends_ms, is_over=True)))
        )

    def refused_token(self) -> Reply:
        return problem(401, "Unauthorized", "Unauthorized")

    def duplicate(self) -> Reply:
        """Return the 403 for a text that the account has published already; it names no twin."""
        return problem(403, "Forbidden", DUPLICATE)

    def usage_capped(self) -> Reply:
        """Return the refusal of an account whose cap, credit or spending limit is used up."""
        return problem(
            int(self._store.setting("x", "out_of_credit_status")),
            "UsageCapExceeded",
            "Usage cap exceeded: Monthly product cap",
            kind="usage-capped",
        )

    # Gates that every call passes ------------------------------------------------------------------------

    def _limited(self, call: Call, endpoint: str, answer: Callable[[Call], Reply]) -> Reply:
        if refused := self._refuse_caller(call):
            return refused
        if not self._store.setting("x", "rate_limits"):
            return self._billable(call, answer)
        limit = int(self._store.setting("x", f"limit_{endpoint}"))
        window = take(self._store, f"x.{endpoint}", limit=limit, length_s=WINDOW_S)
        if window.is_over:
            return problem(429, "Too Many Requests", "Too Many Requests").with_headers(_limit_headers(window))
        return self._billable(call, answer).with_headers(_limit_headers(window))

    def _refuse_caller(self, call: Call) -> Reply | None:
        if call.headers.get("authorization", "").startswith("Bearer "):
            if call.bearer() != X_APP_ONLY_BEARER:
                return self.refused_token()
            if call.method == "GET" and not call.path.endswith("/me"):
                return None
            return problem(
                403,
                "Unsupported Authentication",
                "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint. Supported "
                "authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].",
                kind="unsupported-authentication",
            )
        return None if is_signed(self._store, call) else self.refused_token()

    def _billable(self, call: Call, answer: Callable[[Call], Reply]) -> Reply:
        cap_usd = float(self._store.setting("x", "spend_limit_usd"))
        is_spent = cap_usd > 0 and sum(self._store.bill("x").values()) >= cap_usd * 1_000_000
        if self._store.setting("x", "usage_capped") or is_spent:
            return self.usage_capped()
        return answer(call)

    # Writes ----------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> Reply:
        body = body_of(call)
        if body is None:
            return invalid("$", "the body is not an object")
        if unknown := sorted(set(body) - CREATE_FIELDS):
            return invalid(unknown[0], f"unknown fields {unknown}")
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            return invalid("text", "text is required where there is no media, poll or quote")
        if refused := self._refuse_text(text):
            return refused
        edit = body.get("edit_options")
        media_ids: list[Any] = dict(body.get("media") or {}).get("media_ids") or []
        media = [pictures.found(self._store, "x", media_id) for media_id in media_ids]
        if len(media) > MEDIA_MAX or None in media:
            return invalid("media.media_ids", "Your media IDs are invalid.")
        with self._store.change():
            if edit is None:
                return self._publish(text, [], [one for one in media if one is not None])
            previous = self._store.find("x", str(dict(edit).get("previous_post_id")))
            if previous is None or not self._may_edit(previous):
                return problem(403, "Forbidden", "You are not permitted to perform this action.")
            reply = self._publish(text, previous.extra["history"])
            if reply.status == 201:  # noqa: PLR2004
                # An edit is a new one with a new id; the old version is no longer shown.
                self._store.publish(replace(previous, deleted_ms=self._store.now_ms()))
            return reply

    def _refuse_text(self, text: str) -> Reply | None:
        if x_text().is_too_long(text):
            status = int(self._store.setting("x", "overlength_status"))
            return problem(status, "Forbidden", "Your Tweet text is too long.")
        if len(_CASHTAG.findall(text)) > 1:
            return problem(403, "Forbidden", "A Tweet may hold a maximum of one cashtag.")
        return None

    def _may_edit(self, previous: Publication) -> bool:
        age_s = (self._store.now_ms() - previous.at_ms) / 1000
        return (
            bool(self._store.setting("x", "premium"))
            and previous.deleted_ms is None
            and len(previous.extra["history"]) <= EDITS_MAX
            and age_s <= float(self._store.setting("x", "edit_window_s"))
        )

    def _publish(self, text: str, history: list[str], media: list[Json] | None = None) -> Reply:
        now_ms = self._store.now_ms()
        window_ms = round(float(self._store.setting("x", "duplicate_window_s")) * 1000)
        # A deleted twin still counts (seen in J7mbo/twitter-api-php #171); the window is unverified.
        if window_ms > 0 and self._store.newest_twin("x", text, now_ms - window_ms):
            return self.duplicate()
        urls = x_text().urls_of(text)
        number = self._store.next_number("x", (now_ms - EPOCH_MS) << 22)
        shown = x_text().show(text, str(number))
        # A picture is seen in the text as one more short link, and among its entities as a page of X itself.
        urls_seen, text_seen = list(shown.urls), shown.text
        if media:
            short = f"https://t.co/p{number % 1_000_000_000}"
            page = f"https://x.com/{USERNAME}/status/{number}/photo/1"
            text_seen = f"{text_seen} {short}"
            picture = {
                "url": short,
                "expanded_url": page,
                "display_url": f"pic.x.com/p{number % 1_000_000_000}",
            }
            urls_seen.append(picture)
        it = Publication(
            network="x",
            id=str(number),
            number=number,
            text=text,
            at_ms=now_ms,
            link=x_text().expand(urls[0][0]) if urls else None,
            extra={
                "shown": text_seen,
                "urls": urls_seen,
                "history": [*history, str(number)],
                "media": media or [],
            },
        )
        self._store.publish(it)
        kind = "create_with_url" if urls else "create"
        self._store.charge("x", kind, COST[kind])
        return reply_json(201, {"data": _object(it)})

    def _delete(self, tweet_id: str) -> Reply:
        with self._store.change():
            # Deleting one version deletes the whole chain of edits, whose newest one is what stands.
            standing = (it for it in self._store.publications("x") if it.deleted_ms is None)
            found = self._store.find("x", tweet_id)
            if found is not None and found.deleted_ms is not None:
                found = next((it for it in standing if tweet_id in it.extra["history"]), None)
            if found is None:
                words = f"Could not find tweet with id: [{tweet_id}]."
                return problem(404, "Not Found Error", words, kind="resource-not-found")
            self._store.publish(replace(found, deleted_ms=self._store.now_ms()))
            self._store.charge("x", "delete", COST["delete"])
        return reply_json(200, {"data": {"deleted": True}})

    # Reads -----------------------------------------------------------------------------------------------

    def _me(self) -> Reply:
        self._bill_read("user", X_USER_ID, COST["user_read"])
        return reply_json(200, {"data": {"id": X_USER_ID, "name": DISPLAY_NAME, "username": USERNAME}})

    def _one(self, call: Call, tweet_id: str) -> Reply:
        found = self._store.find("x", tweet_id)
        if found is None or found.deleted_ms is not None:
            # X reports a missing one inside a 200: "check errors even in a 200".
            missing = {
                "value": tweet_id,
                "resource_type": "tweet",
                "resource_id": tweet_id,
                "parameter": "id",
                "title": "Not Found Error",
                "detail": f"Could not find tweet with id: [{tweet_id}].",
                "type": f"{PROBLEMS}resource-not-found",
            }
            return reply_json(200, {"errors": [missing]})
        self._bill_tweets([found])
        return reply_json(200, {"data": _shown(found, _wanted(call))})

    def _timeline(self, call: Call, user_id: str) -> Reply:
        if unknown := sorted({key for key, _ in call.query} - READ_FIELDS):
            return invalid(
                unknown[0], f"The query parameter [{unknown[0]}] is not one of {sorted(READ_FIELDS)}"
            )
        size = parse_number(call.ask("max_results"), 10)
        if size is None or not 5 <= size <= 100:  # noqa: PLR2004 - The API's own bounds.
            return invalid(
                "max_results",
                f"The `max_results` query parameter value [{call.ask('max_results')}] is not between 5 and 100",
            )
        token = call.ask("pagination_token")
        below = parse_number(token[1:] if token else None, NUMBER_MAX)
        above, until = parse_number(call.ask("since_id"), 0), parse_number(call.ask("until_id"), NUMBER_MAX)
        start, end = (_instant(call.ask(name)) for name in ("start_time", "end_time"))
        if below is None or above is None or until is None or start is None or end is None:
            return invalid("since_id", "an id, a token or a time cannot be read")
        found: list[Publication] = []
        if user_id == X_USER_ID:
            lag_s = float(self._store.setting("x", "lag_s"))
            found = self._store.listed(
                "x",
                lag_s,
                above=above,
                below=min(below, until),
                since_ms=start,
                until_ms=end or NUMBER_MAX,
                limit=size + 1,
            )
        page = found[:size]
        self._bill_tweets(page)
        meta: Json = {"result_count": len(page)}
        if not page:
            return reply_json(200, {"meta": meta})
        meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
        if len(found) > size:
            meta["next_token"] = f"t{page[-1].id}"
        wanted = _wanted(call)
        return reply_json(200, {"data": [_shown(it, wanted) for it in page], "meta": meta})

    def _bill_tweets(self, found: list[Publication]) -> None:
        cost = READ_OWNED if self._store.setting("x", "owned_app") else READ
        for it in found:
            self._bill_read("post", it.id, cost)

    def _bill_read(self, kind: str, object_id: str, cost: int) -> None:
        # The same object is billed once in a UTC day (docs.x.com pricing 2026-08-13).
        day = datetime.fromtimestamp(self._store.now_ms() / 1000, UTC).date().isoformat()
        if self._store.add("x.read", f"{day} {kind} {object_id}", value=True):
            self._store.charge("x", f"{kind}_read", cost)


def _instant(text: str | None) -> int | None:
    return 0 if text is None else parse_instant(text)


def _wanted(call: Call) -> frozenset[str]:
    # The OpenAPI file says post.fields, every prose page and tweepy say tweet.fields: both are taken.
    asked = [value for key, value in call.query if key in ("tweet.fields", "post.fields")]
    return frozenset(name for value in asked for name in value.split(","))


def _object(it: Publication) -> Json:
    return {"id": it.id, "text": it.extra["shown"], "edit_history_tweet_ids": it.extra["history"]}


def _shown(it: Publication, wanted: frozenset[str]) -> Json:
    found = _object(it)
    if "created_at" in wanted:
        found["created_at"] = iso_ms(it.at_ms - it.at_ms % 1000)
    if "author_id" in wanted:
        found["author_id"] = X_USER_ID
    if "entities" in wanted and it.extra["urls"]:
        found["entities"] = {"urls": it.extra["urls"]}
    return found


def _limit_headers(window: Window) -> dict[str, str]:
    return {
        "x-rate-limit-limit": str(window.limit),
        "x-rate-limit-remaining": str(window.left),
        "x-rate-limit-reset": str(-(-window.ends_ms // 1000)),
    }

"""A Mastodon server: statuses with Idempotency-Key, edits, deletion, paging, limits.

Sources: docs.joinmastodon.org (2026-07-02), mastodon/mastodon PostStatusService; the deviations of other
servers of this API (snac2 2.75, GoToSocial) are settings.
"""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

import regex

from clinic_broadcast.demo.networks import pictures
from clinic_broadcast.demo.networks.accounts import DISPLAY_NAME, USERNAME
from clinic_broadcast.demo.networks.messages import (
    Call,
    Json,
    Reply,
    iso_ms,
    parse_number,
    reply_html,
    reply_json,
)
from clinic_broadcast.demo.networks.rates import take
from clinic_broadcast.demo.networks.store import NUMBER_MAX, REACH, Publication, Store

ACCOUNT_ID: Final = "100000000000000001"
MEDIA_MAX, DESCRIPTION_MAX = 4, 1_500
PAGE_DEFAULT, PAGE_MAX = 20, 40
_URL: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]}']")
_REMOTE: Final = re.compile(r"(@[A-Za-z0-9_]+)@[A-Za-z0-9.-]+[A-Za-z0-9]")
_GRAPHEME: Final = regex.compile(r"\X")


class Mastodon:
    """One account on a Mastodon server as a client sees it."""

    pauses_itself = True

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        if not (call.method == "POST" and call.path == "/api/v1/statuses"):
            call.pause()
        if refused := self._refuse_caller(call):
            return refused
        if not self._store.setting("mastodon", "rate_limits"):
            return self._route(call)
        # 300 calls in 5 minutes; 30 deletions in 30 minutes (docs.joinmastodon.org rate-limits 2026-07-02).
        is_deletion = call.method == "DELETE"
        window = take(
            self._store,
            "mastodon.delete" if is_deletion else "mastodon.calls",
            limit=int(self._store.setting("mastodon", "limit_delete" if is_deletion else "limit_calls")),
            length_s=1_800.0 if is_deletion else 300.0,
        )
        headers = {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.left),
            "X-RateLimit-Reset": iso_ms(window.ends_ms),
        }
        return (_error(429, "Too many requests") if window.is_over else self._route(call)).with_headers(
            headers
        )

    def failed(self, status: int) -> Reply:
        if status == 500:  # noqa: PLR2004
            return _error(500, "Internal Server Error")
        return reply_html(status, "<html><body><h1>We're sorry, but something went wrong.</h1></body></html>")

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        ends = iso_ms(self._store.now_ms() + round(wait_s * 1000))
        headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": ends}
        return _error(429, "Too many requests").with_headers({} if bare else headers)

    def refused_token(self) -> Reply:
        return _error(401, "The access token is invalid")

    def _refuse_caller(self, call: Call) -> Reply | None:
        is_open = call.path in {"/api/v1/instance", "/api/v2/instance"}
        is_open = is_open or (
            call.method == "GET" and call.path.startswith("/api/v1/statuses/") and not call.bearer()
        )
        if is_open or call.bearer() == self._store.setting("mastodon", "access_token"):
            if call.method != "GET" and not self._store.setting("mastodon", "rights"):
                return _error(403, "This action is outside the authorized scopes")
            return None
        return self.refused_token()

    def _route(self, call: Call) -> Reply:  # noqa: C901 - One arm a call.
        match (call.method, call.path.strip("/").split("/")):
            case ("POST", ["api", "v1", "statuses"]):
                return self._create(call)
            case ("POST", ["api", "v2" | "v1", "media"]):
                return self._upload(call)
            case ("GET", ["api", "v1", "statuses", status_id]):
                return self._with(status_id, lambda it: self._status(call, it))
            case ("GET", ["api", "v1", "statuses", status_id, "source"]):
                return self._with(status_id, lambda it: {"id": it.id, "text": it.text, "spoiler_text": ""})
            case ("PUT", ["api", "v1", "statuses", status_id]):
                return self._edit(call, status_id)
            case ("DELETE", ["api", "v1", "statuses", status_id]):
                return self._delete(call, status_id)
            case ("GET", ["api", "v1", "accounts", "verify_credentials"]):
                return reply_json(200, self._account(call))
            case ("GET", ["api", "v1", "accounts", account_id, "statuses"]) if account_id == ACCOUNT_ID:
                return self._list(call, account_id)
            case ("GET", ["api", "v1", "instance"]):
                return reply_json(200, self._instance(call, {"uri": "social.demo.test", "version": "4.6.0"}))
            case ("GET", ["api", "v2", "instance"]) if self._store.setting("mastodon", "instance_v2"):
                return reply_json(
                    200, self._instance(call, {"domain": "social.demo.test", "version": "4.6.0"})
                )
            case _:
                return _error(404, "Record not found")

    # Writes ----------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> Reply:
        fields, key = call.fields(), call.headers.get("idempotency-key", "")
        text = str(fields.get("status", ""))
        if problem := self._problem_with(text, str(fields.get("spoiler_text") or "")):
            call.pause()
            return problem
        is_keyed = bool(key) and self._store.setting("mastodon", "idempotency") == "honoured"
        # Look up, create, store the key, and no lock around the three: a second call with the same key while
        # the first is still creating makes a second status (PostStatusService).
        if is_keyed and (twin := self._twin(key)):
            call.pause()
            return reply_json(200, self._status(call, twin))
        call.pause()
        media_ids = _media_ids(call)
        media = [(one, pictures.found(self._store, "mastodon", one)) for one in media_ids]
        if len(media) > MEDIA_MAX or any(kept is None for _, kept in media):
            return _error(422, "Validation failed: Cannot attach files that do not exist")
        visibility = str(fields.get("visibility") or "public")
        links = _URL.findall(text)
        with self._store.change():
            now_ms = self._store.now_ms()
            number = self._store.next_number("mastodon", now_ms << 16)
            it = Publication(
                network="mastodon",
                id=str(number),
                number=number,
                text=text,
                at_ms=now_ms,
                link=links[0] if links else None,
                is_public=visibility in ("public", "unlisted"),
                key=key or None,
                extra={
                    "visibility": visibility,
                    "language": fields.get("language"),
                    "edited_ms": None,
                    "media": [{"id": media_id, **(kept or {})} for media_id, kept in media],
                },
            )
            self._store.publish(it)
        if is_keyed:
            self._store.put("mastodon.key", key, {"id": it.id, "at_ms": now_ms})
        return reply_json(200, self._status(call, it))

    def _upload(self, call: Call) -> Reply:
        content = call.parts().get("file", b"")
        if not pictures.is_picture(content):
            return _error(422, "Validation failed: File content type is invalid")
        words = call.parts().get("description", b"").decode("utf-8", "replace")
        if len(words) > DESCRIPTION_MAX:
            return _error(422, f"Validation failed: Description is too long (maximum is {DESCRIPTION_MAX})")
        media_id = pictures.keep(self._store, "mastodon", content, alt=words)
        return reply_json(
            200, {"id": media_id, "type": "image", "url": f"{call.base_url}/wall", "description": words}
        )

    def _twin(self, key: str) -> Publication | None:
        stored = self._store.get("mastodon.key", key)
        ttl_ms = float(self._store.setting("mastodon", "idempotency_ttl_s")) * 1000
        if stored is None or stored["at_ms"] + ttl_ms < self._store.now_ms():
            return None
        found = self._store.find("mastodon", stored["id"])
        return None if found is None or found.deleted_ms is not None else found

    def _problem_with(self, text: str, warning: str) -> Reply | None:
        if not text.strip():
            return _error(422, "Validation failed: Text can't be blank")
        limit = int(self._store.setting("mastodon", "max_characters"))
        reserved = int(self._store.setting("mastodon", "characters_reserved_per_url"))
        counted = _REMOTE.sub(r"\1", _URL.sub("x" * reserved, text)) + warning
        if len(_GRAPHEME.findall(counted)) > limit:
            return _error(422, f"Validation failed: Text character limit of {limit} exceeded")
        return None

    def _edit(self, call: Call, status_id: str) -> Reply:
        text = str(call.fields().get("status", ""))
        if problem := self._problem_with(text, ""):
            return problem
        links = _URL.findall(text)
        with self._store.change():
            if (it := self._living(status_id)) is None:
                return _error(404, "Record not found")
            extra = {**it.extra, "edited_ms": self._store.now_ms()}
            it = replace(it, text=text, link=links[0] if links else None, extra=extra)
            self._store.publish(it)
        return reply_json(200, self._status(call, it))

    def _delete(self, call: Call, status_id: str) -> Reply:
        with self._store.change():
            it = self._living(status_id)
            if it is None or not self._store.setting("mastodon", "delete_works"):
                return _error(404, "Record not found")
            self._store.publish(replace(it, deleted_ms=self._store.now_ms()))
        return reply_json(200, {**self._status(call, it), "text": it.text})

    # Reads -----------------------------------------------------------------------------------------------

    def _living(self, status_id: str) -> Publication | None:
        found = self._store.find("mastodon", status_id)
        return None if found is None or found.deleted_ms is not None else found

    def _with(self, status_id: str, show: Callable[[Publication], Json]) -> Reply:
        it = self._living(status_id)
        return _error(404, "Record not found") if it is None else reply_json(200, show(it))

    def _list(self, call: Call, account_id: str) -> Reply:
        lag_s = float(self._store.setting("mastodon", "lag_s"))
        if not self._store.setting("mastodon", "paging"):
            return reply_json(200, [self._status(call, it) for it in self._store.listed("mastodon", lag_s)])
        size = min(parse_number(call.ask("limit"), PAGE_DEFAULT) or PAGE_DEFAULT, PAGE_MAX)
        most = parse_number(call.ask("max_id"), NUMBER_MAX) or 0
        since, least = (parse_number(call.ask(name), 0) or 0 for name in ("since_id", "min_id"))
        # min_id asks for the page right above it, since_id for the newest above it.
        reach = REACH if least else size
        found = self._store.listed("mastodon", lag_s, above=max(since, least), below=most, limit=reach)
        page = found[-size:]
        headers: dict[str, str] = {}
        if page:
            kept = [(k, v) for k, v in call.query if k not in ("max_id", "since_id", "min_id")]
            base = f"{call.base_url}/mastodon/api/v1/accounts/{account_id}/statuses?"
            older = urlencode([*kept, ("max_id", page[-1].id)])
            newer = urlencode([*kept, ("min_id", page[0].id)])
            headers["Link"] = f'<{base}{older}>; rel="next", <{base}{newer}>; rel="prev"'
        return reply_json(200, [self._status(call, it) for it in page], headers)

    def _account(self, call: Call) -> Json:
        return {
            "id": ACCOUNT_ID,
            "username": USERNAME,
            "acct": USERNAME,
            "display_name": DISPLAY_NAME,
            "url": f"{call.base_url}/wall",
            "bot": False,
            "locked": False,
            "source": {"privacy": "public", "sensitive": False, "language": "en"},
        }

    def _status(self, call: Call, it: Publication) -> Json:
        edited_ms = it.extra.get("edited_ms")
        return {
            "id": it.id,
            "uri": f"{call.base_url}/mastodon/users/{USERNAME}/statuses/{it.id}",
            "url": f"{call.base_url}/wall#mastodon-{it.id}",
            "created_at": iso_ms(it.at_ms),
            "edited_at": iso_ms(edited_ms) if edited_ms else None,
            "content": _content(it.text),
            "visibility": it.extra["visibility"],
            "language": it.extra["language"],
            "sensitive": False,
            "spoiler_text": "",
            "in_reply_to_id": None,
            "reblog": None,
            "media_attachments": [
                {"id": one["id"], "type": "image", "description": one["alt"]}
                for one in it.extra.get("media", ())
            ],
            "application": {"name": "Demo Broadcast", "website": None},
            "account": self._account(call),
        }

    def _instance(self, call: Call, names: Json) -> Json:
        limits = ("max_characters", "characters_reserved_per_url")
        statuses = {name: self._store.setting("mastodon", name) for name in limits}
        title = {
            "title": "Demo social",
            "configuration": {"statuses": {**statuses, "max_media_attachments": 4}},
        }
        return {**names, **title, "thumbnail": {"url": f"{call.base_url}/wall"}}


def _media_ids(call: Call) -> list[str]:
    """Return the pictures to attach: a list in JSON, `media_ids[]` again and again in a form."""
    if call.media_type() == "application/json":
        return [str(one) for one in call.fields().get("media_ids") or ()]
    pairs = parse_qsl(call.body.decode("utf-8", "replace"))
    return [value for name, value in pairs if name in {"media_ids", "media_ids[]"}]


def _content(text: str) -> str:
    """Return the text as Mastodon's HTML: paragraphs, and links with hidden ends."""
    pieces: list[str] = []
    done = 0
    for found in _URL.finditer(text):
        pieces.append(html.escape(text[done : found.start()], quote=False))
        scheme, _, rest = found.group().partition("://")
        url, shown, hidden = (html.escape(part) for part in (found.group(), rest[:30], rest[30:]))
        pieces.append(
            f'<a href="{url}" rel="nofollow noopener" target="_blank" translate="no">'
            f'<span class="invisible">{scheme}://</span><span class="{"ellipsis" if hidden else ""}">{shown}</span>'
            f'<span class="invisible">{hidden}</span></a>'
        )
        done = found.end()
    pieces.append(html.escape(text[done:], quote=False))
    body = "".join(pieces).replace("\r\n", "\n")
    return "".join(f"<p>{part.replace(chr(10), '<br />')}</p>" for part in re.split(r"\n{2,}", body))


def _error(status: int, words: str) -> Reply:
    return reply_json(status, {"error": words})

"""A Facebook Page through the Graph API: publishing, editing, deleting, reading back, and its error envelope.

Sources: facebook-business-sdk-codegen v25.0 (2026-04-15), developers.facebook.com error handling, rate
limiting and Pages API posts; what nobody has verified live is marked [U].
"""

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from clinic_broadcast.demo.networks import pictures
from clinic_broadcast.demo.networks.accounts import DISPLAY_NAME, FACEBOOK_APP
from clinic_broadcast.demo.networks.graph import WORDS, GraphError, envelope, parse_fields, stamp
from clinic_broadcast.demo.networks.messages import Call, Json, Reply, parse_instant, parse_number, reply_json
from clinic_broadcast.demo.networks.store import NUMBER_MAX, Publication, Store

LENGTH_MAX: Final = 63_206  # [U] Third-party pages only.
PAGE_MAX: Final = 100
_VERSION: Final = re.compile(r"v\d{1,2}\.\d$")
_POST_FIELDS: Final = frozenset(
    (
        *("id", "message", "created_time", "updated_time", "permalink_url", "application", "is_published"),
        *("attachments", "from", "status_type", "scheduled_publish_time"),
    )
)
_PAGE_FIELDS: Final = frozenset(
    ["id", "name", "link", "username", "category", "fan_count", "access_token", "tasks"]
)


class Facebook:
    """One Page as a client of the Graph API sees it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        parts = call.path.strip("/").split("/")
        if parts and _VERSION.match(parts[0]):
            parts = parts[1:]
        if parts and parts[0] == "me":
            parts[0] = self._page_id()
        try:
            self._check_caller(call)
            reply = reply_json(200, self._route(call, parts))
        except GraphError as error:
            reply = envelope(error)
        return reply.with_headers(self._usage_headers())

    def failed(self, status: int) -> Reply:
        # Codes 1 and 2 say "unknown" and "service"; both may come after the write was done.
        code = 1 if status == 500 else 2  # noqa: PLR2004
        return envelope(GraphError(code, WORDS[code], status=status, is_transient=True))

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        reply = envelope(GraphError(32, "(#32) Page request limit reached", status=403, is_transient=True))
        minutes = max(1, round(wait_s / 60))
        return reply if bare else reply.with_headers(_usage(self._page_id(), percent=100, minutes=minutes))

    def refused_token(self) -> Reply:
        return envelope(_dead_token())

    def _page_id(self) -> str:
        return str(self._store.setting("facebook", "page_id"))

    # Who calls -------------------------------------------------------------------------------------------

    def _check_caller(self, call: Call) -> None:
        token = call.bearer() or str(call.fields().get("access_token", ""))
        if not token:
            raise GraphError(104, "An access token is required to request this resource.", status=401)
        if not hmac.compare_digest(
            token.encode(), str(self._store.setting("facebook", "page_token")).encode()
        ):
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token", status=401)
        self._check_proof(token, str(call.fields().get("appsecret_proof", "")))
        if not self._store.setting("facebook", "rights") and call.method != "GET":
            raise GraphError(
                200, "(#200) Requires pages_manage_posts permission to manage the object", status=403
            )
        if int(self._store.setting("facebook", "usage_percent")) >= 100:  # noqa: PLR2004
            raise GraphError(32, "(#32) Page request limit reached", status=403, is_transient=True)

    def _check_proof(self, token: str, proof: str) -> None:
        secret = str(self._store.setting("facebook", "app_secret"))
        if not secret:
            return
        if not proof and self._store.setting("facebook", "require_proof"):
            raise GraphError(100, "API calls from the server require an appsecret_proof argument")
        right = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if proof and not hmac.compare_digest(right, proof):
            raise GraphError(100, "Invalid appsecret_proof provided in the API argument")

    def _usage_headers(self) -> dict[str, str]:
        every = int(self._store.setting("facebook", "usage_every"))
        turn = self._store.next_number("facebook.calls", 1)
        if every <= 0 or turn % every:
            return {}
        return _usage(
            self._page_id(), percent=int(self._store.setting("facebook", "usage_percent")), minutes=0
        )

    # What is called --------------------------------------------------------------------------------------

    def _route(self, call: Call, parts: list[str]) -> Json:
        page = self._page_id()
        match (call.method, parts):
            case ("POST", [found, "feed"]) if found == page:
                return self._create(call.fields())
            case ("POST", [found, "photos"]) if found == page:
                return self._photo(call)
            case ("GET", [found, "feed" | "published_posts" | "posts" | "scheduled_posts" as edge]) if (
                found == page
            ):
                return self._list(call, edge)
            case ("GET", [found]) if found == page:
                return self._page(call)
            case ("GET", [post_id]):
                return self._shown(call, self._existing(post_id, "get"), call.ask("fields"))
            case ("POST", [post_id]):
                return self._edit(post_id, call.fields())
            case ("DELETE", [post_id]):
                return self._delete(post_id)
            case _:
                raise GraphError(2500, "Unknown path components: /" + "/".join(parts[1:]))

    def _create(self, fields: Json) -> Json:
        message, link = str(fields.get("message", "")), str(fields.get("link", ""))
        if not message.strip() and not link:
            raise GraphError(100, "(#100) Either message or link is required")
        if len(message) > LENGTH_MAX:
            raise GraphError(100, "(#100) Param message must be at most 63,206 characters")
        if link and not re.match(r"https?://[^\s/]+", link):
            raise GraphError(1500, "(#1500) The url you supplied is invalid", subcode=1_609_005)
        media = self._attached(fields)
        is_public = str(fields.get("published", "true")).lower() not in {"false", "0"}
        if "scheduled_publish_time" in fields and is_public:
            raise GraphError(100, "(#100) You cannot specify a scheduled publish time on a published post")
        with self._store.change():
            last = self._store.newest("facebook")
            is_refusing = self._store.setting("facebook", "duplicates") == "refused"
            is_same = is_refusing and last is not None and (last.text, last.link or "") == (message, link)
            # "identical to the last one you posted ... or delete your previous update": deleted ones do not count.
            if is_public and is_same and last is not None and last.deleted_ms is None:
                raise GraphError(
                    506,
                    "(#506) Duplicate status message",
                    subcode=1_455_006,
                    title="Duplicate Status Update",
                    person="This status update is identical to the last one you posted.",
                )
            now_ms = self._store.now_ms()
            number = self._store.next_number("facebook", now_ms)
            extra: Json = {k: fields[k] for k in ("scheduled_publish_time",) if k in fields}
            extra["media"] = media
            it = Publication(
                network="facebook",
                id=f"{self._page_id()}_{number}",
                number=number,
                text=message,
                link=link or None,
                at_ms=now_ms,
                is_public=is_public,
                extra=extra,
            )
            self._store.publish(it)
        return {"id": it.id}

    def _photo(self, call: Call) -> Json:
        fields, content = call.fields(), call.parts().get("source", b"")
        if not pictures.is_picture(content):
            raise GraphError(324, "(#324) Requires upload file")
        if str(fields.get("published", "true")).lower() not in {"false", "0"}:
            raise GraphError(100, "(#100) Only unpublished photos are simulated here")
        return {
            "id": pictures.keep(self._store, "facebook", content, alt=str(fields.get("alt_text_custom", "")))
        }

    def _attached(self, fields: Json) -> list[Json]:
        """Return the unpublished photos that a post attaches; both spellings of the list are taken."""
        try:
            listed: Any = json.loads(str(fields.get("attached_media", "[]")))
            wanted = [str(one["media_fbid"]) for one in listed]
        except (ValueError, KeyError, TypeError):
            raise GraphError(100, "(#100) Param attached_media must be an array") from None
        kept = [pictures.found(self._store, "facebook", one) for one in wanted]
        if None in kept:
            raise GraphError(100, "(#100) Invalid parameter: attached_media")
        return [one for one in kept if one is not None]

    def _edit(self, post_id: str, fields: Json) -> Json:
        # There is no `link` parameter here (codegen v25.0): a wrong link can only be deleted.
        with self._store.change():
            found = self._existing(post_id, "post")
            changed = replace(found, text=str(fields.get("message", found.text)))
            if str(fields.get("is_published", "")).lower() in {"true", "1"}:
                changed = replace(changed, is_public=True)
            self._store.publish(changed)
        return {"success": True}

    def _delete(self, post_id: str) -> Json:
        with self._store.change():
            self._store.publish(replace(self._existing(post_id, "delete"), deleted_ms=self._store.now_ms()))
        return {"success": True}

    def _existing(self, post_id: str, verb: str) -> Publication:
        full = post_id if "_" in post_id else f"{self._page_id()}_{post_id}"
        found = self._store.find("facebook", full)
        if found is None or found.deleted_ms is not None:
            raise GraphError(
                100,
                f"Unsupported {verb} request. Object with ID '{post_id}' does not exist, cannot be loaded due to "
                "missing permissions, or does not support this operation.",
                subcode=33,
                kind="GraphMethodException",
            )
        return found

    # Reads -----------------------------------------------------------------------------------------------

    def _page(self, call: Call) -> Json:
        wanted = parse_fields(call.ask("fields") or "id,name")
        if unknown := sorted(set(wanted) - _PAGE_FIELDS):
            raise GraphError(
                100, f"(#100) Tried accessing nonexisting field ({unknown[0]}) on node type (Page)"
            )
        page = self._page_id()
        known: Json = {
            "id": page,
            "name": DISPLAY_NAME,
            "link": f"{call.base_url}/wall",
            "category": "Medical",
            "fan_count": 12,
            "tasks": ["CREATE_CONTENT", "MODERATE"],
        }
        return {name: known[name] for name in ("id", *wanted) if name in known}

    def _list(self, call: Call, edge: str) -> Json:
        limit = parse_number(call.ask("limit"), 25)
        if limit is None or not 1 <= limit <= PAGE_MAX:
            raise GraphError(100, "(#100) Param limit must be a number between 1 and 100")
        _wanted(call.ask("fields"))
        below = parse_number((call.ask("after") or "")[1:] or None, NUMBER_MAX)
        since, until = _seconds(call.ask("since"), 0), _seconds(call.ask("until"), 1 << 40)
        if below is None or since is None or until is None:
            raise GraphError(100, "(#100) Invalid cursors values, since or until")
        if edge == "scheduled_posts":
            found = [
                it
                for it in self._store.publications("facebook")
                if not it.is_public and it.deleted_ms is None and "scheduled_publish_time" in it.extra
            ]
            found = [it for it in found if it.number < below and since <= it.at_ms // 1000 <= until]
        else:
            found = self._store.listed(
                "facebook",
                float(self._store.setting("facebook", "lag_s")),
                below=below,
                since_ms=since * 1000,
                until_ms=(until + 1) * 1000,
                limit=limit + 1,
            )
        page = found[:limit]
        listed: Json = {"data": [self._shown(call, it, call.ask("fields")) for it in page]}
        if page:
            cursors = {"before": f"c{page[0].number}", "after": f"c{page[-1].number}"}
            paging: Json = {"cursors": cursors}
            listed["paging"] = paging
            if len(found) > limit:
                query = [
                    (k, v) for k, v in call.query if k not in ("after", "access_token", "appsecret_proof")
                ]
                path = quote(call.path)
                paging["next"] = (
                    f"{call.base_url}/facebook{path}?{urlencode([*query, ('after', cursors['after'])])}"
                )
        return listed

    def _shown(self, call: Call, it: Publication, fields: str | None) -> Json:
        wanted = _wanted(fields)
        known: Json = {
            "id": it.id,
            "message": it.text or None,
            "created_time": stamp(it.at_ms),
            "updated_time": stamp(it.at_ms),
            "permalink_url": f"{call.base_url}/wall#facebook-{it.id}",
            "application": {**FACEBOOK_APP, "link": f"{call.base_url}/wall"},
            "is_published": it.is_public,
            "from": {"id": self._page_id(), "name": DISPLAY_NAME},
            "status_type": "shared_story" if it.link else "mobile_status_update",
            "scheduled_publish_time": it.extra.get("scheduled_publish_time"),
        }
        if it.link:
            # Links come back through Facebook's redirector; only unshimmed_url is the link as it was sent.
            shim = "https://l.facebook.com/l.php?" + urlencode({"u": it.link, "h": secrets.token_hex(8)})
            attachment = {"unshimmed_url": it.link, "url": shim, "target": {"url": shim}, "type": "share"}
            inner = wanted.get("attachments") or ("url", "target", "type")
            known["attachments"] = {"data": [{k: v for k, v in attachment.items() if k in inner}]}
        elif it.extra.get("media"):
            page = f"https://www.facebook.com/photo.php?fbid={it.number}"
            attachment = {"unshimmed_url": page, "url": page, "target": {"url": page}, "type": "photo"}
            inner = wanted.get("attachments") or ("url", "target", "type")
            known["attachments"] = {"data": [{k: v for k, v in attachment.items() if k in inner}]}
        return {name: known[name] for name in (*wanted, "id") if known.get(name) is not None}


def _wanted(fields: str | None) -> dict[str, tuple[str, ...]]:
    wanted = parse_fields(fields or "created_time,message,id")
    if unknown := sorted(set(wanted) - _POST_FIELDS):
        raise GraphError(
            100, f"(#100) Tried accessing nonexisting field ({unknown[0]}) on node type (PagePost)"
        )
    return wanted


def _dead_token() -> GraphError:
    return GraphError(
        190, "Error validating access token: The session has been invalidated.", subcode=460, status=401
    )


def _usage(page_id: str, *, percent: int, minutes: int) -> dict[str, str]:
    usage = {"call_count": percent, "total_cputime": percent, "total_time": percent}
    business = {"type": "pages", **usage, "estimated_time_to_regain_access": minutes}
    return {
        "X-App-Usage": json.dumps(usage),
        "X-Business-Use-Case-Usage": json.dumps({page_id: [business]}),
    }


def _seconds(text: str | None, default: int) -> int | None:
    if text is None or text.isdigit():
        return parse_number(text, default)
    at_ms = parse_instant(text)
    return None if at_ms is None else at_ms // 1000

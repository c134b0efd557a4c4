"""LinkedIn's Posts API for an organisation: little text that is cut silently, twins that are named, ghosts.

Sources: learn.microsoft.com posts-api and little-text-format; the silent cut as in n8n-io/n8n #10179, ghost
URNs as in ComposioHQ/composio #2710; what nobody has verified live is a setting marked [U].
"""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from clinic_broadcast.demo.networks.messages import Call, Json, Reply, parse_number, reply_json
from clinic_broadcast.demo.networks.store import Publication, Store

LENGTH_MAX: Final = 3_000
RESERVED: Final = frozenset("\\|{}@[]()<>#*_~")
_VERSION_DIGITS: Final = 6


class LinkedIn:
    """One organisation's page as a client of the Posts API sees it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        if call.bearer() != self._store.setting("linkedin", "access_token"):
            return self.refused_token()
        if refused := _refuse_versions(call):
            return refused
        match (call.method, [unquote(part) for part in call.path.strip("/").split("/")]):
            case ("POST", ["rest", "posts"]):
                return self._create(call)
            case ("GET", ["rest", "posts"]):
                return self._list(call)
            case ("GET", ["rest", "posts", urn]):
                it = self._living(urn)
                return (
                    _error(404, "NOT_FOUND", f"{urn} was not found")
                    if it is None
                    else reply_json(200, _shown(it))
                )
            case ("POST", ["rest", "posts", urn]) if call.headers.get("x-restli-method") == "PARTIAL_UPDATE":
                return self._edit(call, urn)
            case ("DELETE", ["rest", "posts", urn]):
                if it := self._living(urn):
                    self._store.publish(replace(it, deleted_ms=self._store.now_ms()))
                return Reply(status=204)
            case _:
                return _error(404, "RESOURCE_NOT_FOUND", "No such resource")

    def failed(self, status: int) -> Reply:
        names = {500: "INTERNAL_SERVER_ERROR", 503: "SERVICE_UNAVAILABLE"}
        return _error(status, names.get(status, "GATEWAY_ERROR"), "Try later")

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        # Quotas reset at 00:00 UTC and no header says so.
        del wait_s, bare
        return _error(
            429, "TOO_MANY_REQUESTS", "Resource level throttle APPLICATION DAY limit for calls is reached."
        )

    def refused_token(self) -> Reply:
        return _error(401, "INVALID_ACCESS_TOKEN", "Invalid access token")

    def _create(self, call: Call) -> Reply:
        try:
            body = call.document()
        except ValueError:
            return _error(400, "INVALID_JSON", "The body is not an object")
        wanted = {"author", "commentary", "visibility", "distribution", "lifecycleState"}
        if missing := sorted(wanted - set(body)):
            return _error(422, "MISSING_FIELD", f"{missing[0]} is required but was not provided")
        if body["author"] != self._store.setting("linkedin", "author_urn"):
            return _error(403, "ACCESS_DENIED", "The author is not one that the token may write for")
        sent = str(body["commentary"])
        if len(sent) > LENGTH_MAX:
            return _error(422, "FIELD_LENGTH_TOO_LONG", "commentary may be 3000 characters long at most")
        with self._store.change():
            now_ms = self._store.now_ms()
            if twin := self._twin(sent, now_ms):
                return _error(422, "DUPLICATE_POST", f"Content is a duplicate of {twin.id}")
            number = self._store.next_number("linkedin", now_ms << 22)
            article: Json = (body.get("content") or {}).get("article") or {}
            it = Publication(
                network="linkedin",
                id=f"urn:li:share:{number}",
                number=number,
                text=shown_text(sent),
                at_ms=now_ms,
                link=article.get("source"),
                is_public=body["visibility"] == "PUBLIC" and body["lifecycleState"] == "PUBLISHED",
                extra={"commentary": sent, "author": body["author"], "article": article},
            )
            self._store.publish(it)
        return Reply(status=201, headers=(("x-restli-id", it.id), ("x-linkedin-id", it.id)))

    def _twin(self, sent: str, now_ms: int) -> Publication | None:
        since_ms = now_ms - round(float(self._store.setting("linkedin", "duplicate_window_s")) * 1000)
        has_ghosts = bool(self._store.setting("linkedin", "ghosts"))
        twins = (
            it
            for it in self._store.publications("linkedin")
            if it.extra["commentary"] == sent
            and it.at_ms >= since_ms
            and (has_ghosts or it.deleted_ms is None)
        )
        return next(twins, None)

    def _edit(self, call: Call, urn: str) -> Reply:
        try:
            changed: Any = call.document()["patch"]["$set"]
            sent = str(changed["commentary"])
        except (ValueError, KeyError, TypeError):
            return _error(400, "INVALID_PATCH", "Only commentary can be changed")
        with self._store.change():
            it = self._living(urn)
            if it is None:
                return _error(404, "NOT_FOUND", f"{urn} was not found")
            self._store.publish(replace(it, text=shown_text(sent), extra={**it.extra, "commentary": sent}))
        return Reply(status=204)

    def _living(self, urn: str) -> Publication | None:
        found = self._store.find("linkedin", urn)
        return None if found is None or found.deleted_ms is not None else found

    def _list(self, call: Call) -> Reply:
        author = call.ask("author") or ""
        if author.startswith("urn:li:person:"):
            # r_member_social is closed: a personal profile cannot be read back.
            return _error(
                403, "ACCESS_DENIED", "Not enough permissions to access: posts.FINDER-author.NO_VERSION"
            )
        start, count = parse_number(call.ask("start"), 0), parse_number(call.ask("count"), 10)
        if call.ask("q") != "author" or start is None or count is None:
            return _error(400, "ILLEGAL_ARGUMENT", "q, start or count is wrong")
        listed = self._store.listed("linkedin", float(self._store.setting("linkedin", "lag_s")))
        found = [it for it in listed if it.extra["author"] == author]
        page = found[start : start + count]
        paging = {"start": start, "count": count, "total": len(found), "links": []}
        return reply_json(200, {"elements": [_shown(it) for it in page], "paging": paging})


def shown_text(commentary: str) -> str:
    """Return what the public sees of a little text: cut without error at the first reserved character."""
    shown: list[str] = []
    chars = iter(commentary)
    for char in chars:
        if char == "\\":
            follower = next(chars, "")
            if follower not in RESERVED:
                break
            shown.append(follower)
        elif char in RESERVED:
            break
        else:
            shown.append(char)
    return "".join(shown)


def _shown(it: Publication) -> Json:
    found: Json = {
        "id": it.id,
        "author": it.extra["author"],
        "commentary": it.extra["commentary"],
        "visibility": "PUBLIC" if it.is_public else "LOGGED_IN",
        "lifecycleState": "PUBLISHED",
        "createdAt": it.at_ms,
        "publishedAt": it.at_ms,
    }
    if it.extra["article"]:
        found["content"] = {"article": it.extra["article"]}
    return found


def _refuse_versions(call: Call) -> Reply | None:
    version = call.headers.get("linkedin-version", "")
    if not version:
        return _error(400, "VERSION_MISSING", "A version must be present")
    if not version.isdigit() or len(version) != _VERSION_DIGITS:
        return _error(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
    if call.headers.get("x-restli-protocol-version") != "2.0.0":
        return _error(400, "ILLEGAL_ARGUMENT", "X-Restli-Protocol-Version must be 2.0.0")
    return None


def _error(status: int, code: str, message: str) -> Reply:
    return reply_json(status, {"status": status, "code": code, "message": message, "serviceErrorCode": 100})

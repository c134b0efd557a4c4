"""A Bluesky personal data server: records under our own keys, create-only writes, log-ins.

Every rule was measured on a real PDS 0.5.35 (@atproto/pds), November 2026, unless its comment says more.
"""

import base64
import hashlib
import json
import re
from typing import Any, Final

import regex

from clinic_broadcast.demo.networks.accounts import BLUESKY_DID
from clinic_broadcast.demo.networks.at_session import Sessions, xrpc_error
from clinic_broadcast.demo.networks.messages import Call, Json, Reply, parse_instant, parse_number, reply_json
from clinic_broadcast.demo.networks.rates import take
from clinic_broadcast.demo.networks.store import Publication, Store

POST: Final = "app.bsky.feed.post"
GRAPHEMES_MAX, BYTES_MAX = 300, 3_000
BLOB_HEAD: Final = b"\x01\x55\x12\x20"
BLOB_MAX: Final = 1_000_000
_TID: Final = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
_GRAPHEME: Final = regex.compile(r"\X")
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
# Points of the hourly budget of 5,000 (docs.bsky.app rate limits).
_POINTS: Final = {"createRecord": 3, "putRecord": 3, "deleteRecord": 1}


class Bluesky:
    """One account on a PDS as an XRPC client sees it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions = Sessions(store)

    def answer(self, call: Call) -> Reply:
        name = call.path.removeprefix("/xrpc/")
        match (call.method, name.removeprefix("com.atproto.")):
            case ("POST", "server.createSession"):
                return self._sessions.create(call)
            case ("POST", "server.refreshSession"):
                return self._sessions.refresh(call)
            case ("GET", "_health"):
                return reply_json(200, {"version": "0.5.35"})
            case ("GET", "repo.getRecord"):
                return self._get(call)
            case ("GET", "repo.listRecords"):
                return self._list(call)
            case ("GET", "identity.resolveHandle"):
                return self._resolve(call)
            case ("GET", "server.getSession"):
                me = {"did": BLUESKY_DID, "handle": self._store.setting("bluesky", "handle"), "active": True}
                return self._sessions.refuse(call) or reply_json(200, me)
            case (
                "POST",
                "repo.putRecord" | "repo.createRecord" | "repo.deleteRecord" | "repo.uploadBlob" as write,
            ):
                return self._write(call, write.removeprefix("repo."))
            case ("GET", _) if name.startswith("app.bsky."):
                return xrpc_error(502, "UpstreamFailure", "There is no AppView behind this server")
            case _:
                return xrpc_error(501, "MethodNotImplemented", "Method Not Implemented")

    def failed(self, status: int) -> Reply:
        name = {
            500: "InternalServerError",
            502: "UpstreamFailure",
            503: "NotEnoughResources",
            504: "UpstreamTimeout",
        }
        return xrpc_error(status, name.get(status, "InternalServerError"), "Internal Server Error")

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        if bare:
            return xrpc_error(429, "RateLimitExceeded", "Rate Limit Exceeded")
        return self._sessions.too_many(self._store.now_ms() + round(wait_s * 1000), limit=5_000)

    def refused_token(self) -> Reply:
        return xrpc_error(400, "InvalidToken", "Token could not be verified")

    # Writes ----------------------------------------------------------------------------------------------

    def _write(self, call: Call, verb: str) -> Reply:
        if refused := self._sessions.refuse(call):
            return refused
        if verb == "uploadBlob":
            return self._blob(call)
        if self._store.setting("bluesky", "rate_limits"):
            limit = int(self._store.setting("bluesky", "limit_points_hour"))
            points = _POINTS[verb]
            window = take(self._store, "bluesky.points", limit=limit, length_s=3_600.0, points=points)
            if window.is_over:
                return self._sessions.too_many(window.ends_ms, limit=limit)
        try:
            body = call.document()
        except ValueError:
            return _invalid("Input must be an object")
        if not self._is_mine(body.get("repo")):
            return _invalid("Invalid repo")
        with self._store.change():
            return self._delete(body) if verb == "deleteRecord" else self._put(body, verb)

    def _put(self, body: Json, verb: str) -> Reply:
        record, rkey = body.get("record"), body.get("rkey")
        if not isinstance(record, dict):
            return _invalid("Input/record must be an object")
        if rkey is None and verb == "createRecord":
            rkey = self._new_tid()
        if problem := _problem_with_key(body.get("collection"), rkey) or _problem_with_post(dict(record)):
            return _invalid(problem)
        if missing := self._missing_blob(dict(record)):
            return xrpc_error(400, "BlobNotFound", f"Could not find blob: {missing}")
        uri, cid = f"at://{BLUESKY_DID}/{POST}/{rkey}", cid_of(record)
        found = self._living(str(rkey))
        if found and verb == "createRecord":
            # Reported as bluesky-social/atproto #3718: the existing key surfaces as a 500.
            return self.failed(500)
        if found and found.extra["cid"] == cid:
            return reply_json(200, {"uri": uri, "cid": cid, "validationStatus": "valid"})
        if "swapRecord" in body and body["swapRecord"] != (found.extra["cid"] if found else None):
            return xrpc_error(400, "InvalidSwap", f"Record was at {found.extra['cid'] if found else 'null'}")
        now_ms = self._store.now_ms()
        self._store.publish(
            Publication(
                network="bluesky",
                id=uri,
                number=self._store.next_number("bluesky", now_ms),
                text=str(record["text"]),
                at_ms=now_ms,
                link=_link_of(record),
                key=str(rkey),
                extra={"cid": cid, "record": record},
            )
        )
        commit = {"cid": cid_of({"commit": cid}), "rev": self._new_tid()}
        return reply_json(200, {"uri": uri, "cid": cid, "commit": commit, "validationStatus": "valid"})

    def _blob(self, call: Call) -> Reply:
        reply = _blob(call)
        if reply.status == 200:  # noqa: PLR2004
            link = "b" + base64.b32encode(BLOB_HEAD + hashlib.sha256(call.body).digest()).decode().lower()
            self._store.put("bluesky.blob", link.rstrip("="), len(call.body))
        return reply

    def _missing_blob(self, record: Json) -> str:
        """Return the address of a picture that the record names and nobody has uploaded."""
        embed: Any = record.get("embed") or {}
        thumb: Any = (embed.get("external") or {}).get("thumb") or {}
        link = str((thumb.get("ref") or {}).get("$link", ""))
        return link if link and self._store.get("bluesky.blob", link) is None else ""

    def _delete(self, body: Json) -> Reply:
        if problem := _problem_with_key(body.get("collection"), body.get("rkey")):
            return _invalid(problem)
        found = self._living(str(body["rkey"]))
        if found is None:
            return reply_json(200, {})
        if body.get("swapRecord") not in (None, found.extra["cid"]):
            return xrpc_error(400, "InvalidSwap", f"Record was at {found.extra['cid']}")
        with self._store.change() as db:
            changed = (self._store.now_ms(), found.id)
            db.execute("UPDATE publication SET deleted_ms = ? WHERE network = 'bluesky' AND id = ?", changed)
        return reply_json(200, {"commit": {"cid": cid_of({"gone": found.id}), "rev": self._new_tid()}})

    # Reads -----------------------------------------------------------------------------------------------

    def _living(self, rkey: str) -> Publication | None:
        found = self._store.find("bluesky", f"at://{BLUESKY_DID}/{POST}/{rkey}")
        return None if found is None or found.deleted_ms is not None else found

    def _is_mine(self, repo: object) -> bool:
        return repo in (BLUESKY_DID, self._store.setting("bluesky", "handle"))

    def _get(self, call: Call) -> Reply:
        # No log-in needed; a missing record is a 400, not a 404.
        rkey = call.ask("rkey") or ""
        found = (
            self._living(rkey) if self._is_mine(call.ask("repo")) and call.ask("collection") == POST else None
        )
        if found is None:
            uri = f"at://{call.ask('repo')}/{call.ask('collection')}/{rkey}"
            return xrpc_error(400, "RecordNotFound", f"Could not locate record: {uri}")
        return reply_json(200, _record(found))

    def _list(self, call: Call) -> Reply:
        size = parse_number(call.ask("limit"), 50)
        if not self._is_mine(call.ask("repo")) or size is None or not 1 <= size <= 100:  # noqa: PLR2004
            return _invalid("Params must name the repo and a limit between 1 and 100")
        is_reverse, cursor = call.ask("reverse") == "true", call.ask("cursor")
        found = self._store.listed("bluesky", 0.0) if call.ask("collection") == POST else []
        found.sort(key=lambda it: it.key or "", reverse=not is_reverse)
        if cursor:
            found = [
                it for it in found if (it.key or "") != cursor and ((it.key or "") > cursor) is is_reverse
            ]
        page = found[:size]
        listed: Json = {"records": [_record(it) for it in page]}
        if page:
            listed["cursor"] = page[-1].key
        return reply_json(200, listed)

    def _resolve(self, call: Call) -> Reply:
        if call.ask("handle") != self._store.setting("bluesky", "handle"):
            return _invalid("Unable to resolve handle")
        return reply_json(200, {"did": BLUESKY_DID})

    def _new_tid(self) -> str:
        return tid_of(self._store.next_number("bluesky.tid", self._store.now_ms() * 1000) << 10)


def tid_of(number: int) -> str:
    """Return the 13 characters of a timestamp identifier: microseconds << 10 | 10 bits (atproto.com TID)."""
    return "".join(_ALPHABET[(number >> (5 * n)) & 31] for n in range(12, -1, -1))


def cid_of(record: object) -> str:
    """Return a well-formed CID of the record; its digest is over canonical JSON instead of DAG-CBOR."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    raw = b"\x01\x71\x12\x20" + hashlib.sha256(canonical).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def _record(it: Publication) -> Json:
    return {"uri": it.id, "cid": it.extra["cid"], "value": it.extra["record"]}


def _problem_with_key(collection: object, rkey: object) -> str:
    if collection != POST:
        return f"Only {POST} is simulated here"
    if not isinstance(rkey, str) or not _TID.fullmatch(rkey):
        return f"Invalid record key: Invalid TID string: {rkey}"
    return ""


def _problem_with_post(record: Json) -> str:
    text = record.get("text")
    if record.get("$type", POST) != POST:
        return f"Invalid $type: expected {POST}"
    if not isinstance(text, str):
        return f"Invalid {POST} record: Record/text must be a string"
    if len(text.encode()) > BYTES_MAX:
        return f"Invalid {POST} record: Record/text must not be longer than {BYTES_MAX} bytes"
    if len(_GRAPHEME.findall(text)) > GRAPHEMES_MAX:
        return f"Invalid {POST} record: Record/text must not be longer than {GRAPHEMES_MAX} graphemes"
    if parse_instant(str(record.get("createdAt"))) is None:
        return f"Invalid {POST} record: Record/createdAt must be an valid atproto datetime"
    # Bad addresses are refused, but byte offsets beyond the text are not looked at.
    if any(not _URI.fullmatch(uri) for uri in _links(record)):
        return f"Invalid {POST} record: Record/facets/0/features/0/uri must be a uri"
    return ""


def _links(record: Json) -> list[str]:
    found: list[str] = []
    facets: list[Any] = record.get("facets") or []
    for facet in facets:
        features: list[Any] = facet.get("features") or []
        found += [str(it["uri"]) for it in features if it.get("$type") == "app.bsky.richtext.facet#link"]
    embed: Any = record.get("embed") or {}
    if embed.get("$type") == "app.bsky.embed.external":
        found.append(str(embed["external"]["uri"]))
    return found


def _link_of(record: Json) -> str | None:
    return next(iter(_links(record)), None)


def _blob(call: Call) -> Reply:
    if len(call.body) > BLOB_MAX:
        return xrpc_error(
            413, "BlobTooLarge", f"This file is too large. It must not be over {BLOB_MAX} bytes"
        )
    raw = BLOB_HEAD + hashlib.sha256(call.body).digest()
    link = "b" + base64.b32encode(raw).decode().lower().rstrip("=")
    kind = call.media_type() or "application/octet-stream"
    blob = {"$type": "blob", "ref": {"$link": link}, "mimeType": kind, "size": len(call.body)}
    return reply_json(200, {"blob": blob})


def _invalid(message: str) -> Reply:
    return xrpc_error(400, "InvalidRequest", message)

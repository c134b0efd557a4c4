"""Threads: containers that become publications in two steps, and the oddities between the two.

Sources: developers.facebook.com threads (posts, troubleshooting); 24/4279009 as in gitroomhq/postiz-app
PR #2047, the vanishing status as in exileum/meta-mcp #143.
"""

from dataclasses import replace
from typing import Final

from clinic_broadcast.demo.networks.accounts import USERNAME
from clinic_broadcast.demo.networks.graph import WORDS, GraphError, envelope, parse_fields, stamp
from clinic_broadcast.demo.networks.messages import Call, Json, Reply, parse_number, reply_json
from clinic_broadcast.demo.networks.store import Publication, Store

LENGTH_MAX: Final = 500
EXPIRY_S: Final = 86_400.0
_MEDIA_FIELDS: Final = (
    "id",
    "text",
    "timestamp",
    "permalink",
    "media_type",
    "username",
    "link_attachment_url",
)


class Threads:
    """One Threads profile as a client of its API sees it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        parts = call.path.removeprefix("/v1.0").strip("/").split("/")
        if parts[0] == "me":
            parts[0] = self._user_id()
        token = call.bearer() or str(call.fields().get("access_token", ""))
        if token != self._store.setting("threads", "access_token"):
            return self.refused_token()
        with self._store.change():
            try:
                return reply_json(200, self._route(call, parts))
            except GraphError as error:
                return envelope(error)

    def failed(self, status: int) -> Reply:
        code = 1 if status == 500 else 2  # noqa: PLR2004
        return envelope(GraphError(code, WORDS[code], status=status, is_transient=True))

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        del wait_s, bare
        return envelope(GraphError(4, "Application request limit reached", status=403, is_transient=True))

    def refused_token(self) -> Reply:
        return envelope(GraphError(190, "Error validating access token: Session has expired", status=401))

    def _user_id(self) -> str:
        return str(self._store.setting("threads", "user_id"))

    def _route(self, call: Call, parts: list[str]) -> Json:
        user = self._user_id()
        match (call.method, parts):
            case ("POST", [found, "threads"]) if found == user:
                return self._contain(call.fields())
            case ("POST", [found, "threads_publish"]) if found == user:
                return self._publish(str(call.fields().get("creation_id", "")))
            case ("GET", [found, "threads"]) if found == user:
                return self._list(call)
            case ("GET", [found, "threads_publishing_limit"]) if found == user:
                used = int(self._store.get("threads.used", "day") or 0)
                quota = {"quota_total": self._store.setting("threads", "quota"), "quota_duration": 86_400}
                return {"data": [{"quota_usage": used, "config": quota}]}
            case ("GET", [found]) if found == user:
                return {"id": user, "username": USERNAME}
            case ("GET", [thing]):
                return self._look(call, thing)
            case ("DELETE", [media_id]):
                it = self._living(media_id)
                self._store.publish(replace(it, deleted_ms=self._store.now_ms()))
                return {"success": True, "deleted_id": media_id}
            case _:
                raise GraphError(2500, "Unknown path components")

    # Two steps -------------------------------------------------------------------------------------------

    def _contain(self, fields: Json) -> Json:
        text = str(fields.get("text", ""))
        if fields.get("media_type") != "TEXT" or not text:
            raise GraphError(100, "(#100) media_type TEXT and a text are simulated here")
        if len(text) > LENGTH_MAX:
            raise GraphError(100, "(#100) Param text must be at most 500 characters long.")
        number = str(self._store.next_number("threads", self._store.now_ms()))
        link = fields.get("link_attachment")
        made = {"text": text, "link": link, "made_ms": self._store.now_ms(), "published": None}
        self._store.put("threads.container", number, made)
        return {"id": number}

    def _status(self, container: Json) -> str:
        age_s = (self._store.now_ms() - container["made_ms"]) / 1000
        if container["published"]:
            return "PUBLISHED"
        if age_s > EXPIRY_S:
            return "EXPIRED"
        return (
            "IN_PROGRESS"
            if age_s < float(self._store.setting("threads", "container_delay_s"))
            else "FINISHED"
        )

    def _publish(self, creation_id: str) -> Json:
        container: Json | None = self._store.get("threads.container", creation_id)
        # A finished container may still be "not found", text ones too; nothing is published then.
        spoiled, failures = (
            int(self._store.setting("threads", "media_not_found")),
            self._store.get("threads", "failed"),
        )
        if container is None or self._status(container) != "FINISHED" or int(failures or 0) < spoiled:
            self._store.put("threads", "failed", int(failures or 0) + 1)
            raise GraphError(
                24,
                "The requested resource does not exist",
                subcode=4_279_009,
                title="Media Not Found",
                person="The media with this id cannot be found.",
            )
        used = int(self._store.get("threads.used", "day") or 0)
        if used >= int(self._store.setting("threads", "quota")):
            raise GraphError(9, "Application request limit reached", subcode=2_207_051, status=403)
        self._store.put("threads.used", "day", used + 1)
        number = self._store.next_number("threads", self._store.now_ms())
        self._store.put("threads.container", creation_id, {**container, "published": str(number)})
        self._store.publish(
            Publication(
                network="threads",
                id=str(number),
                number=number,
                text=container["text"],
                link=container["link"],
                at_ms=self._store.now_ms(),
                key=creation_id,
            )
        )
        return {"id": str(number)}

    # Reads -----------------------------------------------------------------------------------------------

    def _look(self, call: Call, thing: str) -> Json:
        container: Json | None = self._store.get("threads.container", thing)
        wanted = parse_fields(call.ask("fields") or "id")
        if container is None:
            return self._shown(call, self._living(thing), wanted)
        if container["published"] and self._store.setting("threads", "status_vanishes"):
            raise GraphError(100, "(#100) Tried accessing nonexisting field (status) on node type (Media)")
        status = self._status(container)
        return {"id": thing, "status": status, **({"error_message": "UNKNOWN"} if status == "ERROR" else {})}

    def _living(self, media_id: str) -> Publication:
        found = self._store.find("threads", media_id)
        if found is None or found.deleted_ms is not None:
            raise GraphError(
                100, f"Unsupported request. Object with ID '{media_id}' does not exist", subcode=33
            )
        return found

    def _list(self, call: Call) -> Json:
        limit = parse_number(call.ask("limit"), 25) or 25
        below = parse_number((call.ask("after") or "")[1:] or None, 1 << 63) or 0
        found = self._store.listed("threads", float(self._store.setting("threads", "lag_s")))
        found = [it for it in found if it.number < below]
        wanted = parse_fields(call.ask("fields") or "id")
        page = found[:limit]
        listed: Json = {"data": [self._shown(call, it, wanted) for it in page]}
        if page:
            cursors = {"before": f"c{page[0].number}", "after": f"c{page[-1].number}"}
            listed["paging"] = (
                {"cursors": cursors} if len(found) > limit else {"cursors": {"before": cursors["before"]}}
            )
        return listed

    def _shown(self, call: Call, it: Publication, wanted: dict[str, tuple[str, ...]]) -> Json:
        known: Json = {
            "id": it.id,
            "text": it.text,
            "timestamp": stamp(it.at_ms),
            "permalink": f"{call.base_url}/wall#threads-{it.id}",
            "media_type": "TEXT_POST",
            "username": USERNAME,
            "link_attachment_url": it.link,
        }
        if unknown := sorted(set(wanted) - set(_MEDIA_FIELDS)):
            raise GraphError(
                100, f"(#100) Tried accessing nonexisting field ({unknown[0]}) on node type (Media)"
            )
        return {name: known[name] for name in ("id", *wanted) if known[name] is not None}

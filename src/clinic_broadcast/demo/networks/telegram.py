"""Telegram's Bot API for one channel: what is sent cannot be listed, and old messages cannot be deleted.

Source: core.telegram.org/bots/api; how lengths are counted (UTF-16 units) is unverified.
"""

from dataclasses import replace
from typing import Final

from clinic_broadcast.demo.networks.accounts import DISPLAY_NAME, USERNAME
from clinic_broadcast.demo.networks.messages import Call, Json, Reply, reply_json
from clinic_broadcast.demo.networks.store import Publication, Store

LENGTH_MAX: Final = 4_096
DELETE_MS: Final = 48 * 3_600_000


class Telegram:
    """One channel as its bot sees it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        bot, _, verb = call.path.strip("/").partition("/")
        if bot != f"bot{self._store.setting('telegram', 'bot_token')}":
            return self.refused_token()
        fields = call.fields()
        if verb == "getMe":
            return _done(
                {"id": 500000001, "is_bot": True, "first_name": DISPLAY_NAME, "username": f"{USERNAME}_bot"}
            )
        if fields.get("chat_id") != self._store.setting("telegram", "chat_id"):
            return _error(400, "Bad Request: chat not found")
        with self._store.change():
            match verb:
                case "getChat":
                    return _done(self._chat())
                case "getChatMember":
                    can = bool(self._store.setting("telegram", "can_delete_messages"))
                    rights = {
                        "can_post_messages": True,
                        "can_edit_messages": True,
                        "can_delete_messages": can,
                    }
                    return _done({"status": "administrator", **rights})
                case "sendMessage":
                    return self._send(fields)
                case "editMessageText" | "deleteMessage":
                    return self._change(verb, fields)
                case _:
                    return _error(404, "Not Found")

    def failed(self, status: int) -> Reply:
        return _error(status, "Internal Server Error" if status == 500 else "Bad Gateway")  # noqa: PLR2004

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        wait = max(1, round(wait_s))
        return _error(429, f"Too Many Requests: retry after {wait}", {} if bare else {"retry_after": wait})

    def refused_token(self) -> Reply:
        return _error(401, "Unauthorized")

    def _send(self, fields: Json) -> Reply:
        text = str(fields.get("text", ""))
        if problem := _problem_with(text):
            return _error(400, problem)
        number = self._store.next_number("telegram", 1)
        now_ms = self._store.now_ms()
        link = next((word for word in text.split() if word.startswith(("https://", "http://"))), None)
        it = Publication(
            network="telegram", id=str(number), number=number, text=text, link=link, at_ms=now_ms
        )
        self._store.publish(it)
        return _done(self._message(it))

    def _change(self, verb: str, fields: Json) -> Reply:
        it = self._store.find("telegram", str(fields.get("message_id", "")))
        if it is None or it.deleted_ms is not None:
            return _error(
                400, f"Bad Request: message to {'edit' if verb == 'editMessageText' else 'delete'} not found"
            )
        now_ms = self._store.now_ms()
        if verb == "deleteMessage":
            # Older than 48 h: only with the right to delete (core.telegram.org deleteMessage).
            if now_ms - it.at_ms >= DELETE_MS and not self._store.setting("telegram", "can_delete_messages"):
                return _error(400, "Bad Request: message can't be deleted")
            self._store.publish(replace(it, deleted_ms=now_ms))
            return reply_json(200, {"ok": True, "result": True})
        text = str(fields.get("text", ""))
        if problem := _problem_with(text):
            return _error(400, problem)
        if text == it.text:
            return _error(400, "Bad Request: message is not modified")
        it = replace(it, text=text)
        self._store.publish(it)
        return _done(self._message(it))

    def _chat(self) -> Json:
        name = str(self._store.setting("telegram", "chat_id")).lstrip("@")
        return {"id": -1000000000001, "type": "channel", "title": DISPLAY_NAME, "username": name}

    def _message(self, it: Publication) -> Json:
        return {"message_id": it.number, "date": it.at_ms // 1000, "chat": self._chat(), "text": it.text}


def _problem_with(text: str) -> str:
    if not text.strip():
        return "Bad Request: message text is empty"
    return "Bad Request: message is too long" if len(text.encode("utf-16-le")) // 2 > LENGTH_MAX else ""


def _done(result: Json) -> Reply:
    return reply_json(200, {"ok": True, "result": result})


def _error(status: int, words: str, parameters: Json | None = None) -> Reply:
    more = {"parameters": parameters} if parameters else {}
    return reply_json(status, {"ok": False, "error_code": status, "description": words, **more})

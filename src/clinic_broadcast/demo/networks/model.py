"""A language model behind the form of chat completions, that says what a test wants it to say.

Form: platform.openai.com, API reference, chat completions, 2026-06, the part of it that local servers share.
"""

import re
from typing import Final

from clinic_broadcast.demo.networks.messages import Call, Reply, reply_json
from clinic_broadcast.demo.networks.store import Store

_NUMBERED: Final = re.compile(r"^\d+\. (.+)$", re.MULTILINE)


class LanguageModel:
    """One model; it keeps nothing but the log of its calls."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        if call.method != "POST" or call.path != "/chat/completions":
            return reply_json(404, {"error": {"message": "there is only POST /chat/completions"}})
        if call.bearer() != self._store.setting("model", "key"):
            return self.refused_token()
        try:
            asked = str(call.document()["messages"][-1]["content"])
        except (ValueError, LookupError, TypeError):
            return reply_json(400, {"error": {"message": "messages: missing"}})
        said = str(self._store.setting("model", "says")) or max(_NUMBERED.findall(asked), key=len, default="")
        if not self._store.setting("model", "wraps"):
            return reply_json(200, {"said": said})
        message = {"role": "assistant", "content": said}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return reply_json(200, {"object": "chat.completion", "choices": choices})

    def failed(self, status: int) -> Reply:
        return reply_json(status, {"error": {"message": "broken"}})

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        headers = {} if bare else {"Retry-After": str(max(1, round(wait_s)))}
        return reply_json(429, {"error": {"message": "too many requests"}}, headers)

    def refused_token(self) -> Reply:
        return reply_json(401, {"error": {"message": "the key is not right"}})

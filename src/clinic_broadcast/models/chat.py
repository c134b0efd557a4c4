"""A model behind an OpenAI-compatible chat completions endpoint, local or remote: bounded in time and size.

Source: platform.openai.com, API reference, chat completions, 2026-06; Ollama, llama.cpp and vLLM serve the same form.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from clinic_broadcast.core.suggestion import Ask, NotSuggested, Suggested, Suggestion

REPLY_BYTES_MAX: Final = 64 * 1024
REST_S: Final = 300.0
"""After a failure the model is left alone for so long: nine channels shall not each wait for a hanging one."""

KNOWN_MAX: Final = 256
"""So many choices are remembered: every channel of an answer gets the same, for one call."""

TOKENS_MAX: Final = 200
_CHUNK: Final = 8_192
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TASK: Final = (
    "You choose one sentence for a short public post of a clinic's blog. Pick the sentence that best answers the title"
    " and is understood without the others. Copy it word for word; add, change and reorder nothing. Reply with that"
    " sentence alone."
)


class ChatModel:
    """Asks an endpoint at `url` (without `/chat/completions`) for one choice; the key may be empty."""

    def __init__(self, url: str, name: str, *, key: str = "", timeout_s: float = 20.0) -> None:
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._name = name
        self._key = key
        self._timeout_s = timeout_s
        self._known: dict[Ask, Suggestion] = {}
        self._rests_until_s = 0.0

    def __repr__(self) -> str:
        return f"ChatModel({self._name!r})"

    def suggest(self, ask: Ask) -> Suggestion:
        """Give its choice within the time-out; see `Model`."""
        if ask in self._known:
            return self._known[ask]
        if time.monotonic() < self._rests_until_s:
            return NotSuggested("it failed a moment ago and is left alone for five minutes")
        suggestion = self._in_time(ask)
        if isinstance(suggestion, NotSuggested):
            self._rests_until_s = time.monotonic() + REST_S
            return suggestion
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[ask] = suggestion
        return suggestion

    def _in_time(self, ask: Ask) -> Suggestion:
        """Ask in a thread of its own: a time-out of the socket counts anew with every byte that drips in."""
        came: list[Suggestion] = []
        worker = threading.Thread(target=lambda: came.append(self._call(ask)), name="model", daemon=True)
        worker.start()
        worker.join(self._timeout_s)
        return came[0] if came else self._too_late()

    def _too_late(self) -> NotSuggested:
        return NotSuggested(f"no answer within {self._timeout_s:g} s")

    def _call(self, ask: Ask) -> Suggestion:
        try:
            with requests.Session() as session:
                # A proxy or a .netrc of this machine has no say over what is on this machine, nor over our key.
                session.trust_env = urlsplit(self._url).hostname not in _LOOPBACK
                session.auth = _keep_headers
                with session.post(
                    self._url,
                    data=json.dumps(self._question(ask)).encode(),
                    headers={
                        "Content-Type": "application/json",
                        "User-Agent": "clinic-broadcast",
                        **self._proof(),
                    },
                    timeout=self._timeout_s,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    if response.status_code != requests.codes.ok:
                        return NotSuggested(f"it answered {response.status_code}")
                    body = _read(response)
        except requests.ReadTimeout:
            return self._too_late()
        except requests.RequestException as error:
            return NotSuggested(f"the call failed: {type(error).__name__}")
        return NotSuggested("its reply is too large") if body is None else _words_of(body)

    def _question(self, ask: Ask) -> dict[str, object]:
        sentences = "\n".join(f"{number}. {one}" for number, one in enumerate(ask.sentences, 1))
        shown = f"Title: {ask.title}\n\nSentences:\n{sentences}" if ask.title else f"Sentences:\n{sentences}"
        messages = [{"role": "system", "content": _TASK}, {"role": "user", "content": shown}]
        return {"model": self._name, "messages": messages, "temperature": 0, "max_tokens": TOKENS_MAX}

    def _proof(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}


def _read(response: requests.Response) -> bytes | None:
    """Give the body; None when it is larger than any choice of a sentence can be."""
    body = b""
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > REPLY_BYTES_MAX:
            return None
    return body


def _words_of(body: bytes) -> Suggestion:
    try:
        found: Any = json.loads(body)
        text = found["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return NotSuggested("its reply is not one of chat completions")
    return Suggested(text) if isinstance(text, str) else NotSuggested("its reply holds no words")


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

"""The control API: what tests and the demo do to the networks, apart from every platform's own API."""

import contextlib
import json
from typing import Any, Final

from clinic_broadcast.demo.networks.blog import Blog
from clinic_broadcast.demo.networks.faults import FaultBook, PlanError
from clinic_broadcast.demo.networks.messages import Call, Json, Reply, iso_ms, reply_json
from clinic_broadcast.demo.networks.store import Store

# A web page in the user's browser can send a form here, but not JSON without asking first (Fetch, CORS).
_WRITE_TYPE: Final = "application/json"
_SECRETS: Final = frozenset(
    ("consumer_secret", "access_token_secret", "app_secret", "app_password", "secret")
)


class Control:
    """Answers /control/...: calls, faults, settings, the blog, the bill, reset."""

    def __init__(self, store: Store, faults: FaultBook, blog: Blog) -> None:
        self._store, self._faults, self._blog = store, faults, blog

    def answer(self, call: Call) -> Reply:
        """Return the reply; a wrong request gets 400 with a sentence."""
        if call.method == "POST" and call.media_type() != _WRITE_TYPE:
            return _refuse(415, f"send {_WRITE_TYPE}")
        with contextlib.suppress(LookupError):
            try:
                return self._route(call)
            except (ValueError, TypeError) as error:
                kind = "fault plan" if isinstance(error, PlanError) else "request"
                return _refuse(400, f"wrong {kind}: {error}")
        return _refuse(404, "no such network, setting, answer or control")

    def _route(self, call: Call) -> Reply:  # noqa: C901, PLR0912 - One arm a path.
        match (call.method, call.path.strip("/").split("/")):
            case ("GET", ["health"]):
                return reply_json(200, {"ok": True})
            case ("GET", ["calls"]):
                return reply_json(200, [_call(it) for it in self._store.calls()])
            case ("GET", ["faults"]):
                return reply_json(200, self._faults.plans())
            case ("POST", ["faults"]):
                self._faults.add(_plans(call))
                return reply_json(200, self._faults.plans())
            case ("DELETE", ["faults"]):
                self._faults.clear()
            case ("POST", ["reset"]):
                self._store.reset()
                self._faults.clear()
            case ("GET", ["settings"]):
                return reply_json(200, self._settings())
            case ("POST", ["settings"]):
                self._set(call.document())
                return reply_json(200, self._settings())
            case ("GET", ["spend"]):
                return reply_json(200, self._spend())
            case ("GET", ["blog"]):
                return reply_json(200, self._blog.answers())
            case ("POST", ["blog"]):
                return reply_json(200, self._blog.put(call.document()))
            case ("DELETE", ["blog", number]) if self._store.drop("blog", number):
                pass
            case _:
                raise LookupError(call.path)
        return reply_json(200, {"ok": True})

    def _set(self, wanted: Json) -> None:
        with self._store.change():
            for network, changes in wanted.items():
                self._store.set(network, changes)

    def _settings(self) -> Json:
        return {
            network: {name: value for name, value in values.items() if not _is_secret(name)}
            for network, values in self._store.settings().items()
        }

    def _spend(self) -> Json:
        bill = self._store.bill("x")
        by_kind = {kind: micro / 1_000_000 for kind, micro in bill.items()}
        return {"x": {"usd": sum(bill.values()) / 1_000_000, "by_kind": by_kind}}


def _is_secret(name: str) -> bool:
    return name in _SECRETS or name in {"access_token", "page_token", "bot_token"}


def _plans(call: Call) -> list[Json]:
    found: Any = json.loads(call.body)
    plans: list[Any] = found if isinstance(found, list) else [found]
    if not all(isinstance(plan, dict) for plan in plans):
        raise PlanError("a plan is an object")
    return plans


def _call(row: Json) -> Json:
    kept = {name: row[name] for name in ("n", "network", "method", "path", "status", "fault")}
    return {**kept, "at": iso_ms(row["at_ms"])}


def _refuse(status: int, words: str) -> Reply:
    return reply_json(status, {"error": words})

"""The daemon's HTTP application: feeds and cards for everybody, health for machines, and nothing that changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clinic_broadcast.feeds.places import SUBSCRIBE
from clinic_broadcast.web.health import Health, readiness_of
from clinic_broadcast.web.unchanged import UnchangedFirst

HEALTH_WITHIN_S: Final = 5.0
"""A record that does not answer for so long is as good as gone, and a monitor waits no longer than that either."""

RETRY_AFTER_S: Final = "30"
"""A monitor that looks again after so long sees the next tick of the scheduler."""

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would make our own forms carry `Origin: null`, which a check of the origin must refuse.
    "Referrer-Policy": "same-origin",
}


def make_app(
    *,
    public: Path,
    health: Callable[[], Health],
    hosts: Sequence[str] = ("*",),
    routes: Sequence[Route] = (),
    link_of: Callable[[str], str] = lambda _path: "",
) -> ASGIApp:
    """Give the application of the one port.

    `public` is the folder that holds feeds/ and cards/. `health` is called in a thread for every look at /readyz
    and /metrics; when it raises or takes longer than 5 s the answer is 503 with the reason. `hosts` are the names
    under which the port may be addressed (`*` for any). `routes` are added before the 404: the review page.
    `link_of` gives the HTTP Link of a document by its path, for hubs; empty for none.
    """
    probe = _Probe(health)
    front = UnchangedFirst(public, link_of)
    own = [
        Route("/feeds", _subscribe),
        Route("/feeds/", _subscribe),
        Route("/feeds/{path:path}", front.files),
        Route("/cards/{path:path}", front.files),
        Route("/healthz", _alive),
        Route("/readyz", probe.ready),
        Route("/metrics", probe.metrics),
    ]
    app = Starlette(routes=[*own, *routes], middleware=[Middleware(_SecurityHeaders)])
    app.router.redirect_slashes = False
    front.app = app
    if "*" in hosts:
        return front
    return _SecurityHeaders(TrustedHostMiddleware(front, allowed_hosts=list(hosts), www_redirect=False))


async def _subscribe(_request: Request) -> Response:
    """Lead who opens the folder to the page that tells how to subscribe."""
    return RedirectResponse(f"/feeds/{SUBSCRIBE}", status_code=HTTPStatus.FOUND)


async def _alive(_request: Request) -> Response:
    """Say only that the process answers; whether it works is what /readyz tells."""
    return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})


class _Probe:
    """Asks for the daemon's health without ever holding up the port."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health
        # Threads of its own: a record that hangs must not use up those that serve feeds.
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health")

    async def ready(self, _request: Request) -> Response:
        health = await self._ask()
        if isinstance(health, str):
            return _json({"ready": False, "problems": [health]}, status=503)
        return _json(readiness_of(health), status=503 if health.problems else 200)

    async def metrics(self, _request: Request) -> Response:
        health = await self._ask()
        if isinstance(health, str):
            headers = {"Cache-Control": "no-store", "Retry-After": RETRY_AFTER_S}
            return PlainTextResponse(f"# {health}\n", status_code=503, headers=headers)
        from clinic_broadcast.web.metrics import CONTENT_TYPE_LATEST, metrics_of  # noqa: PLC0415  # Seldom asked for.

        return Response(
            metrics_of(health), headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        )

    async def _ask(self) -> Health | str:
        """Give the health, or a sentence why it cannot be told."""
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._pool, self._health), HEALTH_WITHIN_S)
        except TimeoutError:
            return f"health: not known within {HEALTH_WITHIN_S:.0f} s"
        except Exception as error:  # noqa: BLE001  # Whatever it is, the truth is that nobody knows.
            return f"health: cannot be told: {type(error).__name__}"


def _json(shape: dict[str, object], *, status: int) -> Response:
    body = json.dumps(shape, ensure_ascii=False, indent=2) + "\n"
    headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_AFTER_S
    return Response(body, status_code=status, headers=headers)


class _SecurityHeaders:
    """Adds the headers that every answer of the port carries, its date among them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # The server's own is up to a second behind; Last-Modified must not be ahead (RFC 9110, 8.8.2).
                headers["Date"] = formatdate(usegmt=True)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)

"""Runs the application on the daemon's port, in a thread, until it is stopped."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from clinic_broadcast.errors import BugError, SettingsError

START_WITHIN_S: Final = 10.0

STOP_WITHIN_S: Final = 3
"""Requests in hand get so long to end; a feed is sent in milliseconds."""

CONNECTIONS_MAX: Final = 200
"""More at once get a 503, so that a flood cannot eat the memory of the daemon."""

CONNECTIONS_END: Final = 2 * CONNECTIONS_MAX
"""More than these the server itself turns away, in fewer words."""

RETRY_AFTER_S: Final = b"120"
"""A reader that comes again after so long finds the crowd gone."""


class _Server(uvicorn.Server):
    """Uvicorn, but asleep while nothing happens: its own loop wakes ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.up.set()
        # on_tick(0) says whether to leave.
        while not await self.on_tick(0):
            await self._stop_asked.wait()

    def ask_to_stop(self) -> None:
        """Make the loop leave at once; may be called from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_asked.set)


@dataclass(frozen=True, slots=True)
class _Bounded:
    """Answers 503 with Retry-After, and ends the connection, while more of them are open than we serve."""

    app: ASGIApp
    is_crowded: Callable[[], bool]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.is_crowded():
            await self.app(scope, receive, send)
            return
        headers = [
            (b"retry-after", RETRY_AFTER_S),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
            (b"content-type", b"text/plain; charset=utf-8"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"Too many readers at once; please come again.\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A running server: its address, and how to stop it."""

    host: str
    port: int
    server: _Server
    thread: threading.Thread

    @property
    def url(self) -> str:
        """Give the address under which this machine reaches the port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def is_alive(self) -> bool:
        """Say whether the server's thread still runs."""
        return self.thread.is_alive()

    def stop(self) -> bool:
        """End requests in hand and close the port; False when that took too long and the thread was left."""
        if self.thread.is_alive():
            self.server.ask_to_stop()
            self.thread.join(STOP_WITHIN_S + 2)
        return not self.thread.is_alive()


def open_port(app: ASGIApp, *, host: str, port: int) -> Port:
    """Serve the application in a thread of its own and return once it answers; port 0 takes any free one.

    Raises SettingsError when the address cannot be listened on.
    """
    listener = _listen(host, port)
    bounded = _Bounded(app, lambda: len(server.server_state.connections) > CONNECTIONS_MAX)
    config = uvicorn.Config(
        bounded,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_END,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    if not server.up.wait(START_WITHIN_S):
        raise BugError("the web server did not start")
    return Port(host=host, port=int(listener.getsockname()[1]), server=server, thread=thread)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f'web.host: found "{host}"; allowed: a name or address of this machine ({error})'
        ) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(CONNECTIONS_MAX)
    except OSError as error:
        listener.close()
        raise SettingsError(_unbindable(host, port, error)) from None
    return listener


def _unbindable(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"web.port: {port} on {host} is taken by another program; set another port under [web]"
    if error.errno == errno.EACCES:
        return f"web.port: {port} needs rights that we do not have; set one above 1023 under [web]"
    return f'web.host: cannot listen on "{host}" port {port}: {error.strerror}'

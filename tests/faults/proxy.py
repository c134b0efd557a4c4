"""A proxy before a real server that spoils single calls: it drops, delays, cuts or lies, and counts what it did."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

Spoil: TypeAlias = Literal["pass", "drop_before", "drop_after", "late", "cut", "lie500"]
LIE: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
UPSTREAM_S: Final = 30.0
IDLE_MAX_S: Final = 40.0
ACCEPTING: Final[tuple[Spoil, ...]] = ("drop_after", "cut", "lie500", "late")
"""The faults after which the server has what it was sent."""


class FaultProxy:
    """Stands before a server on this machine; `choose` says for a method and a path what becomes of the call."""

    def __init__(self, port: int, choose: Callable[[str, str], Spoil], *, late_s: float) -> None:
        self._to = port
        self._choose = choose
        self._late_s = late_s
        self._lock = threading.Lock()
        self._busy = 0
        self.spoiled: Counter[str] = Counter()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.close()

    def wait_until_idle(self) -> None:
        """Wait until the server has done with every call, also with those whose callers hung up."""
        until_s = time.monotonic() + IDLE_MAX_S
        while self._busy:
            assert time.monotonic() < until_s, "a call at the real server does not end"
            time.sleep(0.01)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return
            with self._lock:
                self._busy += 1
            threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        try:
            with caller, contextlib.suppress(OSError):
                caller.settimeout(UPSTREAM_S)
                self._answer(caller)
        finally:
            with self._lock:
                self._busy -= 1

    def _answer(self, caller: socket.socket) -> None:
        request = _read_request(caller)
        if not request:
            return
        method, path = request.split(b" ", 2)[:2]
        spoil = self._choose(method.decode(), path.decode())
        if spoil != "pass":
            with self._lock:
                self.spoiled[spoil] += 1
        if spoil == "drop_before":
            return
        if spoil == "late":
            time.sleep(self._late_s)
        reply = self._forward(request)
        if spoil == "drop_after":
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        caller.sendall({"cut": reply[: len(reply) // 2], "lie500": LIE}.get(spoil, reply))

    def _forward(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._to), timeout=UPSTREAM_S) as server:
            server.sendall(_closing(request))
            pieces = []
            while piece := server.recv(65_536):
                pieces.append(piece)
        return b"".join(pieces)


def _read_request(caller: socket.socket) -> bytes:
    """Read a request whole; nothing when its sender went away in the middle."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = caller.recv(65_536)
        if not piece:
            return b""
        found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":", 1)[1]) if lengths else 0
    while len(body) < length:
        piece = caller.recv(65_536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def _closing(request: bytes) -> bytes:
    """Ask the server to close after its answer, so that its end shows where the answer ends."""
    head, _, body = request.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n" + body

"""The HTTP server of the simulated networks: one port, one thread a connection, faults carried out."""

import contextlib
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, TypeAlias, assert_never
from urllib.parse import parse_qsl, urlsplit

from clinic_broadcast.demo.networks import wall
from clinic_broadcast.demo.networks.accounts import NETWORKS
from clinic_broadcast.demo.networks.blog import Blog
from clinic_broadcast.demo.networks.bluesky import Bluesky
from clinic_broadcast.demo.networks.control import Control
from clinic_broadcast.demo.networks.facebook import Facebook
from clinic_broadcast.demo.networks.faults import Fault, FaultBook, caller_of, kill
from clinic_broadcast.demo.networks.linkedin import LinkedIn
from clinic_broadcast.demo.networks.mastodon import Mastodon
from clinic_broadcast.demo.networks.messages import HTML_BODY, Call, Network, Reply, reply_html, reply_json
from clinic_broadcast.demo.networks.model import LanguageModel
from clinic_broadcast.demo.networks.store import Store
from clinic_broadcast.demo.networks.telegram import Telegram
from clinic_broadcast.demo.networks.threads import Threads
from clinic_broadcast.demo.networks.webhook import Webhook
from clinic_broadcast.demo.networks.x import X

BODY_MAX: Final = 8_000_000
QUERY_MAX: Final = 100
# Longer than any client's keep-alive here, so that an idle connection is not a hidden fault.
IDLE_S: Final = 300.0
_BOT_TOKEN: Final = re.compile(r"^/bot[^/]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Write the whole reply; then end the caller, where a pid is given."""

    reply: Reply
    then_kill: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Write the head and half of the body, then close."""

    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Close without an answer, with a TCP reset where asked."""

    reset: bool = False


Ending: TypeAlias = Whole | Half | Nothing


class _AbandonedError(Exception):
    """The state was reset while a call waited: it must not write into the new one."""


class World:
    """All simulated networks over one store."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.store = Store(directory / "networks.db")
        self.faults = FaultBook(self.store)
        blog, x = Blog(self.store), X(self.store)
        self._x = x
        self.networks: dict[str, Network] = {
            "x": x,
            "facebook": Facebook(self.store),
            "mastodon": Mastodon(self.store),
            "bluesky": Bluesky(self.store),
            "linkedin": LinkedIn(self.store),
            "threads": Threads(self.store),
            "telegram": Telegram(self.store),
            "webhook": Webhook(self.store),
            "model": LanguageModel(self.store),
            "blog": blog,
        }
        self._control = Control(self.store, self.faults, blog)

    def serve(self, name: str, call: Call) -> Ending:
        """Answer one call, spoiled by at most one fault; platform calls are logged."""
        match name:
            case "control":
                return Whole(reply=self._control.answer(call))
            case "wall.json":
                return Whole(reply=wall.answer_json(self.store))
            case "wall" | "":
                return Whole(reply=wall.answer_page(self.store))
            case _ if name not in self.networks:
                return Whole(
                    reply=reply_json(404, {"error": f"there is no {name}; try {', '.join(NETWORKS)}"})
                )
            case _:
                return self._serve_network(name, call)

    def _serve_network(self, name: str, call: Call) -> Ending:
        # Telegram carries its token in the path; no token may stand in the log.
        shown = _BOT_TOKEN.sub("/bot", call.path) if name == "telegram" else call.path
        n = self.store.begin_call(name, call.method, shown)
        fault = self.faults.pick(name, call.method, shown)
        ending: Ending = Nothing()
        try:
            ending = self._carry_out(name, call, fault)
        except _AbandonedError:
            return ending
        finally:
            status = ending.reply.status if isinstance(ending, Whole | Half) else None
            self.store.end_call(n, status=status, fault=None if fault is None else fault.mode)
        return ending

    def _apply(self, name: str, call: Call) -> Reply:
        network = self.networks[name]
        if self.store.setting(name, "token_dead") and name != "bluesky":
            return network.refused_token()
        if not network.pauses_itself:
            call.pause()
        return network.answer(call)

    def _paused(self, call: Call, seconds: float) -> Call:
        era, waited = self.store.era, threading.Event()

        def pause() -> None:
            if not waited.is_set():
                waited.set()
                time.sleep(seconds)
                if self.store.era != era:
                    raise _AbandonedError

        return replace(call, pause=pause)

    def _carry_out(self, name: str, call: Call, fault: Fault | None) -> Ending:  # noqa: C901, PLR0912 - One arm a mode.
        network = self.networks[name]
        if fault is None:
            return Whole(reply=self._apply(name, call))
        match fault.mode:
            case "drop_before":
                return Nothing(reset=fault.reset)
            case "drop_after":
                self._apply(name, call)
                return Nothing(reset=fault.reset)
            case "late":
                return Whole(reply=self._apply(name, self._paused(call, fault.seconds)))
            case "hang":
                self._apply(name, call)
                time.sleep(fault.seconds)
                return Nothing(reset=fault.reset)
            case "cut":
                return Half(reply=self._apply(name, call))
            case "lie500":
                self._apply(name, call)
                return Whole(reply=network.failed(500))
            case "500" | "502" | "503" | "504":
                return Whole(reply=network.failed(int(fault.mode)))
            case "429" | "429_bare":
                return Whole(reply=network.throttled(fault.seconds, bare=fault.mode == "429_bare"))
            case "usage_capped":
                return Whole(reply=self._x.usage_capped())
            case "wrong_json":
                applied = self._apply(name, call)
                return Whole(reply=reply_html(applied.status, HTML_BODY))
            case "redirect307":
                return Whole(reply=Reply(status=307, headers=(("Location", _address(name, call)),)))
            case "duplicate403":
                return Whole(reply=self._x.duplicate())
            case "token_dead":
                return Whole(reply=network.refused_token())
            case "kill_before":
                kill(caller_of(fault, call.headers))
                return Nothing()
            case "kill_after":
                self._apply(name, call)
                kill(caller_of(fault, call.headers))
                return Nothing()
            case "kill_answered":
                return Whole(reply=self._apply(name, call), then_kill=caller_of(fault, call.headers))
            case _:
                assert_never(fault.mode)


def _address(name: str, call: Call) -> str:
    query = "&".join(f"{key}={value}" for key, value in call.query)
    return f"{call.base_url}/{name}{call.path}" + (f"?{query}" if query else "")


class _Connection(BaseHTTPRequestHandler):
    """Reads requests off one connection and writes the endings."""

    protocol_version = "HTTP/1.1"
    server_version = "demo-networks"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65_536  # One write a reply: head and body leave together.
    timeout = IDLE_S
    world: World

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - The base's own signature.
        """Say nothing: the durable log of calls has it, without tokens."""

    def _serve(self) -> None:
        raw = self._body()
        if raw is None:
            return
        parts = urlsplit(self.path)
        name, slash, rest = parts.path.lstrip("/").partition("/")
        host = self.headers.get("Host", "127.0.0.1")
        call = Call(
            method=self.command,
            path=f"{slash}{rest}",
            query=tuple(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=QUERY_MAX)),
            headers={key.lower(): value for key, value in self.headers.items()},
            body=raw,
            base_url=f"http://{host}",
        )
        with contextlib.suppress(OSError):  # The caller may be gone: it gave up, or a fault has killed it.
            self._end(self.world.serve(name, call))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - http.server's names.

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            self.send_error(413 if length.isdigit() and int(length) > BODY_MAX else 411)
            return None
        raw = self.rfile.read(int(length))
        if len(raw) < int(length):
            # The caller died in the middle of its request: nothing was asked.
            self.close_connection = True
            return None
        return raw

    def _end(self, ending: Ending) -> None:
        match ending:
            case Whole(reply=reply, then_kill=pid):
                self._write(reply, reply.body)
                if pid:
                    kill(pid)
            case Half(reply=reply):
                self._write(reply, reply.body[: len(reply.body) // 2])
                self.close_connection = True
            case Nothing(reset=reset):
                self.close_connection = True
                if reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case _:
                assert_never(ending)

    def _write(self, reply: Reply, body: bytes) -> None:
        self.send_response(reply.status)
        for key, value in reply.headers:
            self.send_header(key, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """Listens on loopback only, and leaves no thread behind when it closes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, world: World, port: int) -> None:
        super().__init__(("127.0.0.1", port), type("Connection", (_Connection,), {"world": world}))

    def server_bind(self) -> None:
        """Bind without asking for this host's full name, which may take seconds without a resolver."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - The base's own signature.
        """Close at once, so that a reset or an unanswered end is what the caller really sees."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Let a broken connection end quietly; a bug of ours still shows, with its traceback."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

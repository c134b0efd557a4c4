"""A network on loopback that gives canned answers, and setups of every channel kind for it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.core.promo import Payload
from clinic_broadcast.ports import Parcel
from fakes import START_AT, FakeClock

SECRET = "s3cret-of-this-test"
CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "x": {
        "consumer_key": "key",
        "consumer_secret": "key-secret",
        "access_token": f"77-{SECRET}",
        "access_token_secret": "token-secret",
    },
    "facebook": {"page_id": "4711", "page_token": SECRET},
    "mastodon": {"access_token": SECRET},
    "bluesky": {"handle": "clinic.example", "app_password": SECRET},
    "linkedin": {"author_urn": "urn:li:organization:5", "access_token": SECRET},
    "threads": {"user_id": "99", "access_token": SECRET},
    "telegram": {"chat_id": "@clinic", "bot_token": f"123:{SECRET}"},
    "webhook": {"secret": SECRET},
}
LINK = "https://blog.example/2026/03/answer.html"
PARCEL = Parcel(
    key="ab" * 32,
    payload=Payload(text=f"What a test can show {LINK}", link=LINK),
    planned_at=START_AT,
    first_sent_at=START_AT,
    deadline_at=START_AT + timedelta(seconds=160),
)


@dataclass
class Stub:
    """A network that gives each path the answer a test chose; the last call decides the case."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    before: dict[str, object] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def open_stub() -> Generator[Stub]:
    """Serve canned answers on loopback."""
    canned = Stub()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = {name.lower(): value for name, value in self.headers.items()}
            canned.seen.append((self.command, self.path, sent, raw))
            path = self.path.partition("?")[0]
            step = next((found for end, found in canned.before.items() if path.endswith(end)), None)
            status, headers, body = canned.status, canned.headers, canned.body
            if step is not None:
                status, headers, body = 200, {}, json.dumps(step).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - The server's own names.
        do_DELETE = do_POST  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    canned.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield canned
    server.shutdown()
    server.server_close()
    thread.join()


def setup_of(kind: str, url: str, home: Path, **changes: Any) -> ChannelSetup:
    made = ChannelSetup(
        name=kind,
        kind=kind,
        api_url=url,
        credentials=CREDENTIALS[kind],
        timeout_s=5.0,
        clock=FakeClock(),
        options={},
        home=home,
    )
    return replace(made, **changes)

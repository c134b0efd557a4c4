"""A real WebSub hub (Flask-WebSub): told of a change, it fetches the served feed and delivers it with a signature.

The ping goes the way of the daemon: planned and sent as a delivery of the record.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from clinic_broadcast.core.delivery import State
from clinic_broadcast.feeds.websub import link_header
from clinic_broadcast.settings.config import read_settings
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.server import open_port
from clinic_broadcast.wire.hubs import plan_pings, send_pings
from feed_stages import HEAD, Stage, aged

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

CLINIC = """
[clinic]
name = "The Example Fertility Center"
blog_url = "https://blog.example/"
timezone = "America/Los_Angeles"
public_url = "{public}"
[feeds]
hubs = ["{hub}"]
"""
SECRET = "a secret of this test only"
HUB = """
import sys
from celery import Celery
from flask import Flask
from flask_websub.hub import Hub, SQLite3HubStorage
app = Flask("hub")
app.config["PUBLISH_SUPPORTED"] = True
celery = Celery("hub", broker="memory://")
celery.conf.task_always_eager = True
celery.conf.task_eager_propagates = True
hub = Hub(SQLite3HubStorage(sys.argv[1]), celery, PUBLISH_SUPPORTED=True, SIGNATURE_ALGORITHM="sha256",
          REQUEST_TIMEOUT=5)
app.register_blueprint(hub.build_blueprint(url_prefix="/hub"))
app.run(port=int(sys.argv[2]), threaded=True)
"""


class Subscriber(BaseHTTPRequestHandler):
    """Echoes the challenge of the hub, and keeps what the hub delivers."""

    delivered: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_GET(self) -> None:
        challenge = parse_qs(urlsplit(self.path).query).get("hub.challenge", [""])[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(challenge)))
        self.end_headers()
        self.wfile.write(challenge)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.delivered.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def subscriber() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Subscriber)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/in"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    folder = Path(mkdtemp(prefix="hub-"))
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "flask-websub==0.4.1",
        "celery==5.7.0",
    ]
    subprocess.run(install, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [python, "-c", HUB, tmp_path / "hub.sqlite3", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/hub"
    for _ in range(200):
        try:
            requests.get(url, timeout=1)
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    yield url
    running.terminate()
    running.wait(timeout=10)
    shutil.rmtree(folder)


def no_health() -> Health:
    raise NotImplementedError


def test_a_hub_that_is_told_delivers_the_new_feed_with_a_valid_signature(
    hub: str, subscriber: str, tmp_path: Path
) -> None:
    address: list[str] = []

    def link_of(path: str) -> str:
        return link_header((hub,), address[0] + path)

    port = open_port(
        make_app(public=tmp_path / "public", health=no_health, link_of=link_of), host="127.0.0.1", port=0
    )
    address.append(port.url)
    try:
        stage = Stage(tmp_path, head=replace(HEAD, base_url=port.url, hubs=(hub,)))
        (tmp_path / "clinic.toml").write_text(CLINIC.format(public=port.url, hub=hub), encoding="utf-8")
        settings = read_settings(tmp_path, {})
        stage.archive(3)
        stage.build()
        topic = f"{port.url}/feeds/atom.xml"
        wish = {"hub.mode": "subscribe", "hub.topic": topic, "hub.callback": subscriber, "hub.secret": SECRET}
        assert requests.post(hub, data=wish, timeout=30).status_code == 202
        stage.clock.pass_by(minutes=5)
        stage.publish(replace(aged(4, 3), published_at=stage.clock.now()))
        assert topic in stage.build().topics
        assert plan_pings(settings, stage.desk) == 1
        (told,) = send_pings(settings, stage.desk)
        assert (told.state, told.post_id, told.attempts) == (State.SENT, "202", 1)
        assert [one.kind for one in stage.ledger.history(told.id)] == ["plan", "claimed", "outcome"]
        assert (plan_pings(settings, stage.desk), send_pings(settings, stage.desk)) == (0, [])
        for _ in range(100):
            if Subscriber.delivered:
                break
            time.sleep(0.05)
        (headers, body) = Subscriber.delivered[0]
    finally:
        assert port.stop()
    assert body == (stage.feeds / "atom.xml").read_bytes()
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature"] == f"sha256={signed}"
    assert f'<{hub}>; rel="hub"' in headers["link"]
    assert f'<{topic}>; rel="self"' in headers["link"]

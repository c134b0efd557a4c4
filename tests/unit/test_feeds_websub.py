"""A ping to a hub: both fields, one request a topic, and whatever the hub does is a value."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs

import pytest

from clinic_broadcast.feeds.websub import Later, Refused, Told, link_header, ping

TOPICS = ("https://feeds.example/feeds/rss.xml", "https://feeds.example/feeds/atom.xml")
TIMEOUT_S = 5.0


class Hub(BaseHTTPRequestHandler):
    """Answers as a test wants and keeps what it was asked."""

    status: ClassVar[int] = 204
    answer_headers: ClassVar[dict[str, str]] = {}
    body: ClassVar[bytes] = b""
    asked: ClassVar[list[dict[str, list[str]]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.asked.append(parse_qs(self.rfile.read(length).decode()))
        self.send_response(self.status)
        for name, value in self.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hub(
    status: int = 204, body: bytes = b"", headers: dict[str, str] | None = None
) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    asked: list[dict[str, list[str]]] = []
    own = {"status": status, "body": body, "answer_headers": headers or {}, "asked": asked}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHub", (Hub,), own))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hub", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_every_topic_is_told_under_both_names() -> None:
    with hub() as (url, asked):
        assert ping(url, TOPICS, timeout_s=TIMEOUT_S) == Told(status=204)
    assert asked == [{"hub.mode": ["publish"], "hub.url": [one], "hub.topic": [one]} for one in TOPICS]


def test_what_a_hub_refuses_is_told_in_its_own_words() -> None:
    with hub(400, b"unknown\n topic") as (url, asked):
        assert ping(url, TOPICS, timeout_s=TIMEOUT_S) == Refused(status=400, reason="unknown topic")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({}, None),
        ({"Retry-After": "soon"}, None),
    ],
)
def test_a_hub_that_asks_for_patience_gets_it(headers: dict[str, str], after_s: float | None) -> None:
    with hub(503, headers=headers) as (url, _):
        assert ping(url, TOPICS, timeout_s=TIMEOUT_S) == Later(reason="the hub answered 503", after_s=after_s)


def test_a_redirect_is_not_followed() -> None:
    with hub() as (elsewhere, asked), hub(302, headers={"Location": elsewhere}) as (url, _):
        assert ping(url, TOPICS, timeout_s=TIMEOUT_S) == Refused(status=302, reason="the hub answered 302")
        assert asked == []


def test_a_hub_that_is_not_there_is_asked_later() -> None:
    with hub() as (url, _):
        pass
    assert isinstance(ping(url, TOPICS, timeout_s=TIMEOUT_S), Later)


def test_the_header_names_the_hub_and_the_feed_itself() -> None:
    assert link_header(("https://hub.example/",), TOPICS[0]) == (
        '<https://hub.example/>; rel="hub", <https://feeds.example/feeds/rss.xml>; rel="self"'
    )

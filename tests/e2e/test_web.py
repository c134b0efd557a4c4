"""The daemon's port as its readers see it: a real server on loopback, asked with real requests."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_broadcast.errors import SettingsError
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.server import Port, open_port

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RSS = '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>Añswers</title></channel></rss>\n'


@dataclass(kw_only=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Site:
    public: Path
    port: Port
    state: dict[str, Callable[[], Health]] = field(default_factory=dict[str, Callable[[], Health]])

    def ask(self, path: str, method: str = "GET", **headers: str) -> Reply:
        line = http.client.HTTPConnection(self.port.host, self.port.port, timeout=20)
        try:
            line.request(
                method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )
            answer = line.getresponse()
            body = answer.read()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(status=answer.status, headers=given, body=body)
        finally:
            line.close()


def well() -> Health:
    return Health(
        at=NOW,
        tick_age_s=0.5,
        last_poll_at=NOW - timedelta(minutes=10),
        poll_age_max_s=2700,
        needs_a_person=2,
        answers={"baseline": 7, "fresh": 1},
        deliveries={"x": {"sent": 4, "held": 1}},
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    public = tmp_path_factory.mktemp("site") / "public"
    state: dict[str, Callable[[], Health]] = {}

    def health() -> Health:
        return state["health"]()

    port = open_port(make_app(public=public, health=health), host="127.0.0.1", port=0)
    yield Site(public=public, port=port, state=state)
    assert port.stop()


@pytest.fixture
def site(server: Site) -> Site:
    """Give the running server a fresh public folder and a healthy daemon."""
    shutil.rmtree(server.public, ignore_errors=True)
    (server.public / "feeds" / "archive").mkdir(parents=True)
    (server.public / "cards").mkdir()
    (server.public / "feeds" / "rss.xml").write_text(RSS)
    server.state["health"] = well
    return server


def put(site: Site, path: str, content: bytes = b"<x/>") -> None:
    (site.public / path).parent.mkdir(parents=True, exist_ok=True)
    (site.public / path).write_bytes(content)


def test_a_reader_gets_the_feed_with_what_it_needs_to_ask_again(site: Site) -> None:
    os.utime(site.public / "feeds" / "rss.xml", (1_700_000_000, 1_700_000_000))
    reply = site.ask("/feeds/rss.xml")
    assert (reply.status, reply.body) == (200, RSS.encode())
    assert reply.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert reply.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert reply.headers["cache-control"] == "public, max-age=900"
    assert reply.headers["vary"] == "Accept-Encoding, Accept"
    assert reply.headers["etag"].startswith('"')
    assert "date" in reply.headers
    assert "server" not in reply.headers


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("feeds/atom.xml", "application/atom+xml; charset=utf-8"),
        ("feeds/withdrawn.atom.xml", "application/atom+xml; charset=utf-8"),
        ("feeds/feed.json", "application/feed+json; charset=utf-8"),
        ("feeds/archive/0001.rss.xml", "application/rss+xml; charset=utf-8"),
        ("feeds/archive/0001.atom.xml", "application/atom+xml; charset=utf-8"),
        ("feeds/archive/0001.json", "application/feed+json; charset=utf-8"),
        ("feeds/feeds.opml", "text/x-opml; charset=utf-8"),
        ("feeds/feed.css", "text/css; charset=utf-8"),
        ("cards/8f3a.png", "image/png"),
    ],
)
def test_every_document_of_ours_has_its_media_type(site: Site, path: str, media_type: str) -> None:
    put(site, path)
    reply = site.ask(f"/{path}")
    assert (reply.status, reply.headers["content-type"]) == (200, media_type)


def test_a_browser_gets_xml_that_it_can_show_under_a_tag_of_its_own(site: Site) -> None:
    reader, browser = site.ask("/feeds/rss.xml"), site.ask("/feeds/rss.xml", Accept="text/html,*/*;q=0.8")
    assert browser.headers["content-type"] == "text/xml; charset=utf-8"
    assert browser.body == reader.body
    assert browser.headers["etag"] != reader.headers["etag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"a", W/{} , "b"', "*"])
def test_a_reader_that_has_the_bytes_gets_none(site: Site, form: str) -> None:
    first = site.ask("/feeds/rss.xml")
    reply = site.ask("/feeds/rss.xml", If_None_Match=form.format(first.headers["etag"]))
    assert (reply.status, reply.body) == (304, b"")
    for name in ("etag", "cache-control", "vary", "last-modified"):
        assert reply.headers[name] == first.headers[name]


def test_a_correction_in_the_same_second_and_of_the_same_length_is_seen(site: Site) -> None:
    file = site.public / "feeds" / "rss.xml"
    put(site, "feeds/rss.xml", b"<a>50 mg</a>")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    first = site.ask("/feeds/rss.xml")
    put(site, "feeds/rss.xml", b"<a>25 mg</a>")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    reply = site.ask(
        "/feeds/rss.xml",
        If_None_Match=first.headers["etag"],
        If_Modified_Since=first.headers["last-modified"],
    )
    assert (reply.status, reply.body) == (200, b"<a>25 mg</a>")


def test_dates_decide_only_where_no_tag_is_given(site: Site) -> None:
    os.utime(site.public / "feeds" / "rss.xml", (1_700_000_000, 1_700_000_000))
    since = "Tue, 14 Nov 2023 22:13:20 GMT"
    assert site.ask("/feeds/rss.xml", If_Modified_Since=since).status == 304
    assert site.ask("/feeds/rss.xml", If_Modified_Since="Tue, 14 Nov 2023 22:13:19 GMT").status == 200
    assert site.ask("/feeds/rss.xml", If_Modified_Since="yesterday").status == 200
    assert site.ask("/feeds/rss.xml", If_Modified_Since=since, If_None_Match='"old"').status == 200


def test_the_tag_is_the_same_after_a_restart(site: Site) -> None:
    other = open_port(make_app(public=site.public, health=well), host="127.0.0.1", port=0)
    try:
        again = Site(public=site.public, port=other).ask("/feeds/rss.xml")
    finally:
        assert other.stop()
    assert again.headers["etag"] == site.ask("/feeds/rss.xml").headers["etag"]


def test_a_head_request_gets_the_headers_of_a_get(site: Site) -> None:
    get, head = site.ask("/feeds/rss.xml"), site.ask("/feeds/rss.xml", "HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "content-length", "content-type", "last-modified", "cache-control"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/feeds", "/feeds/"])
def test_who_opens_the_folder_is_led_to_the_page_that_tells_how_to_subscribe(site: Site, path: str) -> None:
    reply = site.ask(path)
    assert (reply.status, reply.headers["location"]) == (302, "/feeds/index.html")


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/../../secret.xml",
        "/feeds/..%2f..%2fsecret.xml",
        "/feeds/%2e%2e/%2e%2e/secret.xml",
        "/feeds/..%5c..%5csecret.xml",
        "/feeds//rss.xml",
        "/feeds/./rss.xml",
        "/feeds/rss.xml/",
        "/feeds/rss.xml%00.png",
        "/feeds/link.xml",
        "/feeds/linked/secret.xml",
        "/feeds/loop.xml",
        "/feeds/.hidden.xml",
        "/feeds/notes.txt",
        "/feeds/rss.xml.gz",
        "/feeds/folder.xml",
        "/feeds/pipe.xml",
        "/feeds/missing.xml",
        "/secret.xml",
        "/public/feeds/rss.xml",
        "/",
        "/index.html",
        "/docs",
        "/healthz/",
    ],
)
def test_nothing_but_our_documents_is_there(site: Site, path: str) -> None:
    outside = site.public.parent
    (outside / "secret.xml").write_text("<secret/>")
    feeds = site.public / "feeds"
    (feeds / "link.xml").symlink_to(outside / "secret.xml")
    (feeds / "linked").symlink_to(outside)
    (feeds / "loop.xml").symlink_to(feeds / "loop.xml")
    (feeds / "folder.xml").mkdir()
    os.mkfifo(feeds / "pipe.xml")
    for name in (".hidden.xml", "notes.txt", "rss.xml.gz"):
        (feeds / name).write_text("<secret/>")
    reply = site.ask(path)
    assert reply.status == 404
    assert b"secret" not in reply.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/feeds/rss.xml", "/healthz", "/readyz", "/metrics"])
def test_nothing_can_be_changed_through_the_public_paths(site: Site, method: str, path: str) -> None:
    assert site.ask(path, method).status == 405
    assert (site.public / "feeds" / "rss.xml").read_text() == RSS


@pytest.mark.parametrize(
    "path", ["/feeds/rss.xml", "/feeds/none.xml", "/healthz", "/readyz", "/metrics", "/"]
)
def test_every_answer_carries_the_headers_that_keep_browsers_safe(site: Site, path: str) -> None:
    headers = site.ask(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_daemon_that_is_well_is_alive_and_ready(site: Site) -> None:
    assert site.ask("/healthz").body == b"alive\n"
    reply = site.ask("/readyz")
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    document = json.loads(reply.body)
    assert (document["ready"], document["problems"]) == (True, [])
    assert document["poll"] == {
        "ok": True,
        "last_at": "2026-11-24T08:50:00Z",
        "age_s": 600,
        "age_max_s": 2700,
    }


@pytest.mark.parametrize(
    ("health", "part", "reason"),
    [
        (Health(at=NOW, ledger_problem="cannot be read"), "ledger", "ledger: cannot be read"),
        (Health(at=NOW, scheduler_problems=("scheduler: stuck",)), "scheduler", "scheduler: stuck"),
        (Health(at=NOW, poll_age_max_s=60), "poll", "poll: no source has been read yet"),
        (
            Health(at=NOW, poll_age_max_s=60, last_poll_at=NOW - timedelta(seconds=61)),
            "poll",
            "poll: the last one was 61 s ago; at most 60 s are right",
        ),
    ],
)
def test_a_daemon_that_is_not_well_says_so_and_why(
    site: Site, health: Health, part: str, reason: str
) -> None:
    site.state["health"] = lambda: health
    reply = site.ask("/readyz")
    document = json.loads(reply.body)
    assert (reply.status, document["ready"], document["problems"]) == (503, False, [reason])
    assert document[part]["ok"] is False
    assert site.ask("/healthz").status == 200


def test_other_problems_make_it_unready_too(site: Site) -> None:
    site.state["health"] = lambda: Health(at=NOW, other_problems=("deliveries: 2 are overdue",))
    assert json.loads(site.ask("/readyz").body)["problems"] == ["deliveries: 2 are overdue"]


def test_health_that_cannot_be_told_is_bad_and_its_error_stays_inside(site: Site) -> None:
    def fail() -> Health:
        raise RuntimeError("Mrs. Example of Sampletown")

    site.state["health"] = fail
    for path in ("/readyz", "/metrics"):
        reply = site.ask(path)
        assert reply.status == 503
        assert b"RuntimeError" in reply.body
        assert b"Sampletown" not in reply.body


def test_health_that_hangs_is_bad_and_holds_up_no_feed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic_broadcast.web.app.HEALTH_WITHIN_S", 0.2)
    release = threading.Event()

    def hang() -> Health:
        release.wait(20)
        return well()

    site.state["health"] = hang
    try:
        replies = [site.ask("/readyz") for _ in range(4)]
        assert [reply.status for reply in replies] == [503] * 4
        assert b"not known within" in replies[0].body
        assert site.ask("/feeds/rss.xml").status == 200
    finally:
        release.set()


def test_metrics_are_counts_that_prometheus_reads(site: Site) -> None:
    reply = site.ask("/metrics")
    lines = reply.body.decode().splitlines()
    assert reply.headers["content-type"].startswith("text/plain; version=")
    for line in (
        "clinic_broadcast_ready 1.0",
        "clinic_broadcast_needs_a_person 2.0",
        "clinic_broadcast_last_poll_age_seconds 600.0",
        'clinic_broadcast_answers{standing="baseline"} 7.0',
        'clinic_broadcast_deliveries{channel="x",state="sent"} 4.0',
    ):
        assert line in lines


def test_too_many_readers_at_once_are_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic_broadcast.web.server.CONNECTIONS_MAX", 3)
    port = open_port(make_app(public=tmp_path, health=well), host="127.0.0.1", port=0)
    site = Site(public=tmp_path, port=port)
    idle = [socket.create_connection((port.host, port.port)) for _ in range(3)]
    try:
        # The server has taken a connection in once it has answered on it.
        for one in idle:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200" in one.recv(4096)
        crowded = site.ask("/healthz")
        assert (crowded.status, crowded.headers["retry-after"]) == (503, "120")
        assert (crowded.headers["cache-control"], crowded.headers["connection"]) == ("no-store", "close")
        idle.pop().close()
        assert any(site.ask("/healthz").status == 200 for _ in range(50))
    finally:
        for one in idle:
            one.close()
        assert port.stop()


def test_only_known_hosts_are_answered_where_they_are_set(tmp_path: Path) -> None:
    app = make_app(public=tmp_path, health=well, hosts=["127.0.0.1", "feeds.marrowlane.example"])
    port = open_port(app, host="127.0.0.1", port=0)
    site = Site(public=tmp_path, port=port)
    try:
        assert site.ask("/healthz").status == 200
        assert site.ask("/healthz", Host="feeds.marrowlane.example").status == 200
        assert site.ask("/healthz", Host="evil.example").status == 400
    finally:
        assert port.stop()


def test_a_port_that_is_taken_is_told_with_its_key() -> None:
    app = make_app(public=Path("public"), health=well)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"web.port: {number} on 127.0.0.1 is taken"):
            open_port(app, host="127.0.0.1", port=number)


@pytest.mark.parametrize("host", ["a..b", "192.0.2.1"])
def test_an_address_that_is_not_of_this_machine_is_told_with_its_key(host: str) -> None:
    with pytest.raises(SettingsError, match=r"web\.host"):
        open_port(make_app(public=Path("public"), health=well), host=host, port=0)


def test_a_stopped_port_is_free_again_and_stopping_twice_is_no_error() -> None:
    app = make_app(public=Path("public"), health=well)
    port = open_port(app, host="127.0.0.1", port=0)
    assert port.is_alive()
    assert port.url == f"http://127.0.0.1:{port.port}"
    assert port.stop()
    assert port.stop()
    assert not port.is_alive()
    again = open_port(app, host="127.0.0.1", port=port.port)
    assert again.stop()

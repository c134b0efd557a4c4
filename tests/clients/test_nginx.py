"""The nginx settings of docs/howto/host-the-feeds.md, as they stand there, in front of a real public folder."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import brotli
import pytest
import zstandard

from clinic_broadcast.feeds.write import remove_document
from feed_stages import HEAD, Stage, aged

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "host-the-feeds.md"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


class Nginx:
    """A running nginx; `ask` gives the answer with its body read."""

    def __init__(self, stage: Stage, host: str, port: int) -> None:
        self.stage = stage
        self.host, self.port = host, port

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
        link = HTTPConnection(self.host, self.port, timeout=10)
        try:
            link.request(
                method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )
            reply = link.getresponse()
            return reply, reply.read()
        finally:
            link.close()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    stage = Stage(tmp_path, head=replace(HEAD, hubs=()))
    stage.archive(25)
    stage.build()
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:3]:
        folder.chmod(0o755)
    # An address of its own for each process of the tests: a port that is free now may be another's in a moment.
    process = os.getpid()
    host = f"127.{1 + process // 62500 % 250}.{1 + process // 250 % 250}.{1 + process % 250}"
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    found = re.search(r"```nginx\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    block = (
        found[1]
        .replace("/srv/clinic/public", str(tmp_path / "public"))
        .replace("listen 80;", f"listen {host}:{port};")
    )
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/t;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = tmp_path / "nginx.conf"
    settings.write_text(
        f"pid {tmp_path}/pid; error_log stderr; daemon off; worker_processes 1; events {{}}"
        f" http {{ access_log off; {temporary} {block} }}",
        encoding="utf-8",
    )
    running = subprocess.Popen(["nginx", "-c", settings, "-p", tmp_path], stderr=subprocess.PIPE)
    server = Nginx(stage, host, port)
    for _ in range(100):
        try:
            server.ask("/")
            break
        except OSError:
            time.sleep(0.05)
    yield server
    running.terminate()
    running.communicate(timeout=10)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/feeds/rss.xml", "application/rss+xml; charset=utf-8"),
        ("/feeds/atom.xml", "application/atom+xml; charset=utf-8"),
        ("/feeds/feed.json", "application/feed+json; charset=utf-8"),
        ("/feeds/archive/0001.rss.xml", "application/rss+xml; charset=utf-8"),
        ("/feeds/archive/0001.json", "application/feed+json; charset=utf-8"),
        ("/feeds/withdrawn.atom.xml", "application/atom+xml; charset=utf-8"),
        ("/feeds/feeds.opml", "text/x-opml; charset=utf-8"),
        ("/feeds/feed.css", "text/css; charset=utf-8"),
        ("/feeds/", "text/html; charset=utf-8"),
    ],
)
def test_each_document_has_its_media_type(nginx: Nginx, path: str, media_type: str) -> None:
    reply, body = nginx.ask(path)
    assert (reply.status, reply.headers["Content-Type"]) == (200, media_type)
    assert body
    assert reply.headers["Cache-Control"] == "public, max-age=900"


def test_a_browser_gets_xml_that_it_can_show(nginx: Nginx) -> None:
    reply, body = nginx.ask("/feeds/rss.xml", Accept=BROWSER)
    assert reply.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert body == (nginx.stage.feeds / "rss.xml").read_bytes()


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}


@pytest.mark.parametrize("accept", [BROWSER, "*/*"], ids=["browser", "reader"])
@pytest.mark.parametrize(
    ("takes", "encoding"),
    [
        ("", "identity"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("zstd;q=0.9, gzip", "zstd"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0, zstd;q=0.0, gzip;q=0", "identity"),
        ("brotli, gzipped", "identity"),
    ],
)
def test_the_prepared_copies_are_served_in_every_encoding_that_a_reader_takes(
    nginx: Nginx, takes: str, encoding: str, accept: str
) -> None:
    for path in ("/feeds/rss.xml", "/feeds/atom.xml", "/feeds/archive/0001.atom.xml"):
        reply, body = nginx.ask(path, Accept_Encoding=takes, Accept=accept)
        assert reply.headers.get("Content-Encoding", "identity") == encoding
        assert DECOMPRESSORS[encoding](body) == (nginx.stage.folder / "public" / path[1:]).read_bytes()
        assert reply.headers["Vary"] == "Accept-Encoding, Accept"
        assert reply.headers["Cache-Control"] == "public, max-age=900"
        media = "text/xml" if accept == BROWSER else f"application/{'rss' if 'rss' in path else 'atom'}+xml"
        assert reply.headers["Content-Type"] == f"{media}; charset=utf-8"


def test_an_unchanged_feed_is_not_sent_again_and_a_changed_one_is_in_every_encoding(nginx: Nginx) -> None:
    tags = {}
    for encoding in DECOMPRESSORS:
        reply, _ = nginx.ask("/feeds/rss.xml", Accept_Encoding=encoding)
        tags[encoding] = reply.headers["ETag"]
        again, body = nginx.ask("/feeds/rss.xml", Accept_Encoding=encoding, If_None_Match=tags[encoding])
        assert (again.status, body) == (304, b"")
        assert "Content-Encoding" not in again.headers
        assert again.headers["Cache-Control"] == "public, max-age=900"
    assert len(set(tags.values())) == len(DECOMPRESSORS)
    nginx.stage.clock.pass_by(minutes=5)
    nginx.stage.publish(replace(aged(26, 25), published_at=nginx.stage.clock.now()))
    nginx.stage.build()
    for encoding, tag in tags.items():
        reply, body = nginx.ask("/feeds/rss.xml", Accept_Encoding=encoding, If_None_Match=tag)
        assert reply.status == 200
        assert b"post-26<" in DECOMPRESSORS[encoding](body)


def test_what_was_taken_away_is_gone_and_what_is_not_written_yet_is_late(nginx: Nginx) -> None:
    page = nginx.stage.feeds / "archive" / "0001.rss.xml"
    remove_document(page)
    for accept in ("*/*", BROWSER):
        assert nginx.ask("/feeds/archive/0001.rss.xml", Accept=accept)[0].status == 410
        assert nginx.ask("/feeds/archive/0009.rss.xml", Accept=accept)[0].status == 404
    live = nginx.stage.feeds / "feed.json"
    for suffix in ("", ".gz", ".br", ".zst"):
        live.with_name(live.name + suffix).unlink()
    reply, _ = nginx.ask("/feeds/feed.json")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "120")


def test_cards_are_served_and_a_card_taken_back_is_gone(nginx: Nginx) -> None:
    cards = nginx.stage.folder / "public" / "cards"
    cards.mkdir()
    (cards / "a1b2.png").write_bytes(b"\x89PNG invented")
    reply, body = nginx.ask("/cards/a1b2.png", Accept_Encoding="gzip, br")
    assert (reply.status, reply.headers["Content-Type"], body) == (200, "image/png", b"\x89PNG invented")
    remove_document(cards / "a1b2.png")
    assert nginx.ask("/cards/a1b2.png")[0].status == 410
    (cards / "notes.txt").write_text("not ours", encoding="utf-8")
    assert nginx.ask("/cards/notes.txt")[0].status == 404


def test_nothing_but_feeds_is_there(nginx: Nginx) -> None:
    assert nginx.ask("/shown/rss.xml")[0].status == 404
    assert nginx.ask("/state/ledger.db")[0].status == 404
    (nginx.stage.feeds / ".rss.xml.a1.part").write_bytes(b"half")
    for path in (
        "/feeds/.rss.xml.a1.part",
        "/feeds/rss.xml.gz",
        "/feeds/rss.xml.gone",
        "/shown/feeds/rss.xml",
    ):
        assert nginx.ask(path)[0].status == 404, path
    assert nginx.ask("/feeds/rss.xml", "HEAD")[0].status == 200

"""The HTTP rules of the checklist, R31 to R36, on feeds that were really built."""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from pathlib import Path

import brotli
import pytest
import zstandard
from starlette.requests import Request
from starlette.responses import Response

from clinic_broadcast.feeds.websub import link_header
from clinic_broadcast.feeds.write import remove_document
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.feeds import encodings_of
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.server import open_port
from clinic_broadcast.web.unchanged import UnchangedFirst
from feed_stages import Stage, aged

DECOMPRESSORS: Mapping[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}
LINK = link_header(("https://hub.example/",), "https://feeds.example/feeds/rss.xml")


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Served:
    stage: Stage
    port: int

    def ask(self, path: str = "/feeds/rss.xml", method: str = "GET", **headers: str) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, found, reply.read())
        finally:
            connection.close()


def no_health() -> Health:
    raise NotImplementedError


def link_of(path: str) -> str:
    return LINK if path == "/feeds/rss.xml" else ""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    stage = Stage(tmp_path)
    stage.archive(5)
    stage.build()
    port = open_port(
        make_app(public=tmp_path / "public", health=no_health, link_of=link_of), host="127.0.0.1", port=0
    )
    yield Served(stage, int(port.url.rpartition(":")[2]))
    assert port.stop()


def change(served: Served) -> None:
    served.stage.clock.pass_by(minutes=5)
    served.stage.withdraw(5)
    served.stage.build()


def test_r31_the_tag_differs_by_encoding_and_media_type_and_outlives_a_rebuild(served: Served) -> None:
    asked = [{}, {"Accept_Encoding": "gzip"}, {"Accept": "text/html"}]
    tags = [served.ask(**one).headers["etag"] for one in asked]
    assert len(set(tags)) == 3
    assert all(tag.startswith('"') for tag in tags)
    served.stage.restart()
    served.stage.build()
    assert [served.ask(**one).headers["etag"] for one in asked] == tags
    change(served)
    assert not set(tags) & {served.ask(**one).headers["etag"] for one in asked}


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_r32_a_reader_that_has_the_bytes_gets_304_with_the_same_headers(
    served: Served, form: str, encoding: str
) -> None:
    whole = served.ask(Accept_Encoding=encoding)
    again = served.ask(
        Accept_Encoding=encoding,
        If_None_Match=form.format(whole.headers["etag"]),
        If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT",
    )
    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "cache-control", "vary", "link", "last-modified"):
        assert again.headers[name] == whole.headers[name]


def test_r32_dates_count_only_without_tags(served: Served) -> None:
    whole = served.ask()
    assert served.ask(If_Modified_Since=whole.headers["last-modified"]).status == 304
    mixed = served.ask(If_Modified_Since=whole.headers["last-modified"], If_None_Match='"other"')
    assert mixed.status == 200


def test_r33_head_has_the_headers_of_get_and_copies_lie_ready(served: Served) -> None:
    for encoding in ("identity", "gzip"):
        whole = served.ask(Accept_Encoding=encoding)
        head = served.ask(method="HEAD", Accept_Encoding=encoding)
        assert head.body == b""
        assert {k: v for k, v in head.headers.items() if k != "date"} == {
            k: v for k, v in whole.headers.items() if k != "date"
        }
        assert whole.headers["vary"] == "Accept-Encoding, Accept"
    packed = served.ask(Accept_Encoding="gzip, deflate")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == served.ask().body


@pytest.mark.parametrize(
    ("accept", "encodings"),
    [
        ("", []),
        ("gzip, deflate", ["gzip"]),
        ("gzip;q=0", []),
        ("gzip;q=0.5, br;q=0.9", ["br", "gzip"]),
        ("*", ["br", "zstd", "gzip"]),
        ("*;q=0.1, br;q=0", ["zstd", "gzip"]),
        ("GZIP;q=x, zstd", ["zstd"]),
    ],
)
def test_r33_readers_say_what_they_like(accept: str, encodings: list[str]) -> None:
    assert list(encodings_of(accept)) == encodings


def test_r34_withdrawn_words_are_not_served_after_the_build_in_any_encoding(served: Served) -> None:
    change(served)
    for encoding in ("identity", "gzip", "br", "zstd"):
        reply = served.ask(Accept_Encoding=encoding)
        assert reply.headers["cache-control"] == "public, max-age=900"
        assert reply.headers.get("content-encoding", "identity") == encoding
        body = DECOMPRESSORS[encoding](reply.body)
        entry = body.partition(b"post-5</guid>")[0].rpartition(b"<item>")[2]
        assert b"has been withdrawn" in entry
        assert b"thyroid can raise" not in entry


def test_r35_media_types_carry_their_charset_and_browsers_get_xml(served: Served) -> None:
    assert served.ask().headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert served.ask("/feeds/atom.xml").headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert served.ask("/feeds/feed.json").headers["content-type"] == "application/feed+json; charset=utf-8"
    shown = served.ask(Accept="text/html,*/*", Accept_Encoding="gzip")
    assert shown.headers["content-type"] == "text/xml; charset=utf-8"
    assert shown.headers["content-encoding"] == "gzip"


def test_r36_what_is_not_there_is_not_200_and_the_record_is_not_there(served: Served) -> None:
    for path in ("/feeds/archive/0099.rss.xml", "/feeds/rss.xml.gz", "/state/feeds/feeds.jsonl"):
        assert served.ask(path).status == 404


def test_r36_an_archive_page_that_was_taken_away_is_gone_and_comes_back(served: Served) -> None:
    page = served.stage.feeds / "archive" / "0001.rss.xml"
    page.parent.mkdir()
    page.write_bytes(content := (served.stage.feeds / "rss.xml").read_bytes())
    remove_document(page)
    assert served.ask("/feeds/archive/0001.rss.xml").status == 410
    assert served.ask("/feeds/archive/0001.rss.xml", "HEAD").status == 410
    assert served.ask("/feeds/archive/0001.rss.xml.gone").status == 404
    page.write_bytes(content)
    assert served.ask("/feeds/archive/0001.rss.xml").status == 200


def test_r36_a_feed_that_is_not_written_yet_or_cannot_be_read_now_is_asked_for_later(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    (served.stage.feeds / "rss.xml").unlink()
    early = served.ask()
    assert (early.status, early.headers["retry-after"]) == (503, "120")
    assert early.headers["cache-control"] == "no-store"

    def too_many(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("clinic_broadcast.web.feeds.os.open", too_many)
    busy = served.ask("/feeds/atom.xml")
    assert (busy.status, busy.headers["retry-after"]) == (503, "120")


def test_r13_the_hub_finds_itself_in_the_header(served: Served) -> None:
    assert served.ask().headers["link"] == LINK
    assert "link" not in served.ask("/feeds/feeds.opml").headers


def test_the_date_of_a_document_grows_with_each_change_and_is_never_ahead_nor_repeated(
    served: Served,
) -> None:
    dates: list[int] = []
    told: list[str] = []
    for number in (6, 7, 8):
        served.stage.clock.pass_by(minutes=5)
        served.stage.publish(replace(aged(number, 5), published_at=served.stage.clock.now()))
        served.stage.build()
        reply = served.ask()
        dates.append(int((served.stage.feeds / "rss.xml").stat().st_mtime))
        # Three changes within a second: two are dated ahead and say nothing, since a reader may drop a date it has.
        if "last-modified" in reply.headers:
            told.append(reply.headers["last-modified"])
            assert parsedate_to_datetime(told[-1]) <= parsedate_to_datetime(reply.headers["date"])
    assert dates == sorted(set(dates))
    assert len(told) == len(set(told))


class Counting(UnchangedFirst):
    """Counts the requests that reach the application behind it."""

    read = 0

    def files(self, request: Request) -> Response:
        self.read += 1
        return super().files(request)


def test_r32_a_304_costs_no_reading_while_nothing_has_changed_and_never_hides_a_change(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = list[Counting]()

    def make(public: Path, link_of: Callable[[str], str]) -> Counting:
        counted.append(Counting(public, link_of))
        return counted[0]

    monkeypatch.setattr("clinic_broadcast.web.app.UnchangedFirst", make)
    public = served.stage.folder / "public"
    port = open_port(make_app(public=public, health=no_health, link_of=link_of), host="127.0.0.1", port=0)
    other = Served(served.stage, int(port.url.rpartition(":")[2]))
    try:
        full = other.ask(Accept_Encoding="gzip")
        asked = {"Accept_Encoding": "gzip", "If_None_Match": full.headers["etag"]}
        slow = other.ask(If_None_Match=other.ask().headers["etag"])
        quick = [other.ask(**asked), other.ask(**asked, method="HEAD")]
        assert counted[0].read == 2
        assert [one.status for one in quick] == [304, 304]
        for name in ("etag", "cache-control", "vary", "last-modified", "link"):
            assert quick[0].headers[name] == full.headers[name]
        assert slow.headers["link"] == LINK
        assert "content-encoding" not in quick[0].headers
        # Same length, same second, and even the same times: only what the file system itself counts differs.
        copy = served.stage.feeds / "rss.xml.gz"
        before = copy.stat()
        fresh = copy.with_name("fresh")
        fresh.write_bytes(gzip.compress(b"other words") + bytes(before.st_size))
        os.truncate(fresh, before.st_size)
        os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
        fresh.replace(copy)
        assert other.ask(**asked).status == 200
        copy.unlink()
        assert other.ask(**asked).headers["etag"] != full.headers["etag"]
        remove_document(served.stage.feeds / "feeds.opml")
        assert other.ask("/feeds/feeds.opml", If_None_Match="*").status == 410
    finally:
        assert port.stop()

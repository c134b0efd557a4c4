"""Exports of blogs: only what says itself that it is published comes out of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources.exports import ExportSource

ATOM = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:app='http://purl.org/atom/app#' xmlns:thr='http://purl.org/syndication/thread/1.0'"
KIND = "<category scheme='http://schemas.google.com/g/2005#kind' term='http://schemas.google.com/blogger/2008/kind#{}'/>"
DATE = "<published>2011-10-05T10:00:00-07:00</published><updated>2011-10-06T10:00:00Z</updated>"
LINK = "<link rel='alternate' type='text/html' href='https://x.example/{}.html'/>"


def old_entry(name: str, kind: str, more: str = "") -> str:
    return (
        f"<entry><id>tag:{name}\n</id>{KIND.format(kind)}{DATE}<title>{name}</title>"
        f"<content type='html'>words of {name}</content>{LINK.format(name)}{more}</entry>"
    )


OLD = (
    f"{ATOM}><id>tag:blogger.com,1999:blog-7.archive</id><title>t</title>"
    + old_entry("open", "post")
    + old_entry("draft", "post", "<app:control><app:draft>yes</app:draft></app:control>")
    + old_entry("comment", "comment", "<thr:in-reply-to href='x' ref='tag:open'/>")
    + old_entry("page", "page")
    + old_entry("template", "template")
    + f"<entry><id>tag:kindless</id>{DATE}<title>kindless</title>"
    f"<content>words</content>{LINK.format('k')}</entry></feed>"
)


def new_entry(name: str, kind: str, status: str, filename: str) -> str:
    return (
        f"<entry><id>tag:{name}</id><blogger:type>{kind}</blogger:type><blogger:status>{status}</blogger:status>"
        f"<blogger:filename>{filename}</blogger:filename><blogger:location><blogger:name>Quaytown</blogger:name>"
        f"</blogger:location>{DATE}<title>{name}</title><content type='html'>words of {name}</content></entry>"
    )


TAKEOUT = (
    f"{ATOM} xmlns:blogger='http://schemas.google.com/blogger/2018'><id>tag:blog-7</id><title>t</title>"
    + new_entry("open", "POST", "LIVE", "/2011/10/open.html")
    + new_entry("draft", "POST", "DRAFT", "/2011/10/draft.html")
    + new_entry("trashed", "POST", "SOFT_TRASHED", "/2011/10/trashed.html")
    + new_entry("page", "PAGE", "LIVE", "/p/page.html")
    + new_entry("comment", "COMMENT", "LIVE", "/2011/10/open.html")
    + f"<entry><id>tag:none</id>{DATE}<title>none</title><content>words</content></entry></feed>"
)


def wxr_item(name: str, status: str, kind: str, password: str = "", date: str = "2011-10-05 17:00:00") -> str:
    return (
        f"<item><title>{name}</title><link>https://x.example/{name}.html</link>"
        f"<guid isPermaLink='false'>tag:{name}</guid>"
        "<pubDate>Wed, 05 Oct 2011 17:00:00 +0000</pubDate>"
        f"<content:encoded><![CDATA[words of {name}]]></content:encoded>"
        "<excerpt:encoded>short</excerpt:encoded><wp:post_id>1</wp:post_id>"
        f"<wp:post_date_gmt>{date}</wp:post_date_gmt>"
        f"<wp:status>{status}</wp:status><wp:post_type>{kind}</wp:post_type>"
        f"<wp:post_password>{password}</wp:post_password>"
        "<wp:comment><wp:comment_author_email>a@quaytown.example</wp:comment_author_email>"
        "<wp:comment_content>a comment from Quaytown</wp:comment_content></wp:comment></item>"
    )


WXR = (
    "<rss version='2.0' xmlns:content='http://purl.org/rss/1.0/modules/content/' "
    "xmlns:excerpt='http://wordpress.org/export/1.2/excerpt/' xmlns:wp='http://wordpress.org/export/1.2/'><channel><title>t</title>"
    + wxr_item("open", "publish", "post")
    + wxr_item("draft", "draft", "post", date="0000-00-00 00:00:00")
    + wxr_item("private", "private", "post")
    + wxr_item("page", "publish", "page")
    + wxr_item("locked", "publish", "post", password="x")
    + "<item><title>bare</title><link>https://x.example/b</link>"
    "<pubDate>Wed, 05 Oct 2011 17:00:00 +0000</pubDate></item>"
    "</channel></rss>"
)


def read(tmp_path: Path, text: str) -> tuple[ExportSource, list[RawAnswer]]:
    path = tmp_path / "export.xml"
    path.write_text(text)
    source = ExportSource(path, "https://x.example/", "export:blog")
    batch = source.poll(None, is_known=lambda _: False)
    assert batch.faults == ()
    assert source.poll(batch.marks, is_known=lambda _: True).unchanged
    return source, list(batch.answers)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (OLD, "https://x.example/open.html"),
        (TAKEOUT, "https://x.example/2011/10/open.html"),
        (WXR, "https://x.example/open.html"),
    ],
    ids=["blogger", "takeout", "wordpress"],
)
def test_only_what_is_published_comes_out(tmp_path: Path, text: str, url: str) -> None:
    source, answers = read(tmp_path, text)
    assert [(answer.id, answer.url, answer.body) for answer in answers] == [
        ("tag:open", url, "words of open")
    ]
    assert answers[0].published_at == datetime(2011, 10, 5, 17, tzinfo=UTC)
    assert "quaytown" not in repr(answers).lower()
    assert source.find(url + "#x") == source.find("tag:open") == answers[0]
    assert source.find("https://x.example/draft.html") is None


def test_a_takeout_export_without_the_blogs_address_is_all_faults(tmp_path: Path) -> None:
    path = tmp_path / "feed.atom"
    path.write_text(TAKEOUT)
    batch = ExportSource(path).poll(None, is_known=lambda _: False)
    assert (batch.answers, len(batch.faults)) == ((), 1)


@pytest.mark.parametrize("text", ["", "<html></html>", OLD[:-8], None])
def test_an_export_that_is_none_raises(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "export.xml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SourceError):
        ExportSource(path).poll(None, is_known=lambda _: False)

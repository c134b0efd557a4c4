"""What a far side may send on purpose: bombs in disguise, names that resolve inwards, and any encoding of a feed."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Generator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources.entries import read_document, read_entry
from clinic_broadcast.sources.fetch import Fetcher
from contract.sources import FIRST_AT, BlogRig, Page, open_blog


def nothing_known(_: AnswerId) -> bool:
    return False


@pytest.fixture
def blog() -> Generator[BlogRig, None, None]:
    with open_blog() as opened:
        yield opened


def bomb(encoding: str) -> str:
    """Give a feed whose title is an entity of an entity of an entity: a thousand times its size when it grows."""
    grown = "".join(f'<!ENTITY {name} "{f"&{of};" * 10}">' for of, name in zip("abc", "bcd", strict=True))
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa">{grown}]>'
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><title>&d;</title></feed>'
    )


HIDDEN = b"+ADwAIQ-ENTITY"
ESCAPED = b"\\x3c!ENTITY"


@pytest.mark.parametrize(
    "body",
    [
        bomb("utf-8").encode(),
        b"\xef\xbb\xbf" + bomb("utf-8").encode(),
        bomb("utf-16").encode("utf-16"),
        bomb("utf-32").encode("utf-32"),
        bomb("cp037").encode("cp037"),
        bomb("utf-7").encode().replace(b"<!ENTITY", HIDDEN),
        bomb("UTF7").encode().replace(b"<!ENTITY", HIDDEN),
        b"\xef\xbb\xbf \n" + bomb("utf-7").encode().replace(b"<!ENTITY", HIDDEN),
        bomb("unicode_escape").encode().replace(b"<!ENTITY", ESCAPED),
    ],
)
def test_a_bomb_of_entities_is_refused_in_every_disguise(body: bytes) -> None:
    with pytest.raises(SourceError, match=r"entities|encoding"):
        read_document(body, where="a test", reader=read_entry)


def test_a_bomb_that_comes_compressed_is_given_up_at_the_bound(blog: BlogRig) -> None:
    blog.state.zips = True
    blog.state.body = b"<feed>" + b"\x00" * 20_000_000
    assert len(gzip.compress(blog.state.body)) < 25_000
    with pytest.raises(SourceError, match="bytes"):
        Fetcher(allow_private=True, body_max=2_000_000).get(blog.base)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", "Größe \u2013 ½ 子"),
        ("utf-16", "Größe \u2013 ½ 子"),
        ("utf-8-sig", "Größe \u2013"),
        ("iso-8859-1", "Größe ½"),
        ("windows-1252", "Größe \u2013 \u201cso\u201d"),
        ("iso-8859-15", "Größe €"),
        ("shift_jis", "子宮"),
        ("gb18030", "子宫"),
        ("koi8-r", "Матка"),
    ],
)
def test_a_feed_in_any_encoding_of_a_blog_is_read(encoding: str, words: str) -> None:
    named = encoding.removesuffix("-sig")
    feed = (
        f"<?xml version='1.0' encoding='{named}'?><rss version='2.0'><channel><title>t</title><item><guid>a</guid>"
        f"<title>{words}</title><link>https://blog.example/a</link><pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>"
        f"<description>{words}</description></item></channel></rss>"
    )
    (answer,) = read_document(feed.encode(encoding), where="a test", reader=read_entry).answers
    assert (answer.title, answer.body) == (words, words)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names resolve to these addresses, one list a look-up, the last one from then on; give the look-ups."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_args: object, **_named: object) -> list[tuple[object, ...]]:
        if host == "blog.example":
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
        else:
            found = [host]  # An address stands for itself.
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("clinic_broadcast.sources.fetch.socket.getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["10.1.2.3"], ["8.8.8.8", "192.168.0.7"], ["169.254.169.254"]]
)
def test_a_name_that_resolves_inwards_is_refused_before_anything_is_sent(
    blog: BlogRig, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, found)
    with pytest.raises(SourceError, match="private network"):
        Fetcher().get(f"http://blog.example:{urlsplit(blog.base).port}/feeds/posts/default")
    assert asked == ["blog.example"]
    assert blog.state.asked == []


def test_a_name_is_looked_up_once_so_that_it_cannot_be_another_when_it_is_used(
    blog: BlogRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, ["127.0.0.1"], ["10.1.2.3"])
    monkeypatch.setattr("clinic_broadcast.sources.fetch.is_public", lambda address: address == "127.0.0.1")
    blog.put(Page(number=1))
    fetched = Fetcher().get(f"http://blog.example:{urlsplit(blog.base).port}/feeds/posts/default")
    assert b"Question number 1" in fetched.body
    assert asked == ["blog.example"]


def test_a_second_poll_asks_for_what_changed_since_a_day_before_the_newest_change(blog: BlogRig) -> None:
    blog.put(Page(number=1, updated_days=9))
    source = blog.source()
    first = source.poll(None, is_known=nothing_known)
    blog.put(Page(number=2, days=3, updated_days=12))
    second = source.poll(first.marks, is_known={answer.id for answer in first.answers}.__contains__)
    assert "Question number 2" in {answer.title for answer in second.answers}
    queries = [parse_qs(urlsplit(path).query) for path, _ in blog.state.asked]
    since = [query["updated-min"] for query in queries if "updated-min" in query]
    assert since == [[f"{FIRST_AT + timedelta(days=8):%Y-%m-%dT%H:%M:%SZ}"]]
    assert all(query["orderby"] == ["updated"] for query in queries if "updated-min" in query)


def test_changes_on_several_pages_are_all_found_and_each_page_is_asked_with_the_same_query(
    blog: BlogRig,
) -> None:
    for number in range(1, 15):
        blog.put(Page(number=number))
    source = blog.source()
    first = source.poll(None, is_known=nothing_known)
    before = len(blog.state.asked)
    for number in range(1, 8):
        blog.put(Page(number=number, updated_days=40, heading=f"Other words {number}"))
    second = source.poll(first.marks, is_known={answer.id for answer in first.answers}.__contains__)
    changed = {answer.title for answer in second.answers if answer.title.startswith("Other words")}
    assert changed == {f"Other words {number}" for number in range(1, 8)}
    queries = [parse_qs(urlsplit(path).query) for path, _ in blog.state.asked[before:]]
    since = [query["updated-min"] for query in queries if "updated-min" in query]
    assert len(since) > 1
    assert since == since[:1] * len(since)


def summaries_only(*ends: str) -> bytes:
    """Give a feed as WordPress has it when it shows excerpts: descriptions alone, each with such an end."""
    items = "".join(
        f"<item><title>t</title><link>https://x.example/{at}</link><guid>tag:{at}</guid>"
        "<pubDate>Wed, 05 Oct 2011 17:00:00 +0000</pubDate>"
        f"<description><![CDATA[Hello Dr. Roe, the secret letter begins{end}]]></description></item>"
        for at, end in enumerate(ends)
    )
    return f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


@pytest.mark.parametrize(
    "end",
    [
        " [&#8230;]",
        " [\u2026]",
        "\u2026",
        "...",
        '\u2026 <a href="https://x.example/">Read more &raquo;</a>',
        " [&#8230;]</p><p>The post <a href='https://x.example/'>t</a> appeared first on <a href='/'>us</a>.</p>",
    ],
)
def test_a_feed_of_beginnings_is_refused_with_what_to_set(end: str) -> None:
    with pytest.raises(SourceError, match="only the beginnings of its posts") as refused:
        read_document(summaries_only(end, end), where="a test", reader=read_entry)
    assert "secret" not in str(refused.value)


def blogger_feed(inside: str) -> bytes:
    """Give a feed as Blogger has it, of one post with this inside."""
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>tag:1</id><title>t</title>'
        '<link rel="alternate" type="text/html" href="https://x.example/1.html"/>'
        f"<published>2011-10-05T17:00:00Z</published>{inside}</entry></feed>"
    ).encode()


def test_a_blogger_feed_set_to_short_is_refused_although_its_summaries_end_like_sentences(
    blog: BlogRig,
) -> None:
    page = blogger_feed('<summary type="text">Hello Dr. Roe, this secret letter ends here.</summary>')
    blog.state.body = page
    with pytest.raises(
        SourceError, match=r"only the beginnings of its posts.*Settings, Site feed"
    ) as refused:
        blog.source().poll(None, is_known=lambda _: False)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("fragment", ["more", "more-17"])
def test_a_post_that_ends_at_its_jump_break_is_left_out_with_what_to_set(fragment: str) -> None:
    inside = f'A secret letter.&lt;br&gt;&lt;a href="https://x.example/1.html#{fragment}"&gt;Read more &#187;&lt;/a&gt;'
    page = blogger_feed(f'<content type="html">{inside}</content>')
    document = read_document(page, where="a test", reader=read_entry, has_content=True)
    assert document.answers == ()
    assert len(document.faults) == 1
    assert "before its jump break" in document.faults[0]
    assert "secret" not in document.faults[0]


def test_a_whole_post_keeps_its_anchor_of_a_jump_break_and_links_in_its_middle() -> None:
    inside = (
        "The letter.&lt;a name='more'&gt;&lt;/a&gt; See &lt;a href=\"https://x.example/2.html#more\"&gt;this&lt;/a&gt;,"
        " Jane Roe."
    )
    page = blogger_feed(f'<content type="html">{inside}</content>')
    assert len(read_document(page, where="a test", reader=read_entry, has_content=True).answers) == 1


def test_a_feed_of_whole_descriptions_is_read_although_one_ends_in_dots() -> None:
    document = read_document(summaries_only(".", "...", ". Read more."), where="a test", reader=read_entry)
    assert len(document.answers) == 3

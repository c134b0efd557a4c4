"""What every source promises, and what the network must not be able to do to those that read from it."""

from __future__ import annotations

import gzip
from collections.abc import Generator
from pathlib import Path

import pytest

import clinic_broadcast
from clinic_broadcast.core.answer import AnswerId, Comments, RawAnswer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Marks
from clinic_broadcast.sources.blogger import BloggerSource, feed_url
from clinic_broadcast.sources.entries import read_document, read_entry
from clinic_broadcast.sources.fetch import Fetcher, SourceAbsent, SourceBusy, is_public, read_retry_after
from contract.sources import SOURCES, BlogRig, FeedRig, Page, Rig, WordPressRig, open_blog, shown

ATOM = "http://www.w3.org/2005/Atom"


def nothing_known(_: AnswerId) -> bool:
    return False


def everything_known(_: AnswerId) -> bool:
    return True


@pytest.fixture(params=SOURCES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Rig, None, None]:
    with SOURCES[request.param](tmp_path / "answers") as opened:
        yield opened


@pytest.fixture
def blog() -> Generator[BlogRig, None, None]:
    with open_blog() as opened:
        yield opened


# Every source ------------------------------------------------------------------------------------------------


def test_a_first_poll_reads_all_answers(rig: Rig) -> None:
    for number in range(10):
        rig.put(Page(number=number))
    batch = rig.source().poll(None, is_known=nothing_known)
    assert {answer.title for answer in batch.answers} == {f"Question number {number}" for number in range(10)}
    assert len({answer.id for answer in batch.answers}) == 10
    assert (batch.unchanged, batch.faults) == (False, ())


def test_what_is_told_of_pages_is_in_the_batch_and_pages_are_told_as_they_are_read(rig: Rig) -> None:
    for number in range(10):
        rig.put(Page(number=number))
    told: list[tuple[RawAnswer, ...]] = []
    batch = rig.source().poll(None, is_known=nothing_known, on_page=told.append)
    heard = [answer for page in told for answer in page]
    # A place of files is read at once and tells of no page.
    pages = {"BlogRig": 4, "WordPressRig": 4, "FeedRig": 1}.get(type(rig).__name__, 0)
    assert len(told) == pages
    assert heard == (list(batch.answers) if pages else [])


def test_an_answer_has_its_text_link_and_instant(rig: Rig) -> None:
    page = Page(number=1, text="Hello Ann,\nIt is safe & sound.")
    rig.put(page)
    (answer,) = rig.source().poll(None, is_known=nothing_known).answers
    assert answer.body == page.text
    assert answer.published_at == page.published_at
    assert answer.published_at.utcoffset() is not None
    assert answer.url == rig.url_of(1)
    assert answer.id == answer.id.strip()


def test_a_second_poll_of_the_same_says_unchanged(rig: Rig) -> None:
    rig.put(Page(number=1))
    source = rig.source()
    first = source.poll(None, is_known=nothing_known)
    second = source.poll(first.marks, is_known=everything_known)
    assert (second.unchanged, second.answers, second.marks) == (True, (), first.marks)


def test_an_answer_tells_where_its_comments_stand_and_how_many_where_the_blog_does(rig: Rig) -> None:
    rig.put(Page(number=1, comments=4))
    rig.put(Page(number=2))
    answers = {one.url: one for one in rig.source().poll(None, is_known=nothing_known).answers}
    assert answers[rig.url_of(2)].comments is None
    found, base = answers[rig.url_of(1)].comments, getattr(rig, "base", "")
    told = {
        "BlogRig": Comments(
            url=f"{rig.url_of(1)}#comment-form",
            feed_url=f"{base}/feeds/1/comments/default",
            feed_type="application/atom+xml",
            count=4,
        ),
        "FeedRig": Comments(
            url=f"{rig.url_of(1)}#comments",
            feed_url=f"{rig.url_of(1)}/feed/",
            feed_type="application/rss+xml",
            count=4,
        ),
        # Its interface says only that comments are open.
        "WordPressRig": Comments(url=f"{rig.url_of(1)}#comments"),
    }
    assert found == told.get(type(rig).__name__)


def test_an_empty_place_has_no_answers(rig: Rig) -> None:
    assert rig.source().poll(None, is_known=nothing_known).answers == ()


def test_a_new_answer_is_found_by_the_next_poll(rig: Rig) -> None:
    source = rig.source()
    rig.put(Page(number=1))
    first = source.poll(None, is_known=nothing_known)
    rig.put(Page(number=2))
    known = {answer.id for answer in first.answers}
    second = source.poll(first.marks, is_known=known.__contains__)
    assert "Question number 2" in {answer.title for answer in second.answers}


def test_an_edited_answer_keeps_its_id_and_shows_its_new_words(rig: Rig) -> None:
    source = rig.source()
    rig.put(Page(number=1))
    first = source.poll(None, is_known=nothing_known)
    rig.put(Page(number=1, text="Hello Ann,\nIt is not safe.", updated_days=9))
    second = source.poll(first.marks, is_known=everything_known)
    assert [answer.id for answer in second.answers] == [first.answers[0].id]
    assert "not safe" in second.answers[0].body


def test_a_draft_is_never_read(rig: Rig) -> None:
    rig.put(Page(number=1, is_draft=True, text="Hello Nobody, this is secret."))
    rig.put(Page(number=2))
    batch = rig.source().poll(None, is_known=nothing_known)
    assert [answer.title for answer in batch.answers] == ["Question number 2"]
    assert "secret" not in shown(batch)


def test_find_reads_one_answer_by_id_or_address(rig: Rig) -> None:
    for number in range(5):
        rig.put(Page(number=number))
    source = rig.source()
    wanted = next(
        one for one in source.poll(None, is_known=nothing_known).answers if one.title == "Question number 0"
    )
    address = rig.url_of(0).replace("http://", "https://") + "?m=1#comments"
    assert source.find(wanted.id) == source.find(address) == wanted
    assert source.find("https://blog.example/none.html") is None


def test_a_place_that_cannot_be_read_raises(rig: Rig) -> None:
    rig.put(Page(number=1))
    source = rig.source()
    rig.spoil()
    with pytest.raises(SourceError):
        source.poll(None, is_known=nothing_known)
    with pytest.raises(SourceError):
        source.find("answer-1")


def test_the_name_is_stable(rig: Rig) -> None:
    assert rig.source().name == rig.source().name
    assert rig.source().name.count(":") >= 1


# Blogger -----------------------------------------------------------------------------------------------------


def test_a_poll_stops_at_the_first_page_without_news(blog: BlogRig) -> None:
    for number in range(20):
        blog.put(Page(number=number))
    source = blog.source()
    first = source.poll(None, is_known=nothing_known)
    old = {answer.id for answer in first.answers}
    blog.put(Page(number=30))
    blog.state.asked.clear()
    second = source.poll(Marks(etag="old"), is_known=old.__contains__)
    assert len(blog.state.asked) == 2
    assert {answer.title for answer in second.answers} > {"Question number 30"}


def test_a_backdated_answer_is_found_through_its_change(blog: BlogRig) -> None:
    for number in range(20):
        blog.put(Page(number=number))
    source = blog.source()
    first = source.poll(None, is_known=nothing_known)
    old = {answer.id for answer in first.answers}
    blog.put(Page(number=99, days=1, updated_days=25))
    second = source.poll(first.marks, is_known=old.__contains__)
    assert "Question number 99" in {answer.title for answer in second.answers}


def test_validators_go_back_exactly_as_they_came(blog: BlogRig) -> None:
    blog.put(Page(number=1))
    blog.state.headers["Last-Modified"] = "Mon, 02 Mar 2026 10:00:00 GMT"
    source = blog.source()
    first = source.poll(None, is_known=nothing_known)
    source.poll(first.marks, is_known=everything_known)
    _, headers = blog.state.asked[-1]
    assert headers["If-None-Match"] == first.marks.etag
    assert first.marks.etag.startswith('W/"')
    assert headers["If-Modified-Since"] == "Mon, 02 Mar 2026 10:00:00 GMT"
    assert headers["User-Agent"].startswith(f"clinic-broadcast/{clinic_broadcast.__version__}")


def test_a_server_that_asks_for_rest_is_left_alone(blog: BlogRig) -> None:
    blog.state.status, blog.state.headers = 429, {"Retry-After": "120"}
    source = blog.source()
    with pytest.raises(SourceBusy) as busy:
        source.poll(None, is_known=nothing_known)
    assert busy.value.retry_after_s == 120
    blog.state.status = 200
    with pytest.raises(SourceBusy):
        source.poll(None, is_known=nothing_known)
    assert len(blog.state.asked) == 1


def test_a_wordpress_blog_whose_interface_is_closed_is_told_with_the_other_way(blog: BlogRig) -> None:
    blog.state.status = 404
    with pytest.raises(SourceError, match="/feed/ address"):
        WordPressRig(blog.state, blog.base).source().poll(None, is_known=nothing_known)


@pytest.mark.parametrize("kind", [BlogRig, FeedRig, WordPressRig])
def test_an_answer_that_may_be_kept_is_not_asked_for_again(blog: BlogRig, kind: type[BlogRig]) -> None:
    blog.put(Page(number=1))
    blog.state.headers["Cache-Control"] = "public, max-age=600"
    source = kind(blog.state, blog.base).source()
    first = source.poll(None, is_known=nothing_known)
    assert source.poll(first.marks, is_known=everything_known).unchanged
    assert len(blog.state.asked) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html><p>Maintenance", b"\x00\xff\xfe", b"/etc/hostname", b"http://127.0.0.1/"]
)
def test_what_is_no_feed_is_refused_without_a_word_of_it(blog: BlogRig, body: bytes) -> None:
    blog.state.body = body
    with pytest.raises(SourceError) as refused:
        blog.source().poll(None, is_known=nothing_known)
    assert "Maintenance" not in str(refused.value)


def test_a_feed_cut_off_is_refused_whole(blog: BlogRig) -> None:
    for number in range(3):
        blog.put(Page(number=number))
    source = blog.source()
    source.poll(None, is_known=nothing_known)
    blog.state.body = (
        b"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><id>x</id><entry><id>y</id>"
    )
    with pytest.raises(SourceError, match="cut off"):
        source.poll(None, is_known=nothing_known)


def test_a_malformed_feed_counts_when_entries_come_out_of_it() -> None:
    body = (
        b"<rss version='2.0'><channel><title>t</title><item><guid>a</guid><title>Q &nbsp; A</title>"
        b"<link>https://blog.example/a</link><pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>"
        b"<app:draft>no</app:draft><description>Hello &amp; bye</description></item></channel></rss>"
    )
    document = read_document(body, where="a test", reader=read_entry)
    assert [answer.body for answer in document.answers] == ["Hello & bye"]


def test_entities_are_refused_before_they_grow() -> None:
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><rss version='2.0'><b>&b;</b></rss>"
    with pytest.raises(SourceError, match="entities"):
        read_document(bomb, where="a test", reader=read_entry)


def test_an_entry_without_public_link_is_a_fault_and_the_others_count(blog: BlogRig) -> None:
    blog.state.body = (
        b"<feed xmlns='http://www.w3.org/2005/Atom'><id>f</id><title>t</title>"
        b"<entry><id>tag:x,1:1</id><title>Kept in</title><published>2026-03-02T10:00:00Z</published>"
        b"<content type='html'>secret words</content></entry>"
        b"<entry><id>tag:x,1:2</id><title>Open</title><published>2026-03-02T10:00:00Z</published>"
        b"<link rel='alternate' type='text/html' href='https://blog.example/2'/><content type='html'>a</content>"
        b"</entry></feed>"
    )
    batch = blog.source().poll(None, is_known=nothing_known)
    assert [answer.title for answer in batch.answers] == ["Open"]
    assert len(batch.faults) == 1
    assert "tag:x,1:1" in batch.faults[0]
    assert "secret" not in batch.faults[0]


def test_places_and_mail_addresses_stay_outside(blog: BlogRig) -> None:
    blog.put(Page(number=1))
    batch = blog.source().poll(None, is_known=nothing_known)
    assert "Quaytown" not in shown(batch)
    assert "noreply" not in shown(batch)
    assert (batch.answers[0].author, batch.answers[0].labels) == ("Jane Roe", ("questions",))


def test_pages_that_lead_in_a_circle_end(blog: BlogRig) -> None:
    circle = f"{blog.base}/feeds/posts/default?max-results=100"
    blog.state.body = f"<feed xmlns='{ATOM}'><id>f</id><link rel='next' href='{circle}'/></feed>".encode()
    with pytest.raises(SourceError, match="already read"):
        blog.source().poll(None, is_known=nothing_known)


def test_a_failure_on_a_later_page_records_nothing(blog: BlogRig) -> None:
    blog.state.body = (
        f"<feed xmlns='{ATOM}'><id>f</id><link rel='next' href='{blog.base}0/x'/></feed>".encode()
    )
    with pytest.raises(SourceError):
        blog.source().poll(None, is_known=nothing_known)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("https://ask.blogspot.com", "https://ask.blogspot.com/feeds/posts/default?max-results=100"),
        ("ask.blogspot.com/2010/05/a.html", "https://ask.blogspot.com/feeds/posts/default?max-results=100"),
        ("http://x.example/blog/", "http://x.example/blog/feeds/posts/default?max-results=100"),
        (
            "https://x.example/feeds/posts/default/-/ivf?max-results=9",
            "https://x.example/feeds/posts/default/-/ivf?max-results=9",
        ),
    ],
)
def test_any_address_of_a_blog_leads_to_its_feed(given: str, wanted: str) -> None:
    assert feed_url(given) == wanted
    assert BloggerSource(given).name.startswith("blogger:")


# The network -------------------------------------------------------------------------------------------------


def test_a_private_address_is_refused_before_anything_is_sent(blog: BlogRig) -> None:
    with pytest.raises(SourceError, match="allow_private"):
        Fetcher().get(blog.base)
    assert blog.state.asked == []


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:9/", "http://[::1]:9/", "http://169.254.169.254/latest"]
)
def test_a_redirect_into_a_private_network_is_refused(
    blog: BlogRig, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = is_public
    monkeypatch.setattr(
        "clinic_broadcast.sources.fetch.is_public", lambda address: address == "127.0.0.1" or own(address)
    )
    blog.state.status, blog.state.location = 302, target
    with pytest.raises(SourceError, match="private network"):
        Fetcher().get(blog.base)
    assert len(blog.state.asked) == 1


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - It is refused.
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_an_address_is_public_or_not(address: str, wanted: bool) -> None:
    assert is_public(address) is wanted


@pytest.mark.parametrize(
    "target", ["file:///etc/hostname", "ftp://x.example/", "https://u:p@x.example/", "http://[", "//"]
)
def test_only_plain_http_addresses_are_followed(blog: BlogRig, target: str) -> None:
    with pytest.raises(SourceError):
        Fetcher(allow_private=True).get(target)
    blog.state.status, blog.state.location = 302, target
    with pytest.raises(SourceError):
        Fetcher(allow_private=True).get(blog.base)


def test_redirects_are_counted(blog: BlogRig) -> None:
    blog.state.status, blog.state.location = 301, blog.base + "/again"
    with pytest.raises(SourceError, match="more than 5"):
        Fetcher(allow_private=True).get(blog.base)
    assert len(blog.state.asked) == 6


def test_a_body_that_is_too_large_is_refused_also_when_it_comes_compressed(blog: BlogRig) -> None:
    blog.state.body = b"a" * 3_000_000
    for blog.state.zips in (False, True):
        with pytest.raises(SourceError, match="bytes"):
            Fetcher(allow_private=True, body_max=1_000_000).get(blog.base)
    assert len(gzip.compress(blog.state.body)) < 10_000


def test_a_compressed_body_is_read(blog: BlogRig) -> None:
    blog.state.zips = True
    blog.put(Page(number=1))
    assert len(blog.source().poll(None, is_known=nothing_known).answers) == 1


def test_a_body_that_trickles_is_given_up_at_the_deadline(blog: BlogRig) -> None:
    blog.state.trickles = True
    with pytest.raises(SourceError, match="in time"):
        Fetcher(allow_private=True, timeout_s=2, total_s=0.5).get(blog.base)


def test_an_address_with_nothing_there_says_so(blog: BlogRig) -> None:
    blog.state.status = 404
    with pytest.raises(SourceAbsent):
        Fetcher(allow_private=True).get(blog.base + "/?key=hidden")
    with pytest.raises(SourceError) as refused:
        Fetcher(allow_private=True, timeout_s=1, total_s=2).get("http://127.0.0.1:9/?key=hidden")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("", None), ("soon", None), ("30", 30), ("9999999", 86400), ("Mon, 02 Mar 2009 10:00:00 GMT", 0)],
)
def test_retry_after_is_read_as_seconds(value: str, wanted: int | None) -> None:
    assert read_retry_after(value) == wanted

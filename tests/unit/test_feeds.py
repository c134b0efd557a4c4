"""Feeds: valid, gated, with the same bytes for the same answers, and never torn."""

from __future__ import annotations

import gzip
import locale
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path

import brotli
import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from clinic_broadcast.core.feed import (
    NO_ANSWER_YET,
    FeedDocument,
    FeedEntry,
    FeedHead,
    SecondsTaken,
    entry_id_of,
)
from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.reading import see
from clinic_broadcast.feeds.render import Presses, atom, render, rss, stylesheet
from clinic_broadcast.feeds.shell import clean, entry_element, shell_of
from clinic_broadcast.feeds.variants import SUFFIXES, compressors
from clinic_broadcast.feeds.write import (
    beside,
    changes_of,
    holds,
    sweep_parts,
    write_atomically,
    write_changes,
)

AT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"
HEAD = FeedHead(
    title="The Example Fertility Center",
    subtitle="New answers",
    home_url="https://blog.example/",
    base_url="https://feeds.example",
    language="en-US",
    author="Dr. Jane Roe",
)


def entry(number: int, *, title: str = "", summary: str = "") -> FeedEntry:
    at = AT + timedelta(days=number)
    return FeedEntry(
        id=f"tag:blog.example,2026:post-{number}",
        url=f"https://blog.example/2026/03/answer-{number}.html",
        title=title or f"Answer {number}",
        summary=summary or "Small fibroids on the outer wall are often left alone.",
        published_at=at,
        updated_at=at,
        author="Dr. Jane Roe",
        labels=("Fibroids",),
    )


def document(*entries: FeedEntry) -> FeedDocument:
    return FeedDocument(head=HEAD, entries=entries or (entry(2), entry(1)))


def test_both_feeds_are_read_without_a_complaint() -> None:
    for content in (rss(document()), atom(document())):
        parsed = feedparser.parse(content)
        assert parsed.bozo is False
        assert [one.title for one in parsed.entries] == ["Answer 2", "Answer 1"]
        assert [one.id for one in parsed.entries] == [entry(2).id, entry(1).id]
        assert [one.link for one in parsed.entries] == [entry(2).url, entry(1).url]
        assert parsed.entries[0].summary == entry(2).summary


def test_an_empty_feed_is_valid_and_older_than_any_answer() -> None:
    empty = FeedDocument(head=HEAD, entries=())
    assert feedparser.parse(atom(empty)).bozo is False
    assert empty.updated_at == NO_ANSWER_YET < AT


def test_the_same_answers_give_the_same_bytes() -> None:
    assert rss(document()) == rss(document())
    assert atom(document()) == atom(document())


def test_the_feed_is_as_old_as_its_newest_entry() -> None:
    tree = etree.fromstring(atom(document()))
    assert tree.findtext(f"{ATOM}updated") == "2026-03-04T17:00:00Z"
    channel = etree.fromstring(rss(document())).find("channel")
    assert channel is not None
    assert parsedate_to_datetime(channel.findtext("lastBuildDate") or "") == AT + timedelta(days=2)


def test_atom_links_keep_their_relation_and_type() -> None:
    link = etree.fromstring(atom(document())).find(f"{ATOM}entry/{ATOM}link")
    assert link is not None
    assert (link.get("rel"), link.get("type")) == ("alternate", "text/html")


def test_the_channels_link_is_the_blog_and_its_self_link_the_feed() -> None:
    channel = etree.fromstring(rss(document())).find("channel")
    assert channel is not None
    assert channel.findtext("link") == "https://blog.example/"
    own = channel.find(f"{ATOM}link[@rel='self']")
    assert own is not None
    assert own.get("href") == "https://feeds.example/feeds/rss.xml"


def test_a_guid_says_that_it_is_no_link() -> None:
    guids = etree.fromstring(rss(document())).findall("channel/item/guid")
    assert [one.get("isPermaLink") for one in guids] == ["false", "false"]


def test_the_doctors_name_stands_in_every_item() -> None:
    for content in (rss(document()), atom(document())):
        assert {one.author for one in feedparser.parse(content).entries} == {"Dr. Jane Roe"}


@pytest.mark.parametrize("title", ["Eggs & embryos", "Is 3 < 5?", "AT&#T", "]]> in a title", "<b>Bold</b>"])
def test_a_title_survives_the_round_trip_as_plain_text(title: str) -> None:
    tree = etree.fromstring(atom(document(entry(1, title=title))))
    assert tree.findtext(f"{ATOM}entry/{ATOM}title") == title


@given(st.text(max_size=200))
def test_no_character_of_an_answer_can_break_the_feed(text: str) -> None:
    content = rss(document(entry(1, title="T" + text, summary="S" + text)))
    item = etree.fromstring(content).find("channel/item")
    assert item is not None
    assert (item.findtext("title") or "").startswith("T")


def test_characters_that_xml_cannot_carry_are_taken_out() -> None:
    assert clean("a\x00b\x0bc\ud800d\ufffee\U0001fffff") == "abcdef"


def test_building_in_threads_leaves_the_locale_alone() -> None:
    before = locale.setlocale(locale.LC_ALL)
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(locale.setlocale(locale.LC_ALL))

    watcher = threading.Thread(target=watch)
    watcher.start()
    builders = [threading.Thread(target=lambda: [rss(document()) for _ in range(30)]) for _ in range(2)]
    for one in builders:
        one.start()
    for one in builders:
        one.join()
    stop.set()
    watcher.join()
    assert seen == {before}


def test_a_file_is_replaced_only_when_its_bytes_change(tmp_path: Path) -> None:
    path = tmp_path / "feeds" / "rss.xml"
    assert write_atomically(path, b"one")
    stamp = path.stat().st_ino
    assert holds(path, b"one")
    assert not write_atomically(path, b"one")
    assert path.stat().st_ino == stamp
    assert write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_never_sees_a_torn_file(tmp_path: Path) -> None:
    path = tmp_path / "rss.xml"
    whole = {b"a" * 200_000, b"b" * 150_000}
    write_atomically(path, b"a" * 200_000)
    stop = threading.Event()
    torn: list[int] = []

    def read() -> None:
        while not stop.is_set():
            content = path.read_bytes()
            if content not in whole:
                torn.append(len(content))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        for content in whole:
            write_atomically(path, content)
    stop.set()
    reader.join()
    assert torn == []


def test_what_a_killed_writer_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".rss.xml.abc.part").write_bytes(b"half")
    assert sweep_parts(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_style_sheet_ships_with_the_package() -> None:
    assert b"content:" in stylesheet()


def test_an_entry_that_cannot_be_written_is_left_out_and_told_and_the_feed_ships() -> None:
    bad = replace(entry(2), url="javascript:alert(1)")
    presses = Presses()
    for form in Form:
        content = render(document(bad, entry(1)), form, presses)
        assert [one.id for one in see(content, form).entries] == [entry(1).id]
    assert presses.quarantined == {bad.id: "its link is no web address"}


def test_an_entry_is_rendered_once_and_spliced_into_every_document(monkeypatch: pytest.MonkeyPatch) -> None:
    presses, made = Presses(), []

    def counted(one: FeedEntry, form: Form) -> object:
        made.append((one.id, form))
        return entry_element(one, form)

    monkeypatch.setattr("clinic_broadcast.feeds.render.entry_element", counted)
    live = replace(document(), older=1)
    first = [render(live, form, presses) for form in Form]
    again = [render(replace(live, older=2), form, presses) for form in Form]
    assert sorted(made) == sorted((one.id, form) for one in live.entries for form in (Form.RSS, Form.ATOM))
    assert [render(live, form, Presses()) for form in Form] == first
    assert again != first


def test_spliced_entries_are_what_feedgen_would_have_written_in_place() -> None:
    spliced = etree.fromstring(rss(document()))
    whole = shell_of(document(), Form.RSS, updated_at=document().updated_at)
    for one in document().entries:
        whole.find("channel").append(entry_element(one, Form.RSS))
    whole = etree.fromstring(etree.tostring(whole))
    for tree in (spliced, whole):
        etree.indent(tree)
    assert etree.tostring(spliced, method="c14n") == etree.tostring(whole, method="c14n")


def test_what_is_no_longer_live_is_forgotten_in_memory_too() -> None:
    presses = Presses()
    render(document(), Form.RSS, presses)
    presses.forget(document(entry(1)))
    assert all(b"post-2" not in one for made in presses.kept.values() for one in made.values())
    assert presses.kept


def test_a_compressed_copy_is_the_same_for_the_same_bytes() -> None:
    make = compressors()[".gz"]
    assert make(b"one" * 400) == make(b"one" * 400)
    assert gzip.decompress(make(b"one" * 400)) == b"one" * 400


def test_no_old_copy_stands_beside_a_new_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rss.xml"
    write_document(path, b"fifty mg " * 100)
    seen: list[set[bytes]] = []
    whole = os.replace

    def watched(part: str, target: Path) -> None:
        if target == path:
            seen.append({gzip.decompress(one.read_bytes()) for one in tmp_path.glob("rss.xml.gz")})
        whole(part, target)

    monkeypatch.setattr(os, "replace", watched)
    assert write_document(path, b"25 mg now " * 90)
    assert seen == [{b"25 mg now " * 90}]
    assert gzip.decompress((tmp_path / "rss.xml.gz").read_bytes()) == path.read_bytes()
    assert write_document(path, b"25 mg")
    assert [one.name for one in tmp_path.iterdir()] == ["rss.xml"]


def test_a_copy_that_is_missing_or_not_of_this_document_is_made_again_and_the_document_left_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rss.xml"
    write_document(path, b"words " * 100)
    before = path.stat().st_mtime_ns
    beside(path, ".gz").unlink()
    beside(path, ".br").write_bytes(b"of the document before")
    assert write_document(path, b"words " * 100)
    assert not write_document(path, b"words " * 100)
    assert {beside(path, one).stat().st_mtime_ns for one in ("", *SUFFIXES)} == {before}
    assert brotli.decompress(beside(path, ".br").read_bytes()) == path.read_bytes()


def write_document(path: Path, content: bytes) -> bool:
    """Put one document in place and say whether anything had to be written."""
    make = compressors()
    changes = changes_of([(path, content)], make)
    write_changes(changes, make)
    return bool(changes)


def test_when_one_file_cannot_be_written_all_old_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("atom.xml", "rss.xml")]
    for path in paths:
        write_document(path, b"fifty mg " * 100)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    left = count(1)
    chmod = os.fchmod

    def full(descriptor: int, mode: int) -> None:
        if next(left) == 6:
            raise OSError(28, "No space left on device")
        chmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", full)
    make = compressors()
    with pytest.raises(OSError, match="No space"):
        write_changes(changes_of([(path, b"25 mg now " * 90) for path in paths], make), make)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_two_changes_in_one_second_have_two_times(tmp_path: Path) -> None:
    path = tmp_path / "rss.xml"
    stamps = []
    for words in (b"50 mg", b"25 mg", b"10 mg"):
        write_atomically(path, words)
        stamps.append(int(path.stat().st_mtime))
    assert len(set(stamps)) == 3
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("answer_id", "entry_id"),
    [
        ("tag:blogger.com,1999:blog-1.post-2", "tag:blogger.com,1999:blog-1.post-2"),
        ("https://blog.example/?p=12", "https://blog.example/?p=12"),
        ("file:an answer.txt", "file:an%20answer.txt"),
        ("5f1b2c", "urn:answer:5f1b2c"),
        ("öl", "urn:answer:%C3%B6l"),
    ],
)
def test_an_entry_has_the_sources_own_id_where_that_can_be_one(answer_id: str, entry_id: str) -> None:
    assert entry_id_of(answer_id) == entry_id


@given(st.lists(st.integers(0, 20), max_size=30))
def test_no_two_entries_share_a_second_and_none_lies_beyond_now(seconds: list[int]) -> None:
    taken = SecondsTaken()
    now = AT + timedelta(seconds=25)
    found = [taken.next_free(AT + timedelta(seconds=second), not_after=now) for second in seconds]
    assert len(set(found)) == len(seconds)
    assert all(at <= now for at in found)

"""The checklist of docs/howto/host-the-feeds.md, one test a number; R31 to R36 are about HTTP and stand elsewhere."""

from __future__ import annotations

import gzip
import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import brotli
import feedparser
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from lxml import etree

from clinic_broadcast.core.answer import AnswerId, Comments
from clinic_broadcast.core.feed import NO_SUMMARY, PAGE_ONLY, READ_ON, FeedDocument, FeedEntry
from clinic_broadcast.feeds.check import check_feeds
from clinic_broadcast.feeds.places import Form, path_of
from clinic_broadcast.feeds.publish import SIZE_MAX_BYTES
from clinic_broadcast.feeds.reading import see
from clinic_broadcast.feeds.render import Presses, render
from clinic_broadcast.feeds.rules import document_problems
from clinic_broadcast.feeds.shell import NAMESPACES
from fakes import START_AT
from feed_stages import HEAD, Stage, aged, reworded, unpacked

ATOM = "{http://www.w3.org/2005/Atom}"
DAY = timedelta(days=1)
HOSTILE = (
    "<script>alert(1)</script> <b>bold</b> <img src=x onerror=alert(1)>",
    "a ]]> b &amp; c &#65; d <x",
    "javascript:alert(1) data:text/html,x",
    "control \x07 \x00 \u0085 \ufffe \ufdd0 \U0001ffff",
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Give a blog with 45 old answers, of which the feed is built."""
    made = Stage(tmp_path)
    made.archive(45)
    made.build()
    return made


def problems(stage: Stage) -> list[str]:
    return [problem for one in check_feeds(stage.folder / "public") for problem in one.problems]


def spoil(stage: Stage, path: str, good: bytes, bad: bytes, count: int = 1) -> list[str]:
    """Give what the check says once these bytes of a document, and its copy, are others."""
    place = stage.folder / "public" / path
    content = place.read_bytes()
    assert good in content
    changed = content.replace(good, bad, count)
    place.write_bytes(changed)
    copy = place.with_name(place.name + ".gz")
    if copy.exists():
        copy.write_bytes(gzip.compress(changed, mtime=0))
    return problems(stage)


def numbers(found: list[str]) -> set[str]:
    return {one.partition(":")[0] for one in found}


def tree_of(content: bytes) -> Any:
    return etree.fromstring(content)


def history(stage: Stage) -> None:
    """Let a new answer, a correction and a withdrawal happen, each in a build of its own."""
    stage.clock.pass_by(minutes=5)
    stage.publish(aged(46, 45))
    stage.build()
    stage.clock.pass_by(minutes=5)
    stage.publish(reworded(5, "A test of one hormone shows it.", published_at=aged(5, 45).published_at))
    stage.build()
    stage.clock.pass_by(minutes=5)
    stage.withdraw(7)
    stage.build()


def test_the_check_finds_nothing_wrong_with_what_we_write(stage: Stage) -> None:
    assert problems(stage) == []
    history(stage)
    assert problems(stage) == []


def test_the_check_says_how_to_write_feeds_that_are_not_there(tmp_path: Path) -> None:
    missing = [
        one
        for one in check_feeds(tmp_path)
        if any("`clinic-broadcast feed build`" in p for p in one.problems)
    ]
    assert {one.path for one in missing} >= {"feeds/rss.xml", "feeds/atom.xml", "feeds/feed.json"}


def test_r01_the_channels_link_is_the_site(stage: Stage) -> None:
    channel = tree_of((stage.feeds / "rss.xml").read_bytes()).find("channel")
    assert channel.findtext("link") == "https://blog.example/"
    assert channel.findtext("title") == HEAD.title
    assert channel.findtext("description") == HEAD.subtitle
    assert "R1" in numbers(
        spoil(stage, "feeds/rss.xml", b"<link>https://blog.example/<", b"<link>https://hub.example/<")
    )


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_r02_every_document_is_well_formed_whatever_an_answer_says(title: str, summary: str) -> None:
    entry = replace(
        ENTRY, title="T" + title, summary="S" + summary, paragraphs=(summary + "P",), labels=(title + "L",)
    )
    for form in Form:
        content = render(FeedDocument(head=HEAD, entries=(entry,)), form, Presses())
        assert len(see(content, form).entries) == 1
        assert feedparser.parse(content).bozo is False or form is Form.JSON


def test_r02_the_check_sees_what_is_no_xml(stage: Stage) -> None:
    assert "R2" in numbers(spoil(stage, "feeds/atom.xml", b"</entry>", b""))


def test_r03_guids_are_unique_and_say_that_they_are_no_links(stage: Stage) -> None:
    items = tree_of((stage.feeds / "rss.xml").read_bytes()).findall("channel/item/guid")
    assert {one.get("isPermaLink") for one in items} == {"false"}
    assert len({one.text for one in items}) == len(items) == 30
    assert "R3" in numbers(spoil(stage, "feeds/rss.xml", b'isPermaLink="false"', b'isPermaLink="true"'))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.sampled_from(["Fibroids and Surgery", "Low Egg Reserve"]), host=st.sampled_from(["a", "b"]))
def test_r04_an_id_survives_a_new_title_a_new_address_and_a_new_host(
    tmp_path_factory: pytest.TempPathFactory, title: str, host: str
) -> None:
    stage = Stage(tmp_path_factory.mktemp("r04"))
    stage.publish(aged(1, 1), baseline=True)
    stage.build()
    moved = replace(aged(1, 1), title=title, url=f"https://{host}.example/moved.html")
    stage.head = replace(HEAD, base_url=f"https://{host}.example", home_url=f"https://{host}.example/")
    stage.publish(moved)
    stage.build()
    for form in Form:
        ids = [one.id for one in stage.document(form=form).entries]
        assert ids[-1] == "tag:blog.example,2026:post-1"
    assert see((stage.feeds / "atom.xml").read_bytes(), Form.ATOM).tree.findtext(f"{ATOM}id") == HEAD.home_url


def test_r04_the_check_sees_formats_that_disagree(stage: Stage) -> None:
    assert "R4" in numbers(spoil(stage, "feeds/feed.json", b"post-45", b"post-99"))


def test_r05_dates_of_rss_have_the_right_day_and_a_numeric_zone(stage: Stage) -> None:
    text = (stage.feeds / "rss.xml").read_text(encoding="utf-8")
    dates = re.findall(r"<(?:pubDate|lastBuildDate)>(.*?)</", text)
    assert len(dates) == 31
    for date in dates:
        assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", date)
        assert parsedate_to_datetime(date).strftime("%a") == date[:3]
    assert "R5" in numbers(spoil(stage, "feeds/rss.xml", dates[1].encode(), b"Xxx" + dates[1][3:].encode()))


def test_r05_a_wrong_day_of_the_week_is_seen(stage: Stage) -> None:
    date = re.search(rb"<pubDate>(...)", (stage.feeds / "rss.xml").read_bytes())
    assert date is not None
    wrong = b"<pubDate>Mon" if date[1] != b"Mon" else b"<pubDate>Tue"
    assert "R5" in numbers(spoil(stage, "feeds/rss.xml", date[0], wrong))


def test_r06_dates_of_atom_and_json_are_utc_without_fractions(stage: Stage) -> None:
    atom = (stage.feeds / "atom.xml").read_text(encoding="utf-8")
    feed = json.loads((stage.feeds / "feed.json").read_text(encoding="utf-8"))
    dates = re.findall(r"<(?:updated|published)>(.*?)</", atom)
    dates += [item[key] for item in feed["items"] for key in ("date_published", "date_modified")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", date) for date in dates)
    assert "R6" in numbers(spoil(stage, "feeds/atom.xml", b"Z</published>", b".5Z</published>"))


def test_r07_an_answer_dated_in_the_future_waits_for_its_day(stage: Stage) -> None:
    ahead = replace(
        aged(46, 45), published_at=stage.clock.now() + DAY, updated_at=stage.clock.now() + 2 * DAY
    )
    stage.publish(ahead)
    assert stage.build().waiting > 0
    assert "post-46" not in stage.entries()
    stage.clock.pass_by(days=1, seconds=1)
    stage.build()
    assert stage.entries()["post-46"].updated_at == stage.clock.now()
    assert "R7" in numbers(spoil(stage, "feeds/feed.json", b'published": "20', b'published": "30'))


@settings(max_examples=12, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ABCWR")), min_size=1, max_size=8))
def test_r08_published_never_changes_and_updated_only_with_the_words(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    stage = Stage(tmp_path_factory.mktemp("r08"))
    stage.archive(4)
    stage.build()
    before = stage.entries()
    for number, step in steps:
        stage.clock.pass_by(minutes=1)
        if step == "W" and f"post-{number}" in before and "withdrawn" not in before[f"post-{number}"].title:
            stage.withdraw(number)
        elif step in "ABC":
            words = f"A test of hormone {step} shows how the thyroid works."
            stage.publish(reworded(number, words, published_at=aged(number, 4).published_at))
        else:
            stage.restart()
        stage.build()
        after = stage.entries()
        for name, entry in before.items():
            new = after[name]
            assert new.published_at == entry.published_at
            same = (new.title, new.summary, new.html) == (entry.title, entry.summary, entry.html)
            assert (new.updated_at == entry.updated_at) is same
        updated = [one.updated_at for one in after.values()]
        assert len(set(updated)) == len(updated)
        before = after


def test_r09_the_same_answers_give_the_same_bytes_later_and_in_another_process(stage: Stage) -> None:
    before = stage.files()
    stage.clock.pass_by(hours=7)
    assert stage.build().written == ()
    stage.restart()
    assert stage.build().written == ()
    assert stage.files() == before
    assert "R9" in numbers(spoil(stage, "feeds/atom.xml", b"<updated>2026", b"<updated>2025"))


def test_r10_every_atom_document_keeps_the_grammar(stage: Stage) -> None:
    history(stage)
    assert "R10" not in numbers(problems(stage))
    for good, bad in (
        (b'<content type="html">', b'<content type="CDATA">'),
        (b"<published>", b"<issued>"),
        (b'rel="alternate"', b'rel="shop"'),
    ):
        fresh = (stage.feeds / "atom.xml").read_bytes()
        changed = fresh.replace(good, bad).replace(
            b"</published>", b"</issued>" if b"issued" in bad else b"</published>"
        )
        tree = see(changed, Form.ATOM)
        found = document_problems(tree, written_at=stage.clock.now() + DAY, is_live=True)
        assert "R10" in numbers(list(found))


def test_r11_links_of_atom_entries_keep_relation_and_type(stage: Stage) -> None:
    links = tree_of((stage.feeds / "atom.xml").read_bytes()).findall(f"{ATOM}entry/{ATOM}link")
    assert {(link.get("rel"), link.get("type")) for link in links} == {("alternate", "text/html")}
    assert "R11" in numbers(
        spoil(stage, "feeds/atom.xml", b' type="text/html"/>\n    <summary', b"/>\n    <summary")
    )


def test_r12_a_document_names_its_own_address(stage: Stage) -> None:
    for page in (0, 1, 2):
        for form in Form:
            assert stage.document(page, form).links["self"] == f"https://feeds.example/{path_of(page, form)}"
    assert "R12" in numbers(spoil(stage, "feeds/rss.xml", b"example/feeds/rss.xml", b"example/rss.xml"))


def test_r13_all_live_documents_name_the_hub(stage: Stage) -> None:
    assert {stage.document(form=form).links["hub"] for form in Form} == {"https://hub.example/"}
    feed = json.loads((stage.feeds / "feed.json").read_text(encoding="utf-8"))
    assert feed["hubs"] == [{"type": "WebSub", "url": "https://hub.example/"}]
    assert "R13" in numbers(spoil(stage, "feeds/rss.xml", b'rel="hub"', b'rel="via"'))


@pytest.mark.parametrize("words", [*HOSTILE, "Is 3 < 5 & 7 > 6?", "AT&#T"])
def test_r14_titles_and_bodies_survive_as_plain_text(words: str) -> None:
    entry = replace(ENTRY, title=words, summary=words, paragraphs=(words,))
    kept = re.sub("[\x00-\x08\x85\ufffe\ufdd0\U0001ffff]", "", words)
    for form in Form:
        (seen,) = see(render(FeedDocument(head=HEAD, entries=(entry,)), form, Presses()), form).entries
        assert seen.title.replace("\x85", "") == kept
        walker = Words()
        walker.feed(seen.html)
        assert "".join(walker.words).replace("\x85", "") == f"{kept}{READ_ON}"


def test_r15_the_summary_stands_before_the_body(stage: Stage) -> None:
    for item in tree_of((stage.feeds / "rss.xml").read_bytes()).findall("channel/item"):
        order = [child.tag for child in item]
        assert order.index("description") < order.index("{" + NAMESPACES["content"] + "}encoded")
    bare = replace(ENTRY, summary=NO_SUMMARY)
    (seen,) = see(render(FeedDocument(head=HEAD, entries=(bare,)), Form.RSS, Presses()), Form.RSS).entries
    assert seen.summary == NO_SUMMARY
    assert NO_SUMMARY in seen.html


def test_r16_every_address_in_a_body_is_absolute(stage: Stage) -> None:
    for form in Form:
        for entry in stage.document(form=form).entries:
            assert re.findall(r'(?:href|src)="(?!https?://)', entry.html) == []
    assert "R16" in numbers(spoil(stage, "feeds/atom.xml", b'&lt;a href="https://', b'&lt;a href="/'))


@pytest.mark.parametrize("words", HOSTILE)
def test_r17_no_markup_of_an_answer_reaches_a_reader(words: str) -> None:
    entry = replace(ENTRY, title="A title", summary=words, notice=words, paragraphs=(words, words))
    for form in Form:
        seen = see(render(FeedDocument(head=HEAD, entries=(entry,)), form, Presses()), form)
        assert set(re.findall(r"<(\w+)", seen.entries[0].html)) <= {"p", "a", "strong"}
        found = document_problems(seen, written_at=ENTRY.updated_at + DAY, is_live=True)
        assert "R17" not in numbers(list(found))


@pytest.mark.parametrize(
    "bad", [b"&lt;script&gt;", b"&lt;p onclick=x&gt;", b"&lt;iframe&gt;", b"&lt;p style=x&gt;"]
)
def test_r17_the_check_sees_what_could_run(stage: Stage, bad: bytes) -> None:
    assert "R17" in numbers(spoil(stage, "feeds/atom.xml", b"&lt;p&gt;", bad))


def test_r18_the_doctor_is_named_without_a_mailbox(stage: Stage) -> None:
    items = tree_of((stage.feeds / "rss.xml").read_bytes()).findall("channel/item")
    assert {item.findtext("{" + NAMESPACES["dc"] + "}creator") for item in items} == {"Dr. Jane Roe"}
    assert {item.find("author") for item in items} == {None}
    known = replace(aged(46, 45), author="noreply@blog.example")
    stage.publish(known)
    stage.build()
    assert b"noreply" not in (stage.feeds / "rss.xml").read_bytes()
    assert "R18" in numbers(spoil(stage, "feeds/rss.xml", b"<dc:creator>Dr. Jane Roe<", b"<dc:creator><"))


def test_r19_comments_are_counted_and_linked() -> None:
    talk = Comments(
        url="https://blog.example/a#c",
        feed_url="https://blog.example/a/c.xml",
        feed_type="application/rss+xml",
        count=3,
    )
    document = FeedDocument(head=HEAD, entries=(replace(ENTRY, comments=talk),))
    item = tree_of(render(document, Form.RSS, Presses())).find("channel/item")
    assert item.findtext("comments") == talk.url
    assert item.findtext("{" + NAMESPACES["slash"] + "}comments") == "3"
    assert item.findtext("{" + NAMESPACES["wfw"] + "}commentRss") == talk.feed_url
    seen = see(render(document, Form.ATOM, Presses()), Form.ATOM)
    replies = seen.tree.findall(f"{ATOM}entry/{ATOM}link[@rel='replies']")
    assert {link.get("{" + NAMESPACES["thr"] + "}count") for link in replies} == {"3"}
    assert seen.tree.findtext(f"{ATOM}entry/{{{NAMESPACES['thr']}}}total") == "3"
    assert list(document_problems(seen, written_at=ENTRY.updated_at + DAY, is_live=True)) == []
    assert replace(ENTRY, comments=talk).matter == ENTRY.matter


def test_r20_the_language_is_a_tag(stage: Stage) -> None:
    assert "R20" in numbers(spoil(stage, "feeds/rss.xml", b"<language>en-US<", b"<language>English!<"))
    assert tree_of((stage.feeds / "atom.xml").read_bytes()).get("{http://www.w3.org/XML/1998/namespace}lang")


def test_r21_readers_are_asked_to_come_once_an_hour(stage: Stage) -> None:
    channel = tree_of((stage.feeds / "rss.xml").read_bytes()).find("channel")
    assert channel.findtext("ttl") == "60"
    assert channel.find("skipHours") is channel.find("skipDays") is None
    assert "R21" in numbers(spoil(stage, "feeds/rss.xml", b"<ttl>60<", b"<ttl>1<"))


def test_r22_the_newest_entry_comes_first(stage: Stage) -> None:
    for form in Form:
        assert stage.document(form=form).entries[0].id.endswith("post-45")
        dates = [one.published_at for one in stage.document(form=form).entries]
        assert dates == sorted(dates, key=lambda at: at or stage.clock.now(), reverse=True)


def test_r23_the_live_documents_stay_small_whatever_is_corrected(stage: Stage) -> None:
    for number in range(1, 41):
        stage.clock.pass_by(minutes=1)
        words = f"A test of hormone number {number} shows it."
        stage.publish(reworded(number, words, published_at=aged(number, 45).published_at))
        stage.build()
    entries = stage.document().entries
    assert len(entries) == 50
    assert (stage.feeds / "rss.xml").stat().st_size < 512_000
    assert "R24" not in numbers(problems(stage))


def test_r23_whole_answers_of_any_length_leave_the_oldest_out_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SIZE_MAX_BYTES < 512_000
    # Half a megabyte of words takes the gate a minute; the rule is the same for a twentieth of it.
    monkeypatch.setattr("clinic_broadcast.feeds.publish.SIZE_MAX_BYTES", SIZE_MAX_BYTES // 20)
    stage = Stage(tmp_path, head=replace(HEAD, full=True))
    long = "\n\n".join("An underactive thyroid can raise the risk of an early loss. " * 3 for _ in range(4))
    for number in range(1, 46):
        raw = aged(number, 45)
        stage.publish(replace(raw, body=raw.body.replace("Case", f"{long}\n\nCase")), baseline=True)
    stage.build()
    entries = stage.document().entries
    assert 10 <= len(entries) < 30
    assert entries[0].id.endswith("post-45")
    largest = max((stage.folder / "public" / path_of(0, form)).stat().st_size for form in Form)
    assert largest < 512_000 // 20 + 2_000
    assert problems(stage) == []


def walk(stage: Stage, form: Form) -> dict[str, Any]:
    """Read as a new subscriber does: the live document, then back through the archive; the newest words win."""
    found: dict[str, Any] = {}
    here = stage.document(form=form)
    while True:
        for entry in here.entries:
            held = found.get(entry.id)
            if held is None or (entry.updated_at and entry.updated_at > held.updated_at):
                found[entry.id] = entry
        link = here.links.get("prev-archive")
        if not link:
            return found
        here = see((stage.folder / "public" / link.removeprefix("https://feeds.example/")).read_bytes(), form)


def test_r24_walking_back_finds_every_answer_in_every_format(stage: Stage) -> None:
    history(stage)
    known = {one.material.answer_id for one in stage.ledger.answers()}
    waiting = {slot.id for slot in stage.publisher.load().slots.values() if not slot.number}
    for form in Form:
        found = walk(stage, form)
        assert known - waiting <= set(found)
        assert len(found) == len(known - waiting) + 2
    page = stage.document(1)
    assert page.links["current"] == "https://feeds.example/feeds/atom.xml"
    assert page.links["next-archive"].endswith("archive/0002.atom.xml")
    assert stage.document(2).links["prev-archive"].endswith("archive/0001.atom.xml")
    (stage.feeds / "archive" / "0001.rss.xml").unlink()
    assert "R24" in numbers(problems(stage))


def test_r25_new_answers_rewrite_no_archive_page(stage: Stage) -> None:
    pages = {name: body for name, body in stage.files().items() if "archive/" in name}
    assert {name[:18] for name in pages} == {"feeds/archive/0001", "feeds/archive/0002"}
    for number in range(46, 90):
        stage.clock.pass_by(minutes=1)
        back_dated = stage.clock.now() - 400 * DAY if number % 9 == 0 else stage.clock.now()
        stage.publish(replace(aged(number, 45), published_at=back_dated, updated_at=back_dated))
        stage.build()
    after = stage.files()
    assert {name: after[name] for name in pages} == pages
    assert (stage.feeds / "archive" / "0004.json").exists()
    assert problems(stage) == []


def test_r26_a_corrected_old_answer_is_live_again_and_its_page_is_new(stage: Stage) -> None:
    assert "post-5" not in stage.entries()
    stage.clock.pass_by(minutes=5)
    stage.publish(reworded(5, "A test of one hormone shows it.", published_at=aged(5, 45).published_at))
    stage.build()
    assert stage.entries()["post-5"].summary.startswith("Corrected on 2 March 2026.")
    assert stage.entries(1)["post-5"] == stage.entries()["post-5"]
    stage.clock.pass_by(days=91)
    stage.build()
    assert "post-5" not in stage.entries()
    assert walk(stage, Form.ATOM)["tag:blog.example,2026:post-5"].summary.startswith("Corrected")


def test_r27_no_byte_of_withdrawn_words_is_left_anywhere(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.archive(45)
    secret = replace(aged(5, 45), title="Quinces and Fertility Tests")
    stage.publish(
        replace(secret, body=secret.body.replace("An underactive thyroid", "An unripe quince")), baseline=True
    )
    stage.build()
    holding = [name for name, body in stage.files().items() if b"uince" in body]
    assert len([name for name in holding if "archive/0001" in name]) == 12
    stage.clock.pass_by(minutes=5)
    stage.publish(replace(secret, title="Quinces and Fertility, Tests"))
    stage.build()
    stage.withdraw(5)
    stage.clock.pass_by(minutes=5)
    stage.build()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            body = unpacked(path.name, path.read_bytes())
            assert b"uince" not in body, path
    kept = stage.publisher.presses.kept.values()
    assert all(b"uince" not in one for made in kept for one in made.values())
    assert "quince" not in repr(stage.publisher.press.entries if stage.publisher.press else "")
    assert problems(stage) == []


def test_r27_the_check_sees_a_copy_with_other_words(stage: Stage) -> None:
    (stage.feeds / "rss.xml.gz").write_bytes(gzip.compress(b"fifty"))
    (stage.feeds / "gone.xml.br").write_bytes(b"old")
    found = problems(stage)
    assert "R27: rss.xml.gz is not a copy of the document" in found
    for suffix, bad in ((".br", b"half"), (".zst", b""), (".gz", b"\x1f\x8b")):
        (stage.feeds / f"rss.xml{suffix}").write_bytes(bad)
        assert f"R27: rss.xml{suffix} is not a copy of the document" in problems(stage)
    assert "R27: gone.xml.br is a copy of a document that is gone" in found


def test_r27_a_copy_that_another_version_packed_is_a_copy(stage: Stage) -> None:
    for place in (stage.feeds / "rss.xml", stage.feeds / "archive" / "0001.json"):
        content = place.read_bytes()
        place.with_name(f"{place.name}.zst").write_bytes(zstandard.ZstdCompressor(level=19).compress(content))
        place.with_name(f"{place.name}.br").write_bytes(brotli.compress(content, quality=11))
        place.with_name(f"{place.name}.gz").write_bytes(gzip.compress(content, compresslevel=1, mtime=7))
    assert problems(stage) == []


def test_r28_every_correction_and_withdrawal_has_a_notice_with_words_of_its_own(stage: Stage) -> None:
    published_at = aged(5, 45).published_at
    for words in ("A test of one hormone shows it.", "A test of two hormones shows it."):
        stage.clock.pass_by(minutes=5)
        stage.publish(reworded(5, words, published_at=published_at))
        stage.build()
    stage.withdraw(7)
    stage.build()
    notices = {
        name: one for name, one in stage.entries().items() if "-correction-" in name or "-withdrawal-" in name
    }
    assert set(notices) == {"post-5-correction-1", "post-5-correction-2", "post-7-withdrawal-1"}
    assert len({one.summary for one in notices.values()}) == 3
    assert {one.url for one in notices.values()} == {aged(5, 45).url, aged(7, 45).url}
    corrections = see((stage.feeds / "corrections.atom.xml").read_bytes(), Form.ATOM).entries
    assert [one.id for one in corrections] == [one.id for one in notices.values()]


def test_r28_no_withdrawn_answer_is_recommended_by_its_link(stage: Stage) -> None:
    history(stage)
    for form in Form:
        entries = stage.entries(form=form)
        for name in ("post-7", "post-7-withdrawal-1"):
            assert READ_ON not in entries[name].html
            assert f"{PAGE_ONLY}</a>" in entries[name].html
        for name in ("post-5", "post-5-correction-1", "post-45"):
            assert f"{READ_ON}</a>" in entries[name].html


def test_r29_a_tombstone_says_which_and_when_and_no_word_more(stage: Stage) -> None:
    history(stage)
    tree = tree_of((stage.feeds / "withdrawn.atom.xml").read_bytes())
    (stone,) = tree.findall("{" + NAMESPACES["at"] + "}deleted-entry")
    assert stone.get("ref") == "tag:blog.example,2026:post-7"
    assert stone.get("when") == f"{stage.entries()['post-7'].updated_at:%Y-%m-%dT%H:%M:%SZ}"
    assert "R29" in numbers(spoil(stage, "feeds/withdrawn.atom.xml", b" when=", b" at="))


def test_r30_json_feeds_keep_the_schema_of_version_1_1(stage: Stage) -> None:
    history(stage)
    validator = Draft202012Validator(JSON_SCHEMA, format_checker=FormatChecker())
    for page in (0, 1, 2):
        feed = json.loads((stage.folder / "public" / path_of(page, Form.JSON)).read_text(encoding="utf-8"))
        assert list(validator.iter_errors(feed)) == []
    assert feed["next_url"].endswith("archive/0001.json")
    assert "R30" in numbers(spoil(stage, "feeds/feed.json", b"version/1.1", b"version/2"))


def test_r37_people_and_programs_find_the_feeds(stage: Stage) -> None:
    page = (stage.feeds / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'<link rel="alternate" type="([^"]+)" title="[^"]+" href="([^"]+)">', page)
    assert links == [
        ("application/rss+xml", "https://feeds.example/feeds/rss.xml"),
        ("application/atom+xml", "https://feeds.example/feeds/atom.xml"),
        ("application/feed+json", "https://feeds.example/feeds/feed.json"),
    ]
    outline = tree_of((stage.feeds / "feeds.opml").read_bytes()).find("body/outline")
    assert outline.get("xmlUrl") == "https://feeds.example/feeds/rss.xml"
    assert (outline.get("type"), outline.get("htmlUrl")) == ("rss", "https://blog.example/")
    assert "R37" in numbers(spoil(stage, "feeds/index.html", b"feed.json", b"feed.js", 99))


def test_r38_browsers_find_the_style_sheet_from_every_document(stage: Stage) -> None:
    for page in (0, 1):
        for form in (Form.RSS, Form.ATOM):
            place = stage.folder / "public" / path_of(page, form)
            found = re.search(rb'<\?xml-stylesheet type="text/css" href="([^"]+)"\?>', place.read_bytes())
            assert found is not None
            assert (place.parent / found[1].decode()).resolve() == (stage.feeds / "feed.css").resolve()
    assert "R38" in numbers(spoil(stage, "feeds/rss.xml", b"text/css", b"text/xsl"))


def test_r39_a_notice_does_not_share_its_second_with_its_answer(stage: Stage) -> None:
    history(stage)
    for page in (0, 1, 2):
        updated = [one.updated_at for one in stage.document(page).entries]
        assert len(set(updated)) == len(updated)
    twin = re.findall(rb"<updated>([^<]+)</updated>", (stage.feeds / "atom.xml").read_bytes())
    assert "R39" in numbers(spoil(stage, "feeds/atom.xml", twin[2], twin[1]))


def test_r40_readers_see_no_torn_document_while_it_is_rebuilt(stage: Stage) -> None:
    stop, torn = threading.Event(), list[str]()

    def read() -> None:
        while not stop.is_set():
            for form in Form:
                try:
                    see((stage.folder / "public" / path_of(0, form)).read_bytes(), form)
                except ValueError as error:
                    torn.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(46, 60):
        stage.clock.pass_by(minutes=1)
        stage.publish(replace(aged(number, 45), published_at=stage.clock.now()))
        stage.build()
    stop.set()
    reader.join()
    assert torn == []
    (stage.feeds / ".rss.xml.x.part").write_bytes(b"half")
    assert "R40" in numbers(problems(stage))


class Words(HTMLParser):
    """Gathers the text of a body."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


ENTRY = FeedEntry(
    id=AnswerId("tag:blog.example,2026:post-1"),
    url="https://blog.example/1.html",
    title="A title",
    summary="A sentence of the answer.",
    published_at=START_AT,
    updated_at=START_AT,
    author="Dr. Jane Roe",
)
URL = {"type": "string", "format": "uri", "pattern": "^https?://"}
DATE = {"type": "string", "format": "date-time", "pattern": "Z$"}
AUTHORS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1}},
    },
}
JSON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["version", "title", "home_page_url", "feed_url", "items"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string", "minLength": 1},
        "home_page_url": URL,
        "feed_url": URL,
        "next_url": URL,
        "description": {"type": "string"},
        "language": {"type": "string"},
        "authors": AUTHORS,
        "hubs": {
            "type": "array",
            "items": {"type": "object", "required": ["type", "url"], "properties": {"url": URL}},
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "url", "title", "content_html", "date_published", "date_modified"],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "url": URL,
                    "title": {"type": "string", "minLength": 1},
                    "summary": {"type": "string", "minLength": 1},
                    "content_html": {"type": "string", "minLength": 1},
                    "date_published": DATE,
                    "date_modified": DATE,
                    "authors": AUTHORS,
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
"""Our own reading of JSON Feed 1.1, stricter where we always write a field."""

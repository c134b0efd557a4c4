"""Each fault of feedgen 1.0.0 in ADR 0007 is gone with our workaround, and there again without it.

A fault that is mended upstream makes its test fail: then the workaround can go.
"""

# ruff: noqa: SLF001  # What is put aside has no public name.
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest
from lxml import etree

from clinic_broadcast.core.answer import Comments
from clinic_broadcast.core.feed import FeedDocument, FeedEntry
from clinic_broadcast.feeds import shell
from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.render import Presses, render
from feed_stages import HEAD

# isort: split
import feedgen.entry
import feedgen.feed
import feedgen.util
from feedgen.ext.dc import DcEntryExtension

AT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
ENTRY = FeedEntry(
    id="tag:blog.example,2026:post-2",
    url="https://blog.example/2.html",
    title="A title",
    summary="A sentence of the answer.",
    published_at=AT,
    updated_at=AT,
    author="Dr. Jane Roe",
    comments=Comments(url="https://blog.example/2.html#comments", count=3),
)
OLDER = replace(ENTRY, id="tag:blog.example,2026:post-1", url="https://blog.example/1.html", comments=None)
LIVE = FeedDocument(head=HEAD, entries=(ENTRY, OLDER), older=1)

RACE = """
import os, sys, threading
import lxml.etree, feedgen.util
from clinic_broadcast.feeds import shell
from clinic_broadcast.feeds.places import Form
if sys.argv[1] == "without":
    shell.feedgen.entry.formatRFC2822 = shell.feedgen.feed.formatRFC2822 = feedgen.util.formatRFC2822
sys.path.insert(0, sys.argv[2])
from unit.test_feedgen_faults import ENTRY
with open(sys.argv[3], "w", encoding="utf-8") as file:
    file.write("\u00fc" * 200)
sys.setswitchinterval(1e-5)  # Threads take turns in the middle of a date as well, on a quiet machine too.
bad = 0
def feed():
    # One torn read tells enough; where none is to be expected, two hundred rounds do.
    for _ in range(200 if sys.argv[1] == "with" else 8000):
        if bad:
            return
        shell.entry_element(ENTRY, Form.RSS)
feeders = [threading.Thread(target=feed) for _ in range(2)]
for one in feeders: one.start()
while any(one.is_alive() for one in feeders):
    try:
        with open(sys.argv[3]) as file: file.read()
    except UnicodeDecodeError:
        bad += 1
print(bad)
"""


def _torn_reads(tmp_path: Path, how: str) -> int:
    """Give how many reads of a UTF-8 file failed in one thread while two others made entries of a feed."""
    code = [
        sys.executable,
        "-X",
        "utf8=0",
        "-c",
        RACE,
        how,
        str(Path(__file__).parents[1]),
        str(tmp_path / "f"),
    ]
    done = subprocess.run(
        code,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"},
    )
    return int(done.stdout)


def test_d1_reads_in_other_threads_fail_only_without_our_dates(tmp_path: Path) -> None:
    assert _torn_reads(tmp_path, "with") == 0
    assert _torn_reads(tmp_path, "without") > 0


def _tree(form: Form, document: FeedDocument = LIVE) -> Any:
    return etree.fromstring(render(document, form, Presses()))


class _Early(feedgen.feed.FeedGenerator):  # type: ignore[misc]  # feedgen has no types
    """A feed whose link to the site is not the last one."""

    def link(self, link: Any = None, replace: bool = False, **of: str) -> Any:  # noqa: FBT002
        if of.get("rel") == "alternate":
            return None
        super().link(href=HEAD.home_url, rel="alternate")
        return super().link(link, replace, **of)


class _Mute(shell._Entry):
    """An entry without a summary."""

    summary = description = lambda *_, **__: None


@dataclass(frozen=True)
class Fault:
    """What has to be put aside of ours, by its place and what comes instead, and what is then wrong."""

    place: object
    name: str
    instead: object
    is_there: Callable[[], bool]


def _refused(text: str) -> bool:
    try:
        shell.entry_element(replace(ENTRY, title=text), Form.RSS)
    except ValueError:
        return True
    return False


def _nothing(*_: object, **__: object) -> None:
    return None


def _as_it_is(tree: Any) -> Any:
    return tree


def _last(_self: object, tree: Any) -> Any:
    return tree


ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
ARCHIVE = "{http://purl.org/syndication/history/1.0}archive"
FAULTS: dict[str, Fault] = {
    "d2 links of entries lose their relation": Fault(
        shell, "_Entry", feedgen.entry.FeedEntry,
        lambda: _tree(Form.ATOM).find(f"{ATOM}entry/{ATOM}link").get("rel") is None,
    ),
    "d3 the hub is not in RSS": Fault(
        shell._Head, "extend_rss", _last, lambda: _tree(Form.RSS).find(f"channel/{ATOM}link[@rel='hub']") is None
    ),
    "d4 the channel's link is the last one": Fault(
        feedgen.feed, "FeedGenerator", _Early,
        lambda: _tree(Form.RSS).findtext("channel/link") != HEAD.home_url,
    ),
    "d5 there are no replies": Fault(
        shell._Talk, "extend_atom", _last,
        lambda: _tree(Form.ATOM).find(f"{ATOM}entry/{ATOM}link[@rel='replies']") is None,
    ),
    "d6 a feed is as old as its building": Fault(
        feedgen.feed.FeedGenerator, "updated", _nothing,
        lambda: shell.shell_of(LIVE, Form.RSS, updated_at=AT).findtext("channel/lastBuildDate")
        != "Mon, 02 Mar 2026 17:00:00 +0000",
    ),
    "d7 dates do not end in Z": Fault(
        shell, "in_utc", _as_it_is, lambda: b"+00:00" in render(LIVE, Form.ATOM, Presses())
    ),
    "d8 a control character is refused": Fault(shell, "clean", str, lambda: _refused("a \x07 title")),
    "d8 half a character is refused": Fault(shell, "clean", str, lambda: _refused("a \ud800 title")),
    "d9 an author without mail is dropped": Fault(
        DcEntryExtension, "dc_creator", _nothing,
        lambda: "author" not in feedparser.parse(render(LIVE, Form.RSS, Presses())).entries[0],
    ),
    "d11 a body without summary is no body": Fault(
        shell, "_Entry", _Mute, lambda: _tree(Form.RSS).find(f"channel/item/{CONTENT}") is None
    ),
    "d14 an archive page does not say so": Fault(
        shell._Head, "_marked", lambda _self, _parent, feed: feed,
        lambda: _tree(Form.RSS, replace(LIVE, page=1, older=0)).find(f"channel/{ARCHIVE}") is None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_gone_with_its_workaround_and_there_without(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    assert not fault.is_there()
    monkeypatch.setattr(fault.place, fault.name, fault.instead)
    assert fault.is_there()


def test_d10_feedgens_own_way_turns_the_order_round_and_ours_does_not() -> None:
    feed = feedgen.feed.FeedGenerator()
    for number in (2, 1):
        feed.add_entry().id(str(number))
    assert [one.id() for one in feed.entry()] == ["1", "2"]
    assert [one.findtext("guid") for one in _tree(Form.RSS).findall("channel/item")] == [ENTRY.id, OLDER.id]


def test_d12_of_cdata_feedgen_makes_a_type_that_atom_does_not_know() -> None:
    made = feedgen.entry.FeedEntry()
    made.id("1")
    made.title("A title")
    made.content("<p>words</p>", type="CDATA")
    assert made.atom_entry().find("content").get("type") == "CDATA"
    assert {one.get("type") for one in _tree(Form.ATOM).iter(f"{ATOM}content")} == {"html"}

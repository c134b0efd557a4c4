"""Validators of others on every document that a blog with corrections, withdrawals and comments gets."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import feedparser
import pytest

from clinic_broadcast.core.answer import Comments
from feed_stages import HEAD, Stage, aged, reworded

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(180)]

GRAMMAR = files("clinic_broadcast.feeds")
WRONG = (
    (b'<content type="html">', b'<content type="CDATA">'),
    (b'rel="replies"', b'rel="shop"'),
    (b"Z</updated>", b"+00:00</updated>"),
    (b"<id>tag:", b"<id>"),
    (b"<name>", b"<nick>"),
)


@pytest.fixture(scope="module", params=[False, True], ids=["summaries", "full"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Give the feeds of a blog of 45 answers with hostile words, comments, a correction and a withdrawal."""
    made = Stage(tmp_path_factory.mktemp("validators"), head=replace(HEAD, full=request.param))
    made.archive(45)
    raw = aged(45, 45)
    made.publish(
        replace(
            raw,
            title="Fibroids & Surgery: Is 3 < 5 cm?",
            labels=("Thyroid", "<b>", "\x07"),
            comments=Comments(
                url=f"{raw.url}#comments",
                feed_url="https://blog.example/feeds/45/comments/default",
                feed_type="application/atom+xml",
                count=3,
            ),
        )
    )
    made.build()
    made.clock.pass_by(minutes=5)
    made.publish(reworded(44, "A test of one hormone shows it.", published_at=aged(44, 45).published_at))
    made.withdraw(7)
    made.build()
    return made


def atoms(stage: Stage) -> list[Path]:
    found = sorted(stage.feeds.rglob("*atom.xml"))
    assert {"atom.xml", "0001.atom.xml", "0002.atom.xml", "corrections.atom.xml", "withdrawn.atom.xml"} == {
        one.name for one in found
    }
    return found


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    assert shutil.which(str(command[0])), f"the heavy tests need {command[0]} (see .ci/run)"
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_r10_jing_and_xmllint_find_nothing_in_any_atom_document(stage: Stage) -> None:
    documents = atoms(stage)
    assert b'rel="replies"' in (stage.feeds / "atom.xml").read_bytes()
    for command in (
        ("jing", "-c", str(GRAMMAR / "atom.rnc")),
        ("jing", str(GRAMMAR / "atom.rng")),
        ("xmllint", "--noout", "--nonet", "--relaxng", str(GRAMMAR / "atom.rng")),
    ):
        told = run(*command, *documents)
        assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize(("good", "bad"), WRONG)
def test_r10_both_see_what_is_wrong(stage: Stage, tmp_path: Path, good: bytes, bad: bytes) -> None:
    content = (stage.feeds / "atom.xml").read_bytes()
    assert good in content
    close = content.replace(good, bad).replace(b"</name>", b"</nick>" if b"nick" in bad else b"</name>")
    (tmp_path / "atom.xml").write_bytes(close)
    assert run("jing", "-c", str(GRAMMAR / "atom.rnc"), tmp_path / "atom.xml").returncode == 1
    relaxed = run(
        "xmllint", "--noout", "--nonet", "--relaxng", str(GRAMMAR / "atom.rng"), tmp_path / "atom.xml"
    )
    assert relaxed.returncode == 3


def test_r02_xmllint_and_feedparser_read_every_document(stage: Stage) -> None:
    documents = [*stage.feeds.rglob("*.xml"), stage.feeds / "feeds.opml"]
    assert len(documents) == 9
    told = run("xmllint", "--noout", "--nonet", *documents)
    assert (told.returncode, told.stderr) == (0, "")
    for one in documents:
        if one.suffix == ".xml":
            parsed = feedparser.parse(one.read_bytes())
            assert parsed.bozo is False, (one.name, parsed.get("bozo_exception"))
            assert parsed.version in ("rss20", "atom10")


def test_r19_a_parser_of_others_reads_the_comments(stage: Stage) -> None:
    for name in ("rss.xml", "atom.xml"):
        parsed = feedparser.parse((stage.feeds / name).read_bytes())
        (entry,) = (one for one in parsed.entries if one.id.endswith(":post-45"))
        url = f"{aged(45, 45).url}#comments"
        if name == "rss.xml":
            assert (entry.comments, entry.slash_comments) == (url, "3")
            assert entry.wfw_commentrss == "https://blog.example/feeds/45/comments/default"
        else:
            replies = [one for one in entry.links if one.rel == "replies"]
            assert [one["thr:count"] for one in replies] == ["3", "3"]
            assert replies[-1].href == url
            assert entry.thr_total == "3"


def test_r37_a_reader_of_lists_takes_the_outline(stage: Stage) -> None:
    import listparser  # Of the packages that only the heavy suites have.

    found = listparser.parse((stage.feeds / "feeds.opml").read_text(encoding="utf-8"))
    assert not found.bozo
    assert [one.url for one in found.feeds] == ["https://feeds.example/feeds/rss.xml"]

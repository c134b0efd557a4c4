"""Comments in the feeds: where they stand and how many, from the source to every reader, and never a word of one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import AnswerId, Comments, RawAnswer
from clinic_broadcast.core.feed import comments_of
from clinic_broadcast.feeds.check import check_feeds
from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.reading import ATOM
from clinic_broadcast.feeds.shell import NAMESPACES
from clinic_broadcast.run.intake import poll
from fakes import START_AT
from feed_stages import Stage, aged, reworded

COUNT = "{" + NAMESPACES["thr"] + "}count"


def commented(number: int, count: int | None, *, of: int = 45) -> RawAnswer:
    raw = aged(number, of)
    return replace(
        raw,
        comments=Comments(
            url=f"{raw.url}#comment-form",
            feed_url=f"https://blog.example/feeds/{number}/comments/default",
            feed_type="application/atom+xml",
            count=count,
        ),
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Give a blog of 45 answers, comments under two of them, of which the feed is built."""
    made = Stage(tmp_path)
    made.archive(45)
    made.publish(commented(45, 3), commented(5, 2))
    made.build()
    return made


def counts(stage: Stage, number: int) -> tuple[str | None, set[str | None]]:
    """Give the number of comments as RSS says it, and as the links of Atom do."""
    item = next(
        one
        for one in stage.document(form=Form.RSS).tree.iter("item")
        if one.findtext("guid").endswith(f"post-{number}")
    )
    entry = next(
        one
        for one in stage.document().tree.iter(f"{ATOM}entry")
        if one.findtext(f"{ATOM}id").endswith(f"post-{number}")
    )
    replies = {one.get(COUNT) for one in entry.findall(f"{ATOM}link") if one.get("rel") == "replies"}
    return item.findtext("{" + NAMESPACES["slash"] + "}comments"), replies


def test_a_reader_is_told_where_the_comments_stand_and_how_many(stage: Stage) -> None:
    assert counts(stage, 45) == ("3", {"3"})
    item = next(stage.document(form=Form.RSS).tree.iter("item"))
    assert item.findtext("comments") == f"{aged(45, 45).url}#comment-form"
    assert (
        item.findtext("{" + NAMESPACES["wfw"] + "}commentRss")
        == "https://blog.example/feeds/45/comments/default"
    )
    assert [one for seen in check_feeds(stage.folder / "public") for one in seen.problems] == []


def test_one_more_comment_is_no_change_of_the_answer(stage: Stage) -> None:
    before = stage.entries()["post-45"]
    known = stage.ledger.answer(AnswerId("tag:blog.example,2026:post-45"))
    assert known is not None
    stage.clock.pass_by(minutes=5)
    stage.source.answers = [
        commented(45, 4) if one.id.endswith("-45") else one for one in stage.source.answers
    ]
    assert poll(stage.desk).changed == 0
    after = stage.ledger.answer(known.material.answer_id)
    assert after is not None
    assert (after.material, after.updated_at, after.standing) == (
        known.material,
        known.updated_at,
        known.standing,
    )
    stage.build()
    assert counts(stage, 45) == ("4", {"4"})
    assert stage.entries()["post-45"] == before
    assert stage.document().updated_at == max(
        one.updated_at for one in stage.document().entries if one.updated_at
    )
    assert not any("correction" in name for name in stage.entries())


def test_no_comment_rewrites_a_page_of_the_archive(stage: Stage) -> None:
    pages = {name: body for name, body in stage.files().items() if "archive/" in name}
    links = [
        one
        for one in stage.document(1).tree.iter(f"{ATOM}link")
        if one.get("rel") == "replies" and "post" not in one.get("href")
    ]
    assert links
    assert {one.get(COUNT) for one in links} == {None}
    stage.clock.pass_by(minutes=5)
    stage.publish(commented(5, 9))
    built = stage.build()
    assert {name: body for name, body in stage.files().items() if "archive/" in name} == pages
    assert built.written == ()


def test_an_answer_taken_back_or_held_leads_to_no_comments(stage: Stage) -> None:
    stage.withdraw(45)
    stage.build()
    assert counts(stage, 45) == (None, set())


def test_a_correction_keeps_the_comments(stage: Stage) -> None:
    stage.clock.pass_by(minutes=5)
    raw = reworded(45, "A test of one hormone shows it.", published_at=aged(45, 45).published_at)
    stage.publish(replace(raw, comments=commented(45, 3).comments))
    stage.build()
    assert counts(stage, 45) == ("3", {"3"})


def test_a_place_without_a_number_is_linked_without_one(stage: Stage) -> None:
    stage.publish(commented(45, None))
    stage.build()
    assert counts(stage, 45) == (None, {None})
    assert [one for seen in check_feeds(stage.folder / "public") for one in seen.problems] == []


def test_a_json_feed_stays_as_its_standard_has_it(stage: Stage) -> None:
    item = json.loads((stage.feeds / "feed.json").read_text(encoding="utf-8"))["items"][0]
    assert not any("comment" in key for key in item)


@pytest.mark.parametrize(
    ("url", "stands"),
    [
        ("{own}#comments", True),
        ("{own}/feed/", True),
        ("https://blog.example/feeds/1234567890123456789/comments/default", True),
        ("{own}#wilma-smith-of-oslo", False),
        ("https://blog.example/for-wilma-smith/feed/", False),
        ("https://blog.example/feeds/1/comments/default?q=wilma+smith", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_an_address_of_comments_says_no_more_than_the_answers_own(
    tmp_path: Path, url: str, stands: bool
) -> None:
    stage = Stage(tmp_path)
    raw = aged(1, 1)
    stage.publish(replace(raw, comments=Comments(url=url.format(own=raw.url), count=1)), baseline=True)
    known = stage.ledger.answer(raw.id)
    assert known is not None
    assert (comments_of(known, gate=stage.desk.gate) is not None) is stands
    assert known.published_at < START_AT

"""Whole answers in the feed: the greeting and the letter stay out, in every format, page and copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.feeds.check import check_feeds
from clinic_broadcast.feeds.places import Form
from feed_stages import HEAD, Stage, aged

LETTER = ("Oslo", "lost two pregnancies", "Should I test", "Hello Dr. Roe")
GREETING = ("Hello Ingrid", "Ingrid", "Norway")
SIGNATURE = ("Jane Roe, M.D.",)


SECOND = "Polyps are usually removed first, and small fibroids on the outer wall are often left alone."


def whole(number: int) -> RawAnswer:
    """Give an answer of two paragraphs, of which a summary shows the first."""
    raw = aged(number, 25)
    return replace(raw, body=raw.body.replace(f" Case {number} needs nothing else.", f"\n\n{SECOND}"))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path, head=replace(HEAD, full=True))
    made.publish(*map(whole, range(1, 26)), baseline=True)
    made.build()
    return made


@pytest.mark.parametrize("form", list(Form))
def test_a_whole_answer_is_there_without_greeting_letter_and_signature(stage: Stage, form: Form) -> None:
    for page in (0, 1):
        entries = stage.document(page, form).entries
        assert len(entries) >= 20
        for entry in entries:
            assert "An underactive thyroid can raise the risk of an early loss." in entry.html
            assert SECOND in entry.html
            for words in (*LETTER, *GREETING, *SIGNATURE):
                assert words not in entry.html
                assert words not in entry.summary
                assert words not in entry.title


def test_no_file_that_can_be_fetched_has_a_word_of_letter_or_greeting(stage: Stage) -> None:
    files = stage.files()
    assert {".br", ".zst", ".gz"} <= {Path(name).suffix for name in files}
    for name, body in files.items():
        for words in (*LETTER, *GREETING):
            assert words.encode() not in body, name
    assert [one for seen in check_feeds(stage.folder / "public") for one in seen.problems] == []


def test_an_answer_whose_greeting_cannot_be_told_apart_shows_none_of_its_body(stage: Stage) -> None:
    raw = whole(25)
    body = raw.body.replace("Hello Ingrid from Norway,\n\n", "Ingrid, from Norway as you are, ")
    stage.clock.pass_by(minutes=5)
    assert body != raw.body
    stage.publish(replace(raw, body=body))
    stage.build()
    assert all(b"Ingrid" not in content and b"Norway" not in content for content in stage.files().values())

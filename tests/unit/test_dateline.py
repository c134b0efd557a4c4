"""Which lines are a blog's dateline, and that such a line is never a title."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.dateline import is_dateline
from clinic_broadcast.core.zone_signs import is_byline
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.sources.files import read_file

DATELINES = (
    "Tuesday, March 4, 2014",
    "TUESDAY, MARCH 04, 2014",
    "Tue, 4 Mar 2014 09:12:00 GMT",
    "4 March 2014",
    "March 4th, 2014 at 9:15 am PST",
    "March 2014",
    "Mar 4",
    "2014-03-04",
    "2014-03-04T09:12:00-08:00",
    "03/04/2014",
    "4-Mar-2014",
    "10:14 AM",
    "*Tuesday, March 4, 2014*",
    "Date: March 4, 2014",
    "Updated on March 4, 2014",
)
WORDS = (
    "",
    "May",
    "7.50",
    "2014",
    "28",
    "March of the embryos",
    "March 4 was the day of my transfer",
    "On the second day",
    "Day 3 or day 5 transfer?",
    "Sun and sperm",
    "1/2 tablet",
    "Factor V Leiden",
    "- 10 mg",
)


@pytest.mark.parametrize("line", DATELINES)
def test_a_date_and_nothing_else_is_a_dateline(line: str) -> None:
    assert is_dateline(line)


@pytest.mark.parametrize("line", WORDS)
def test_other_words_and_numbers_are_no_dateline(line: str) -> None:
    assert not is_dateline(line)


@pytest.mark.parametrize("header", [*DATELINES, "Posted by Jane Roe at 10:14 AM", "Posted on March 4, 2014"])
def test_a_dateline_or_byline_above_a_text_is_not_its_title(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{header}\n\nPolyps\n\nHello Ann from Malta,\n\nPolyps are common.\n", encoding="utf-8")
    raw = read_file(path)
    assert (raw.title, raw.body) == ("Polyps", f"{header}\n\nHello Ann from Malta,\n\nPolyps are common.")


@pytest.mark.parametrize("header", ["Tuesday, March 4, 2014", "Posted by Jane Roe at 10:14 AM"])
def test_a_source_that_titles_a_post_by_its_date_gives_it_no_title(header: str) -> None:
    raw = RawAnswer(
        id=AnswerId("a"),
        url="https://blog.example/a",
        title=header,
        body="Hello Ann from Malta,\n\nPolyps are common.\n\nJane Roe, M.D.",
        published_at=datetime(2014, 3, 4, tzinfo=UTC),
        updated_at=datetime(2014, 3, 4, tzinfo=UTC),
    )
    zones = read_answer(raw, ["Dr. Jane Roe"]).zones
    assert (zones.title, zones.answer) == ("", "Polyps are common.")


def test_a_sentence_about_what_was_published_is_no_byline() -> None:
    assert is_byline("Posted by Jane Roe at 10:14 AM")
    assert is_byline("Published on March 4, 2014 by Jane Roe")
    assert not is_byline("Published in 2010, the largest study found no difference.")

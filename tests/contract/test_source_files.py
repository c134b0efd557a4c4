"""A folder of answer files: what files say of themselves, and which of them are refused."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.intake import WAITS
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Batch, Marks
from clinic_broadcast.sources.files import FILE_MAX, NotPublic
from clinic_broadcast.sources.folder import FolderSource, read_file


def poll(folder: Path, marks: Marks | None = None) -> Batch:
    return FolderSource(folder).poll(marks, is_known=lambda _: False)


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_first_line_of_a_text_is_its_title(tmp_path: Path) -> None:
    answer = read_file(
        write(tmp_path, "a.txt", "\n  A   title \r\n\r\nHello Ann,\r\nyes.\r\n"), url="https://x.example/a"
    )
    assert (answer.title, answer.body) == ("A title", "Hello Ann,\nyes.")
    assert (answer.id, answer.url) == ("file:a.txt", "https://x.example/a")


@pytest.mark.parametrize("first", ["Hello Dr. Roe,", "Question: is it safe?", "x" * 400])
def test_a_letter_pasted_without_title_lends_it_no_line(tmp_path: Path, first: str) -> None:
    answer = read_file(write(tmp_path, "a.txt", f"{first}\nIs it safe?"))
    assert (answer.title, answer.body) == ("", f"{first}\nIs it safe?")


def test_front_matter_stays_strings(tmp_path: Path) -> None:
    text = (
        "---\ntitle: NO\ndate: 2026-02-03T22:30:00-08:00\nlastmod: 2026-02-04\ndraft: 'no'\ntags: [1.10, yes]\n"
        "id: 0123\nsource_url: https://x.example/a\n---\nHello *Ann*, see [this](/b).\n"
    )
    answer = read_file(write(tmp_path, "a.md", text))
    assert (answer.title, answer.id, answer.labels) == ("NO", "0123", ("1.10", "yes"))
    assert answer.published_at == datetime(2026, 2, 4, 6, 30, tzinfo=UTC)
    assert answer.updated_at == datetime(2026, 2, 4, tzinfo=UTC)
    assert [link.url for link in answer.links] == ["https://x.example/b"]
    assert answer.body == "Hello Ann, see this."


def test_the_id_is_the_name_when_the_file_gives_none_and_editing_keeps_it(tmp_path: Path) -> None:
    write(tmp_path, "2020/a.txt", "One\n\nText")
    first = poll(tmp_path).answers[0]
    write(tmp_path, "2020/a.txt", "Another\n\nOther text")
    assert poll(tmp_path).answers[0].id == first.id == "file:2020/a.txt"


def test_a_file_without_date_has_that_of_its_last_change(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "One\n\nText")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    assert read_file(path).published_at == datetime.fromtimestamp(1_600_000_000, UTC)


@pytest.mark.parametrize(
    "keys",
    [
        "draft: true",
        "draft: Yes",
        "published: false",
        "status: private",
        "expiryDate: 2001-01-01",
        "date: 2999-01-01",
        "publishDate: 2999-01-01",
    ],
)
def test_what_is_not_public_is_left_out(tmp_path: Path, keys: str) -> None:
    path = write(tmp_path, "a.md", f"---\ntitle: t\n{keys}\n---\nsecret")
    with pytest.raises(NotPublic):
        read_file(path)
    batch = poll(tmp_path)
    assert (batch.answers, batch.faults) == ((), ())
    assert poll(tmp_path, batch.marks).unchanged == ("2999" not in keys)


def test_a_file_dated_in_the_future_is_named_with_its_date(tmp_path: Path) -> None:
    write(tmp_path, "later.md", "---\ntitle: t\ndate: 2999-01-02T03:04:00Z\n---\nsecret")
    write(tmp_path, "good.txt", "Good\n\nText")
    batch = poll(tmp_path)
    (told,) = batch.waiting
    assert told.startswith("later.md is dated 2999-01-02 03:04 UTC")
    assert "secret" not in told
    assert batch.marks.state == WAITS + told
    again = poll(tmp_path, batch.marks)
    assert (again.unchanged, again.waiting) == (False, batch.waiting)
    (tmp_path / "later.md").unlink()
    assert poll(tmp_path, batch.marks).waiting == ()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"T\n\nsecret \xff\xfe", "UTF-8 at byte 10"),
        ("a.md", "---\ntitle: a: secret\n---\nx", "line 2"),
        ("a.md", "---\n- secret\n---\nx", "not YAML"),
        ("a.md", "---\ntitle: t\ndraft: secret\n---\nx", "draft"),
        ("a.md", "---\ntitle: t\ndate: secret\n---\nx", "date"),
        ("a.html", b"<meta charset=utf-16><p>secret\xff", "encoding"),
        ("a.html", "", "no HTML"),
        ("a.html", "<article>secret</article><article>two</article>", "more than one"),
        ("a.txt", b"x" * (FILE_MAX + 1), "bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_and_the_others_count(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    write(tmp_path, name, content)
    write(tmp_path, "good.txt", "Good\n\nText")
    batch = poll(tmp_path)
    assert [answer.title for answer in batch.answers] == ["Good"]
    assert len(batch.faults) == 1
    assert said in batch.faults[0]
    assert name in batch.faults[0]
    assert "secret" not in batch.faults[0]
    assert not poll(tmp_path, batch.marks).unchanged


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside.txt", "Secret\n\nText")
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / "a.txt").symlink_to(outside)
    (folder / "b.txt").symlink_to(tmp_path / "nowhere")
    batch = poll(folder)
    assert batch.answers == ()
    assert [fault.split(" ")[0] for fault in batch.faults] == ["a.txt", "b.txt"]


def test_other_files_are_left_alone_and_one_id_counts_once(tmp_path: Path) -> None:
    for name in ("_draft.md", ".hidden.txt", "notes.docx", "_private/a.txt"):
        write(tmp_path, name, "Secret\n\nText")
    for name in ("a.md", "b.md"):
        write(tmp_path, name, "---\ntitle: t\nid: same\n---\nText")
    batch = poll(tmp_path)
    assert [answer.origin for answer in batch.answers] == ["a.md"]
    assert len(batch.faults) == 1


def test_a_page_saved_from_the_blog_is_read_without_what_surrounds_it(tmp_path: Path) -> None:
    html = (
        "<html><head><title>Blog: T</title><meta charset=windows-1252><link rel=canonical href='https://x.example/a'>"
        "<meta property='article:published_time' content='2012-01-02T03:04:05Z'></head><body><h1>Blog</h1>"
        "<h3 class='post-title'>The \u2013 title</h3><div class='post-body'>Hello <a href='b'>Ann</a></div><p>else</p>"
    )
    answer = read_file(write(tmp_path, "a.html", html.encode("windows-1252")))
    assert (answer.title, answer.body, answer.id) == (
        "The \u2013 title",
        "Hello Ann",
        AnswerId("https://x.example/a"),
    )
    assert answer.published_at == datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert answer.links[0].url == "https://x.example/b"


def test_a_heading_is_the_title_of_markdown_without_one(tmp_path: Path) -> None:
    answer = read_file(write(tmp_path, "a.md", "# The *title*\n\nHello Ann, see [it](https://x.example/b)."))
    assert (answer.title, answer.body) == ("The title", "Hello Ann, see it.")
    assert answer.body[answer.links[0].start : answer.links[0].end] == "it"


def test_what_is_no_answer_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.txt", write(tmp_path, "a.docx", "x")):
        with pytest.raises(SourceError):
            read_file(path)

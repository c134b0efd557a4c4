"""A blog's export as a source of a home, driven as its users do."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from e2e.homes import CLEAN, SETTINGS, Clinic

SETTINGS_OF = SETTINGS.replace(
    'kind = "folder"\npath = "answers"', 'kind = "{kind}"\npath = "imports/{file}"', 1
)


def entry(name: str, at: str, words: str, more: str = "") -> str:
    text = words.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "&lt;br&gt;")
    return (
        f"<entry><id>tag:blogger.com,1999:blog-7.post-{name}</id><published>{at}</published><updated>{at}</updated>"
        f"<title>Thyroid Tests and Early Pregnancy Loss</title><content type='html'>{text}</content>"
        f"<blogger:type>POST</blogger:type><blogger:status>LIVE</blogger:status>"
        f"<blogger:filename>/2011/10/thyroid-{name}.html</blogger:filename>{more}</entry>"
    )


def takeout(*entries: str) -> str:
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:blogger='http://schemas.google.com/blogger/2018'>"
        f"<id>tag:blogger.com,1999:blog-7</id><title>t</title>{''.join(entries)}</feed>"
    )


def clinic_with(tmp_path: Path, content: str, *, kind: str = "blogger", file: str = "feed.atom") -> Clinic:
    home = tmp_path / "home"
    (home / "imports").mkdir(parents=True)
    settings = SETTINGS_OF.replace("{kind}", kind).replace("{file}", file).replace("{mode}", "hold")
    (home / "clinic.toml").write_text(settings, encoding="utf-8")
    (home / "imports" / file).write_text(content, encoding="utf-8")
    return Clinic(home)


def answers_of(clinic: Clinic) -> dict[str, int]:
    status = clinic.run("status", "--json")
    assert status.returncode == 0, status.stderr
    counted: dict[str, int] = json.loads(status.stdout)["answers"]
    return counted


LETTER = CLEAN.partition("\n\n")[2]


def test_an_export_is_the_baseline_and_to_import_it_again_announces_nothing(tmp_path: Path) -> None:
    old = takeout(
        *(entry(name, "2011-10-05T10:00:00Z", LETTER + name) for name in ("tests", "loss", "blood")),
        entry("draft", "2011-10-06T10:00:00Z", LETTER).replace(">LIVE<", ">DRAFT<"),
    )
    clinic = clinic_with(tmp_path, old)
    begun = clinic.run("init", "--yes")
    assert begun.returncode == 0
    assert "3 answers recorded as baseline, published 05 Oct 2011; nothing old" in begun.stderr
    assert "1 entry left out: drafts, pages, comments, settings" in begun.stderr
    assert "would publish now: 0; " in begun.stderr
    assert "nothing new; 3 answers on record" in clinic.run("init", "--yes").stderr
    assert answers_of(clinic) == {"baseline": 3, "fresh": 0, "withdrawn": 0}
    (clinic.home / "imports" / "feed.atom").write_text(
        old.replace("<title>t<", "<title>again<"), encoding="utf-8"
    )
    assert clinic.run("run", "--once").returncode == 0
    assert answers_of(clinic) == {"baseline": 3, "fresh": 0, "withdrawn": 0}
    shown = clinic.run("preview", "https://blog.example/2011/10/thyroid-tests.html", "--json")
    assert json.loads(shown.stdout)["answer"]["url"] == "https://blog.example/2011/10/thyroid-tests.html"


@pytest.mark.parametrize("kind", ["blogger", "wordpress"])
def test_an_export_that_is_not_there_is_told_with_its_path_and_what_to_do(tmp_path: Path, kind: str) -> None:
    clinic = clinic_with(tmp_path, "", kind=kind)
    (clinic.home / "imports" / "feed.atom").unlink()
    ended = clinic.run("run", "--once")
    assert "imports/feed.atom could not be read" in ended.stderr
    assert "correct path under [[sources]]" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_packed_export_is_refused_with_what_to_do(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, "")
    with zipfile.ZipFile(clinic.home / "imports" / "feed.atom", "w") as packed:
        packed.writestr("Takeout/Blogger/Blogs/t/feed.atom", takeout())
    ended = clinic.run("run", "--once")
    assert "unpack it" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_dated_in_the_future_is_told_by_init_and_status_and_one_answer_is_one(tmp_path: Path) -> None:
    clinic = clinic_with(tmp_path, takeout())
    settings = (clinic.home / "clinic.toml").read_text(encoding="utf-8")
    settings = settings.replace(
        'kind = "blogger"\npath = "imports/feed.atom"', 'kind = "folder"\npath = "answers"'
    )
    (clinic.home / "clinic.toml").write_text(settings, encoding="utf-8")
    (clinic.home / "answers").mkdir()
    (clinic.home / "answers" / "one.txt").write_text(CLEAN, encoding="utf-8")
    (clinic.home / "answers" / "later.md").write_text("---\ndate: 2999-01-02\n---\nsecret", encoding="utf-8")
    begun = clinic.run("init", "--yes")
    assert "1 answer recorded as baseline" in begun.stderr
    status = clinic.run("status").stdout
    for told in (begun.stderr, status):
        assert "later.md is dated 2999-01-02" in told
        assert "secret" not in told
    assert json.loads(clinic.run("status", "--json").stdout)["dated_ahead"]

"""`lexicon add` as a clinic uses it: refused for names, kept in the home, told in the history, part of the version."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.homes import Clinic, make_clinic

WHY = "a brand of dressing, no name"


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = make_clinic(tmp_path)
    assert made.run("init", "--yes").returncode == 0
    return made


def test_an_added_word_passes_the_gate_and_stands_in_the_history_with_who_when_and_why(
    clinic: Clinic, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("A glimdressing is used after surgery.", encoding="utf-8")
    before = clinic.ask("lexicon", "list")
    assert before["words"] == []
    assert clinic.run("check", str(text)).returncode == 3
    dry = clinic.run("lexicon", "add", "glimdressing", "--why", WHY, "--by", "Pat", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert clinic.ask("lexicon", "list") == before
    done = clinic.run("lexicon", "add", "Glimdressing", "--why", WHY, "--by", "Pat")
    assert done.returncode == 0, done.stderr
    after = clinic.ask("lexicon", "list")
    (row,) = after["words"]
    assert (row["word"], row["why"], row["by"]) == ("glimdressing", WHY, "Pat")
    assert row["at"].endswith("Z")
    assert after["gate_version"] != before["gate_version"]
    assert clinic.run("check", str(text)).returncode == 0
    assert clinic.run("verify").returncode == 0


@pytest.mark.parametrize("word", ["Ingrid", "Norway", "a7", "two words", "thyroid"])
def test_a_name_a_place_a_code_or_a_known_word_is_refused(clinic: Clinic, word: str) -> None:
    done = clinic.run("lexicon", "add", word, "--why", WHY, "--by", "Pat")
    assert done.returncode == 2
    assert "cannot be added" in done.stderr or "known to the gate already" in done.stderr
    assert clinic.ask("lexicon", "list")["words"] == []


def test_a_word_written_into_the_file_by_hand_shows_that_nobody_vouches_for_it(clinic: Clinic) -> None:
    (clinic.home / "lexicon.txt").write_text("glimdressing\n", encoding="utf-8")
    assert clinic.ask("lexicon", "list")["words"] == [
        {"word": "glimdressing", "why": "", "by": "", "at": None}
    ]


def test_a_damaged_file_is_named_with_its_line(clinic: Clinic) -> None:
    (clinic.home / "lexicon.txt").write_text("# ours\ntwo words\n", encoding="utf-8")
    done = clinic.run("status")
    assert done.returncode == 4
    assert "lexicon.txt, line 2" in done.stderr

"""A restart does not look at every answer again, and never trusts what it kept over what is so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.feed import WITHDRAWN_TITLE
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.feeds.places import Form
from clinic_broadcast.ledger.memory import MemoryLedger
from feed_stages import Stage, aged, reworded

COUNT = 90


class Counting(MemoryLedger):
    """A record that counts how often all answers, and how often one, is read."""

    def __init__(self) -> None:
        super().__init__("test")
        self.wholes = 0
        self.singles = 0

    def answers(self, *given: Any, **named: Any) -> list[KnownAnswer]:
        self.wholes += 1
        return super().answers(*given, **named)

    def answer(self, answer_id: AnswerId) -> KnownAnswer | None:
        self.singles += 1
        return super().answer(answer_id)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    found = Stage(tmp_path, ledger=Counting())
    found.archive(COUNT)
    found.build()
    return found


def wholes(stage: Stage) -> int:
    """Build as a new process and give how often all answers were read."""
    assert isinstance(stage.ledger, Counting)
    stage.restart()
    stage.ledger.wholes = stage.ledger.singles = 0
    stage.build()
    return stage.ledger.wholes


def authors(stage: Stage) -> dict[str, str]:
    return {
        one["id"].removeprefix("tag:blog.example,2026:"): one["authors"][0]["name"]
        for one in stage.document(form=Form.JSON).tree["items"]
    }


def record_of(stage: Stage) -> Path:
    return stage.publisher.file.path


def test_a_restart_with_nothing_new_writes_nothing_and_reads_only_what_is_live(stage: Stage) -> None:
    before = {one: one.stat().st_mtime_ns for one in stage.folder.rglob("*") if one.is_file()}
    assert wholes(stage) == 0
    assert isinstance(stage.ledger, Counting)
    assert stage.ledger.singles <= 50
    assert {one: one.stat().st_mtime_ns for one in stage.folder.rglob("*") if one.is_file()} == before


def test_what_changed_while_nobody_built_is_seen_by_the_next_process(stage: Stage) -> None:
    stage.clock.pass_by(minutes=5)
    stage.publish(reworded(3, "One test shows it.", published_at=aged(3, COUNT).published_at))
    stage.publish(replace(aged(COUNT + 1, COUNT), published_at=stage.clock.now()))
    stage.withdraw(7)
    assert wholes(stage) == 1
    assert stage.entries()["post-7"].title == WITHDRAWN_TITLE
    assert wholes(stage) == 0


def test_a_build_that_finds_nothing_new_leaves_the_mark_for_what_came_before_it(stage: Stage) -> None:
    stage.clock.pass_by(minutes=5)
    stage.publish(replace(aged(COUNT + 1, COUNT), published_at=stage.clock.now()))
    stage.build()
    assert record_of(stage).read_text("utf-8").count('"press"') == 1
    for _ in range(3):
        stage.build()
    assert record_of(stage).read_text("utf-8").count('"press"') == 2
    assert wholes(stage) == 0


@pytest.mark.parametrize("field", ["turn", "line", "hash", "seal"])
def test_a_mark_changed_by_hand_is_thrown_away(stage: Stage, field: str) -> None:
    lines = record_of(stage).read_text("utf-8").splitlines()
    last = json.loads(lines[-1])
    was = last["press"][field]
    last["press"][field] = was + 5 if isinstance(was, int) else "f\u00e4" + was[2:]
    record_of(stage).write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n", encoding="utf-8")
    assert wholes(stage) == 1
    assert wholes(stage) == 0


@pytest.mark.parametrize("is_withdrawn", [True, False])
def test_a_mark_of_another_record_is_thrown_away_also_at_the_same_turn(
    stage: Stage, is_withdrawn: bool
) -> None:
    stage.clock.pass_by(minutes=1)
    stage.publish(reworded(4, "One test shows it.", published_at=aged(4, COUNT).published_at))
    stage.build()
    stage.build()
    other = Stage(stage.folder, ledger=Counting(), clock=stage.clock)
    other.archive(COUNT)
    if is_withdrawn:
        other.withdraw(7)
    else:
        other.publish(reworded(5, "One test shows it.", published_at=aged(5, COUNT).published_at))
    assert other.ledger.changes(0)[0] == stage.ledger.changes(0)[0]
    assert wholes(other) == 1
    assert wholes(other) == 0


def test_other_settings_names_or_rules_void_the_mark(stage: Stage) -> None:
    stage.head = replace(stage.head, window=20)
    assert wholes(stage) == 1
    assert wholes(stage) == 0
    stage.desk = replace(stage.desk, gate=replace(stage.desk.gate, own_names=("Dr. John Doe",)))
    assert wholes(stage) == 1
    stage.desk = replace(stage.desk, gate=replace(stage.desk.gate, own_hosts=("blog.example",)))
    assert wholes(stage) == 1
    stage.desk = replace(stage.desk, gate=replace(stage.desk.gate, taint_key=b"another key"))
    assert wholes(stage) == 1


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_name_that_becomes_the_clinics_own_is_told_in_entries_that_stood_before(
    stage: Stage, is_restarted: bool
) -> None:
    stage.clock.pass_by(minutes=5)
    stage.publish(replace(aged(COUNT + 1, COUNT), author="Dr. John Doe", published_at=stage.clock.now()))
    stage.build()
    own_names = (*stage.desk.gate.own_names, "Dr. John Doe")
    for names, author in ((own_names, "Dr. John Doe"), (stage.desk.gate.own_names, stage.head.author)):
        stage.desk = replace(stage.desk, gate=replace(stage.desk.gate, own_names=names))
        if is_restarted:
            stage.restart()
        before = stage.document().updated_at
        stage.build()
        assert authors(stage)[f"post-{COUNT + 1}"] == author
        assert stage.document().updated_at == before


def test_a_page_that_somebody_removed_is_written_again_by_a_resumed_process(stage: Stage) -> None:
    before = stage.files()
    (stage.feeds / "archive" / "0002.atom.xml").unlink()
    (stage.feeds / "atom.xml").unlink()
    assert wholes(stage) == 0
    assert stage.files() == before


def test_a_kill_before_the_documents_stand_leaves_no_mark_that_hides_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, ledger=Counting())
    stage.archive(45)

    class Killed(BaseException):
        pass

    def dying(*_given: object, **_named: object) -> None:
        raise Killed

    monkeypatch.setattr("clinic_broadcast.feeds.publish.write_changes", dying)
    with pytest.raises(Killed):
        stage.build()
    monkeypatch.undo()
    assert '"press"' not in record_of(stage).read_text("utf-8")
    assert wholes(stage) == 1
    assert set(stage.entries()) >= {"post-45"}


def test_a_mark_that_a_kill_cut_off_does_not_count(stage: Stage) -> None:
    whole = record_of(stage).read_bytes()
    record_of(stage).write_bytes(whole[:-9])
    assert wholes(stage) == 1
    assert wholes(stage) == 0

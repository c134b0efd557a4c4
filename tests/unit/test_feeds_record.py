"""What the feeds remember: holds, releases, returns, quarantine, kills, and evidence of what was served."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_broadcast.core import newsroom
from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.feed import HELD_TITLE, LEFT_OUT, WITHDRAWN_TITLE, waits, words_of
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.feeds.check import check_feeds
from clinic_broadcast.feeds.places import Form
from clinic_broadcast.feeds.publish import Publisher
from clinic_broadcast.feeds.record import RecordFile
from clinic_broadcast.run.promotion import plan_fresh
from desks import approve_all
from fakes import WallChannel, raw_answer
from feed_stages import HEAD, Stage, aged, reworded

TESTS = Path(__file__).parents[1]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.archive(3)
    made.build()
    return made


def problems(stage: Stage) -> list[str]:
    return [problem for one in check_feeds(stage.folder / "public") for problem in one.problems]


def test_an_answer_that_must_wait_comes_in_once_a_person_has_approved_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.desk = replace(stage.desk, channels={"wall": WallChannel(tmp_path / "wall")})
    stage.archive(1)
    stage.clock.pass_by(minutes=1)
    stage.publish(raw_answer(2, published_at=stage.clock.now()))
    known = stage.ledger.answer(AnswerId("tag:blog.example,2026:post-2"))
    assert known is not None
    assert waits(known)
    plan_fresh(stage.desk)
    before = stage.build()
    assert "post-2" not in stage.entries()
    approve_all(stage.desk)
    after = stage.build()
    assert "post-2" in stage.entries()
    assert (before.waiting, after.waiting) == (1, 0)


def test_an_answer_whose_new_words_must_wait_stays_under_its_id_without_any_words(stage: Stage) -> None:
    stage.clock.pass_by(minutes=5)
    before = stage.entries()["post-1"]
    raw = aged(1, 3)
    stage.publish(
        replace(
            raw, body=raw.body.replace("Case 1 needs", "Use folinic acid 400 mcg, not 400 mg. Case 2 needs")
        )
    )
    known = stage.ledger.answer(raw.id)
    assert known is not None
    assert waits(known)
    stage.build()
    held = stage.entries()["post-1"]
    assert (held.id, held.published_at) == (before.id, before.published_at)
    assert held.title == HELD_TITLE
    assert before.summary not in held.html
    assert problems(stage) == []


def test_a_withdrawn_answer_that_comes_back_is_newer_than_its_tombstone(stage: Stage) -> None:
    stage.clock.pass_by(minutes=5)
    stage.withdraw(1)
    stage.build()
    gone = stage.entries()["post-1"]
    assert gone.title == WITHDRAWN_TITLE
    stage.clock.pass_by(minutes=5)
    stage.ledger.restand(
        AnswerId("tag:blog.example,2026:post-1"), before=Standing.WITHDRAWN, after=Standing.BASELINE,
        actor="test", at=stage.clock.now(),
    )  # fmt: skip
    stage.build()
    back = stage.entries()["post-1"]
    assert back.title != WITHDRAWN_TITLE
    assert back.updated_at is not None
    assert gone.updated_at is not None
    assert back.updated_at > gone.updated_at
    assert b"deleted-entry" not in (stage.feeds / "withdrawn.atom.xml").read_bytes()


def test_words_that_only_the_letter_or_the_greeting_had_are_no_correction(stage: Stage) -> None:
    stage.clock.pass_by(minutes=5)
    before = stage.files()
    raw = aged(1, 3)
    stage.publish(replace(raw, body=raw.body.replace("Hello Ingrid from Norway,", "Hello Ingrid from Oslo,")))
    stage.build()
    assert stage.entries()["post-1"].summary == stage.entries()["post-3"].summary
    assert {name: body for name, body in stage.files().items() if "atom" in name} == {
        name: body for name, body in before.items() if "atom" in name
    }


def test_a_blog_that_is_reworked_as_a_whole_tells_nobody_twelve_times(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.archive(12)
    stage.build()
    stage.clock.pass_by(minutes=5)
    stage.publish(
        *(reworded(n, "One test shows it.", published_at=aged(n, 12).published_at) for n in range(1, 13))
    )
    stage.build()
    names = list(stage.entries())
    assert [name for name in names if "correction" in name] == []
    assert all(one.summary.startswith("Corrected on") for one in stage.entries().values())


def test_one_answer_that_makes_us_fail_is_quarantined_and_the_feed_ships(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = words_of

    def failing(known: KnownAnswer, **rest: object) -> object:
        if known.material.answer_id.endswith(("post-1", "post-4")):
            raise ZeroDivisionError
        return whole(known, **rest)  # type: ignore[arg-type]  # Passed on as they came.

    monkeypatch.setattr(newsroom, "words_of", failing)
    stage.clock.pass_by(minutes=5)
    stage.publish(
        reworded(1, "One test shows it.", published_at=aged(1, 3).published_at),
        replace(aged(4, 3), published_at=stage.clock.now()),
        replace(aged(5, 3), published_at=stage.clock.now()),
    )
    built = stage.build()
    assert {name.rpartition(":")[2] for name, _ in built.quarantined} == {"post-1", "post-4"}
    assert all("ZeroDivisionError" in reason for _, reason in built.quarantined)
    entries = stage.entries()
    assert entries["post-1"].title == HELD_TITLE
    assert "post-4" not in entries
    assert "post-5" in entries
    assert problems(stage) == []


def test_a_whole_answer_is_given_without_greeting_letter_or_names(tmp_path: Path) -> None:
    stage = Stage(tmp_path, head=replace(HEAD, full=True))
    raw = raw_answer(1)
    stage.publish(replace(raw, body=raw.body.replace("Case 1 ", "Ingrid, your case ")), baseline=True)
    stage.build()
    (entry,) = stage.document().entries
    assert (
        "An underactive thyroid can raise the risk of an early loss." in entry.html or LEFT_OUT in entry.html
    )
    assert not any(word in entry.html for word in ("Ingrid", "Norway", "Oslo", "Should I test"))


def test_labels_that_name_somebody_are_left_out(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.publish(replace(raw_answer(1), labels=("Fibroids", "Ingrid from Norway")), baseline=True)
    stage.build()
    text = (stage.feeds / "rss.xml").read_text(encoding="utf-8")
    assert "Ingrid" not in text
    assert "<category>Fibroids</category>" in text


def test_places_are_kept_over_a_restart_and_a_second_process(stage: Stage) -> None:
    other = Stage(stage.folder, clock=stage.clock, source=stage.source, ledger=stage.ledger)
    stage.clock.pass_by(minutes=5)
    other.publish(replace(aged(4, 3), published_at=stage.clock.now()))
    assert other.build().written != ()
    assert stage.build().written == ()
    stage.clock.pass_by(minutes=5)
    stage.withdraw(1)
    assert stage.build().written != ()
    assert other.build().written == ()
    numbers = [slot.number for slot in other.publisher.load().slots.values() if slot.number]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_pages_that_somebody_removed_are_written_again_at_the_next_start(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.archive(45)
    stage.build()
    before = stage.files()
    (stage.feeds / "archive" / "0001.atom.xml").unlink()
    (stage.feeds / "archive" / "0009.atom.xml").write_bytes(b"of another record")
    stage.restart()
    stage.build()
    # Readers may know the page that is not ours: it is answered as one that is gone for good.
    assert stage.files() == {**before, "feeds/archive/0009.atom.xml.gone": b""}


def test_a_line_that_a_kill_cut_off_does_not_count(stage: Stage) -> None:
    path = stage.publisher.file.path
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"slot":{"id":"tag:half')
    stage.restart()
    stage.clock.pass_by(minutes=5)
    stage.publish(replace(aged(4, 3), published_at=stage.clock.now()))
    stage.build()
    assert path.read_bytes().startswith(whole)
    assert b"half" not in path.read_bytes()
    assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def test_a_record_that_is_not_ours_stops_the_build_before_anything_is_written(stage: Stage) -> None:
    before = stage.files()
    path = stage.publisher.file.path
    path.write_bytes(b'{"slot":{"what":1}}\n' + path.read_bytes())
    stage.restart()
    with pytest.raises(LedgerError, match=r"line 1 is not ours"):
        stage.build()
    assert stage.files() == before


def test_a_long_record_is_written_anew_and_says_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic_broadcast.feeds.record.SLACK_LINES", -6)
    before = stage.publisher.load()
    path = stage.publisher.file.path
    path.write_bytes(path.read_bytes() * 3)
    stage.restart()
    stage.build()
    after = stage.publisher.load()
    assert (after.slots, after.order, after.pages, after.feed_id) == (
        before.slots, before.order, before.pages, before.feed_id,
    )  # fmt: skip
    # And the line that names the feed, and the one that lets a restart resume.
    assert len(path.read_bytes().splitlines()) == len(after.slots) + len(after.pages) + 2
    assert after.mark is not None


def test_evidence_says_which_bytes_were_served_from_when_on(stage: Stage) -> None:
    start = stage.clock.now()
    stage.clock.pass_by(minutes=5)
    stage.withdraw(3)
    stage.build()
    rows = [
        json.loads(line) for line in stage.publisher.file.evidence.read_text(encoding="utf-8").splitlines()
    ]
    served = [row for row in rows if row["path"] == "feeds/rss.xml"]
    assert [datetime.fromisoformat(row["at"]) for row in served] == [start, start + timedelta(minutes=5)]
    content = (stage.feeds / "rss.xml").read_bytes()
    assert (served[-1]["sha256"], served[-1]["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    state = stage.publisher.file.path.read_bytes() + stage.publisher.file.evidence.read_bytes()
    assert b"hyroid" not in state.replace(b"thyroid-tests", b"")


def test_foretelling_writes_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "home")
    stage.archive(3)
    foretold = stage.foretell()
    assert not (tmp_path / "home").exists()
    built = stage.build()
    assert set(foretold.written) == set(built.written)
    assert built.topics == (
        "https://feeds.example/feeds/rss.xml",
        "https://feeds.example/feeds/atom.xml",
        "https://feeds.example/feeds/feed.json",
    )


class Killed(BaseException):
    """Stands for a kill -9: nothing between here and the process's end may catch it."""


def test_killed_at_any_step_no_live_document_has_a_dangling_link_and_the_next_build_mends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stand(folder: Path) -> Stage:
        stage = Stage(folder)
        stage.archive(38)
        stage.build()
        stage.clock.pass_by(minutes=5)
        stage.publish(*(replace(aged(n, 38), published_at=stage.clock.now()) for n in (39, 40, 41)))
        stage.publish(reworded(3, "One test shows it.", published_at=aged(3, 38).published_at))
        stage.withdraw(30)
        return stage

    perfect = stand(tmp_path / "perfect")
    perfect.build()
    steps, whole = 0, os.replace
    while True:
        # Three of four files are copies; a step of five dies before each kind of file in turn.
        steps += 5
        stage = stand(tmp_path / str(steps))
        left = [steps]

        def dying(part: str, target: Path, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            whole(part, target)

        monkeypatch.setattr(os, "replace", dying)
        try:
            stage.build()
        except Killed:
            assert [one for one in problems(stage) if one.startswith(("R2:", "R24: rss", "R24: atom", "R24: json"))
                    and "which is not there" in one] == []  # fmt: skip
            monkeypatch.undo()
            stage.restart()
            stage.build()
            assert stage.files() == perfect.files()
        else:
            break
    assert steps >= 40


KILL = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from pathlib import Path
from feed_stages import Stage, aged
real, left = os.fsync, [int(sys.argv[3])]
def dying(descriptor):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)
stage = Stage(Path(sys.argv[2]))
stage.archive(41)
os.fsync = dying
stage.build()
"""


@pytest.mark.parametrize("step", [2, 9, 25])
def test_a_process_killed_in_the_middle_leaves_whole_documents_and_is_made_up_for(
    tmp_path: Path, step: int
) -> None:
    done = subprocess.run([sys.executable, "-c", KILL, TESTS, tmp_path, str(step)], check=False)
    assert done.returncode == -signal.SIGKILL
    whole = Stage(tmp_path / "whole")
    whole.archive(41)
    whole.build()
    stage = Stage(tmp_path)
    stage.archive(41)
    stage.build()
    assert stage.files() == whole.files()
    assert os.listdir(stage.feeds)  # noqa: PTH208  # Names alone.
    assert problems(stage) == []


def test_a_full_disk_leaves_the_old_documents_and_the_next_build_writes_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stage.files()
    stage.clock.pass_by(minutes=5)
    stage.withdraw(1)

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clinic_broadcast.feeds.write.os.fchmod", full)
    with pytest.raises(OSError, match="No space"):
        stage.build()
    assert stage.files() == before
    monkeypatch.undo()
    stage.build()
    assert stage.entries()["post-1"].title == WITHDRAWN_TITLE
    assert problems(stage) == []


def test_without_a_public_address_there_are_feeds_that_link_to_nothing_of_ours(tmp_path: Path) -> None:
    stage = Stage(tmp_path, head=replace(HEAD, base_url="", hubs=()))
    stage.archive(25)
    built = stage.build()
    assert built.topics == ()
    for form in Form:
        assert not {"self", "prev-archive", "hub"} & stage.document(form=form).links.keys()
    assert problems(stage) == []


def test_an_empty_clinic_has_valid_feeds(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.build().entries == 0
    assert problems(stage) == []
    assert Publisher(tmp_path / "public", RecordFile(tmp_path / "state" / "feeds")).load().order == []
    assert stage.clock.now().tzinfo is UTC

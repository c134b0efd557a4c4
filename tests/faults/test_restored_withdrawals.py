"""What was withdrawn stays withdrawn, although the record was put back from a copy that does not know of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import Delivery, Outcome, State, Unsure
from clinic_broadcast.core.lapse import withdrawal_digest
from clinic_broadcast.errors import LedgerError, UsageError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.backup import backup
from clinic_broadcast.ledger.witness import WitnessFile
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import withdraw
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.publishing import publish_target
from clinic_broadcast.run.recollection import keep_withdrawal
from clinic_broadcast.run.survey import survey
from fakes import raw_answer
from faults.restored import WAYS, Clinic, ErasableWall, by_command, by_hand

Way = Callable[[Clinic, Path], None]


def keep_copy(clinic: Clinic) -> Path:
    copy = clinic.folder / "copy.db"
    backup(clinic.url, copy)
    if clinic.witness.exists():
        shutil.copyfile(clinic.witness, clinic.folder / "witness.then")
    return copy


def standing(clinic: Clinic, number: int) -> Standing | None:
    at = clinic.open()
    known = at.ledger.answer(raw_answer(10 + number).id)
    at.ledger.close()
    return None if known is None else known.standing


def rows_of(clinic: Clinic, number: int) -> list[Delivery]:
    at = clinic.open()
    rows = at.ledger.deliveries(answer_id=raw_answer(10 + number).id)
    at.ledger.close()
    return rows


def public_texts(clinic: Clinic) -> list[list[str]]:
    return [sorted(row["key"] for row in wall.rows()) for wall in clinic.walls]


def runs(clinic: Clinic, count: int) -> None:
    for _ in range(count):
        clinic.run(approving=clinic.mode == "hold")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["auto-clean", "hold"])
def test_what_was_public_when_the_copy_was_made_stays_taken_back(tmp_path: Path, way: Way, mode: str) -> None:
    clinic = Clinic(tmp_path, mode=mode, can_erase=True)
    clinic.publish(1)
    clinic.publish(2)
    copy = keep_copy(clinic)
    clinic.withdraw(1)
    left = public_texts(clinic)
    assert [len(wall) for wall in left] == [1, 1]
    way(clinic, copy)
    assert standing(clinic, 1) is Standing.FRESH
    runs(clinic, 5)
    assert public_texts(clinic) == left
    assert standing(clinic, 1) is Standing.WITHDRAWN
    assert standing(clinic, 2) is Standing.FRESH
    assert {one.state for one in rows_of(clinic, 1) if one.occasion == "announce"} == {State.WITHDRAWN}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["auto-clean", "hold"])
def test_what_was_waiting_when_the_copy_was_made_never_goes_out(tmp_path: Path, way: Way, mode: str) -> None:
    clinic = Clinic(tmp_path, mode=mode, can_erase=True)
    clinic.answer(1)
    at = clinic.open()
    poll(at)
    plan_fresh(at)
    at.ledger.close()
    copy = keep_copy(clinic)
    clinic.withdraw(1)
    way(clinic, copy)
    assert {one.state for one in rows_of(clinic, 1)} <= {State.PLANNED, State.HELD}
    runs(clinic, 5)
    assert public_texts(clinic) == [[], []]
    assert {one.state for one in rows_of(clinic, 1)} == {State.CANCELLED}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["auto-clean", "hold"])
def test_what_the_copy_has_never_heard_of_is_withdrawn_when_it_comes_again(
    tmp_path: Path, way: Way, mode: str
) -> None:
    clinic = Clinic(tmp_path, mode=mode, can_erase=True)
    clinic.publish(1)
    copy = keep_copy(clinic)
    clinic.publish(2)
    clinic.withdraw(2)
    way(clinic, copy)
    assert standing(clinic, 2) is None
    runs(clinic, 5)
    assert [len(wall) for wall in public_texts(clinic)] == [1, 1]
    assert standing(clinic, 2) is Standing.WITHDRAWN
    assert clinic.problems() == ()
    at = clinic.open()
    assert verify(at.ledger) == []  # type: ignore[arg-type]  # It is the one in SQLite.
    at.ledger.close()


class Stubborn(ErasableWall):
    """A wall whose deletions fail until it is told better."""

    works = False

    def withdraw(self, post_id: str) -> Outcome:
        return super().withdraw(post_id) if self.works else Unsure("the network is away")


@pytest.mark.parametrize("way", [by_command, by_hand])
@pytest.mark.parametrize("mode", ["auto-clean", "hold"])
def test_a_promo_that_the_copy_does_not_know_is_found_and_taken_back(
    tmp_path: Path, way: Way, mode: str
) -> None:
    clinic = Clinic(tmp_path, mode=mode)
    walls = [Stubborn(tmp_path / f"{name}.wall", name=name) for name in ("one", "two")]
    clinic.walls = list(walls)
    clinic.publish(1)
    copy = keep_copy(clinic)
    clinic.publish(2)
    clinic.withdraw(2)
    assert [len(wall) for wall in public_texts(clinic)] == [2, 2]
    way(clinic, copy)
    for wall in walls:
        wall.works = True
    runs(clinic, 6)
    assert [len(wall) for wall in public_texts(clinic)] == [1, 1]
    assert {one.state for one in rows_of(clinic, 2)} == {State.WITHDRAWN, State.SENT}


def test_on_a_channel_that_shows_nothing_a_person_is_asked(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, can_look=False)
    clinic.publish(1)
    copy = keep_copy(clinic)
    clinic.publish(2)
    clinic.withdraw(2)
    by_hand(clinic, copy)
    runs(clinic, 5)
    doubtful = [one for one in rows_of(clinic, 2) if one.state is State.UNSURE]
    assert len(doubtful) == 2
    assert all("may be public already" in one.needs_person for one in doubtful)
    at = clinic.open()
    for one in doubtful:
        review.resolve(at, one.id, sent_url="wall:seen", by="Pat")
    at.ledger.close()
    runs(clinic, 1)
    # It cannot be deleted by a machine either: that is a person's too, and told.
    at = clinic.open()
    assert survey(at, ()).needs_a_person == 2
    at.ledger.close()


def test_a_person_who_withdraws_in_a_restored_record_does_not_lose_sight_of_what_is_public(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path, can_erase=True)
    clinic.publish(1)
    clinic.answer(2)
    at = clinic.open()
    poll(at)
    plan_fresh(at)
    at.ledger.close()
    copy = keep_copy(clinic)
    clinic.run()
    assert [len(wall) for wall in public_texts(clinic)] == [2, 2]
    by_hand(clinic, copy)
    clinic.withdraw(2)
    runs(clinic, 5)
    assert [len(wall) for wall in public_texts(clinic)] == [1, 1]


@pytest.mark.parametrize("way", [by_command, by_hand])
def test_publish_refuses_it_before_anything_else_has_run(tmp_path: Path, way: Way) -> None:
    clinic = Clinic(tmp_path, can_erase=True)
    clinic.publish(1)
    copy = keep_copy(clinic)
    clinic.publish(2)
    clinic.withdraw(2)
    way(clinic, copy)
    at = clinic.open()
    with pytest.raises(UsageError, match="withdrawn"):
        publish_target(at, raw_answer(12).url, at.channels)
    at.ledger.close()
    assert [len(wall) for wall in public_texts(clinic)] == [1, 1]


def test_what_comes_again_is_marked_before_it_is_planned(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.answer(1)
    at = clinic.open()
    keep_withdrawal(at, raw_answer(11).id)
    poll(at)
    assert at.ledger.unplanned() == []
    at.ledger.close()
    assert standing(clinic, 1) is Standing.WITHDRAWN


def test_a_send_asks_the_list_itself(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.answer(1)
    at = clinic.open()
    poll(at)
    plan_fresh(at)
    release_planned(at)
    keep_withdrawal(at, raw_answer(11).id)
    deliver(at)
    at.ledger.close()
    assert public_texts(clinic) == [[], []]
    assert {one.state for one in rows_of(clinic, 1)} == {State.CANCELLED}


def test_who_dies_between_the_two_marks_has_withdrawn_all_the_same(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, can_erase=True)
    clinic.publish(1)
    at = clinic.open()
    keep_withdrawal(at, raw_answer(11).id)
    at.ledger.close()
    runs(clinic, 2)
    assert public_texts(clinic) == [[], []]
    assert standing(clinic, 1) is Standing.WITHDRAWN


def test_a_withdrawal_shows_that_the_record_is_an_old_copy_although_nothing_was_sent_since(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path, can_erase=True)
    clinic.publish(1)
    copy = keep_copy(clinic)
    at = clinic.open()
    known = at.ledger.answers(Standing.FRESH)[0]
    withdraw(at, known, why="wrong", by="Pat")
    at.ledger.close()
    by_hand(clinic, copy)
    assert "older than its witness" in clinic.problems()[0]


def test_a_record_from_before_the_list_hands_its_withdrawals_over(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, can_erase=True)
    clinic.publish(1)
    clinic.withdraw(1)
    kept = clinic.witness.with_name("withdrawn.txt")
    before = kept.read_text(encoding="ascii")
    kept.unlink()
    clinic.run()
    assert kept.read_text(encoding="ascii") == before == withdrawal_digest(raw_answer(11).id) + "\n"


def test_where_the_list_cannot_be_written_nothing_is_withdrawn_by_half(tmp_path: Path) -> None:
    class FullDisk(WitnessFile):
        def keep_withdrawn(self, digests: object) -> None:
            del digests
            raise LedgerError("the disk is full")

    clinic = Clinic(tmp_path, can_erase=True)
    clinic.publish(1)
    at = clinic.open()
    with pytest.raises(LedgerError):
        withdraw(
            replace(at, witness=FullDisk(clinic.witness)),
            at.ledger.answers(Standing.FRESH)[0],
            why="wrong",
            by="Pat",
        )
    at.ledger.close()
    assert standing(clinic, 1) is Standing.FRESH


def test_where_the_list_cannot_be_read_nothing_is_sent(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.witness.with_name("withdrawn.txt").mkdir()
    clinic.answer(1)
    with pytest.raises(LedgerError, match=r"withdrawn\.txt: cannot be read"):
        clinic.run()
    assert public_texts(clinic) == [[], []]


def test_the_list_keeps_all_that_it_was_ever_given(tmp_path: Path) -> None:
    witness = WitnessFile(tmp_path / "state" / "witness.json")
    assert witness.withdrawn() == frozenset()
    first, second = (withdrawal_digest(raw_answer(number).id) for number in (1, 2))
    witness.keep_withdrawn([first])
    witness.keep_withdrawn([second])
    witness.keep_withdrawn([first])
    witness.keep_withdrawn([])
    assert WitnessFile(tmp_path / "state" / "witness.json").withdrawn() == {first, second}
    with (tmp_path / "state" / "withdrawn.txt").open("a", encoding="ascii") as file:
        file.write("torn\n")
    assert witness.withdrawn() == {first, second}
    witness.renew(lambda _seen: None)
    assert witness.withdrawn() == {first, second}

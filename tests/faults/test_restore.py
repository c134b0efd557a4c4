"""A ledger put back from an old backup doubles nothing and loses nothing, however it was put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.core.answer import AnswerId, Standing
from clinic_broadcast.core.delivery import CannotTell, Delivery, Found, Outcome, Sent, State, Trace
from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.backup import backup
from clinic_broadcast.ledger.witness import WitnessFile
from clinic_broadcast.ports import Head, Parcel
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import plan_withdrawals, withdraw
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.reconcile import lapses_of, notice, open_lapse
from clinic_broadcast.run.survey import survey
from desks import approve_all
from fakes import WallChannel, lost_reply
from faults.restored import WAYS, Clinic, by_command, by_hand, lose_memory


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["auto-clean", "hold"])
def test_a_restored_ledger_doubles_nothing_and_loses_nothing(
    tmp_path: Path, way: Callable[[Clinic, Path], None], mode: str
) -> None:
    clinic = Clinic(tmp_path, mode=mode)
    lose_memory(clinic, way)
    for _ in range(5):
        clinic.run(approving=mode == "hold")
    clinic.publish(4)
    for _ in range(3):
        clinic.run(approving=mode == "hold")
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 4, [1] * 4]
    assert clinic.states() == {State.SENT: 8}
    at = clinic.open()
    assert open_lapse(at.ledger) is None
    assert verify(at.ledger) == []  # type: ignore[arg-type]  # It is the one in SQLite.
    at.ledger.close()


def test_the_same_without_a_witness_would_double(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, has_witness=False)
    lose_memory(clinic, by_hand)
    clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1, 2, 2], [1, 2, 2]]


@pytest.mark.parametrize("way", [by_command, by_hand])
def test_nothing_leaves_while_a_forgotten_request_may_still_be_under_way(
    tmp_path: Path, way: Callable[[Clinic, Path], None]
) -> None:
    clinic = Clinic(tmp_path)
    lose_memory(clinic, way)
    clinic.answer(4)
    clinic.run()
    assert [len(wall) for wall in clinic.public()] == [3, 3]
    assert clinic.states() == {State.SENT: 2, State.PLANNED: 6}
    told = clinic.problems()
    assert "put back from an older copy" in told[0]
    assert "run --once" in told[0]
    at = clinic.open()
    assert all(
        "nothing goes out before" in one.reason for one in at.ledger.deliveries(states=[State.PLANNED])
    )
    at.ledger.close()
    for _ in range(3):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 4, [1] * 4]
    assert clinic.problems() == ()


def test_an_old_copy_is_told_of_before_anything_runs(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    lose_memory(clinic, by_hand)
    assert "older than its witness" in clinic.problems()[0]
    at = clinic.open()
    assert lapses_of(at.ledger) == []
    at.ledger.close()


def test_what_was_waiting_when_the_backup_was_made_is_looked_for_too(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.publish(1)
    clinic.answer(2)
    at = clinic.open()
    poll(at)
    plan_fresh(at)
    release_planned(at)
    at.ledger.close()
    backup(clinic.url, tmp_path / "copy.db")
    clinic.run()
    by_hand(clinic, tmp_path / "copy.db")
    for _ in range(4):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1, 1], [1, 1]]
    at = clinic.open()
    adopted = [entry for entry in at.ledger.history() if entry.kind == "adopted"]
    assert len(adopted) == 2
    at.ledger.close()


def test_what_was_unsure_when_the_backup_was_made_is_settled_and_not_doubled(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.walls[0].behave = lost_reply
    clinic.publish(1)
    backup(clinic.url, tmp_path / "copy.db")
    clinic.run()
    clinic.walls[0].behave = lambda _key: None
    by_hand(clinic, tmp_path / "copy.db")
    for _ in range(4):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1], [1]]
    assert clinic.states() == {State.SENT: 2}


def test_a_copy_put_back_twice_is_noticed_twice(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    lose_memory(clinic, by_hand)
    for _ in range(4):
        clinic.run()
    clinic.publish(4)
    by_hand(clinic, tmp_path / "copy.db")
    for _ in range(5):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 4, [1] * 4]


def test_a_second_lapse_looks_again_for_what_the_first_one_missed(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.publish(1)
    backup(clinic.url, tmp_path / "copy.db")
    clinic.publish(2)
    by_hand(clinic, tmp_path / "copy.db")
    clinic.answer(3)
    clinic.run()
    clinic.clock.pass_by(minutes=10)
    at = clinic.open()
    # Looked for and absent, but not yet let go: so it stands in the second backup.
    deliver(at, channels=["none"])
    deliver(at, only=())
    poll(at)
    held = [
        review.hold(at, one.id, why="later").delivery for one in at.ledger.deliveries(states=[State.PLANNED])
    ]
    deliver(at)
    at.ledger.close()
    assert len(held) == 4
    backup(clinic.url, tmp_path / "second.db")
    at = clinic.open()
    approve_all(at)
    release_planned(at)
    deliver(at)
    at.ledger.close()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 3, [1] * 3]
    by_hand(clinic, tmp_path / "second.db")
    for _ in range(4):
        clinic.run(approving=True)
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 3, [1] * 3]


def test_a_blind_channel_waits_for_a_person(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, can_look=False)
    lose_memory(clinic, by_hand)
    clinic.answer(4)
    for _ in range(5):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 3, [1] * 3]
    at = clinic.open()
    doubtful = at.ledger.deliveries(states=[State.UNSURE])
    assert len(doubtful) == 6
    assert all("may be public already" in one.needs_person for one in doubtful)
    assert survey(at, ()).needs_a_person == 6
    assert any("clinic-broadcast resolve" in problem for problem in survey(at, ()).problems)
    for one in doubtful:
        is_public = any(row["key"] == one.key for wall in clinic.walls for row in wall.rows())
        review.resolve(at, one.id, sent_url="wall:seen" if is_public else None, by="Pat")
    at.ledger.close()
    for _ in range(2):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 4, [1] * 4]
    assert clinic.states() == {State.SENT: 8}


def test_a_blind_channel_is_not_stopped_by_a_long_silence_alone(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, can_look=False)
    clinic.publish(1)
    clinic.clock.pass_by(days=7)
    clinic.publish(2)
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1, 1], [1, 1]]
    assert clinic.problems() == ()


def test_a_channel_that_cannot_be_reached_is_asked_again_and_nothing_is_sent_unseen(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    lose_memory(clinic, by_hand)
    ways = [wall.look for wall in clinic.walls]

    def out_of_reach(parcel: Parcel) -> Trace:
        del parcel
        return CannotTell("no connection")

    for wall in clinic.walls:
        wall.look = out_of_reach  # type: ignore[method-assign]  # The network is away.
    for _ in range(6):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 3, [1] * 3]
    assert clinic.states() == {State.SENT: 2, State.PLANNED: 4}
    assert "put back from an older copy" in clinic.problems()[0]
    for wall, look in zip(clinic.walls, ways, strict=True):
        wall.look = look  # type: ignore[method-assign]  # It is back.
    clinic.clock.pass_by(hours=2)
    clinic.run()
    assert clinic.states() == {State.SENT: 6}
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1] * 3, [1] * 3]
    assert clinic.problems() == ()


@dataclass
class Interrupted:
    """A ledger under which another worker and a restore happen just before a claim is written."""

    inner: Any
    before_claim: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def move(self, before: Delivery, after: Delivery, **line: Any) -> bool:
        if line["kind"] == "claimed":
            self.before_claim()
        written: bool = self.inner.move(before, after, **line)
        return written


@pytest.mark.parametrize("way", [by_command, by_hand])
def test_a_claim_that_falls_into_an_old_copy_is_given_back(
    tmp_path: Path, way: Callable[[Clinic, Path], None]
) -> None:
    clinic = Clinic(tmp_path)
    clinic.walls = clinic.walls[:1]
    clinic.answer(1)
    at = clinic.open()
    poll(at)
    plan_fresh(at)
    release_planned(at)
    backup(clinic.url, tmp_path / "copy.db")
    turns = 0

    def meanwhile() -> None:
        nonlocal turns
        turns += 1
        if turns > 1:
            return
        other = replace(clinic.open(), actor="another worker")
        deliver(other)
        other.ledger.close()
        at.ledger.close()
        way(clinic, tmp_path / "copy.db")

    deliver(replace(at, ledger=Interrupted(at.ledger, meanwhile)))
    at.ledger.close()
    assert turns == 1
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1]]
    for _ in range(4):
        clinic.run()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1]]
    assert clinic.states() == {State.SENT: 1}


def test_the_witness_is_newer_than_every_copy_made_before_the_request_left(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.walls = clinic.walls[:1]
    seen: list[tuple[int, int]] = []
    at = clinic.open()
    send = clinic.walls[0].send

    def watched(parcel: Parcel) -> Outcome:
        kept = WitnessFile(clinic.witness).seen()
        claims = [entry.number for entry in at.ledger.history() if entry.kind == "claimed"]
        seen.append((kept.number if kept else 0, claims[-1]))
        return send(parcel)

    clinic.walls[0].send = watched  # type: ignore[method-assign]  # The network looks at our disk.
    at.ledger.close()
    at = clinic.open()
    clinic.answer(1)
    poll(at)
    plan_fresh(at)
    release_planned(at)
    deliver(at)
    at.ledger.close()
    assert len(seen) == 1
    assert seen[0][0] >= seen[0][1]


def test_without_room_for_the_witness_nothing_is_sent_and_nothing_is_lost(tmp_path: Path) -> None:
    class FullDisk(WitnessFile):
        full = True

        def renew(self, recall: Callable[[Head | None], Head | None]) -> bool:
            def refuse(seen: Head | None) -> Head | None:
                head = recall(seen)
                if self.full and head != seen:
                    raise LedgerError("the disk is full")
                return head

            return super().renew(refuse)

    clinic = Clinic(tmp_path)
    disk = FullDisk(clinic.witness)
    at = replace(clinic.open(), witness=disk)
    clinic.answer(1)
    poll(at)
    plan_fresh(at)
    release_planned(at)
    with pytest.raises(LedgerError):
        deliver(at)
    disk.full = False
    notice(at)
    disk.full = True
    put_off = deliver(at)
    assert [(one.state, one.reason) for one in put_off] == [(State.PLANNED, "the disk is full")] * 2
    assert clinic.public() == [Counter(), Counter()]
    disk.full = False
    clinic.clock.pass_by(hours=1)
    deliver(at)
    at.ledger.close()
    assert [sorted(wall.values()) for wall in clinic.public()] == [[1], [1]]


def test_what_is_found_and_known_as_another_delivery_waits_for_a_person(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    clinic.walls = clinic.walls[:1]
    clinic.publish(1)
    at = clinic.open()
    sent = at.ledger.deliveries()[0]
    again = replace(
        sent,
        id="f" * 12,
        key="f" * 64,
        occasion="reshare:1",
        state=State.PLANNED,
        fence=0,
        post_id="",
        sent_at=None,
    )
    assert at.ledger.plan(again, actor="test")
    at.ledger.note("restore", actor="test", at=clinic.clock.now(), body={"restored_line": "1"})
    clinic.walls[0].look = lambda parcel: found_as(sent)  # type: ignore[method-assign]  # noqa: ARG005
    clinic.clock.pass_by(minutes=10)
    release_planned(at)
    deliver(at)
    left = at.ledger.delivery("f" * 12)
    assert left is not None
    assert (left.state, sent.id in left.needs_person) == (State.UNSURE, True)
    at.ledger.close()


def found_as(sent: Delivery) -> Trace:
    return Found(sent.post_id, sent.post_url)


def test_a_withdrawal_goes_out_although_everything_else_waits(tmp_path: Path) -> None:
    class Erasable(WallChannel):
        gone = 0

        def withdraw(self, post_id: str) -> Outcome:
            self.gone += bool(post_id)
            return Sent(post_id, "")

    clinic = Clinic(tmp_path)
    wall = Erasable(tmp_path / "one.wall", name="one")
    clinic.walls = [wall]
    clinic.publish(1)
    backup(clinic.url, tmp_path / "copy.db")
    clinic.publish(2)
    by_hand(clinic, tmp_path / "copy.db")
    clinic.run()
    at = clinic.open()
    known = at.ledger.answer(AnswerId("tag:blog.example,2026:post-11"))
    assert known is not None
    assert known.standing is Standing.FRESH
    withdraw(at, known, why="wrong", by="Pat")
    plan_withdrawals(at)
    deliver(at)
    at.ledger.close()
    assert wall.gone == 1
    assert len(wall.rows()) == 2

"""A clinic on SQLite that loses its memory: its record is put back from an old copy, in each way there is."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from clinic_broadcast.core.delivery import Outcome, Sent, State
from clinic_broadcast.ledger.backup import backup, restore
from clinic_broadcast.ledger.migrate import open_ledger
from clinic_broadcast.ledger.witness import WitnessFile
from clinic_broadcast.ports import Clock
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import plan_withdrawals, withdraw
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.reconcile import notice_silence, remembered
from clinic_broadcast.run.survey import survey
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer


@dataclass
class ErasableWall(WallChannel):
    """A wall from which a promo can be taken back."""

    def withdraw(self, post_id: str) -> Outcome:
        left = [row for row in self.rows() if row["key"][:8] != post_id]
        self.wall.write_text("".join(json.dumps(row) + "\n" for row in left), encoding="utf-8")
        return Sent(post_id=post_id, post_url="")


@dataclass
class Clinic:
    """A clinic on SQLite whose every round is a process of its own: nothing but the files lives on."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    source: FakeSource = field(default_factory=FakeSource)
    mode: str = "auto-clean"
    can_look: bool = True
    can_erase: bool = False
    has_witness: bool = True
    walls: list[WallChannel] = field(default_factory=list)

    def __post_init__(self) -> None:
        make = ErasableWall if self.can_erase else WallChannel
        self.walls = [
            make(self.folder / f"{name}.wall", name=name, can_look=self.can_look) for name in ("one", "two")
        ]
        at = self.open()
        self.source.answers.append(raw_answer(0, title="Old Words"))
        poll(at)
        at.ledger.close()
        self.clock.pass_by(days=1)

    @property
    def file(self) -> Path:
        return self.folder / "state" / "ledger.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    @property
    def witness(self) -> Path:
        return self.folder / "state" / "witness.json"

    def open(self) -> Desk:
        ledger = open_ledger(self.url, "test")
        made = desk(ledger, self.walls, sources=[self.source], clock=self.clock, mode=self.mode)
        if not self.has_witness:
            return made
        witness = WitnessFile(self.witness)
        if witness.seen() is None:
            witness.renew(lambda seen: remembered(ledger, seen))
        return replace(made, witness=witness)

    def answer(self, number: int) -> None:
        self.source.answers.append(raw_answer(10 + number, published_at=self.clock.now()))

    def run(self, *, approving: bool = False) -> None:
        """Do one `run --once`, and let three minutes pass."""
        at = self.open()
        notice_silence(at)
        poll(at)
        plan_fresh(at, skip_first_n=True)
        if approving:
            approve_all(at)
        release_planned(at)
        plan_withdrawals(at)
        deliver(at)
        at.ledger.close()
        self.clock.pass_by(minutes=3)

    def publish(self, number: int) -> None:
        self.answer(number)
        self.run(approving=self.mode == "hold")

    def withdraw(self, number: int) -> None:
        """Do what the command does, and let three minutes pass."""
        at = self.open()
        known = at.ledger.answer(raw_answer(10 + number).id)
        assert known is not None
        withdraw(at, known, why="the patient asked", by="Pat")
        ids = [one.id for one in at.ledger.deliveries(answer_id=known.material.answer_id)]
        deliver(at, only=ids)
        at.ledger.close()
        self.clock.pass_by(minutes=3)

    def public(self) -> list[Counter[str]]:
        """Count what is public on each wall, by key."""
        return [Counter(row["key"] for row in wall.rows()) for wall in self.walls]

    def states(self) -> Counter[State]:
        at = self.open()
        found = Counter(one.state for one in at.ledger.deliveries())
        at.ledger.close()
        return found

    def problems(self) -> tuple[str, ...]:
        at = self.open()
        found = survey(at, ()).problems
        at.ledger.close()
        return found


class Recorded(Protocol):
    """Whatever has a record in a file of its own."""

    @property
    def file(self) -> Path: ...

    @property
    def url(self) -> str: ...

    @property
    def clock(self) -> Clock: ...


def by_command(clinic: Recorded, copy: Path) -> None:
    restore(clinic.url, copy, clinic="test", actor="ann", at=clinic.clock.now())


def by_hand(clinic: Recorded, copy: Path) -> None:
    for ending in ("-wal", "-shm"):
        clinic.file.with_name(clinic.file.name + ending).unlink(missing_ok=True)
    shutil.copyfile(copy, clinic.file)


def by_hand_without_the_witness(clinic: Clinic, copy: Path) -> None:
    by_hand(clinic, copy)
    clinic.witness.unlink()


def by_hand_with_a_torn_witness(clinic: Clinic, copy: Path) -> None:
    by_hand(clinic, copy)
    clinic.witness.write_text('{"number": 12, "ha')


def with_its_old_witness_days_later(clinic: Clinic, copy: Path) -> None:
    by_hand(clinic, copy)
    shutil.copyfile(clinic.folder / "witness.then", clinic.witness)
    clinic.clock.pass_by(days=3)


WAYS = (
    by_command,
    by_hand,
    by_hand_without_the_witness,
    by_hand_with_a_torn_witness,
    with_its_old_witness_days_later,
)


def lose_memory(clinic: Clinic, way: Callable[[Clinic, Path], None]) -> None:
    """Publish one answer, copy the record, publish two more, and put the copy back."""
    clinic.publish(1)
    copy = clinic.folder / "copy.db"
    backup(clinic.url, copy)
    if clinic.witness.exists():
        shutil.copyfile(clinic.witness, clinic.folder / "witness.then")
    clinic.publish(2)
    clinic.publish(3)
    assert [len(wall) for wall in clinic.public()] == [3, 3]
    way(clinic, copy)

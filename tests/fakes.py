"""Fakes that pass the contract suites of what they stand for: a clock, a source, and a wall that outlives a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clinic_broadcast.core.answer import AnswerId, RawAnswer
from clinic_broadcast.core.delivery import Absent, CannotTell, Found, Outcome, Sent, Throttled, Trace, Unsure
from clinic_broadcast.core.measure import Limits
from clinic_broadcast.ports import Batch, Guarantee, Marks, OnPage, Parcel, unheard

START_AT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self, at: datetime = START_AT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def pass_by(self, **span: float) -> None:
        """Let time go by."""
        self.at += timedelta(**span)


@dataclass
class FakeSource:
    """A source whose answers a test puts there."""

    name: str = "fake:blog"
    answers: list[RawAnswer] = field(default_factory=list)

    def poll(
        self, marks: Marks | None, *, is_known: Callable[[AnswerId], bool], on_page: OnPage = unheard
    ) -> Batch:
        del is_known
        on_page(tuple(self.answers))
        state = str(hash(tuple(self.answers)))
        if marks is not None and marks.state == state:
            return Batch(answers=(), marks=marks, unchanged=True)
        return Batch(answers=tuple(self.answers), marks=Marks(state=state))

    def find(self, target: str) -> RawAnswer | None:
        return next((one for one in self.answers if target in (one.id, one.url)), None)


@dataclass
class WallChannel:
    """A network that writes what is public on a wall: a file of JSON lines, which outlives a killed process.

    `can_look` says whether it shows what it has; `behave` may spoil an answer after the promo went up. While it is
    `down` nothing goes up at all.
    """

    wall: Path
    name: str = "wall"
    kind: str = "folder"
    can_look: bool = True
    behave: Callable[[str], Outcome | None] = field(default=lambda _key: None)
    down: bool = False

    @property
    def account(self) -> str:
        return f"wall:{self.name}"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.LOOKED_UP if self.can_look else Guarantee.AT_MOST_ONCE

    @property
    def limits(self) -> Limits:
        return Limits(kind="folder", length_max=100_000, hashtags_max=2, sentences_max=1)

    def send(self, parcel: Parcel) -> Outcome:
        if self.down:
            return Throttled("the wall is down")
        row = json.dumps({"key": parcel.key, "channel": self.name, "text": parcel.payload.text})
        with self.wall.open("a", encoding="utf-8") as file:
            file.write(row + "\n")
            file.flush()
            os.fsync(file.fileno())
        return self.behave(parcel.key) or Sent(post_id=parcel.key[:8], post_url=f"wall:{parcel.key[:8]}")

    def look(self, parcel: Parcel) -> Trace:
        if not self.can_look:
            return CannotTell(reason="the wall shows no machine what it has", forever=True)
        if any(row["key"] == parcel.key for row in self.rows()):
            return Found(post_id=parcel.key[:8], post_url=f"wall:{parcel.key[:8]}")
        return Absent()

    def rows(self) -> list[dict[str, str]]:
        """Give what is public, oldest first."""
        if not self.wall.exists():
            return []
        return [json.loads(line) for line in self.wall.read_text(encoding="utf-8").splitlines()]


def lost_reply(_key: str) -> Outcome:
    """Behave as a network whose answer never arrives."""
    return Unsure(reason="the reply was lost")


def raw_answer(
    number: int, *, title: str = "", body: str = "", published_at: datetime = START_AT
) -> RawAnswer:
    """Give an invented answer with a letter, a greeting, an answer and a signature."""
    return RawAnswer(
        id=AnswerId(f"tag:blog.example,2026:post-{number}"),
        url=f"https://blog.example/2026/03/thyroid-tests-{number}.html",
        title=title or "Thyroid Tests and Early Pregnancy Loss",
        body=body
        or (
            "Question:\n\nHello Dr. Roe, I am writing from Oslo and lost two pregnancies. Should I test?\n\n"
            f"Hello Ingrid from Norway,\n\nAn underactive thyroid can raise the risk of an early loss. "
            f"A simple blood test shows how the thyroid works. Case {number} needs nothing else.\n\n"
            "Jane Roe, M.D.\nThe Example Fertility Center"
        ),
        published_at=published_at,
        updated_at=published_at,
    )

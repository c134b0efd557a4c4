"""When the daemon looks again: at what falls due, at what somebody wrote, at files that a person has changed."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.cli.doorbell import REST, Doorbell
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.plan import next_step_at, plan
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.settings.changes import ReadFiles
from clinic_broadcast.settings.home import Home
from desks import TIMING, desk
from fakes import START_AT, FakeClock, FakeSource, WallChannel, raw_answer

SECOND = timedelta(seconds=1)


def some_delivery(tmp_path: Path) -> Delivery:
    """Give a delivery as planning makes it."""
    source, clock = FakeSource(), FakeClock()
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "wall")], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    (one,) = at.ledger.deliveries()
    return one


PLAIN = some_delivery(Path(os.devnull))
INSTANTS = st.one_of(st.none(), st.integers(-400, 400).map(lambda seconds: START_AT + SECOND * seconds))
ROWS = st.builds(
    lambda state, released_at, not_before, lease_until: replace(
        PLAIN, state=state, released_at=released_at, not_before=not_before, lease_until=lease_until
    ),
    st.sampled_from(State),
    INSTANTS,
    INSTANTS,
    INSTANTS,
)


@given(row=ROWS)
def test_the_next_step_is_due_at_the_instant_foretold_and_at_none_before(row: Delivery) -> None:
    foretold = next_step_at([row], START_AT, TIMING)
    before = bool(plan([row], START_AT, TIMING))
    for ahead in range(1, 900, 7):
        now = START_AT + SECOND * ahead
        if foretold is not None and now >= foretold:
            assert plan([row], now, TIMING)
            break
        assert bool(plan([row], now, TIMING)) == before


def test_it_rings_when_the_record_is_written_and_when_something_falls_due(tmp_path: Path) -> None:
    record, clock = tmp_path / "ledger.db-wal", FakeClock()
    bell = Doorbell((record,), clock)
    assert bell.due_in_s() == 0
    bell.heard()
    assert bell.due_in_s() == math.inf
    record.write_bytes(b"one")
    assert bell.due_in_s() == 0
    bell.heard()
    soon = replace(PLAIN, state=State.PLANNED, released_at=clock.now() + 40 * SECOND)
    bell.foresee([soon], TIMING)
    assert bell.due_in_s() == 40
    clock.pass_by(seconds=41)
    assert bell.due_in_s() < 0
    bell.foresee([soon], TIMING)
    assert bell.due_in_s() == math.inf
    bell.ring()
    assert bell.due_in_s() == 0


def test_a_channel_that_could_not_go_rests_until_its_rest_is_over_or_something_else_is_due() -> None:
    clock = FakeClock()
    bell = Doorbell((), clock)
    due = frozenset({("a", 1)})
    assert not bell.is_resting("x", due)
    bell.rest("x", due)
    assert bell.is_resting("x", due)
    assert not bell.is_resting("y", due)
    assert not bell.is_resting("x", due | {("b", 1)})
    assert not bell.is_resting("x", frozenset({("a", 2)}))
    bell.foresee([], TIMING)
    assert bell.due_at == clock.now() + REST
    clock.at += REST
    assert not bell.is_resting("x", due)
    bell.foresee([], TIMING)
    assert bell.due_at is None


def test_a_changed_file_counts_once_and_only_when_the_change_has_come_to_rest(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for folder in (home.schedules, home.posts, home.secrets):
        folder.mkdir(parents=True)
    home.settings_file.write_text("[clinic]\n")
    files = ReadFiles(home)
    assert not files.have_changed()
    for number, path in enumerate(
        (
            home.settings_file,
            home.own_words_file,
            home.schedules / "poll.toml",
            home.posts / "announce.md",
            home.secrets / "CLINIC_NOTIFY__URLS",
        )
    ):
        path.write_text("x" * (number + 20))
        assert [files.have_changed() for _ in range(3)] == [False, True, False], path
        path.unlink()
        assert [files.have_changed() for _ in range(3)] == [False, True, False], path
    (home.state / "ledger.db").write_text("ours")
    (home.posts / ".announce.md.swp").write_text("an editor's")
    assert [files.have_changed() for _ in range(2)] == [False, False]

"""Re-sharing: after a long rest, in other words, with approval, and never what was corrected or withdrawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.promo import is_reshare
from clinic_broadcast.core.schedule import Job, Schedule
from clinic_broadcast.core.wording import Wording, WordingKind
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.correct import correct, withdraw
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.jobs import run_job
from clinic_broadcast.run.promotion import Planning, plan_fresh
from clinic_broadcast.run.rescan import rescan
from clinic_broadcast.run.reshare import plan_reshares
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, raw_answer

RESHARE = Schedule(
    name="reshare", job=Job.RESHARE, cron="30 12 * * 3", zone=ZoneInfo("America/Los_Angeles"), max_per_run=1
)

LETTER = "Question:\n\nHello Dr. Roe, I am Signe from Odense.\n\nHello Signe from Denmark,\n\n"
SIGNED = "\n\nJane Roe, M.D.\nThe Example Fertility Center"
LONG = (
    "An underactive thyroid can raise the risk of an early pregnancy loss. "
    "A simple blood test shows how well the thyroid gland works before treatment begins. "
    "Treatment with thyroid hormone is safe and it is easy to adjust over time. "
    "Most patients feel better within a few weeks after the treatment has started."
)


def shared_home(
    tmp_path: Path, *, body: str = LONG, **options: object
) -> tuple[Desk, FakeClock, WallChannel]:
    """Give a desk that has announced one answer, approved by a person, on its one channel."""
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, **options)  # type: ignore[arg-type]  # A test's shape.
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, body=LETTER + body + SIGNED, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    approve_all(at)
    release_planned(at)
    deliver(at)
    assert len(wall.rows()) == 1
    return at, clock, wall


def reshares(at: Desk) -> list[Delivery]:
    return [one for one in at.ledger.deliveries() if is_reshare(one.occasion)]


def go_out(at: Desk) -> None:
    approve_all(at)
    release_planned(at, job=Job.RESHARE, count_max=1)
    deliver(at)


def other_words(at: Desk, body: str) -> None:
    """Let the source show other words for the answer."""
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    source.answers[0] = raw_answer(
        1, body=LETTER + body + SIGNED, published_at=source.answers[0].published_at
    )
    poll(at)


def test_an_answer_is_shared_again_after_its_rest_in_other_words_and_with_approval(tmp_path: Path) -> None:
    at, clock, wall = shared_home(tmp_path)
    clock.pass_by(days=89)
    assert plan_reshares(at, RESHARE) == Planning()
    clock.pass_by(days=1)
    assert plan_reshares(at, RESHARE) == Planning(held=1)
    (one,) = reshares(at)
    assert (one.occasion, one.state) == ("reshare:1", State.HELD)
    release_planned(at, job=Job.RESHARE)
    deliver(at)
    assert len(wall.rows()) == 1
    go_out(at)
    first, again = (row["text"] for row in wall.rows())
    assert again.startswith("From the archive.")
    assert first != again
    clock.pass_by(days=60)
    assert plan_reshares(at, RESHARE) == Planning()
    clock.pass_by(days=31)
    plan_reshares(at, RESHARE)
    assert [each.occasion for each in reshares(at)] == ["reshare:1", "reshare:2"]


def test_an_answer_with_one_sentence_only_is_not_shared_again(tmp_path: Path) -> None:
    at, clock, _wall = shared_home(
        tmp_path, body="An underactive thyroid can raise the risk of an early loss."
    )
    clock.pass_by(days=400)
    assert plan_reshares(at, RESHARE) == Planning()


def test_no_more_than_its_bound_waits_however_often_the_slot_comes(tmp_path: Path) -> None:
    at, clock, _wall = shared_home(tmp_path)
    clock.pass_by(days=100)
    for _week in range(4):
        plan_reshares(at, RESHARE)
        clock.pass_by(days=7)
    assert len(reshares(at)) == 1


def test_after_other_words_came_it_is_not_shared_until_a_person_has_approved_them(tmp_path: Path) -> None:
    at, clock, wall = shared_home(tmp_path)
    clock.pass_by(days=100)
    other_words(at, LONG.replace("raise the risk", "double the risk"))
    assert plan_reshares(at, RESHARE) == Planning()
    (known,) = at.ledger.answers()
    correct(at, known)
    assert plan_reshares(at, RESHARE) == Planning()
    approve_all(at)
    release_planned(at)
    deliver(at)
    assert len(wall.rows()) == 2
    clock.pass_by(days=91)
    assert plan_reshares(at, RESHARE) == Planning(held=1)


def test_a_waiting_reshare_of_words_that_have_changed_is_cancelled(tmp_path: Path) -> None:
    at, clock, wall = shared_home(tmp_path)
    clock.pass_by(days=100)
    plan_reshares(at, RESHARE)
    approve_all(at)
    other_words(at, LONG.replace("raise the risk", "double the risk"))
    assert rescan(at).cancelled == 1
    (one,) = reshares(at)
    assert one.state is State.CANCELLED
    release_planned(at, job=Job.RESHARE)
    deliver(at)
    assert len(wall.rows()) == 1


def test_what_was_withdrawn_is_never_shared_again(tmp_path: Path) -> None:
    at, clock, _wall = shared_home(tmp_path)
    (known,) = at.ledger.answers()
    withdraw(at, known, why="the doctor says so", by="Pat")
    deliver(at)
    clock.pass_by(days=400)
    assert plan_reshares(at, RESHARE) == Planning()


def test_nothing_is_shared_again_in_quiet_hours_or_while_a_surge_is_held(tmp_path: Path) -> None:
    at, clock, wall = shared_home(tmp_path)
    clock.pass_by(days=100)
    quiet = replace(at, is_quiet=lambda _name, _at: True)
    assert plan_reshares(quiet, RESHARE) == Planning()
    plan_reshares(at, RESHARE)
    approve_all(at)
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    source.answers.extend(
        raw_answer(number, title=f"Fibroids Part {number}", published_at=clock.now())
        for number in range(2, 8)
    )
    poll(at)
    plan_fresh(at)
    told = run_job(at, RESHARE, {}, clock.now())
    assert told == "0 planned, 0 held, 0 released"
    deliver(at)
    assert len(wall.rows()) == 1


def evergreen(**changes: object) -> Wording:
    shape: dict[str, object] = {
        "name": "visit",
        "file": "posts/visit.md",
        "digest": "d1",
        "template": "How a first visit goes: {link}",
        "kind": WordingKind.EVERGREEN,
        "link": "https://blog.example/visit",
        **changes,
    }
    return Wording(**shape)  # type: ignore[arg-type]  # A test's shape.


def with_wordings(at: Desk, *written: Wording) -> Desk:
    return replace(at, wordings=replace(at.wordings, written=written))


def test_an_evergreen_wording_goes_round_with_its_rest_and_a_one_off_does_not(tmp_path: Path) -> None:
    clock, wall = FakeClock(), WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], clock=clock)
    at = with_wordings(at, evergreen(), evergreen(name="ad", file="posts/ad.md", kind=WordingKind.ONE_OFF))
    assert plan_reshares(at, RESHARE) == Planning(held=1)
    go_out(at)
    assert [one.answer_id for one in reshares(at)] == ["posts/visit.md"]
    clock.pass_by(days=89)
    assert plan_reshares(at, RESHARE) == Planning()
    clock.pass_by(days=2)
    assert plan_reshares(at, RESHARE) == Planning(held=1)
    go_out(at)
    assert [one.occasion for one in reshares(at)] == ["reshare:1", "reshare:2"]
    assert len(wall.rows()) == 2


def test_an_evergreen_wording_keeps_its_channels_and_its_dates(tmp_path: Path) -> None:
    clock, wall = FakeClock(), WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], clock=clock)
    for wording in (
        evergreen(channels=("x",)),
        evergreen(expires="2026-01-01"),
        evergreen(not_before="2027-01-01"),
    ):
        assert plan_reshares(with_wordings(at, wording), RESHARE) == Planning()
    assert plan_reshares(with_wordings(at, evergreen(channels=("wall",))), RESHARE) == Planning(held=1)


def test_those_that_rested_longest_go_first(tmp_path: Path) -> None:
    clock, wall = FakeClock(), WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], clock=clock)
    old, new = evergreen(name="a", file="posts/a.md"), evergreen(name="b", file="posts/b.md")
    plan_reshares(with_wordings(at, old), RESHARE)
    go_out(at)
    clock.pass_by(days=5)
    plan_reshares(with_wordings(at, new), RESHARE)
    go_out(at)
    clock.pass_by(days=120)
    plan_reshares(with_wordings(at, new, old), RESHARE)
    assert [one.answer_id for one in reshares(at)][-1] == "posts/a.md"


def test_a_reshare_job_plans_at_one_slot_and_lets_go_at_the_next(tmp_path: Path) -> None:
    at, clock, wall = shared_home(tmp_path)
    clock.pass_by(days=100)
    assert run_job(at, RESHARE, {}, clock.now()) == "0 planned, 1 held, 0 released"
    approve_all(at)
    clock.pass_by(days=7)
    assert run_job(at, RESHARE, {}, clock.now()) == "0 planned, 0 held, 1 released"
    deliver(at)
    assert len(wall.rows()) == 2


def waiting_home(tmp_path: Path) -> tuple[Desk, FakeClock]:
    """Give a desk with one approved promo that waits for its slot."""
    source, clock = FakeSource(), FakeClock()
    at = desk(MemoryLedger("test"), [WallChannel(tmp_path / "one.wall")], sources=[source], clock=clock)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, body=LETTER + LONG + SIGNED, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    approve_all(at)
    return at, clock


def test_a_rescan_gives_back_to_a_person_what_the_gate_dislikes_now(tmp_path: Path) -> None:
    at, _clock = waiting_home(tmp_path)
    assert rescan(at).held == 0
    assert rescan(replace(at, gate=replace(at.gate, own_names=()))).held == 1
    (one,) = at.ledger.deliveries()
    assert one.state is State.HELD
    assert one.why[0].startswith("gate, at a rescan: privacy.")
    assert one.approved_by == ""


def test_a_rescan_has_todays_rules_judge_what_older_ones_have_judged(tmp_path: Path) -> None:
    at, _clock = waiting_home(tmp_path)
    newer = replace(at, gate=replace(at.gate, lexicon=replace(at.gate.lexicon, version="of tomorrow")))
    assert rescan(newer).intake.changed == 1
    (known,) = at.ledger.answers()
    assert known.material.gate_version == newer.gate.version
    assert rescan(newer).intake.changed == 0

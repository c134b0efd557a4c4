"""From fresh answers to deliveries: planned once, held with reasons, sent once, and nothing of the letter kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import AnswerId
from clinic_broadcast.core.delivery import Outcome, Refused, State, Throttled
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.wording import Wording, WordingKind
from clinic_broadcast.errors import UsageError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.publishing import publish_target
from desks import approve_all, desk
from fakes import FakeClock, FakeSource, WallChannel, lost_reply, raw_answer


def fresh_home(tmp_path: Path, **options: object) -> tuple[Desk, FakeClock, WallChannel]:
    """Give a desk with one fresh answer, polled and not planned yet, and its one channel."""
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    at = desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, **options)  # type: ignore[arg-type]
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    return at, clock, wall


def test_in_hold_mode_every_promo_waits_for_a_person(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path)
    assert plan_fresh(at).held == 1
    release_planned(at)
    deliver(at)
    assert wall.rows() == []
    approve_all(at)
    release_planned(at)
    deliver(at)
    assert len(wall.rows()) == 1


def test_a_clean_promo_goes_by_itself_only_in_auto_clean_mode_and_after_the_first_n(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path, mode="auto-clean", first_n=1)
    assert plan_fresh(at).held == 1
    assert "among the first 1" in at.ledger.deliveries()[0].why[0]
    assert wall.rows() == []


def test_auto_clean_lets_a_promo_without_any_finding_go(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path, mode="auto-clean", first_n=0)
    assert plan_fresh(at).planned == 1
    release_planned(at)
    deliver(at)
    assert len(wall.rows()) == 1


def test_planning_twice_adds_nothing_twice(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    plan_fresh(at)
    assert len(at.ledger.deliveries()) == 1


def test_a_crash_between_recording_and_planning_loses_no_answer(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    # The poll recorded the answer; its process died before it was planned. The next round plans it.
    assert poll(at).fresh == 0
    assert plan_fresh(at).held == 1


def test_no_word_of_the_letter_reaches_a_promo_or_the_ledger(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    kept = " ".join(str(at.ledger.answers()) + str(at.ledger.deliveries()) + str(at.ledger.history()))
    for word in ("Oslo", "Ingrid", "Norway", "lost two"):
        assert word not in kept


def test_nothing_is_sent_in_quiet_hours(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path, mode="auto-clean", quiet=True)
    plan_fresh(at)
    assert release_planned(at) == 0
    assert deliver(at) == []
    assert wall.rows() == []


def test_a_lost_reply_is_looked_up_and_found_not_sent_again(tmp_path: Path) -> None:
    at, clock, wall = fresh_home(tmp_path, mode="auto-clean")
    wall.behave = lost_reply
    plan_fresh(at)
    release_planned(at)
    assert [one.state for one in deliver(at)] == [State.UNSURE]
    assert deliver(at) == []
    clock.pass_by(seconds=90)
    assert [one.state for one in deliver(at)] == [State.SENT]
    assert len(wall.rows()) == 1


def test_a_doubt_on_a_network_that_shows_nothing_goes_to_a_person_and_is_settled_by_one(
    tmp_path: Path,
) -> None:
    at, clock, wall = fresh_home(tmp_path, mode="auto-clean")
    wall.behave, wall.can_look = lost_reply, False
    plan_fresh(at)
    release_planned(at)
    deliver(at)
    clock.pass_by(seconds=90)
    one = deliver(at)[0]
    assert one.needs_person
    settled = review.resolve(at, one.id, sent_url="wall:seen", by="Pat")
    assert settled.delivery.state is State.SENT
    assert len(wall.rows()) == 1


def test_an_answer_edited_after_planning_voids_the_approval(tmp_path: Path) -> None:
    at, clock, wall = fresh_home(tmp_path)
    plan_fresh(at)
    approve_all(at)
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    changed = raw_answer(1, body=source.answers[0].body.replace("simple", "plain"), published_at=clock.now())
    source.answers[0] = changed
    poll(at)
    release_planned(at)
    assert [one.state for one in deliver(at)] == [State.HELD]
    assert wall.rows() == []


def test_a_stale_revision_is_not_approved(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    one = at.ledger.deliveries()[0]
    assert "has changed" in review.approve(at, one.id, revision="0" * 64).refused
    assert review.approve(at, one.id, revision=one.payload.revision, by="Pat").refused == ""


def test_an_edit_is_read_by_the_gate_and_may_not_name_the_patient(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    one = at.ledger.deliveries()[0]
    edited = review.edit(
        at, one.id, text=f"Ingrid from Norway asks about the thyroid. {one.payload.link}", by="Pat"
    )
    assert any(finding.severity is not Severity.NOTE for finding in edited.findings)
    assert review.approve(at, one.id, by="Pat").refused


REFUSALS: list[Outcome] = [Refused("Invalid token", of_account=True), Throttled("too many requests")]


@pytest.mark.parametrize("outcome", REFUSALS)
def test_a_channel_that_says_no_gets_no_further_send_and_holds_back_no_other(
    tmp_path: Path, outcome: Outcome
) -> None:
    at, clock, bad = fresh_home(tmp_path, mode="auto-clean")
    good = WallChannel(tmp_path / "good.wall", name="good")
    at = desk(at.ledger, [bad, good], sources=list(at.sources.values()), clock=clock, mode="auto-clean")
    calls: list[str] = []

    def refuse(key: str) -> Outcome:
        calls.append(key)
        return outcome

    bad.behave = refuse
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    source.answers.append(
        raw_answer(
            2,
            title="Do Polyps Need to Come Out Before a Transfer?",
            body=(
                "Hello Dr. Roe, what of polyps?\n\nHello Ingrid,\n\n"
                "Polyps are usually removed before a transfer.\n\nJane Roe, M.D."
            ),
            published_at=clock.now(),
        )
    )
    poll(at)
    plan_fresh(at)
    release_planned(at)
    deliver(at)
    assert len(calls) == 1
    assert len(good.rows()) == 2


def test_while_no_channel_is_enabled_no_answer_is_forgotten(tmp_path: Path) -> None:
    at, clock, wall = fresh_home(tmp_path)
    without = desk(at.ledger, [], sources=list(at.sources.values()), clock=clock)
    assert plan_fresh(without).held == 0
    assert plan_fresh(desk(at.ledger, [wall], clock=clock)).held == 1


def test_a_held_promo_is_written_anew_when_its_answer_changes(tmp_path: Path) -> None:
    at, clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    before = at.ledger.deliveries()[0]
    source = at.sources["fake:blog"]
    assert isinstance(source, FakeSource)
    body = source.answers[0].body.replace(
        "An underactive thyroid can raise", "An overactive thyroid can raise"
    )
    source.answers[0] = raw_answer(1, body=body, published_at=clock.now())
    poll(at)
    plan_fresh(at)
    after = at.ledger.deliveries()[0]
    assert "overactive" in after.payload.text
    assert (after.state, after.id) == (State.HELD, before.id)
    assert review.approve(at, after.id, revision=before.payload.revision, by="Pat").refused
    assert review.approve(at, after.id, by="Pat").refused == ""


def test_a_promo_that_is_only_its_link_cannot_be_approved(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    one = at.ledger.deliveries()[0]
    assert review.edit(at, one.id, text="   ", by="Pat").refused
    assert review.edit(at, one.id, text=one.payload.link, by="Pat").refused == ""
    assert "no words" in review.approve(at, one.id, by="Pat").refused


def test_an_edit_that_forgets_the_link_gets_it_back(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    plan_fresh(at)
    one = at.ledger.deliveries()[0]
    edited = review.edit(at, one.id, text="A simple blood test shows how the thyroid works.", by="Pat")
    assert edited.delivery.payload.text.endswith(one.payload.link)


def test_an_edit_keeps_the_link_where_a_card_carried_it(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path)
    wall.kind = "bluesky"
    plan_fresh(at)
    one = at.ledger.deliveries()[0]
    edited = review.edit(at, one.id, text="A simple blood test shows how the thyroid works.", by="Pat")
    assert edited.delivery.payload.card is None
    assert edited.delivery.payload.text.endswith(one.payload.link)


@pytest.mark.parametrize("first_n", [1, 2, 3, 4])
def test_just_the_first_n_wait_whatever_was_published_by_hand_before(tmp_path: Path, first_n: int) -> None:
    source, clock = FakeSource(), FakeClock()
    walls = [WallChannel(tmp_path / f"{name}.wall", name=name) for name in ("one", "two")]
    at = desk(MemoryLedger("test"), walls, sources=[source], clock=clock, mode="auto-clean", first_n=first_n)
    poll(at)
    clock.pass_by(days=1)
    source.answers += [raw_answer(number, published_at=clock.now()) for number in (1, 2)]
    poll(at)
    publish_target(at, str(raw_answer(1).id), {"one": walls[0]})
    plan_fresh(at)
    early = [one for one in at.ledger.deliveries() if any("among the first" in why for why in one.why)]
    assert len(at.ledger.deliveries()) == 4
    assert len(early) == first_n


def test_publish_holds_the_same_words_at_another_address_until_a_person_has_seen_the_note(
    tmp_path: Path,
) -> None:
    at, clock, wall = fresh_home(tmp_path, mode="auto-clean", first_n=0)
    first = at.ledger.unplanned()[0].material
    publish_target(at, first.url, at.channels)
    assert len(wall.rows()) == 1
    (source,) = at.sources.values()
    assert isinstance(source, FakeSource)
    raw = source.answers[-1]
    source.answers.append(
        replace(raw, id=AnswerId("tag:moved.example,2026:1"), url="https://moved.example/1")
    )
    clock.pass_by(days=1)
    poll(at)
    (one,) = publish_target(at, "https://moved.example/1", at.channels)
    assert (one.state, one.why) == (
        State.HELD, ("intake: the same words are known at another address",),
    )  # fmt: skip
    assert len(wall.rows()) == 1


def test_the_first_n_wait_for_a_person_in_publish_as_well(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path, mode="auto-clean", first_n=5)
    (one,) = publish_target(at, at.ledger.unplanned()[0].material.url, at.channels)
    assert one.state is State.HELD
    assert wall.rows() == []


def written_by_hand(at: Desk, **changes: object) -> Desk:
    wording = Wording(
        name="flu",
        file="posts/flu.md",
        digest="d",
        template="Vaccines are safe in pregnancy. {link}",
        kind=WordingKind.ONE_OFF,
        link="https://blog.example/flu",
        **changes,  # type: ignore[arg-type]
    )
    return replace(at, wordings=replace(at.wordings, written=(wording,)))


@pytest.mark.parametrize("changes", [{"expires": "2020-01-01"}, {"not_before": "2099-01-01"}])
def test_a_wording_out_of_its_time_is_not_published(tmp_path: Path, changes: dict[str, object]) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    with pytest.raises(UsageError):
        publish_target(written_by_hand(at, **changes), "posts/flu.md", at.channels)


def test_a_wording_that_names_its_channels_goes_nowhere_else(tmp_path: Path) -> None:
    at, _clock, _wall = fresh_home(tmp_path)
    assert publish_target(written_by_hand(at, channels=("other",)), "posts/flu.md", at.channels) == []
    assert len(publish_target(written_by_hand(at, channels=("wall",)), "posts/flu.md", at.channels)) == 1


def test_a_mended_token_is_tried_at_a_persons_next_command(tmp_path: Path) -> None:
    at, _clock, wall = fresh_home(tmp_path, mode="auto-clean")
    wall.behave = lambda _key: Refused("Invalid token", of_account=True)
    plan_fresh(at)
    release_planned(at)
    deliver(at)
    wall.wall.unlink()
    wall.behave = lambda _key: None
    assert deliver(at) == []
    assert [one.state for one in deliver(at, retry_accounts=True)] == [State.SENT]


def test_a_trace_of_another_delivery_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    at, clock, wall = fresh_home(tmp_path, mode="auto-clean")
    plan_fresh(at)
    release_planned(at)
    deliver(at)
    (sent,) = at.ledger.deliveries()
    second = replace(
        sent,
        id="f" * 12,
        key=sent.key,
        occasion="correct:r",
        state=State.PLANNED,
        fence=0,
        post_id="",
        post_url="",
        sent_at=None,
        attempts=0,
        first_sent_at=None,
        claimed_at=None,
        released_at=None,
        planned_at=clock.now(),
    )
    assert at.ledger.plan(second, actor="test")
    wall.behave = lost_reply
    release_planned(at)
    deliver(at)
    clock.pass_by(minutes=5)
    (after,) = deliver(at)
    assert (after.state, bool(after.needs_person)) == (State.UNSURE, True)

"""Every channel against every promise of the kit and every way in which a network can misbehave."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_broadcast.channels import BUILT_IN, conformance, kinds, open_channel
from clinic_broadcast.channels.conformance import PROMISES, parcel_for
from clinic_broadcast.core.delivery import Absent, CannotTell, Found, Refused, Sent, Throttled, Unsure
from clinic_broadcast.core.utm import Utm, tagged, untagged
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ports import Channel, Guarantee, Probing
from contract.channels import CHANNELS, PUBLISHING, Folder, Network, network_rig

KINDS = sorted(PUBLISHING)
LISTING = ["x", "facebook", "mastodon", "linkedin", "threads"]
READABLE = [*LISTING, "bluesky"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as networks:
        yield networks


@pytest.fixture
def networks(running: Networks) -> Networks:
    running.reset()
    return running


def _channel(kind: str, networks: Networks, home: Path) -> tuple[Channel, Network]:
    rig = network_rig(kind, networks)
    return open_channel(rig.setup(home)), rig


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_every_channel_keeps_every_promise(
    kind: str, promise: str, networks: Networks, tmp_path: Path
) -> None:
    rig = Folder(folder=tmp_path / "outbox") if kind == "folder" else network_rig(kind, networks)

    PROMISES[promise](rig, tmp_path / "home")

    assert len(rig.texts()) <= 1


def test_every_kind_has_a_rig_and_a_factory() -> None:
    assert set(CHANNELS) == set(BUILT_IN)
    assert set(BUILT_IN) <= set(kinds())


# What is seen after one call that publishes was spoiled: outcome, copies, and what a look says.
UNSURE_NOT_THERE = ("drop_before", "500", "502", "503", "504", "redirect307")
UNSURE_BUT_THERE = ("drop_after", "hang", "cut", "lie500", "wrong_json")


@pytest.mark.parametrize("mode", UNSURE_NOT_THERE)
@pytest.mark.parametrize("kind", KINDS)
def test_what_may_have_arrived_is_unsure_and_can_be_sent_after_a_look(
    kind: str, mode: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    rig.spoil(mode)
    parcel = parcel_for()

    outcome = channel.send(parcel)

    assert isinstance(outcome, Unsure), outcome
    assert rig.texts() == []
    trace = channel.look(parcel)
    if channel.guarantee is Guarantee.AT_MOST_ONCE:
        assert trace == CannotTell(getattr(trace, "reason", ""), forever=True)
        return
    assert trace == Absent()
    assert isinstance(channel.send(parcel), Sent)
    assert rig.texts() == [parcel.payload.text]


@pytest.mark.parametrize("mode", UNSURE_BUT_THERE)
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_obeyed_without_a_good_answer_is_unsure_and_found(
    kind: str, mode: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    rig.spoil(mode)
    parcel = parcel_for()

    outcome = channel.send(parcel)

    # LinkedIn's answer is its headers alone, and a webhook's success is its status alone.
    is_whole_answer = (kind, mode) in {("linkedin", "cut"), ("webhook", "wrong_json")}
    assert isinstance(outcome, Sent if is_whole_answer else Unsure), outcome
    assert rig.texts() == [parcel.payload.text]
    trace = channel.look(parcel)
    if rig.shows_what_it_has:
        assert isinstance(trace, Found), trace
    elif channel.guarantee is Guarantee.EXACT:
        assert isinstance(channel.send(parcel), Sent)
    else:
        assert isinstance(trace, CannotTell)
        assert trace.forever
    assert rig.texts() == [parcel.payload.text]


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_with_utm_parameters_is_published_whole_and_found_with_and_without_them(
    kind: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    bare = parcel_for()
    link = tagged(f"{bare.payload.link}?m=1", Utm(campaign="blog"), kind=kind)
    payload = replace(bare.payload, text=bare.payload.text.replace(bare.payload.link, link), link=link)
    parcel = replace(bare, payload=payload)
    without = untagged(link)
    rig.spoil("drop_after")

    channel.send(parcel)

    assert rig.texts() == [payload.text]
    if rig.shows_what_it_has:
        assert isinstance(channel.look(parcel), Found)
        # Bluesky is asked for the record by its key and compares it byte for byte.
        if channel.guarantee is not Guarantee.EXACT:
            text = payload.text.replace(link, without)
            other = replace(parcel, payload=replace(payload, text=text, link=without))
            assert isinstance(channel.look(other), Found)
    assert rig.texts() == [payload.text]


@pytest.mark.parametrize("kind", KINDS)
def test_a_publication_later_than_our_patience_is_found_once_it_is_there(
    kind: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    rig.spoil("late")
    parcel = parcel_for()

    outcome = channel.send(parcel)

    assert isinstance(outcome, Unsure), outcome
    until_s = time.monotonic() + 10
    while not rig.texts() and time.monotonic() < until_s:
        time.sleep(0.05)
    trace = channel.look(parcel)
    assert isinstance(trace, Found) is rig.shows_what_it_has, trace
    if channel.guarantee is Guarantee.EXACT:
        assert isinstance(channel.send(parcel), Sent)
    assert rig.texts() == [parcel.payload.text]


@pytest.mark.parametrize("mode", ["429", "429_bare"])
@pytest.mark.parametrize("kind", KINDS)
def test_too_many_calls_is_throttled_with_the_networks_own_instant(
    kind: str, mode: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    rig.spoil(mode)

    outcome = channel.send(parcel_for())

    assert isinstance(outcome, Throttled), outcome
    # LinkedIn's quotas end at midnight, told or not; Threads tells nothing.
    tells = {"linkedin": True, "threads": False}.get(kind, mode == "429")
    assert (outcome.until is not None) is tells
    if outcome.until is not None and kind != "linkedin":
        wait = outcome.until - datetime.fromtimestamp(time.time(), UTC)
        assert timedelta(seconds=30) < wait < timedelta(seconds=90)
    assert rig.texts() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_token_stops_the_account_and_not_the_promo(
    kind: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    rig.spoil("token_dead", nth="always")

    outcome = channel.send(parcel_for())

    assert isinstance(outcome, Refused), outcome
    assert outcome.of_account
    assert rig.texts() == []


def test_a_used_up_plan_stops_the_account_on_x(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("x", networks, tmp_path)
    for status in (402, 403, 429):
        networks.set("x", out_of_credit_status=status, usage_capped=True)
        outcome = channel.send(parcel_for())
        assert isinstance(outcome, Refused), outcome
        assert outcome.of_account
    assert rig.texts() == []


def test_a_duplicate_on_x_is_unsure_and_adopted_when_it_is_ours(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("x", networks, tmp_path)
    parcel = parcel_for()
    rig.spoil("lie500")
    assert isinstance(channel.send(parcel), Unsure)

    again = channel.send(parcel)

    assert isinstance(again, Unsure)
    assert "duplicate content" in again.reason
    assert isinstance(channel.look(parcel), Found)
    assert len(rig.texts()) == 1


@pytest.mark.parametrize("kind", ["facebook", "linkedin"])
def test_a_duplicate_elsewhere_is_unsure_too(kind: str, networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    parcel = parcel_for()
    assert isinstance(channel.send(parcel), Sent)

    again = channel.send(parcel)

    assert isinstance(again, Unsure), again
    assert len(rig.texts()) == 1


@pytest.mark.parametrize(
    "mode", ["500", "503", "cut", "wrong_json", "429", "drop_before", "redirect307", "token_dead"]
)
@pytest.mark.parametrize("kind", READABLE)
def test_a_look_that_failed_never_says_absent(
    kind: str, mode: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel(kind, networks, tmp_path)
    parcel = parcel_for()
    assert isinstance(channel.send(parcel), Sent)
    rig.spoil_reading(mode)

    trace = channel.look(parcel)

    assert isinstance(trace, CannotTell), trace
    assert not trace.forever


@pytest.mark.parametrize("kind", LISTING)
def test_a_look_reads_every_page(kind: str, networks: Networks, tmp_path: Path) -> None:
    channel, _ = _channel(kind, networks, tmp_path)
    if kind in {"x", "mastodon"}:
        networks.set(kind, rate_limits=False)
    parcel = parcel_for()
    sent = channel.send(parcel)
    assert isinstance(sent, Sent)
    rows = {"x": 100, "facebook": 100, "mastodon": 40, "linkedin": 50, "threads": 50}[kind]
    for number in range(2, rows + 4):
        assert isinstance(channel.send(parcel_for(number)), Sent)

    patient = open_channel(replace(network_rig(kind, networks).setup(tmp_path), timeout_s=10))
    trace = patient.look(parcel)
    assert isinstance(trace, Found), trace
    assert trace.post_id == sent.post_id
    assert patient.look(parcel_for(10_000)) == Absent()


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_send_costs_few_calls_and_publishes_with_one(
    kind: str, networks: Networks, tmp_path: Path
) -> None:
    channel, _ = _channel(kind, networks, tmp_path)

    assert isinstance(channel.send(parcel_for()), Sent)

    calls = networks.calls(kind)
    publishing = [one for one in calls if one["method"] == "POST" and one["path"].endswith(PUBLISHING[kind])]
    assert len(publishing) == 1
    # Bluesky logs in; Threads makes a container, asks for its state, and for the address at the end.
    assert len(calls) == {"bluesky": 2, "threads": 4}.get(kind, 1)


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_a_probe_says_that_a_good_account_is_well(kind: str, networks: Networks, tmp_path: Path) -> None:
    rig = Folder(folder=tmp_path / "outbox") if kind == "folder" else network_rig(kind, networks)
    channel = open_channel(rig.setup(tmp_path))
    assert isinstance(channel, Probing)
    assert all(check.ok for check in channel.probe()), channel.probe()
    assert rig.texts() == []


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"webhook"}))
def test_a_probe_says_what_is_wrong_and_what_mends_it(kind: str, networks: Networks, tmp_path: Path) -> None:
    setup = network_rig(kind, networks).setup(tmp_path)
    networks.fault(kind, "token_dead", method="", nth="always")
    for channel in (open_channel(setup), open_channel(replace(setup, credentials={}))):
        assert isinstance(channel, Probing)
        found = channel.probe()
        assert not any(check.ok for check in found), found
        assert all(check.fix and check.detail for check in found)


def test_the_kit_is_strong_enough_to_see_a_channel_that_doubles(networks: Networks, tmp_path: Path) -> None:
    networks.set("mastodon", idempotency="ignored")
    rig = network_rig("mastodon", networks)
    channel = open_channel(rig.setup(tmp_path))
    channel.send(parcel_for())
    with pytest.raises(conformance.BrokenPromiseError):
        PROMISES["a_send_publishes_the_exact_text_once"](rig, tmp_path)

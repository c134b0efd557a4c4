"""What only one network does: sessions, containers, keys that are ignored, deletions that are none."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.channels import open_channel
from clinic_broadcast.channels.conformance import parcel_for
from clinic_broadcast.core.delivery import Absent, CannotTell, Found, Refused, Sent, Throttled, Unsure
from clinic_broadcast.core.promo import Payload
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ports import Channel, Guarantee, Withdrawing
from contract.channels import PUBLISHING, Network, network_rig

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


def test_a_server_that_ignores_paging_is_read_to_its_end(networks: Networks, tmp_path: Path) -> None:
    networks.set("mastodon", paging=False, rate_limits=False)
    channel, _ = _channel("mastodon", networks, tmp_path)
    for number in range(1, 6):
        assert isinstance(channel.send(parcel_for(number)), Sent)
    assert isinstance(channel.look(parcel_for(3)), Found)
    assert channel.look(parcel_for(99)) == Absent()


def test_a_server_that_ignores_the_key_is_still_looked_up(networks: Networks, tmp_path: Path) -> None:
    networks.set("mastodon", idempotency="ignored")
    channel, rig = _channel("mastodon", networks, tmp_path)
    parcel = parcel_for()
    rig.spoil("drop_after")
    assert isinstance(channel.send(parcel), Unsure)
    assert isinstance(channel.look(parcel), Found)
    assert len(rig.texts()) == 1


def test_a_server_that_hides_what_it_keeps_has_not_withdrawn_it(networks: Networks, tmp_path: Path) -> None:
    networks.set("mastodon", delete_works=False)
    channel, rig = _channel("mastodon", networks, tmp_path)
    sent = channel.send(parcel_for())
    assert isinstance(sent, Sent)
    assert isinstance(channel, Withdrawing)

    outcome = channel.withdraw(sent.post_id)

    assert isinstance(outcome, Refused), outcome
    assert len(rig.texts()) == 1


@pytest.mark.parametrize("v2", [True, False])
def test_a_mastodon_server_tells_its_own_limits(v2: bool, networks: Networks, tmp_path: Path) -> None:
    networks.set("mastodon", max_characters=5_000, characters_reserved_per_url=32, instance_v2=v2)
    channel, _ = _channel("mastodon", networks, tmp_path)

    assert (channel.limits.length_max, channel.limits.url_length) == (5_000, 32)
    asked = len(networks.calls("mastodon"))
    assert channel.limits.length_max == 5_000
    assert len(networks.calls("mastodon")) == asked


def test_a_session_of_bluesky_outlives_the_process_and_is_refreshed(
    networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel("bluesky", networks, tmp_path)
    assert isinstance(channel.send(parcel_for(1)), Sent)
    kept = tmp_path / "state" / "sessions" / "bluesky.json"
    assert kept.stat().st_mode & 0o777 == 0o600

    assert isinstance(open_channel(rig.setup(tmp_path)).send(parcel_for(2)), Sent)
    networks.set("all", clock_offset_s=7_300.0)
    assert isinstance(open_channel(rig.setup(tmp_path)).send(parcel_for(3)), Sent)

    paths = [one["path"].rpartition(".")[2] for one in networks.calls("bluesky")]
    assert paths.count("createSession") == 1
    assert paths.count("refreshSession") == 1


def test_a_log_in_that_fails_leaves_nothing_in_doubt(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("bluesky", networks, tmp_path)
    networks.fault("bluesky", "503", path="createSession")
    networks.fault("bluesky", "drop_after", path="createSession", nth=2)
    assert isinstance(channel.send(parcel_for()), Throttled)
    assert isinstance(channel.send(parcel_for()), Throttled)
    wrong = replace(
        rig.setup(tmp_path), credentials={"handle": "clinic.demo.test", "app_password": "wrong-one"}
    )
    refused = open_channel(wrong).send(parcel_for())
    assert isinstance(refused, Refused)
    assert refused.of_account
    assert rig.texts() == []


def test_another_text_under_our_key_on_bluesky_is_refused(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("bluesky", networks, tmp_path)
    parcel = parcel_for()
    assert isinstance(channel.send(parcel), Sent)

    outcome = channel.send(replace(parcel, payload=Payload(text="Other words", link="")))

    assert isinstance(outcome, Refused), outcome
    assert not outcome.of_account
    assert rig.texts() == [parcel.payload.text]


def test_the_same_text_with_another_card_under_our_key_is_ours(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("bluesky", networks, tmp_path)
    parcel = parcel_for()
    assert isinstance(channel.send(parcel), Sent)
    assert isinstance(channel.send(replace(parcel, payload=replace(parcel.payload, card=None))), Sent)
    assert len(rig.texts()) == 1


def test_a_container_that_was_published_unanswered_is_not_published_again(
    networks: Networks, tmp_path: Path
) -> None:
    channel, rig = _channel("threads", networks, tmp_path)
    parcel = parcel_for()
    rig.spoil("drop_after")
    assert isinstance(channel.send(parcel), Unsure)

    for vanishes in (False, True):
        networks.set("threads", status_vanishes=vanishes)
        assert isinstance(open_channel(rig.setup(tmp_path)).send(parcel), Unsure)
        assert len(rig.texts()) == 1


def test_a_container_that_threads_cannot_find_is_made_anew_later(networks: Networks, tmp_path: Path) -> None:
    networks.set("threads", media_not_found=1)
    channel, rig = _channel("threads", networks, tmp_path)
    first = channel.send(parcel_for())
    assert isinstance(first, Throttled)
    assert first.until is not None
    assert isinstance(channel.send(parcel_for()), Sent)
    assert len(rig.texts()) == 1


def test_a_lost_container_is_no_doubt(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("threads", networks, tmp_path)
    networks.fault("threads", "drop_after", path="/4000000001/threads")
    assert isinstance(channel.send(parcel_for()), Throttled)
    assert rig.texts() == []


def test_a_slow_container_is_waited_for_and_then_left_for_later(networks: Networks, tmp_path: Path) -> None:
    networks.set("threads", container_delay_s=3_600.0)
    channel, rig = _channel("threads", networks, tmp_path)
    assert isinstance(channel.send(parcel_for()), Throttled)
    networks.set("threads", container_delay_s=0.0)
    assert isinstance(channel.send(parcel_for()), Sent)
    made = [one for one in networks.calls("threads", "POST") if one["path"].endswith("/threads")]
    assert len(made) == 1
    assert len(rig.texts()) == 1


def test_a_personal_profile_on_linkedin_is_at_most_once(networks: Networks, tmp_path: Path) -> None:
    setup = network_rig("linkedin", networks).setup(tmp_path)
    person = replace(setup, credentials={**setup.credentials, "author_urn": "urn:li:person:abc"})
    channel = open_channel(person)
    assert channel.guarantee is Guarantee.AT_MOST_ONCE
    assert channel.look(parcel_for()) == CannotTell(
        "LinkedIn lets no program read a person's profile; please look there", forever=True
    )


def test_reserved_characters_reach_linkedin_whole(networks: Networks, tmp_path: Path) -> None:
    channel, rig = _channel("linkedin", networks, tmp_path)
    text = r"Vitamin D (25-OH) <30 ng/mL: {what} [now]? a_b *c* ~d~ #Tag @x \ | https://answers.example.org/a_(b).html"
    parcel = parcel_for(payload=Payload(text=text, link="https://answers.example.org/a_(b).html"))

    assert isinstance(channel.send(parcel), Sent)

    assert rig.texts() == [text]
    assert isinstance(channel.look(parcel), Found)

"""Pictures of cards on the networks: with their alt text, never in the way of the text, never a cause of doubles."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from clinic_broadcast.cards.paint import paint
from clinic_broadcast.channels import open_channel
from clinic_broadcast.channels.conformance import parcel_for
from clinic_broadcast.core.delivery import Found, Sent, Throttled, Unsure
from clinic_broadcast.core.promo import Card, alt_of
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ports import Channel, Parcel
from contract.channels import Network, network_rig

UPLOADS = {
    "x": "/2/media/upload",
    "facebook": "/photos",
    "mastodon": "/api/v2/media",
    "bluesky": "com.atproto.repo.uploadBlob",
}
KINDS = sorted(UPLOADS)
WORDS = Card(title="Thyroid Tests", description="What a test can show.", disclaimer="No advice.")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as networks:
        yield networks


@pytest.fixture
def networks(running: Networks) -> Networks:
    running.reset()
    return running


@pytest.fixture(scope="module")
def picture() -> bytes:
    drawn = paint(WORDS)
    assert drawn is not None
    return drawn


def pictured(picture: bytes, number: int = 1) -> Parcel:
    parcel = parcel_for(number)
    digest = hashlib.sha256(picture).hexdigest()
    card = replace(WORDS, alt=alt_of(WORDS), picture=digest)
    return replace(parcel, payload=replace(parcel.payload, card=card), picture=picture)


def opened(kind: str, networks: Networks, home: Path) -> tuple[Channel, Network]:
    rig = network_rig(kind, networks)
    return open_channel(rig.setup(home)), rig


def thumbs(networks: Networks) -> list[dict[str, Any]]:
    """Give the pictures in the link cards of Bluesky."""
    query = {"repo": "clinic.demo.test", "collection": "app.bsky.feed.post"}
    url = f"{networks.url_for('bluesky')}/xrpc/com.atproto.repo.listRecords"
    records = requests.get(url, params=query, timeout=5).json()["records"]
    externals = [one["value"]["embed"]["external"] for one in records]
    return [one["thumb"] for one in externals if "thumb" in one]


@pytest.mark.parametrize("kind", ["x", "facebook", "mastodon"])
def test_a_picture_goes_out_with_its_alt_text(
    kind: str, networks: Networks, tmp_path: Path, picture: bytes
) -> None:
    channel, rig = opened(kind, networks, tmp_path)
    parcel = pictured(picture)
    assert isinstance(channel.send(parcel), Sent)
    (shown,) = networks.wall(kind)
    assert shown["text"] == parcel.payload.text
    assert [(one["sha256"], one["alt"]) for one in shown["media"]] == [
        (hashlib.sha256(picture).hexdigest(), "Thyroid Tests. What a test can show. No advice.")
    ]
    assert len(rig.texts()) == 1


def test_on_bluesky_the_picture_stands_in_the_link_card_under_its_own_address(
    networks: Networks, tmp_path: Path, picture: bytes
) -> None:
    channel, _ = opened("bluesky", networks, tmp_path)
    parcel = pictured(picture)
    assert isinstance(channel.send(parcel), Sent)
    (thumb,) = thumbs(networks)
    assert (thumb["mimeType"], thumb["size"]) == ("image/png", len(picture))
    # The same delivery once more is the same record, byte for byte.
    assert isinstance(channel.send(parcel), Sent)
    assert len(networks.wall("bluesky")) == 1


@pytest.mark.parametrize(
    "mode", ["drop_before", "drop_after", "503", "lie500", "429", "429_bare", "wrong_json", "cut"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_that_fails_leaves_nothing_public_and_nothing_in_doubt(
    kind: str, mode: str, networks: Networks, tmp_path: Path, picture: bytes
) -> None:
    channel, rig = opened(kind, networks, tmp_path)
    networks.fault(kind, mode, method="POST", path=UPLOADS[kind], seconds=60)
    parcel = pictured(picture)
    outcome = channel.send(parcel)
    assert isinstance(outcome, Throttled), outcome
    assert outcome.reason.startswith("picture: ")
    assert rig.texts() == []

    assert isinstance(channel.send(parcel), Sent)
    assert rig.texts() == [parcel.payload.text]


@pytest.mark.parametrize("kind", KINDS)
def test_after_an_hour_of_failed_uploads_the_text_goes_out_alone(
    kind: str, networks: Networks, tmp_path: Path, picture: bytes
) -> None:
    channel, rig = opened(kind, networks, tmp_path)
    networks.fault(kind, "503", method="POST", path=UPLOADS[kind], nth="always")
    parcel = pictured(picture)
    parcel = replace(parcel, first_sent_at=parcel.first_sent_at - timedelta(minutes=61))
    assert isinstance(channel.send(parcel), Sent)
    assert rig.texts() == [parcel.payload.text]
    assert all(not one["media"] for one in networks.wall(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_refuses_the_picture_gets_the_text_alone_at_once(
    kind: str, networks: Networks, tmp_path: Path
) -> None:
    channel, rig = opened(kind, networks, tmp_path)
    too_large = b"no picture" * 110_000
    parcel = pictured(too_large)
    assert isinstance(channel.send(parcel), Sent)
    assert rig.texts() == [parcel.payload.text]
    assert all(not one["media"] for one in networks.wall(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_answer_to_the_text_is_found_again_by_a_look(
    kind: str, networks: Networks, tmp_path: Path, picture: bytes
) -> None:
    channel, rig = opened(kind, networks, tmp_path)
    rig.spoil("drop_after")
    parcel = pictured(picture)
    assert isinstance(channel.send(parcel), Unsure)
    assert isinstance(channel.look(parcel), Found)
    assert rig.texts() == [parcel.payload.text]


def test_the_alt_text_goes_before_the_promo_or_the_picture_stays_away(
    networks: Networks, tmp_path: Path, picture: bytes
) -> None:
    channel, rig = opened("x", networks, tmp_path)
    networks.fault("x", "503", method="POST", path="/2/media/metadata")
    parcel = pictured(picture)
    assert isinstance(channel.send(parcel), Throttled)
    assert rig.texts() == []
    assert isinstance(channel.send(parcel), Sent)
    paths = [one["path"] for one in networks.calls("x")]
    assert paths == ["/2/media/upload", "/2/media/metadata"] * 2 + ["/2/tweets"]


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_picture_nothing_is_uploaded(kind: str, networks: Networks, tmp_path: Path) -> None:
    channel, _ = opened(kind, networks, tmp_path)
    assert isinstance(channel.send(parcel_for()), Sent)
    assert not [one for one in networks.calls(kind) if UPLOADS[kind] in one["path"]]

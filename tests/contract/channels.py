"""Every channel kind with its rig: a far side on this machine that can be told to misbehave."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clinic_broadcast.channels import ChannelSetup, conformance, pytest_kit
from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.demo.networks.faults import MODES


class RealClock:
    """This machine's clock: the simulated networks check signatures and windows against it."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Network:
    """One simulated network as a rig; `publishing` is how the path ends that makes something public."""

    kind: str
    publishing: str
    networks: Networks
    shows_what_it_has: bool = True
    modes: frozenset[str] = frozenset(MODES)

    def setup(self, home: Path) -> ChannelSetup:
        return ChannelSetup(
            name=self.kind,
            kind=self.kind,
            api_url=self.networks.url_for(self.kind),
            credentials=CREDENTIALS[self.kind],
            timeout_s=conformance.TIMEOUT_S,
            clock=RealClock(),
            options={},
            home=home,
        )

    def texts(self) -> list[str]:
        return [str(one["text"]) for one in self.networks.wall(self.kind)]

    def spoil(self, mode: str, **more: object) -> None:
        if mode in {"hang", "late"}:
            more = {"seconds": 2 * conformance.TIMEOUT_S, **more}
        self.networks.fault(self.kind, mode, method="POST", path=self.publishing, **more)

    def spoil_reading(self, mode: str) -> None:
        """Spoil every call that reads."""
        self.networks.fault(self.kind, mode, method="GET", nth="always")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder as a rig: nothing of it misbehaves."""

    folder: Path
    shows_what_it_has: bool = True
    modes: frozenset[str] = field(default=frozenset())

    def setup(self, home: Path) -> ChannelSetup:
        return ChannelSetup(
            name="folder",
            kind="folder",
            api_url="",
            credentials={},
            timeout_s=conformance.TIMEOUT_S,
            clock=RealClock(),
            options={"path": str(self.folder)},
            home=home,
        )

    def texts(self) -> list[str]:
        return [one.read_bytes().decode() for one in sorted(self.folder.glob("*"))]

    def spoil(self, mode: str) -> None:
        raise NotImplementedError(mode)


PUBLISHING: Mapping[str, str] = {
    "x": "/2/tweets",
    "facebook": "/feed",
    "mastodon": "/api/v1/statuses",
    "bluesky": "/xrpc/com.atproto.repo.putRecord",
    "linkedin": "/rest/posts",
    "threads": "/threads_publish",
    "telegram": "/sendMessage",
    "webhook": "",
}
SHOWS_NOTHING = frozenset({"telegram", "webhook"})


def network_rig(kind: str, networks: Networks) -> Network:
    """Give the rig of a kind on simulated networks that run already."""
    return Network(
        kind=kind,
        publishing=PUBLISHING[kind],
        networks=networks,
        shows_what_it_has=kind not in SHOWS_NOTHING,
    )


def _open(kind: str) -> conformance.OpenRig:
    @contextlib.contextmanager
    def open_rig(folder: Path) -> Generator[conformance.Rig]:
        if kind == "folder":
            yield Folder(folder=folder / "outbox")
            return
        with Networks(folder / "networks") as networks:
            yield network_rig(kind, networks)

    return open_rig


CHANNELS: Mapping[str, conformance.OpenRig] = {kind: _open(kind) for kind in (*PUBLISHING, "folder")}
pytest_kit.REGISTERED.update(CHANNELS)

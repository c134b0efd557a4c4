"""A folder as a channel: each promo becomes one file, named after its delivery, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.core.delivery import Absent, CannotTell, Found, Outcome, Refused, Sent, Throttled, Trace
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

NAME_DIGITS: Final = 32
"""So many digits of the key name the file: 128 bits, and short enough to read."""


@dataclass(frozen=True, slots=True)
class FolderChannel:
    """The folder of one channel; the file's name is the key, so a second attempt finds the first one's file."""

    setup: ChannelSetup
    folder: Path

    @property
    def name(self) -> str:
        return self.setup.name

    @property
    def kind(self) -> str:
        return "folder"

    @property
    def account(self) -> str:
        return f"folder:{self.setup.name}"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.EXACT

    @property
    def limits(self) -> Limits:
        return LIMITS["folder"]

    def send(self, parcel: Parcel) -> Outcome:
        if self.setup.clock.now() > parcel.deadline_at:
            return Throttled("the claim was too old when the file could have been written")
        path = self._path(parcel)
        text = parcel.payload.text.encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_once(path, text)
        except FileExistsError:
            return self._compare(path, text)
        except OSError as error:
            # Until the last step succeeds nothing is visible, so nothing is published.
            return self._refused(error)
        return _sent(path)

    def look(self, parcel: Parcel) -> Trace:
        path = self._path(parcel)
        try:
            path.stat()
        except FileNotFoundError:
            return Absent()
        except OSError as error:
            return CannotTell(f"{self.folder}: {error.strerror}")
        return Found(path.name, path.as_uri())

    def withdraw(self, post_id: str) -> Outcome:
        if Path(post_id).name != post_id:
            return Refused(f"{post_id!r} is not the name of a file of this folder")
        try:
            (self.folder / post_id).unlink(missing_ok=True)
        except OSError as error:
            return self._refused(error)
        return Sent(post_id, "")

    def probe(self) -> tuple[Check, ...]:
        """Say whether files can be written there."""
        place = next((one for one in (self.folder, *self.folder.parents) if one.exists()), self.folder)
        ok = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        fix = "" if ok else f"make {self.folder} a folder that this user may write to"
        return (Check(name=f"{self.name}: folder", ok=ok, detail=str(self.folder), fix=fix),)

    def _path(self, parcel: Parcel) -> Path:
        return self.folder / f"{parcel.key[:NAME_DIGITS]}.txt"

    def _compare(self, path: Path, text: bytes) -> Outcome:
        try:
            stands = path.read_bytes()
        except OSError as error:
            return self._refused(error)
        return _sent(path) if stands == text else Refused(f"{path.name} is there already with another text")

    def _refused(self, error: OSError) -> Outcome:
        reason = f"{self.folder}: {error.strerror}"
        lacks_right = isinstance(error, PermissionError | NotADirectoryError | IsADirectoryError)
        return Refused(reason, of_account=True) if lacks_right else Throttled(reason)


def open_channel(setup: ChannelSetup) -> Channel:
    """Open a folder: `path` of the settings, else `outbox/NAME` in the home."""
    path = setup.options.get("path") or Path("outbox") / setup.name
    return FolderChannel(setup, setup.home / Path(str(path)).expanduser())


def _sent(path: Path) -> Sent:
    return Sent(path.name, path.as_uri())


def _write_once(path: Path, text: bytes) -> None:
    """Make the file appear whole, and durably; raises FileExistsError when it is there already."""
    with _beside(path) as beside:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces what another worker has written meanwhile.
        os.link(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _beside(path: Path) -> Generator[Path]:
    beside = path.with_name(f".{path.stem}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)

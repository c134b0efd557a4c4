"""Keeps the register of people in `state/people.json`: for its owner alone, and replaced as a whole."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from clinic_broadcast.core.people import People, Person, Role, Session, SignInLink
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.config import Settings

MODE: Final = 0o600
BYTES_MAX: Final = 1 << 20
"""A clinic of a hundred people, each with ten devices, needs a fifth of it."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PeopleFile:
    """The register of one home, in its folder `state/`; also two programs at once lose no change.

    It stands outside the record on purpose: a backup that is put back must not bring a used link, a session that
    was ended or a person who left back with it.
    """

    state: Path

    @property
    def path(self) -> Path:
        """Give the file."""
        return self.state / "people.json"

    def read(self) -> People:
        """Give the register, empty where there is none yet; raises SettingsError when it cannot be trusted."""
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                raw = file.read(BYTES_MAX + 1)
        except FileNotFoundError:
            return People()
        except OSError as error:
            raise SettingsError(f"{self.path}: cannot be read: {error.strerror}") from None
        if mode & 0o077:
            raise SettingsError(
                f"{self.path}: others may read it (mode {mode:04o}); run: chmod 600 '{self.path}'"
            )
        try:
            return _people_of(json.loads(raw))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SettingsError(
                f"{self.path}: is damaged; move it away and add the people again: clinic-broadcast people add NAME"
            ) from None

    def change(self, step: Callable[[People], tuple[People, Result]]) -> Result:
        """Let `step` give the next register, keep it durably, and give what else it gives; nobody changes meanwhile.

        Raises SettingsError when the file cannot be read or written; it is then as it was.
        """
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                before = self.read()
                after, result = step(before)
                if after != before:
                    self._write(after)
                return result
        except OSError as error:
            raise SettingsError(f"{self.path}: cannot be written: {error.strerror}") from None

    @contextmanager
    def _locked(self) -> Generator[None]:
        handle = os.open(self.state / "people.lock", os.O_RDWR | os.O_CREAT, MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, people: People) -> None:
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "w", encoding="utf-8"
        ) as file:
            json.dump(_shape_of(people), file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)
        folder = os.open(self.state, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def address_of_people(settings: Settings) -> str:
    """Give the origin under which people reach the daemon's port, such as https://review.example.org; maybe none."""
    parts = urlsplit(settings.web.url or settings.clinic.public_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def review_address(settings: Settings) -> str:
    """Give the address of the review page where somebody may sign in and an address is set; empty otherwise."""
    origin = address_of_people(settings)
    try:
        return f"{origin}/review" if origin and PeopleFile(settings.home.state).read().persons else ""
    except SettingsError:
        # `doctor` and the page itself say what is wrong; a notice is not the place.
        return ""


def _shape_of(people: People) -> dict[str, Any]:
    return {
        "persons": [
            {"name": one.name, "role": one.role.value, "added_at": one.added_at.isoformat()}
            for one in people.persons
        ],
        "links": [
            {"digest": one.digest, "name": one.name, "expires_at": one.expires_at.isoformat()}
            for one in people.links
        ],
        "sessions": [
            {
                "digest": one.digest,
                "name": one.name,
                "begun_at": one.begun_at.isoformat(),
                "expires_at": one.expires_at.isoformat(),
            }
            for one in people.sessions
        ],
    }


def _people_of(shape: Any) -> People:  # noqa: ANN401  # Whatever stands in the file.
    return People(
        persons=tuple(
            Person(name=str(one["name"]), role=Role(one["role"]), added_at=_instant(one["added_at"]))
            for one in shape["persons"]
        ),
        links=tuple(
            SignInLink(
                digest=str(one["digest"]), name=str(one["name"]), expires_at=_instant(one["expires_at"])
            )
            for one in shape["links"]
        ),
        sessions=tuple(
            Session(
                digest=str(one["digest"]),
                name=str(one["name"]),
                begun_at=_instant(one["begun_at"]),
                expires_at=_instant(one["expires_at"]),
            )
            for one in shape["sessions"]
        ),
    )


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return at

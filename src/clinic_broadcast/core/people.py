"""Who may sign in to the review page: people, their one-time links and their sessions, all as values.

Links and sessions are kept as digests of their tokens: whoever reads the register can sign in with nothing of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from clinic_broadcast.errors import UsageError

LINK_LASTS: Final = timedelta(hours=1)
"""Long enough to be sent to a phone and opened between two patients, and too short to be found in an old mail."""

SESSION_LASTS: Final = timedelta(days=30)
"""A doctor who looks in every week never signs in again; a phone that was lost is signed out by name at once."""

SESSIONS_MAX: Final = 10
"""A person with more devices than this loses the oldest session."""

NAME_MAX: Final = 60


class Role(StrEnum):
    """What a person may do: decide, or only look."""

    REVIEWER = "reviewer"
    READER = "reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the clinic; `name` is what the history says decided."""

    name: str
    role: Role
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLink:
    """A link that signs one person in, once."""

    digest: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser in which a person is signed in."""

    digest: str
    name: str
    begun_at: datetime
    expires_at: datetime


Row = TypeVar("Row", SignInLink, Session)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The register: everybody who may sign in, with the links and sessions that stand."""

    persons: tuple[Person, ...] = ()
    links: tuple[SignInLink, ...] = ()
    sessions: tuple[Session, ...] = ()

    def named(self, name: str) -> Person | None:
        """Give the person of this name, whatever its case."""
        return next((one for one in self.persons if one.name.casefold() == name.casefold()), None)


def digest_of(token: str) -> str:
    """Give what is kept of a token: it has 256 random bits, so a plain sha256 cannot be turned round."""
    return hashlib.sha256(token.encode()).hexdigest()


def checked_name(text: str) -> str:
    """Give a person's name as it is kept; raises UsageError for what nobody is called."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > NAME_MAX or not name.isprintable() or not re.search(r"\w", name):
        raise UsageError(f'a name has 1 to {NAME_MAX} characters on one line, such as "Dr. Jane Roe"')
    return name


def added(people: People, name: str, *, role: Role, now: datetime) -> tuple[People, Person]:
    """Add a person; raises UsageError when somebody of this name is there."""
    person = Person(name=checked_name(name), role=role, added_at=now)
    if people.named(person.name) is not None:
        raise UsageError(
            f"{person.name} is there already; a new sign-in link: clinic-broadcast people link NAME"
        )
    return replace(people, persons=(*people.persons, person)), person


def invited(
    people: People, name: str, token: str, *, now: datetime, lasts: timedelta = LINK_LASTS
) -> tuple[People, SignInLink]:
    """Let a token sign a person in once; a link given out before ends. Raises UsageError for an unknown name."""
    person = known(people, name)
    link = SignInLink(digest=digest_of(token), name=person.name, expires_at=now + lasts)
    others = tuple(one for one in people.links if one.name != person.name and one.expires_at > now)
    return replace(people, links=(*others, link)), link


def link_of(people: People, token: str, now: datetime) -> SignInLink | None:
    """Give the link of this token if it may still be used; uses nothing up."""
    found = _matching(people.links, token)
    return found if found is not None and found.expires_at > now else None


def signed_in(
    people: People, link_token: str, session_token: str, *, now: datetime
) -> tuple[People, Person | None]:
    """Use a link up and begin a session; nobody, and nothing changes, when it is unknown, used or too old."""
    link = link_of(people, link_token, now)
    person = people.named(link.name) if link is not None else None
    if link is None or person is None:
        return people, None
    left = replace(people, links=tuple(one for one in people.links if one != link))
    return with_session(left, person, session_token, now=now), person


def with_session(people: People, person: Person, token: str, *, now: datetime) -> People:
    """Begin a session of this person; those that are over, or too many, are dropped."""
    begun = Session(digest=digest_of(token), name=person.name, begun_at=now, expires_at=now + SESSION_LASTS)
    standing = [one for one in people.sessions if one.expires_at > now]
    own = [one for one in standing if one.name == person.name]
    dropped = {one.digest for one in own[: max(0, len(own) - SESSIONS_MAX + 1)]}
    return replace(people, sessions=(*(one for one in standing if one.digest not in dropped), begun))


def person_of(people: People, session_token: str, now: datetime) -> Person | None:
    """Give who is signed in with this session, or nobody."""
    found = _matching(people.sessions, session_token)
    if found is None or found.expires_at <= now:
        return None
    return people.named(found.name)


def signed_out(people: People, session_token: str) -> People:
    """End one session."""
    digest = digest_of(session_token)
    return replace(people, sessions=tuple(one for one in people.sessions if one.digest != digest))


def signed_out_everywhere(people: People, name: str) -> People:
    """End all sessions and links of a person, for a phone that was lost; raises UsageError for an unknown name."""
    person = known(people, name)
    return replace(
        people,
        links=tuple(one for one in people.links if one.name != person.name),
        sessions=tuple(one for one in people.sessions if one.name != person.name),
    )


def removed(people: People, name: str) -> People:
    """Take a person out, with everything that signs them in; raises UsageError for an unknown name."""
    person = known(people, name)
    left = signed_out_everywhere(people, name)
    return replace(left, persons=tuple(one for one in left.persons if one != person))


def known(people: People, name: str) -> Person:
    """Give the person of this name; raises UsageError when there is none."""
    person = people.named(checked_name(name))
    if person is None:
        names = ", ".join(sorted(one.name for one in people.persons)) or "nobody yet"
        raise UsageError(f"nobody is called {name!r}; known: {names}")
    return person


def _matching(rows: Iterable[Row], token: str) -> Row | None:
    """Give the row of this token; all are compared, each in a time that does not tell how much of it was right."""
    digest = digest_of(token)
    found = None
    for one in rows:
        if hmac.compare_digest(one.digest, digest):
            found = one
    return found

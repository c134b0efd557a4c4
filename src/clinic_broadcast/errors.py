"""What can be wrong with us; what the far side does is a value, never an exception.

    BroadcastError
    ├── UsageError      the command line asks for something that is not there or makes no sense (exit 2)
    ├── SettingsError   a person must change a file, a setting or a secret (exit 4)
    ├── TokenError      an account's token or scope is missing, wrong or has ended (exit 5)
    ├── SourceError     a source could not be read; nothing has changed, try later (exit 75)
    ├── LedgerError     the record cannot be read or written; stop before sending (exit 1)
    │   └── DamageError the record itself is damaged; only a backup helps
    └── BugError        an invariant is broken; tell a person (exit 1)

Every message says what is wrong, where, and what to do. None holds a secret or a patient's word.
"""

from __future__ import annotations

from typing import ClassVar


class BroadcastError(Exception):
    """The base of all errors of this package; `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 1


class UsageError(BroadcastError):
    """The command asks for something that is not there or makes no sense."""

    exit_code = 2


class SettingsError(BroadcastError):
    """A person must change a file, a setting or a secret before this can work."""

    exit_code = 4


class TokenError(BroadcastError):
    """An account's token or scope is missing, wrong or has ended."""

    exit_code = 5


class SourceError(BroadcastError):
    """A source could not be read; nothing has changed, and a later try may succeed."""

    exit_code = 75


class LedgerError(BroadcastError):
    """The record cannot be read or written: stop before anything is sent."""


class DamageError(LedgerError):
    """The record itself is damaged: a backup must take its place."""


class BugError(BroadcastError):
    """An invariant of ours is broken: nothing may go on, and a person must be told."""

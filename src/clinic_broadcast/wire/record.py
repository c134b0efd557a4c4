"""Opens the record of a home, and the record as a thing to be kept: verified, copied, put back, migrated."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clinic_broadcast.errors import DamageError, LedgerError
from clinic_broadcast.ports import Ledger, Witness
from clinic_broadcast.run.reconcile import remembered
from clinic_broadcast.settings.config import Settings, read_settings
from clinic_broadcast.settings.home import Home
from clinic_broadcast.wire.keeping import ONE_CLINIC, SystemClock, clinic_of

if TYPE_CHECKING:
    from clinic_broadcast.ledger.backup import Figures, Restored


def open_home_ledger(settings: Settings, *, read_only: bool) -> Ledger:
    """Open the record in use; with `read_only` none is made where none is yet."""
    if read_only and missing_record(settings):
        # A preview before the first run: an empty record in memory, so that nothing is written.
        from clinic_broadcast.ledger.memory import MemoryLedger

        return MemoryLedger(ONE_CLINIC)
    from clinic_broadcast.ledger.migrate import open_ledger

    with naming_the_backup(settings.home):
        return open_ledger(settings.database_url, clinic_of(settings))


def missing_record(settings: Settings) -> str:
    """Say that the home's own file has no record, and what to do; nothing when it has one, or a server keeps it."""
    home = settings.home
    if settings.database_url != home.ledger_url or home.ledger_file.exists():
        return ""
    return (
        f"there is no record of this home ({home.ledger_file}); if the home is new, run `clinic-broadcast init`; "
        f"if it had one, first put that back: `{way_back(home)}`"
    )


def way_back(home: Home) -> str:
    """Give the command that puts the newest backup there is in the place of the record."""
    newest = max(home.backups.glob("ledger-*.db"), key=lambda one: one.name, default=None)
    return f"clinic-broadcast restore {'FILE' if newest is None else newest}"


@contextmanager
def naming_the_backup(home: Home) -> Generator[None]:
    """Raise a damaged record's error inside with the command that helps; `FILE` when there is no backup here."""
    try:
        yield
    except DamageError as error:
        raise LedgerError(f"{error}: stop the daemon, then `{way_back(home)}`") from None


def open_witness(settings: Settings, ledger: Ledger, *, read_only: bool) -> Witness:
    """Give the witness of the home; a new one stands beside an empty record from its first opening on."""
    from clinic_broadcast.ledger.witness import WitnessFile

    witness = WitnessFile(settings.home.state / "witness.json")
    if not read_only and witness.seen() is None:
        # A record that is not empty is not trusted here: what is to be sent is then looked for first.
        witness.renew(lambda seen: remembered(ledger, seen))
    return witness


def sqlite_version() -> str:
    """Give the version of SQLite that this Python carries."""
    import sqlite3

    return sqlite3.sqlite_version


@dataclass(frozen=True, slots=True)
class Record:
    """The ledger of a home as a thing to be kept: verified, copied, put back, migrated."""

    settings: Settings

    def verify(self) -> list[str]:
        """Give what is wrong with the history; nothing when it is whole."""
        from clinic_broadcast.ledger.audit import verify
        from clinic_broadcast.ledger.migrate import open_ledger

        with naming_the_backup(self.settings.home):
            ledger = open_ledger(self.settings.database_url, clinic_of(self.settings))
            try:
                return verify(ledger)
            finally:
                ledger.close()

    def next_backup(self) -> Path:
        """Give the file that a backup made now would have."""
        at = SystemClock().now()
        return self.settings.home.backups / f"ledger-{at:%Y%m%dT%H%M%SZ}.db"

    def backup(self, target: Path) -> Figures:
        """Write a checked copy of the record in use."""
        from clinic_broadcast.ledger.backup import backup

        return backup(self.settings.database_url, target)

    def restore(self, source: Path, *, actor: str) -> Restored:
        """Put a checked backup in the place of the record; the caller holds the home, so that no daemon runs."""
        from clinic_broadcast.ledger.backup import restore

        url, clinic = self.settings.database_url, clinic_of(self.settings)
        return restore(url, source, clinic=clinic, actor=actor, at=SystemClock().now())

    def migrate(self) -> None:
        """Bring the record to the form that this version needs."""
        from clinic_broadcast.ledger.migrate import migrate

        migrate(self.settings.database_url)


def open_record(home: Path, environ: Mapping[str, str]) -> Record:
    """Give the record of a home to be kept; raises SettingsError for anything a person must mend."""
    return Record(read_settings(home, environ))

"""Voters that are installed beside the program: packages with an entry point in the group clinic_broadcast.voters."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from clinic_broadcast.core.rules.votes import Objections, Voter
from clinic_broadcast.errors import SettingsError

GROUP: Final = "clinic_broadcast.voters"


def installed_voters() -> tuple[Voter, ...]:
    """Give every installed voter with its version, by name; none comes with the program.

    Whoever installs one wants its votes: it can only add holds. Raises SettingsError when one cannot be loaded.
    """
    voters: list[Voter] = []
    for found in entry_points(group=GROUP):
        try:
            objections: Objections = found.load()
        except Exception as error:  # noqa: BLE001 - Whatever a package's own code raises: without its vote nothing runs.
            raise SettingsError(
                f"the voter {found.name!r} cannot be loaded ({type(error).__name__}); mend or uninstall its package"
            ) from None
        version = found.dist.version if found.dist is not None else "?"
        voters.append(Voter(name=f"{found.name} {version}", object_to=objections))
    return tuple(sorted(voters, key=lambda one: one.name))

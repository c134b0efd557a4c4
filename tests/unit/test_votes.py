"""Voters can add a hold and do nothing else; an installed one is part of the gate's version."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_text
from clinic_broadcast.core.rules.votes import Voter
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.wire import voters as module
from clinic_broadcast.wire.voters import installed_voters
from gate_pages import gate

TEXT = "Polyps are often removed before a transfer."


def places_of_transfer(text: str) -> list[tuple[int, int]]:
    at = text.find("transfer")
    return [(at, at + 8), (5, 4), (-1, 3), (0, 10_000)]


def test_a_vote_adds_a_hold_at_its_place_and_changes_the_gates_version() -> None:
    voting = replace(gate(), voters=(Voter(name="reader 1.0", object_to=places_of_transfer),))
    (found,) = examine_text(voting, TEXT)
    assert (found.rule, found.severity, found.excerpt) == ("privacy.vote", Severity.HOLD, "transfer")
    assert voting.version == f"{gate().version}+reader 1.0"


def test_no_vote_takes_a_finding_away() -> None:
    voting = replace(gate(), voters=(Voter(name="silent", object_to=lambda _text: ()),))
    text = "My husband Bram is 41."
    assert examine_text(voting, text) == examine_text(gate(), text) != ()


def test_none_comes_with_the_program_and_one_that_cannot_be_loaded_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert installed_voters() == ()
    broken = EntryPoint(name="broken", value="no.such.module:vote", group=module.GROUP)
    monkeypatch.setattr(module, "entry_points", lambda group: EntryPoints([broken]).select(group=group))
    with pytest.raises(SettingsError, match="'broken' cannot be loaded"):
        installed_voters()


def test_an_installed_voter_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EntryPoint(name="mine", value=f"{__name__}:places_of_transfer", group=module.GROUP)
    monkeypatch.setattr(module, "entry_points", lambda group: EntryPoints([found]).select(group=group))
    (voter,) = installed_voters()
    assert voter.name == "mine ?"
    assert next(iter(voter.object_to(TEXT))) == (34, 42)

"""A guard around a process that is taken away is missed: clocks, SIGTERM, several programs at once, leases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import State
from clinic_broadcast.demo.networks.client import Networks
from faults.mutants import living
from faults.process_mutants import IN_THIS_PROCESS, OF_THE_DAEMON, Guard, stop_with_a_send_in_hand

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as running:
        yield running


def named(guard: Guard) -> str:
    return guard.mutant.name.replace(" ", "-")


@pytest.mark.parametrize("guard", IN_THIS_PROCESS, ids=named)
def test_every_removed_guard_of_a_process_is_missed(guard: Guard, networks: Networks, tmp_path: Path) -> None:
    # That the trial passes with the guard in place is what its own suite says.
    with living(guard.mutant), pytest.raises((AssertionError, pytest.fail.Exception)):
        guard.trial(networks, tmp_path)


@pytest.mark.parametrize("mutant", OF_THE_DAEMON)
def test_a_daemon_that_does_not_finish_its_send_is_missed(
    mutant: str, networks: Networks, tmp_path: Path
) -> None:
    networks.reset()
    assert stop_with_a_send_in_hand(networks, tmp_path, mutant) != (0, State.SENT)


def test_with_its_guards_in_place_the_daemon_finishes_its_send(networks: Networks, tmp_path: Path) -> None:
    networks.reset()
    assert stop_with_a_send_in_hand(networks, tmp_path) == (0, State.SENT)

"""A guard around the record that is taken away is missed: of the restore, the witness, the withdrawals, the spend."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinic_broadcast.ports import Head
from faults.mutants import living
from faults.record_mutants import GUARDS, Guard, meet_a_slow_writer


@pytest.mark.heavy
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.mutant.name.replace(" ", "-"))
def test_every_removed_guard_of_the_record_is_missed(guard: Guard, tmp_path: Path) -> None:
    # That the trial passes with the guard in place is what its own suite says.
    with living(guard.mutant), pytest.raises((Exception, pytest.fail.Exception)):
        guard.trial(tmp_path)


def test_a_slow_writer_puts_no_older_head_over_a_newer_one(tmp_path: Path) -> None:
    assert meet_a_slow_writer(tmp_path) == Head(2, "b" * 64)

"""Prints at the end of a run what the long suites counted, also when they ran in processes of their own."""

from __future__ import annotations

import gc
from itertools import chain

import pytest

from clinic_broadcast.__main__ import GARBAGE_MIN

# As in the program; the tests' modules live until the end, too.
gc.set_threshold(GARBAGE_MIN, 20, 20)

TOLD = "told"
"""A test that counts something records it as a property of this name."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write one line for each figure that a test told."""
    reports = [one for one in chain(*terminalreporter.stats.values()) if isinstance(one, pytest.TestReport)]
    lines = [
        str(value)
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == TOLD
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)

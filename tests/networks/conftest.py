"""One set of simulated networks for the whole run of a worker, emptied before each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_broadcast.demo.networks import Networks


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    with Networks(Path(tmp_path_factory.mktemp("networks"))) as found:
        yield found


@pytest.fixture
def networks(running: Networks) -> Networks:
    running.reset()
    return running

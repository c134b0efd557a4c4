"""The server that forks processes with everything loaded: one for all suites, so a death or a command costs little.

There is one such server in a process of tests, and what it has loaded is decided when it starts; so every suite that
forks starts it here, and none can start it with less than the next one needs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from typing import Final

import pytest

FORKS: Final = multiprocessing.get_context("forkserver")
LOADED: Final = ("faults.kill_warm", "e2e.warm")
DEATH_MAX_S: Final = 60.0


def start_fork_server() -> None:
    """Start the server if it does not run yet; it finds our modules by the environment alone."""
    FORKS.set_forkserver_preload(list(LOADED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()


def dies(target: Callable[..., None], *arguments: object) -> bool:
    """Run the target in a process of its own; True when kill -9 ended it, False when it came to its own good end."""
    start_fork_server()
    child = FORKS.Process(target=target, args=arguments)
    child.start()
    child.join(DEATH_MAX_S)
    if child.exitcode is None:
        child.kill()
        child.join()
        raise AssertionError("the child hangs")
    assert child.exitcode in {0, -signal.SIGKILL}, f"the child ended with {child.exitcode}"
    return child.exitcode != 0

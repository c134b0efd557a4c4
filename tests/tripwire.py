"""A tripwire at every port: counts each call before and after it, and kills this very process at a chosen count."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any


class Tripwire:
    """Counts edges; at edge `die_at` (counted from 1) the process dies as by kill -9. Zero never dies."""

    def __init__(self, die_at: int = 0) -> None:
        self.die_at = die_at
        self.edges = 0

    def touch(self) -> None:
        """Pass one edge, or die on it."""
        self.edges += 1
        if self.edges == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, port: object, *names: str) -> Any:
        """Give the port with a tripwire before and after each of the named calls."""
        return _Wired(self, port, names)


class _Wired:
    def __init__(self, wire: Tripwire, port: object, names: tuple[str, ...]) -> None:
        self._wire = wire
        self._port = port
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._names:
            return found
        return _wired(self._wire, found)


def _wired(wire: Tripwire, call: Callable[..., Any]) -> Callable[..., Any]:
    def wired(*args: Any, **kwargs: Any) -> Any:
        wire.touch()
        result = call(*args, **kwargs)
        wire.touch()
        return result

    return wired

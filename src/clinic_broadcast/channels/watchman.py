"""One thread that ends every call which outlasts its time: to start one for each call costs more than to make it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final


@dataclass(order=True, slots=True)
class _Alarm:
    """When somebody is to be called, and whether that is still wanted; alarms of one instant keep their order."""

    at_s: float
    number: int
    call: Callable[[], None] = field(compare=False)
    is_off: bool = field(default=False, compare=False)


class Watchman:
    """Calls back at the end of a time, in a thread of its own, unless the block is left before.

    The thread begins with the first block and never keeps the interpreter from ending. What is called back must
    not block and not raise.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alarms: list[_Alarm] = []
        self._numbers = itertools.count()
        self._wakes_at_s = float("inf")
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Give how many calls are kept in mind."""
        with self._changed:
            return len(self._alarms)

    @contextmanager
    def watch(self, within_s: float, call: Callable[[], None]) -> Generator[None]:
        """Call back once when the block still runs after so many seconds; never after it was left."""
        alarm = _Alarm(time.monotonic() + within_s, next(self._numbers), call)
        with self._changed:
            heapq.heappush(self._alarms, alarm)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._keep, name="watchman", daemon=True)
                self._thread.start()
            elif alarm.at_s < self._wakes_at_s:
                # Most alarms end later than the one before them: the thread need not hear of those.
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                alarm.is_off = True
                self._drop_off()

    def _keep(self) -> None:
        with self._changed:
            while True:
                self._drop_off()
                left_s = self._alarms[0].at_s - time.monotonic() if self._alarms else None
                if left_s is not None and left_s <= 0:
                    heapq.heappop(self._alarms).call()
                    continue
                self._wakes_at_s = self._alarms[0].at_s if self._alarms else float("inf")
                self._changed.wait(left_s)

    def _drop_off(self) -> None:
        """Forget those that nobody wants any more, so that what they would call is not kept for their time."""
        while self._alarms and self._alarms[0].is_off:
            heapq.heappop(self._alarms)


WATCHMAN: Final = Watchman()
"""The one of this process."""

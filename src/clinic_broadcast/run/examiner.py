"""Examines the pages of a first reading in a second process, while further pages are still being read.

A helping hand and nothing more: what it does not give is examined by the caller, with the same result. Where there is
one processor, where threads run, for a small blog, or once the second process has died, it gives nothing.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import zlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from clinic_broadcast.core.answer import Answer, RawAnswer
from clinic_broadcast.core.gate import Gate, examine_answer
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.zones import read_answer

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor
    from multiprocessing.process import BaseProcess

Examined: TypeAlias = tuple[Answer, Material]

AT_ONCE: Final = 25
"""Answers handed over together: some forty milliseconds of work."""

BEGUN_MAX: Final = 3
"""What the other process has begun or finds at its door. Nothing that it was given is ever called back: where a
future was cancelled and the process dies, ProcessPoolExecutor of Python 3.11 leaves the other futures open for ever."""

WORTH_IT_FROM: Final = 300
"""Answers from which on a second process is started; half a second's work does not need one."""

_QUICK: Final = 1
"""The weakest compression: results wait until all of a blog is read, and it halves them for little time."""


@dataclass(slots=True, eq=False)
class _Share:
    """Some answers, and what became of them: with the other process (`future`), or examined here meanwhile."""

    raws: tuple[RawAnswer, ...]
    future: Future[bytes] | None = None
    here: tuple[Examined, ...] = ()


@dataclass(slots=True)
class Examiner:
    """Knows what has been examined ahead. Made by `open_examiner`."""

    gate: Gate
    pool: ProcessPoolExecutor | None = None
    is_able: bool = True
    _waiting: deque[_Share] = field(default_factory=deque["_Share"])
    _begun: int = 0
    _hands: threading.RLock = field(default_factory=threading.RLock)
    """Held by whoever takes from those that wait: this thread, or the pool's, which hears that a share is done."""
    _place: dict[int, _Share] = field(default_factory=dict[int, "_Share"])
    """By identity: a share keeps its answers until it is opened, so no other object can have theirs."""
    _opened: _Share | None = None
    _found: dict[int, Examined] = field(default_factory=dict[int, Examined])

    def take(self, raws: Sequence[RawAnswer]) -> None:
        """Begin with answers that have just been read; those that were taken before are passed over."""
        new = [raw for raw in raws if id(raw) not in self._place]
        for start in range(0, len(new), AT_ONCE):
            share = _Share(tuple(new[start : start + AT_ONCE]))
            self._place.update((id(raw), share) for raw in share.raws)
            self._waiting.append(share)
        if self.pool is None and self.is_able and len(self._place) >= WORTH_IT_FROM:
            self.pool = _copied(self.gate, self._waiting[0].raws[0])
            self.is_able = self.pool is not None
        self._hand_over()

    def find(self, raw: RawAnswer) -> Examined | None:
        """Give one answer as it was examined; None where nobody has, and the caller must. Ask in the order taken."""
        share = self._place.pop(id(raw), None)
        if share is None:
            return None
        if share is not self._opened:
            self._open(share)
        return self._found.get(id(raw))

    def close(self) -> None:
        """End the second process, when it has done what it has in hand."""
        self.is_able = False
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None

    def _hand_over(self) -> None:
        """Give the other process as much as keeps it busy, and no more: the rest can still be taken by this one."""
        with self._hands:
            while self.is_able and self.pool and self._waiting and self._begun < BEGUN_MAX:
                share = self._waiting.popleft()
                try:
                    share.future = self.pool.submit(_examine_packed, share.raws)
                except RuntimeError:
                    # It has died: a broken pool takes nothing more.
                    self.is_able = False
                    return
                self._begun += 1
                share.future.add_done_callback(self._hear)

    def _hear(self, done: Future[bytes]) -> None:
        """Hear from the pool's thread that a share is done; a death is told with the pool's lock held."""
        if done.exception() is not None:
            self.is_able = False
            return
        with self._hands:
            self._begun -= 1
            self._hand_over()

    def _open(self, share: _Share) -> None:
        """Have the results of a share at hand, and let go of the one before."""
        examined = share.here or self._fetched(share)
        if self._opened is not None:
            self._opened.raws = ()
        self._opened = share
        # Answers are examined in their order; one that is not there is examined by the caller.
        self._found = {id(raw): one for raw, one in zip(share.raws, examined, strict=False)}
        share.here = ()
        share.future = None

    def _fetched(self, share: _Share) -> Sequence[Examined]:
        """Give what the other process has found, and help it while it is not done."""
        with self._hands:
            if share.future is None:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(share)
                return ()
        while not share.future.done():
            with self._hands:
                other = self._waiting.popleft() if self._waiting else None
            if other is None:
                break
            other.here = tuple(_examine(self.gate, other.raws))
        try:
            return _unpacked(share.future.result())
        except Exception:  # noqa: BLE001 - Whatever it was: the caller examines these answers, and fails as it would.
            return ()


@contextlib.contextmanager
def open_examiner(gate: Gate) -> Generator[Examiner]:
    """Give an examiner for this gate, whose process is gone afterwards."""
    examiner = Examiner(gate, is_able=_may_fork())
    try:
        yield examiner
    finally:
        examiner.close()


def _may_fork() -> bool:
    """Say whether a second process would help, and whether a copy of this one is safe: no other thread holds a lock."""
    can = hasattr(os, "fork") and hasattr(os, "sched_getaffinity")
    return can and len(os.sched_getaffinity(0)) > 1 and threading.active_count() == 1


def _copied(gate: Gate, example: RawAnswer) -> ProcessPoolExecutor | None:
    """Start the second process as a copy of this one, with all lists loaded; None where it cannot be started."""
    import multiprocessing  # noqa: PLC0415 - Most readings need none.
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - The same.

    # One answer, for what a first text loads; both processes then share the memory of it.
    for _ in _examine(gate, (example,)):
        pass
    try:
        fork = multiprocessing.get_context("fork")
        return ProcessPoolExecutor(1, mp_context=fork, initializer=_begin, initargs=(gate,))
    except (ImportError, NotImplementedError, OSError):
        # Systems without semaphores or without memory to share.
        return None


_GATE: Final[list[Gate]] = []
"""The gate of the second process, which came with the copy."""


def _begin(gate: Gate) -> None:
    """Make the second process ready: Ctrl-C is for the first one, with whose death it ends."""
    import multiprocessing  # noqa: PLC0415 - It is loaded here.

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _GATE[:] = [gate]
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
    os._exit(1)


def _examine(gate: Gate, raws: Sequence[RawAnswer]) -> Iterator[Examined]:
    for raw in raws:
        answer = read_answer(raw, gate.own_names)
        yield answer, examine_answer(gate, answer)


def _examine_packed(raws: Sequence[RawAnswer]) -> bytes:
    """Examine answers in the second process."""
    return zlib.compress(pickle.dumps(tuple(_examine(_GATE[0], raws)), pickle.HIGHEST_PROTOCOL), _QUICK)


def _unpacked(packed: bytes) -> tuple[Examined, ...]:
    found: tuple[Examined, ...] = pickle.loads(zlib.decompress(packed))  # noqa: S301 - From a copy of ourselves.
    return found

"""Virtual time, and a stage on which one actor plays at a time: who goes on is decided at every port call.

Actors are threads, because the code under test is made of plain functions; a baton lets exactly one of them run,
so a play depends on nothing but its seed. Time moves only when everybody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from fakes import START_AT

PLAY_LENGTH_MAX_S = 14 * 24 * 3600.0
"""A world that has not come to an end after two weeks never will: the longest waits are an hour each."""


class OverError(BaseException):
    """The play has ended early; it unwinds whoever is still on the stage."""


class CrashError(BaseException):
    """A worker dies here: nothing of what it knew is left but what stands in the ledger."""


class ViolationError(BaseException):
    """A promise was broken; no `except Exception` of the code under test may swallow it."""


class Actor:
    """Somebody on the stage; `skew_s` is how far its clock goes before the true one."""

    __slots__ = ("baton", "body", "is_on", "name", "skew_s", "wake_s")

    def __init__(self, name: str, body: Callable[[Actor], None], *, wake_s: float, skew_s: float) -> None:
        self.name = name
        self.body = body
        self.wake_s = wake_s
        self.skew_s = skew_s
        self.is_on = True
        self.baton = threading.Lock()
        self.baton.acquire()


class Stage:
    """Lets the actor go on whose time has come first."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.ahead_s = 0.0
        """How far the machine's clock, which all workers share, goes before the networks'."""
        self.actors: list[Actor] = []
        self.playing: Actor | None = None
        self.broken: BaseException | None = None
        self._over = threading.Event()

    def play(self) -> None:
        """Run all actors to their end; raises what the first of them raised that is not its own death."""
        threads = [threading.Thread(target=self._act, args=(one,), daemon=True) for one in self.actors]
        for thread in threads:
            thread.start()
        self._hand_on(None)
        self._over.wait()
        for thread in threads:
            thread.join()
        if self.broken is not None:
            raise self.broken

    def pause(self, span_s: float) -> None:
        """Let that much time pass for the actor that plays, and whoever is due before it go on."""
        me = self.playing
        if me is None:
            self.now_s += span_s
            return
        me.wake_s = self.now_s + span_s
        self._hand_on(me)

    def _act(self, actor: Actor) -> None:
        actor.baton.acquire()
        try:
            if self.broken is None:
                actor.body(actor)
        except OverError:
            pass
        except BaseException as error:  # noqa: BLE001 - It is raised again in the thread that asked for the play.
            self.broken = self.broken or error
        actor.is_on = False
        self._hand_on(None)

    def _hand_on(self, me: Actor | None) -> None:
        first: Actor | None = None
        for one in self.actors:
            if one.is_on and (first is None or one.wake_s < first.wake_s):
                first = one
        if first is None:
            self._over.set()
            return
        self.now_s = max(self.now_s, first.wake_s)
        if self.now_s > PLAY_LENGTH_MAX_S and self.broken is None:
            self.broken = ViolationError("no end: something is still under way after two weeks")
        if first is not me:
            self.playing = first
            first.baton.release()
            if me is None:
                return
            me.baton.acquire()
        if self.broken is not None:
            raise OverError


class StageClock:
    """The stage's time as a worker's clock shows it, a little wrong as clocks are."""

    def __init__(self, stage: Stage, skew_s: float = 0.0) -> None:
        self._stage = stage
        self._skew_s = skew_s

    def now(self) -> datetime:
        return START_AT + timedelta(seconds=self._stage.now_s + self._stage.ahead_s + self._skew_s)

    def sleep(self, seconds: float) -> None:
        self._stage.pause(seconds)

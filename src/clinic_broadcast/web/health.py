"""The daemon's health: what is true of it at this moment, as JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the daemon knows of itself; none of it may hold a word of an answer, a name or a secret.

    `ledger_problem` is empty when the record can be read. `scheduler_problems` are the engine's.
    `last_poll_age_s` is None before the first poll ever; older than `poll_age_max_s` is a problem, where None
    means that no schedule polls. `other_problems` also make the daemon unready: overdue deliveries, say.
    """

    at: datetime
    ledger_problem: str = ""
    scheduler_problems: tuple[str, ...] = ()
    tick_age_s: float | None = None
    last_poll_at: datetime | None = None
    poll_age_max_s: float | None = None
    other_problems: tuple[str, ...] = ()
    needs_a_person: int = 0
    answers: Mapping[str, int] = field(default_factory=dict[str, int])
    deliveries: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])

    @property
    def last_poll_age_s(self) -> float | None:
        """Give the seconds since the last poll; None before the first."""
        return None if self.last_poll_at is None else (self.at - self.last_poll_at).total_seconds()

    @property
    def poll_problem(self) -> str:
        """Say what is wrong with polling; empty when nothing is."""
        if self.poll_age_max_s is None:
            return ""
        age_s = self.last_poll_age_s
        if age_s is None:
            return "poll: no source has been read yet"
        if age_s > self.poll_age_max_s:
            return f"poll: the last one was {age_s:.0f} s ago; at most {self.poll_age_max_s:.0f} s are right"
        return ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Give every reason why the daemon is not ready; none when it is."""
        ledger = f"ledger: {self.ledger_problem}" if self.ledger_problem else ""
        own = tuple(one for one in (ledger, self.poll_problem) if one)
        return (*own, *self.scheduler_problems, *self.other_problems)


def readiness_of(health: Health) -> dict[str, object]:
    """Give the document of /readyz: the truth in parts, and all reasons in `problems`."""
    return {
        "ready": not health.problems,
        "problems": list(health.problems),
        "at": _stamp(health.at),
        "ledger": {"ok": not health.ledger_problem},
        "scheduler": {"ok": not health.scheduler_problems, "last_tick_age_s": _rounded(health.tick_age_s)},
        "poll": {
            "ok": not health.poll_problem,
            "last_at": _stamp(health.last_poll_at) if health.last_poll_at is not None else None,
            "age_s": _rounded(health.last_poll_age_s),
            "age_max_s": health.poll_age_max_s,
        },
        "needs_a_person": health.needs_a_person,
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)

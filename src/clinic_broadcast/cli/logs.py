"""How the daemon logs: a line a person can read on a terminal, JSON anywhere else, never a word of an answer."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

NEVER_LOGGED: Final = frozenset(
    {"text", "body", "title", "question", "greeting", "answer", "letter", "token", "secret"}
)
"""Fields that could hold a patient's words or a credential: dropped, whoever put them there."""


def drop_private(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take fields out that must never reach a log."""
    for name in NEVER_LOGGED & event.keys():
        del event[name]
    return event


def set_up_logs() -> None:
    """Set the logs up for this process; they go to stderr, because stdout is for results."""
    shared: list[Any] = [
        drop_private,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if sys.stderr.isatty():
        last = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, last],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )

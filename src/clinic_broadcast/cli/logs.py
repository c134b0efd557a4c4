"""How the daemon logs: a line a person can read on a terminal, JSON anywhere else, never a word of an answer."""

from __future__ import annotations

import sys
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final


@contextmanager
def _without(package: str) -> Generator[None]:
    """Let a package be missing while another one is loaded that can do without it."""
    loaded = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]  # What the import system takes for "not there".
    try:
        yield
    finally:
        del sys.modules[package]
        if loaded is not None:
            sys.modules[package] = loaded


# For tracebacks in colour it would load rich, which has come with the command line: a tenth of the daemon's start.
with _without("rich"):
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


def open_log() -> Any:  # noqa: ANN401  # structlog's own type for a logger is Any.
    """Give a logger; it follows what `set_up_logs` says, before or after."""
    return structlog.get_logger()

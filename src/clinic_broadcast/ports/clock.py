"""The only source of time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Give the present instant as aware UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...

"""Regular expressions that are compiled when a first text meets them: most commands read none."""

from __future__ import annotations

import re
from typing import Any, Final, cast

_METHODS: Final = ("findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn")


class _Late:
    """A pattern that compiles itself when it is first asked; from then on its methods are the compiled ones."""

    __slots__ = ("flags", "pattern", *_METHODS)

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self.flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - It is whatever the compiled pattern has.
        # Asked only while the slot is empty, so a pattern in use costs no step more than any other.
        compiled = re.compile(self.pattern, self.flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def late(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Give a pattern that is compiled when it is first used; a wrong one raises re.error then, or in its test."""
    return cast("re.Pattern[str]", _Late(pattern, flags))

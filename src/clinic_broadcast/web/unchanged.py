"""Answers readers that have the newest bytes already, from what was read a moment ago: most requests are theirs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from clinic_broadcast.web.feeds import Marks, Representation, encodings_of, is_unchanged, marks_of, serve_file

FOLDERS: Final = ("/feeds/", "/cards/")

KEPT_MAX: Final = 1024
"""Representations remembered, some hundred bytes each: the live documents and a few dozen pages in every encoding."""

_DECIDING: Final = frozenset({b"accept", b"accept-encoding", b"if-none-match", b"if-modified-since"})

Key: TypeAlias = tuple[str, bool, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a 304 needs of a representation; none of its bytes, which may be taken back."""

    etag: str
    modified_at: datetime
    looked_at: tuple[tuple[str, Marks | None], ...]
    headers: list[tuple[bytes, bytes]]


@dataclass(slots=True)
class UnchangedFirst:
    """Stands before the application and answers 304 by itself, where the files are as they were when last read.

    A file counts as the same by device, number, length and both times of change, asked for at each request; anything
    else goes on to the application, which reads and checks it.
    """

    public: Path
    link_of: Callable[[str], str]
    app: ASGIApp = field(init=False)
    _kept: dict[Key, _Known] = field(default_factory=dict[Key, "_Known"])
    _dated: tuple[int, bytes] = (0, b"")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        headers = self._unchanged(scope) if scope["type"] == "http" else None
        if headers is None:
            await self.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def files(self, request: Request) -> Response:
        """Answer for a file, and remember what was read."""
        path, headers = str(request.scope["path"]), request.headers

        def learn(found: Representation) -> None:
            if found.is_ahead:
                return
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            named = [(name.lower().encode(), value.encode()) for name, value in found.headers.items()]
            self._kept[_key(path, headers)] = _Known(
                etag=found.etag, modified_at=found.modified_at, looked_at=found.looked_at, headers=named
            )

        return serve_file(self.public, request, link=self.link_of(path), learn=learn)

    def _unchanged(self, scope: Scope) -> list[tuple[bytes, bytes]] | None:
        path = str(scope["path"])
        if not path.startswith(FOLDERS) or scope["method"] not in ("GET", "HEAD"):
            return None
        headers = {
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _DECIDING
        }
        known = self._kept.get(_key(path, headers))
        if known is None:
            return None
        if not is_unchanged(headers, known.etag, known.modified_at) or not _stand(known):
            return None
        link = self.link_of(path)
        linked = [(b"link", link.encode("latin-1"))] if link else []
        return [*known.headers, *linked, (b"date", self._date())]

    def _date(self) -> bytes:
        second = int(time.time())
        if self._dated[0] != second:
            self._dated = (second, formatdate(second, usegmt=True).encode())
        return self._dated[1]


def _key(path: str, headers: Mapping[str, str]) -> Key:
    is_browser = "text/html" in headers.get("accept", "").lower()
    return path, is_browser, encodings_of(headers.get("accept-encoding", ""))


def _stand(known: _Known) -> bool:
    """Say whether each file that decided is as it was, also one that was not there."""
    for place, marks in known.looked_at:
        try:
            facts = os.stat(place)  # noqa: PTH116  # The whole answer costs little more than a path object.
        except FileNotFoundError:
            if marks is not None:
                return False
        except OSError:
            return False
        else:
            if marks_of(facts) != marks:
                return False
    return True

"""Serves the files of public/ to subscribers: conditional, cacheable, and nothing beside what we publish."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from clinic_broadcast.core.feed import GONE
from clinic_broadcast.feeds.places import Form, path_of

CACHE_CONTROL: Final = "public, max-age=900"
"""A withdrawn answer may stand in a cache for a quarter of an hour and no longer, also while we are down."""

FILE_BYTES_MAX: Final = 32 << 20
"""Far above any feed or card of ours; what is larger was not written by us."""

LIVE_PATHS: Final = frozenset(path_of(0, form) for form in Form)

SEGMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

SEGMENTS_MAX: Final = 4

XML_SUFFIXES: Final = (".xml", ".opml")

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "rss.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    ".opml": "text/x-opml; charset=utf-8",
    ".json": "application/feed+json; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
}
"""What may be served, by the end of its name; everything else under public/ does not exist for the world."""

BROWSER_XML: Final = "text/xml; charset=utf-8"


RETRY_AFTER_S: Final = 120
"""So long a reader is asked to wait where a document will be there soon: a build takes seconds."""

FOR_NOW: Final = frozenset({errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE})
"""What fails though the document is there: readers that were told 404 would give the feed up."""

Marks: TypeAlias = tuple[int, int, int, int, int]

ENCODINGS: Final[Mapping[str, str]] = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
"""What may be said in Content-Encoding, and the end of the name of the copy that lies ready for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """One document as one kind of reader gets it: its bytes and the headers that a 200 and a 304 share.

    `looked_at` are the files that were looked for until one was found, each with the marks of what stood there, None
    for nothing: as long as they are the same, so is the answer. `is_ahead` says that its date is not reached yet.
    """

    content: bytes
    media_type: str
    encoding: str
    etag: str
    modified_at: datetime
    headers: Mapping[str, str]
    looked_at: tuple[tuple[str, Marks | None], ...]
    is_ahead: bool


def serve_file(
    public: Path, request: Request, *, link: str = "", learn: Callable[[Representation], None] | None = None
) -> Response:
    """Answer a GET or HEAD for a file below `public`: 200, 304, or 404 for everything that is not one of ours.

    410 says that it was there and has been taken away; 503, with Retry-After, that it cannot be read now, or that a
    live feed is not written yet.

    `link` is the HTTP Link of the document, where hubs look for themselves and for its own address. `learn` is told
    what was found.
    """
    path = str(request.scope["path"])
    try:
        found = _represented(public, request, path)
        if found is None:
            return _absent(public, path)
    except OSError:
        return _later("This document cannot be read now.\n")
    if learn is not None:
        learn(found)
    headers = {**found.headers, "Link": link} if link else dict(found.headers)
    if is_unchanged(request.headers, found.etag, found.modified_at):
        return Response(status_code=304, headers=headers)
    if found.encoding:
        headers["Content-Encoding"] = found.encoding
    return Response(found.content, headers={**headers, "Content-Type": found.media_type})


def _represented(public: Path, request: Request, path: str) -> Representation | None:
    chosen = _read_below(public, path)
    if chosen is None:
        return None
    media_type = media_type_of(chosen.name, request.headers.get("accept", ""))
    encoding, looked_at = "", list[tuple[str, Marks | None]]()
    for wanted in encodings_of(request.headers.get("accept-encoding", "")):
        copy = _read_below(public, path, suffix=ENCODINGS[wanted])
        looked_at.append((place_of(public, path, ENCODINGS[wanted]), None if copy is None else copy.marks))
        if copy is not None:
            encoding, chosen = wanted, copy
            break
    else:
        looked_at.append((place_of(public, path, ""), chosen.marks))
    headers = {
        "ETag": etag_of(f"{media_type};{encoding}" if encoding else media_type, chosen.content),
        "Cache-Control": CACHE_CONTROL,
        "Vary": "Accept-Encoding, Accept",
    }
    is_ahead = chosen.modified_at.timestamp() > time.time()
    if not is_ahead:
        headers["Last-Modified"] = format_datetime(chosen.modified_at, usegmt=True)
    # else: a file that changed twice within a second is dated ahead, and no answer may be dated after itself (RFC
    # 9110 section 8.8.2.1). An earlier date would lie: newsboat, by curl, drops a 200 that is no newer than its own.
    return Representation(
        content=chosen.content,
        media_type=media_type,
        encoding=encoding,
        etag=headers["ETag"],
        modified_at=chosen.modified_at,
        headers=headers,
        looked_at=tuple(looked_at),
        is_ahead=is_ahead,
    )


def _absent(public: Path, path: str) -> Response:
    if path.removeprefix("/") in LIVE_PATHS:
        return _later("The feed is not written yet.\n")
    if _read_below(public, path, suffix=GONE) is not None:
        return PlainTextResponse("This has been taken away.\n", status_code=410)
    return PlainTextResponse("There is no such document here.\n", status_code=404)


def _later(words: str) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"}
    return PlainTextResponse(words, status_code=503, headers=headers)


def media_type_of(name: str, accept: str) -> str:
    """Give the Content-Type of a document: browsers, which ask for text/html, show a feed only as text/xml."""
    if name.endswith(XML_SUFFIXES) and "text/html" in accept.lower():
        return BROWSER_XML
    return next(media_type for suffix, media_type in MEDIA_TYPES.items() if name.endswith(suffix))


@lru_cache(maxsize=256)
def encodings_of(accept: str) -> tuple[str, ...]:
    """Give the encodings that a reader takes, the one it likes best first; among equals the smallest copy's."""
    liked: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, options = part.strip().partition(";")
        quality = options.strip().removeprefix("q=") if options.strip().startswith("q=") else "1"
        try:
            liked[name.strip()] = float(quality)
        except ValueError:
            continue
    anything = liked.get("*", 0.0)
    ranked = [(liked.get(name, anything), name) for name in ENCODINGS]
    return tuple(name for quality, name in sorted(ranked, key=lambda one: -one[0]) if quality > 0)


def etag_of(media_type: str, content: bytes) -> str:
    """Give a strong tag, unique over all representations (RFC 9110 section 8.8.1), the same after a restart."""
    digest = hashlib.sha256(media_type.encode() + b"\0" + content).hexdigest()
    return f'"{digest[:32]}"'


def is_unchanged(headers: Mapping[str, str], etag: str, modified_at: datetime) -> bool:
    """Say whether the reader has these very bytes (RFC 9110 section 13): tags decide, dates only without tags."""
    tags = headers.get("if-none-match")
    if tags is not None:
        given = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in given or etag in given
    since = headers.get("if-modified-since")
    if since is None:
        return False
    try:
        since_at = parsedate_to_datetime(since)
    except ValueError:
        return False
    if since_at.tzinfo is None:
        since_at = since_at.replace(tzinfo=UTC)
    return since_at >= modified_at


def place_of(public: Path, path: str, suffix: str) -> str:
    """Give the place of a document, or of its copy, as the file system names it."""
    return f"{public}{path}{suffix}"


def marks_of(facts: os.stat_result) -> Marks:
    """Give what tells one state of a file from every other: a write leaves none of them all as they were."""
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """Name, bytes, time of change and marks, all of one and the same file."""

    name: str
    content: bytes
    modified_at: datetime
    marks: Marks


def _read_below(public: Path, path: str, *, suffix: str = "") -> _File | None:
    """Give a file as it stands; None when it is not ours.

    `suffix` is that of a compressed copy, which has no name of its own in the world.

    Raises OSError when it may well be there and cannot be read for now.
    Names are checked letter by letter, so that no path leads out of `public`; a link that does is refused too.
    """
    segments = path.removeprefix("/").split("/")
    if len(segments) > SEGMENTS_MAX or not all(SEGMENT.fullmatch(one) for one in segments):
        return None
    if not segments[-1].endswith(tuple(MEDIA_TYPES)):
        return None
    try:
        place = public.joinpath(*segments[:-1], segments[-1] + suffix).resolve(strict=True)
        if not place.is_relative_to(public.resolve()):
            return None
        # What is opened is what is read, also while a writer puts a new file in its place.
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > FILE_BYTES_MAX:
                return None
            content = file.read()
    except OSError as error:
        if error.errno in FOR_NOW:
            raise
        return None
    except RuntimeError:
        # A loop of links, as resolve() reports it up to Python 3.12.
        return None
    modified_at = datetime.fromtimestamp(int(facts.st_mtime), tz=UTC)
    return _File(name=segments[-1], content=content, modified_at=modified_at, marks=marks_of(facts))

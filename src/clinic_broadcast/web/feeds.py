"""Serves the files of public/ to subscribers: conditional, cacheable, and nothing beside what we publish."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Final

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

ENCODINGS: Final[Mapping[str, str]] = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
"""What may be said in Content-Encoding, and the end of the name of the copy that lies ready for it."""


def serve_file(public: Path, request: Request, *, link: str = "") -> Response:
    """Answer a GET or HEAD for a file below `public`: 200, 304, or 404 for everything that is not one of ours.

    410 says that it was there and has been taken away; 503, with Retry-After, that it cannot be read now, or that a
    live feed is not written yet.

    `link` is the HTTP Link of the document, where hubs look for themselves and for its own address.
    """
    path = str(request.scope["path"])
    try:
        found = _read_below(public, path)
        if found is None:
            return _absent(public, path)
        return _answered(public, request, path, found, link=link)
    except OSError:
        return _later("This document cannot be read now.\n")


def _answered(
    public: Path, request: Request, path: str, found: tuple[str, bytes, datetime], *, link: str
) -> Response:
    name, content, modified_at = found
    media_type = media_type_of(name, request.headers.get("accept", ""))
    encoding = ""
    for wanted in encodings_of(request.headers.get("accept-encoding", "")):
        copy = _read_below(public, path, suffix=ENCODINGS[wanted])
        if copy is not None:
            encoding, (_, content, modified_at) = wanted, copy
            break
    headers = {
        "ETag": etag_of(f"{media_type};{encoding}" if encoding else media_type, content),
        "Cache-Control": CACHE_CONTROL,
        "Vary": "Accept-Encoding, Accept",
    }
    if modified_at.timestamp() <= time.time():
        headers["Last-Modified"] = format_datetime(modified_at, usegmt=True)
    # else: a file that changed twice within a second is dated ahead, and no answer may be dated after itself (RFC
    # 9110 section 8.8.2.1). An earlier date would lie: newsboat, by curl, drops a 200 that is no newer than its own.
    if link:
        headers["Link"] = link
    if encoding:
        headers["Content-Encoding"] = encoding
    if is_unchanged(request.headers, headers["ETag"], modified_at):
        headers.pop("Content-Encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(content, headers={**headers, "Content-Type": media_type})


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


def encodings_of(accept: str) -> list[str]:
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
    return [name for quality, name in sorted(ranked, key=lambda one: -one[0]) if quality > 0]


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


def _read_below(public: Path, path: str, *, suffix: str = "") -> tuple[str, bytes, datetime] | None:
    """Give name, bytes and time of change of a file, all of one and the same file; None when it is not ours.

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
    return segments[-1], content, datetime.fromtimestamp(int(facts.st_mtime), tz=UTC)

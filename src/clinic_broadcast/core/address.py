"""An address as its parts, whatever stands there: a blog, a feed or a network may name anything as one."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

_SCHEMES: Final = ("http", "https")


def parts_of(url: str) -> SplitResult:
    """Give the parts of an address. One that cannot be read (`http://[`) is all path, so that it has no host."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # It is read only when it is asked for, and refused only then.
    except ValueError:
        return SplitResult("", "", url, "", "")
    return parts


def is_address(url: str) -> bool:
    """Say whether this is a whole address of the web: http or https, with a host."""
    parts = parts_of(url)
    return parts.scheme in _SCHEMES and bool(parts.hostname)


def absolute_url(base: str, url: str) -> str:
    """Give an address of a page in full; one that cannot be read stays as it is."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url

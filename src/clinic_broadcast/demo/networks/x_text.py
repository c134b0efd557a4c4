"""How X counts a text and what it turns it into: weighted length, t.co links, escaped characters."""

import contextlib
import hashlib
import sys
from collections.abc import Generator
from dataclasses import dataclass
from importlib.resources import files
from types import ModuleType
from typing import Any, Final, cast

from clinic_broadcast.demo.networks.messages import Json


@contextlib.contextmanager
def _without_setuptools() -> Generator[None]:
    # twitter-text-parser 3.0.0 reads one file of its own through pkg_resources, which newer Pythons and
    # setuptools no longer bring along; nothing else of it is used, so this stands in while it is imported.
    def resource_string(module: str, name: str) -> bytes:
        return (files(module.rpartition(".")[0]) / name).read_bytes()

    stand_in: Any = ModuleType("pkg_resources")
    stand_in.resource_string = resource_string
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        yield
    finally:
        del sys.modules["pkg_resources"]
        if before is not None:
            sys.modules["pkg_resources"] = before


with _without_setuptools():
    import twitter_text

LENGTH_MAX: Final = 280  # docs.x.com counting-characters, 2026-05-20.
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_DISPLAY_MAX: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A text as X returns it, with the entities of its links."""

    text: str
    urls: tuple[Json, ...]


def is_too_long(text: str) -> bool:
    """Say whether the text breaks X's rule: 280 weighted, a URL 23, an emoji 2, after NFC."""
    return int(twitter_text.parse_tweet(text).weightedLength) > LENGTH_MAX


def urls_of(text: str) -> list[tuple[str, int, int]]:
    """Return what X takes for links, with or without a scheme, and where each stands."""
    found = cast("list[dict[str, Any]]", twitter_text.extract_urls_with_indices(text))
    return [(str(it["url"]), int(it["indices"][0]), int(it["indices"][1])) for it in found]


def expand(url: str) -> str:
    """Return the address a link leads to; X reads one without a scheme as http."""
    return url if "://" in url else f"http://{url}"


def show(text: str, tweet_id: str) -> Shown:
    """Return the text with t.co links and `&amp; &lt; &gt;` (escaping in v2: unverified on live X)."""
    pieces: list[str] = []
    urls: list[Json] = []
    length = done = 0
    for n, (url, start, end) in enumerate(urls_of(text)):
        before = text[done:start].translate(_ESCAPES)
        short = "https://t.co/" + hashlib.sha256(f"{tweet_id} {n} {url}".encode()).hexdigest()[:10]
        pieces += [before, short]
        length += len(before)
        urls.append(
            {
                "start": length,
                "end": length + len(short),
                "url": short,
                "expanded_url": expand(url),
                "display_url": _display(url),
            }
        )
        length += len(short)
        done = end
    pieces.append(text[done:].translate(_ESCAPES))
    return Shown(text="".join(pieces), urls=tuple(urls))


def _display(url: str) -> str:
    bare = url.partition("://")[2] or url
    return bare if len(bare) <= _DISPLAY_MAX else bare[:_DISPLAY_MAX] + "…"

"""Read one answer file (.md, .html, .txt) as a RawAnswer."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import frontmatter
import lxml.html
import yaml
from frontmatter.default_handlers import YAMLHandler

from clinic_broadcast.core.address import absolute_url, is_address
from clinic_broadcast.core.answer import AnswerId, Link, RawAnswer
from clinic_broadcast.core.greeting import read_opening
from clinic_broadcast.core.own_names import own_names_of
from clinic_broadcast.core.zone_signs import is_furniture, is_header, read_label
from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources.dates import from_seconds, present, read_instant
from clinic_broadcast.sources.markup import (
    element_to_text,
    html_to_text,
    markdown_to_html,
    parse_html,
    unwrap_lines,
)

SUFFIXES: Final = frozenset({".md", ".markdown", ".html", ".htm", ".txt"})
FILE_MAX: Final = 2_000_000
"""Bytes of one file: hundreds of times the longest answer seen."""

TITLE_MAX: Final = 300
"""Characters of a title; a longer first line of a text is no title."""

_YES: Final = frozenset({"true", "yes", "on", "y", "1"})
_NO: Final = frozenset({"false", "no", "off", "n", "0", ""})
_PUBLIC: Final = frozenset({"", "publish", "published", "public", "live"})
_CHARSET: Final = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_CONTENTS: Final = (
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' post-body ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' entry-content ')]",
    "//*[@itemprop='articleBody']",
    "//article",
    "//main",
)
_TITLES: Final = (
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' post-title ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' entry-title ')]",
    "//h1",
    "//title",
)


class NotPublic(Exception):  # noqa: N818 - It is no error: a draft is a value that ends the reading of a file.
    """The file is a draft, not public yet or expired; `until` is when that may change, if it will by itself."""

    def __init__(self, until: datetime | None = None) -> None:
        super().__init__()
        self.until = until


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What a file says of itself, before its name and times fill the gaps."""

    title: str
    body: str
    links: tuple[Link, ...] = ()
    id: str = ""
    url: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    labels: tuple[str, ...] = ()
    author: str = ""


class _StringsOnly(YAMLHandler):
    """Front matter whose values all stay strings.

    PyYAML's own typing reads `title: NO` as False and `12:30` as 750; python-frontmatter ignores a Loader given
    to `loads` (measured with 1.3.0), so the handler itself must be replaced.
    """

    def load(self, fm: str, **kwargs: object) -> dict[str, object]:  # noqa: ARG002 - As the library has it.
        found: object = yaml.load(fm, Loader=yaml.BaseLoader)  # noqa: S506 - It makes nothing but strings.
        if not isinstance(found, dict):
            raise ValueError("no keys")  # noqa: TRY004 - What the caller catches for YAML too.
        return found


def read_file(path: Path | str, url: str = "", *, folder: Path | None = None) -> RawAnswer:
    """Read one answer file; `url` is its public link if the file names none.

    A Markdown file may have front matter in Hugo's names, with `id` and `source_url` as ours. The first line with
    words of a text file is its title. The id is the front matter's, else the address in the file, else `file:` and
    the name relative to `folder`, which never changes with the text. Raises SourceError when the file cannot be
    read, NotPublic when it says that it is a draft, expired or not yet published.
    """
    path = Path(path)
    name = path.relative_to(folder).as_posix() if folder else path.name
    content, changed_at = _content(path, name)
    suffix = path.suffix.lower()
    if suffix in (".md", ".markdown"):
        page = _markdown(_decode(content, name), name)
    elif suffix in (".html", ".htm"):
        page = _html(_decode_html(content, name), name)
    else:
        page = _text(_decode(content, name))
    published_at = page.published_at or changed_at
    return RawAnswer(
        id=AnswerId(page.id or page.url or "file:" + unicodedata.normalize("NFC", name)),
        url=page.url or url,
        title=page.title,
        body=page.body,
        published_at=published_at,
        updated_at=page.updated_at or max(published_at, changed_at),
        links=page.links,
        author=page.author,
        labels=page.labels,
        origin=name,
    )


def _content(path: Path, name: str) -> tuple[bytes, datetime]:
    try:
        if not path.is_file():
            raise SourceError(f"{name} is not a file; give the path of a .txt, .html or .md file")
        with path.open("rb") as file:
            content = file.read(FILE_MAX + 1)
        changed_at = from_seconds(path.stat().st_mtime)
    except OSError as error:
        raise SourceError(f"{name} could not be read ({error.strerror}); check its permissions") from None
    if len(content) > FILE_MAX:
        raise SourceError(f"{name} has more than {FILE_MAX} bytes; an answer file must be smaller")
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(f"{name} is of a kind that is not read; use .txt, .html or .md")
    return content, changed_at


def _decode(content: bytes, name: str) -> str:
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_html(content: bytes, name: str) -> str:
    """Decode HTML: UTF-8, else the encoding that its head declares."""
    declared = _CHARSET.search(content[:2048])
    try:
        return _decode(content, name)
    except SourceError:
        if declared is None:
            raise
    try:
        return content.decode(declared[1].decode("ascii"))
    except (UnicodeDecodeError, LookupError):
        raise SourceError(f"{name} is not in the encoding that it declares; save it as UTF-8") from None


# Markdown ----------------------------------------------------------------------------------------------------


def _markdown(text: str, name: str) -> _Page:
    try:
        keys, written = frontmatter.parse(text, handler=_StringsOnly())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SourceError(
            f"the front matter of {name} {_where(error)}is not YAML; quote values that hold a colon"
        ) from None
    meta = {str(key).lower(): value for key, value in keys.items()}
    published_at = _date(meta, "date", name) or _date(meta, "publishdate", name)
    _refuse_unpublished(meta, name, published_at)
    body, links = html_to_text(markdown_to_html(unwrap_lines(written)))
    title = _string(meta, "title")
    if not title:
        title, body, links = _cut_heading(written, body, links)
    url = _string(meta, "source_url") or _string(meta, "url")
    return _Page(
        title=title,
        body=body,
        links=_absolute(links, url),
        id=_string(meta, "id"),
        url=url if is_address(url) else "",
        published_at=published_at,
        updated_at=_date(meta, "lastmod", name),
        labels=_strings(meta, "tags") or _strings(meta, "labels"),
        author=_string(meta, "author"),
    )


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"(line {mark.line + 1}) " if mark is not None else ""


def _refuse_unpublished(meta: dict[str, object], name: str, published_at: datetime | None) -> None:
    """Raise NotPublic unless the front matter lets the file be read by everyone now: an unknown word does not."""
    draft, published = _string(meta, "draft").lower(), _string(meta, "published").lower()
    if draft not in _YES | _NO or published not in _YES | _NO:
        raise SourceError(f"draft or published in {name} is neither true nor false; correct it")
    is_hidden = "published" in meta and published in _NO
    if draft in _YES or is_hidden or _string(meta, "status").lower() not in _PUBLIC:
        raise NotPublic
    now = present()
    expires_at = _date(meta, "expirydate", name)
    if expires_at and expires_at <= now:
        raise NotPublic
    starts_at = max((at for at in (published_at, _date(meta, "publishdate", name)) if at), default=now)
    if starts_at > now:
        raise NotPublic(until=starts_at)


def _string(meta: dict[str, object], key: str) -> str:
    value = meta.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _strings(meta: dict[str, object], key: str) -> tuple[str, ...]:
    value = meta.get(key)
    found = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(one.strip() for one in found if isinstance(one, str) and one.strip())


def _date(meta: dict[str, object], key: str, name: str) -> datetime | None:
    written = _string(meta, key)
    if not written:
        return None
    found = read_instant(written)
    if found is None:
        raise SourceError(f"{key} in {name} is not a date; write it like 2026-03-02T09:00:00-08:00")
    return found


def _cut_heading(written: str, body: str, links: tuple[Link, ...]) -> tuple[str, str, tuple[Link, ...]]:
    """Take a first heading as the title of a Markdown file without one in its front matter."""
    if not written.lstrip().startswith("# "):
        return "", body, links
    title, _, rest = body.partition("\n")
    cut = len(body) - len(rest.lstrip("\n"))
    moved = (
        Link(start=link.start - cut, end=link.end - cut, url=link.url) for link in links if link.start >= cut
    )
    return " ".join(title.split()), body[cut:], tuple(moved)


# Text --------------------------------------------------------------------------------------------------------


def _text(text: str) -> _Page:
    above, title, rest = _cut_title(text)
    nobody = own_names_of(())
    is_letter = read_opening(title, nobody) or read_label(title, nobody, is_question_labelled=False)
    if is_letter or len(title) > TITLE_MAX:
        # The page was pasted without its title: its first line must not become one.
        return _Page(title="", body=unwrap_lines(text.strip("\n")))
    return _Page(title=title, body=unwrap_lines("\n\n".join(part for part in (above, rest) if part)))


def _cut_title(text: str) -> tuple[str, str, str]:
    """Give what stands above the title of a text, the title and the rest: a blog's dateline or menu is no title."""
    lines = text.split("\n")
    number = next(
        (at for at, line in enumerate(lines) if line.strip() and not _is_blogs_own(line)), len(lines)
    )
    above, below = "\n".join(lines[:number]), "\n".join(lines[number + 1 :])
    return above.strip("\n"), " ".join("".join(lines[number : number + 1]).split()), below.strip("\n")


def _is_blogs_own(line: str) -> bool:
    seen = " ".join(line.split())
    return is_furniture(seen) or is_header(seen)


# HTML --------------------------------------------------------------------------------------------------------


def _html(text: str, name: str) -> _Page:
    root = parse_html(re.sub(r"\A\s*<\?xml[^>]{0,200}\?>", "", text)) if len(text) <= FILE_MAX else None
    if root is None:
        raise SourceError(f"{name} holds no HTML")
    url = _attribute(root, "//link[@rel='canonical']/@href") or _attribute(
        root, "//meta[@property='og:url']/@content"
    )
    content = _content_of(root, name)
    body, links = element_to_text(content)
    published = _attribute(root, "//meta[@property='article:published_time']/@content") or _attribute(
        root,
        "//time/@datetime | //abbr[@itemprop='datePublished']/@title | //abbr[@class='published']/@title",
    )
    return _Page(
        title=_title_of(root),
        body=body,
        links=_absolute(links, url),
        url=url if is_address(url) else "",
        published_at=read_instant(published) if published else None,
        updated_at=read_instant(_attribute(root, "//meta[@property='article:modified_time']/@content")),
        author=_attribute(root, "//meta[@name='author']/@content"),
    )


def _content_of(root: lxml.html.HtmlElement, name: str) -> lxml.html.HtmlElement:
    for path in _CONTENTS:
        found = _elements(root, path)
        outer = [one for one in found if not any(other in one.iterancestors() for other in found)]
        if len(outer) > 1:
            raise SourceError(f"{name} holds more than one answer; keep one page in each file")
        if outer:
            return outer[0]
    return root


def _title_of(root: lxml.html.HtmlElement) -> str:
    for title in _titles(root):
        if title and not is_header(title):
            return title
    return ""


def _titles(root: lxml.html.HtmlElement) -> Iterator[str]:
    """Give what may be the title of a page, the surest first."""
    for path in _TITLES[:2]:
        yield from (" ".join(element.text_content().split()) for element in _elements(root, path)[:1])
    yield " ".join(_attribute(root, "//meta[@property='og:title']/@content").split())
    for path in _TITLES[2:]:
        yield from (" ".join(element.text_content().split()) for element in _elements(root, path))


def _elements(root: lxml.html.HtmlElement, path: str) -> list[lxml.html.HtmlElement]:
    found = root.xpath(path)
    return [one for one in found if isinstance(one, lxml.html.HtmlElement)] if isinstance(found, list) else []


def _attribute(root: lxml.html.HtmlElement, path: str) -> str:
    found = root.xpath(path)
    return str(found[0]).strip() if isinstance(found, list) and found else ""


def _absolute(links: tuple[Link, ...], base: str) -> tuple[Link, ...]:
    return tuple(Link(start=link.start, end=link.end, url=absolute_url(base, link.url)) for link in links)

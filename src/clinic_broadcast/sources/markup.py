"""Turn the HTML and Markdown of a page into the plain text and links of a RawAnswer."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import lxml.html
from lxml import etree

from clinic_broadcast.core.answer import Link
from clinic_broadcast.core.greeting import read_opening
from clinic_broadcast.core.own_names import own_names_of, word_set
from clinic_broadcast.core.zone_signs import is_closing, read_label
from clinic_broadcast.errors import SourceError

MARKUP_MAX: Final = 2_000_000
"""Characters of one page's markup: far above any answer, far below what would hurt. More is refused, not cut."""

DEPTH_MAX: Final = 1_000
"""Elements within elements; a deeper page is no page that a person wrote."""

_SKIPPED: Final = word_set(
    "script style iframe noscript template object embed applet svg math canvas audio video head title select button "
    "textarea input map s strike del"
)
"""Elements whose words a reader does not see, or which the author struck out."""

_BLOCKS: Final = word_set(
    "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre section article header footer main nav aside figure hr form "
    "fieldset address details center"
)
_LINES: Final = frozenset(
    ["div", "li", "tr", "dt", "dd", "figcaption", "caption", "option", "legend", "summary"]
)
_CELLS: Final = frozenset(["td", "th"])
_BLANKS: Final = re.compile(r"[ \t\r\n\f\v\u00a0\u2007\u202f]+")
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PROSE_END: Final = re.compile(r"[.!?:;,][\"')\u201d\u2019]*\Z")


def html_to_text(html: str) -> tuple[str, tuple[Link, ...]]:
    """Give the text that a reader of the page sees, and where in it the hyperlinks lie.

    Paragraphs, headings, lists, tables and quotes are parted by a blank line; `<br>`, `<div>`, rows and list items
    ("- ") are lines; cells are parted by " | "; a quoted passage has "> " before each line, unless all is quoted.
    Runs of blanks become one, but zero-width and control characters stay for the gate to see. Raises SourceError
    for markup of more than MARKUP_MAX characters; broken markup is read as a browser would.
    """
    if len(html) > MARKUP_MAX:
        raise SourceError(
            f"the page has more than {MARKUP_MAX} characters of markup; shorten it or leave it out"
        )
    root = parse_html(html)
    if root is None:
        return "", ()
    return element_to_text(root)


def parse_html(html: str) -> lxml.html.HtmlElement | None:
    """Parse HTML as forgivingly as a browser; None when nothing is in it."""
    # Lone surrogates cannot be encoded; NUL ends a C string. Both become U+FFFD, which the gate holds.
    clean = html.replace("\x00", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    parser = lxml.html.HTMLParser(encoding="utf-8", recover=True, no_network=True, huge_tree=True)
    try:
        root = lxml.html.document_fromstring(clean.encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None
    return root


def element_to_text(root: lxml.html.HtmlElement) -> tuple[str, tuple[Link, ...]]:
    """Give the text and links of one element, as `html_to_text` does."""
    text, links = _read(root, is_quoting=True)
    if text and all(line.startswith(">") for line in text.split("\n") if line):
        # All of the page is in a <blockquote>: that is layout, not quoting.
        text, links = _read(root, is_quoting=False)
    return text, links


def _read(root: lxml.html.HtmlElement, *, is_quoting: bool) -> tuple[str, tuple[Link, ...]]:
    writer = _Writer(is_quoting=is_quoting)
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    depth = 0
    for event, element in walk:
        if event in ("comment", "pi"):
            if element is not root:
                writer.write(element.tail or "")
            continue
        tag = element.tag if isinstance(element.tag, str) else ""
        is_skipped = tag in _SKIPPED or _is_hidden(element)
        if event == "start":
            depth += 1
            if depth > DEPTH_MAX:
                raise SourceError(f"the page has elements more than {DEPTH_MAX} deep; simplify its markup")
            if is_skipped:
                walk.skip_subtree()
                continue
            writer.open(tag, element.get("href") or "")
            writer.write(element.text or "")
        else:
            depth -= 1
            if not is_skipped:
                writer.close(tag)
            if element is not root:
                writer.write(element.tail or "")
    return writer.finish()


def _is_hidden(element: etree._Element) -> bool:  # pyright: ignore[reportPrivateUsage] - lxml's only name of it.
    return element.get("hidden") is not None or _HIDDEN.search(element.get("style") or "") is not None


class _Writer:
    """The text as it grows: breaks are owed until words come, so that no blank line is doubled."""

    def __init__(self, *, is_quoting: bool) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._owed = 0  # Newlines before the next word: 1 a line, 2 a blank line.
        self._has_blank = False
        self._has_item = False
        self._has_cell = False
        self._is_quoting = is_quoting
        self._quotes = 0
        self._pre = 0
        self._anchors: list[tuple[str, int]] = []
        self._links: list[Link] = []

    def open(self, tag: str, href: str) -> None:
        if tag == "br":
            self._break_line()
        elif tag in _BLOCKS:
            self._owed = max(self._owed, 1) if self._has_item else 2
        elif tag in _LINES:
            self._owed = max(self._owed, 1)
            self._has_item = tag == "li"
        elif tag in _CELLS:
            self._has_cell = self._owed == 0 and bool(self._parts)
        elif tag == "a":
            self._anchors.append((href.strip(), -1))
        self._quotes += tag == "blockquote"
        self._pre += tag == "pre"

    def close(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._owed = 2
        elif tag in _LINES:
            self._owed = max(self._owed, 1)
        elif tag == "a" and self._anchors:
            href, start = self._anchors.pop()
            if href and start >= 0 and start < self._length:
                self._links.append(Link(start=start, end=self._length, url=href))
        self._quotes -= tag == "blockquote"
        self._pre -= tag == "pre"

    def write(self, text: str) -> None:
        if self._pre:
            first, *others = text.split("\n")
            self._write_line(first)
            for line in others:
                self._break_line()
                self._write_line(line)
            return
        self._write_line(text)

    def _write_line(self, text: str) -> None:
        words = _BLANKS.sub(" ", text)
        shown = words.strip(" ")
        self._has_blank = self._has_blank or words.startswith(" ")
        if shown:
            self._put(shown)
            self._has_blank = words.endswith(" ")

    def _break_line(self) -> None:
        # On an ended line it makes a blank one: a second <br>, or <div><br></div>.
        self._owed = 2 if self._owed else 1

    def _put(self, words: str) -> None:
        if self._owed and self._parts:
            self._append("\n" * self._owed)
        if self._owed or not self._parts:
            self._append("> " * (self._is_quoting and self._quotes > 0) + "- " * self._has_item)
        elif self._has_cell:
            self._append(" | ")
        elif self._has_blank:
            self._append(" ")
        self._owed = 0
        self._has_blank = self._has_item = self._has_cell = False
        # A link begins at its first word, not at the blank before it.
        self._anchors = [(href, self._length if start < 0 else start) for href, start in self._anchors]
        self._append(words)

    def _append(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)

    def finish(self) -> tuple[str, tuple[Link, ...]]:
        return "".join(self._parts), tuple(sorted(self._links, key=lambda link: link.start))


def markdown_to_html(text: str) -> str:
    """Give the HTML of Markdown (CommonMark with tables); a line break within a paragraph stays one."""
    from markdown_it import MarkdownIt  # noqa: PLC0415  # 0.1 s to load, and few homes keep answers in Markdown.

    return str(MarkdownIt("commonmark", {"breaks": True}).enable("table").render(text))


WRAP_AT_LEAST: Final = 50
WRAP_AT_MOST: Final = 110
"""Columns at which editors wrap: a line of such a length that ends without a mark was wrapped, not ended."""


def unwrap_lines(text: str) -> str:
    """Join lines that an editor wrapped in the middle of a sentence; every offset stays as it is.

    A line keeps its break when it ends with a mark, or when the next one begins like a list item, a quote, a label
    or a greeting. A capital after the break is joined only in a paragraph that is wrapped throughout.
    """
    return "\n\n".join(_unwrap(block) for block in text.split("\n\n"))


def _unwrap(block: str) -> str:
    lines = block.split("\n")
    widths = [len(line) for line in lines[:-1]]
    is_wrapped_throughout = len(lines) > 2 and all(  # noqa: PLR2004 - Two lines may be a sentence and a name.
        WRAP_AT_LEAST <= width <= WRAP_AT_MOST for width in widths
    )
    joined = [lines[0]]
    for before, line in pairwise(lines):
        is_wrapped = WRAP_AT_LEAST <= len(before) <= WRAP_AT_MOST and not _PROSE_END.search(before)
        is_middle = line[:1].islower() or (is_wrapped_throughout and line[:1].isalnum())
        joined.append(" " if is_wrapped and is_middle and not _begins_anew(line) else "\n")
        joined.append(line)
    return "".join(joined)


def _begins_anew(line: str) -> bool:
    nobody = own_names_of(())
    return (
        read_opening(line, nobody) is not None
        or read_label(line, nobody, is_question_labelled=True) is not None
        or is_closing(line)
        or re.match(r"\d{1,3}[.)]\s", line) is not None
    )

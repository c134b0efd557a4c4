"""What stands between the outside world and the intake: every parser as a function of bytes, with seeds to begin from.

Run as a program it fuzzes one of them with atheris, guided by coverage: `python parsers.py NAME -runs=N …`. A parser
may give answers or raise SourceError; anything else that it raises, a hang or a swelling is a fault.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1])]
    import atheris

    with atheris.instrument_imports(include=["clinic_broadcast", "feedparser"]):
        from clinic_broadcast.sources import blogger, exports, files, jsonfeed, wordpress

from clinic_broadcast.core.answer import RawAnswer
from clinic_broadcast.core.intake import canonical
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources import blogger, exports, files, jsonfeed, wordpress
from clinic_broadcast.sources.fetch import Fetched
from contract.sources import BlogState, Page, atom, rest, rss
from contract.test_source_exports import OLD, TAKEOUT, WXR

OWN: Final = ("Dr. Jane Roe", "The Example Fertility Center")
URL: Final = "https://blog.example/feeds/posts/default"
BLOG: Final = BlogState(
    pages={number: Page(number=number, is_draft=number == 2) for number in range(4)}, page_size=9
)
JSON_FEED: Final = (
    b'{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","url":"https://blog.example/1",'
    b'"title":"a","content_html":"<p>Hello Doctor,<br>is it safe?</p><p>Hello Ann,</p><p>It is safe.</p>",'
    b'"date_published":"2026-03-02T10:00:00-08:00","tags":["a"],"authors":[{"name":"Jane Roe"}]}]}'
)
MARKDOWN: Final = (
    b"---\ntitle: A title\ndate: 2026-03-02T10:00:00-08:00\nsource_url: https://blog.example/a.html\n"
    b"tags: [a, b]\n---\n"
    b"Hello Doctor,\nis it *safe*?\n\nHello Ann,\n\n- It is [safe](https://blog.example/b).\n- Yes.\n\nJane Roe, M.D.\n"
)
HTML: Final = (
    b"<html><head><title>A title</title><link rel=canonical href=https://blog.example/a.html></head><body><article>"
    b"<p>Hello Doctor,<br>is it safe?</p><p>Hello Ann,</p><table><tr><td>It<td>is</table></article></body></html>"
)


def _fetched(body: bytes) -> Fetched:
    return Fetched(url=URL, body=body, etag="", last_modified="", pages=1)


def _blogger(body: bytes) -> tuple[RawAnswer, ...]:
    return blogger._parse(_fetched(body)).answers  # noqa: SLF001  # The border itself, without a server.


def _wordpress(body: bytes) -> tuple[RawAnswer, ...]:
    return wordpress._parse(_fetched(body)).answers  # noqa: SLF001  # The same.


def _json_feed(body: bytes) -> tuple[RawAnswer, ...]:
    return jsonfeed.read_json_feed(body, where=URL).answers


def _export(body: bytes) -> tuple[RawAnswer, ...]:
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(body)
        file.flush()
        source = exports.ExportSource(file.name, "https://blog.example/")
        return source.poll(None, is_known=lambda _: False).answers


def _file(suffix: str) -> Callable[[bytes], tuple[RawAnswer, ...]]:
    def read(body: bytes) -> tuple[RawAnswer, ...]:
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:
            file.write(body)
            file.flush()
            with contextlib.suppress(files.NotPublic):
                return (files.read_file(file.name),)
        return ()

    return read


PARSERS: Final[Mapping[str, tuple[Callable[[bytes], tuple[RawAnswer, ...]], tuple[bytes, ...]]]] = {
    "blogger": (
        _blogger,
        (atom(BLOG, "https://blog.example", "/feeds/posts/default"), rss(BLOG, "https://b.example")),
    ),
    "wordpress": (_wordpress, (rest(BLOG, "https://blog.example", "/wp-json/wp/v2/posts?page=1"),)),
    "json": (_json_feed, (JSON_FEED,)),
    "export": (_export, (OLD.encode(), TAKEOUT.encode(), WXR.encode())),
    "markdown": (_file(".md"), (MARKDOWN,)),
    "html": (_file(".html"), (HTML,)),
    "text": (_file(".txt"), (MARKDOWN.partition(b"---\n")[2],)),
}


def parse(name: str, body: bytes) -> int:
    """Let a parser read these bytes, and tell zones and address of what comes out; give how many that were."""
    try:
        answers = PARSERS[name][0](body)
    except SourceError:
        return 0
    for raw in answers:
        read_answer(raw, OWN)
        canonical(raw.url)
    return len(answers)


def main() -> None:
    """Fuzz one parser; libFuzzer's own options follow its name."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, lambda body: (parse(name, body), None)[1])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

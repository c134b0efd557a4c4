"""Every kind of source with its rig: a far side on this machine that a test fills and can make misbehave."""

from __future__ import annotations

import gzip
import html
import json
import os
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from clinic_broadcast.ports import Source
from clinic_broadcast.sources.blogger import BloggerSource
from clinic_broadcast.sources.feed import FeedSource
from clinic_broadcast.sources.fetch import Fetcher
from clinic_broadcast.sources.folder import FolderSource
from clinic_broadcast.sources.wordpress import WordPressSource

FIRST_AT = datetime(2020, 5, 4, 12, 0, tzinfo=UTC)


_SLUG_WORDS = ("thyroid", "pregnancy", "risk", "test", "loss", "early", "lining", "transfer", "scan", "cysts")


def slug_of(number: int) -> str:
    """Give an address of plain words for each number, as real pages have: one with a number in it is held."""
    return "-".join(_SLUG_WORDS[int(digit)] for digit in str(number))


@dataclass(frozen=True, kw_only=True)
class Page:
    """One invented answer as a test puts it on the far side."""

    number: int
    text: str = "Hello Doctor,\nIs it safe?\n\nHello Ann,\nIt is safe.\n\nJane Roe, M.D."
    is_draft: bool = False
    days: int = -1
    updated_days: int = -1
    ident: str = ""
    link: str = ""
    heading: str = ""
    comments: int = -1

    @property
    def title(self) -> str:
        return self.heading or f"Question number {self.number}"

    @property
    def entry_id(self) -> str:
        """Give the id in the Atom feed; `ident` stands for another one."""
        return self.ident or f"tag:blogger.com,1999:blog-7.post-{self.number}"

    def url(self, base: str) -> str:
        """Give the permalink in the Atom feed; `link` stands for another one."""
        return self.link or f"{base}/2020/05/{slug_of(self.number)}.html"

    @property
    def published_at(self) -> datetime:
        return FIRST_AT + timedelta(days=self.number if self.days < 0 else self.days)

    @property
    def updated_at(self) -> datetime:
        return FIRST_AT + timedelta(days=self.updated_days) if self.updated_days >= 0 else self.published_at


class Rig(Protocol):
    """A place for answers that a source reads, and how a test changes it."""

    def source(self) -> Source: ...

    def put(self, page: Page) -> None: ...

    def remove(self, number: int) -> None: ...

    def spoil(self) -> None:
        """Make the place unreadable as a whole."""
        ...

    def url_of(self, number: int) -> str: ...


@dataclass
class FolderRig:
    """A folder of Markdown files."""

    folder: Path

    def source(self) -> Source:
        return FolderSource(self.folder, "folder:answers")

    def put(self, page: Page) -> None:
        file = self.folder / f"{page.number}.md"
        draft = "true" if page.is_draft else "false"
        file.write_text(
            f"---\ntitle: {page.title}\ndate: {page.published_at.isoformat()}\ndraft: {draft}\n"
            f"source_url: {self.url_of(page.number)}\nid: answer-{page.number}\n---\n{page.text}\n"
        )
        # A clock of coarse ticks must not hide a second change within one tick.
        changed_ns = file.stat().st_mtime_ns + len(page.text)
        os.utime(file, ns=(changed_ns, changed_ns))

    def remove(self, number: int) -> None:
        (self.folder / f"{number}.md").unlink()

    def spoil(self) -> None:
        self.folder.rename(self.folder.with_name("gone"))

    def url_of(self, number: int) -> str:
        return f"https://blog.example/2020/05/{slug_of(number)}.html"


@dataclass
class BlogState:
    """What the far side's blog holds, how it behaves, and what it was asked."""

    pages: dict[int, Page] = field(default_factory=dict)
    page_size: int = 3
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    location: str = ""
    trickles: bool = False
    zips: bool = False
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass
class BlogRig:
    """A blog with a paged Atom feed in Blogger's shape, on a loopback port."""

    state: BlogState
    base: str

    def source(self) -> Source:
        return BloggerSource(self.base, Fetcher(timeout_s=2, total_s=5, allow_private=True))

    def put(self, page: Page) -> None:
        self.state.pages[page.number] = page

    def remove(self, number: int) -> None:
        del self.state.pages[number]

    def spoil(self) -> None:
        self.state.status = 500

    def url_of(self, number: int) -> str:
        return f"{self.base}/2020/05/{slug_of(number)}.html"


class FeedRig(BlogRig):
    """The same blog with an RSS feed that holds all answers."""

    def source(self) -> Source:
        return FeedSource(self.base + "/rss", Fetcher(timeout_s=2, total_s=5, allow_private=True))


class WordPressRig(BlogRig):
    """The same blog as WordPress: its REST interface, three answers a page."""

    def source(self) -> Source:
        return WordPressSource(self.base, Fetcher(timeout_s=2, total_s=5, allow_private=True))


def rss(state: BlogState, base: str) -> bytes:
    """Write the RSS feed, as WordPress and others have it; a draft is marked as one."""
    items = "".join(
        f"<item><title>{page.title}</title><link>{page.url(base)}</link>"
        f'<guid isPermaLink="false">{base}/?p={page.number}</guid>'
        f"<pubDate>{format_datetime(page.published_at)}</pubDate>"
        f"<app:draft>{'yes' if page.is_draft else 'no'}</app:draft><description>cut short</description>"
        f"{_rss_comments(page, base)}"
        f"<content:encoded><![CDATA[{_content(page)}]]></content:encoded></item>"
        for page in sorted(state.pages.values(), key=lambda page: page.published_at, reverse=True)
    )
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        f'xmlns:app="http://www.w3.org/2007/app" xmlns:wfw="http://wellformedweb.org/CommentAPI/" '
        f'xmlns:slash="http://purl.org/rss/1.0/modules/slash/"><channel><title>Ask us</title>{items}</channel></rss>'
    ).encode()


def rest(state: BlogState, base: str, path: str) -> bytes:
    """Write one page of WordPress's REST interface, newest change first."""
    number = int(parse_qs(urlsplit(path).query)["page"][0])
    pages = sorted(state.pages.values(), key=lambda page: page.updated_at, reverse=True)
    shown = pages[(number - 1) * state.page_size : number * state.page_size]
    state.headers["X-WP-TotalPages"] = str(-(-len(pages) // state.page_size))
    return json.dumps([_item(page, base) for page in shown]).encode()


def _item(page: Page, base: str) -> dict[str, object]:
    return {
        "id": page.number,
        "date_gmt": page.published_at.replace(tzinfo=None).isoformat(),
        "modified_gmt": page.updated_at.replace(tzinfo=None).isoformat(),
        "guid": {"rendered": f"{base}/?p={page.number}"},
        "link": page.url(base),
        "status": "draft" if page.is_draft else "publish",
        "type": "post",
        "title": {"rendered": html.escape(page.title)},
        "content": {"rendered": _content(page), "protected": False},
        "comment_status": "closed" if page.comments < 0 else "open",
    }


def _rss_comments(page: Page, base: str) -> str:
    if page.comments < 0:
        return ""
    url = page.url(base)
    return (
        f"<comments>{url}#comments</comments><wfw:commentRss>{url}/feed/</wfw:commentRss>"
        f"<slash:comments>{page.comments}</slash:comments>"
    )


def _atom_comments(page: Page, base: str) -> str:
    if page.comments < 0:
        return ""
    return (
        f'<link rel="replies" type="application/atom+xml" href="{base}/feeds/{page.number}/comments/default"'
        f' title="Post Comments"/><link rel="replies" type="text/html" href="{page.url(base)}#comment-form"'
        f' title="{page.comments} Comments"/><thr:total>{page.comments}</thr:total>'
    )


def _content(page: Page) -> str:
    return html.escape(page.text).replace("\n", "<br/>")


def atom(state: BlogState, base: str, path: str) -> bytes:
    """Write one page of the feed, as the live Blogger feed has it."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
    start = int(query.get("start-index", "1"))
    pages = sorted(state.pages.values(), key=lambda page: page.published_at, reverse=True)
    if "updated-min" in query:
        least_at = datetime.fromisoformat(query["updated-min"])
        pages = [page for page in pages if page.updated_at >= least_at]
    shown = pages[start - 1 : start - 1 + state.page_size]
    after = ""
    if start - 1 + state.page_size < len(pages):
        turned = urlencode({**query, "start-index": str(start + state.page_size)})
        turn = html.escape(f"{base}/feeds/posts/default?{turned}")
        after = f'<link rel="next" type="application/atom+xml" href="{turn}"/>'
    entries = "".join(_entry(page, base) for page in shown)
    newest_at = max((page.updated_at for page in state.pages.values()), default=FIRST_AT)
    return (
        "<?xml version='1.0' encoding='UTF-8'?><feed xmlns='http://www.w3.org/2005/Atom' "
        "xmlns:app='http://www.w3.org/2007/app' xmlns:georss='http://www.georss.org/georss' "
        "xmlns:thr='http://purl.org/syndication/thread/1.0'>"
        f"<id>tag:blogger.com,1999:blog-7</id><title>Ask us</title>"
        f"<updated>{newest_at.isoformat()}</updated>{after}{entries}</feed>"
    ).encode()


def _entry(page: Page, base: str) -> str:
    draft = "<app:control><app:draft>yes</app:draft></app:control>" if page.is_draft else ""
    link = f'<link rel="alternate" type="text/html" href="{page.url(base)}"/>'
    content = html.escape(_content(page))
    return (
        f"<entry><id>\n {page.entry_id} </id>{draft}"
        f"<published>{page.published_at.isoformat()}</published><updated>{page.updated_at.isoformat()}</updated>"
        f'<category scheme="http://www.blogger.com/atom/ns#" term="questions"/><title type="text">{page.title}</title>'
        f'<summary>cut short</summary><content type="html">{content}</content>'
        f'<link rel="self" href="{base}/feeds/posts/default/{page.number}"/>{"" if page.is_draft else link}'
        f"{_atom_comments(page, base)}"
        "<author><name>Jane Roe</name><email>noreply@blogger.com</email></author>"
        "<georss:featurename>Quaytown</georss:featurename></entry>"
    )


class _Caller(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: BlogState
    base = ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - The library's name.
        """Keep quiet."""

    def do_GET(self) -> None:
        """Answer as the state says."""
        self.state.asked.append((self.path, dict(self.headers.items())))
        body = self.state.body if self.state.body is not None else self._body()
        etag = f'W/"{sha256(body).hexdigest()[:16]}"'
        status = self.state.status
        if status == 200 and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        if status != 200:
            body = b""
        if self.state.zips:
            body = gzip.compress(body)
        self.send_response(status)
        sent = {"ETag": etag, "Content-Type": "application/atom+xml", **self.state.headers}
        if self.state.location:
            sent["Location"] = self.state.location
        if self.state.zips:
            sent["Content-Encoding"] = "gzip"
        for name, value in sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + 10 * self.state.trickles))
        self.end_headers()
        if self.state.trickles:
            self._trickle()
        else:
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.path.startswith("/wp-json"):
            return rest(self.state, self.base, self.path)
        return rss(self.state, self.base) if self.path == "/rss" else atom(self.state, self.base, self.path)

    def _trickle(self) -> None:
        while not self.state.stop.wait(0.1):
            try:
                self.wfile.write(b" ")
            except OSError:
                return


@contextmanager
def open_blog(host: str = "127.0.0.1") -> Generator[BlogRig, None, None]:
    """Serve an empty blog on a free port."""
    state = BlogState()
    server = ThreadingHTTPServer((host, 0), type("Caller", (_Caller,), {"state": state}))
    server.daemon_threads = True
    base = f"http://{host}:{server.server_address[1]}"
    server.RequestHandlerClass.base = base  # type: ignore[attr-defined]  # The class made above.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield BlogRig(state=state, base=base)
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def open_folder(folder: Path) -> Generator[FolderRig, None, None]:
    """Give an empty folder."""
    folder.mkdir()
    yield FolderRig(folder=folder)


@contextmanager
def open_blogger(folder: Path) -> Generator[BlogRig, None, None]:
    """Give an empty blog."""
    folder.mkdir()
    with open_blog() as rig:
        yield rig


@contextmanager
def open_feed(folder: Path) -> Generator[BlogRig, None, None]:
    """Give an empty blog that is read through its RSS feed."""
    with open_blogger(folder) as rig:
        yield FeedRig(state=rig.state, base=rig.base)


@contextmanager
def open_wordpress(folder: Path) -> Generator[BlogRig, None, None]:
    """Give an empty WordPress blog."""
    with open_blogger(folder) as rig:
        yield WordPressRig(state=rig.state, base=rig.base)


SOURCES: Mapping[str, Callable[[Path], AbstractContextManager[Rig]]] = {
    "folder": open_folder,
    "blogger": open_blogger,
    "feed": open_feed,
    "wordpress": open_wordpress,
}


def shown(value: object) -> str:
    """Give everything that a value holds as text, to look for what must not be in it."""
    return json.dumps(value, default=repr) if not isinstance(value, str) else value

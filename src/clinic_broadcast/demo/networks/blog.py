"""A fake blog with a live Blogger feed: what the product reads, changed at will by the control API.

Shape of /feeds/posts/default as public clients record it (marcosba/BCTR; Blogger 2.0 documents): ids, local
offsets, paging, thr:total, HTML content. Validators and gzip as any web server of that size sends them.
"""

import gzip
import hashlib
import html
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from urllib.parse import urlencode, urlsplit

from clinic_broadcast.demo.networks.messages import (
    Call,
    Json,
    Reply,
    http_date,
    parse_instant,
    parse_number,
    reply_html,
    reply_json,
)
from clinic_broadcast.demo.networks.store import Store

PAGE_DEFAULT: Final = 25
_FEED: Final = "/feeds/posts/default"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NAMESPACES: Final = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:openSearch="http://a9.com/-/spec/opensearchrss/1.0/" '
    'xmlns:blogger="http://schemas.google.com/blogger/2008" xmlns:gd="http://schemas.google.com/g/2005" '
    'xmlns:thr="http://purl.org/syndication/thread/1.0"'
)


class Blog:
    """The blog's pages and feed, and the way answers get into it."""

    pauses_itself = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, call: Call) -> Reply:
        if call.method not in ("GET", "HEAD"):
            return reply_html(405, "<title>405</title><p>This blog is only for reading.</p>")
        if call.path == _FEED:
            return self._feed(call)
        if call.path in ("", "/"):
            return self._home(call)
        found = next((it for it in self.answers() if self._path(it) == call.path), None)
        if found is None:
            return reply_html(404, "<title>404</title><p>There is no such page.</p>")
        return reply_html(200, _page(str(found["title"]), f"<article>{found['html']}</article>"))

    def failed(self, status: int) -> Reply:
        return reply_html(status, f"<title>Error {status}</title><h1>Sorry, something went wrong</h1>")

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        headers = {} if bare else {"Retry-After": str(max(1, round(wait_s)))}
        return reply_html(429, "<title>429</title><p>Too many requests</p>").with_headers(headers)

    def refused_token(self) -> Reply:
        return reply_html(403, "<title>403</title><p>This blog is open to invited readers only.</p>")

    # What stands on the blog -----------------------------------------------------------------------------

    def answers(self) -> list[Json]:
        """Return the answers that stand there now, newest first."""
        found: list[Json] = [value for _, value in self._store.entries("blog")]
        return sorted(found, key=lambda it: (parse_instant(it["published"]) or 0, it["id"]), reverse=True)

    def put(self, wanted: Json) -> Json:
        """Add an answer, or change the one of that id; what is not given stays as it was.

        Raises:
            ValueError: a title, html or time is missing or wrong.
        """
        with self._store.change():
            number = str(wanted.get("id") or self._store.next_number("blog", self._store.now_ms()))
            before: Json = self._store.get("blog", number) or {}
            now = datetime.fromtimestamp(self._store.now_ms() / 1000, UTC).isoformat(timespec="milliseconds")
            it: Json = {
                "labels": [],
                "comments": 0,
                "published": now,
                **before,
                "updated": now,
                **wanted,
                "id": number,
            }
            if not isinstance(it.get("title"), str) or not isinstance(it.get("html"), str):
                raise ValueError("title and html must be texts")  # noqa: TRY004 - One error for callers.
            if not number.isdigit() or any(
                parse_instant(str(it[name])) is None for name in ("published", "updated")
            ):
                raise ValueError("id must be digits; published and updated must be times with a zone")
            # A permalink is made once: a later title does not change it.
            it.setdefault("slug", _slug(it["title"]) or number)
            self._store.put("blog", number, it)
        return {**it, "url": self.url_of(it), "entry_id": self._entry_id(number)}

    def url_of(self, it: Json, base_url: str = "") -> str:
        """Return the public permalink of an answer."""
        return (str(self._store.setting("blog", "base_url")) or f"{base_url}/blog") + self._path(it)

    def _entry_id(self, number: str) -> str:
        return f"tag:blogger.com,1999:blog-{self._store.setting('blog', 'blog_id')}.post-{number}"

    def _zone(self) -> timezone:
        return timezone(timedelta(minutes=int(self._store.setting("blog", "utc_offset_minutes"))))

    def _local(self, text: str) -> str:
        at_ms = parse_instant(text) or 0
        return datetime.fromtimestamp(at_ms / 1000, self._zone()).isoformat(timespec="milliseconds")

    def _path(self, it: Json) -> str:
        return f"/{self._local(it['published'])[:7].replace('-', '/')}/{it['slug']}.html"

    # The feed --------------------------------------------------------------------------------------------

    def _feed(self, call: Call) -> Reply:
        if call.ask("alt") not in (None, "atom"):
            return reply_json(400, {"error": "only Atom is simulated here"})
        start = parse_number(call.ask("start-index"), 1) or 1
        size = min(
            parse_number(call.ask("max-results"), PAGE_DEFAULT) or 0,
            int(self._store.setting("blog", "page_size_max")),
        )
        found = self.answers()
        if call.ask("orderby") == "updated":
            found.sort(key=lambda it: parse_instant(it["updated"]) or 0, reverse=True)
        found = [it for it in found if _is_between(call, it)]
        newest_ms = max((parse_instant(it["updated"]) or 0 for it in found), default=0)
        body = self._document(call, found, start=start, size=size, newest_ms=newest_ms)
        return self._conditional(call, body, newest_ms)

    def _conditional(self, call: Call, body: bytes, newest_ms: int) -> Reply:
        headers = {"Content-Type": "application/atom+xml; charset=UTF-8", "Vary": "Accept-Encoding"}
        if self._store.setting("blog", "validators"):
            etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
            headers |= {
                "ETag": etag,
                "Last-Modified": http_date(newest_ms),
                "Cache-Control": "private, max-age=0",
            }
            # If-None-Match comes before If-Modified-Since (RFC 9110, 13.2.2).
            asked = call.headers.get("if-none-match")
            is_known = (
                etag in asked if asked else call.headers.get("if-modified-since") == headers["Last-Modified"]
            )
            if is_known:
                return Reply(status=304, headers=tuple(headers.items()))
        if self._store.setting("blog", "gzip") and "gzip" in call.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 6, mtime=0)
        return Reply(status=200, body=body, headers=tuple(headers.items()))

    def _document(self, call: Call, found: list[Json], *, start: int, size: int, newest_ms: int) -> bytes:
        here, page = f"{call.base_url}/blog{_FEED}", found[start - 1 : start - 1 + size]
        home = str(self._store.setting("blog", "base_url")) or f"{call.base_url}/blog"
        title = html.escape(str(self._store.setting("blog", "title")))
        updated = datetime.fromtimestamp(newest_ms / 1000, self._zone()).isoformat(timespec="milliseconds")
        links = [
            ("http://schemas.google.com/g/2005#feed", here),
            ("self", f"{here}?{urlencode(call.query)}" if call.query else here),
            ("alternate", f"{home}/"),
            ("hub", "http://pubsubhubbub.appspot.com/"),
        ]
        if size and start - 1 + size < len(found):
            kept = [(k, v) for k, v in call.query if k not in ("start-index", "max-results")]
            turn = urlencode([*kept, ("start-index", start + size), ("max-results", size)])
            links.append(("next", f"{here}?{turn}"))
        head = "".join(f'<link rel="{rel}" href="{html.escape(url)}"/>' for rel, url in links)
        entries = "".join(self._entry(call, it) for it in page)
        author = html.escape(str(self._store.setting("blog", "author")))
        return (
            f"<?xml version='1.0' encoding='UTF-8'?><feed {_NAMESPACES}>"
            f"<id>tag:blogger.com,1999:blog-{self._store.setting('blog', 'blog_id')}</id><updated>{updated}</updated>"
            f"<title type='text'>{title}</title><subtitle type='html'></subtitle>{head}"
            f"<author><name>{author}</name><email>noreply@blogger.com</email></author>"
            "<generator version='7.00' uri='http://www.blogger.com'>Blogger</generator>"
            f"<openSearch:totalResults>{len(found)}</openSearch:totalResults>"
            f"<openSearch:startIndex>{start}</openSearch:startIndex>"
            f"<openSearch:itemsPerPage>{size}</openSearch:itemsPerPage>{entries}</feed>"
        ).encode()

    def _entry(self, call: Call, it: Json) -> str:
        number, url = it["id"], html.escape(self.url_of(it, call.base_url))
        title, content = (html.escape(_CONTROL.sub("", str(it[name]))) for name in ("title", "html"))
        labels = "".join(
            f'<category scheme="http://www.blogger.com/atom/ns#" term="{html.escape(str(label))}"/>'
            for label in it["labels"]
        )
        feed = f"{call.base_url}/blog/feeds"
        author = html.escape(str(it.get("author") or self._store.setting("blog", "author")))
        return (
            f"<entry><id>{self._entry_id(number)}</id><published>{self._local(it['published'])}</published>"
            f"<updated>{self._local(it['updated'])}</updated>{labels}<title type='text'>{title}</title>"
            f"<content type='html'>{content}</content>"
            f'<link rel="replies" type="application/atom+xml" href="{feed}/{number}/comments/default" '
            f'title="Post Comments"/><link rel="replies" type="text/html" href="{url}#comment-form" '
            f'title="{it["comments"]} Comments"/><link rel="edit" type="application/atom+xml" '
            f'href="{feed}/posts/default/{number}"/><link rel="self" type="application/atom+xml" '
            f'href="{feed}/posts/default/{number}"/><link rel="alternate" type="text/html" href="{url}" '
            f'title="{title}"/><author><name>{author}</name><email>noreply@blogger.com</email></author>'
            f"<thr:total>{it['comments']}</thr:total></entry>"
        )

    def _home(self, call: Call) -> Reply:
        items = "".join(
            f'<li><a href="{call.base_url}/blog{self._path(it)}">{html.escape(str(it["title"]))}</a></li>'
            for it in self.answers()
        )
        title = str(self._store.setting("blog", "title"))
        return reply_html(200, _page(title, f"<ul>{items}</ul><p><a href='/blog{_FEED}'>Feed</a></p>"))


def _page(title: str, body: str) -> str:
    shown = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{shown}</title><h1>{shown}</h1>{body}</html>'
    )


def _slug(title: str) -> str:
    # Blogger keeps about 39 characters, whole words, ASCII only.
    words, kept = re.findall(r"[a-z0-9]+", title.lower()), ""
    for word in words:
        if len(kept) + len(word) > 39:  # noqa: PLR2004
            break
        kept = f"{kept}-{word}" if kept else word
    return kept


def _is_between(call: Call, it: Json) -> bool:
    for name in ("published", "updated"):
        at_ms = parse_instant(it[name]) or 0
        least, most = (parse_instant(call.ask(f"{name}-{end}") or "") for end in ("min", "max"))
        if (least is not None and at_ms < least) or (most is not None and at_ms >= most):
            return False
    return True


def local_path(url: str, base_url: str) -> str | None:
    """Return where the copy of a public permalink stands on this server, or None for other links."""
    base = urlsplit(base_url)
    found = urlsplit(url)
    is_ours = bool(base_url) and (found.scheme, found.netloc) == (base.scheme, base.netloc)
    return f"/blog{found.path}" if is_ours else None

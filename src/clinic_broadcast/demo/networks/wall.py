"""The wall: everything the simulated networks show in public, for people as a page and for tests as JSON."""

import html
import re
from itertools import groupby
from typing import Final

from clinic_broadcast.demo.networks.accounts import NETWORKS
from clinic_broadcast.demo.networks.blog import local_path
from clinic_broadcast.demo.networks.messages import Json, Reply, iso_ms, reply_html, reply_json
from clinic_broadcast.demo.networks.store import Publication, Store

_NAMES: Final = {"x": "X", "linkedin": "LinkedIn"}
_POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
}
_URL: Final = re.compile(r"https?://[^\s<>\"]+")
_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: #8885; --soft: #777; }
body { margin: 0 auto; padding: 1rem; max-width: 75rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
header p, time, .note { color: var(--soft); font-size: .875rem; margin: 0; }
main { display: grid; gap: 1.25rem; margin-top: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
article { border: 1px solid var(--line); border-radius: .75rem; padding: .75rem 1rem; margin: 0 0 .75rem;
  overflow-wrap: anywhere; }
article:target { outline: 3px solid #2a7ae2; }
article p { margin: 0 0 .5rem; white-space: pre-wrap; }
.card { font-size: .875rem; border-top: 1px solid var(--line); padding-top: .5rem; }
.gone { opacity: .7; }
.gone p { text-decoration: line-through; }
"""


def wall_of(store: Store) -> list[Json]:
    """Return what is, or was, in public: the exact text that was sent, newest first."""
    return [
        {
            "network": it.network,
            "id": it.id,
            "text": it.text,
            "link": it.link,
            "at": iso_ms(it.at_ms),
            "deleted": it.deleted_ms is not None,
            "key": it.key,
            "media": it.extra.get("media", []),
        }
        for it in store.publications()
        if it.is_public
    ]


def answer_json(store: Store) -> Reply:
    """Return the wall for programs."""
    return reply_json(200, wall_of(store), {"Cache-Control": "no-store"})


def answer_page(store: Store) -> Reply:
    """Return the wall for people: readable on a phone, nothing loaded from anywhere else."""
    shown = sorted(
        (it for it in store.publications() if it.is_public), key=lambda it: NETWORKS.index(it.network)
    )
    blog_url = str(store.setting("blog", "base_url"))
    columns = "".join(
        _column(network, [_article(it, blog_url) for it in group])
        for network, group in groupby(shown, key=lambda it: it.network)
    )
    standing = sum(it.deleted_ms is None for it in shown)
    nothing = "" if shown else '<p class="note">Nothing has been published yet.</p>'
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>The wall: {standing} in public</title><style>{_STYLE}</style><header>'
        "<h1>What the public would see</h1><p>Simulated networks on this machine. Nothing here has left it. "
        f"{standing} in public, {len(shown) - standing} taken back.</p></header>{nothing}<main>{columns}</main></html>"
    )
    return reply_html(200, page).with_headers(_POLICY)


def _column(network: str, articles: list[str]) -> str:
    name = _NAMES.get(network, network.capitalize())
    return (
        f"<section><h2>{name} <span class='note'>({len(articles)})</span></h2>{''.join(articles)}</section>"
    )


def _article(it: Publication, blog_url: str) -> str:
    gone = "" if it.deleted_ms is None else f" · taken back {_clock(it.deleted_ms)}"
    card = ""
    if it.link and it.link not in it.text:
        card = f'<p class="card">{_anchor(it.link, blog_url)}</p>'
    name = html.escape(f"{it.network}-{it.id}")
    return (
        f'<article id="{name}" class="{"gone" if gone else "stands"}"><p>{_linked(it.text, blog_url)}</p>{card}'
        f'<time datetime="{iso_ms(it.at_ms)}">{_clock(it.at_ms)}</time><span class="note">{gone}</span></article>'
    )


def _clock(at_ms: int) -> str:
    return iso_ms(at_ms)[:16].replace("T", " ") + " UTC"


def _linked(text: str, blog_url: str) -> str:
    pieces: list[str] = []
    done = 0
    for found in _URL.finditer(text):
        pieces += [html.escape(text[done : found.start()]), _anchor(found.group(), blog_url)]
        done = found.end()
    return "".join(pieces) + html.escape(text[done:])


def _anchor(url: str, blog_url: str) -> str:
    # The demo's blog has a public name that does not exist; the copy on this server does.
    target = local_path(url, blog_url) or url
    return f'<a href="{html.escape(target)}" rel="noreferrer nofollow">{html.escape(url)}</a>'

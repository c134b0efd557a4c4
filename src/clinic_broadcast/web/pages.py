"""Makes the pages of the review from their templates; loaded when the first of them is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jinja2
from starlette.responses import Response

TEMPLATES: Final = Path(__file__).parent / "templates"

HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Stricter than that of the feeds: these pages have no script at all.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Vary": "Cookie",
}

_templates: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(name: str, shown: Mapping[str, object], *, status: int = 200) -> Response:
    """Give a page; everything in `shown` is escaped."""
    body = _templates.get_template(f"{name}.html").render(dict(shown))
    return Response(body, status_code=status, headers={**HEADERS, "Content-Type": "text/html; charset=utf-8"})


def style_sheet() -> Response:
    """Give the style sheet of the pages, which is a part of the program and no secret."""
    return Response(
        (TEMPLATES / "review.css").read_bytes(),
        headers={"Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=3600"},
    )

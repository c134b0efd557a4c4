"""Writes the weekly report as a message: a text, a page for e-mail, and a chart of the last weeks."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from clinic_broadcast.core.digest import Digest
from clinic_broadcast.core.notice import Enclosure, Message
from clinic_broadcast.core.schedule import Job

if TYPE_CHECKING:
    from jinja2 import Environment

CHART_NAME: Final = "weeks.svg"

COLOURS: Final = (
    "#0085a8",
    "#c27a00",
    "#8f6cc4",
    "#3f9142",
    "#dc4a6e",
    "#4f82d0",
    "#a37b52",
    "#708590",
    "#009688",
)
"""Each at least 3 to 1 on the page's white and on its dark (WCAG 2.2, 1.4.11), for a picture cannot follow the reader's
choice; the table beside the chart says the same in numbers."""


def message_of(digest: Digest) -> Message:
    """Give the report to be sent: text for chats, a page for e-mail, and the chart beside it.

    Mail readers draw no SVG within a page, so there the chart is enclosed, and the page has its numbers as a table.
    """
    chart = chart_of(digest)
    enclosures = (Enclosure(name=CHART_NAME, media_type="image/svg+xml", content=chart),) if chart else ()
    subject = f"{digest.clinic}: {_counted(sum(digest.by_channel.values()))} went out"
    if digest.waiting:
        subject += ", something waits for you"
    return Message(
        subject=subject,
        text=_render("digest.txt", digest),
        html=_render("digest.html", digest),
        enclosures=enclosures,
    )


def page_of(digest: Digest) -> str:
    """Give the report as one page for a browser, with the chart in it."""
    chart = chart_of(digest)
    encoded = base64.b64encode(chart).decode()
    return _render("digest.html", digest, chart=f"data:image/svg+xml;base64,{encoded}" if chart else "")


def chart_of(digest: Digest) -> bytes:
    """Give the chart as SVG without any script; nothing when no channel has published in its weeks."""
    if not digest.charted_channels:
        return b""
    import pygal  # noqa: PLC0415  # Needed once a week.
    from pygal.style import Style  # noqa: PLC0415

    # It hooks itself into every later import of the program, for plug-ins of its own; nobody has any here.
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="#71838d",
        foreground_strong="#71838d",
        foreground_subtle="#71838d",
        colors=COLOURS,
        font_family="system-ui, sans-serif",
        label_font_size=16,
        major_label_font_size=16,
        legend_font_size=18,
        opacity="1",
        opacity_hover="1",
    )
    most = max(sum(week.counts.values()) for week in digest.weeks)
    chart = pygal.StackedBar(
        js=[],
        no_prefix=True,  # Its prefix is another one each time, and the same report is the same bytes.
        style=style,
        width=800,
        height=360,
        legend_at_bottom=True,
        legend_at_bottom_columns=min(4, len(digest.charted_channels)),
        show_y_guides=True,
        y_labels=list(range(0, most + 1, max(1, -(-most // 5)))),
        value_formatter="{:.0f}".format,
        margin=10,
    )
    chart.x_labels = [week.ends_on.strftime("%d %b") for week in digest.weeks]
    for name in digest.charted_channels:
        chart.add(name, [week.counts.get(name, 0) for week in digest.weeks])
    return _without_scripts(chart.render())


def _without_scripts(drawn: bytes) -> bytes:
    """Take the settings out that pygal leaves in a script for its own JavaScript: nothing of ours may run."""
    from lxml import etree  # noqa: PLC0415  # Needed once a week.

    tree = etree.fromstring(drawn)
    etree.strip_elements(tree, "{*}script", etree.Comment, with_tail=False)
    bare: bytes = etree.tostring(tree, xml_declaration=True, encoding="utf-8")
    return bare


def _render(name: str, digest: Digest, *, chart: str = "") -> str:
    since, until = (at.astimezone(digest.zone) for at in (digest.since, digest.until))
    return (
        _templates()
        .get_template(name)
        .render(
            digest=digest,
            period=f"{since:%a %d %b} to {until:%a %d %b %Y} ({digest.zone.key})",
            told=_told(digest),
            coming=list(_coming(digest)),
            chart=chart,
            when=partial(_when, digest.zone),
            counted=_by_name,
        )
    )


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # noqa: PLC0415  # The same.

    return Environment(
        loader=PackageLoader("clinic_broadcast.notices"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _told(digest: Digest) -> str:
    parts = [f"{_counted(sum(digest.by_channel.values()))} in public"]
    if digest.published:
        parts[0] += f" ({_by_name(digest.by_channel)})"
    parts.append(
        "1 new answer on the blog" if digest.fresh == 1 else f"{digest.fresh} new answers on the blog"
    )
    if digest.taken_back:
        parts.append(f"{digest.taken_back} taken back")
    return "; ".join(parts) + "."


def _when(zone: ZoneInfo, at: datetime) -> str:
    return f"{at.astimezone(zone):%a %d %b %H:%M %Z}"


def _coming(digest: Digest) -> Iterator[str]:
    does = {Job.ANNOUNCE: "new answers", Job.RESHARE: "shared again"}
    for one in digest.coming:
        yield f"{_when(digest.zone, one.at)}: {does[one.job]}, {_by_name(one.ready) or 'none'} approved and ready"


def _by_name(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)


def _counted(count: int) -> str:
    return "1 promo" if count == 1 else f"{count} promos"

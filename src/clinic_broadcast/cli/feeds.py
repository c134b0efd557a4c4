"""Commands of the feeds: build them, check what is there, and show which bytes were served when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import AsJson, DryRun, home_of, instant_of, open_office
from clinic_broadcast.cli.output import Exit, counted, document, paint, result, say

if TYPE_CHECKING:
    from clinic_broadcast.cli.shapes import Json


def feed_build(context: typer.Context, dry_run: DryRun = False) -> int:
    """Write the feeds now."""
    from clinic_broadcast.wire import build_feeds

    with open_office(context) as office:
        built = build_feeds(office, write=not dry_run)
    for path in built.written:
        say(f"{'would write' if dry_run else 'wrote'} {path}")
    waiting = f"{counted(built.waiting, 'answer')} {'waits' if built.waiting == 1 else 'wait'} for a person"
    result(f"{counted(built.entries, 'entry', 'entries')}; {waiting}")
    return Exit.DONE


def feed_check(context: typer.Context, as_json: AsJson = False) -> int:
    """Check the feeds that are there."""
    from clinic_broadcast import wire

    checked = wire.check_feeds(home_of(context))
    problems = sum(len(one.problems) for one in checked)
    if as_json:
        documents: list[Json] = [
            {"path": one.path, "entries": one.entries, "problems": list(one.problems)} for one in checked
        ]
        document({"documents": documents, "problems": problems})
    else:
        for one in checked:
            entries, found = counted(one.entries, "entry", "entries"), counted(len(one.problems), "problem")
            result(f"{one.path}: {entries}, {found}")
            for problem in one.problems:
                result(paint(f"  {problem}", "red"))
    return Exit.FAILED if problems else Exit.DONE


def feed_served(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="One document, such as feeds/rss.xml; else all.")] = "",
    moment: Annotated[
        str, typer.Option("--at", metavar="TIME", help="Only what stood then (RFC 3339).")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Show which bytes (sha256) of which document were served, from when until when. Writes nothing."""
    from clinic_broadcast import wire
    from clinic_broadcast.cli.shapes import instant

    at = instant_of(moment, "--at") if moment else None
    found = wire.served_of(home_of(context), path=path.removeprefix("public/").lstrip("/"), at=at)
    if as_json:
        rows: list[Json] = [
            {
                "path": one.path,
                "sha256": one.sha256,
                "bytes": one.length,
                "from": instant(one.from_at),
                "until": None if one.until_at is None else instant(one.until_at),
                "stands": one.stands,
            }
            for one in found
        ]
        document({"served": rows})
        return Exit.DONE
    if not found:
        say("nothing was served" + (f" at {moment}" if moment else "") + (f" under {path}" if path else ""))
    for one in found:
        until = (
            f"until {instant(one.until_at)}"
            if one.until_at
            else "until now"
            if one.stands
            else "no longer there"
        )
        result(f"{one.path}: {one.sha256} {one.length} bytes, from {instant(one.from_at)} {until}")
    return Exit.DONE

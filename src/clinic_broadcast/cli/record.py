"""Commands about the record: log, status, export, verify, backup, restore, migrate."""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import AsJson, Command, DryRun, actor, home_of, open_office, read_desk
from clinic_broadcast.cli.output import Exit, counted, document, line, result, say, show_state
from clinic_broadcast.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from clinic_broadcast.cli.shapes import Json
    from clinic_broadcast.run.survey import Survey


def log(
    context: typer.Context,
    answer: Annotated[str, typer.Option("--answer", metavar="A", help="Only this answer: id or URL.")] = "",
    channel: Annotated[str, typer.Option("--channel", metavar="C", help="Only this channel.")] = "",
    state: Annotated[str, typer.Option("--state", metavar="S", help="Only this state.")] = "",
    as_json: AsJson = False,
) -> int:
    """Show the record of what has been published and what has not."""
    from clinic_broadcast.cli import shapes
    from clinic_broadcast.core.delivery import State
    from clinic_broadcast.run.pinging import is_hub

    if state and state not in set(State):
        raise UsageError(f"no state is called {state!r}; known: {', '.join(State)}")
    with read_desk(context) as desk:
        rows = desk.ledger.deliveries(states=(State(state),) if state else None, channel=channel or None)
    if answer:
        rows = [one for one in rows if answer in (one.answer_id, one.answer_url)]
    if as_json:
        document(
            {
                "deliveries": [shapes.delivery(one) for one in rows if not is_hub(one.channel)],
                "pings": [shapes.delivery(one) for one in rows if is_hub(one.channel)],
            }
        )
        return Exit.DONE
    if not rows:
        say("Nothing has been planned yet." if not (answer or channel or state) else "Nothing matches.")
    for one in rows:
        show_state(one)
        result(f"    of {' '.join(dict.fromkeys((one.answer_id, one.answer_url))).rstrip()}")
    return Exit.DONE


def status(context: typer.Context, as_json: AsJson = False) -> int:
    """Say how things stand: answers, deliveries, what needs a person, what comes next."""
    from clinic_broadcast.cli import shapes
    from clinic_broadcast.cli.overview import overview
    from clinic_broadcast.engine.lock import is_held
    from clinic_broadcast.run.noticing import matters
    from clinic_broadcast.run.survey import survey
    from clinic_broadcast.wire import missing_record, watch_of

    with open_office(context, read_only=True) as office:
        seen = survey(office.desk, office.schedules)
        missing = missing_record(office.settings)
        if missing:
            # Nothing else can be said of a home without a record, and a reading command makes none.
            seen = replace(seen, problems=(missing,))
        waiting = matters(office.desk, watch_of(office.settings, office.schedules))
    if as_json:
        document(
            {
                "answers": {standing.value: count for standing, count in seen.answers.items()},
                "deliveries": _counted(seen, hubs=False),
                "hubs": _counted(seen, hubs=True),
                "guarantees": dict(seen.guarantees),
                "spend": {
                    name: {"month": one.month, "usd": one.usd, "max_usd": one.max_usd}
                    for name, one in seen.spend.items()
                },
                "needs_a_person": seen.needs_a_person,
                "waiting": [
                    {"kind": one.kind.value, "text": one.text, "command": one.command} for one in waiting
                ],
                "dated_ahead": list(seen.dated_ahead),
                "last_poll_at": shapes.instant(seen.last_poll_at),
                "next": [{"job": job, "at": shapes.instant(at)} for job, at in seen.next],
                "healthy": not seen.problems,
                "problems": list(seen.problems),
            }
        )
        return Exit.DONE
    is_running = is_held(office.settings.home.lock_file)
    for told in overview(office, seen, waiting, is_running=is_running):
        result(told)
    return Exit.DONE


def _counted(seen: Survey, *, hubs: bool) -> Json:
    from clinic_broadcast.run.pinging import is_hub

    return {
        channel: {state.value: count for state, count in states.items()}
        for channel, states in seen.deliveries.items()
        if is_hub(channel) is hubs
    }


def export(
    context: typer.Context,
    form: Annotated[str, typer.Option("--format", metavar="csv or jsonl", help="csv or jsonl.")] = "csv",
) -> int:
    """Write the whole record of what is published to stdout."""
    from clinic_broadcast.cli import shapes
    from clinic_broadcast.run.pinging import is_hub

    if form not in ("csv", "jsonl"):
        raise UsageError(f"--format is csv or jsonl, not {form!r}")
    with read_desk(context) as desk:
        rows = [shapes.delivery(one) for one in desk.ledger.deliveries() if not is_hub(one.channel)]
    if form == "jsonl":
        for row in rows:
            line(row)
        return Exit.DONE
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = list(shapes.DELIVERY_FIELDS)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    return Exit.DONE


def _cell(value: object) -> str:
    """Give a CSV cell; one that a spreadsheet would run as a formula is quoted with an apostrophe."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text


def verify(context: typer.Context, as_json: AsJson = False) -> int:
    """Check that the history is whole: no line changed, dropped or put in."""
    from clinic_broadcast import wire

    problems = wire.open_record(home_of(context), os.environ).verify()
    if as_json:
        document({"whole": not problems, "problems": list(problems)})
    elif problems:
        for problem in problems:
            result(problem)
    else:
        result("the history is whole")
    return Exit.FAILED if problems else Exit.DONE


def backup(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to; else state/backups/.")
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Copy the record to a file, checked, while everything goes on."""
    from clinic_broadcast import wire

    record = wire.open_record(home_of(context), os.environ)
    target = file or record.next_backup()
    if dry_run:
        say(f"would write {target}")
        return Exit.DONE
    figures = record.backup(target)
    answers, deliveries = (
        counted(figures.answers, "answer"),
        counted(figures.deliveries, "delivery", "deliveries"),
    )
    lines = counted(figures.events, "line of history", "lines of history")
    say(f"{answers}, {deliveries}, {lines}, all whole")
    result(str(target))
    return Exit.DONE


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `backup` wrote.")],
    dry_run: DryRun = False,
) -> int:
    """Put a backup in the place of the record; the record as it was is kept beside it."""
    from clinic_broadcast import wire
    from clinic_broadcast.engine.lock import hold_home

    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    if dry_run:
        say(f"would put {file} in the place of the record")
        return Exit.DONE
    record = wire.open_record(home_of(context), os.environ)
    home = record.settings.home
    home.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_home(home.lock_file):
        restored = record.restore(file, actor=actor())
    say("restored" + (f"; the record as it was is kept in {restored.kept}" if restored.kept else ""))
    say("nothing goes out until each channel was asked what this record has forgotten")
    say("next: clinic-broadcast run --once, then clinic-broadcast status")
    return Exit.DONE


def migrate(context: typer.Context, dry_run: DryRun = False) -> int:
    """Bring the record to the shape that this version needs; a copy is made first."""
    from clinic_broadcast import wire

    if dry_run:
        say("would migrate the record, after a copy")
        return Exit.DONE
    try:
        wire.open_record(home_of(context), os.environ).migrate()
    except LedgerError:
        say("the record was left as it was")
        raise
    say("the record has the shape of this version")
    return Exit.DONE


COMMANDS = (
    Command("log", log, "Show the record of what has been published."),
    Command("status", status, "Say how things stand."),
    Command("export", export, "Write the record as CSV or JSON lines."),
    Command("verify", verify, "Check that the history is whole."),
    Command("backup", backup, "Copy the record to a file."),
    Command("restore", restore, "Put a backup in the place of the record."),
    Command("migrate", migrate, "Bring the record to this version's shape."),
)

"""Commands that run and check: run, backfill, doctor, demo, feed, schedule."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import AsJson, Command, DryRun, home_of, instant_of, open_office
from clinic_broadcast.cli.feeds import feed_build, feed_check, feed_served
from clinic_broadcast.cli.output import (
    Exit,
    document,
    exit_of,
    paint,
    result,
    say,
    show_state,
)
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from clinic_broadcast.cli.shapes import Json
    from clinic_broadcast.run.desk import Desk

COUNT_MAX = 1000


def backfill(
    context: typer.Context,
    max_per_week: Annotated[
        int,
        typer.Option(
            "--max-per-week", min=1, max=COUNT_MAX, help="At most so many old answers in seven days."
        ),
    ],
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="Only answers with this label; several: with any of them."),
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Plan old answers slowly, oldest first, behind everything fresh; run it as often as you like."""
    from clinic_broadcast.run.backfill import backfill as drip

    with open_office(context) as office:
        done = drip(office.desk, max_per_week=max_per_week, labels=label or (), write=not dry_run)
    if label and not done.planned and not done.left:
        say(f"no old answer that waits has the label {' or '.join(map(repr, label))}")
    for known in done.planned:
        result(f"{'would plan' if dry_run else 'planned'} {known.material.url or known.material.answer_id}")
    say(f"{len(done.planned)} this time, {done.left} left for later weeks")
    return Exit.DONE


def run(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Poll, build feeds, deliver what is due now, and exit.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Run the daemon: schedules, feeds, health. With --once, do one round and exit."""
    if once:
        return _run_once(context, dry_run=dry_run)
    from clinic_broadcast.cli.daemon import run_daemon

    if dry_run:
        raise UsageError("--dry-run goes with --once: a daemon that changes nothing would have nothing to do")
    return run_daemon(home_of(context), os.environ)


def _run_once(context: typer.Context, *, dry_run: bool) -> int:
    from clinic_broadcast.core.plan import plan
    from clinic_broadcast.run.broadcast import OPEN, deliver, release_planned
    from clinic_broadcast.run.correct import plan_withdrawals
    from clinic_broadcast.run.intake import poll
    from clinic_broadcast.run.promotion import plan_fresh
    from clinic_broadcast.run.reconcile import notice_silence
    from clinic_broadcast.wire import build_feeds
    from clinic_broadcast.wire.hubs import send_pings

    with open_office(context) as office:
        desk = office.desk
        if dry_run:
            steps = plan(desk.ledger.deliveries(states=OPEN), desk.clock.now(), desk.timing)
            say(f"would poll {len(desk.sources)} sources, build the feeds, and take {len(steps)} steps")
            return Exit.DONE
        notice_silence(desk)
        intake = poll(desk)
        for trouble in intake.troubles:
            say(f"clinic-broadcast: {trouble}")
        say(f"answers: {intake.baseline} baseline, {intake.fresh} fresh, {intake.changed} with other words")
        for twin in intake.twins:
            say(f"  {twin}")
        planning = plan_fresh(desk, skip_first_n=True)
        say(f"promos: {planning.planned} planned, {planning.held} held for a person")
        built = build_feeds(office)
        say(f"feeds: {built.entries} entries, {len(built.written)} files written")
        release_planned(desk)
        plan_withdrawals(desk)
        delivered = deliver(desk, retry_accounts=True)
        for one in (*delivered, *send_pings(office.settings, desk)):
            show_state(one)
        if planning.held:
            say("next: clinic-broadcast queue")
        # A hub that is away is told later, and makes no run fail.
        code = exit_of(delivered)
        if code in (Exit.DONE, Exit.HELD):
            code = _exit_of_waiting(desk)
        if intake.errors:
            return Exit.LATER
    return Exit.DONE if code is Exit.HELD else code


def _exit_of_waiting(desk: Desk) -> Exit:
    """Say what waits for another try, and give the exit code for it."""
    from clinic_broadcast.core.delivery import State

    now = desk.clock.now()
    rows = desk.ledger.deliveries(states=(State.PLANNED,))
    ours = [one for one in rows if one.channel in desk.channels]
    waiting = [one for one in ours if one.released_at and one.not_before and one.not_before > now]
    for one in waiting:
        show_state(one)
    return exit_of(waiting)


def schedule_next(
    context: typer.Context,
    count: Annotated[int, typer.Option("-n", min=1, max=COUNT_MAX, help="How many times to show.")] = 5,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="RFC 3339; else now.")] = "",
    as_json: AsJson = False,
) -> int:
    """Say each schedule as a sentence, with its next times."""
    from clinic_broadcast.cli.shapes import instant
    from clinic_broadcast.core.schedule import sentence, slots
    from clinic_broadcast.settings.config import read_settings
    from clinic_broadcast.settings.schedules import read_schedules
    from clinic_broadcast.wire import SystemClock

    after = instant_of(start, "--from") if start else SystemClock().now()
    settings = read_settings(home_of(context), os.environ)
    schedules = read_schedules(
        settings.home.schedules, timezone=settings.clinic.timezone, channels=settings.channels
    )
    try:
        upcoming = [(one, slots(one, after, count)) for one in schedules]
    except OverflowError:
        raise UsageError(f"--from {start!r} is too far away") from None
    if as_json:
        rows: list[Json] = [
            {
                "file": f"schedules/{one.name}.toml",
                "job": one.job.value,
                "sentence": sentence(one),
                "timezone": one.zone.key,
                "next": [instant(at) for at in times],
            }
            for one, times in upcoming
        ]
        document({"schedules": rows})
        return Exit.DONE
    if not upcoming:
        say(f"no schedules in {settings.home.schedules}")
    for one, times in upcoming:
        result(f"schedules/{one.name}.toml: {one.job.value}: {sentence(one)}")
        for at in times:
            result(f"    {at.astimezone(one.zone):%a %Y-%m-%d %H:%M %Z}")
    return Exit.DONE


def doctor(context: typer.Context, as_json: AsJson = False) -> int:
    """Check everything; each line with the command that mends it."""
    from clinic_broadcast.cli.examination import examine

    checks = examine(home_of(context), os.environ)
    if as_json:
        rows: list[Json] = [
            {"name": one.name, "ok": one.ok, "detail": one.detail, "fix": one.fix} for one in checks
        ]
        document({"checks": rows})
    else:
        for one in checks:
            mark = paint("ok  ", "green") if one.ok else paint("FAIL", "red")
            result(f"{mark} {one.name}: {one.detail}")
            if not one.ok and one.fix:
                result(f"       fix: {one.fix}")
    return Exit.DONE if all(one.ok for one in checks) else Exit.FAILED


def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Keep the pages up until you press Ctrl-C.")] = False,
) -> int:
    """Show the main job on invented answers against simulated networks; needs no account and no network."""
    from clinic_broadcast.demo.show import run_demo

    return run_demo(serve=serve)


COMMANDS = (
    Command("run", run, "Run the daemon; with --once, one round."),
    Command("backfill", backfill, "Plan old answers slowly."),
    Command("doctor", doctor, "Check everything, and say what mends it."),
    Command("demo", demo, "Show it all on invented answers, without any account."),
)
GROUPS = {
    "feed": (
        "Build and check the feeds, and show what was served.",
        (
            Command("build", feed_build, "Write the feeds now."),
            Command("check", feed_check, "Check the feeds that are there."),
            Command("served", feed_served, "Which bytes were served, from when until when."),
        ),
    ),
    "schedule": (
        "When things happen.",
        (Command("next", schedule_next, "Each schedule with its next times."),),
    ),
}

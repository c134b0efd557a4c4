"""Commands that set up and run: init, run, baseline, doctor, connect, demo, feed, schedule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from clinic_broadcast.cli.command import AsJson, Command, DryRun, home_of, instant_of, open_office
from clinic_broadcast.cli.feeds import feed_build, feed_check, feed_served
from clinic_broadcast.cli.output import (
    Exit,
    counted,
    document,
    exit_of,
    is_terminal,
    paint,
    progress,
    result,
    say,
    show_state,
)
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from clinic_broadcast.cli.shapes import Json
    from clinic_broadcast.run.desk import Desk
    from clinic_broadcast.run.intake import Intake
    from clinic_broadcast.settings.home import Home
    from clinic_broadcast.wire import Office

COUNT_MAX = 1000


def init(
    context: typer.Context,
    blog: Annotated[str, typer.Option("--blog", metavar="URL", help="The blog's address.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; take what is given and the defaults.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Make a home, and record all that the sources hold already: none of it is ever announced by itself."""
    from clinic_broadcast.settings.home import Home

    home = Home(home_of(context))
    is_new = not home.settings_file.exists()
    if is_new and not blog:
        if yes or not is_terminal():
            raise UsageError("say which blog: clinic-broadcast init --blog URL")
        blog = typer.prompt("The blog's address", err=True)
    if dry_run:
        say(f"would make a home in {home.path} and read the whole archive of its sources")
        return Exit.DONE
    if is_new:
        _check_address(blog)
    _make_home(home, blog)
    with open_office(context) as office:
        if not office.desk.sources:
            say("no source yet: add one to clinic.toml, then run `clinic-broadcast baseline`")
            return Exit.DONE
        code = _take_baseline(office)
        if code != Exit.DONE:
            say(
                "there is no whole baseline yet: mend what is said above, then run `clinic-broadcast init` again"
            )
            return code
        say(f"would publish now: 0; {_first_slot(office)}")
    say("next: clinic-broadcast doctor")
    return code


def _first_slot(office: Office) -> str:
    """Say when the next new answer goes out, or what is missing for it."""
    from clinic_broadcast.core.schedule import slots

    announce = next((one for one in office.schedules if one.job.value == "announce"), None)
    if not office.desk.channels:
        return "no channel is set up yet: add one to clinic.toml, then run `clinic-broadcast connect NAME`"
    if announce is None:
        return "no schedule announces new answers: add schedules/announce.toml"
    at = slots(announce, office.desk.clock.now(), 1)[0].astimezone(announce.zone)
    return f"the next new answer goes out {at:%a %H:%M %Z} to {', '.join(office.desk.channels)}"


def _check_address(blog: str) -> None:
    """Raise UsageError for what is no address, before anything is written."""
    from clinic_broadcast.settings.checks import checked_address

    try:
        checked_address(blog)
    except ValueError as error:
        raise UsageError(f"--blog {blog!r}: allowed is {error}") from None


def _make_home(home: Home, blog: str) -> None:
    """Write what is missing of a home: settings from the blog's address, default posts/ and schedules/."""
    from clinic_broadcast.settings.home import guess_source_kind, guess_timezone, make_home

    name = urlsplit(blog).hostname or home.path.name
    made = make_home(
        home.path,
        name=name,
        blog_url=blog,
        timezone=guess_timezone(os.environ),
        source_kind=guess_source_kind(blog),
    )
    for path in made.written:
        say(f"wrote {path}")


def _take_baseline(office: Office) -> int:
    from clinic_broadcast.run.intake import poll
    from clinic_broadcast.wire import build_feeds

    intake = poll(office.desk, as_baseline=True, watch=progress)
    progress("")
    for trouble in intake.troubles:
        say(f"clinic-broadcast: {trouble}")
    for told in _told_baseline(office, intake):
        say(told)
    build_feeds(office)
    return Exit.LATER if intake.errors else Exit.DONE


def _told_baseline(office: Office, intake: Intake) -> Iterator[str]:
    """Say what a first reading found, and that nothing of it goes out."""
    from clinic_broadcast.core.answer import Standing

    known = office.desk.ledger.count_answers().get(Standing.BASELINE, 0)
    if intake.oldest_at is None or intake.newest_at is None:
        yield f"nothing new; {counted(known, 'answer')} on record as baseline, and none is announced by itself"
        return
    zone = ZoneInfo(office.settings.clinic.timezone)
    first, last = (f"{at.astimezone(zone):%d %b %Y}" for at in (intake.oldest_at, intake.newest_at))
    when = first if first == last else f"{first} to {last}"
    found = counted(intake.baseline, "answer")
    yield f"{found} recorded as baseline, published {when}; nothing old is announced by itself"
    if intake.unclear:
        yield f"  {intake.unclear} of them not certain: a letter cannot be told from its answer there"
    if intake.flagged:
        yield f"  {intake.flagged} of them with something to confirm: a dose, a drug's name, a lost link"


def baseline(context: typer.Context, dry_run: DryRun = False) -> int:
    """Record what the sources hold now as known: nothing of it will be announced by itself."""
    if dry_run:
        say("would read every source and record what is new as baseline")
        return Exit.DONE
    with open_office(context) as office:
        return _take_baseline(office)


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
    Command("init", init, "Make a home and record the archive as baseline."),
    Command("run", run, "Run the daemon; with --once, one round."),
    Command("baseline", baseline, "Record what the sources hold now as known."),
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

"""Commands that take in what is there already: init and baseline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from clinic_broadcast.cli.command import AsJson, Command, DryRun, actor, home_of, open_office
from clinic_broadcast.cli.output import Exit, counted, document, is_terminal, progress, say
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from clinic_broadcast.cli.shapes import Json
    from clinic_broadcast.run.intake import Intake
    from clinic_broadcast.settings.home import Home
    from clinic_broadcast.wire import Office


def init(
    context: typer.Context,
    blog: Annotated[str, typer.Option("--blog", metavar="URL", help="The blog's address.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; take what is given and the defaults.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> int:
    """Make a home, and record all that the sources hold already: none of it is ever announced by itself."""
    from clinic_broadcast.settings.home import Home

    home = Home(home_of(context))
    is_new = not home.settings_file.exists()
    if is_new and not blog:
        if yes or not is_terminal():
            raise UsageError("say which blog: clinic-broadcast init --blog URL")
        blog = typer.prompt("The blog's address", err=True)
    if is_new:
        _check_address(blog)
    if dry_run:
        return _try_init(context, home, blog, as_json=as_json)
    _make_home(home, blog)
    with open_office(context) as office:
        code = _begin(office, as_json=as_json)
    if code == Exit.DONE:
        say("next: clinic-broadcast doctor")
    return code


def _begin(office: Office, *, write: bool = True, as_json: bool = False) -> int:
    """Take the first baseline, and say that nothing of it goes out and when the first new answer would."""
    if not office.desk.sources:
        say("no source yet: add one to clinic.toml, then run `clinic-broadcast baseline`")
        return Exit.DONE
    code = _take_baseline(office, write=write, as_json=as_json)
    if code == Exit.DONE:
        is_half_made = not write and not office.schedules
        then = "`clinic-broadcast init` writes the usual schedules" if is_half_made else _first_slot(office)
        say(f"would publish now: 0; {then}")
    else:
        say("there is no whole baseline yet: mend what is said above, then run `clinic-broadcast init` again")
    return code


def _try_init(context: typer.Context, home: Home, blog: str, *, as_json: bool) -> int:
    """Read what a home's sources hold without making the home: one that is not there is made elsewhere, and dropped."""
    from tempfile import TemporaryDirectory

    from clinic_broadcast import wire

    if home.settings_file.exists():
        say(f"reading what the sources of {home.path} hold; nothing is recorded")
        with open_office(context, read_only=True) as office:
            return _begin(office, write=False, as_json=as_json)
    say(f"would make a home in {home.path}; nothing is written")
    with TemporaryDirectory(prefix="clinic-") as folder:
        _make_home(type(home)(Path(folder)), blog, tells=False)
        office = wire.open_office(Path(folder), os.environ, actor=actor())
        try:
            return _begin(office, write=False, as_json=as_json)
        finally:
            office.desk.ledger.close()


def _first_slot(office: Office) -> str:
    """Say what becomes of the next new answer and when, or what is missing for it."""
    from clinic_broadcast.core.schedule import slots

    announce = next((one for one in office.schedules if one.job.value == "announce"), None)
    if not office.desk.channels:
        return "no channel is set up yet: add one to clinic.toml, then run `clinic-broadcast connect NAME`"
    if announce is None:
        return "no schedule announces new answers: add schedules/announce.toml"
    at = slots(announce, office.desk.clock.now(), 1)[0].astimezone(announce.zone)
    goes_out = f"goes out {at:%a %H:%M %Z} at the soonest, to {', '.join(office.desk.channels)}"
    review = office.settings.review
    match review.mode:
        case "off":
            return 'new answers only go into the feeds: [review] mode is "off"'
        case "auto-clean" if not review.first_n:
            return f"the next new answer {goes_out}, unless the gate finds something in it"
        case "auto-clean":
            few = f"the first {counted(review.first_n, 'promo')} wait for a person (`clinic-broadcast queue`)"
            return f"{few}; what is approved {goes_out}"
        case "hold":
            return f"the next new answer waits for a person (`clinic-broadcast queue`); once approved it {goes_out}"
        case _:
            assert_never(review.mode)


def _check_address(blog: str) -> None:
    """Raise UsageError for what is no address, before anything is written."""
    from clinic_broadcast.settings.checks import checked_address

    try:
        checked_address(blog)
    except ValueError as error:
        raise UsageError(f"--blog {blog!r}: allowed is {error}") from None


def _make_home(home: Home, blog: str, *, tells: bool = True) -> None:
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
    for path in made.written if tells else ():
        say(f"wrote {path}")


def _take_baseline(office: Office, *, write: bool = True, as_json: bool = False) -> int:
    from clinic_broadcast.run.examiner import open_examiner
    from clinic_broadcast.run.intake import poll
    from clinic_broadcast.wire import build_feeds

    with open_examiner(office.desk.gate) as examiner:
        intake = poll(office.desk, as_baseline=True, write=write, watch=progress, examiner=examiner)
    progress("")
    for trouble in intake.troubles:
        say(f"clinic-broadcast: {trouble}")
    if not intake.errors or intake.oldest_at is not None:
        for told in _told_baseline(office, intake, write=write):
            say(told)
    if as_json:
        document(_shape_of(intake, written=write))
    if write:
        build_feeds(office)
    return Exit.LATER if intake.errors else Exit.DONE


def _shape_of(intake: Intake, *, written: bool) -> Json:
    """Give what a reading found as JSON."""
    from clinic_broadcast.cli.shapes import instant

    return {
        "recorded": written,
        "baseline": intake.baseline,
        "changed": intake.changed,
        "unclear": intake.unclear,
        "flagged": intake.flagged,
        "left_out": intake.left_out,
        "oldest_at": instant(intake.oldest_at),
        "newest_at": instant(intake.newest_at),
        "twins": list(intake.twins),
        "problems": list(intake.troubles),
        "would_publish": 0,
    }


def _told_baseline(office: Office, intake: Intake, *, write: bool) -> Iterator[str]:
    """Say what a first reading found, and that nothing of it goes out."""
    from clinic_broadcast.core.answer import Standing

    if intake.left_out:
        yield f"{counted(intake.left_out, 'entry', 'entries')} left out: drafts, pages, comments, settings"
    known = office.desk.ledger.count_answers().get(Standing.BASELINE, 0)
    if intake.oldest_at is None or intake.newest_at is None:
        yield f"nothing new; {counted(known, 'answer')} on record as baseline, and none is announced by itself"
        return
    zone = ZoneInfo(office.settings.clinic.timezone)
    first, last = (f"{at.astimezone(zone):%d %b %Y}" for at in (intake.oldest_at, intake.newest_at))
    when = first if first == last else f"{first} to {last}"
    found = counted(intake.baseline, "answer")
    recorded = "recorded" if write else "would be recorded"
    yield f"{found} {recorded} as baseline, published {when}; nothing old is announced by itself"
    if intake.unclear:
        yield f"  {intake.unclear} of them not certain: a letter cannot be told from its answer there"
    if intake.flagged:
        yield f"  {intake.flagged} of them with something to confirm: a dose, a drug's name, a lost link"


def baseline(context: typer.Context, dry_run: DryRun = False, as_json: AsJson = False) -> int:
    """Record what the sources hold now as known: nothing of it will be announced by itself."""
    with open_office(context, read_only=dry_run) as office:
        return _take_baseline(office, write=not dry_run, as_json=as_json)


COMMANDS = (
    Command("init", init, "Make a home and record the archive as baseline."),
    Command("baseline", baseline, "Record what the sources hold now as known."),
)

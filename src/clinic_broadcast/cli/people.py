"""Commands about people: what they are told, and whether it reaches them."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

import typer

from clinic_broadcast.cli import shapes
from clinic_broadcast.cli.command import AsJson, Command, DryRun, home_of, open_office
from clinic_broadcast.cli.connecting import keep_secret
from clinic_broadcast.cli.output import Exit, document, result, say
from clinic_broadcast.errors import SettingsError

DAYS_MAX = 366
CALENDAR_KEY_BYTES = 24


def notify(
    context: typer.Context,
    test: Annotated[bool, typer.Option("--test", help="Send a test message to every address.")] = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> int:
    """Show what a person should know now; with --test, try whether a message gets through."""
    from clinic_broadcast import wire
    from clinic_broadcast.core.notice import Message
    from clinic_broadcast.run.noticing import matters

    with open_office(context) as office:
        notifying = wire.open_notifying(office.settings, os.environ)
        found = matters(office.desk, wire.watch_of(office.settings, office.schedules))
    if as_json:
        rows = [
            {"key": one.key, "kind": one.kind.value, "text": one.text, "command": one.command}
            for one in found
        ]
        document({"matters": rows, "set_up": notifying.everyday is not None})
        return Exit.DONE
    if not test:
        for one in found:
            result(f"{one.text}\n    {one.command}")
        if not found:
            say("nothing needs a person")
        if notifying.everyday is None:
            say("nobody is told by message: set CLINIC_NOTIFY__URLS (docs/howto/be-told.md)")
        return Exit.DONE
    if notifying.everyday is None:
        raise SettingsError(
            "CLINIC_NOTIFY__URLS: is not set, so there is nobody to tell; see docs/howto/be-told.md"
        )
    if dry_run:
        say("would send a test message to every address")
        return Exit.DONE
    name = office.settings.clinic.name
    message = Message(
        subject=f"{name}: a test", text="This is a test: notices of clinic-broadcast reach you."
    )
    for is_escalation in (False, True):
        problem = notifying.everyday.tell(message, escalated=is_escalation)
        if problem:
            say(f"clinic-broadcast: {problem}")
            return Exit.LATER
    say("sent; look whether it arrived")
    return Exit.DONE


def digest(
    context: typer.Context,
    days: Annotated[
        int, typer.Option("--days", min=1, max=DAYS_MAX, help="How many days it covers, up to now.")
    ] = 7,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page, chart included.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send it to the addresses that notices go to.")
    ] = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> int:
    """Show the report that the job `digest` sends: what went out, what waits, what comes next."""
    from clinic_broadcast import wire

    with open_office(context) as office:
        now = office.desk.clock.now()
        report = wire.digest_of(office, (now - timedelta(days=days), now))
        notifying = wire.open_notifying(office.settings, os.environ)
    if html is not None and not dry_run:
        html.write_text(wire.page_of_digest(report), encoding="utf-8")
        say(f"wrote {html}")
    if as_json:
        document(shapes.digest(report))
    elif html is None:
        result(wire.message_of_digest(report).text.rstrip())
    if not send:
        return Exit.DONE
    if notifying.everyday is None:
        raise SettingsError(
            "CLINIC_NOTIFY__URLS: is not set, so there is nobody to send it to; see docs/howto/be-told.md"
        )
    if dry_run:
        say("would send it to every address")
        return Exit.DONE
    problem = notifying.everyday.tell(wire.message_of_digest(report))
    say(f"clinic-broadcast: {problem}" if problem else "sent; look whether it arrived")
    return Exit.LATER if problem else Exit.DONE


def calendar(
    context: typer.Context,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make a new key; addresses given out before end.")
    ] = False,
    ics: Annotated[bool, typer.Option("--ics", help="Print the calendar itself.")] = False,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> int:
    """Give the address under which a calendar program can follow what is planned; whoever has it can read it."""
    from clinic_broadcast import wire
    from clinic_broadcast.settings.config import read_settings
    from clinic_broadcast.settings.secrets import CALENDAR_KEY, read_calendar_key

    if ics or as_json:
        with open_office(context) as office:
            found = wire.calendar_of(office)
            clinic, now = office.settings.clinic, office.desk.clock.now()
        if as_json:
            document({"entries": [shapes.calendar_entry(one) for one in found]})
        else:
            from clinic_broadcast.web.ics import ics_of

            result(ics_of(found, clinic=clinic.name, timezone=clinic.timezone, now=now).decode().rstrip())
        return Exit.DONE
    settings = read_settings(home_of(context), os.environ)
    key = "" if new_key else read_calendar_key(os.environ, settings.home.path)
    if not key:
        if dry_run:
            say(f"would write a key into {settings.home.secrets / CALENDAR_KEY}")
            return Exit.DONE
        key = token_urlsafe(CALENDAR_KEY_BYTES)
        keep_secret(settings.home, CALENDAR_KEY, key)
        if read_calendar_key(os.environ, settings.home.path) != key:
            raise SettingsError(
                f"{CALENDAR_KEY}: is set in another place too, which counts first; change it there"
            )
        say(f"wrote a key into {settings.home.secrets / CALENDAR_KEY}")
    base = f"http://{settings.web.host}:{settings.web.port}"
    result(f"{base}/calendar.ics?key={key}")
    say("served by `clinic-broadcast run`; whoever has this address can read the calendar")
    return Exit.DONE


COMMANDS = (
    Command("notify", notify, "What a person should know now; --test tries whether it reaches them."),
    Command("digest", digest, "The weekly report, to be read, kept as a page, or sent."),
    Command("calendar", calendar, "The address of the calendar of what is planned."),
)

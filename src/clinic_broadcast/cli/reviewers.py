"""Commands of those who may sign in to the review page: people add, link, list, sign-out, remove."""

from __future__ import annotations

import os
from datetime import timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import AsJson, Command, DryRun, home_of, open_office
from clinic_broadcast.cli.output import Exit, document, result, say
from clinic_broadcast.cli.shapes import instant
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clinic_broadcast.core.people import People
    from clinic_broadcast.wire import Office
    from clinic_broadcast.wire.people import PeopleFile

HOURS_MAX = 72

Name = Annotated[str, typer.Argument(metavar="NAME", help='As the history is to show it: "Dr. Jane Roe".')]
Hours = Annotated[
    int, typer.Option("--hours", min=1, max=HOURS_MAX, help="How long the sign-in link may wait to be used.")
]


def people_add(
    context: typer.Context,
    name: Name,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="reviewer: decides; reader: only looks.")
    ] = "reviewer",
    hours: Hours = 1,
    dry_run: DryRun = False,
) -> int:
    """Let a person sign in to the review page, and print their one-time sign-in link."""
    from clinic_broadcast.core.people import Role, added

    if role not in {one.value for one in Role}:
        allowed = ", ".join(one.value for one in Role)
        raise UsageError(f"--role {role!r} is no role; allowed: {allowed}")
    with open_office(context) as office:
        register, now = _register(office), office.desk.clock.now()
        if dry_run:
            _, person = added(register.read(), name, role=Role(role), now=now)
            say(f"{person.name} would be added as a {role}")
            return Exit.DONE
        person = register.change(lambda people: added(people, name, role=Role(role), now=now))
        _noted(office, "person-added", {"name": person.name, "role": role})
        say(f"{person.name} may sign in as a {role}")
        return _give_link(office, person.name, hours)


def people_link(context: typer.Context, name: Name, hours: Hours = 1, dry_run: DryRun = False) -> int:
    """Print a new one-time sign-in link of a person; one given out before ends."""
    from clinic_broadcast.core.people import known

    with open_office(context) as office:
        person = known(_register(office).read(), name)
        if dry_run:
            say(f"{person.name} would get a new sign-in link")
            return Exit.DONE
        return _give_link(office, person.name, hours)


def people_list(context: typer.Context, as_json: AsJson = False) -> int:
    """List who may sign in, as what, and in how many browsers they are signed in."""
    from clinic_broadcast.settings.config import read_settings
    from clinic_broadcast.wire import SystemClock
    from clinic_broadcast.wire.people import PeopleFile

    settings = read_settings(home_of(context), os.environ)
    people, now = PeopleFile(settings.home.state).read(), SystemClock().now()
    open_in = {
        one.name: sum(each.name == one.name and each.expires_at > now for each in people.sessions)
        for one in people.persons
    }
    if as_json:
        rows = [
            {
                "name": one.name,
                "role": one.role.value,
                "added_at": instant(one.added_at),
                "sessions": open_in[one.name],
            }
            for one in people.persons
        ]
        document({"people": rows})
        return Exit.DONE
    for one in people.persons:
        result(
            f"{one.name}  {one.role.value}, since {one.added_at:%Y-%m-%d}, signed in {open_in[one.name]} times"
        )
    if not people.persons:
        say('nobody may sign in yet: clinic-broadcast people add "Dr. Jane Roe"')
    return Exit.DONE


def people_sign_out(context: typer.Context, name: Name, dry_run: DryRun = False) -> int:
    """End every session and link of a person, for a phone that was lost; they stay known."""
    from clinic_broadcast.core.people import signed_out_everywhere

    done = ("person-signed-out", "signed out everywhere")
    return _change(context, name, signed_out_everywhere, done=done, dry_run=dry_run)


def people_remove(context: typer.Context, name: Name, dry_run: DryRun = False) -> int:
    """Take a person out: their sessions and links end at once; what they decided stays in the history."""
    from clinic_broadcast.core.people import removed

    return _change(context, name, removed, done=("person-removed", "removed"), dry_run=dry_run)


def _change(
    context: typer.Context,
    name: str,
    change: Callable[[People, str], People],
    *,
    done: tuple[str, str],
    dry_run: bool,
) -> int:
    """Change what is kept of one person; `done` is the kind of the history's line, and what is said."""
    from clinic_broadcast.core.people import known

    kind, told = done
    with open_office(context) as office:
        register = _register(office)
        person = known(register.read(), name)
        if not dry_run:
            register.change(lambda people: (change(people, person.name), None))
            _noted(office, kind, {"name": person.name})
    say(f"{person.name} {'would be' if dry_run else 'is'} {told}")
    return Exit.DONE


def _register(office: Office) -> PeopleFile:
    from clinic_broadcast.wire.people import PeopleFile

    return PeopleFile(office.settings.home.state)


def _give_link(office: Office, name: str, hours: int) -> int:
    from clinic_broadcast.core.people import invited
    from clinic_broadcast.wire.people import address_of_people

    token, now = token_urlsafe(32), office.desk.clock.now()
    _register(office).change(
        lambda people: invited(people, name, token, now=now, lasts=timedelta(hours=hours))
    )
    _noted(office, "person-link", {"name": name})
    web = office.settings.web
    origin = address_of_people(office.settings)
    result(f"{origin or f'http://{web.host}:{web.port}'}/review/sign-in?link={token}")
    say(f"send it to {name} alone: it works once, within {hours} h, while `clinic-broadcast run` runs")
    if not origin:
        say("it opens on this machine only; for a phone see docs/howto/approve-on-a-phone.md")
    return Exit.DONE


def _noted(office: Office, kind: str, body: dict[str, str]) -> None:
    desk = office.desk
    desk.ledger.note(kind, actor=desk.actor, at=desk.clock.now(), body=body)


GROUPS = {
    "people": (
        "Who may sign in to the review page.",
        (
            Command("add", people_add, "Let a person sign in; prints a one-time link."),
            Command("link", people_link, "Print a new one-time sign-in link."),
            Command("list", people_list, "List who may sign in."),
            Command("sign-out", people_sign_out, "End every session of a person."),
            Command("remove", people_remove, "Take a person out."),
        ),
    ),
}

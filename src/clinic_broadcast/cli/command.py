"""What a command of the command line is, and the options that many commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clinic_broadcast.cli.output import say
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    # Loading these takes longer than `--help` may: commands load them when they run.
    from clinic_broadcast.core.delivery import Delivery
    from clinic_broadcast.ports import Channel
    from clinic_broadcast.run.desk import Desk
    from clinic_broadcast.wire import Office


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, the function behind it, and one sentence of help."""

    name: str
    call: Callable[..., int]
    help: str


def ending_with_its_code(call: Callable[..., int]) -> Callable[..., None]:
    """Give a command that ends the program with the exit code that its function returns."""

    @wraps(call)
    def command(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Whatever the command line gives.
        raise typer.Exit(int(call(*args, **kwargs)))

    return command


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides; recorded in the history.")]
Channels = Annotated[
    list[str] | None,
    typer.Option("--channel", metavar="NAME", help="Only this channel; may be given more than once."),
]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as `queue` and `log` show them.")]


def home_of(context: typer.Context) -> Path:
    """Give the home that the options name."""
    return Path(context.obj["home"])


def instant_of(text: str, option: str) -> datetime:
    """Read the instant that an option gives, in UTC; raises UsageError for what is none or has no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a time such as 2026-03-02T09:00:00-08:00") from None
    if at.tzinfo is None:
        raise UsageError(f"{option} {text!r} has no zone: write 2026-03-02T09:00:00-08:00, or …Z for UTC")
    return at.astimezone(UTC)


@contextmanager
def open_office(context: typer.Context, *, read_only: bool = False) -> Generator[Office]:
    """Open the home for one command, and close its record afterwards; `read_only` makes nothing where nothing is."""
    from clinic_broadcast import wire

    office = wire.open_office(home_of(context), os.environ, actor=actor(), read_only=read_only)
    try:
        with wire.naming_the_backup(office.settings.home):
            yield office
    finally:
        office.desk.ledger.close()


@contextmanager
def open_desk(context: typer.Context) -> Generator[Desk]:
    """Open the desk of the home for one command, and close its record afterwards."""
    with open_office(context) as office:
        yield office.desk


@contextmanager
def read_desk(context: typer.Context) -> Generator[Desk]:
    """Open the desk for a command that only reads: where there is no record it says so, and none is made."""
    from clinic_broadcast import wire

    with open_office(context, read_only=True) as office:
        missing = wire.missing_record(office.settings)
        if missing:
            say(f"clinic-broadcast: {missing}")
        yield office.desk


def actor() -> str:
    """Give the name under which the history keeps a command of this person."""
    return "cli:" + (os.environ.get("SUDO_USER") or os.environ.get("USER") or "unknown")


def chosen(desk: Desk, names: list[str] | None) -> dict[str, Channel]:
    """Give the enabled channels that are named, all when none is; raises UsageError for an unknown name."""
    if not names:
        return dict(desk.channels)
    unknown = [name for name in names if name not in desk.channels]
    if unknown:
        enabled = ", ".join(sorted(desk.channels)) or "none"
        raise UsageError(f"no enabled channel is called {unknown[0]!r}; enabled: {enabled}")
    return {name: desk.channels[name] for name in names}


def waits_for_person(one: Delivery) -> bool:
    """Say whether a delivery stays where it is until a person does something."""
    return one.state.value == "held" or bool(one.needs_person)

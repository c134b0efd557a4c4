"""The program `clinic-broadcast`: its commands, its options for all of them, and its way with errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clinic_broadcast import __version__
from clinic_broadcast.cli import (
    beginning,
    connecting,
    installing,
    operating,
    people,
    publishing,
    record,
    reviewers,
    reviewing,
    words,
)
from clinic_broadcast.cli.command import ending_with_its_code
from clinic_broadcast.cli.ending import ending
from clinic_broadcast.cli.output import Exit

app = typer.Typer(
    name="clinic-broadcast",
    help="Tells the world about a clinic's new answers: once per network, never naming a patient.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # Typer calls it with the option's value.
    if wanted:
        typer.echo(f"clinic-broadcast {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", metavar="DIR", help="The clinic's home (else $CLINIC_HOME, else this directory)."
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback when something goes wrong.")
    ] = False,
) -> None:
    """Set what holds for every command."""
    chosen = home or Path(os.environ.get("CLINIC_HOME") or ".")
    context.obj = {"home": chosen.expanduser(), "debug": debug}


for command in (
    *beginning.COMMANDS,
    *operating.COMMANDS,
    *connecting.COMMANDS,
    *installing.COMMANDS,
    *publishing.COMMANDS,
    *reviewing.COMMANDS,
    *people.COMMANDS,
    *record.COMMANDS,
):
    app.command(command.name, help=command.help)(ending_with_its_code(command.call))
for name, (group_help, commands) in {**operating.GROUPS, **words.GROUPS, **reviewers.GROUPS}.items():
    group = typer.Typer(help=group_help, no_args_is_help=True, rich_markup_mode=None)
    for command in commands:
        group.command(command.name, help=command.help)(ending_with_its_code(command.call))
    app.add_typer(group, name=name)


def run(arguments: list[str]) -> int:
    """Run one command line and give its exit code; says what is wrong in one sentence, without a traceback."""

    def call() -> int:
        app(args=arguments, prog_name="clinic-broadcast")
        return Exit.DONE

    return ending(call, debug="--debug" in arguments)

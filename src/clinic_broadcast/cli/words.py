"""Commands of the clinic's own words: lexicon add, lexicon list."""

from __future__ import annotations

from typing import Annotated

import typer

from clinic_broadcast.cli.command import AsJson, By, Command, DryRun, open_office
from clinic_broadcast.cli.output import Exit, counted, document, result, say


def lexicon_add(
    context: typer.Context,
    word: Annotated[str, typer.Argument(metavar="WORD", help="One word, no name and no place.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="What it means; recorded.")],
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """Let the gate know a word after review; approvals given before are void."""
    from clinic_broadcast.wire.own_words import add_word

    with open_office(context) as office:
        form = add_word(office, word, why=why, by=by, write=not dry_run)
    say(f"{form}: {'would be added' if dry_run else 'added'} to the words that the gate knows")
    if not dry_run:
        say("approvals given before are void; a running daemon takes the word up when it is started again")
    return Exit.DONE


def lexicon_list(context: typer.Context, as_json: AsJson = False) -> int:
    """List the clinic's own words with who added each, when and why, and the version of the gate."""
    from clinic_broadcast.wire.own_words import own_words

    with open_office(context) as office:
        words, version = own_words(office), office.desk.gate.version
    if as_json:
        rows = [
            {
                "word": one.word,
                "why": one.why,
                "by": one.by,
                "at": one.at.isoformat().replace("+00:00", "Z") if one.at else None,
            }
            for one in words
        ]
        document({"gate_version": version, "words": rows})
        return Exit.DONE
    for one in words:
        told = f"{one.at:%Y-%m-%d} by {one.by}: {one.why}" if one.at else "nobody recorded who added it"
        result(f"{one.word}  {told}")
    say(f"gate {version}, {counted(len(words), 'word')} of the clinic's own")
    return Exit.DONE


GROUPS = {
    "lexicon": (
        "The words that the gate knows beside its own lists.",
        (
            Command("add", lexicon_add, "Add a word after review."),
            Command("list", lexicon_list, "List the clinic's own words."),
        ),
    ),
}

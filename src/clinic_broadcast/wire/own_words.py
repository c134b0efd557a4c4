"""The clinic's own words: a file of the home that the gate reads, and in the history who added each, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clinic_broadcast.core.lexicon import normal
from clinic_broadcast.errors import UsageError
from clinic_broadcast.feeds.write import write_atomically
from clinic_broadcast.settings.lexicon import own_words_text, read_own_words
from clinic_broadcast.wire.office import Office

KIND = "lexicon"
"""The kind of the history's lines about own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWord:
    """One of the clinic's own words; `at` is None when no line of history tells who added it."""

    word: str
    why: str = ""
    by: str = ""
    at: datetime | None = None


def own_words(office: Office) -> list[OwnWord]:
    """Give the words that the gate of this home reads beside the shipped lists, each with who added it."""
    told = {
        line.body["word"]: OwnWord(word=line.body["word"], why=line.body["why"], by=line.actor, at=line.at)
        for line in office.desk.ledger.history()
        if line.kind == KIND and "word" in line.body
    }
    return [
        told.get(word, OwnWord(word=word)) for word in read_own_words(office.settings.home.own_words_file)
    ]


def add_word(office: Office, word: str, *, why: str, by: str, write: bool = True) -> str:
    """Let the gate know a reviewed word from now on, and give it in the form of the lists.

    The history is written first: a word that the gate reads always has its line. Approvals given before are void,
    for the gate has another version. Raises UsageError for a name, a place, a word with digits, or one known already.
    """
    form, lexicon = normal(word.strip()), office.desk.gate.lexicon
    if objection := lexicon.objection_to(form):
        raise UsageError(f"{word!r} cannot be added: {objection}")
    if lexicon.is_vocabulary(form):
        raise UsageError(f"{word!r} is known to the gate already")
    if not why.strip():
        raise UsageError("say with --why who reviewed the word and what it means: the history keeps it")
    if write:
        at = office.desk.clock.now()
        office.desk.ledger.note(
            KIND, actor=by or office.desk.actor, at=at, body={"word": form, "why": why.strip()}
        )
        path = office.settings.home.own_words_file
        write_atomically(path, own_words_text([*read_own_words(path), form]).encode())
    return form

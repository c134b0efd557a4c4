"""What a language model may suggest: which eligible sentence a promo quotes, never a word of its own.

Off unless the clinic sets `[model]`. It is shown the clean title and the sentences that may stand in a promo anyway,
nothing of the letter. Its reply must be one of them, whole or without a remark that no claim turns on; anything else
is left, and the program's own choice stands (ADR 18).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol, TypeAlias

from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.gate import Gate, title_is_clean
from clinic_broadcast.core.material import Candidate, Material
from clinic_broadcast.core.patterns import late
from clinic_broadcast.core.sentences import best_first, is_quotable

SENTENCES_MIN, SENTENCES_MAX = 2, 12
"""Of one sentence there is nothing to choose, and more than a dozen no reader would compare."""

SUGGESTION_MAX: Final = 400
"""No eligible sentence is as long; a longer reply is none."""

_PIECE: Final = late(r"\S+\s*")
_FRAMES: Final = "\"'\u201c\u201d\u2018\u2019`*"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a model is shown of an answer: its title, empty where the gate does not pass it, and eligible sentences."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggested:
    """The words of a model, as they came and not looked at yet."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class NotSuggested:
    """No words came; `why` says so for a person, with nothing of the text or the key in it."""

    why: str


Suggestion: TypeAlias = Suggested | NotSuggested


class Model(Protocol):
    """A language model behind some endpoint."""

    def suggest(self, ask: Ask) -> Suggestion:
        """Give its choice; never raises for anything that the far side does."""
        ...


def ask_of(material: Material, gate: Gate) -> Ask | None:
    """Give what a model is asked about an answer; None when there is nothing to choose."""
    eligible = list(islice(best_first(material, gate), SENTENCES_MAX))
    if len(eligible) < SENTENCES_MIN:
        return None
    # In the order of the answer: the model shall not learn which one the program would take.
    in_order = sorted(eligible, key=lambda one: one.index)
    title = material.title.strip() if title_is_clean(gate, material) else ""
    return Ask(title=title, sentences=tuple(one.text for one in in_order))


def candidate_of(suggestion: Suggested, material: Material, gate: Gate) -> Candidate | None:
    """Give the sentence that a model chose, with its runs in the answer; None for anything that may not be quoted."""
    words = suggestion.text.strip().strip(_FRAMES).split()
    if not words or len(suggestion.text) > SUGGESTION_MAX:
        return None
    for one in islice(best_first(material, gate), SENTENCES_MAX):
        if one.text.split() == words:
            return one
        runs = _runs_of(words, material.body, one) if len(one.runs) == 1 else ()
        if runs:
            text = "".join(material.body[start:end] for start, end in runs)
            cut = Candidate(runs=runs, text=text, score=one.score, index=one.index)
            return cut if is_quotable(material, gate, cut) else None
    return None


def is_a_choice(suggestion: Suggested, ask: Ask) -> bool:
    """Say whether a reply is one of the sentences that were shown, whole, as it must be to be of any use."""
    words = suggestion.text.strip().strip(_FRAMES).split()
    return any(one.split() == words for one in ask.sentences)


def remark_on(why: str) -> Finding:
    """Give the note that a model chose, or that its words were left and why; a note holds nothing but auto-clean."""
    return Finding(
        rule="form.model",
        severity=Severity.NOTE,
        where="promo",
        start=0,
        end=0,
        excerpt="",
        message=why,
        source="own rule: nothing that a language model had a say in goes out unseen",
    )


def _runs_of(words: list[str], body: str, one: Candidate) -> tuple[tuple[int, int], ...]:
    """Find words in a sentence, in its order, from its first word to its last; empty where they are others."""
    (start, end), runs, at = one.runs[0], list[tuple[int, int]](), 0
    pieces = list(_PIECE.finditer(body, start, end))
    for number, piece in enumerate(pieces):
        if at < len(words) and piece[0].strip() == words[at]:
            at += 1
            if runs and runs[-1][1] == piece.start():
                runs[-1] = (runs[-1][0], piece.end())
            else:
                runs.append(piece.span())
        elif number in (0, len(pieces) - 1):
            return ()
    return tuple(runs) if at == len(words) else ()

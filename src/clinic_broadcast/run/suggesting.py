"""Asks a language model, where the clinic has set one, which sentence a promo quotes; without one nothing changes."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.material import Candidate, Material
from clinic_broadcast.core.suggestion import NotSuggested, Suggested, ask_of, candidate_of, remark_on
from clinic_broadcast.core.wording import Slot, Wording, pieces_of
from clinic_broadcast.run.desk import Desk

Choice: TypeAlias = tuple[Candidate | None, tuple[Finding, ...]]


def choice_for(desk: Desk, material: Material, wording: Wording) -> Choice:
    """Give the sentence that the model chose, if any, and the note that says what became of asking it."""
    if desk.model is None or Slot.SENTENCE not in pieces_of(wording.template):
        return None, ()
    ask = ask_of(material, desk.gate)
    if ask is None:
        return None, ()
    suggestion = desk.model.suggest(ask)
    match suggestion:
        case NotSuggested(why):
            return None, (
                remark_on(f"The language model gave no words ({why}): this is the program's own choice."),
            )
        case Suggested():
            chosen = candidate_of(suggestion, material, desk.gate)
            if chosen is None:
                why = "The language model's words are not the answer's, or the gate does not pass them: left out."
                return None, (remark_on(why),)
            return chosen, (
                remark_on("A language model chose this sentence; its words are the answer's own."),
            )
        case _:
            assert_never(suggestion)

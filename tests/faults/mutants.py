"""Mutations of the guards of the delivery engine: each takes one of them away, in the source of one function.

The mutated source is compiled in the function's own module and only its code object is exchanged, so that every
caller meets it, however it imported the function. A mutation whose words no longer stand in the source exactly
once fails loudly: the guard has moved, and the table must follow.
"""

# ruff: noqa: SLF001 - A guard may well be private to its module.

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from sqlalchemy import bindparam

from clinic_broadcast.core import delivery, plan, review
from clinic_broadcast.core.delivery import Unsure
from clinic_broadcast.ledger import schema, store
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.ports import Guarantee
from clinic_broadcast.run import broadcast
from clinic_broadcast.run import review as desk_review
from faults.schedules import Plot
from faults.simnet import Fate
from faults.simulation import Dangers


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One guard taken away: `old` becomes `new` in the source of `where`, or a constant gets another value.

    `on_memory` plays on MemoryLedger because the guard is its own; `dangers`, or one `plot`, are those that the
    guard is for, where the usual ones seldom meet it.
    """

    name: str
    where: Callable[..., Any] | tuple[ModuleType, str]
    new: Any
    old: str = ""
    on_memory: bool = False
    dangers: Dangers = field(default_factory=Dangers)
    plot: Plot | None = None

    @property
    def is_special(self) -> bool:
        """Say whether it is looked for under other dangers than the usual ones."""
        return self.plot is not None or self.dangers != Dangers()


MUTANTS: Final = (
    # The ledger's guards.
    Mutant(
        name="a write over a newer fence",
        where=MemoryLedger.move,
        old='old is None or (old["state"], old["fence"]) != (before.state.value, before.fence)',
        new='old is None or old["state"] != before.state.value',
        on_memory=True,
    ),
    Mutant(
        name="a write over another state and fence",
        where=MemoryLedger.move,
        old='old is None or (old["state"], old["fence"]) != (before.state.value, before.fence)',
        new="old is None",
        on_memory=True,
    ),
    Mutant(
        name="planned twice",
        where=MemoryLedger.plan,
        old="any(_are_alike(row, other) for other in self._deliveries.values())",
        new="False",
        on_memory=True,
    ),
    # The claim.
    Mutant(
        name="a send although the claim was not won",
        where=broadcast.send,
        old='if not desk.ledger.move(delivery, claimed, kind="claimed", actor=desk.actor, at=now):\n'
        "        return None",
        new='desk.ledger.move(delivery, claimed, kind="claimed", actor=desk.actor, at=now)',
    ),
    Mutant(
        name="a send before the claim is written",
        where=broadcast.send,
        old="    claimed = claim(delivery, now, desk.timing)\n",
        new="    claimed = claim(delivery, now, desk.timing)\n"
        "    _outcome(desk.channels[delivery.channel], parcel_of(desk, claimed))\n",
    ),
    Mutant(
        name="an answer after the request left is no doubt",
        where=broadcast._outcome,
        old='return Unsure(reason=f"unexpected {type(surprise).__name__} while sending")',
        new='return Throttled(reason="surprise")',
    ),
    Mutant(
        name="a look that broke counts as absent",
        where=broadcast._trace,
        old='return CannotTell(reason=f"unexpected {type(surprise).__name__} while looking")',
        new="return Absent()",
        dangers=Dangers(fates={"no answer": 1, "surprise": 1}),
    ),
    Mutant(
        name="no deadline",
        where=broadcast.parcel_of,
        old="started_at + desk.timing.lease - desk.timing.timeout",
        new="started_at + desk.timing.lease * 1000",
    ),
    # The gate and the person.
    Mutant(name="no gate before the send", where=broadcast._doubt, old="if not surprises:", new="if True:"),
    Mutant(
        name="an approval that nobody gave",
        where=broadcast.new_findings,
        old="if delivery.approved_by else set[tuple[str, ...]]()",
        new="if True else set[tuple[str, ...]]()",
    ),
    Mutant(
        name="any approval accepts any finding",
        where=broadcast.new_findings,
        old="and _likeness(one) not in accepted",
        new="and not delivery.planned_at",
    ),
    Mutant(
        name="the answer may have other words by now",
        where=broadcast._doubt,
        old="known.material.revision != delivery.source_revision",
        new="known.material.revision == 0",
    ),
    Mutant(
        name="sent before it is let go",
        where=plan.may_be_sent,
        old="delivery.released_at is None or delivery.released_at > now",
        new="False",
    ),
    Mutant(
        name="a hold keeps the approval",
        where=delivery.hold,
        old='approved_by="", approved_at=None, ',
        new="",
    ),
    Mutant(
        name="an edit keeps the approval",
        where=review.edit,
        old='approved_by="",\n        approved_at=None,',
        new="",
    ),
    Mutant(
        name="a person settles what is being sent",
        where=desk_review.resolve,
        old="delivery.state is not State.UNSURE",
        new="delivery.state is State.CANCELLED",
    ),
    Mutant(name="a hold keeps the release", where=delivery.hold, old=", released_at=None", new=""),
    Mutant(name="an edit keeps the release", where=review.edit, old="released_at=None,", new=""),
    Mutant(
        name="the network's wait is not kept",
        where=plan.may_be_sent,
        old="delivery.not_before is None or delivery.not_before <= now",
        new="True",
    ),
    # The look before the second send.
    Mutant(
        name="sent again without a look",
        where=delivery.after_outcome,
        old="State.UNSURE,",
        new="State.PLANNED,",
    ),
    Mutant(name="one look is enough", where=(delivery, "LOOKS_BEFORE_RESEND"), new=1),
    Mutant(
        name="no settle window before the first look",
        where=delivery.after_outcome,
        old="not_before=now + timing.settle",
        new="not_before=now",
    ),
    Mutant(
        name="no settle window between the looks",
        where=delivery._after_absent,
        old="not_before=now + timing.settle",
        new="not_before=now",
    ),
    Mutant(
        name="a claim is doubtful at once",
        where=plan.must_be_looked_up,
        old="delivery.lease_until is not None and delivery.lease_until + timing.settle <= now",
        new="True",
    ),
    Mutant(
        name="no settle window after a lease",
        where=plan.must_be_looked_up,
        old="delivery.lease_until + timing.settle <= now",
        new="delivery.lease_until <= now",
        plot=Plot(
            guarantee=Guarantee.LOOKED_UP,
            fates=(Fate(late_s=155.0, wait_s=0.1, heard=Unsure("connection reset")),),
            stalls={13: 158.0},
            crashes=frozenset({14}),
        ),
    ),
    Mutant(
        name="a doubtful claim is sent again",
        where=plan.may_be_sent,
        old="delivery.state is not State.PLANNED",
        new="delivery.state not in (State.PLANNED, State.SENDING)",
    ),
    Mutant(
        name="a lease shorter than a send",
        where=delivery.claim,
        old="now + timing.lease",
        new="now - timing.settle",
    ),
    Mutant(
        name="the look begins at the last send",
        where=delivery.claim,
        old="delivery.first_sent_at or now",
        new="now",
    ),
    Mutant(name="any number of sends", where=(delivery, "RESENDS_MAX"), new=9),
    Mutant(
        name="sends are not counted",
        where=delivery._after_absent,
        old="resends=delivery.resends + 1",
        new="resends=0",
    ),
    # No silence, and nothing given up.
    Mutant(
        name="a dead token gives the promo up",
        where=delivery.after_outcome,
        old="if of_account:",
        new="if False:",
    ),
    Mutant(
        name="a look that failed is never made again",
        where=delivery.after_trace,
        old="not_before=None if forever else now + backoff(failures, timing.settle)",
        new="not_before=None",
    ),
    Mutant(name="an alarm outlives its cause", where=delivery._sent, old='needs_person="",', new=""),
    Mutant(
        name="the fence does not rise",
        where=delivery.move,
        old="fence=before.fence + 1",
        new="fence=before.fence",
    ),
    Mutant(
        name="nobody is told of a blind network",
        where=delivery.after_trace,
        old="needs_person=(reason if tell else delivery.needs_person)",
        new="needs_person=delivery.needs_person",
    ),
    Mutant(
        name="nobody is told of a second doubt",
        where=delivery._after_absent,
        old="needs_person=reason,",
        new="",
    ),
    Mutant(
        name="a dead look is never made again",
        where=delivery.claim_look,
        old="not_before=now)",
        new="not_before=None)",
    ),
    Mutant(
        name="a dead claim is never looked up",
        where=plan.must_be_looked_up,
        old="if delivery.state is State.SENDING:",
        new="if delivery.state is State.CANCELLED:",
    ),
    Mutant(
        name="what was not found counts as sent",
        where=delivery._after_absent,
        old="State.PLANNED,",
        new="State.SENT,",
    ),
)


FENCELESS_SQL: Final = Mutant(
    name="a database that does not compare the fence",
    where=(store, "_MOVE"),
    new=store._PLACE.where(schema.delivery.c.state == bindparam("b_state"), bindparam("b_fence") >= 0),
)


def mutated(function: FunctionType, old: str, new: str) -> CodeType:
    """Give the code of a function with one piece of its source exchanged; raises AssertionError if it has moved."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{function.__qualname__} holds {source.count(old)} times: {old}"
    changed = source.replace(old, new)
    names: dict[str, Any] = {}
    flags = __future__.annotations.compiler_flag
    code = compile(changed, f"<mutant of {function.__qualname__}>", "exec", flags=flags)
    exec(code, function.__globals__, names)  # noqa: S102 - This is what a mutation is.
    made = names[function.__name__]
    assert isinstance(made, FunctionType)
    return made.__code__


@contextmanager
def living(mutant: Mutant) -> Generator[None]:
    """Let the mutant live while inside, and put the guard back afterwards."""
    if isinstance(mutant.where, tuple):
        module, name = mutant.where
        kept = getattr(module, name)
        setattr(module, name, mutant.new)
        try:
            yield
        finally:
            setattr(module, name, kept)
        return
    function = mutant.where
    assert isinstance(function, FunctionType)
    whole = function.__code__
    function.__code__ = mutated(function, mutant.old, mutant.new)
    try:
        yield
    finally:
        function.__code__ = whole

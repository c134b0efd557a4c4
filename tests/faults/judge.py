"""The judge of the simulation: hears every write, request, look and public copy, and knows what was promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol

from clinic_broadcast.core.delivery import TRANSITIONS, Delivery, State, Timing
from clinic_broadcast.ports import Guarantee, Parcel
from faults.stage import ViolationError

REFUSAL: Final = "text not allowed"
"""The only words of a network that may end a delivery unsent."""

REQUESTS_MAX: Final = 2
"""The first request and one more; after that a person's word is needed."""


class Log(Protocol):
    """A network's own log, as far as the judge asks."""

    guarantee: Guarantee
    name: str

    def apply(self, now_s: float) -> None:
        """Let everything through that is still on its way."""
        ...

    def copies(self, key: str) -> Sequence[object]:
        """Give the public copies of a promo."""
        ...


class Judge:
    """Keeps what the rows of the ledger should say, and raises ViolationError at the first broken promise.

    I1 one public copy · I2 everything comes to an end · I3 nothing leaves that was not planned, let go and clean
    or approved · I4 no write over a newer one · I7 no doubt stays silent · I8 no request without a live claim ·
    I9 a look covers all since the first request.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Delivery] = {}
        self.sees: Callable[[str], None] = _unheard
        self.stained: Callable[[str], bool] = _clean
        self._first_sent_at: dict[str, datetime] = {}
        self._let_go: set[str] = set()
        self._waits_for_person: set[str] = set()
        self._approved: dict[str, str] = {}
        self._unanswered: dict[str, set[int]] = {}

    def copy(self) -> Judge:
        """Give another judge who knows the same."""
        other = Judge()
        other.sees, other.stained = self.sees, self.stained
        other.rows = self.rows.copy()
        other._first_sent_at = self._first_sent_at.copy()
        other._let_go = self._let_go.copy()
        other._waits_for_person = self._waits_for_person.copy()
        other._approved = self._approved.copy()
        other._unanswered = {key: fences.copy() for key, fences in self._unanswered.items()}
        return other

    @staticmethod
    def expects(condition: bool, promise: str) -> None:
        """Raise unless the promise holds."""
        if not condition:
            raise ViolationError(promise)

    def saw_plan(self, one: Delivery) -> None:
        """Hear of a delivery that the ledger took in."""
        alike = [
            row
            for row in self.rows.values()
            if row.key == one.key
            or (row.answer_id, row.channel, row.occasion) == (one.answer_id, one.channel, one.occasion)
        ]
        self.expects(not alike, f"I1 {one.id} is planned a second time")
        self.rows[one.key] = one
        if one.state is State.HELD:
            self._waits_for_person.add(one.key)

    def saw_move(self, before: Delivery, after: Delivery, *, kind: str, at: datetime) -> None:
        """Hear of a write that the ledger says it made."""
        key, row = after.key, self.rows[after.key]
        self.sees(f"{kind}: {after.id} {before.state}/{before.fence} -> {after.state}/{after.fence}")
        self.expects(
            (row.state, row.fence) == (before.state, before.fence),
            f"I4 {after.id}: {kind} was decided on {before.state}/{before.fence}"
            f" and written over {row.state}/{row.fence}",
        )
        self.expects(
            after.state in TRANSITIONS[before.state], f"I4 {after.id}: {before.state} became {after.state}"
        )
        self.rows[key] = after
        if after.state is State.UNSURE:
            heard = bool(after.needs_person) or after.not_before is not None
            self.expects(heard, f"I7 {after.id} is unsure, and neither a clock nor a person will look at it")
        if after.state is State.HELD:
            is_bare = not after.approved_by and after.released_at is None
            self.expects(is_bare, f"I3 {after.id} is held, and its approval or release still stands")
        if after.state is State.SENT:
            self.expects(not after.needs_person, f"I7 {after.id} is sent, and a person is still asked for")
        if kind == "resolved":
            self.expects(
                before.state is State.UNSURE, f"I3 {after.id}: a person settled what was {before.state}"
            )
        if after.state is State.SENDING:
            self.expects(after.lease_until is not None, f"I7 {after.id} is claimed for ever")
            waited = before.not_before is None or before.not_before <= at
            self.expects(waited, f"I3 {after.id} was taken before the network's wait was over")
        self._hear_of_permission(before, after, kind)

    def _hear_of_permission(self, before: Delivery, after: Delivery, kind: str) -> None:
        key = after.key
        if after.state is State.HELD:
            self._waits_for_person.add(key)
            self._let_go.discard(key)
            self._approved.pop(key, None)
        if kind == "approved":
            self._waits_for_person.discard(key)
            self._approved[key] = after.payload.revision
        if kind in {"released", "resolved"}:
            self._let_go.add(key)
        if kind == "resolved":
            self._unanswered.pop(key, None)
        if before.state is State.SENDING and after.state is State.PLANNED:
            self._unanswered.get(key, set()).discard(before.fence)

    def saw_request(self, parcel: Parcel) -> None:
        """Hear of a request that reached a network."""
        row = self.rows.get(parcel.key)
        if row is None:
            raise ViolationError(f"I3 a request for {parcel.key[:12]} left, and nobody planned it")
        self.expects(row.state is State.SENDING, f"I8 a request for {row.id} left while it was {row.state}")
        self.expects(row.key in self._let_go, f"I3 a request for {row.id} left before anybody let it go")
        self.expects(
            row.key not in self._waits_for_person, f"I3 a request for {row.id} left without an approval"
        )
        is_approved = self._approved.get(row.key) == parcel.payload.revision
        self.expects(
            is_approved or not self.stained(parcel.payload.text),
            f"I3 a request for {row.id} left with words that the gate holds",
        )
        self.expects(parcel.payload == row.payload, f"I3 a request for {row.id} left with other words")
        self._first_sent_at.setdefault(row.key, parcel.first_sent_at)
        fences = self._unanswered.setdefault(row.key, set())
        fences.add(row.fence)
        self.expects(
            len(fences) <= REQUESTS_MAX, f"I1 {row.id} was sent a third time without an answer or a person"
        )

    def saw_look(self, parcel: Parcel) -> None:
        """Hear of a look: whatever the clock did since, it must reach back to the first request."""
        first_at = self._first_sent_at.get(parcel.key, parcel.first_sent_at)
        self.expects(parcel.first_sent_at <= first_at, f"I9 a look for {parcel.key[:12]} begins too late")

    def saw_public(self, key: str, count: int, *, where: str) -> None:
        """Hear of a copy that became public."""
        self.expects(count <= 1, f"I1 {key[:12]} is public {count} times on a network that is {where}")

    def open_rows(self) -> list[Delivery]:
        """Give the deliveries that a clock or a worker must still see to."""
        return [
            row
            for row in self.rows.values()
            if row.state in {State.PLANNED, State.SENDING}
            or (row.state is State.UNSURE and row.not_before is not None)
        ]

    def next_instants(self, timing: Timing) -> Iterator[datetime]:
        """Give the instants at which a delivery may next be due."""
        for row in self.rows.values():
            if row.not_before is not None:
                yield row.not_before
            if row.lease_until is not None:
                # Both, so that a worker who should wait for the second may wrongly come at the first.
                yield row.lease_until
                yield row.lease_until + timing.settle

    def ends(self, logs: Sequence[Log]) -> None:
        """Judge the end of the play: every delivery, against the network's own log."""
        for log in logs:
            log.apply(float("inf"))
        by_name = {log.name: log for log in logs}
        for row in self.rows.values():
            count = len(by_name[row.channel].copies(row.key))
            if row.state is State.SENT:
                self.expects(count == 1, f"I2 {row.id} counts as sent and is public {count} times")
            elif row.state is State.UNSURE:
                self.expects(bool(row.needs_person), f"I7 {row.id} is unsure and no person is told")
            else:
                self.expects(count == 0, f"I1 {row.id} is {row.state} and public all the same")
                is_own_word = row.state is not State.REFUSED or row.reason == REFUSAL
                self.expects(is_own_word, f"I2 {row.id} is given up, and its network never refused it")
                self.expects(row.state in {State.REFUSED, State.HELD}, f"I2 {row.id} ends as {row.state}")


def _unheard(_what: str) -> None:
    """Let it pass."""


def _clean(_text: str) -> bool:
    return False

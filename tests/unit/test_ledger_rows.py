"""What becomes a row comes back the same."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.promo import Payload
from clinic_broadcast.ledger.rows import delivery_of, digest_of_row, revision_of_row, row_of_delivery
from contract.ledgers import planned


def test_every_field_of_a_delivery_has_its_column() -> None:
    assert {field.name for field in fields(Delivery)} == set(row_of_delivery(planned(1)))


_text = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
_instant = st.datetimes(timezones=st.just(UTC))


@given(
    state=st.sampled_from(State),
    words=_text,
    due_at=_instant,
    sent_at=st.none() | _instant,
    why=st.lists(_text, max_size=3),
    fence=st.integers(min_value=0, max_value=2**31 - 1),
)
def test_any_delivery_survives_its_row(  # One argument for each strategy.
    state: State, words: str, due_at: datetime, sent_at: datetime | None, why: list[str], fence: int
) -> None:
    delivery = planned(
        1,
        state=state,
        payload=Payload(text=words, link=words),
        reason=words,
        due_at=due_at,
        sent_at=sent_at,
        why=tuple(why),
        fence=fence,
    )
    row = row_of_delivery(delivery)
    assert delivery_of(row) == delivery
    assert digest_of_row(row) == digest_of_row(row_of_delivery(delivery_of(row)))
    assert revision_of_row(row) == delivery.payload.revision

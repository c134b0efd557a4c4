"""Re-shares: other words of the doctor's each time, a month apart, and none when there is nothing new to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_broadcast.core.compose import compose
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.measure import LIMITS
from clinic_broadcast.core.promo import Promo
from clinic_broadcast.core.sentences import candidates_of
from clinic_broadcast.core.variants import REST, Shared, compose_variant
from drafts import assert_sound, gate, golden_material, material_of, promo_for, wordings

FIRST_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SENTENCES = (
    "Fibroids on the outer wall are often left alone by surgeons.",
    "Polyps can be seen and removed at the same sitting.",
    "Most early losses are due to a chance error in the number of chromosomes.",
    "A simple blood test shows whether the thyroid gland works well enough.",
    "Women over the age of 40 have a lower chance with each cycle of treatment.",
)


def variant(material: Material, earlier: Sequence[Shared], kind: str, now: datetime) -> Promo | None:
    wording = wordings().template_for("reshare", kind)
    return compose_variant(
        material, wording, earlier, now=now, channel=kind, limits=LIMITS[kind], gate=gate()
    )


def shares_of(material: Material, kind: str) -> list[Promo]:
    """Share an answer again and again, each time as soon as it may be, until there is nothing new to say."""
    first = promo_for(material, kind)
    assert first is not None
    promos, at = [first], FIRST_AT
    while True:
        at += REST
        earlier = [Shared(one.payload.text, FIRST_AT + REST * number) for number, one in enumerate(promos)]
        again = variant(material, earlier, kind, at)
        if again is None:
            return promos
        promos.append(again)


def word_runs(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return set(zip(words, words[1:], words[2:], strict=False))


def assert_little_in_common(promos: Sequence[Promo]) -> None:
    texts = [word_runs(one.payload.text) for one in promos]
    for number, one in enumerate(texts):
        for other in texts[:number]:
            assert len(one & other) < 0.5 * len(one | other)


@pytest.mark.parametrize("kind", ["x", "facebook", "bluesky", "mastodon"])
def test_each_share_of_an_answer_quotes_something_new(kind: str) -> None:
    material = material_of(title="Fibroids and Polyps", answer=" ".join(SENTENCES))
    promos = shares_of(material, kind)
    assert 2 <= len(promos) <= len(SENTENCES)
    assert_little_in_common(promos)
    for one in promos:
        assert_sound(one, material, kind)


@settings(max_examples=40, deadline=None)
@given(
    answer=st.lists(st.sampled_from(SENTENCES), max_size=7).map(" ".join),
    kind=st.sampled_from(sorted(LIMITS)),
)
def test_no_share_is_ever_nearly_an_earlier_one(answer: str, kind: str) -> None:
    material = material_of(title="Fibroids and Polyps", answer=answer)
    promos = shares_of(material, kind)
    assert_little_in_common(promos)
    assert len(promos) <= max(1, len(candidates_of(material, gate())))


def test_nothing_is_shared_again_before_it_has_rested_for_thirty_days() -> None:
    material = golden_material("hysteroscopy")
    first = promo_for(material, "x")
    assert first is not None
    earlier = [Shared(first.payload.text, FIRST_AT)]
    assert variant(material, earlier, "x", FIRST_AT + timedelta(days=30)) is not None
    assert variant(material, earlier, "x", FIRST_AT + timedelta(days=30, seconds=-1)) is None
    later = [*earlier, Shared("Something else.", FIRST_AT + timedelta(days=20))]
    assert variant(material, later, "x", FIRST_AT + timedelta(days=40)) is None


def test_what_was_never_shared_is_not_shared_again() -> None:
    assert variant(golden_material("hysteroscopy"), [], "x", FIRST_AT) is None


def test_with_one_sentence_to_quote_there_is_no_variant() -> None:
    material = material_of(title="Fibroids and Surgery", answer=SENTENCES[0])
    first = compose(
        material, wordings().template_for("announce", "x"), channel="x", limits=LIMITS["x"], gate=gate()
    )
    assert first is not None
    assert SENTENCES[0] in first.payload.text
    # Not even when a person has taken the sentence out of the first promo.
    earlier = [Shared("Fibroids and Surgery. https://blog.example.com/2026/02/answer.html", FIRST_AT)]
    assert variant(material, earlier, "x", FIRST_AT + REST) is None


def test_the_same_history_always_gives_the_same_variant() -> None:
    material = golden_material("hysteroscopy")
    first = promo_for(material, "facebook")
    assert first is not None
    earlier = [Shared(first.payload.text, FIRST_AT)]
    again = variant(material, earlier, "facebook", FIRST_AT + REST)
    assert again == variant(material, earlier, "facebook", FIRST_AT + REST)

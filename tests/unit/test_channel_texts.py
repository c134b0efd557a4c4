"""How a promo is known again on a network, and what is written to Bluesky and LinkedIn for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canned import LINK, PARCEL
from clinic_broadcast.channels.at_record import facets_of, record_of, tid
from clinic_broadcast.channels.linkedin import little_text
from clinic_broadcast.channels.match import Likeness, Listed, Page, bare_words, likeness, look_through
from clinic_broadcast.core.delivery import (
    Absent,
    CannotTell,
    Found,
)
from clinic_broadcast.core.promo import Payload
from fakes import START_AT

# Looking, and what is written ----------------------------------------------------------------------------

PAYLOAD = PARCEL.payload


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (
            Listed(post_id="1", post_url="", text="What a test can show https://t.co/abc", links=(LINK,)),
            Likeness.SAME,
        ),
        (Listed(post_id="1", post_url="", text="What a test can show https://t.co/abc"), Likeness.SAME),
        (
            Listed(post_id="1", post_url="", text=" What a  test can show\n", links=(LINK + "/",)),
            Likeness.SAME,
        ),
        (Listed(post_id="1", post_url="", text="Corrected: x", links=(LINK,)), Likeness.LINK_ONLY),
        (
            Listed(post_id="1", post_url="", text="What a test can show", links=("https://b.example",)),
            Likeness.OTHER,
        ),
        (Listed(post_id="1", post_url="", text="Something else"), Likeness.OTHER),
        # Without a list of links, the address in the text itself may show that it is another promo.
        (Listed(post_id="1", post_url="", text=f"What a test can show {LINK}."), Likeness.SAME),
        (Listed(post_id="1", post_url="", text=f"What a test can show {LINK}/2"), Likeness.OTHER),
        (Listed(post_id="1", post_url="", text=f"What a test can show {LINK[:-3]}…"), Likeness.SAME),
    ],
)
def test_words_and_link_together_make_it_the_same(listed: Listed, expected: Likeness) -> None:
    assert likeness(PAYLOAD, listed) is expected


def test_a_bare_link_is_only_found_by_its_link() -> None:
    bare = Payload(text=LINK, link=LINK)
    assert likeness(bare, Listed(post_id="1", post_url="", text="https://t.co/abc")) is Likeness.OTHER
    assert (
        likeness(bare, Listed(post_id="1", post_url="", text="https://t.co/a", links=(LINK,)))
        is Likeness.SAME
    )


def test_the_same_link_under_other_words_is_a_persons_case() -> None:
    other = Listed(post_id="9", post_url="https://n.example/9", text="Corrected", links=(LINK,))
    trace = look_through(PAYLOAD, lambda _: Page(listed=[other]))
    assert trace == CannotTell("https://n.example/9 has the link but other words", forever=True)


def test_a_list_that_repeats_itself_was_not_seen_whole() -> None:
    one = Listed(post_id="1", post_url="", text="Something else")
    assert isinstance(look_through(PAYLOAD, lambda _: Page(listed=[one], cursor="1")), CannotTell)
    assert look_through(PAYLOAD, lambda _: Page(listed=[one], cursor="1", is_whole=True)) == Absent()


def test_a_list_without_end_was_not_seen_whole() -> None:
    def fetch(cursor: str) -> Page:
        number = int(cursor or 0) + 1
        return Page(listed=[Listed(post_id=str(number), post_url="", text="else")], cursor=str(number))

    assert isinstance(look_through(PAYLOAD, fetch), CannotTell)


def test_an_empty_page_with_a_cursor_is_read_past() -> None:
    ours = Listed(post_id="2", post_url="u", text=PAYLOAD.text, links=(LINK,))
    pages = {"": Page(listed=[], cursor="a"), "a": Page(listed=[ours])}
    assert look_through(PAYLOAD, lambda cursor: pages[cursor]) == Found("2", "u")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_what_a_network_escapes_and_shortens_has_the_same_words(text: str) -> None:
    stripped = " ".join(text.replace("&", "and").split())
    shown = f"{stripped} https://t.co/1".replace("<", "&lt;").replace(">", "&gt;")
    assert bare_words(shown) == bare_words(f"{stripped} {LINK}")


KEYS = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)
INSTANTS = st.integers(1_577_836_800, 4_102_444_800).map(lambda at: datetime.fromtimestamp(at, UTC))


@given(INSTANTS, KEYS)
def test_a_record_key_is_always_a_tid_and_never_changes(at: datetime, key: str) -> None:
    found = tid(at, key)
    assert len(found) == 13
    assert set(found) <= set("234567abcdefghijklmnopqrstuvwxyz")
    assert found[0] in "234567abcdefghij"
    assert found == tid(at.replace(microsecond=0), key)
    assert found < tid(at + timedelta(seconds=2), key)


@given(
    st.lists(
        st.sampled_from(
            ["Ünï", "🧪👩‍👩‍👧", f"{LINK}?a=(b)", "(https://b.example/x).", "#Tag", "#1", "a#b", "“c”"]
        )
    )
)
def test_each_facet_is_the_bytes_of_its_link_or_tag(words: list[str]) -> None:
    text = " ".join(words)
    raw = text.encode()
    facets = facets_of(text)
    for facet in facets:
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        feature = facet["features"][0]
        assert raw[start:end].decode() == feature.get("uri", f"#{feature.get('tag')}")
    uris = [facet["features"][0]["uri"] for facet in facets if "uri" in facet["features"][0]]
    assert len(uris) == sum("https://" in word for word in words)
    assert not any(uri.endswith((").", ".")) for uri in uris)


def test_a_record_is_the_same_on_every_attempt() -> None:
    at = START_AT.replace(microsecond=123_456)
    assert record_of(PAYLOAD, at) == record_of(PAYLOAD, START_AT)
    assert record_of(PAYLOAD, at)["createdAt"] == "2026-03-02T17:00:00Z"


@given(st.text(max_size=100))
def test_no_reserved_character_stays_bare_in_a_commentary(text: str) -> None:
    escaped = little_text(text)
    pieces = iter(escaped)
    assert "".join(next(pieces) if char == "\\" else char for char in pieces) == text

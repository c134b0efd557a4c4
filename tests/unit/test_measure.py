"""Lengths are counted as each network counts them, X exactly as its own published library does."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinic_broadcast.core.domains import ASCII_DOMAINS, OTHER_DOMAINS
from clinic_broadcast.core.emoji import joined_emoji
from clinic_broadcast.core.measure import LIMITS, Limits, fits, length_of

with warnings.catch_warnings():
    # The reference warns on import that it uses pkg_resources; that is its own affair.
    warnings.simplefilter("ignore")
    from twitter_text import parse_tweet
    from twitter_text.regexp.emoji import emoji_list

X = LIMITS["x"]
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"

WORDS = st.sampled_from(
    [
        "Do fibroids need surgery?",
        "e.g.",
        "word.Word",
        "IVF",
        "#IVF",
        "@clinic",
        "café",
        "cafe\u0301",
        "日本",
        "“so”",
    ]
)
MARKS = st.sampled_from(
    [*" \n\t.,:;!?/-_()[]#@&=%+~|'\"…•→€™©®", "\r\n", "\u3000", "\u200d", "\ufe0f", "\u20e3", "\u202a"]
)
DOMAINS = st.sampled_from(sorted(ASCII_DOMAINS | frozenset(OTHER_DOMAINS)))
TAILS = st.sampled_from(
    [
        "",
        "/",
        "/2026/02/do-fibroids.html",
        "/a(b)c",
        "/a.",
        "/?q=1&b=2#c",
        "?x=1.",
        ":8080/a",
        "/@b/",
        "/é",
        "/a..b/;",
    ]
)
LINKS = st.builds(
    "{}{}.{}{}".format,
    st.sampled_from(["", "https://", "http://", "HTTPS://"]),
    st.sampled_from(["blog.clinic", "www.a_b", "x", "é", "clinic-one", "日本", "t"]),
    DOMAINS,
    TAILS,
)
EMOJI = st.sampled_from(sorted(joined_emoji()))
TEXTS = st.lists(st.one_of(WORDS, MARKS, LINKS, EMOJI, st.text(max_size=3)), max_size=12).map("".join)


def reference(text: str) -> int:
    return int(parse_tweet(text).weightedLength)


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
@example("\u3000\u3002abc.blog.win\U0001f469")
@example("\néé.com$\u2028")
@example("https://t.co/abcdef.html")
@example("")
def test_x_counts_as_twitter_text_counts(text: str) -> None:
    # What UTF-8 cannot hold is no text.
    text = text.encode("utf-8", "ignore").decode()
    assert length_of(text, X) == reference(text)


EAST = st.sampled_from(
    [
        *"不治医々ー。、「」\uff01\uff20\uff03\uff41한\u3000\u30fb",
        "不妊治療",
        "日本.jp",
        "\u017f",
        "a",
        "@",
        ".",
        ":",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(EAST, LINKS), min_size=1, max_size=8).map("".join))
@example("不妊治療http://a.co")
@example("不妊治療https://t.co/abc.html")
@example("不.jp治https://blog.example.com/a.html")
@example("不妊httpsr://blog.example.com/a.html")
def test_x_counts_links_within_words_of_east_asia_as_twitter_text_does(text: str) -> None:
    assert length_of(text, X) == reference(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_x_counts_any_text_as_twitter_text_does(text: str) -> None:
    assert length_of(text, X) == reference(text)


def test_the_emoji_that_count_as_one_are_those_of_the_reference() -> None:
    theirs = {"".join(chr(int(point, 16)) for point in one.codepoint.split()) for one in emoji_list}
    assert joined_emoji() == {sequence for sequence in theirs if len(sequence) > 1}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("a" * 280, 280),
        ("日" * 140, 280),
        ("日" * 141, 282),
        ("see blog.example.org/x", 27),
        ("https://blog.example.org/" + "a" * 200, 23),
        (FAMILY, 2),
        ("©", 2),
        ("“dashes \u2013 and quotes”", 21),
        ("…•→€™", 10),
        ("e\u0301", 1),
        ("a\r\nb", 3),
    ],
)
def test_x_weighs_what_its_documents_say(text: str, length: int) -> None:
    assert length_of(text, X) == length


def test_x_takes_280_and_refuses_281() -> None:
    assert fits("a" * 280, X)
    assert not fits("a" * 281, X)


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("\U0001f1fa\U0001f1f8" * 300, True),
        ("\U0001f1fa\U0001f1f8" * 301, False),
        (FAMILY * 120, True),
        (FAMILY * 121, False),
        ("क्षि" * 300, False),
        ("a" * 301, False),
    ],
)
def test_bluesky_limits_graphemes_and_bytes(text: str, fitting: bool) -> None:
    assert fits(text, LIMITS["bluesky"]) is fitting


def test_mastodon_prices_links_and_cuts_the_server_off_a_mention() -> None:
    mastodon = LIMITS["mastodon"]
    assert length_of("https://a.com", mastodon) == 23
    assert length_of("see blog.example.com/page", mastodon) == 25
    assert length_of("thanks @clinic@far.example.social now", mastodon) == len("thanks @clinic now")
    assert length_of("write to me@clinic.example", mastodon) == len("write to me@clinic.example")


def test_mastodon_follows_the_limits_of_its_server() -> None:
    server = replace(LIMITS["mastodon"], length_max=100_000, url_length=32)
    assert length_of("https://a.com", server) == 32
    assert fits("a" * 100_000, server)


def test_threads_counts_an_emoji_as_its_bytes() -> None:
    assert length_of("\U0001f600", LIMITS["threads"]) == 4
    assert length_of("déjà 日本", LIMITS["threads"]) == 7


def test_telegram_counts_utf16_units() -> None:
    assert length_of("\U0001f600", LIMITS["telegram"]) == 2
    assert fits("a" * 4096, LIMITS["telegram"])
    assert not fits("\U0001f600" * 2049, LIMITS["telegram"])


def test_linkedin_counts_the_escapes_of_little_text() -> None:
    assert length_of("a (b) #c", LIMITS["linkedin"]) == 8 + 3


def test_a_kind_that_is_not_known_is_counted_in_graphemes() -> None:
    plug_in = Limits(kind="pigeon", length_max=2)
    assert fits("e\u0301" * 2, plug_in)
    assert not fits("abc", plug_in)


def test_every_network_of_the_contract_has_limits() -> None:
    kinds = {"x", "facebook", "mastodon", "bluesky", "linkedin", "threads", "telegram", "webhook", "folder"}
    assert set(LIMITS) == kinds
    assert all(limits.kind == kind for kind, limits in LIMITS.items())


@given(st.text(max_size=200))
def test_every_network_counts_any_text(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    for limits in LIMITS.values():
        assert length_of(text, limits) >= 0
    graphemes = len(regex.findall(r"\X", text))
    assert length_of(text, LIMITS["bluesky"]) == graphemes


def test_a_long_word_without_an_end_is_counted_in_linear_time() -> None:
    assert length_of("a" * 60_000, X) == 60_000
    assert length_of("a." * 5_000 + "a", X) > 0

"""HTML and Markdown become the text that a reader sees, whatever the markup."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinic_broadcast.errors import SourceError
from clinic_broadcast.sources.markup import MARKUP_MAX, html_to_text, markdown_to_html, unwrap_lines


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<br/><br />Three<br><br><br>Four", "One\nTwo\n\nThree\n\nFour"),
        ("<div>One</div><div><br></div><div>Two</div><div>Three</div>", "One\n\nTwo\nThree"),
        ("a&nbsp;&amp;&#160; b\n\t c &lt;d&gt; &euro;", "a & b c <d> \u20ac"),
        ("mi<b>d</b>dle <i> of </i>words", "middle of words"),
        ("Steps:<ul><li>one<li><p>two</p></ul>end", "Steps:\n\n- one\n- two\n\nend"),
        ("<table><tr><th>Type<th>Share<tr><td>O<td>common</table>", "Type | Share\nO | common"),
        ("<p>Before</p><blockquote>a<br>b</blockquote>after", "Before\n\n> a\n> b\n\nafter"),
        ("<blockquote><p>all</p><p>of it</p></blockquote>", "all\n\nof it"),
        ("<pre>a\n  b\n\nc</pre>", "a\nb\n\nc"),
        ("x<script>y</script><style>y</style><iframe>y</iframe><!-- y --><svg><text>y</text></svg>z", "xz"),
        ("take <s>ten</s> <del>nine</del> two", "take two"),
        ("<p hidden>no</p><p style='display: none'>no</p>yes", "yes"),
        ("zero\u200bwidth and \u00adsoft", "zero\u200bwidth and \u00adsoft"),
        ("<?xml version='1.0' encoding='latin-1'?><p>\u00e9t\u00e9</p>", "\u00e9t\u00e9"),
        ("<b>never <i>closed</b> and</i> on", "never closed and on"),
        ("plain text", "plain text"),
        ("", ""),
        ("<!-- nothing -->", ""),
    ],
)
def test_html_becomes_what_a_reader_sees(html: str, text: str) -> None:
    assert html_to_text(html)[0] == text


def test_links_cover_their_words() -> None:
    text, links = html_to_text(
        "See <a href=' /a?x=1&amp;y=2 '> this page </a>or <a>none</a><a href='/b'><img></a>."
    )
    assert text == "See this page or none."
    assert [(text[link.start : link.end], link.url) for link in links] == [("this page", "/a?x=1&y=2")]


def test_characters_that_do_not_belong_stay_for_the_gate() -> None:
    assert html_to_text("a\x00b\x07c")[0] == "a\ufffdb\x07c"
    assert html_to_text("a\ud800b")[0].startswith("a\ufffd")


@pytest.mark.parametrize("html", ["<p>" * MARKUP_MAX, "<b>" * 2_000 + "x", "<table>" * 20_000 + "x"])
def test_markup_beyond_all_measure_is_refused(html: str) -> None:
    with pytest.raises(SourceError):
        html_to_text(html)


@pytest.mark.parametrize(
    "html",
    ["<a href=x>" * 100_000 + "x", "<p>1" * 100_000, "&amp;" * 300_000, "a<" * 500_000, "<td>x" * 100_000],
)
@pytest.mark.timeout(30)
def test_large_markup_takes_no_long_time(html: str) -> None:
    text, links = html_to_text(html)
    assert len(text) + len(links) <= len(html)


TAGS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<br>",
        "<div>",
        "</div>",
        "<li>",
        "<ul>",
        "</ul>",
        "<a href='u'>",
        "</a>",
        "<b>",
        "</i>",
        "<td>",
    ]
)
ODDITIES = st.sampled_from(
    [
        "<blockquote>",
        "</blockquote>",
        "<pre>",
        "</pre>",
        "<!--",
        "-->",
        "<![CDATA[",
        "&nbsp;",
        "&",
        "<",
        ">",
        "\n",
    ]
)


@given(html=st.lists(st.one_of(TAGS, ODDITIES, st.text(max_size=8)), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
@example(html="<a href='u'>x<a href='v'>y")
def test_no_markup_breaks_the_reading(html: str) -> None:
    text, links = html_to_text(html)
    assert text == text.strip(" \n")
    assert "\n\n\n" not in text
    for link in links:
        assert 0 <= link.start < link.end <= len(text)
        assert not text[link.start].isspace() or text[link.start] not in " \n"


WORDS = st.lists(st.text("abcXYZ.,!?09'", min_size=1, max_size=6), min_size=1, max_size=6).map(" ".join)


@given(blocks=st.lists(WORDS, min_size=1, max_size=6), tag=st.sampled_from(["p", "div", "li", "h2"]))
def test_no_word_is_lost_or_doubled(blocks: list[str], tag: str) -> None:
    text, _ = html_to_text("".join(f"<{tag}>{block}</{tag}>" for block in blocks))
    assert text.replace("- ", "").split() == " ".join(blocks).split()


def test_markdown_keeps_its_lines_tables_and_links() -> None:
    html = markdown_to_html(
        "Jane Roe\nDirector\n\n| a | b |\n|---|---|\n| c | d |\n\n- [x](https://x.example)"
    )
    text, links = html_to_text(html)
    assert text == "Jane Roe\nDirector\n\na | b\nc | d\n\n- x"
    assert [link.url for link in links] == ["https://x.example"]


LONG = "This line of an answer is long enough to have been wrapped by an"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"{LONG}\neditor.", f"{LONG} editor."),
        (f"{LONG}\nEditor.", f"{LONG}\nEditor."),
        (f"{LONG}\n{LONG}\nEditor.", f"{LONG} {LONG} Editor."),
        (f"{LONG}.\neditor.", f"{LONG}.\neditor."),
        (f"{LONG}\nhello ann from peru", f"{LONG}\nhello ann from peru"),
        (f"{LONG}\nkind regards", f"{LONG}\nkind regards"),
        (f"{LONG}\n- item", f"{LONG}\n- item"),
        (f"{LONG}\n{LONG}\n2. item", f"{LONG} {LONG}\n2. item"),
        ("Jane Roe\nDirector", "Jane Roe\nDirector"),
    ],
)
def test_only_wrapped_lines_are_joined(text: str, wanted: str) -> None:
    assert unwrap_lines(text) == wanted


@given(text=st.text("ab .\n-", max_size=300))
def test_unwrapping_moves_no_offset(text: str) -> None:
    assert unwrap_lines(text).replace("\n", " ") == text.replace("\n", " ")

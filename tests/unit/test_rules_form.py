"""Form rules by tables: mangled characters, brackets, lost links, hashtags, links."""

from __future__ import annotations

import pytest

from clinic_broadcast.core.answer import Link
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_answer, examine_link, examine_text
from clinic_broadcast.core.rules.taint import letter_taint
from gate_pages import gate, page


def rules_on(text: str) -> dict[str, Severity]:
    return {one.rule: one.severity for one in examine_text(gate(), text) if one.rule.startswith("form.")}


@pytest.mark.parametrize(
    "text",
    [
        "take #2000 units)",
        "the drug (a steroid# is old",
        "it\u00e2\u20ac\u2122s fine",
        "caf\u00c3\u00a9",
        "fib\u200broids",
        "\u202efibroids",
        "a\ufffdb",
        "a\x07b",
        "polyps &amp; cysts",
        "fib\u00adroids",
        "cysts &#8217;",
    ],
)
def test_mangled_characters_block(text: str) -> None:
    assert rules_on(text)["form.mangled"] is Severity.BLOCK


@pytest.mark.parametrize(
    "text",
    [
        "caf\u00e9 na\u00efve",
        "Polyps #Fibroids",
        "A \U0001f469\u200d\u2695\ufe0f explains",
        "a\nb\tc",
        "\u201cwell\u201d \u2026",
    ],
)
def test_good_characters_pass(text: str) -> None:
    assert "form.mangled" not in rules_on(text)


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("Fibroids (benign growths are common.", Severity.HOLD),
        ("Fibroids are common).", Severity.HOLD),
        ("Take Lovenox (once the test is back.", Severity.BLOCK),
        ("A low dose twice per day) is given.", Severity.BLOCK),
        ("Fibroids [benign) are common.", Severity.HOLD),
        ("A (first. B then) it stops.", Severity.HOLD),
    ],
)
def test_a_bracket_without_partner_holds_and_next_to_a_dose_blocks(text: str, severity: Severity) -> None:
    assert rules_on(text)["form.bracket"] is severity


@pytest.mark.parametrize(
    "text",
    [
        "Fibroids (benign growths) are common.",
        "1) rest\n2) water",
        "There are reasons: a) age, b) weight.",
        "(It is rare. Most heal.) Then it ends.",
        "An FSH level ( < 5) is low.",
        "Good news :)",
        "Tests [blood (serum)] help.",
    ],
)
def test_balanced_brackets_and_list_markers_pass(text: str) -> None:
    assert "form.bracket" not in rules_on(text)


@pytest.mark.parametrize(
    "text",
    [
        "for more check out my blog at",
        "Visit our website at and ask",
        "see my page at the bottom",
        "read our site here",
    ],
)
def test_a_lost_link_holds(text: str) -> None:
    assert rules_on(text)["form.lost-link"] is Severity.HOLD


@pytest.mark.parametrize(
    "text",
    [
        "check out my blog at https://blog.example/",
        "visit our website at www.blog.example",
        "see my site at: blog.example",
        "read the leaflet at home",
    ],
)
def test_an_address_that_follows_is_not_lost(text: str) -> None:
    assert "form.lost-link" not in rules_on(text)


def lost(answer: str, signature: str, links: tuple[Link, ...]) -> list[str]:
    found = examine_answer(gate(), page(answer, signature=signature, links=links)).findings
    return [one.where for one in found if one.rule == "form.lost-link"]


def test_a_hyperlink_on_or_after_the_phrase_is_not_lost() -> None:
    words = "For more check out my blog at this page."
    assert lost(words, "", ()) == ["answer"]
    assert lost(words, "", (Link(start=30, end=39, url="https://blog.example/"),)) == []
    assert lost(words, "", (Link(start=0, end=8, url="https://blog.example/"),)) == ["answer"]


def test_a_signature_is_read_for_lost_links_and_its_hyperlinks_count() -> None:
    words = "Jane Roe, M.D.\ncheck out my blog at"
    assert lost("Polyps are common.", words, ()) == ["signature"]
    assert lost("Polyps are common.", words, (Link(start=-1, end=-1, url="https://blog.example/"),)) == []


def test_only_reviewed_hashtags_pass() -> None:
    assert "form.hashtag" not in rules_on("Polyps #Fibroids #IVF")
    assert rules_on("Polyps #Clexane")["form.hashtag"] is Severity.HOLD


@pytest.mark.parametrize(
    "path",
    [
        "2026/03/thyroid-tests-and-early-loss.html",
        "2026/03/recurrent-miscarriage-and-factor-v.html",
        "2026/03/what-does-hysteroscopy-show_12.html",
        "2026/03/what-does-hysteroscopy-show.html?m=1",
        "",
        "2011/05/polyps.html#more",
    ],
)
def test_a_neutral_path_passes(path: str) -> None:
    assert examine_link(gate(), f"https://blog.example/{path}", taint=None) == ()


@pytest.mark.parametrize(
    ("path", "excerpt"),
    [
        ("2026/03/my-second-chemical-pregnancy-at-43.html", "43"),
        ("2026/03/my-second-chemical-pregnancy.html", "my"),
        ("2026/03/for-jennifer.html", "jennifer"),
        ("2026/03/ivf-in-swakopmund.html", "swakopmund"),
        ("2026/03/loss-in-spring.html", "spring"),
        ("2026/03/a-sister-with-loss.html", "sister"),
        ("2026/03/polyps.html?utm_source=swakopmund", "swakopmund"),
        ("2026/03/Jos%C3%A9.html", "Jos%C3%A9"),
        ("label/my%20story", "my"),
    ],
)
def test_a_path_that_tells_a_case_holds(path: str, excerpt: str) -> None:
    found = examine_link(gate(), f"https://blog.example/{path}", taint=None)
    assert excerpt in {one.excerpt for one in found}
    assert {(one.rule, one.severity, one.where) for one in found} == {("privacy.url", Severity.HOLD, "link")}


def test_a_path_is_compared_with_the_letter() -> None:
    taint = letter_taint(gate().tables, "my name is sparrow", "", key=b"k")
    found = examine_link(gate(), "https://blog.example/2026/03/sparrow-and-ivf.html", taint=taint)
    assert [one.excerpt for one in found] == ["sparrow"]


def test_a_link_to_another_host_holds_whatever_stands_before_an_at() -> None:
    for url in (
        "https://other.example/a.html",
        "https://blog.example@other.example/",
        "https://blog.example.evil.example/",
    ):
        assert examine_link(gate(), url, taint=None) != ()
    assert examine_link(gate(), "", taint=None) == ()

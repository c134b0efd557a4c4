"""Wordings: posts/*.md are read as texts only, and every fault names its file, its key and what is allowed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from clinic_broadcast.core.wording import Literal, Slot, Wording, WordingKind, pieces_of
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.wording import Wordings, read_wordings

DEFAULTS = Path(__file__).parents[2] / "posts"
TEMPLATE = "---\nattribution: '{own} says:'\n---\n{hook} {link}\n"
BY_HAND = "---\nkind: evergreen\nlink: https://blog.example.com/about\n---\nWhat this blog is about.\n"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "posts"
    folder.mkdir()
    return folder


def read(folder: Path, name: str, text: str) -> Wordings:
    (folder / name).write_text(text, encoding="utf-8")
    return read_wordings(folder)


def test_the_defaults_of_the_repository_can_be_read() -> None:
    wordings = read_wordings(DEFAULTS)
    for name in ("announce", "reshare", "correction", "withdrawal"):
        assert wordings.template_for(name, "page", "facebook").name == name
    assert wordings.template_for("announce", "x", "x").file == "posts/announce.md"
    assert wordings.template_for("announce", "our-page", "facebook").file == "posts/announce.facebook.md"
    assert wordings.written == ()


def test_a_template_for_the_channel_wins_over_one_for_its_kind_and_over_the_plain_one(posts: Path) -> None:
    for name in ("announce.md", "announce.facebook.md", "announce.second-page.md"):
        (posts / name).write_text(TEMPLATE, encoding="utf-8")
    wordings = read_wordings(posts)
    assert (
        wordings.template_for("announce", "second-page", "facebook").file == "posts/announce.second-page.md"
    )
    assert wordings.template_for("announce", "first-page", "facebook").file == "posts/announce.facebook.md"
    assert wordings.template_for("announce", "x", "x").file == "posts/announce.md"


def test_a_channels_template_takes_what_it_leaves_out_from_the_plain_one(posts: Path) -> None:
    (posts / "announce.md").write_text(TEMPLATE, encoding="utf-8")
    wordings = read(posts, "announce.x.md", "---\ndisclaimer: No advice.\n---\n{hook} {link}\n")
    words = wordings.template_for("announce", "x")
    assert (words.words_for("attribution"), words.words_for("disclaimer")) == ("{own} says:", "No advice.")


def test_the_digest_is_that_of_the_files_bytes(posts: Path) -> None:
    wording = read(posts, "announce.md", TEMPLATE).template_for("announce")
    digest = hashlib.sha256(TEMPLATE.encode()).hexdigest()
    assert wording.digest == digest
    assert wording.version == f"posts/announce.md@{digest}"


def test_every_value_stays_the_text_that_stands_there(posts: Path) -> None:
    text = BY_HAND.replace(
        "---\nWhat", "not_before: 2026-03-01\nexpires: 2026-03-02T09:30\nchannels: [no, 1.10]\n---\nWhat"
    )
    wording = read(posts, "about.md", text).written[0]
    assert (wording.not_before, wording.expires) == ("2026-03-01", "2026-03-02T09:30")
    assert wording.channels == ("no", "1.10")
    assert wording.kind is WordingKind.EVERGREEN


@pytest.mark.parametrize(
    "target", ["about", "about.md", "posts/about.md", "./posts/about.md", "/srv/home/posts/about.md"]
)
def test_a_hand_written_wording_is_found_by_path_or_name(posts: Path, target: str) -> None:
    found = read(posts, "about.md", BY_HAND).find(target)
    assert isinstance(found, Wording)
    assert found.template == "What this blog is about."


def test_a_template_is_no_target(posts: Path) -> None:
    wordings = read(posts, "announce.md", TEMPLATE)
    assert wordings.find("posts/announce.md") is None
    assert wordings.find("https://blog.example.com/2026/02/x.html") is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("announce.md", "{hook} {lnk}\n", ["announce.md", "{lnk}", "allowed: {hook}, {sentence}"]),
        ("announce.md", "{hook\n", ["announce.md", "brace"]),
        ("announce.md", "{link} {link}\n", ["announce.md", "{link} stands twice"]),
        ("announce.md", "---\nattribution: x\n---\n", ["announce.md", "empty"]),
        (
            "announce.md",
            "---\natribution: x\n---\n{hook}",
            ["atribution", 'did you mean "attribution"?', "disclaimer"],
        ),
        ("announce.md", "---\nattribution: '{name}'\n---\n{hook}", ["attribution", "{own}"]),
        ("announce.md", "---\ndisclaimer: '{own}'\n---\n{hook}", ["disclaimer", "no placeholder"]),
        ("announce.md", "---\ndisclaimer: [a, b]\n---\n{hook}", ["disclaimer", "a list", "a text"]),
        ("announce.md", "---\ndisclaimer: a: b\n---\n{hook}", ["announce.md", "line 2", "quotes"]),
        ("announce.md", "---\n- a\n---\n{hook}", ["announce.md", "key: value"]),
        ("flu.md", "Wash your hands.\n", ["flu.md", "kind", '"one-off" or "evergreen"']),
        ("anounce.md", TEMPLATE, ["anounce.md", "kind", 'did you mean "announce"?']),
        ("flu.md", BY_HAND.replace("evergreen", "weekly"), ["kind", '"weekly"', '"one-off" or "evergreen"']),
        ("flu.md", BY_HAND.replace("https://", "www."), ["link", "https://"]),
        ("flu.md", BY_HAND.replace("kind:", "expires: soon\nkind:"), ["expires", '"soon"', "2026-03-01"]),
        ("flu.md", BY_HAND.replace("about.\n", "about. {hook}"), ["flu.md", "{hook}", "allowed: {link}"]),
    ],
)
def test_a_fault_names_file_key_and_what_is_allowed(
    posts: Path, name: str, text: str, said: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(posts, name, text)
    assert [words for words in said if words not in str(caught.value)] == []


def test_the_faults_of_all_files_are_told_at_once(posts: Path) -> None:
    (posts / "announce.md").write_text("{lnk}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"(?s)announce\.md.*flu\.md"):
        read(posts, "flu.md", "Wash your hands.")


def test_a_file_that_is_not_utf8_is_refused_with_its_line(posts: Path) -> None:
    (posts / "announce.md").write_bytes(b"---\nattribution: caf\xe9\n---\n{hook}")
    with pytest.raises(SettingsError, match="line 2 is not UTF-8"):
        read_wordings(posts)


def test_a_file_for_a_channel_that_is_not_there_is_told(posts: Path) -> None:
    (posts / "announce.facebok.md").write_text(TEMPLATE, encoding="utf-8")
    wordings = read(posts, "about.md", BY_HAND.replace("kind:", "channels: [x, pigeon]\nkind:"))
    facebok, pigeon = wordings.strangers({"x", "facebook"})
    assert (
        'posts/announce.facebok.md: there is no channel or kind "facebok" (did you mean "facebook"?)'
        in facebok
    )
    assert '"pigeon"' in pigeon
    assert read_wordings(DEFAULTS).strangers({"x", "facebook", "linkedin", "bluesky"}) == ()


def test_a_missing_template_is_told_with_the_command_that_writes_it(posts: Path) -> None:
    with pytest.raises(SettingsError, match=r"announce\.md.*clinic-broadcast init"):
        read_wordings(posts).template_for("announce", "x")


def test_a_template_is_read_into_its_own_words_and_its_slots() -> None:
    assert pieces_of("New: {hook} {link}") == (Literal("New: "), Slot.HOOK, Literal(" "), Slot.LINK)

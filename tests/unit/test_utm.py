"""UTM parameters: only of a closed list, only where the clinic asks, and never another page for any of our eyes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.channels import BUILT_IN
from clinic_broadcast.channels.match import Likeness, Listed, bare_link, likeness
from clinic_broadcast.core.delivery import State
from clinic_broadcast.core.gate import examine_link
from clinic_broadcast.core.promo import Payload
from clinic_broadcast.core.utm import CAMPAIGN_WORDS, SOURCES, Utm, is_neutral, relinked, tagged, untagged
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run import review
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.run.publishing import AnswerTarget, find_target
from desks import approve_all, desk, gate
from fakes import FakeClock, FakeSource, WallChannel, lost_reply, raw_answer

UTM = Utm(campaign="blog-answers")
TAGS = "utm_source=x&utm_medium=social&utm_campaign=blog-answers"
PAGE = "https://blog.example/2026/03/thyroid-tests.html"

NAMES = st.text("abcdefgkmpu_", min_size=1, max_size=6)
QUERIES = st.lists(st.tuples(NAMES, st.text("abc1%2F=+;", max_size=5)).map("=".join), max_size=4).map(
    "&".join
)
LINKS = st.builds(
    "https://{}/{}{}{}".format,
    st.sampled_from(["blog.example", "Blog.Example:8443", "xn--bcher-kva.example"]),
    st.text("abC-/.%20é", max_size=12),
    QUERIES.map(lambda query: f"?{query}" if query else ""),
    st.sampled_from(["", "#part", "#?utm_source=x", "#a&b"]),
)
KINDS = st.sampled_from([*SOURCES, "a-plug-in"])
WISHES = st.builds(Utm, campaign=st.sampled_from(["", *CAMPAIGN_WORDS, "clinic-blog"]))


@given(LINKS, KINDS, WISHES)
def test_a_link_with_parameters_is_the_same_link_for_every_look(link: str, kind: str, utm: Utm) -> None:
    with_tags = tagged(link, utm, kind=kind)
    assert bare_link(with_tags) == bare_link(link)
    assert untagged(with_tags) == untagged(link)
    assert tagged(with_tags, utm, kind=kind) == with_tags
    assert tagged(link, None, kind=kind) == link
    # Seen with and without them, whichever of the two we have in the record.
    for ours, theirs in ((link, with_tags), (with_tags, link), (with_tags, with_tags.replace("&", "&amp;"))):
        listed = Listed(post_id="1", post_url="", text="A test shows how it works.", links=(theirs,))
        payload = Payload(text=f"A test shows how it works. {ours}", link=ours)
        assert likeness(payload, listed) is Likeness.SAME


@given(LINKS, KINDS, WISHES)
def test_query_and_fragment_of_the_link_stay_byte_for_byte(link: str, kind: str, utm: Utm) -> None:
    before, after = urlsplit(link), urlsplit(tagged(link, utm, kind=kind))
    assert (after.scheme, after.netloc, after.path, after.fragment) == (
        before.scheme,
        before.netloc,
        before.path,
        before.fragment,
    )
    kept = [pair for pair in after.query.split("&") if not pair.startswith("utm_")]
    assert "&".join(kept) == "&".join(one for one in before.query.split("&") if not one.startswith("utm_"))
    assert {name for name, _ in parse_qsl(after.query) if name.startswith("utm_")} == {
        "utm_source",
        "utm_medium",
        *(["utm_campaign"] if utm.campaign else []),
    }


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (PAGE, f"{PAGE}?{TAGS}"),
        (f"{PAGE}?m=1", f"{PAGE}?m=1&{TAGS}"),
        (f"{PAGE}?m=1#comments", f"{PAGE}?m=1&{TAGS}#comments"),
        # A feed service may have put its own there, with who knows what in them.
        (f"{PAGE}?utm_source=feedburner&utm_term=miscarriage&m=1", f"{PAGE}?m=1&{TAGS}"),
        ("", ""),
    ],
)
def test_parameters_stand_between_query_and_fragment(link: str, expected: str) -> None:
    assert tagged(link, UTM, kind="x") == expected


def test_a_plug_ins_kind_is_not_told_and_every_built_in_kind_is_known() -> None:
    assert set(SOURCES) == set(BUILT_IN)
    assert "utm_source=other&" in tagged(PAGE, UTM, kind="jane-doe")


@pytest.mark.parametrize("kind", SOURCES)
def test_the_gate_knows_our_own_parameters_and_reads_all_others(kind: str) -> None:
    plain = f"{PAGE}?p=12"
    assert examine_link(gate(), tagged(plain, UTM, kind=kind), taint=None) == ()
    for foreign in ("utm_campaign=my-loss-at-43", "utm_source=solveig", "utm_term=x", "xutm_medium=social"):
        held = examine_link(gate(), f"{plain}&{foreign}", taint=None)
        assert {one.rule for one in held} == {"privacy.url"}, foreign


@given(st.text(max_size=12))
def test_a_campaign_of_other_words_is_no_neutral_one(text: str) -> None:
    assert is_neutral(text) == (bool(text) and all(one in CAMPAIGN_WORDS for one in text.split("-")))


def test_a_persons_text_gets_the_link_of_its_own_channel() -> None:
    link = tagged(PAGE, UTM, kind="x")
    foreign = tagged(PAGE, Utm(), kind="facebook")
    for theirs in (PAGE, foreign, link):
        assert relinked(f"See ({theirs}), or ask.", link) == f"See ({link}), or ask."
    assert relinked(f"See {PAGE}/2", link) == f"See {PAGE}/2"
    assert relinked(f"See {PAGE}", "") == f"See {PAGE}"


# On the main path ----------------------------------------------------------------------------------------


def home(tmp_path: Path, utm: Utm | None, mode: str = "hold") -> tuple[Desk, FakeClock, WallChannel]:
    source, clock = FakeSource(), FakeClock()
    wall = WallChannel(tmp_path / "one.wall")
    at = replace(desk(MemoryLedger("test"), [wall], sources=[source], clock=clock, mode=mode), utm=utm)
    poll(at)
    clock.pass_by(days=1)
    source.answers.append(raw_answer(1, published_at=clock.now()))
    poll(at)
    plan_fresh(at)
    return at, clock, wall


def send_all(at: Desk) -> None:
    release_planned(at)
    deliver(at)


def test_only_the_promo_carries_them_and_the_answer_keeps_its_address(tmp_path: Path) -> None:
    at, _clock, _wall = home(tmp_path, UTM)
    (one,) = at.ledger.deliveries()
    known = at.ledger.answer(one.answer_id)
    assert known is not None
    assert one.payload.link == tagged(known.material.url, UTM, kind="folder")
    assert one.payload.link in one.payload.text
    assert one.answer_url == known.material.url
    assert not re.search("utm_", known.material.url)
    found = find_target(at, one.payload.link)
    assert isinstance(found, AnswerTarget)
    assert found.known.material.answer_id == one.answer_id


def test_they_alone_hold_no_promo_back(tmp_path: Path) -> None:
    at, _clock, wall = home(tmp_path, UTM, mode="auto-clean")
    send_all(at)
    assert [one.state for one in at.ledger.deliveries()] == [State.SENT]
    assert TAGS.replace("=x&", "=folder&") in wall.rows()[0]["text"]


@pytest.mark.parametrize(("before", "after"), [(None, UTM), (UTM, None), (UTM, Utm())])
def test_switching_announces_nothing_twice_and_voids_no_approval(
    tmp_path: Path, before: Utm | None, after: Utm | None
) -> None:
    at, _clock, wall = home(tmp_path, before)
    (waiting,) = at.ledger.deliveries()
    approve_all(at)
    switched = replace(at, utm=after)
    plan_fresh(switched)
    send_all(switched)
    plan_fresh(switched)
    send_all(switched)
    assert [row["text"] for row in wall.rows()] == [waiting.payload.text]
    assert [one.state for one in switched.ledger.deliveries()] == [State.SENT]


def test_an_unsure_send_is_found_after_switching(tmp_path: Path) -> None:
    at, clock, wall = home(tmp_path, UTM, mode="auto-clean")
    wall.behave = lost_reply
    send_all(at)
    clock.pass_by(seconds=90)
    send_all(replace(at, utm=None))
    assert [one.state for one in at.ledger.deliveries()] == [State.SENT]
    assert len(wall.rows()) == 1


def test_an_edit_with_the_address_of_the_page_gets_the_promos_link_once(tmp_path: Path) -> None:
    at, _clock, _wall = home(tmp_path, UTM)
    (one,) = at.ledger.deliveries()
    words = f"A simple blood test shows how the thyroid works: {one.answer_url}"
    edited = review.edit(at, one.id, text=words, by="Pat").delivery
    assert edited.payload.text == words.replace(one.answer_url, one.payload.link)
    assert edited.payload.link == one.payload.link

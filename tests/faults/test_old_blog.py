"""An old blog of 500 answers whose feed changes in every way that feeds change: nothing of it is ever announced.

The blog is served on a loopback port and read by the real Blogger source; the record is a real SQLite file. Nobody
approves anything and no brake is set, so that only the intake stands between an old answer and the public.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from clinic_broadcast.core.answer import Standing
from clinic_broadcast.core.delivery import State
from clinic_broadcast.ledger.migrate import open_ledger
from clinic_broadcast.run.broadcast import deliver, release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import Intake, poll
from clinic_broadcast.run.promotion import plan_fresh
from contract.sources import FIRST_AT, BlogRig, BlogState, Page, open_blog
from desks import approve_all, desk
from fakes import FakeClock, WallChannel

COUNT = 500
PAGE_SIZE = 100
BASELINE_AT = FIRST_AT + timedelta(days=COUNT + 200)
LATER_AT = BASELINE_AT + timedelta(days=30)
TOPICS = (
    "Fibroids",
    "Polyps",
    "Thyroid Tests",
    "Endometriosis",
    "Ovarian Cysts",
    "Tubal Surgery",
    "Sperm Tests",
)
WHAT = ("the lining", "the transfer", "an early scan", "the luteal phase", "ovulation")
HOW = ("is often checked first", "can be measured", "may be repeated", "is usually left alone")
WHERE = ("before a treatment cycle", "in most clinics", "with an ultrasound", "after a loss")
SLUGS = list(
    product(("thyroid", "pregnancy", "risk", "test", "loss"), ("early", "small", "simple", "blood", "often"))
)
WORDS = list(product(TOPICS, WHAT, HOW, WHERE))
OLD_SLUGS = list(
    product(
        ("thyroid", "pregnancy", "risk", "test", "loss", "early", "small", "simple"),
        ("blood", "often", "lining", "transfer", "scan", "ovulation", "treatment", "cycle", "ultrasound"),
        ("before", "after", "during", "without", "with", "about", "and", "or"),
    )
)
"""Plain words: the gate holds an address with a number or a name in it, and its answer would be in no feed."""


def old_page(number: int) -> Page:
    topic, what, how, where = WORDS[number]
    answer = f"In general {what} {how} {where}. {topic} belong to the questions that are asked before that."
    letter = f"Hello Dr. Roe,\nI am Oddny from Tromso, and this is my letter number {number}.\nOddny"
    return Page(
        number=number,
        heading=f"{topic} and {what} in general",
        link=f"https://blog.example/2020/05/{'-'.join(OLD_SLUGS[number])}.html",
        text=f"{letter}\n\nHello Oddny from Norway,\n\n{answer}\n\nJane Roe, M.D.",
    )


def new_page(number: int) -> Page:
    one, other = SLUGS[number - COUNT]
    return replace(
        old_page(number),
        heading="Thyroid Tests and Early Pregnancy Loss",
        link=f"https://blog.example/2021/11/{one}-{other}.html",
        days=COUNT + 225,
    )


@pytest.fixture(scope="module")
def blog() -> Iterator[BlogRig]:
    with open_blog() as rig:
        rig.state.page_size = PAGE_SIZE
        yield rig


@pytest.fixture(scope="module")
def baseline(blog: BlogRig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a record that has taken all answers as its baseline."""
    path = tmp_path_factory.mktemp("old-blog") / "ledger.db"
    fill(blog.state)
    at = desk_on(path, blog, FakeClock(BASELINE_AT))
    assert poll(at).baseline == COUNT
    at.ledger.close()
    return path


def fill(state: BlogState) -> None:
    state.pages = {number: old_page(number) for number in range(COUNT)}
    state.status, state.body = 200, None


def desk_on(path: Path, blog: BlogRig, clock: FakeClock) -> Desk:
    ledger = open_ledger(f"sqlite:///{path}", "test")
    wall = WallChannel(path.with_suffix(".wall"))
    return desk(ledger, [wall], sources=[blog.source()], clock=clock, mode="auto-clean", surge_max=10_000)


def each(change: Callable[[Page], Page]) -> Callable[[BlogState], None]:
    def mutate(state: BlogState) -> None:
        state.pages = {number: change(page) for number, page in state.pages.items()}

    return mutate


def re_dated(page: Page) -> Page:
    return replace(page, days=COUNT + 210, updated_days=COUNT + 220)


def edited(page: Page) -> Page:
    return replace(page, text=page.text.replace("In general", "Broadly speaking"), updated_days=COUNT + 220)


def moved(page: Page) -> Page:
    number = page.number
    return replace(
        page,
        ident=f"https://new.example/?p={number}",
        link=f"https://new.example/{number}/",
        days=COUNT + 215,
    )


def only(numbers: range) -> Callable[[BlogState], None]:
    def mutate(state: BlogState) -> None:
        state.pages = {number: state.pages[number] for number in numbers}

    return mutate


def reorder(state: BlogState) -> None:
    # A feed sorted by its days: the oldest answer gets the newest day, and so on.
    each(lambda page: replace(page, days=COUNT - page.number))(state)


def edit_one(state: BlogState) -> None:
    state.pages[COUNT - 1] = edited(state.pages[COUNT - 1])


def say_nothing(state: BlogState) -> None:
    state.pages = {}


def break_off(state: BlogState) -> None:
    state.body = b"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><entry><title>torn"


def fail(state: BlogState) -> None:
    state.status = 503


def page_otherwise(state: BlogState) -> None:
    each(lambda page: replace(page, updated_days=COUNT + 220))(state)
    state.page_size = 7


MUTATIONS: dict[str, Callable[[BlogState], None]] = {
    "re-dated": each(re_dated),
    "re-ordered": reorder,
    "truncated to the newest 25": only(range(COUNT - 25, COUNT)),
    "truncated to the oldest 25": only(range(25)),
    "newest deleted": only(range(COUNT - 1)),
    "permalinks changed": each(
        lambda page: replace(page, link=f"https://blog.example/renamed/{page.number}.html")
    ),
    "ids changed, same words": each(
        lambda page: replace(page, ident=f"tag:other,2026:{page.number}", days=COUNT + 215)
    ),
    "ids changed, other words, same links": each(
        lambda page: replace(edited(page), ident=f"tag:other,2026:{page.number}", days=COUNT + 215)
    ),
    "moved domain": each(moved),
    "http to https": each(
        lambda page: replace(page, link=f"https://www.blog.example/q{page.number}.html?m=1")
    ),
    "one edited": edit_one,
    "all edited at once": each(edited),
    "edited and re-dated": each(lambda page: edited(re_dated(page))),
    "all touched, other pages": page_otherwise,
    "feed empty": say_nothing,
    "feed broken": break_off,
    "feed fails": fail,
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_feed_that_changes_announces_nothing_old(
    mutation: str, blog: BlogRig, baseline: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(baseline, path)
    fill(blog.state)
    blog.state.page_size = PAGE_SIZE
    at = desk_on(path, blog, FakeClock(LATER_AT))
    mutated = [MUTATIONS[mutation], fill]
    try:
        # Changed, and then changed back: an import that is undone must not announce anything either.
        for change in mutated:
            change(blog.state)
            announced(at)
        assert at.ledger.count_answers()[Standing.FRESH] == 0
    finally:
        at.ledger.close()
        blog.state.page_size = PAGE_SIZE


@pytest.mark.parametrize("days", [-3_000, -30, 3_000], ids=["years behind", "a month behind", "years ahead"])
def test_a_clock_that_is_wrong_announces_nothing_old(
    days: int, blog: BlogRig, baseline: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(baseline, path)
    fill(blog.state)
    edit_one(blog.state)
    at = desk_on(path, blog, FakeClock(LATER_AT + timedelta(days=days)))
    try:
        assert announced(at).changed == 1
    finally:
        at.ledger.close()


def announced(at: Desk) -> Intake:
    """Poll, plan, let go and deliver; give what the poll brought when the wall stays empty."""
    intake = poll(at)
    plan_fresh(at)
    release_planned(at)
    deliver(at)
    wall = at.channels["wall"]
    assert isinstance(wall, WallChannel)
    assert wall.rows() == []
    assert at.ledger.deliveries() == []
    return intake


def test_25_new_answers_in_one_poll_wait_together_and_all_go_out_once_approved(
    blog: BlogRig, baseline: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(baseline, path)
    fill(blog.state)
    clock = FakeClock(LATER_AT)
    at = desk_on(path, blog, clock)
    at = replace(at, review=replace(at.review, surge_max=3))
    for number in range(COUNT, COUNT + 25):
        blog.state.pages[number] = new_page(number)
    assert poll(at).fresh == 25
    assert plan_fresh(at).held == 25
    release_planned(at)
    deliver(at)
    wall = at.channels["wall"]
    assert isinstance(wall, WallChannel)
    assert wall.rows() == []
    assert all("surge: 25" in one.why[0] for one in at.ledger.deliveries())
    approve_all(at)
    clock.at = datetime(2030, 1, 1, tzinfo=UTC)
    release_planned(at)
    deliver(at)
    assert len({row["key"] for row in wall.rows()}) == len(wall.rows()) == 25
    assert at.ledger.count_deliveries()["wall"][State.SENT] == 25
    at.ledger.close()

"""The feed and the page that says how to subscribe, as a real browser shows them: desktop and phone, light and dark."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.server import open_port
from feed_stages import HEAD, Stage, aged, reworded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(180)]

LONG = "Can a Low Thyroid Hormone Level in the First Trimester Affect an Otherwise Healthy Pregnancy?"
VIEWS = [
    pytest.param((width, scheme), id=f"{width}-{scheme}")
    for width in (1100, 390)
    for scheme in ("light", "dark")
]
DOCUMENTS = ("rss.xml", "atom.xml", "index.html", "corrections.atom.xml", "withdrawn.atom.xml")


@dataclass
class Shown:
    """A page of the browser in one size and colour scheme, and where the feeds are served."""

    page: Page
    url: str
    is_dark: bool

    def open(self, name: str) -> None:
        reply = self.page.goto(f"{self.url}/feeds/{name}")
        assert reply is not None
        assert reply.status == 200

    def run(self, script: str) -> object:
        return self.page.evaluate(script)

    def is_seen(self, selector: str, words: str) -> bool:
        """Say whether an element with these words takes up room within the width of the window."""
        return bool(
            self.page.evaluate(
                """([selector, words]) => [...document.querySelectorAll(selector)].some(one => {
                    const box = one.getBoundingClientRect();
                    return one.textContent.includes(words) && box.height > 0 && box.width > 0
                        && box.left >= 0 && box.right <= window.innerWidth
                        && getComputedStyle(one).visibility === 'visible';
                })""",
                [selector, words],
            )
        )


def no_health() -> Health:
    raise NotImplementedError


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the feeds of a blog with a long title, a correction and a withdrawal, under their own address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    stage = Stage(
        tmp_path_factory.mktemp("browser"), head=replace(HEAD, base_url=f"http://127.0.0.1:{number}")
    )
    stage.archive(24)
    stage.publish(replace(aged(24, 24), title=LONG))
    stage.build()
    stage.publish(reworded(22, "A test of one hormone shows it.", published_at=aged(22, 24).published_at))
    stage.build()
    stage.withdraw(21)
    stage.build()
    app = make_app(public=stage.folder / "public", health=no_health)
    port = open_port(app, host="127.0.0.1", port=number)
    yield port.url
    assert port.stop()


@pytest.fixture(params=VIEWS)
def shown(request: pytest.FixtureRequest, chromium: Browser, served: str) -> Iterator[Shown]:
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    yield Shown(context.new_page(), served, scheme == "dark")
    context.close()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_has_to_be_scrolled_sideways_and_its_colours_are_those_of_the_reader(
    shown: Shown, name: str, tmp_path: Path
) -> None:
    shown.open(name)
    assert shown.run("document.documentElement.scrollWidth <= window.innerWidth")
    # Without a colour of its own the page is drawn in those of the scheme: black on white, or white on black.
    colour = str(shown.run("getComputedStyle(document.documentElement).color"))
    assert (colour == "rgb(255, 255, 255)") is shown.is_dark
    picture = tmp_path / "page.png"
    shown.page.screenshot(path=picture)
    assert picture.stat().st_size > 5_000


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml"])
def test_a_feed_is_a_page_with_titles_summaries_and_a_word_for_people(shown: Shown, name: str) -> None:
    shown.open(name)
    entry, summary = ("item", "description") if name == "rss.xml" else ("entry", "summary")
    assert shown.is_seen(f"{entry} > title", LONG)
    assert shown.is_seen(f"{entry} > title", "Withdrawn: an answer of the clinic")
    assert shown.is_seen(f"{entry} > title", "This answer has been withdrawn")
    assert shown.is_seen(f"{entry} > title", "Correction: ")
    assert shown.is_seen(f"{entry} > {summary}", "Corrected on 2 March 2026.")
    assert not shown.is_seen(f"{entry} > *", "tag:blog.example")
    head = "channel" if name == "rss.xml" else "feed"
    told = f"getComputedStyle(document.querySelector('{head}'), '::before').content"
    assert "This is a feed" in str(shown.run(told))
    below = "description" if head == "channel" else "subtitle"
    top = f"document.querySelector('{head} > ' + one).getBoundingClientRect().top"
    tops = f"['title', '{below}', '{entry}'].map(one => {top})"
    found = shown.run(tops)
    assert isinstance(found, list)
    assert found == sorted(found)


def test_the_tombstones_say_which_and_that_they_are_for_programs(shown: Shown) -> None:
    shown.open("withdrawn.atom.xml")
    told = shown.run("getComputedStyle(document.querySelector('feed'), '::before').content")
    assert "for programs" in str(told)
    assert shown.is_seen("*|deleted-entry", "The clinic has withdrawn this answer.")


def test_the_page_for_people_shows_the_address_to_copy(shown: Shown) -> None:
    shown.open("index.html")
    assert shown.is_seen("h1", f"Subscribe to {HEAD.title}")
    assert shown.is_seen("a.address", f"{shown.url}/feeds/rss.xml")
    assert shown.page.locator("a.address").get_attribute("href") == f"{shown.url}/feeds/rss.xml"
    assert [one.get_attribute("href") for one in shown.page.locator('link[rel="alternate"]').all()] == [
        f"{shown.url}/feeds/{name}" for name in ("rss.xml", "atom.xml", "feed.json")
    ]
    size = str(shown.run("getComputedStyle(document.querySelector('main')).fontSize"))
    assert float(size.removesuffix("px")) >= 16

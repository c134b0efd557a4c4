"""The review page in a real browser: on a phone and a desktop, light and dark, without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clinic_broadcast.core.delivery import State
from e2e.test_review import Site, filled, in_doubt, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(180)]

VIEWS = [
    pytest.param((width, scheme), id=f"{width}-{scheme}")
    for width in (1100, 390)
    for scheme in ("light", "dark")
]

# After WCAG 2.2: 1.4.3 contrast, 2.5.8 and our own 44 px for targets, 1.3.1 and 4.1.2 names of fields.
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(one => one / 255).map(one =>
    one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const one of document.querySelectorAll('body *')) {
    const says = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!says || !one.getClientRects().length) continue;
    const [front, back] = [light(numbers(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) poor.push(`${one.tagName}.${one.className}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll(
    'button, summary, a.button, header nav a, textarea, input:not([type=hidden])')]
  .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < 43.5)
  .map(one => `${one.tagName} ${one.textContent.trim()} ${one.getBoundingClientRect().height}`)"""
UNNAMED = """() => [
  ...[...document.querySelectorAll('textarea, input:not([type=hidden])')].filter(one => !one.labels.length),
  ...[...document.querySelectorAll('button, a, summary')].filter(one => !one.textContent.trim()),
].map(one => one.outerHTML.slice(0, 80))"""
TWICE_NAMED = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
  return ids.filter((one, place) => ids.indexOf(one) !== place);
}"""
JUMPS = """() => {
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]));
  return levels[0] !== 1 || levels.some((one, place) => place && one > levels[place - 1] + 1);
}"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from serve(filled(tmp_path))


def url(site: Site, path: str) -> str:
    return f"http://localhost:{site.port}{path}"


def signed_in(site: Site, context: BrowserContext) -> Page:
    """Sign in as a doctor does: open the link, press the button."""
    page = context.new_page()
    page.goto(url(site, f"/review/sign-in?link={site.link('Dr. Jane Roe', token='T0ken')}"))
    page.get_by_role("button", name="Sign in").click()
    assert page.url == url(site, "/review")
    return page


def examine(page: Page) -> None:
    """Assert what holds for every page."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title()
    assert page.locator("main").count() == 1
    for found in (CONTRASTS, SMALL_TARGETS, UNNAMED, TWICE_NAMED):
        assert page.evaluate(found) == []
    assert page.evaluate(JUMPS) is False


def test_what_examines_the_pages_finds_what_is_wrong(site: Site, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(url(site, "/review/sign-in"))
    page.evaluate(
        "document.body.innerHTML += '<p style>x</p><button></button><input><h4 id=a>x</h4><i id=a></i>'"
    )
    page.evaluate("document.querySelector('p[style]').style.color = '#999'")
    page.evaluate("document.querySelector('button').style.minHeight = '1px'")
    for found in (CONTRASTS, SMALL_TARGETS, UNNAMED, TWICE_NAMED):
        assert page.evaluate(found) != []
    assert page.evaluate(JUMPS) is True
    page.close()


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_can_be_read_and_pressed(
    site: Site, chromium: Browser, view: tuple[int, str], tmp_path: Path
) -> None:
    width, scheme = view
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if scheme == "dark" else "light"
    )
    noise: list[str] = []
    context.on("console", lambda message: noise.append(message.text))
    door = context.new_page()
    door.goto(url(site, "/review"))
    assert door.url == url(site, "/review/sign-in")
    examine(door)
    page = signed_in(site, context)
    in_doubt(site, site.row())
    for path in ("/review", "/review/log"):
        page.goto(url(site, path))
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        examine(page)
        picture = tmp_path / "page.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 5_000
    assert noise == []
    context.close()


def test_a_doctor_approves_edits_and_holds_without_javascript(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = signed_in(site, context)
    page.get_by_role("button", name="Approve for box").click()
    assert page.get_by_role("status").inner_text() == "Approved. It goes out at its time."
    assert (site.row().state, site.row().approved_by) == (State.PLANNED, "Dr. Jane Roe")
    planned = page.locator(f"#d-{site.row().id}")
    planned.get_by_text("Edit the words").click()
    planned.get_by_role("textbox", name="Words for box").fill(
        "A simple blood test shows how the thyroid works."
    )
    planned.get_by_role("button", name="Keep these words").click()
    assert site.row().state is State.HELD
    assert site.row().payload.text.startswith("A simple blood test")
    slipped = page.locator(f"#d-{site.row('slip').id}")
    assert slipped.get_by_role("button", name="Approve for box").count() == 0
    slipped.get_by_text("Hold", exact=True).first.click()
    slipped.get_by_role("textbox", name="Why").fill("asked the lab first")
    slipped.get_by_role("button", name="Hold").click()
    assert site.row("slip").why == ("Dr. Jane Roe: asked the lab first",)
    page.get_by_role("button", name="Sign out").click()
    page.goto(url(site, "/review"))
    assert page.url == url(site, "/review/sign-in")
    context.close()


def test_the_keyboard_alone_approves(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1100, "height": 844})
    page = signed_in(site, context)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Approve for box":
            break
    outline = str(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.get_by_text("Approved. It goes out at its time.").wait_for()
    assert site.row().state is State.PLANNED
    context.close()


def test_a_page_of_another_site_can_press_nothing(site: Site, chromium: Browser) -> None:
    context = chromium.new_context()
    signed_in(site, context)
    one = site.row()
    stranger = context.new_page()
    form = f'<form method="post" action="{url(site, f"/review/{one.id}/hold")}"><input name="why" value="x"></form>'
    stranger.route("https://evil.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    stranger.goto("https://evil.example/")
    with stranger.expect_navigation() as gone:
        stranger.evaluate("document.forms[0].submit()")
    assert gone.value is not None
    assert gone.value.status in (303, 403)
    assert site.row() == one
    context.close()

"""The review page as a phone sees it: a real server, a real record, real requests."""

from __future__ import annotations

import gzip
import hashlib
import html
import http.client
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from clinic_broadcast import wire
from clinic_broadcast.core.delivery import Delivery, State, Unsure, after_outcome, claim, move
from clinic_broadcast.core.people import Role, added, invited
from clinic_broadcast.run import review
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.review import review_routes
from clinic_broadcast.web.server import open_port
from clinic_broadcast.wire import Office
from clinic_broadcast.wire.people import PeopleFile
from contract.ledgers import fresh_database
from e2e.homes import CLEAN, SETTINGS, SLIPPED, Clinic, make_clinic

PLAIN = SETTINGS.replace('public_url = "https://feeds.example"\n', "")
LETTER = ("Solveig", "Bergen", "Haukeland", "Ragnhild", "Benedita", "Porto")


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    text: str

    def tells(self, words: str) -> bool:
        return words in html.unescape(re.sub(r"<[^>]+>", "", self.text))


@dataclass
class Site:
    """A running review page, and the office and register behind it."""

    clinic: Clinic
    office: Office
    people: PeopleFile
    port: int

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Reply:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            line.request(method, path, body=body or None, headers={"Accept": "text/html", **named})
            answer = line.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read().decode())
        finally:
            line.close()

    def link(self, name: str, *, role: Role = Role.REVIEWER, token: str = "") -> str:
        now = self.office.desk.clock.now()
        token = token or f"link of {name}"
        if self.people.read().named(name) is None:
            self.people.change(lambda people: added(people, name, role=role, now=now))
        self.people.change(lambda people: invited(people, name, token, now=now))
        return token

    def enter(self, name: str = "Dr. Jane Roe", *, role: Role = Role.REVIEWER) -> Phone:
        form = urlencode({"link": self.link(name, role=role)})
        reply = self.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="same-origin")
        assert (reply.status, reply.headers["location"]) == (303, "/review")
        return Phone(self, reply.headers["set-cookie"].partition(";")[0])

    def rows(self, *states: State) -> list[Delivery]:
        return self.office.desk.ledger.deliveries(states=states or None)

    def row(self, title: str = "new") -> Delivery:
        (found,) = [one for one in self.rows() if title in one.answer_url]
        return found


@dataclass
class Phone:
    """A browser in which somebody is signed in; it has the forms of the page that it showed last."""

    site: Site
    cookie: str
    forms: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def open(self, path: str = "/review", method: str = "GET") -> Reply:
        reply = self.site.ask(method, path, Cookie=self.cookie)
        for action, inner in re.findall(
            r'<form method="post" action="([^"]+)">(.*?)</form>', reply.text, re.DOTALL
        ):
            fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', inner)
            self.forms[action] = {name: html.unescape(value) for name, value in fields}
        return reply

    def send(self, action: str, **values: str) -> Reply:
        """Fill in and send a form of the page; what is not filled in stays as the page has it."""
        form = {**self.forms.get(action, {}), **values}
        return self.site.ask(
            "POST", action, urlencode(form), Cookie=self.cookie, Sec_Fetch_Site="same-origin"
        )

    def press(self, one: Delivery, what: str, **values: str) -> Reply:
        return self.send(f"/review/{one.id}/{what}", **values)


def no_health() -> Health:
    raise NotImplementedError


def serve(clinic: Clinic) -> Iterator[Site]:
    office = wire.open_office(clinic.home, clinic.environ, actor="daemon")
    people = PeopleFile(clinic.home / "state")
    app = make_app(
        public=clinic.home / "public",
        health=no_health,
        routes=review_routes(office=lambda: office, people=people),
    )
    port = open_port(app, host="127.0.0.1", port=0)
    yield Site(clinic, office, people, port.port)
    assert port.stop()
    office.desk.ledger.close()


def filled(folder: Path, settings: str = PLAIN, environ: dict[str, str] | None = None) -> Clinic:
    clinic = replace(make_clinic(folder, settings=settings), environ=environ or {})
    clinic.run("init", "--yes")
    clinic.add("new", CLEAN)
    clinic.add("slip", SLIPPED)
    assert clinic.run("run", "--once").returncode == 0
    return clinic


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from serve(filled(tmp_path))


@pytest.fixture
def phone(site: Site) -> Phone:
    signed_in = site.enter()
    assert signed_in.open().status == 200
    return signed_in


def history(site: Site, one: Delivery) -> list[tuple[str, str]]:
    return [(line.kind, line.actor) for line in site.office.desk.ledger.history(one.id)]


def in_doubt(site: Site, one: Delivery) -> Delivery:
    """Bring a promo to where only a person knows what became of it."""
    desk = site.office.desk
    now = desk.clock.now()
    approved = replace(move(one, State.PLANNED), approved_by="Pat", released_at=now)
    claimed = claim(approved, now, desk.timing)
    lost = after_outcome(claimed, Unsure("the reply was lost"), now, desk.timing)
    doubtful = replace(lost, needs_person="the network shows nothing")
    for before, after in ((one, approved), (approved, claimed), (claimed, doubtful)):
        assert desk.ledger.move(before, after, kind="test", actor="test", at=now)
    return doubtful


def approve_at_once(phones: list[Phone], one: Delivery) -> list[Reply]:
    with ThreadPoolExecutor(len(phones)) as pool:
        return list(pool.map(lambda phone: phone.press(one, "approve"), phones))


# The door


@pytest.mark.parametrize("path", ["/review", "/review?done=approved", "/review/log"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_is_readable_without_signing_in(site: Site, path: str, method: str) -> None:
    browser = site.ask(method, path)
    assert (browser.status, browser.headers["location"]) == (303, "/review/sign-in")
    program = site.ask(method, path, Accept="application/json")
    assert program.status == 401
    forged = site.ask(method, path, Cookie="review=guessed")
    assert forged.status == 303
    for reply in (browser, program, forged):
        assert "Thyroid" not in reply.text
        assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("what", ["approve", "hold", "edit", "resolve"])
def test_nobody_decides_without_signing_in(site: Site, what: str) -> None:
    one = site.row()
    form = urlencode({"revision": one.payload.revision, "why": "x", "text": "x", "word": "not-sent"})
    reply = site.ask("POST", f"/review/{one.id}/{what}", form, Sec_Fetch_Site="same-origin")
    assert reply.status == 303
    assert (
        site.ask("POST", f"/review/{one.id}/{what}", form, Sec_Fetch_Site="same-origin", Accept="*/*").status
        == 401
    )
    assert site.row() == one


def test_looking_at_a_link_uses_nothing_up_and_pressing_the_button_does(site: Site) -> None:
    token = site.link("Dr. Jane Roe")
    for method in ("GET", "HEAD", "GET"):
        seen = site.ask(method, f"/review/sign-in?{urlencode({'link': token})}")
        assert seen.status == 200
        assert "set-cookie" not in seen.headers
    assert seen.tells("Hello, Dr. Jane Roe")
    form = urlencode({"link": token})
    assert site.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="cross-site").status == 403
    first = site.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="same-origin")
    assert first.status == 303
    again = site.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="same-origin")
    assert again.status == 403
    assert again.tells("This link does not work")
    assert "set-cookie" not in again.headers


def test_an_old_link_does_not_work(site: Site) -> None:
    token, past = site.link("Dr. Jane Roe"), site.office.desk.clock.now() - timedelta(hours=2)
    site.people.change(lambda people: invited(people, "Dr. Jane Roe", token, now=past))
    assert site.ask("GET", f"/review/sign-in?{urlencode({'link': token})}").status == 403
    form = urlencode({"link": token})
    assert site.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="same-origin").status == 403


def test_wrong_links_have_to_wait_and_the_right_one_still_opens(site: Site) -> None:
    token = site.link("Dr. Jane Roe")
    codes = [
        site.ask("POST", "/review/sign-in", "link=guess", Sec_Fetch_Site="same-origin").status
        for _ in range(12)
    ]
    assert codes == [403] * 10 + [429] * 2
    form = urlencode({"link": token})
    assert site.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="same-origin").status == 303


def test_the_cookie_is_secure_where_the_clinics_address_is(tmp_path: Path) -> None:
    for settings, is_secure in ((PLAIN, False), (SETTINGS, True)):
        folder = tmp_path / str(is_secure)
        clinic = make_clinic(folder, settings=settings)
        clinic.run("init", "--yes")
        for site in serve(clinic):
            form = urlencode({"link": site.link("Dr. Jane Roe")})
            reply = site.ask("POST", "/review/sign-in", form, Sec_Fetch_Site="same-origin")
            flags = set(reply.headers["set-cookie"].split("; ")[1:])
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= flags
            assert ("Secure" in flags) is is_secure
            cookie = reply.headers["set-cookie"].partition(";")[0]
            assert cookie.startswith("__Host-") is is_secure
            assert site.ask("GET", "/review", Cookie=cookie).status == 200


def test_signing_out_ends_the_session_here_and_being_removed_ends_it_everywhere(site: Site) -> None:
    phone, tablet = site.enter(), site.enter()
    phone.open()
    gone = phone.send("/review/sign-out")
    assert gone.status == 303
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert phone.open().status == 303
    assert tablet.open().status == 200
    assert site.clinic.run("people", "sign-out", "Dr. Jane Roe").returncode == 0
    assert tablet.open().status == 303
    other = site.enter()
    assert other.open().status == 200
    assert site.clinic.run("people", "remove", "Dr. Jane Roe").returncode == 0
    assert other.open().status == 303


def test_a_name_that_nobody_has_set_is_not_served(site: Site) -> None:
    for host in ("evil.example", "review.evil.example:80"):
        reply = site.ask("GET", "/review/sign-in", Host=host)
        assert reply.status == 421
        assert "clinic.toml" in reply.text
    assert site.ask("GET", "/review/sign-in", Host="localhost").status == 200


def test_no_other_site_may_frame_keep_or_script_these_pages(phone: Phone) -> None:
    for path in ("/review", "/review/log", "/review/sign-in"):
        headers = phone.open(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert "<script" not in phone.open().text
    assert " style=" not in phone.open().text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_form_of_another_site_changes_nothing(phone: Phone, headers: dict[str, str]) -> None:
    site, one = phone.site, phone.site.row()
    form = urlencode(phone.forms[f"/review/{one.id}/approve"])
    reply = site.ask("POST", f"/review/{one.id}/approve", form, Cookie=phone.cookie, **headers)
    assert reply.status == 403
    assert site.row() == one


@pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
def test_a_form_without_the_sessions_own_token_changes_nothing(phone: Phone, token: str) -> None:
    one = phone.site.row()
    assert phone.press(one, "approve", token=token).status == 403
    assert phone.press(one, "hold", token=token, why="x").status == 403
    assert phone.site.row() == one


def test_a_get_of_an_action_is_refused(phone: Phone) -> None:
    one = phone.site.row()
    assert phone.open(f"/review/{one.id}/approve").status == 405
    assert phone.open("/review/sign-out").status == 405
    assert phone.site.row() == one


def test_a_form_that_is_too_long_is_refused(phone: Phone) -> None:
    one = phone.site.row()
    assert phone.press(one, "edit", text="x" * 70_000).status == 413
    assert phone.site.row() == one


def test_who_only_looks_cannot_decide(site: Site) -> None:
    phone, one = site.enter("Sam", role=Role.READER), site.row()
    page = phone.open()
    assert page.tells("You may look; a reviewer decides.")
    assert f"/review/{one.id}/approve" not in phone.forms
    token = phone.forms["/review/sign-out"]["token"]
    reply = phone.press(one, "approve", token=token, revision=one.payload.revision)
    assert reply.status == 403
    assert site.row() == one


# What is shown


def test_the_page_shows_the_exact_words_their_count_time_and_origin_and_no_word_of_the_letter(
    phone: Phone,
) -> None:
    page, one = phone.open(), phone.site.row()
    words = html.unescape("".join(re.findall(r'<p class="words">(.*?)</p>', page.text, re.DOTALL)))
    assert one.payload.text in re.sub(r"<[^>]+>", "", words)
    assert page.tells(f"{len(one.payload.text)} of at most 10000")
    assert page.tells("(America/Los_Angeles)")
    assert "<mark>An underactive thyroid can raise the risk of an early loss.</mark>" in page.text
    assert [word for word in LETTER if word in page.text] == []


def test_a_blocked_promo_says_what_why_and_how_to_mend_and_can_never_be_approved(phone: Phone) -> None:
    site, one = phone.site, phone.site.row("slip")
    page = phone.open()
    assert page.tells("Cannot be approved")
    assert page.tells("This word is no known drug")
    assert page.tells("mend it on the blog")
    assert f"/review/{one.id}/approve" not in phone.forms
    token = phone.forms["/review/sign-out"]["token"]
    reply = phone.press(one, "approve", token=token, revision=one.payload.revision)
    assert reply.status == 409
    assert site.row("slip") == one


def test_words_from_outside_are_shown_as_words(phone: Phone) -> None:
    one = phone.site.row()
    phone.press(one, "hold", why='<script>alert("x")</script>')
    page = phone.open()
    assert "<script" not in page.text
    assert page.tells('<script>alert("x")</script>')
    assert "&lt;b&gt;" not in phone.open("/review?done=<b>").text


def test_a_full_page_is_small(tmp_path: Path) -> None:
    clinic = make_clinic(tmp_path, settings=PLAIN + "\n[intake]\nsurge_max = 99\n")
    clinic.run("init", "--yes")
    for number in range(40):
        clinic.add(f"slip{number}", SLIPPED.replace("Blood Thinners", f"Blood Thinners {number}"))
    assert clinic.run("run", "--once").returncode == 0
    for site in serve(clinic):
        phone = site.enter()
        first, second = phone.open(), phone.open("/review?page=2")
        assert first.tells("Waiting for you (40)")
        assert "?page=2" in first.text
        assert second.tells("Blood Thinners 3")
        assert len(gzip.compress(first.text.encode())) < 60_000
        assert phone.open("/review?page=x").status == phone.open("/review?page=999").status == 200


def test_the_log_shows_what_became_of_everything(phone: Phone) -> None:
    one = phone.site.row()
    phone.press(one, "approve")
    page = phone.open("/review/log")
    assert page.tells(one.payload.text)
    assert page.tells("approved by Dr. Jane Roe")


# Decisions


def test_an_approval_is_of_the_exact_words_and_carries_the_persons_name(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    reply = phone.press(one, "approve")
    assert (reply.status, reply.headers["location"]) == (303, "/review?done=approved")
    after = site.row()
    assert (after.state, after.approved_by, after.payload) == (State.PLANNED, "Dr. Jane Roe", one.payload)
    assert history(site, one)[-1] == ("approved", "Dr. Jane Roe")
    assert phone.open("/review?done=approved").tells("It goes out at its time")


def test_an_approval_of_words_that_have_changed_is_refused_and_shows_what_changed(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    text = one.payload.text.replace("underactive", "overactive")
    assert review.edit(site.office.desk, one.id, text=text, by="Pat").refused == ""
    reply = phone.press(one, "approve")
    assert reply.status == 409
    assert "<del>underactive</del><ins>overactive</ins>" in reply.text
    assert reply.tells("The words have changed since you looked at them.")
    assert site.row().state is State.HELD
    # The page of the refusal has the form for the words as they are now.
    phone.forms.clear()
    assert reply.text.count(f'value="{site.row().payload.revision}"') >= 1


def test_an_approval_after_the_answer_changed_is_refused(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    site.clinic.add("new", CLEAN.replace("simple blood test", "plain blood test"))
    site.clinic.run("run", "--once")
    reply = phone.press(one, "approve")
    assert reply.status == 409
    assert [each.approved_by for each in site.rows()] == ["", ""]


def test_what_the_form_says_it_showed_is_believed_only_with_its_revision(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    review.edit(site.office.desk, one.id, text="Other words " + one.payload.link, by="Pat")
    reply = phone.press(one, "approve", seen='{"card":null,"link":"","text":"Invented"}')
    assert reply.status == 409
    assert "Invented" not in reply.text


def test_of_two_people_who_approve_at_once_one_is_recorded(site: Site) -> None:
    phones = [site.enter(name) for name in ("Dr. Jane Roe", "Pat")]
    one = site.row()
    for each in phones:
        each.open()
    replies = approve_at_once(phones, one)
    assert sorted(reply.status for reply in replies) in ([303, 303], [303, 409])
    assert [kind for kind, _ in history(site, one)].count("approved") == 1
    assert site.row().approved_by in ("Dr. Jane Roe", "Pat")


def test_who_approves_while_another_edits_approves_only_what_they_saw(site: Site) -> None:
    phones = [site.enter(name) for name in ("Dr. Jane Roe", "Pat")]
    one = site.row()
    for each in phones:
        each.open()
    words = f"A simple blood test shows how the thyroid works. {one.payload.link}"
    with ThreadPoolExecutor(2) as pool:
        approved = pool.submit(phones[0].press, one, "approve")
        edited = pool.submit(phones[1].press, one, "edit", text=words)
        assert {approved.result().status, edited.result().status} <= {303, 409}
    after = site.row()
    if after.state is State.PLANNED:
        assert (after.payload, after.approved_by) == (one.payload, "Dr. Jane Roe")
    else:
        assert (after.state, after.approved_by, after.payload.text) == (State.HELD, "", words)
    assert site.clinic.run("verify").returncode == 0


def test_a_hold_needs_a_reason_and_stops_what_was_approved(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    phone.press(one, "approve")
    phone.open()
    assert phone.press(one, "hold", why="  ").status == 400
    assert phone.press(one, "hold", why="asked the lab first").status == 303
    after = site.row()
    assert (after.state, after.approved_by) == (State.HELD, "")
    assert after.why == ("Dr. Jane Roe: asked the lab first",)


def test_new_words_pass_the_gate_and_void_the_approval(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    phone.press(one, "approve")
    phone.open()
    text = f"A simple blood test shows how the thyroid works.\r\n\r\n{one.payload.link}"
    assert phone.press(one, "edit", text=text).status == 303
    after = site.row()
    assert (after.state, after.approved_by) == (State.HELD, "")
    assert after.payload.text == text.replace("\r\n", "\n")
    assert history(site, one)[-1] == ("edited", "Dr. Jane Roe")
    phone.open()
    assert phone.press(after, "approve").status == 303
    assert site.row().state is State.PLANNED


def test_a_patients_name_in_new_words_is_found_and_cannot_be_approved(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    phone.press(one, "edit", text=f"Solveig has a thyroid test. {one.payload.link}")
    page = phone.open()
    assert page.tells("Cannot be approved")
    assert f"/review/{one.id}/approve" not in {name for name in phone.forms if name in page.text}
    assert phone.press(site.row(), "approve", revision=site.row().payload.revision).status == 409
    assert site.row().state is State.HELD


def test_a_hold_for_privacy_is_overruled_only_with_a_reason_which_is_recorded(phone: Phone) -> None:
    one = phone.site.row()
    phone.open()
    phone.press(one, "edit", text="Two tests and a scan are usual before a transfer.")
    page = phone.open()
    assert f'id="yes-{one.id}" name="why"' in page.text
    reply = phone.press(one, "approve")
    assert reply.status == 409
    assert reply.tells("say why it may go out")
    assert phone.site.row().state is State.HELD
    assert phone.press(one, "approve", why=" It is said\nof women in general. ").status == 303
    assert phone.site.row().state is State.PLANNED
    (told,) = [each for each in phone.site.office.desk.ledger.history(one.id) if each.kind == "approved"]
    assert told.body["why"] == "It is said of women in general."


def test_what_nothing_holds_is_approved_without_a_reason(phone: Phone) -> None:
    one = phone.site.row()
    assert f'id="yes-{one.id}"' not in phone.open().text
    assert phone.press(one, "approve").status == 303


def test_controls_that_nobody_types_are_left_out(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    phone.press(one, "hold", why="a\x00sked\x1b[2J")
    assert site.row().why == ("Dr. Jane Roe: asked[2J",)
    phone.open()
    phone.press(
        one,
        "edit",
        text=f"A simple\x00 blood test.\ud800 {one.payload.link}".encode("utf-8", "replace").decode(),
    )
    assert "\x00" not in site.row().payload.text


def test_nobody_writes_over_words_that_they_have_not_seen(phone: Phone) -> None:
    site, one = phone.site, phone.site.row()
    review.edit(site.office.desk, one.id, text=f"Words of Pat. {one.payload.link}", by="Pat")
    reply = phone.press(one, "edit", text=f"Words of Roe. {one.payload.link}")
    assert reply.status == 409
    assert reply.tells("Words of Roe.")
    assert site.row().payload.text.startswith("Words of Pat.")


def test_who_wrote_the_words_does_not_approve_them_where_another_may(site: Site) -> None:
    roe, one = site.enter("Dr. Jane Roe"), site.row()
    roe.open()
    roe.press(one, "edit", text=f"A simple blood test shows how the thyroid works. {one.payload.link}")
    pat = site.enter("Pat")
    for each in (roe, pat):
        each.open()
    assert roe.press(one, "approve").status == 403
    assert site.row().state is State.HELD
    assert pat.press(one, "approve").status == 303
    assert site.row().approved_by == "Pat"


def test_a_person_settles_what_is_in_doubt(phone: Phone) -> None:
    site, one = phone.site, in_doubt(phone.site, phone.site.row())
    page = phone.open()
    assert page.tells("In doubt (1)")
    assert phone.press(one, "resolve", word="sent", url="javascript:x").status == 400
    assert phone.press(one, "resolve", word="").status == 400
    assert phone.press(one, "resolve", word="sent", url="https://box.example/1").status == 303
    after = site.row()
    assert (after.state, after.post_url) == (State.SENT, "https://box.example/1")
    assert history(site, one)[-1] == ("resolved", "Dr. Jane Roe")
    assert phone.press(one, "resolve", word="not-sent").status == 409


def test_what_is_not_there_is_due_again(phone: Phone) -> None:
    site, one = phone.site, in_doubt(phone.site, phone.site.row())
    phone.open()
    assert phone.press(one, "resolve", word="not-sent").status == 303
    assert site.row().state is State.PLANNED


def test_an_unknown_promo_or_command_changes_nothing(phone: Phone) -> None:
    token = phone.forms["/review/sign-out"]["token"]
    assert phone.send("/review/000000000000/hold", token=token, why="x").status == 404
    one = phone.site.row()
    for strange in ("______", one.id[:8], "%25%25%25%25%25%25", "%00", "..%2f..%2fetc", "%ff"):
        assert phone.send(f"/review/{strange}/hold", token=token, why="x").status == 404
        assert phone.open(f"/review/{strange}/card.png").status == 404
    assert phone.press(one, "publish", token=token).status == 400
    assert phone.press(one, "approve", token=token, revision="").status == 400
    assert phone.site.row() == one


def test_a_register_that_cannot_be_read_shuts_the_door_with_a_sentence(site: Site) -> None:
    site.people.path.write_text("{")
    site.people.path.chmod(0o600)
    reply = site.ask("GET", "/review", Cookie="review=x")
    assert reply.status == 503
    assert reply.tells("the daemon's log says why")
    assert str(site.clinic.home) not in reply.text


def test_of_two_daemons_on_postgresql_that_approve_at_once_one_is_recorded(tmp_path: Path) -> None:
    database = f'database_url = "{fresh_database()}"'
    clinic = filled(tmp_path, PLAIN.replace("[[sources]]", f"{database}\n\n[[sources]]", 1))
    for first in serve(clinic):
        for second in serve(clinic):
            phones = [first.enter("Dr. Jane Roe"), second.enter("Pat")]
            one = first.row()
            for phone in phones:
                phone.open()
            replies = approve_at_once(phones, one)
            assert sorted(reply.status for reply in replies) in ([303, 303], [303, 409])
            assert [kind for kind, _ in history(first, one)].count("approved") == 1
            assert first.row() == second.row()


def test_a_picture_is_shown_as_it_is_sent_and_to_nobody_else(tmp_path: Path) -> None:
    toot = '\n[channels.toot]\nkind = "mastodon"\napi_url = "http://127.0.0.1:9"\npicture = true\n'
    clinic = filled(tmp_path, PLAIN + toot, {"CLINIC_CHANNELS__TOOT__ACCESS_TOKEN": "invented"})
    for site in serve(clinic):
        (one,) = [each for each in site.rows() if each.channel == "toot" and "new" in each.answer_url]
        card = one.payload.card
        assert card is not None
        path = f"/review/{one.id}/card.png"
        assert site.ask("GET", path).status == 303
        phone = site.enter()
        page = phone.open()
        assert f'<img src="{path}" alt="{html.escape(card.alt)}"' in page.text
        line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        line.request("GET", path, headers={"Cookie": phone.cookie})
        reply = line.getresponse()
        assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
        assert hashlib.sha256(reply.read()).hexdigest() == card.picture
        line.close()
        (bare,) = [each for each in site.rows() if each.channel == "box" and "new" in each.answer_url]
        assert phone.open(f"/review/{bare.id}/card.png").status == 404


# The command line


def test_the_command_line_lets_people_in_and_out(tmp_path: Path) -> None:
    clinic = make_clinic(tmp_path, settings=SETTINGS)
    clinic.run("init", "--yes")
    tried = clinic.run("people", "add", "Dr. Jane Roe", "--dry-run")
    assert (tried.returncode, clinic.ask("people", "list")) == (0, {"people": []})
    made = clinic.run("people", "add", "Dr. Jane Roe")
    assert made.returncode == 0
    assert re.fullmatch(r"https://feeds\.example/review/sign-in\?link=[\w-]{43}\n", made.stdout)
    assert made.stdout.partition("=")[2].strip() not in made.stderr
    assert clinic.run("people", "add", "dr. jane roe").returncode == 2
    assert clinic.run("people", "add", "Pat", "--role", "owner").returncode == 2
    assert clinic.run("people", "link", "Pat").returncode == 2
    again = clinic.run("people", "link", "Dr. Jane Roe", "--hours", "24")
    assert again.stdout != made.stdout
    (row,) = clinic.ask("people", "list")["people"]
    assert (row["name"], row["role"], row["sessions"]) == ("Dr. Jane Roe", "reviewer", 0)
    assert clinic.run("verify").returncode == 0
    told = {one["name"]: one for one in clinic.ask("doctor")["checks"]}["review page"]
    assert (told["ok"], told["detail"]) == (True, "1 may sign in, at https://feeds.example")
    assert clinic.run("people", "remove", "Dr. Jane Roe").returncode == 0
    assert clinic.ask("people", "list") == {"people": []}

"""Who may sign in: links work once and for a while, sessions end, and the register is for its owner alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinic_broadcast.core.people import (
    SESSION_LASTS,
    SESSIONS_MAX,
    People,
    Role,
    added,
    digest_of,
    invited,
    link_of,
    person_of,
    removed,
    signed_in,
    signed_out,
    signed_out_everywhere,
)
from clinic_broadcast.errors import SettingsError, UsageError
from clinic_broadcast.web.door import (
    Knocks,
    cookie_name,
    cookie_of,
    form_token_of,
    is_form_token,
    is_from_here,
    is_our_host,
)
from clinic_broadcast.wire.people import PeopleFile

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def with_roe() -> People:
    return added(People(), "Dr. Jane Roe", role=Role.REVIEWER, now=NOW)[0]


def test_a_link_signs_in_once() -> None:
    people, _ = invited(with_roe(), "dr. jane roe", "link", now=NOW)
    inside, person = signed_in(people, "link", "session", now=NOW)
    assert person is not None
    assert person_of(inside, "session", NOW) == person
    again, nobody = signed_in(inside, "link", "other", now=NOW)
    assert (again, nobody) == (inside, None)


def test_a_link_is_too_old_after_its_time_and_a_new_one_ends_the_old() -> None:
    people, _ = invited(with_roe(), "Dr. Jane Roe", "first", now=NOW, lasts=HOUR)
    assert link_of(people, "first", NOW + HOUR) is None
    assert link_of(people, "first", NOW + HOUR - timedelta(seconds=1)) is not None
    newer, _ = invited(people, "Dr. Jane Roe", "second", now=NOW)
    assert link_of(newer, "first", NOW) is None
    assert link_of(newer, "second", NOW) is not None


def test_a_session_ends_by_time_by_signing_out_by_name_and_with_the_person() -> None:
    people, _ = invited(with_roe(), "Dr. Jane Roe", "link", now=NOW)
    inside, person = signed_in(people, "link", "session", now=NOW)
    assert person is not None
    assert person_of(inside, "session", NOW + SESSION_LASTS) is None
    assert person_of(inside, "sessio", NOW) is None
    for ended in (
        signed_out(inside, "session"),
        signed_out_everywhere(inside, "Dr. Jane Roe"),
        removed(inside, "Dr. Jane Roe"),
    ):
        assert person_of(ended, "session", NOW) is None
    assert removed(inside, "Dr. Jane Roe") == People()


def test_only_so_many_sessions_stand_and_the_oldest_goes() -> None:
    people = with_roe()
    for number in range(SESSIONS_MAX + 2):
        people, _ = invited(people, "Dr. Jane Roe", f"link {number}", now=NOW)
        people, _ = signed_in(people, f"link {number}", f"session {number}", now=NOW)
    assert len(people.sessions) == SESSIONS_MAX
    assert person_of(people, "session 1", NOW) is None
    assert person_of(people, "session 2", NOW) is not None


@pytest.mark.parametrize("name", ["", "   ", "a" * 61, "Dr.\x07Roe", "\u202eRoe", "--"])
def test_what_nobody_is_called_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a name has"):
        added(People(), name, role=Role.REVIEWER, now=NOW)


def test_two_people_never_share_a_name_and_nobody_unknown_gets_a_link() -> None:
    with pytest.raises(UsageError, match="there already"):
        added(with_roe(), "dr. jane  roe", role=Role.READER, now=NOW)
    with pytest.raises(UsageError, match=r"known: Dr\. Jane Roe"):
        invited(with_roe(), "Pat", "link", now=NOW)


def test_the_register_holds_digests_only_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = PeopleFile(tmp_path / "state")
    file.change(lambda people: added(people, "Dr. Jane Roe", role=Role.REVIEWER, now=NOW))
    file.change(lambda people: invited(people, "Dr. Jane Roe", "a secret link", now=NOW))
    file.change(lambda people: signed_in(people, "a secret link", "a secret session", now=NOW))
    text = file.path.read_text(encoding="utf-8")
    assert "secret" not in text
    assert digest_of("a secret session") in text
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert person_of(file.read(), "a secret session", NOW) is not None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"persons": [{"name": 3}]}', '{"persons": 1}'])
def test_a_damaged_register_lets_nobody_in_and_says_what_to_do(tmp_path: Path, damage: str) -> None:
    file = PeopleFile(tmp_path)
    file.path.write_text(damage)
    file.path.chmod(0o600)
    with pytest.raises(SettingsError, match="people add NAME"):
        file.read()


def test_a_register_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = PeopleFile(tmp_path)
    file.change(lambda people: added(people, "Dr. Jane Roe", role=Role.REVIEWER, now=NOW))
    file.path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        file.read()


def test_of_many_who_use_one_link_at_once_one_gets_in(tmp_path: Path) -> None:
    file = PeopleFile(tmp_path)
    file.change(lambda people: added(people, "Dr. Jane Roe", role=Role.REVIEWER, now=NOW))
    file.change(lambda people: invited(people, "Dr. Jane Roe", "link", now=NOW))
    inside: list[object] = []

    def enter(number: int) -> None:
        inside.append(file.change(lambda people: signed_in(people, "link", f"session {number}", now=NOW)))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(one is not None for one in inside) == 1
    assert len(file.read().sessions) == 1


def test_a_change_that_fails_leaves_the_register_as_it_was(tmp_path: Path) -> None:
    file = PeopleFile(tmp_path)
    file.change(lambda people: added(people, "Dr. Jane Roe", role=Role.REVIEWER, now=NOW))
    before = file.path.read_bytes()
    with pytest.raises(UsageError):
        file.change(lambda people: added(people, "Dr. Jane Roe", role=Role.REVIEWER, now=NOW))
    assert file.path.read_bytes() == before


ADDING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from clinic_broadcast.core.people import Role, added
from clinic_broadcast.wire.people import PeopleFile

file = PeopleFile(Path(sys.argv[1]))
for number in range(100_000):
    now = datetime(2026, 3, 2, tzinfo=UTC)
    file.change(lambda people: added(people, f"Person {number}", role=Role.READER, now=now))
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_loses_no_change_that_was_told_and_leaves_no_lock(tmp_path: Path) -> None:
    for kills in range(4):
        state = tmp_path / str(kills)
        child = subprocess.Popen(
            [sys.executable, "-c", ADDING, str(state)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(3 + kills):
            child.stdout.readline()
        child.kill()
        told = 3 + kills + len(child.communicate()[0].splitlines())
        file = PeopleFile(state)
        assert told <= len(file.read().persons) <= told + 1
        file.change(lambda people: added(people, "Dr. Jane Roe", role=Role.REVIEWER, now=NOW))
        assert file.read().named("Dr. Jane Roe") is not None


HOST = {"host": "review.example"}


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "https://review.example"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://review.example"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://review.example"}, True),
        ({"origin": "http://review.example"}, True),
        ({"origin": "https://public.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://review.example.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({}, False),
    ],
)
def test_a_form_of_another_site_is_told_from_ours(headers: dict[str, str], is_ours: bool) -> None:
    assert is_from_here({**HOST, **headers}, "https://public.example") is is_ours


def test_without_a_configured_address_an_empty_origin_is_still_refused() -> None:
    assert not is_from_here({"origin": ""}, "")


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("192.168.1.20", True),
        ("localhost:8080", True),
        ("Review.Example", True),
        ("review.example.:443", True),
        ("evil.example", False),
        ("review.example.evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_a_name_that_a_stranger_made_lead_here_is_refused(host: str, is_ours: bool) -> None:
    assert is_our_host(host, "review.example", "") is is_ours


def test_the_cookie_is_for_this_host_alone_and_for_no_script() -> None:
    assert cookie_name(is_secure=True).startswith("__Host-")
    kept = cookie_of("token", is_secure=True).split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= set(kept)
    assert "Secure" not in cookie_of("token", is_secure=False)
    assert "Max-Age=0" in cookie_of("", is_secure=True)


def test_a_forms_token_belongs_to_one_session() -> None:
    assert is_form_token(form_token_of("session"), "session")
    assert not is_form_token(form_token_of("other"), "session")
    assert not is_form_token("ü", "session")
    assert "session" not in form_token_of("session")


def test_a_stranger_who_knocks_too_often_has_to_wait_and_others_need_not() -> None:
    knocks = Knocks()
    assert [knocks.is_too_many("a") for _ in range(12)] == [False] * 10 + [True] * 2
    assert not knocks.is_too_many("b")

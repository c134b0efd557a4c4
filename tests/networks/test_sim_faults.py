"""Every way a call can go wrong: what the caller sees, and what stands in public afterwards."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import requests
import tweepy

from clinic_broadcast.demo.networks import Networks, NetworksError
from clinic_broadcast.demo.networks.bluesky import tid_of
from clinic_broadcast.demo.networks.faults import Mode
from networks.sim_clients import FACEBOOK_PAGE, call, facebook, log_in, mastodon, x_client, xrpc

# What each test below is about, so that a new mode without a test is found.
PROVED = {
    *(
        "drop_before",
        "drop_after",
        "late",
        "hang",
        "cut",
        "lie500",
        "500",
        "502",
        "503",
        "504",
        "429",
        "429_bare",
    ),
    *("usage_capped", "wrong_json", "redirect307", "duplicate403", "token_dead"),
    *("kill_before", "kill_after", "kill_answered"),
}
GRAPH_FEED = f"/{FACEBOOK_PAGE}/feed"


def _x(networks: Networks, timeout_s: float) -> requests.Response:
    client = x_client(networks, timeout_s=timeout_s)
    try:
        client.create_tweet(text="the one")
    except tweepy.HTTPException as error:
        refused: requests.Response = error.response
        return refused
    return requests.Response()


def _facebook(networks: Networks, timeout_s: float) -> requests.Response:
    return facebook(networks, "POST", GRAPH_FEED, json={"message": "the one"}, timeout=timeout_s)


def _mastodon(networks: Networks, timeout_s: float) -> requests.Response:
    return mastodon(networks, "POST", "/api/v1/statuses", json={"status": "the one"}, timeout=timeout_s)


def _bluesky(networks: Networks, timeout_s: float) -> requests.Response:
    session = log_in(networks)
    record = {"text": "the one", "createdAt": "2026-11-24T10:00:00Z"}
    body = {
        "repo": session["did"],
        "collection": "app.bsky.feed.post",
        "rkey": tid_of(5 << 10),
        "record": record,
    }
    return xrpc(networks, "repo.putRecord", token=session["accessJwt"], json=body, timeout=timeout_s)


PUBLISH: dict[str, Callable[[Networks, float], requests.Response]] = {
    "x": _x,
    "facebook": _facebook,
    "mastodon": _mastodon,
    "bluesky": _bluesky,
}
PATHS = {"x": "/2/tweets", "facebook": "/feed", "mastodon": "/statuses", "bluesky": "putRecord"}
each_network = pytest.mark.parametrize("name", sorted(PUBLISH))


def _spoil(
    networks: Networks, name: str, mode: str, *, timeout_s: float = 5.0, **more: Any
) -> requests.Response:
    networks.fault(name, mode, path=PATHS[name], **more)
    return PUBLISH[name](networks, timeout_s)


def _is_logged(networks: Networks, name: str, mode: str, status: int | None) -> bool:
    return any(it["fault"] == mode and it["status"] == status for it in networks.calls(name))


def test_every_mode_is_proved_here() -> None:
    assert set(get_args(Mode)) == PROVED


@each_network
@pytest.mark.parametrize(("mode", "stands"), [("drop_before", 0), ("drop_after", 1)])
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_dropped_call_is_applied_or_not_but_never_answered(
    networks: Networks, name: str, mode: str, stands: int, reset: bool
) -> None:
    with pytest.raises(requests.ConnectionError):
        _spoil(networks, name, mode, reset=reset)
    assert len(networks.wall(name)) == stands
    assert _is_logged(networks, name, mode, None)


@each_network
def test_a_late_one_appears_after_the_client_gave_up(networks: Networks, name: str) -> None:
    with pytest.raises(requests.Timeout):
        _spoil(networks, name, "late", seconds=0.5, timeout_s=0.1)
    assert networks.wall(name) == []
    deadline = time.monotonic() + 10
    while not networks.wall(name) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(networks.wall(name)) == 1


@each_network
def test_a_hanging_one_stands_but_is_never_answered(networks: Networks, name: str) -> None:
    with pytest.raises(requests.Timeout):
        _spoil(networks, name, "hang", seconds=1.0, timeout_s=0.2)
    assert len(networks.wall(name)) == 1


def test_a_hang_has_an_end(networks: Networks) -> None:
    with pytest.raises(requests.ConnectionError):
        _spoil(networks, "facebook", "hang", seconds=0.05)


@each_network
def test_a_cut_reply_is_unreadable_though_the_thing_stands(networks: Networks, name: str) -> None:
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        _spoil(networks, name, "cut")
    assert len(networks.wall(name)) == 1


@each_network
def test_a_lie_of_500_stands_all_the_same(networks: Networks, name: str) -> None:
    assert _spoil(networks, name, "lie500").status_code == 500
    assert len(networks.wall(name)) == 1


@each_network
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_honest_server_error_changes_nothing(networks: Networks, name: str, status: int) -> None:
    assert _spoil(networks, name, str(status)).status_code == status
    assert networks.wall(name) == []


RESET_HEADERS = {
    "x": "x-rate-limit-reset",
    "facebook": "X-Business-Use-Case-Usage",
    "mastodon": "X-RateLimit-Reset",
    "bluesky": "Retry-After",
}


@each_network
def test_too_fast_is_said_with_the_network_s_own_header_or_with_none(networks: Networks, name: str) -> None:
    told = _spoil(networks, name, "429", seconds=90)
    bare = _spoil(networks, name, "429_bare")
    # The Graph API has codes where others have a 429.
    assert {told.status_code, bare.status_code} == {403 if name == "facebook" else 429}
    assert RESET_HEADERS[name] in told.headers
    assert not any(key.lower().startswith(("x-rate", "ratelimit", "retry", "x-bus")) for key in bare.headers)
    assert networks.wall(name) == []


@each_network
def test_success_with_a_page_instead_of_json_stands(networks: Networks, name: str) -> None:
    networks.fault(name, "wrong_json", path=PATHS[name])
    if name == "x":
        with pytest.raises(requests.JSONDecodeError):
            _x(networks, 5.0)
    else:
        reply = PUBLISH[name](networks, 5.0)
        assert (reply.status_code, reply.text.startswith("<!doctype html>")) == (200, True)
    assert len(networks.wall(name)) == 1


@each_network
def test_a_redirect_invites_a_second_send_and_changes_nothing(networks: Networks, name: str) -> None:
    networks.fault(name, "redirect307", path=PATHS[name])
    if name == "x":
        with pytest.raises(requests.TooManyRedirects):
            _x(networks, 5.0)
    else:
        reply = PUBLISH[name](networks, 5.0)
        assert reply.status_code == 307
        assert reply.headers["Location"].startswith(networks.url_for(name))
    assert networks.wall(name) == []


def test_a_client_that_follows_redirects_sends_again(networks: Networks) -> None:
    networks.fault("facebook", "redirect307", path="/feed")
    reply = requests.post(
        networks.url_for("facebook") + GRAPH_FEED,
        data={"message": "followed", "access_token": "demo-page-token"},
        timeout=5,
    )
    assert ([it.status_code for it in reply.history], reply.status_code) == ([307], 200)
    assert len(networks.calls("facebook")) == 2


def test_x_says_duplicate_without_reason_when_told_to(networks: Networks) -> None:
    refused = _spoil(networks, "x", "duplicate403")
    assert (refused.status_code, refused.json()["type"]) == (403, "about:blank")
    assert networks.wall("x") == []


def test_x_says_capped_when_told_to(networks: Networks) -> None:
    assert _spoil(networks, "x", "usage_capped").json()["type"].endswith("/usage-capped")


@each_network
def test_a_dead_token_is_refused_in_the_network_s_own_words(networks: Networks, name: str) -> None:
    refused = _spoil(networks, name, "token_dead")
    assert refused.status_code == (400 if name == "bluesky" else 401)
    if name == "facebook":
        assert refused.json()["error"]["code"] == 190
    assert networks.wall(name) == []


# The caller dies -----------------------------------------------------------------------------------------

# Reads one line after the answer, so that a caller that outlives its answer is seen.
CALLER = """
import http.client, os, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
if sys.argv[2]:
    open(sys.argv[2], "w").write(str(os.getpid()))
line = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
headers = {"Authorization": "Bearer demo-page-token", "Content-Type": "application/json"}
if not sys.argv[2]:
    headers["X-Test-Pid"] = str(os.getpid())
try:
    line.request("POST", url.path, '{"message": "from a caller"}', headers)
    line.getresponse().read()
    print("answered", flush=True)
    sys.stdin.read()
except Exception as error:
    print(type(error).__name__, flush=True)
"""


def _caller(networks: Networks, pid_file: str = "") -> tuple[int, str]:
    url = networks.url_for("facebook") + GRAPH_FEED
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, url, pid_file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        code = child.wait(20)
        assert child.stdout is not None
        return code, child.stdout.read()


@pytest.mark.parametrize(("mode", "stands"), [("kill_before", 0), ("kill_after", 1), ("kill_answered", 1)])
@pytest.mark.parametrize("way", ["header", "file"])
def test_the_network_kills_its_caller(
    networks: Networks, tmp_path: Path, mode: str, stands: int, way: str
) -> None:
    pid_file = str(tmp_path / "pid") if way == "file" else ""
    networks.fault("facebook", mode, path="/feed", **({"pid_file": pid_file} if pid_file else {}))
    code, said = _caller(networks, pid_file)
    assert code == -9
    # Dead before anything reached it: it may not even have seen the connection end.
    assert said in (("", "answered\n") if mode == "kill_answered" else ("",))
    assert len(networks.wall("facebook")) == stands


def test_a_caller_is_killed_by_the_pid_of_the_plan(networks: Networks) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        networks.fault("facebook", "kill_after", path="/feed", pid=victim.pid)
        with pytest.raises(requests.ConnectionError):
            _facebook(networks, 5.0)
        assert victim.wait(10) == -9


def test_a_kill_without_a_known_caller_kills_nobody(networks: Networks) -> None:
    with pytest.raises(requests.ConnectionError):
        _spoil(networks, "facebook", "kill_before", pid=1)
    assert networks.calls("facebook")[-1]["fault"] == "kill_before"


# Which calls a plan hits ---------------------------------------------------------------------------------


def _statuses(networks: Networks, turns: int) -> list[int]:
    return [facebook(networks, "GET", "/me").status_code for _ in range(turns)]


@pytest.mark.parametrize(
    ("plan", "seen"),
    [
        ({}, [503, 200, 200, 200, 200]),
        ({"nth": 3}, [200, 200, 503, 200, 200]),
        ({"count": 2}, [503, 503, 200, 200, 200]),
        ({"nth": 2, "count": 3}, [200, 503, 503, 503, 200]),
        ({"nth": "always"}, [503] * 5),
    ],
    ids=["first", "nth", "count", "nth and count", "always"],
)
def test_a_plan_says_which_calls_it_hits(networks: Networks, plan: dict[str, Any], seen: list[int]) -> None:
    networks.fault("facebook", "503", method="GET", path=r"/v\d+\.\d/me", **plan)
    assert _statuses(networks, 5) == seen
    assert networks.faults()[0]["fired"] == seen.count(503)


def test_a_plan_leaves_other_networks_methods_and_paths_alone(networks: Networks) -> None:
    networks.fault("facebook", "503", method="POST", path="/feed", nth="always")
    networks.fault("mastodon", "503", method="", nth="always")
    assert _statuses(networks, 1) == [200]
    assert _facebook(networks, 5.0).status_code == 503
    assert mastodon(networks, "GET", "/api/v1/instance").status_code == 503
    networks.clear_faults()
    assert _facebook(networks, 5.0).status_code == 200


def test_one_call_is_spoiled_by_one_plan_and_the_next_plan_waits_its_turn(networks: Networks) -> None:
    networks.fault("facebook", "500", method="GET")
    networks.fault("facebook", "503", method="GET", nth=2)
    assert _statuses(networks, 3) == [500, 503, 200]


@pytest.mark.parametrize(
    "plan",
    [
        {"mode": "explode"},
        {"mode": "500", "network": "orkut"},
        {"mode": "500", "nth": "x"},
        {"mode": "500", "why": 1},
    ],
    ids=["mode", "network", "number", "key"],
)
def test_a_wrong_plan_is_refused_with_a_sentence(networks: Networks, plan: dict[str, Any]) -> None:
    refused = requests.post(f"{networks.url}/control/faults", json=[plan], timeout=5)
    assert (refused.status_code, refused.json()["error"].startswith("wrong fault plan")) == (400, True)
    assert networks.faults() == []
    with pytest.raises(NetworksError):
        networks.fault("facebook", "explode")


def test_the_log_holds_no_query_and_no_token(networks: Networks) -> None:
    call(networks, "facebook", "GET", "/me?access_token=demo-page-token")
    _x(networks, 5.0)
    logged = networks.calls()
    assert [(it["network"], it["method"], it["path"], it["status"]) for it in logged] == [
        ("facebook", "GET", "/me", 200),
        ("x", "POST", "/2/tweets", 201),
    ]
    assert "token" not in str(logged)


def test_what_was_late_before_a_reset_does_not_appear_after_it(networks: Networks) -> None:
    networks.fault("facebook", "late", path="/feed", seconds=0.3)
    with pytest.raises(requests.Timeout):
        _facebook(networks, 0.05)
    networks.reset()
    # A later call that is slower than the abandoned one shows that its moment has passed.
    networks.fault("facebook", "late", path="/feed", seconds=0.4)
    assert _facebook(networks, 5.0).status_code == 200
    assert len(networks.wall()) == 1

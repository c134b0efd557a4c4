"""The simulated Mastodon server, with the ways in which servers of its API differ."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import requests

from clinic_broadcast.demo.networks import Networks
from networks.sim_clients import call, mastodon

STATUSES = "/api/v1/statuses"
LINK = "https://answers.example.org/2026/03/knees.html"


def _publish(networks: Networks, text: str, key: str = "", **more: Any) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return mastodon(networks, "POST", STATUSES, json={"status": text, **more}, headers=headers)


def _own(networks: Networks, **asked: Any) -> requests.Response:
    me = mastodon(networks, "GET", "/api/v1/accounts/verify_credentials").json()["id"]
    return mastodon(networks, "GET", f"/api/v1/accounts/{me}/statuses", params=asked)


def test_a_status_stands_on_the_wall_and_reads_back_as_html_and_as_source(networks: Networks) -> None:
    made = _publish(networks, f"A & B\n\nsee {LINK}").json()
    (shown,) = networks.wall("mastodon")
    (found,) = _own(networks).json()
    assert (shown["text"], shown["link"], shown["id"]) == (f"A & B\n\nsee {LINK}", LINK, made["id"])
    assert found["content"].startswith("<p>A &amp; B</p><p>see <a href=")
    assert "text" not in found
    assert mastodon(networks, "GET", f"{STATUSES}/{made['id']}/source").json()["text"] == shown["text"]


def test_the_same_key_gives_the_same_status_for_an_hour(networks: Networks) -> None:
    ids = [_publish(networks, "keyed", "k1").json()["id"] for _ in range(3)]
    assert len(set(ids)) == 1
    assert [it["key"] for it in networks.wall("mastodon")] == ["k1"]
    networks.set("all", clock_offset_s=3_601)
    assert _publish(networks, "keyed", "k1").json()["id"] != ids[0]


def test_a_server_that_ignores_the_key_doubles(networks: Networks) -> None:
    networks.set("mastodon", idempotency="ignored")
    assert len({_publish(networks, "keyed", "k1").json()["id"] for _ in range(3)}) == 3


def test_a_second_call_while_the_first_still_creates_doubles_in_spite_of_the_key(networks: Networks) -> None:
    networks.fault("mastodon", "late", path=STATUSES, seconds=0.4)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_publish, networks, "raced", "k1")
        while not networks.calls("mastodon"):
            pass
        second = _publish(networks, "raced", "k1").json()["id"]
        assert first.result().json()["id"] != second
    assert len(networks.wall("mastodon")) == 2


def test_a_url_counts_23_and_a_remote_mention_only_its_name(networks: Networks) -> None:
    assert _publish(networks, "a" * 476 + " " + LINK + "?" + "q" * 300).status_code == 200
    assert _publish(networks, "a" * 477 + " " + LINK).status_code == 422
    assert _publish(networks, "a" * 494 + " @user@social.example.org").status_code == 200
    assert _publish(networks, "👨‍👩‍👧‍👦" * 500).status_code == 200
    assert _publish(networks, "👨‍👩‍👧‍👦" * 501).json()["error"].endswith("limit of 500 exceeded")
    assert _publish(networks, "  ").status_code == 422


def test_the_limits_are_told_by_both_versions_of_instance_without_a_token(networks: Networks) -> None:
    for version in ("v1", "v2"):
        found = mastodon(networks, "GET", f"/api/{version}/instance", token="").json()
        assert found["configuration"]["statuses"]["max_characters"] == 500
        assert found["configuration"]["statuses"]["characters_reserved_per_url"] == 23
    networks.set("mastodon", instance_v2=False)
    assert mastodon(networks, "GET", "/api/v2/instance", token="").status_code == 404


def test_an_edit_and_a_deletion_are_seen_everywhere(networks: Networks) -> None:
    status_id = _publish(networks, "before").json()["id"]
    edited = mastodon(networks, "PUT", f"{STATUSES}/{status_id}", json={"status": "after"}).json()
    assert edited["edited_at"] is not None
    assert [it["text"] for it in networks.wall("mastodon")] == ["after"]
    assert mastodon(networks, "DELETE", f"{STATUSES}/{status_id}").json()["text"] == "after"
    assert mastodon(networks, "GET", f"{STATUSES}/{status_id}").status_code == 404
    assert mastodon(networks, "DELETE", f"{STATUSES}/{status_id}").json() == {"error": "Record not found"}
    assert networks.wall("mastodon") == []


def test_a_404_to_a_deletion_proves_nothing_on_some_servers(networks: Networks) -> None:
    networks.set("mastodon", delete_works=False)
    status_id = _publish(networks, "it stays").json()["id"]
    assert mastodon(networks, "DELETE", f"{STATUSES}/{status_id}").status_code == 404
    assert mastodon(networks, "GET", f"{STATUSES}/{status_id}").status_code == 200


def test_link_headers_lead_through_all_pages(networks: Networks) -> None:
    ids = [_publish(networks, f"number {n}").json()["id"] for n in range(5)]
    seen: list[str] = []
    reply = _own(networks, limit=2)
    while reply.json():
        seen += [it["id"] for it in reply.json()]
        path = reply.links["next"]["url"].removeprefix(networks.url_for("mastodon"))
        reply = mastodon(networks, "GET", path)
    assert seen == ids[::-1]
    assert [it["id"] for it in _own(networks, since_id=ids[1], limit=2).json()] == [ids[4], ids[3]]
    assert [it["id"] for it in _own(networks, min_id=ids[1], limit=2).json()] == [ids[3], ids[2]]


def test_a_server_without_paging_lists_everything_whatever_is_asked(networks: Networks) -> None:
    networks.set("mastodon", paging=False)
    ids = [_publish(networks, f"number {n}").json()["id"] for n in range(3)]
    reply = _own(networks, limit=1, max_id=ids[0])
    assert [it["id"] for it in reply.json()] == ids[::-1]
    assert "Link" not in reply.headers


def test_limits_are_counted_and_the_reset_is_an_iso_date(networks: Networks) -> None:
    networks.set("mastodon", limit_calls=1)
    first, second = _publish(networks, "one"), _publish(networks, "two")
    assert (first.headers["X-RateLimit-Remaining"], second.status_code) == ("0", 429)
    assert datetime.fromisoformat(second.headers["X-RateLimit-Reset"]).tzinfo is not None
    assert len(networks.wall("mastodon")) == 1


@pytest.mark.parametrize(
    ("changes", "token", "status"),
    [({}, "wrong", 401), ({"token_dead": True}, None, 401), ({"rights": False}, None, 403)],
    ids=["wrong", "dead", "scope"],
)
def test_tokens_and_scopes_are_checked(
    networks: Networks, changes: dict[str, Any], token: str | None, status: int
) -> None:
    networks.set("mastodon", **changes)
    options = {} if token is None else {"token": token}
    assert mastodon(networks, "POST", STATUSES, json={"status": "no"}, **options).status_code == status
    assert networks.wall("mastodon") == []


def test_what_is_not_public_is_not_on_the_wall(networks: Networks) -> None:
    _publish(networks, "for followers", visibility="private")
    assert networks.wall("mastodon") == []
    assert call(networks, "mastodon", "GET", "/api/v1/nothing").status_code == 401

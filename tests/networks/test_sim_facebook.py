"""The simulated Facebook Page."""

import hashlib
import hmac
from typing import Any

import pytest

from clinic_broadcast.demo.networks import CREDENTIALS, Networks
from networks.sim_clients import FACEBOOK_PAGE, call, facebook

LINK = "https://answers.example.org/2026/03/knees.html"
TOKEN = CREDENTIALS["facebook"]["page_token"]


def _publish(networks: Networks, message: str, **more: Any) -> Any:
    return facebook(networks, "POST", f"/{FACEBOOK_PAGE}/feed", json={"message": message, **more})


def test_a_message_with_a_link_stands_on_the_wall_and_reads_back(networks: Networks) -> None:
    published = _publish(networks, "Knees & hips: ünïcode", link=LINK).json()
    (shown,) = networks.wall("facebook")
    fields = (
        "id,message,created_time,permalink_url,application,is_published,attachments{unshimmed_url,url,target}"
    )
    (found,) = facebook(
        networks, "GET", f"/{FACEBOOK_PAGE}/published_posts", params={"fields": fields}
    ).json()["data"]
    assert (shown["text"], shown["link"]) == ("Knees & hips: ünïcode", LINK)
    assert (found["id"], found["message"], found["is_published"]) == (published["id"], shown["text"], True)
    attachment = found["attachments"]["data"][0]
    assert attachment["unshimmed_url"] == LINK
    assert attachment["url"].startswith("https://l.facebook.com/l.php?u=https%3A%2F%2F")
    assert found["application"]["name"] == "Demo Broadcast"
    assert found["created_time"].endswith("+0000")


@pytest.mark.parametrize(
    "sent",
    [
        {"token": "", "data": {"message": "form", "access_token": TOKEN}},
        {"token": "", "params": {"access_token": TOKEN, "message": "query"}},
        {"token": TOKEN, "json": {"message": "json"}},
    ],
    ids=["form", "query", "header"],
)
def test_the_token_is_taken_from_header_body_or_query(networks: Networks, sent: dict[str, Any]) -> None:
    assert call(networks, "facebook", "POST", f"/{FACEBOOK_PAGE}/feed", **sent).status_code == 200
    assert len(networks.wall("facebook")) == 1
    assert TOKEN not in str(networks.calls())


@pytest.mark.parametrize(("token", "code"), [("", 104), ("wrong", 190)])
def test_a_missing_or_wrong_token_gets_the_envelope_with_its_code(
    networks: Networks, token: str, code: int
) -> None:
    error = facebook(networks, "GET", "/me", token=token).json()["error"]
    assert (error["code"], error["type"], error["is_transient"]) == (code, "OAuthException", False)
    assert set(error) >= {"message", "type", "code", "is_transient", "fbtrace_id"}


def test_a_dead_token_and_missing_rights_are_told_apart(networks: Networks) -> None:
    networks.set("facebook", rights=False)
    assert _publish(networks, "no right").json()["error"]["code"] == 200
    networks.set("facebook", token_dead=True)
    assert _publish(networks, "dead").json()["error"]["code"] == 190
    assert networks.wall("facebook") == []


def test_the_same_text_twice_in_a_row_is_506_until_the_first_is_deleted(networks: Networks) -> None:
    first = _publish(networks, "the same", link=LINK).json()["id"]
    error = _publish(networks, "the same", link=LINK).json()["error"]
    assert (error["code"], error["message"]) == (506, "(#506) Duplicate status message")
    assert facebook(networks, "DELETE", f"/{first}").json() == {"success": True}
    assert "id" in _publish(networks, "the same", link=LINK).json()
    assert "id" in _publish(networks, "another").json()
    assert "id" in _publish(networks, "the same", link=LINK).json()


def test_a_page_that_takes_doubles_shows_them(networks: Networks) -> None:
    networks.set("facebook", duplicates="taken")
    assert _publish(networks, "the same").json()["id"] != _publish(networks, "the same").json()["id"]
    assert len(networks.wall("facebook")) == 2


def test_a_proof_is_checked_once_there_is_an_app_secret(networks: Networks) -> None:
    networks.set("facebook", app_secret="demo-secret", require_proof=True)
    proof = hmac.new(b"demo-secret", TOKEN.encode(), hashlib.sha256).hexdigest()
    assert _publish(networks, "no proof").json()["error"]["code"] == 100
    assert _publish(networks, "wrong proof", appsecret_proof="0" * 64).json()["error"]["code"] == 100
    assert "id" in _publish(networks, "proved", appsecret_proof=proof).json()


def test_a_message_can_be_edited_but_its_link_cannot(networks: Networks) -> None:
    post_id = _publish(networks, "before", link=LINK).json()["id"]
    changed = {"message": "after", "link": "https://other.example.org"}
    assert facebook(networks, "POST", f"/{post_id}", data=changed).json() == {"success": True}
    (shown,) = networks.wall("facebook")
    assert (shown["text"], shown["link"]) == ("after", LINK)


def test_what_is_deleted_is_gone_for_every_call(networks: Networks) -> None:
    post_id = _publish(networks, "soon gone").json()["id"]
    facebook(networks, "DELETE", f"/{post_id}")
    for method in ("GET", "DELETE", "POST"):
        error = facebook(networks, method, f"/{post_id}").json()["error"]
        assert (error["code"], error["error_subcode"]) == (100, 33)
    assert facebook(networks, "GET", f"/{FACEBOOK_PAGE}/feed").json() == {"data": []}
    assert [it["deleted"] for it in networks.wall("facebook", with_deleted=True)] == [True]


def test_cursors_lead_through_all_pages(networks: Networks) -> None:
    for n in range(5):
        _publish(networks, f"number {n}")
    seen: list[str] = []
    url = f"{networks.url_for('facebook')}/v25.0/me/published_posts?fields=message&limit=2"
    pages = 0
    while url and pages < 5:
        page = call(
            networks, "facebook", "GET", url.removeprefix(networks.url_for("facebook")), token=TOKEN
        ).json()
        seen += [it["message"] for it in page["data"]]
        url, pages = page["paging"].get("next", ""), pages + 1
    assert (seen, pages) == ([f"number {n}" for n in (4, 3, 2, 1, 0)], 3)


def test_an_unpublished_one_is_not_public_until_it_is_published(networks: Networks) -> None:
    post_id = _publish(networks, "quiet", published=False).json()["id"]
    assert networks.wall("facebook") == []
    assert facebook(networks, "GET", "/me/published_posts").json() == {"data": []}
    facebook(networks, "POST", f"/{post_id}", json={"is_published": True})
    assert [it["text"] for it in networks.wall("facebook")] == ["quiet"]


def test_unknown_fields_and_empty_messages_are_code_100(networks: Networks) -> None:
    assert facebook(networks, "GET", "/me/feed", params={"fields": "nothing"}).json()["error"]["code"] == 100
    assert _publish(networks, " ").json()["error"]["code"] == 100


def test_usage_headers_come_after_some_calls_and_a_full_quota_throttles(networks: Networks) -> None:
    told = ["X-App-Usage" in facebook(networks, "GET", "/me").headers for _ in range(6)]
    assert told == [False, False, True, False, False, True]
    networks.set("facebook", usage_percent=100)
    error = facebook(networks, "GET", "/me").json()["error"]
    assert (error["code"], error["is_transient"]) == (32, True)


def test_the_version_in_the_path_is_optional_and_the_page_describes_itself(networks: Networks) -> None:
    bare = call(networks, "facebook", "GET", f"/{FACEBOOK_PAGE}?fields=name", token=TOKEN).json()
    assert bare == {"id": FACEBOOK_PAGE, "name": "Demo Clinic"}
    assert facebook(networks, "GET", "/me").json() == bare

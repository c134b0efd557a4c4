"""The simulated LinkedIn, Threads, Telegram and webhook receiver."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
import requests

from clinic_broadcast.demo.networks import CREDENTIALS, Networks
from clinic_broadcast.demo.networks.linkedin import shown_text
from networks.sim_clients import call

LINK = "https://answers.example.org/2026/03/knees.html"
URN = CREDENTIALS["linkedin"]["author_urn"]


def _linkedin(networks: Networks, method: str, path: str, **options: Any) -> requests.Response:
    headers = {
        "LinkedIn-Version": "202611",
        "X-Restli-Protocol-Version": "2.0.0",
        **options.pop("headers", {}),
    }
    options.setdefault("token", CREDENTIALS["linkedin"]["access_token"])
    return call(networks, "linkedin", method, path, headers=headers, **options)


def _share(networks: Networks, commentary: str) -> requests.Response:
    body = {
        "author": URN,
        "commentary": commentary,
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED"},
        "lifecycleState": "PUBLISHED",
        "content": {"article": {"source": LINK, "title": "Knees"}},
    }
    return _linkedin(networks, "POST", "/rest/posts", json=body)


def test_linkedin_answers_a_create_with_an_empty_body_and_an_id_in_a_header(networks: Networks) -> None:
    made = _share(networks, "Knees")
    (shown,) = networks.wall("linkedin")
    assert (made.status_code, made.content, made.headers["x-restli-id"]) == (201, b"", shown["id"])
    assert (shown["text"], shown["link"]) == ("Knees", LINK)
    read = _linkedin(networks, "GET", f"/rest/posts/{quote(shown['id'], safe='')}").json()
    assert (read["commentary"], read["content"]["article"]["source"]) == ("Knees", LINK)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Hips (both) hurt", "Hips "),
        (r"Hips \(both\) hurt", "Hips (both) hurt"),
        (r"a\\b", r"a\b"),
        ("50% & more", "50% & more"),
        ("tag #knees", "tag "),
        (r"wrong \x", "wrong "),
    ],
)
def test_linkedin_cuts_silently_at_an_unescaped_reserved_character(
    networks: Networks, sent: str, shown: str
) -> None:
    assert _share(networks, sent).status_code == 201
    assert networks.wall("linkedin")[0]["text"] == shown_text(sent) == shown


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"LinkedIn-Version": ""}, "VERSION_MISSING"),
        ({"LinkedIn-Version": "2026"}, "NONEXISTENT_VERSION"),
        ({"X-Restli-Protocol-Version": ""}, "ILLEGAL_ARGUMENT"),
    ],
)
def test_linkedin_demands_both_version_headers(
    networks: Networks, headers: dict[str, str], code: str
) -> None:
    assert _linkedin(networks, "GET", "/rest/posts", headers=headers).json()["code"] == code


def test_linkedin_names_the_twin_and_sometimes_a_ghost(networks: Networks) -> None:
    urn = _share(networks, "the same").headers["x-restli-id"]
    refused = _share(networks, "the same")
    assert (refused.status_code, refused.json()["code"], urn in refused.json()["message"]) == (
        422,
        "DUPLICATE_POST",
        True,
    )
    path = f"/rest/posts/{quote(urn, safe='')}"
    assert [_linkedin(networks, "DELETE", path).status_code for _ in range(2)] == [204, 204]
    networks.set("linkedin", ghosts=True)
    assert urn in _share(networks, "the same").json()["message"]
    assert _linkedin(networks, "GET", path).status_code == 404
    networks.set("linkedin", ghosts=False)
    assert _share(networks, "the same").status_code == 201


def test_linkedin_edits_only_the_commentary_and_never_reads_a_person(networks: Networks) -> None:
    urn = _share(networks, "before").headers["x-restli-id"]
    patch = {"patch": {"$set": {"commentary": "after"}}}
    headers = {"X-RestLi-Method": "PARTIAL_UPDATE"}
    path = f"/rest/posts/{quote(urn, safe='')}"
    assert _linkedin(networks, "POST", path, json=patch, headers=headers).status_code == 204
    assert networks.wall("linkedin")[0]["text"] == "after"
    own = _linkedin(networks, "GET", "/rest/posts", params={"q": "author", "author": URN}).json()
    assert [it["id"] for it in own["elements"]] == [urn]
    person = {"q": "author", "author": "urn:li:person:abc"}
    assert _linkedin(networks, "GET", "/rest/posts", params=person).status_code == 403
    assert _linkedin(networks, "GET", path, token="wrong").status_code == 401


# Threads -------------------------------------------------------------------------------------------------


def _threads(networks: Networks, method: str, path: str, **options: Any) -> Any:
    token = CREDENTIALS["threads"]["access_token"]
    return call(networks, "threads", method, f"/v1.0{path}", token=token, **options).json()


def _contain(networks: Networks, text: str) -> str:
    fields = {"media_type": "TEXT", "text": text, "link_attachment": LINK}
    return str(_threads(networks, "POST", "/me/threads", data=fields)["id"])


def _finish(networks: Networks, container: str) -> Any:
    return _threads(networks, "POST", "/me/threads_publish", data={"creation_id": container})


def test_threads_publishes_a_finished_container_once(networks: Networks) -> None:
    container = _contain(networks, "Knees")
    assert networks.wall("threads") == []
    assert _threads(networks, "GET", f"/{container}", params={"fields": "status"})["status"] == "FINISHED"
    made = _finish(networks, container)
    assert [(it["id"], it["text"], it["link"]) for it in networks.wall("threads")] == [
        (made["id"], "Knees", LINK)
    ]
    assert _threads(networks, "GET", f"/{container}", params={"fields": "status"})["status"] == "PUBLISHED"
    again = _finish(networks, container)["error"]
    assert (again["code"], again["error_subcode"], again["is_transient"]) == (24, 4279009, False)
    listed = _threads(networks, "GET", "/me/threads", params={"fields": "id,text,timestamp,permalink"})[
        "data"
    ]
    assert [it["text"] for it in listed] == ["Knees"]


def test_threads_containers_take_time_fail_once_and_expire(networks: Networks) -> None:
    networks.set("threads", container_delay_s=100.0, media_not_found=1)
    container = _contain(networks, "Knees")
    assert _threads(networks, "GET", f"/{container}", params={"fields": "status"})["status"] == "IN_PROGRESS"
    networks.set("threads", container_delay_s=0.0)
    assert _finish(networks, container)["error"]["error_subcode"] == 4279009
    assert "id" in _finish(networks, container)
    networks.set("threads", status_vanishes=True)
    assert _threads(networks, "GET", f"/{container}", params={"fields": "status"})["error"]["code"] == 100
    late = _contain(networks, "Late")
    networks.set("all", clock_offset_s=86_401)
    assert _threads(networks, "GET", f"/{late}", params={"fields": "status"})["status"] == "EXPIRED"


def test_threads_has_a_quota_deletes_and_refuses_long_texts(networks: Networks) -> None:
    networks.set("threads", quota=1)
    media = _finish(networks, _contain(networks, "One"))["id"]
    assert _finish(networks, _contain(networks, "Two"))["error"]["code"] == 9
    usage = _threads(networks, "GET", "/me/threads_publishing_limit")["data"][0]
    assert (usage["quota_usage"], usage["config"]["quota_total"]) == (1, 1)
    assert _threads(networks, "DELETE", f"/{media}")["success"] is True
    assert networks.wall("threads") == []
    long = {"media_type": "TEXT", "text": "a" * 501}
    assert _threads(networks, "POST", "/me/threads", data=long)["error"]["code"] == 100
    networks.set("threads", token_dead=True)
    assert _threads(networks, "GET", "/me")["error"]["code"] == 190


# Telegram ------------------------------------------------------------------------------------------------


def _telegram(networks: Networks, verb: str, **fields: Any) -> Any:
    found = CREDENTIALS["telegram"]
    body = {"chat_id": found["chat_id"], **fields}
    return call(networks, "telegram", "POST", f"/bot{found['bot_token']}/{verb}", json=body).json()


def test_telegram_sends_edits_and_deletes_but_never_logs_its_token(networks: Networks) -> None:
    made = _telegram(networks, "sendMessage", text=f"Knees {LINK}")["result"]
    assert (made["text"], made["chat"]["username"]) == (f"Knees {LINK}", "demo_clinic")
    assert networks.wall("telegram")[0]["link"] == LINK
    assert _telegram(networks, "editMessageText", message_id=made["message_id"], text="after")["ok"]
    assert not _telegram(networks, "editMessageText", message_id=made["message_id"], text="after")["ok"]
    assert [it["text"] for it in networks.wall("telegram")] == ["after"]
    assert _telegram(networks, "deleteMessage", message_id=made["message_id"])["result"] is True
    again = _telegram(networks, "deleteMessage", message_id=made["message_id"])
    assert again["description"] == "Bad Request: message to delete not found"
    assert {it["path"] for it in networks.calls("telegram")} == {
        *("/bot/sendMessage", "/bot/editMessageText", "/bot/deleteMessage")
    }


def test_telegram_needs_a_right_to_delete_what_is_two_days_old(networks: Networks) -> None:
    made = _telegram(networks, "sendMessage", text="old")["result"]
    networks.set("all", clock_offset_s=48 * 3600 + 1)
    networks.set("telegram", can_delete_messages=False)
    assert _telegram(networks, "deleteMessage", message_id=made["message_id"])["error_code"] == 400
    assert _telegram(networks, "getChatMember", user_id=1)["result"]["can_delete_messages"] is False
    networks.set("telegram", can_delete_messages=True)
    assert _telegram(networks, "deleteMessage", message_id=made["message_id"])["ok"]


def test_telegram_refuses_long_texts_other_chats_and_other_tokens(networks: Networks) -> None:
    assert (
        _telegram(networks, "sendMessage", text="a" * 4097)["description"]
        == "Bad Request: message is too long"
    )
    assert _telegram(networks, "sendMessage", text="hi", chat_id="@other")["error_code"] == 400
    assert call(networks, "telegram", "GET", "/bot1:wrong/getMe").status_code == 401
    networks.fault("telegram", "429", path="/sendMessage", seconds=7)
    assert _telegram(networks, "sendMessage", text="hi")["parameters"] == {"retry_after": 7}
    assert _telegram(networks, "getUpdates")["error_code"] == 404


# Webhook -------------------------------------------------------------------------------------------------


def _hook(
    networks: Networks, message_id: str, body: dict[str, Any], *, secret: str = "", age_s: int = 0
) -> Any:
    raw, stamp = json.dumps(body).encode(), str(int(time.time()) - age_s)
    key = (secret or CREDENTIALS["webhook"]["secret"]).encode()
    mac = hmac.new(key, f"{message_id}.{stamp}.".encode() + raw, hashlib.sha256).digest()
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        "Content-Type": "application/json",
    }
    return call(networks, "webhook", "POST", "/", headers=headers, data=raw)


def test_a_webhook_is_taken_once_corrected_and_withdrawn(networks: Networks) -> None:
    thing = {"id": "d1", "text": "Knees", "link": LINK}
    replies = [
        _hook(networks, "m1", {"type": "promo.published", "data": thing}).json()["new"] for _ in range(2)
    ]
    assert replies == [True, False]
    assert [(it["text"], it["link"], it["key"]) for it in networks.wall("webhook")] == [("Knees", LINK, "m1")]
    _hook(networks, "m2", {"type": "promo.corrected", "data": {**thing, "text": "Knees, corrected"}})
    assert [it["text"] for it in networks.wall("webhook")] == ["Knees, corrected"]
    _hook(networks, "m3", {"type": "promo.withdrawn", "data": {"id": "d1"}})
    assert networks.wall("webhook") == []


def test_a_webhook_with_a_wrong_or_old_signature_is_refused(networks: Networks) -> None:
    assert _hook(networks, "m1", {"text": "no"}, secret="wrong").status_code == 401
    assert _hook(networks, "m1", {"text": "no"}, age_s=301).status_code == 401
    assert call(networks, "webhook", "POST", "/", json={"text": "no"}).status_code == 401
    assert networks.wall("webhook") == []


@pytest.mark.parametrize("name", ["linkedin", "threads", "telegram", "webhook"])
def test_the_others_fail_in_their_own_words_too(networks: Networks, name: str) -> None:
    networks.fault(name, "503", nth=1)
    networks.fault(name, "429", nth=2)
    networks.fault(name, "token_dead", nth=3)
    statuses = [call(networks, name, "POST", "/anything").status_code for _ in range(3)]
    assert statuses == [503, 403 if name == "threads" else 429, 401]
    assert [it["fault"] for it in networks.calls(name)] == ["503", "429", "token_dead"]

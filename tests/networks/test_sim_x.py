"""The simulated X, driven by the real tweepy, so that every signature is truly checked."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import tweepy
from oauthlib.oauth1 import Client as Signer

from clinic_broadcast.demo.networks import CREDENTIALS, Networks
from clinic_broadcast.demo.networks.accounts import X_APP_ONLY_BEARER, X_USER_ID
from networks.sim_clients import call, x_client

LINK = "https://answers.example.org/2026/03/knees.html"
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."


def _timeline(client: Any, **asked: Any) -> Any:
    return client.get_users_tweets(
        X_USER_ID, user_auth=True, tweet_fields=["created_at", "entities"], **asked
    )


def _signed(networks: Networks, body: str, **options: Any) -> requests.Response:
    keys = CREDENTIALS["x"]
    signer = Signer(
        keys["consumer_key"],
        client_secret=keys["consumer_secret"],
        resource_owner_key=keys["access_token"],
        resource_owner_secret=keys["access_token_secret"],
        **options,
    )
    json_type = {"Content-Type": "application/json"}
    _, headers, _ = signer.sign("https://api.x.com/2/tweets", "POST", body, json_type)
    return call(networks, "x", "POST", "/2/tweets", headers=headers, data=body)


def test_a_signed_create_is_on_the_wall_with_its_exact_text(networks: Networks) -> None:
    text = f"Knees & hips < 50: what helps? {LINK} #knees"
    answer = x_client(networks).create_tweet(text=text)
    (shown,) = networks.wall("x")
    assert (shown["text"], shown["link"], shown["id"]) == (text, LINK, answer.data["id"])


def test_the_returned_text_is_escaped_and_its_links_are_shortened(networks: Networks) -> None:
    client = x_client(networks)
    client.create_tweet(text=f"A & B <c> {LINK} and answers.example.com/x")
    (found,) = _timeline(client).data
    first, second = found.entities["urls"]
    assert found.text.startswith("A &amp; B &lt;c&gt; https://t.co/")
    assert (first["expanded_url"], second["expanded_url"]) == (LINK, "http://answers.example.com/x")
    assert [found.text[it["start"] : it["end"]] for it in (first, second)] == [first["url"], second["url"]]
    assert len(first["url"]) == 23


@pytest.mark.parametrize("key", ["consumer_secret", "access_token_secret", "access_token", "consumer_key"])
def test_a_wrong_key_of_any_kind_is_refused(networks: Networks, key: str) -> None:
    with pytest.raises(tweepy.Unauthorized):
        x_client(networks, keys={key: "1000000001-wrong"}).create_tweet(text="hello")
    assert networks.wall("x") == []


def test_a_client_that_signs_for_the_newer_host_is_accepted(networks: Networks) -> None:
    assert _signed(networks, '{"text": "signed for api.x.com"}').status_code == 201


def test_a_replayed_request_is_refused(networks: Networks) -> None:
    stamp = str(int(time.time()))
    assert _signed(networks, '{"text": "three"}', nonce="n2", timestamp=stamp).status_code == 201
    assert _signed(networks, '{"text": "four"}', nonce="n2", timestamp=stamp).status_code == 401


def test_a_stale_timestamp_is_refused(networks: Networks) -> None:
    stamp = str(int(time.time()) - 301)
    assert _signed(networks, '{"text": "late"}', timestamp=stamp).json()["status"] == 401


def test_a_json_body_is_not_part_of_the_signature_but_the_query_is(networks: Networks) -> None:
    client = x_client(networks)
    client.create_tweet(text="one")
    assert len(_timeline(client, max_results=5, since_id=1).data) == 1


def test_an_app_only_token_may_read_but_not_write(networks: Networks) -> None:
    refused = call(networks, "x", "POST", "/2/tweets", token=X_APP_ONLY_BEARER, json={"text": "hi"})
    read = call(networks, "x", "GET", f"/2/users/{X_USER_ID}/tweets", token=X_APP_ONLY_BEARER)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (
        403,
        "unsupported-authentication",
    )
    assert read.status_code == 200
    assert call(networks, "x", "GET", f"/2/users/{X_USER_ID}/tweets", token="other").status_code == 401


def test_the_body_is_closed(networks: Networks) -> None:
    refused = _signed(networks, '{"text": "hi", "idempotency_key": "k"}')
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")
    assert networks.wall("x") == []


def test_a_text_is_counted_as_x_counts(networks: Networks) -> None:
    client = x_client(networks)
    # 280 weighted: 255 letters, a space, a link of 23 whatever its length, and one letter more.
    fits = "a" * 255 + " " + LINK + "?" + "q" * 200 + " b"
    assert client.create_tweet(text=fits[:-2]).data["id"]
    for long in ("a" * 281, "a" * 279 + "…", "a" * 279 + "👨‍👩‍👧‍👦", "a" * 257 + " " + LINK):
        with pytest.raises(tweepy.Forbidden):
            client.create_tweet(text=long)
    networks.set("x", overlength_status=400)
    with pytest.raises(tweepy.BadRequest):
        client.create_tweet(text="a" * 281)


def test_the_same_text_is_refused_without_naming_its_twin_even_after_deletion(networks: Networks) -> None:
    client = x_client(networks)
    first = client.create_tweet(text="the same").data["id"]
    for _ in range(2):
        with pytest.raises(tweepy.Forbidden) as caught:
            client.create_tweet(text="the same")
        assert caught.value.api_messages == [DUPLICATE]
        assert first not in caught.value.response.text
        assert caught.value.response.json()["type"] == "about:blank"
        if networks.wall("x"):
            client.delete_tweet(first)
    networks.set("all", clock_offset_s=43_300)
    networks.set("x", rate_limits=False, lag_s=0)
    # The clock moved past the window, and with it the span in which a signature is good.
    stamp = str(int(time.time()) + 43_300)
    assert _signed(networks, '{"text": "the same"}', timestamp=stamp).status_code == 201


def test_a_deleted_one_is_struck_out_and_gone_from_the_timeline(networks: Networks) -> None:
    client = x_client(networks)
    tweet_id = client.create_tweet(text="soon gone").data["id"]
    assert client.delete_tweet(tweet_id).data == {"deleted": True}
    assert _timeline(client).data is None
    with pytest.raises(tweepy.NotFound):
        client.delete_tweet(tweet_id)
    (kept,) = networks.wall("x", with_deleted=True)
    assert kept["deleted"]
    assert client.get_tweet(tweet_id, user_auth=True).errors[0]["title"] == "Not Found Error"


def test_the_timeline_pages_newest_first_and_knows_since(networks: Networks) -> None:
    client = x_client(networks)
    ids = [client.create_tweet(text=f"number {n}").data["id"] for n in range(7)]
    page = _timeline(client, max_results=5)
    rest = _timeline(client, max_results=5, pagination_token=page.meta["next_token"])
    assert [str(it.id) for it in (*page.data, *rest.data)] == ids[::-1]
    assert "next_token" not in rest.meta
    assert [str(it.id) for it in _timeline(client, since_id=ids[4]).data] == [ids[6], ids[5]]
    with pytest.raises(tweepy.BadRequest):
        _timeline(client, max_results=4)


def test_an_id_holds_its_time_so_that_since_id_can_be_computed(networks: Networks) -> None:
    before_ms = round(time.time() * 1000) - 1
    client = x_client(networks)
    client.create_tweet(text="timed")
    since_id = (before_ms - 1_288_834_974_657) << 22
    (found,) = _timeline(client, since_id=since_id).data
    assert abs(found.created_at - datetime.now(UTC)) < timedelta(seconds=30)  # noqa: TID251 - A real clock is tested.
    later = datetime.fromtimestamp(time.time() + 60, UTC)
    assert _timeline(client, start_time=later).data is None


def test_the_timeline_can_lag_for_new_ones_and_for_deletions(networks: Networks) -> None:
    client = x_client(networks)
    tweet_id = client.create_tweet(text="slow to show").data["id"]
    networks.set("x", lag_s=60)
    assert _timeline(client).data is None
    networks.set("x", lag_s=0)
    networks.set("all", clock_offset_s=100)
    client.delete_tweet(tweet_id)
    assert _timeline(client).data is None
    networks.set("x", lag_s=60)
    assert [str(it.id) for it in _timeline(client).data] == [tweet_id]
    assert [it["deleted"] for it in networks.wall("x", with_deleted=True)] == [True]


def test_me_is_the_user_that_the_token_names(networks: Networks) -> None:
    assert (
        str(x_client(networks).get_me(user_auth=True).data.id)
        == CREDENTIALS["x"]["access_token"].split("-")[0]
    )


def test_limits_are_counted_told_and_kept(networks: Networks) -> None:
    networks.set("x", limit_create=2)
    client = x_client(networks)
    client.create_tweet(text="one")
    client.create_tweet(text="two")
    with pytest.raises(tweepy.TooManyRequests) as caught:
        client.create_tweet(text="three")
    headers = caught.value.response.headers
    assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("2", "0")
    assert 0 < int(headers["x-rate-limit-reset"]) - time.time() <= 901
    assert "Retry-After" not in headers
    assert _timeline(client).data is not None
    assert len(networks.wall("x")) == 2


def test_a_used_up_cap_is_told_apart_from_too_fast(networks: Networks) -> None:
    networks.set("x", usage_capped=True)
    with pytest.raises(tweepy.TooManyRequests) as caught:
        x_client(networks).create_tweet(text="no money left")
    assert caught.value.response.json()["type"] == "https://api.x.com/2/problems/usage-capped"
    assert networks.wall("x") == []


def test_the_bill_follows_the_price_list(networks: Networks) -> None:
    client = x_client(networks)
    linked = client.create_tweet(text=f"With a link {LINK}").data["id"]
    client.create_tweet(text="Without")
    assert networks.spend_usd() == pytest.approx(0.215)
    client.delete_tweet(linked)
    for _ in range(3):
        _timeline(client)
    # One owned read of the one that still stands, billed once a day however often it is read.
    assert networks.spend_usd() == pytest.approx(0.226)
    networks.set("x", owned_app=False)
    client.create_tweet(text="Read by an app of somebody else")
    _timeline(client)
    assert networks.spend_usd() == pytest.approx(0.226 + 0.015 + 0.005)


def test_a_refused_create_costs_nothing_and_a_spending_limit_blocks(networks: Networks) -> None:
    client = x_client(networks)
    with pytest.raises(tweepy.Forbidden):
        client.create_tweet(text="a" * 281)
    assert networks.spend_usd() == 0
    networks.set("x", spend_limit_usd=0.2, out_of_credit_status=403)
    client.create_tweet(text=f"The last one {LINK}")
    with pytest.raises(tweepy.Forbidden):
        client.create_tweet(text="one too many")
    assert networks.spend_usd() == pytest.approx(0.2)


def test_an_edit_is_a_new_one_that_replaces_the_old(networks: Networks) -> None:
    networks.set("x", premium=True)
    old = x_client(networks).create_tweet(text="before").data["id"]
    edit = _signed(networks, json.dumps({"text": "after", "edit_options": {"previous_post_id": old}})).json()[
        "data"
    ]
    assert edit["edit_history_tweet_ids"] == [old, edit["id"]]
    assert [(it["id"], it["text"]) for it in networks.wall("x")] == [(edit["id"], "after")]
    x_client(networks).delete_tweet(old)
    assert networks.wall("x") == []
    again = {"text": "again", "edit_options": {"previous_post_id": edit["id"]}}
    assert _signed(networks, json.dumps(again)).status_code == 403


def test_a_network_that_takes_doubles_shows_them(networks: Networks) -> None:
    networks.set("x", duplicate_window_s=0)
    for _ in range(2):
        x_client(networks).create_tweet(text="the same")
    assert [it["text"] for it in networks.wall("x")] == ["the same"] * 2


def test_half_a_surrogate_is_not_a_text(networks: Networks) -> None:
    assert _signed(networks, '{"text": "\\ud83d"}').status_code == 400


def test_two_cashtags_and_an_edit_without_premium_are_refused(networks: Networks) -> None:
    with pytest.raises(tweepy.Forbidden):
        x_client(networks).create_tweet(text="$AAA and $BBB")
    refused = _signed(networks, '{"text": "edit", "edit_options": {"previous_post_id": "1"}}')
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "You are not permitted to perform this action.",
    )

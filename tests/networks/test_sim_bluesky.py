"""The simulated Bluesky server, rule by rule as a real PDS was measured."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from clinic_broadcast.demo.networks import CREDENTIALS, Networks
from clinic_broadcast.demo.networks.bluesky import tid_of
from networks.sim_clients import call, log_in, xrpc

COLLECTION = "app.bsky.feed.post"
TID = tid_of(1_795_000_000_000_000 << 10)
LINK = "https://answers.example.org/2026/03/knees.html"


def _record(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"$type": COLLECTION, "text": text, "createdAt": "2026-11-24T10:00:00.000Z", **more}


class Repo:
    """One session, with the calls that name our own repository."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.session = log_in(networks)

    def write(self, verb: str, **body: Any) -> requests.Response:
        whole = {"repo": self.session["did"], "collection": COLLECTION, "rkey": TID, **body}
        return xrpc(self.networks, f"repo.{verb}", token=self.session["accessJwt"], json=whole)

    def create_only(self, record: dict[str, Any], rkey: str = TID) -> requests.Response:
        return self.write("putRecord", rkey=rkey, record=record, swapRecord=None)

    def get(self, rkey: str = TID) -> requests.Response:
        asked = {"repo": self.session["did"], "collection": COLLECTION, "rkey": rkey}
        return xrpc(self.networks, "repo.getRecord", params=asked)


@pytest.fixture
def repo(networks: Networks) -> Repo:
    return Repo(networks)


def test_a_replayed_create_only_put_leaves_one_record(repo: Repo) -> None:
    first, again = repo.create_only(_record()), repo.create_only(_record())
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["cid"] == again.json()["cid"]
    assert "commit" in first.json()
    assert "commit" not in again.json()
    assert len(repo.networks.wall("bluesky")) == 1


def test_a_create_only_put_of_other_content_is_an_invalid_swap(repo: Repo) -> None:
    repo.create_only(_record())
    refused = repo.create_only(_record("other"))
    assert (refused.status_code, refused.json()["error"]) == (400, "InvalidSwap")
    assert [it["text"] for it in repo.networks.wall("bluesky")] == ["hello"]


def test_many_at_once_make_one_record(repo: Repo) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: repo.create_only(_record(f"number {n}")).status_code, range(8)))
    assert sorted(statuses) == [200] + [400] * 7
    assert len(repo.networks.wall("bluesky")) == 1


def test_a_plain_put_overwrites_silently(repo: Repo) -> None:
    repo.create_only(_record())
    assert repo.write("putRecord", record=_record("other")).status_code == 200
    assert [it["text"] for it in repo.networks.wall("bluesky")] == ["other"]


def test_create_record_on_an_existing_key_answers_500(repo: Repo) -> None:
    assert repo.write("createRecord", record=_record()).status_code == 200
    refused = repo.write("createRecord", record=_record())
    assert (refused.status_code, refused.json()["error"]) == (500, "InternalServerError")
    assert len(repo.networks.wall("bluesky")) == 1


def test_create_record_without_a_key_makes_one_each_time(repo: Repo) -> None:
    for _ in range(2):
        body = {"repo": repo.session["did"], "collection": COLLECTION, "record": _record()}
        assert (
            xrpc(repo.networks, "repo.createRecord", token=repo.session["accessJwt"], json=body).status_code
            == 200
        )
    assert len(repo.networks.wall("bluesky")) == 2


def test_delete_is_repeatable_and_a_late_put_resurrects(repo: Repo) -> None:
    cid = repo.create_only(_record()).json()["cid"]
    assert repo.write("deleteRecord", swapRecord="bafywrong").json()["error"] == "InvalidSwap"
    assert repo.write("deleteRecord", swapRecord=cid).status_code == 200
    assert (repo.write("deleteRecord").status_code, repo.write("deleteRecord").json()) == (200, {})
    assert repo.networks.wall("bluesky") == []
    assert repo.create_only(_record()).status_code == 200
    assert len(repo.networks.wall("bluesky")) == 1


def test_a_record_is_read_without_a_token_and_a_missing_one_is_a_400(repo: Repo) -> None:
    missing = repo.get()
    assert (missing.status_code, missing.json()["error"]) == (400, "RecordNotFound")
    repo.create_only(_record(ourKey="opaque"))
    assert repo.get().json()["value"] == _record(ourKey="opaque")


@pytest.mark.parametrize("rkey", ["post-123", "a" * 40, "zzzzzzzzzzzzz", "3kabc"])
def test_only_a_tid_is_a_key(repo: Repo, rkey: str) -> None:
    refused = repo.create_only(_record(), rkey=rkey)
    assert (refused.status_code, refused.json()["error"]) == (400, "InvalidRequest")
    assert "Invalid TID string" in refused.json()["message"]


def test_a_text_is_counted_in_graphemes_and_bytes(repo: Repo) -> None:
    def publish(text: str, n: int) -> int:
        return repo.create_only(_record(text), rkey=tid_of((1_795_000_000_000_000 + n) << 10)).status_code

    family = "👨‍👩‍👧‍👦"
    texts = ["🇩🇪" * 300, "🇩🇪" * 301, family * 120, family * 121, "a" * 300, "a" * 301]
    assert [publish(text, n) for n, text in enumerate(texts)] == [200, 400, 200, 400, 200, 400]


def test_bad_addresses_are_refused_but_wild_offsets_are_not(repo: Repo) -> None:
    def facet(uri: str, end: int) -> list[dict[str, Any]]:
        link = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
        return [{"index": {"byteStart": 0, "byteEnd": end}, "features": [link]}]

    assert repo.create_only(_record(facets=facet("no uri", 2))).status_code == 400
    assert repo.create_only(_record("hi", facets=facet(LINK, 999))).status_code == 200
    assert repo.networks.wall("bluesky")[0]["link"] == LINK


def test_the_link_of_a_card_is_on_the_wall(repo: Repo) -> None:
    card = {"uri": LINK, "title": "Knees", "description": "An answer"}
    repo.create_only(_record(embed={"$type": "app.bsky.embed.external", "external": card}))
    assert repo.networks.wall("bluesky")[0]["link"] == LINK


def test_records_are_listed_by_key_and_a_cursor_leads_on(repo: Repo) -> None:
    keys = [tid_of((1_795_000_000_000_000 + n) << 10) for n in range(5)]
    for key in reversed(keys):
        repo.create_only(_record(key), rkey=key)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        asked = {"repo": repo.session["did"], "collection": COLLECTION, "limit": "2", **cursor}
        page = xrpc(repo.networks, "repo.listRecords", params=asked).json()
        if not page["records"]:
            break
        seen += [it["uri"].rpartition("/")[2] for it in page["records"]]
        cursor = {"cursor": page["cursor"]}
    assert seen == keys[::-1]


def test_tokens_end_and_are_refreshed_safely_even_twice(networks: Networks, repo: Repo) -> None:
    networks.set("all", clock_offset_s=7_201)
    assert repo.create_only(_record()).json()["error"] == "ExpiredToken"
    old = repo.session["refreshJwt"]
    fresh = [xrpc(networks, "server.refreshSession", token=old, data=b"").json() for _ in range(2)]
    # The same new refresh token for two hours: a crash between reply and record loses nothing.
    assert fresh[0]["refreshJwt"] == fresh[1]["refreshJwt"] != old
    repo.session = fresh[1]
    assert repo.create_only(_record()).status_code == 200
    networks.set("all", clock_offset_s=7_201 + 7_201)
    assert xrpc(networks, "server.refreshSession", token=old, data=b"").json()["error"] == "ExpiredToken"


def test_wrong_passwords_tokens_and_too_many_log_ins_are_refused(networks: Networks) -> None:
    body = {"identifier": CREDENTIALS["bluesky"]["handle"], "password": "wrong"}
    assert xrpc(networks, "server.createSession", json=body).status_code == 401
    assert Repo(networks).write("putRecord", record=_record()).status_code == 200
    bad = xrpc(networks, "repo.putRecord", token="a.b.c", json={})
    none = xrpc(networks, "repo.putRecord", json={})
    assert (bad.status_code, bad.json()["error"], none.status_code) == (400, "InvalidToken", 401)
    networks.set("bluesky", limit_login=2)
    refused = xrpc(networks, "server.createSession", json=body)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert int(refused.headers["RateLimit-Remaining"]) == 0


def test_writes_cost_points(networks: Networks, repo: Repo) -> None:
    networks.set("bluesky", limit_points_hour=4)
    assert repo.create_only(_record()).status_code == 200
    assert repo.write("deleteRecord").status_code == 200
    assert repo.create_only(_record()).status_code == 429


def test_a_picture_becomes_a_blob_unless_it_is_too_large(networks: Networks, repo: Repo) -> None:
    def upload(raw: bytes) -> requests.Response:
        options: dict[str, Any] = {"data": raw, "headers": {"Content-Type": "image/jpeg"}}
        return xrpc(networks, "repo.uploadBlob", token=repo.session["accessJwt"], **options)

    assert upload(b"x" * 1_000_000).json()["blob"]["mimeType"] == "image/jpeg"
    assert upload(b"x" * 1_000_001).status_code == 413


def test_there_is_no_app_view(networks: Networks) -> None:
    assert call(networks, "bluesky", "GET", "/xrpc/app.bsky.actor.getProfile").status_code == 502
    handle = CREDENTIALS["bluesky"]["handle"]
    assert (
        xrpc(networks, "identity.resolveHandle", params={"handle": handle})
        .json()["did"]
        .startswith("did:plc:")
    )

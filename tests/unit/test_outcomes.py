"""What each documented answer of each network means."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from canned import CREDENTIALS, PARCEL, SECRET, Stub, open_stub, setup_of
from clinic_broadcast.channels import open_channel
from clinic_broadcast.channels.webhook import sign
from clinic_broadcast.core.delivery import (
    Absent,
    CannotTell,
    Outcome,
    Refused,
    Sent,
    Throttled,
    Unsure,
)
from fakes import START_AT

RESET_AT = START_AT + timedelta(minutes=7)


@pytest.fixture
def stub() -> Generator[Stub]:
    with open_stub() as canned:
        yield canned


STEPS: Mapping[str, Mapping[str, object]] = {
    "bluesky": {"createSession": {"did": "did:plc:abc", "accessJwt": "a.b.c", "refreshJwt": "d.e.f"}},
    "threads": {"/99/threads": {"id": "31"}, "/31": {"id": "31", "status": "FINISHED"}},
}
Case = tuple[str, int, dict[str, str], object, Outcome]
EPOCH = {"x-rate-limit-reset": str(int(RESET_AT.timestamp())), "x-rate-limit-remaining": "0"}


def _graph(code: int, *, subcode: int = 0, is_transient: bool = False) -> object:
    return {
        "error": {"message": "words", "code": code, "error_subcode": subcode, "is_transient": is_transient}
    }


def _x(detail: str, kind: str = "about:blank") -> object:
    return {"title": "T", "detail": detail, "type": kind}


ANY = "*"
ACCOUNT, REFUSED = Refused(ANY, of_account=True), Refused(ANY)
UNSURE, THROTTLED, THROTTLED_UNTIL = Unsure(ANY), Throttled(ANY), Throttled(ANY, RESET_AT)
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
PROBLEMS = "https://api.x.com/2/problems/"
MINUTES = json.dumps({"4711": [{"estimated_time_to_regain_access": 7}]})
CASES: list[Case] = [
    ("x", 201, {}, {"data": {"id": "12", "text": "t"}}, Sent("12", "https://x.com/i/web/status/12")),
    ("x", 201, {}, {"data": {}}, UNSURE),
    ("x", 200, {}, "<html>", UNSURE),
    ("x", 204, {}, "", UNSURE),
    ("x", 400, {}, _x("One or more parameters"), REFUSED),
    ("x", 400, {}, [], REFUSED),
    ("x", 401, {}, _x("Unauthorized"), ACCOUNT),
    ("x", 402, {}, _x("Credits depleted"), ACCOUNT),
    ("x", 403, {}, _x(DUPLICATE), UNSURE),
    ("x", 403, {}, _x("You are not permitted to perform this action"), REFUSED),
    ("x", 403, {}, _x("A Tweet may hold a maximum of one cashtag"), REFUSED),
    ("x", 403, {}, _x("forbidden", f"{PROBLEMS}client-forbidden"), ACCOUNT),
    ("x", 403, {}, _x("suspended", f"{PROBLEMS}user-suspended"), ACCOUNT),
    ("x", 403, {}, _x("cap", f"{PROBLEMS}usage-capped"), ACCOUNT),
    ("x", 404, {}, "", ACCOUNT),
    ("x", 408, {}, "", UNSURE),
    ("x", 429, EPOCH, _x("Too Many Requests"), THROTTLED_UNTIL),
    ("x", 429, {"x-rate-limit-reset": "nonsense"}, _x("Too Many Requests"), THROTTLED),
    ("x", 429, {}, _x("cap", f"{PROBLEMS}usage-capped"), ACCOUNT),
    ("x", 500, {}, _x("broken"), UNSURE),
    ("x", 503, {}, _x("over capacity"), UNSURE),
    ("facebook", 200, {}, {"id": "4711_9"}, Sent("4711_9", "https://www.facebook.com/4711_9")),
    ("facebook", 200, {}, {"success": True}, UNSURE),
    ("facebook", 401, {}, _graph(190, subcode=460), ACCOUNT),
    ("facebook", 403, {}, _graph(200), ACCOUNT),
    ("facebook", 403, {}, _graph(299), ACCOUNT),
    ("facebook", 403, {}, _graph(10), ACCOUNT),
    ("facebook", 400, {}, _graph(368), ACCOUNT),
    ("facebook", 400, {}, _graph(100), REFUSED),
    ("facebook", 400, {}, _graph(100, subcode=33), ACCOUNT),
    ("facebook", 400, {}, _graph(1500), REFUSED),
    ("facebook", 400, {}, _graph(506), UNSURE),
    ("facebook", 500, {}, _graph(1, is_transient=True), UNSURE),
    ("facebook", 400, {}, _graph(2, is_transient=True), UNSURE),
    ("facebook", 400, {}, _graph(987654), UNSURE),
    ("facebook", 403, {}, _graph(32, is_transient=True), THROTTLED),
    ("facebook", 403, {"X-Business-Use-Case-Usage": MINUTES}, _graph(4), THROTTLED_UNTIL),
    ("facebook", 400, {}, _graph(613), THROTTLED),
    ("facebook", 403, {}, "<html>", UNSURE),
    ("mastodon", 200, {}, {"id": "5", "url": "https://s.example/5"}, Sent("5", "https://s.example/5")),
    ("mastodon", 200, {}, {"id": "5", "scheduled_at": "2026-03-03T00:00:00Z"}, UNSURE),
    ("mastodon", 200, {}, "<html>", UNSURE),
    ("mastodon", 401, {}, {"error": "The access token is invalid"}, ACCOUNT),
    ("mastodon", 403, {}, {"error": "outside the authorized scopes"}, ACCOUNT),
    ("mastodon", 404, {}, {"error": "Record not found"}, ACCOUNT),
    ("mastodon", 422, {}, {"error": "Validation failed"}, REFUSED),
    ("mastodon", 429, {"X-RateLimit-Reset": RESET_AT.isoformat()}, {"error": "slow"}, THROTTLED_UNTIL),
    (
        "mastodon",
        429,
        {"X-RateLimit-Reset": str(int(RESET_AT.timestamp()))},
        {"error": "slow"},
        THROTTLED_UNTIL,
    ),
    ("mastodon", 429, {}, {"error": "slow"}, THROTTLED),
    ("mastodon", 502, {}, "<html>", UNSURE),
    ("bluesky", 200, {}, "<html>", UNSURE),
    ("bluesky", 400, {}, {"error": "InvalidRequest", "message": "Invalid record"}, REFUSED),
    ("bluesky", 400, {}, {"error": "InvalidToken"}, ACCOUNT),
    ("bluesky", 401, {}, {"error": "AuthenticationRequired"}, ACCOUNT),
    ("bluesky", 400, {}, {"error": "AccountTakedown"}, ACCOUNT),
    ("bluesky", 400, {}, {"error": "SomethingNew"}, UNSURE),
    ("bluesky", 400, {}, {"error": "InvalidSwap"}, UNSURE),
    ("bluesky", 429, {"Retry-After": "420"}, {"error": "RateLimitExceeded"}, THROTTLED_UNTIL),
    ("bluesky", 500, {}, {"error": "InternalServerError"}, UNSURE),
    (
        "linkedin",
        201,
        {"x-restli-id": "urn:li:share:8"},
        "",
        Sent("urn:li:share:8", "https://www.linkedin.com/feed/update/urn:li:share:8"),
    ),
    ("linkedin", 201, {}, "", UNSURE),
    ("linkedin", 401, {}, {"code": "INVALID_ACCESS_TOKEN"}, ACCOUNT),
    ("linkedin", 403, {}, {"code": "ACCESS_DENIED"}, ACCOUNT),
    ("linkedin", 422, {}, {"code": "FIELD_LENGTH_TOO_LONG"}, REFUSED),
    ("linkedin", 422, {}, {"code": "DUPLICATE_POST"}, UNSURE),
    ("linkedin", 426, {}, {"code": "NONEXISTENT_VERSION"}, ACCOUNT),
    ("linkedin", 429, {}, {}, Throttled(ANY, datetime(2026, 3, 3, 0, 1, tzinfo=UTC))),
    ("linkedin", 500, {}, {}, UNSURE),
    ("threads", 200, {}, {}, UNSURE),
    ("threads", 401, {}, _graph(190), ACCOUNT),
    ("threads", 400, {}, _graph(24, subcode=4279009), Throttled(ANY, START_AT + timedelta(seconds=60))),
    ("threads", 400, {}, _graph(24), UNSURE),
    ("threads", 403, {}, _graph(9, subcode=2207051), THROTTLED),
    ("threads", 500, {}, _graph(1, is_transient=True), UNSURE),
    (
        "telegram",
        200,
        {},
        {"ok": True, "result": {"message_id": 3, "chat": {"username": "clinic"}}},
        Sent("3", "https://t.me/clinic/3"),
    ),
    ("telegram", 200, {}, {"ok": True, "result": True}, UNSURE),
    ("telegram", 400, {}, {"ok": False, "description": "Bad Request: message is too long"}, REFUSED),
    ("telegram", 400, {}, {"ok": False, "description": "Bad Request: chat not found"}, ACCOUNT),
    ("telegram", 401, {}, {"ok": False, "description": "Unauthorized"}, ACCOUNT),
    ("telegram", 403, {}, {"ok": False, "description": "Forbidden: bot was kicked"}, ACCOUNT),
    ("telegram", 403, {}, "<html>", UNSURE),
    ("telegram", 429, {}, {"ok": False, "parameters": {"retry_after": 420}}, THROTTLED_UNTIL),
    ("telegram", 500, {}, {"ok": False}, UNSURE),
    ("webhook", 204, {}, "", Sent("ab" * 32, "")),
    ("webhook", 400, {}, "no", REFUSED),
    ("webhook", 401, {}, "no", ACCOUNT),
    ("webhook", 410, {}, "no", ACCOUNT),
    ("webhook", 429, {"Retry-After": "Mon, 02 Mar 2026 17:07:00 GMT"}, "no", THROTTLED_UNTIL),
    ("webhook", 500, {}, "no", UNSURE),
    *((kind, status, {}, "", UNSURE) for kind in CREDENTIALS for status in (302, 307, 418, 520)),
]


@pytest.mark.parametrize(("kind", "status", "headers", "body", "expected"), CASES)
def test_each_documented_answer_has_one_meaning(
    kind: str,
    status: int,
    headers: dict[str, str],
    body: object,
    expected: Outcome,
    stub: Stub,
    tmp_path: Path,
) -> None:
    stub.status, stub.headers, stub.before = status, headers, dict(STEPS.get(kind, {}))
    stub.body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if 300 <= status < 400:
        stub.headers = {"Location": f"{stub.url}/elsewhere"}

    outcome = open_channel(setup_of(kind, stub.url, tmp_path)).send(PARCEL)

    if isinstance(expected, Sent):
        assert outcome == expected
        return
    assert isinstance(outcome, Refused | Throttled | Unsure), outcome
    assert replace(outcome, reason=ANY) == expected, outcome
    assert outcome.reason
    assert not any(path.endswith("/elsewhere") for _, path, _, _ in stub.seen)


@pytest.mark.parametrize("kind", sorted(CREDENTIALS))
def test_the_networks_own_words_are_kept_without_our_secret(kind: str, stub: Stub, tmp_path: Path) -> None:
    stub.before = dict(STEPS.get(kind, {}))
    said = f"we do not take {SECRET} " + "very " * 200
    stub.status = 400
    stub.body = json.dumps(
        {
            "error": {"message": said, "code": 100} if kind in {"facebook", "threads"} else said,
            "detail": said,
            "message": said,
            "ok": False,
            "description": said,
        }
    ).encode()

    outcome = open_channel(setup_of(kind, stub.url, tmp_path)).send(PARCEL)

    assert isinstance(outcome, Refused | Unsure), outcome
    assert "we do not take" in outcome.reason
    assert SECRET not in outcome.reason
    assert len(outcome.reason) < 400


def test_no_token_stands_in_an_address_but_telegrams(stub: Stub, tmp_path: Path) -> None:
    for kind in sorted(set(CREDENTIALS) - {"telegram"}):
        stub.before = dict(STEPS.get(kind, {}))
        open_channel(setup_of(kind, stub.url, tmp_path)).send(PARCEL)
    assert stub.seen
    assert not any(SECRET in path for _, path, _, _ in stub.seen)


def test_mastodon_is_sent_the_stable_key_in_public(stub: Stub, tmp_path: Path) -> None:
    open_channel(setup_of("mastodon", stub.url, tmp_path)).send(PARCEL)
    _, _, headers, body = stub.seen[-1]
    assert headers["idempotency-key"] == PARCEL.key
    assert b"visibility=public" in body


def test_facebook_is_shown_the_proof_where_there_is_an_app_secret(stub: Stub, tmp_path: Path) -> None:
    credentials = {**CREDENTIALS["facebook"], "app_secret": "app"}
    open_channel(setup_of("facebook", stub.url, tmp_path, credentials=credentials)).send(PARCEL)
    assert b"appsecret_proof=" in stub.seen[-1][3]


def test_a_webhook_is_signed_over_id_time_and_body(stub: Stub, tmp_path: Path) -> None:
    open_channel(setup_of("webhook", stub.url, tmp_path)).send(PARCEL)
    _, _, headers, body = stub.seen[-1]
    stamp = str(int(START_AT.timestamp()))
    assert headers["webhook-timestamp"] == stamp
    assert headers["webhook-signature"] == sign(SECRET, PARCEL.key, stamp=stamp, body=body)
    raw = base64.b64encode(SECRET.encode()).decode()
    assert sign(f"whsec_{raw}", "id", stamp="1", body=b"x") == sign(SECRET, "id", stamp="1", body=b"x")


@pytest.mark.parametrize(("rows", "is_seen_whole"), [(40, False), (39, True), (145, True)])
def test_a_server_that_ignores_the_cursor_is_believed_only_when_it_ignored_the_limit_too(
    rows: int, is_seen_whole: bool, stub: Stub, tmp_path: Path
) -> None:
    listed = [
        {"id": str(n), "content": "<p>else</p>", "created_at": START_AT.isoformat()} for n in range(rows)
    ]
    stub.before = {"verify_credentials": {"id": "1"}, "/statuses": listed}
    trace = open_channel(setup_of("mastodon", stub.url, tmp_path)).look(PARCEL)
    assert isinstance(trace, Absent if is_seen_whole else CannotTell), trace


def test_a_look_on_x_asks_for_little_since_every_row_is_billed(stub: Stub, tmp_path: Path) -> None:
    stub.body = b'{"meta": {"result_count": 0}}'
    assert open_channel(setup_of("x", stub.url, tmp_path)).look(PARCEL) == Absent()
    asked = dict(parse_qsl(stub.seen[-1][1].partition("?")[2]))
    begins_ms = (int(asked["since_id"]) >> 22) + 1_288_834_974_657
    assert datetime.fromtimestamp(begins_ms / 1000, UTC) == START_AT - timedelta(hours=1)
    assert asked["tweet.fields"] == "created_at,entities"
    assert len(stub.seen) == 1


def test_a_file_that_stands_is_never_replaced(tmp_path: Path) -> None:
    setup = replace(setup_of("x", "", tmp_path), kind="folder", options={"path": "outbox"})
    channel = open_channel(setup)
    sent = channel.send(PARCEL)
    assert isinstance(sent, Sent)
    other = channel.send(replace(PARCEL, payload=replace(PARCEL.payload, text="Other words")))
    assert isinstance(other, Refused), other
    assert [one.read_text() for one in (tmp_path / "outbox").iterdir()] == [PARCEL.payload.text]

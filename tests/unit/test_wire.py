"""What the wire makes of a connection that goes wrong, and what it never lets a driver do."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import RequestException

from canned import CREDENTIALS, PARCEL, SECRET, Stub, open_stub, setup_of
from clinic_broadcast.channels import open_channel
from clinic_broadcast.channels.exchange import Lost, NotLeft, Reply, retry_at
from clinic_broadcast.channels.http import Wire
from clinic_broadcast.core.delivery import (
    Throttled,
)
from clinic_broadcast.errors import SettingsError
from fakes import START_AT, FakeClock


@pytest.fixture
def stub() -> Generator[Stub]:
    with open_stub() as canned:
        yield canned


# The wire ------------------------------------------------------------------------------------------------


def _serve(answer: Callable[[socket.socket], None]) -> tuple[str, threading.Thread]:
    """Serve one connection by hand."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener, contextlib.suppress(OSError):
            line, _ = listener.accept()
            with line:
                answer(line)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


def _drip(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        line.sendall(b"{")
        time.sleep(0.05)


def _drip_headers(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(90):
        line.sendall(f"X-{number}: 1\r\n".encode())
        time.sleep(0.05)


def _reset(line: socket.socket) -> None:
    line.recv(65_536)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def _flood(line: socket.socket) -> None:
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n")
    for _ in range(300):
        line.sendall(b"x" * 65_536)


@pytest.mark.parametrize("answer", [_drip, _drip_headers, _reset, _flood])
def test_an_answer_that_never_ends_or_breaks_is_lost(
    answer: Callable[[socket.socket], None], tmp_path: Path
) -> None:
    url, thread = _serve(answer)
    wire = Wire(setup_of("facebook", url, tmp_path, timeout_s=0.4))
    exchange = wire.call("POST", url, form={"a": "b"})
    assert isinstance(exchange, Lost), exchange
    thread.join(10)
    assert not thread.is_alive()


def test_a_tls_handshake_that_fails_has_let_nothing_out(stub: Stub, tmp_path: Path) -> None:
    url = stub.url.replace("http://", "https://")
    exchange = Wire(setup_of("facebook", url, tmp_path)).call("POST", url, form={"a": "b"})
    assert isinstance(exchange, NotLeft), exchange
    assert stub.seen == []


def test_a_name_that_is_none_has_let_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: object, **_options: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outcome = open_channel(setup_of("telegram", "http://nowhere.invalid", tmp_path)).send(PARCEL)
    assert outcome == Throttled("no connection: gaierror")


def test_the_deadline_is_checked_when_the_connection_stands(stub: Stub, tmp_path: Path) -> None:
    clock = FakeClock()
    wire = Wire(setup_of("facebook", stub.url, tmp_path, clock=clock))
    on_time = wire.call("POST", stub.url, deadline_at=clock.at)
    clock.pass_by(seconds=1)
    too_late = wire.call("POST", stub.url, deadline_at=clock.at - timedelta(microseconds=1))
    assert isinstance(on_time, Reply)
    assert too_late == NotLeft("the claim was too old when the request could have left")
    assert len(stub.seen) == 1


def test_a_name_that_is_found_too_late_lets_nothing_out(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = socket.getaddrinfo

    def find_slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.5)
        return find(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find_slowly)
    wire = Wire(setup_of("facebook", stub.url, tmp_path, timeout_s=0.2))
    assert isinstance(wire.call("POST", stub.url), NotLeft)
    assert stub.seen == []


def test_no_call_uses_the_connection_of_another(stub: Stub, tmp_path: Path) -> None:
    for kind in ("facebook", "x", "mastodon"):
        channel = open_channel(setup_of(kind, stub.url, tmp_path))
        for _ in range(2):
            channel.send(PARCEL)
    assert len(stub.seen) == 6
    assert {headers["connection"] for _, _, headers, _ in stub.seen} == {"close"}


def test_a_driver_that_calls_twice_is_stopped(stub: Stub, tmp_path: Path) -> None:
    wire = Wire(setup_of("facebook", stub.url, tmp_path))
    with wire.trip() as trip:
        wire.request("POST", stub.url)
        with pytest.raises(RequestException):
            wire.request("POST", stub.url)
        assert isinstance(trip.exchange, Reply)
    with pytest.raises(RequestException):
        wire.request("POST", stub.url)
    assert len(stub.seen) == 1


def test_a_netrc_file_does_not_replace_our_token(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wire = Wire(setup_of("facebook", stub.url, tmp_path))
    wire.trust_env = True
    wire.call("GET", stub.url, headers={"Authorization": f"Bearer {SECRET}"})
    assert stub.seen[-1][2]["authorization"] == f"Bearer {SECRET}"


def test_a_proxy_has_no_say_over_this_machine(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    for kind in ("facebook", "x"):
        open_channel(setup_of(kind, stub.url, tmp_path)).send(PARCEL)
    assert len(stub.seen) == 2


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "http://", "https://u:p@a.example", "http://a.example:99999", "http://["]
)
@pytest.mark.parametrize("kind", sorted(CREDENTIALS))
def test_an_address_that_is_none_is_a_fault_of_the_settings(kind: str, url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"channels.{kind}.api_url"):
        open_channel(setup_of(kind, url, tmp_path))


def test_only_a_webhook_has_an_address_with_a_query(tmp_path: Path) -> None:
    url = "https://a.example/hook?token=1"
    assert open_channel(setup_of("webhook", url, tmp_path)).account.startswith("webhook:a.example:")
    with pytest.raises(SettingsError) as refused:
        open_channel(setup_of("facebook", url, tmp_path))
    assert "token=1" not in str(refused.value)


def test_a_kind_that_is_none_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no channel kind 'pigeon'"):
        open_channel(replace(setup_of("x", "", tmp_path), kind="pigeon"))


@given(st.text(max_size=40))
def test_no_header_makes_us_wait_without_end_or_not_at_all(text: str) -> None:
    at = retry_at({"retry-after": text}, START_AT, "retry-after")
    assert at is None or timedelta(seconds=5) <= at - START_AT <= timedelta(hours=48)


@given(st.integers(0, 10**13))
def test_every_number_is_an_instant_within_two_days(number: int) -> None:
    at = retry_at({"x-rate-limit-reset": str(number)}, START_AT, "x-rate-limit-reset")
    assert at is None or timedelta(seconds=5) <= at - START_AT <= timedelta(hours=48)

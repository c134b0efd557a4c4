"""The daemon as a process: ready, truthful, alone in its home, and gone cleanly."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from clinic_broadcast.engine.systemd_unit import WATCHDOG_S
from e2e.homes import CLEAN, SETTINGS, Clinic, make_clinic

EVERY_MINUTE = 'job = "{job}"\ncron = "* * * * *"\n'


@contextmanager
def running(clinic: Clinic) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the daemon until it says that it is ready; give its process and its address."""
    with starting(clinic) as child:
        yield child, _address(child)


@contextmanager
def starting(clinic: Clinic) -> Iterator[subprocess.Popen[str]]:
    """Start the daemon and give its process, which is gone afterwards."""
    command = [sys.executable, "-m", "clinic_broadcast", "--home", str(clinic.home), "run"]
    environ = {**os.environ, "NO_COLOR": "1", **clinic.environ}
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def _address(child: subprocess.Popen[str]) -> str:
    assert child.stderr is not None
    for line in child.stderr:
        found = re.search(r'"url": ?"([^"]+)"', line)
        if found:
            return found[1]
    raise AssertionError("the daemon ended before it was ready")


def get(url: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=20) as reply:
            return reply.status, reply.read(), {name.lower(): value for name, value in reply.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = make_clinic(tmp_path, settings=SETTINGS + "\n[web]\nport = 0\n")
    assert made.run("init", "--yes").returncode == 0
    return made


def test_it_serves_feeds_and_tells_the_truth_and_stops_on_sigterm(clinic: Clinic) -> None:
    with running(clinic) as (child, url):
        assert get(f"{url}/healthz")[0] == 200
        status, feed, headers = get(f"{url}/feeds/rss.xml")
        assert status == 200
        assert feed == (clinic.home / "public" / "feeds" / "rss.xml").read_bytes()
        assert headers["etag"]
        for _ in range(50):
            status, body, _headers = get(f"{url}/readyz")
            if status == 200:
                break
            time.sleep(0.1)
        assert status == 200, body
        assert json.loads(body)["ready"] is True
        assert get(f"{url}/clinic.toml")[0] == 404
        assert get(f"{url}/calendar.ics?key=")[0] == 404
        assert get(f"{url}/feeds/../clinic.toml")[0] == 404
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0


def test_a_hangup_while_it_starts_neither_ends_it_nor_is_forgotten(clinic: Clinic) -> None:
    said: list[str] = []
    with starting(clinic) as child:
        lock = clinic.home / "state" / "daemon.lock"
        # The lock is taken in the middle of the start, when the settings have been read.
        while not (lock.exists() and lock.read_text(encoding="ascii").strip() == str(child.pid)):
            assert child.poll() is None
            time.sleep(0.001)
        child.send_signal(signal.SIGHUP)
        assert child.stderr is not None
        for line in child.stderr:
            said.append(line)
            if "the settings were read again" in line:
                child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0
    assert any('"ready"' in line for line in said)


def test_it_tells_systemd_when_it_is_ready_that_it_lives_that_it_reads_again_and_that_it_stops(
    clinic: Clinic,
) -> None:
    # The path of a socket has a hundred characters at most, fewer than pytest's folders take.
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{folder}/notify")
        systemd.settimeout(WATCHDOG_S)  # Longer silence would be death for systemd, and is here.
        with starting(replace(clinic, environ={"NOTIFY_SOCKET": f"{folder}/notify"})) as child:
            assert _next_state(systemd) == ["READY=1"]
            child.send_signal(signal.SIGHUP)
            reloading, since = _next_state(systemd)
            assert reloading == "RELOADING=1"
            name, _, clock_us = since.partition("=")
            assert name == "MONOTONIC_USEC"
            assert 0 < int(clock_us) <= time.monotonic_ns() // 1000
            assert _next_state(systemd) == ["READY=1"]
            assert systemd.recv(4096) == b"WATCHDOG=1"
            child.send_signal(signal.SIGTERM)
            assert _next_state(systemd) == ["STOPPING=1"]
            assert child.wait(timeout=30) == 0


def _next_state(systemd: socket.socket) -> list[str]:
    """Give the next message that is not a sign of life, by its lines."""
    while (said := systemd.recv(4096).decode()) == "WATCHDOG=1":
        continue
    return said.splitlines()


def test_a_second_daemon_in_the_same_home_is_refused_and_a_kill_leaves_no_stale_lock(clinic: Clinic) -> None:
    with running(clinic) as (child, _url):
        second = clinic.run("run")
        assert second.returncode == 2
        assert str(child.pid) in second.stderr
        child.kill()
        child.wait(timeout=10)
    with running(clinic) as (child, _url):
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0


def test_an_approved_promo_goes_out_by_itself_at_its_slot(clinic: Clinic) -> None:
    for job in ("poll", "announce"):
        (clinic.home / "schedules" / f"{job}.toml").write_text(
            EVERY_MINUTE.replace("{job}", job), encoding="utf-8"
        )
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    (item,) = clinic.ask("queue")["items"]
    with running(clinic):
        assert clinic.run("approve", item["id"], "--by", "Pat").returncode == 0
        for _ in range(180):
            # The file is there a moment before the record says so, and leaving here kills the daemon.
            if clinic.outbox() and clinic.ask("log")["deliveries"][0]["state"] == "sent":
                break
            time.sleep(0.5)
    assert len(clinic.outbox()) == 1
    assert clinic.ask("log")["deliveries"][0]["state"] == "sent"


def test_a_promo_is_approved_on_the_daemons_page_and_no_log_holds_a_token(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    link = clinic.run("people", "add", "Dr. Jane Roe").stdout.strip()
    token = link.partition("=")[2]
    (item,) = clinic.ask("queue")["items"]
    with running(clinic) as (child, url):
        host = url.removeprefix("http://")
        assert ask(host, "GET", f"/review/sign-in?link={token}")[0] == 200
        status, headers, _ = ask(host, "POST", "/review/sign-in", f"link={token}")
        assert status == 303
        cookie = headers["set-cookie"].partition(";")[0]
        status, _, page = ask(host, "GET", "/review", cookie=cookie)
        assert status == 200
        (form_token,) = set(re.findall(r'name="token" value="(\w+)"', page))
        form = f"token={form_token}&revision={item['revision']}"
        assert ask(host, "POST", f"/review/{item['id']}/approve", form, cookie=cookie)[0] == 303
        child.send_signal(signal.SIGTERM)
        said = child.communicate(timeout=30)[1]
    assert clinic.ask("log")["deliveries"][0]["approved_by"] == "Dr. Jane Roe"
    assert "signed in to the review page" in said
    for secret in (token, cookie.partition("=")[2], form_token):
        assert secret not in said
        kept = [one for one in (clinic.home / "state").rglob("*") if one.is_file()]
        assert [one.name for one in kept if secret.encode() in one.read_bytes()] == []


def ask(
    host: str, method: str, path: str, body: str = "", *, cookie: str = ""
) -> tuple[int, dict[str, str], str]:
    line = http.client.HTTPConnection(host, timeout=20)
    try:
        headers = {"Accept": "text/html", "Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        line.request(method, path, body=body or None, headers=headers)
        answer = line.getresponse()
        return (
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read().decode(),
        )
    finally:
        line.close()

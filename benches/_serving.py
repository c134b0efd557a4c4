"""304s a second: the daemon's application, a bare ASGI function under the same server, and nginx on the same files."""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOWTO = ROOT / "docs" / "howto" / "host-the-feeds.md"
PATH = "/feeds/rss.xml"
ACCEPT = "gzip, deflate"
ROUNDS, ROUND_S, CONNECTIONS = 7, 1.5, 16
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

SERVER = """
import sys
from pathlib import Path
from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.server import open_port
kept = [(b"etag", b'"0123456789abcdef0123456789abcdef"'), (b"cache-control", b"public, max-age=900"),
        (b"vary", b"Accept-Encoding, Accept"), (b"last-modified", b"Thu, 26 Nov 2026 11:54:00 GMT"),
        (b"date", b"Thu, 26 Nov 2026 11:54:00 GMT")]
async def bare(scope, receive, send):
    await send({"type": "http.response.start", "status": 304, "headers": kept})
    await send({"type": "http.response.body", "body": b""})
app = bare if sys.argv[1] == "bare" else make_app(public=Path(sys.argv[2]), health=lambda: None)
port = open_port(app, host="127.0.0.1", port=0)
print(port.port, flush=True)
sys.stdin.read()
port.stop()
"""


def serve_side_by_side() -> None:
    """Print 304s a second and processor time each, the servers in turns, several rounds."""
    sys.path.insert(0, str(ROOT / "tests"))
    from feed_stages import Stage  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # nginx reads it as another user.
        stage = Stage(Path(folder))
        stage.archive(40)
        stage.build()
        public = stage.folder / "public"
        with running("bare", public) as bare, running("ours", public) as ours, nginx(public) as other:
            servers = {"bare ASGI function": bare, "ours": ours, "nginx, 1 worker": other}
            told = measured({name: one for name, one in servers.items() if one is not None})
    head = f"304 of {PATH}, {CONNECTIONS} connections"
    print(f"{head:46}{'a second':>13}{'best':>10}{'us CPU':>10}{'x bare':>9}{'by CPU':>9}")
    base_rate, base_cpu = middle(told["bare ASGI function"])
    for name, rounds in told.items():
        rate, cpu = middle(rounds)
        best = max(one for one, _ in rounds)
        print(
            f"  {name:44}{rate:>13.0f}{best:>10.0f}{cpu:>10.0f}{rate / base_rate:>9.2f}{base_cpu / cpu:>9.2f}"
        )
    if "nginx, 1 worker" not in told:
        print("!! nginx is not here: it is left out")


Server = tuple[int, int]
"""Port and process of a server."""

Rounds = list[tuple[float, float]]
"""Requests a second, and microseconds of processor time each, of every round."""


def measured(servers: Mapping[str, Server]) -> dict[str, Rounds]:
    """Ask the servers in turns, so that what else the machine does falls on all of them."""
    tags = {
        name: conditional(port) if name != "bare ASGI function" else '"x"'
        for name, (port, _) in servers.items()
    }
    told: dict[str, Rounds] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (port, pid) in servers.items():
            before = spent_s(pid)
            count = load(port, tags[name])
            told[name].append((count / ROUND_S, (spent_s(pid) - before) / count * 1e6))
    return told


def middle(rounds: Rounds) -> tuple[float, float]:
    """Give the median of both figures."""
    return statistics.median(rate for rate, _ in rounds), statistics.median(cpu for _, cpu in rounds)


def conditional(port: int) -> str:
    """Ask once for the whole document, and give the tag to ask with."""
    link = HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", PATH, headers={"Accept-Encoding": ACCEPT})
    reply = link.getresponse()
    reply.read()
    link.close()
    return str(reply.headers["ETag"])


def load(port: int, tag: str) -> int:
    """Ask on several connections, one request in flight on each, and give how many were answered with 304."""
    asked = (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
        f"Accept-Encoding: {ACCEPT}\r\nIf-None-Match: {tag}\r\n\r\n"
    ).encode()
    links = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    count, end = 0, time.perf_counter() + ROUND_S
    while time.perf_counter() < end:
        for link in links:
            link.sendall(asked)
        for link in links:
            if link.recv(65_536)[9:12] != b"304":
                raise SystemExit("an answer was no 304")
        count += len(links)
    for link in links:
        link.close()
    return count


def spent_s(pid: int) -> float:
    """Give the processor time of a process and its children so far."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
        waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text(encoding="ascii").split())
    return total


@contextmanager
def running(kind: str, public: Path) -> Iterator[Server]:
    """Serve in a process of its own, with the daemon's server and its settings."""
    command: list[Any] = [sys.executable, "-c", SERVER, kind, public]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int("" if server.stdout is None else server.stdout.readline()), server.pid
    finally:
        if server.stdin is not None:
            server.stdin.close()
        server.wait(10)


@contextmanager
def nginx(public: Path) -> Iterator[Server | None]:
    """Start nginx with the settings of the howto; None where it is not installed."""
    found = re.search(r"```nginx\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    if shutil.which("nginx") is None or found is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    place = public.parent
    block = found[1].replace("/srv/clinic/public", str(public)).replace("listen 80;", f"listen {port};")
    temporary = "".join(
        f"{kind}_temp_path {place}/t;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = place / "nginx.conf"
    settings.write_text(
        f"pid {place}/pid; error_log stderr; daemon off; worker_processes 1; events {{}}"
        f" http {{ access_log off; keepalive_requests 10000000; {temporary} {block} }}",
        encoding="utf-8",
    )
    server = subprocess.Popen(["nginx", "-c", settings, "-p", place], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(10)

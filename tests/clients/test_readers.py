"""Real feed readers against the served feed: what is new, unchanged, corrected and withdrawn is seen by all three."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clinic_broadcast.web.app import make_app
from clinic_broadcast.web.health import Health
from clinic_broadcast.web.server import Port, open_port
from feed_stages import HEAD, Stage, aged, reworded

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

READER = ("reader==3.26", "sgmllib3k==1.0.0")
"""Without sgmllib3k this version of reader fails at its first update."""

READ = """
import json, sys
from reader import make_reader
reader = make_reader(sys.argv[1])
reader.add_feed(sys.argv[2], exist_ok=True)
told = reader.update_feed(sys.argv[2])
rows = {one.id: [one.title, one.summary, [part.value for part in one.content]] for one in reader.get_entries()}
counts = None if told is None else [told.new, told.modified]
print(json.dumps({"told": counts, "entries": rows}))
"""


@dataclass
class Heard:
    """Wraps the application and notes how each request for a feed was answered."""

    app: ASGIApp
    answers: list[tuple[str, int, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def heard(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
                self.answers.append((scope["path"], message["status"], headers.get("user-agent", "")))
            await send(message)

        await self.app(scope, receive, heard if scope["type"] == "http" else send)


@dataclass
class Served:
    """A clinic's feeds as `run` serves them."""

    stage: Stage
    port: Port
    heard: Heard

    def url(self, name: str) -> str:
        return f"{self.port.url}/feeds/{name}"

    def statuses(self) -> list[int]:
        """Give the statuses since the last call."""
        found = [status for _, status, _ in self.heard.answers]
        self.heard.answers.clear()
        return found


@dataclass
class Moving:
    """The server at an old address: it serves the feeds until they move, and then answers 301."""

    app: ASGIApp
    to: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.to:
            headers = [(b"location", f"{self.to}{scope['path']}".encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 301, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)


def no_health() -> Health:
    raise NotImplementedError


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve five answers (a sixth waits for a person)."""
    heard = Heard(make_app(public=tmp_path / "public", health=no_health))
    port = open_port(heard, host="127.0.0.1", port=0)
    stage = Stage(tmp_path, head=replace(HEAD, base_url=port.url, hubs=()))
    stage.archive(6)
    stage.build()
    yield Served(stage, port, heard)
    assert port.stop()


def tell_all(served: Served) -> None:
    """Let one answer be new, one corrected and one withdrawn, in a build of its own."""
    stage = served.stage
    stage.clock.pass_by(minutes=5)
    stage.publish(replace(aged(7, 6), title="Fibroids and Pregnancy", published_at=stage.clock.now()))
    stage.publish(reworded(3, "One test shows it.", published_at=aged(3, 6).published_at))
    stage.withdraw(4)
    stage.build()


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_newsboat_sees_what_is_new_corrected_and_withdrawn(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "newsboat"
    home.mkdir()
    (home / "urls").write_text(served.url("rss.xml") + "\n", encoding="utf-8")
    (home / "config").touch()

    def reload() -> dict[str, tuple[str, str]]:
        run("newsboat", "-u", home / "urls", "-c", home / "cache.db", "-C", home / "config", "-x", "reload")
        with sqlite3.connect(home / "cache.db") as db:
            found = db.execute("select guid, title, content from rss_item where deleted = 0").fetchall()
        db.close()
        return {guid.rpartition(":")[2]: (title, content) for guid, title, content in found}

    before = reload()
    assert set(before) == {"post-1", "post-3", "post-4", "post-5", "post-6"}
    reload()
    served.statuses()
    reload()
    assert served.statuses() == [304]
    tell_all(served)
    after = reload()
    assert after["post-7"][0] == "Fibroids and Pregnancy"
    assert "Corrected on" in after["post-3"][1]
    assert after["post-4"][0] == "This answer has been withdrawn"
    assert before["post-4"][1] not in after["post-4"][1]
    assert {"post-3-correction-1", "post-4-withdrawal-1"} <= set(after)


def test_rss2email_with_its_defaults_mails_what_is_new_corrected_and_withdrawn(
    served: Served, tmp_path: Path
) -> None:
    home = tmp_path / "r2e"
    (home / "mail").mkdir(parents=True)
    settings = f"""[DEFAULT]
from = feed@localhost
to = me@localhost
email-protocol = maildir
maildir-path = {home}/mail
maildir-mailbox = INBOX
html-mail = False
"""
    (home / "r2e.cfg").write_text(settings, encoding="utf-8")
    r2e = ("r2e", "-c", home / "r2e.cfg", "-d", home / "r2e.json")
    env = {"HOME": str(home)}

    def mails() -> int:
        run(*r2e, "run", env=env)
        return sum(1 for path in (home / "mail").rglob("*") if path.is_file())

    run(*r2e, "add", "clinic", served.url("rss.xml"), env=env)
    assert mails() == 5
    served.statuses()
    assert mails() == 5
    assert served.statuses() == [304]
    tell_all(served)
    assert mails() == 8
    words = "".join(path.read_text(errors="replace") for path in (home / "mail").rglob("*") if path.is_file())
    for told in ("Subject: Fibroids and Pregnancy", "Subject: Correction: ", "Subject: Withdrawn: "):
        assert told in words


@cache
def reader_python() -> Path:
    """Make a throw-away environment with the library; it is removed when the tests end."""
    folder = Path(mkdtemp(prefix="reader-"))
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *READER)
    return folder / "bin" / "python"


@pytest.fixture(scope="module", autouse=True)
def _swept() -> Iterator[None]:
    yield
    if reader_python.cache_info().currsize:
        shutil.rmtree(reader_python().parents[1])
        # A worker may come back to this module after it has swept it once.
        reader_python.cache_clear()


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_reader_sees_what_is_new_corrected_and_withdrawn(served: Served, tmp_path: Path, name: str) -> None:
    def update() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(
            run(reader_python(), "-c", READ, tmp_path / "reader.db", served.url(name))
        )
        return told

    before = update()
    assert before["told"] == [5, 0]
    served.statuses()
    assert update()["told"] is None
    assert served.statuses() == [304]
    tell_all(served)
    after = update()
    assert after["told"] == [3, 2]
    shown = {key.rpartition(":")[2]: value for key, value in after["entries"].items()}
    assert shown["post-4"][0] == "This answer has been withdrawn"
    assert "Corrected on" in str(shown["post-3"])
    old = {key.rpartition(":")[2]: value for key, value in before["entries"].items()}["post-4"]
    assert old[0] not in str(shown["post-4"])


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_reader_follows_a_feed_that_has_moved_and_shows_nothing_twice(
    served: Served, tmp_path: Path, name: str
) -> None:
    old = Moving(make_app(public=served.stage.folder / "public", health=no_health))
    port = open_port(old, host="127.0.0.1", port=0)
    try:
        address = f"{port.url}/feeds/{name}"

        def update() -> dict[str, Any]:
            told: dict[str, Any] = json.loads(
                run(reader_python(), "-c", READ, tmp_path / "reader.db", address)
            )
            return told

        before = update()
        assert before["told"] == [5, 0]
        old.to = served.port.url
        tell_all(served)
        after = update()
    finally:
        assert port.stop()
    assert len(after["entries"]) == 8
    assert set(before["entries"]) < set(after["entries"])

"""The programs of others that post a feed's items to a network, and ours, each run as its users run it.

Every one gets a virtual environment of its own from the package index, pinned to the version that was looked at, and
is pointed at one feed and one simulated network on this machine. None is changed. Two shims only lead elsewhere what is
written into a program: see `SHIMS`. What cannot be run is named with its reason in `NOT_RUN`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Self

from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.client import Networks

ROOT: Final = Path(__file__).parents[1]
RUN_S: Final = 600
QUIET_S: Final = 4.0
START_S: Final = 30.0
REACH_S: Final = 86_400.0
"""The oldest item is a day old: a minute for each, since some programs take two of one second for one."""


NOT_RUN: Final[Mapping[str, str]] = {
    "feed2tweet 1.1": (
        "it posts to X's interface v1.1, which X has closed and which no server of ours speaks; and it does not "
        "start on Python 3.12 and later"
    ),
    "Postiz 1.0.9": "it needs six services beside itself (two PostgreSQL, Redis, Elasticsearch, Temporal); not on PyPI",
}

SHIMS: Final[Mapping[str, str]] = {
    # rss2bsky has bsky.social written into it, and asks for a profile, which no server without an AppView has.
    "rss2bsky": """
import json, os, sys
if any("rss2bsky" in word for word in sys.orig_argv):
    import httpx
    _send = httpx.Client.send
    def send(self, request, **options):
        to = httpx.URL(os.environ["BENCH_API"])
        if request.url.host == "bsky.social":
            if request.url.path.endswith("getProfile"):
                body = {"did": "did:plc:democlinicdemoclinicdemo", "handle": "clinic.demo.test"}
                return httpx.Response(200, json=body, request=request)
            request.headers["host"] = f"{to.host}:{to.port}"
            request.url = request.url.copy_with(
                scheme="http", host=to.host, port=to.port, path=to.path + request.url.path
            )
        return _send(self, request, **options)
    httpx.Client.send = send
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs: its folder, its interpreter, and the addresses of the feed and the network."""

    folder: Path
    python: Path
    feed_url: str
    api_url: str

    def script(self, name: str) -> str:
        """Give the path of a program that the environment has installed."""
        return str(self.python.parent / name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One program: what to install, how to prepare an empty state, and how to start it.

    `never_ends` is for a program that goes on for ever: it is stopped when the network hears nothing of it any more.
    `first_run` makes a state in which the feed was first seen empty, for a program that announces nothing at first.
    After a fault it is run `runs_after` times, each after a pause: enough for it to do all that it will ever do.
    """

    name: str
    network: str
    requirements: tuple[str, ...]
    prepare: Callable[[Place], None]
    command: Callable[[Place], list[str]]
    environ: Callable[[Place], dict[str, str]] = lambda _place: {}
    never_ends: bool = False
    first_run: bool = False
    runs_after: int = 2
    pause_s: float = 0.0


def _feed2toot(at: Place) -> None:
    token, base = CREDENTIALS["mastodon"]["access_token"], at.api_url
    (at.folder / "client.txt").write_text(f"id\nsecret\n{base}\n")
    (at.folder / "user.txt").write_text(f"{token}\n{base}\n")
    (at.folder / "tags.txt").write_text("")
    (at.folder / "f2t.ini").write_text(
        f"[mastodon]\ninstance_url={base}\nuser_credentials=user.txt\nclient_credentials=client.txt\n"
        "toot_visibility=public\n[cache]\ncachefile=f2t.cache\ncache_limit=100000\n"
        "[lock]\nlock_file=f2t.lock\nlock_timeout=3600\n"
        f"[rss]\nuri={at.feed_url}\ntoot={{title}} {{link}}\n"
        "[hashtaglist]\nseveral_words_hashtags_list=tags.txt\n"
    )


def _feediverse(at: Place) -> None:
    (at.folder / "fdv.yml").write_text(
        f"name: bench\nurl: {at.api_url}\nclient_id: a\nclient_secret: b\n"
        f"access_token: {CREDENTIALS['mastodon']['access_token']}\n"
        f"feeds:\n- url: {at.feed_url}\n  template: '{{title}} {{link}}'\nupdated: '2020-01-01T00:00:00+00:00'\n"
    )


def _rss2toot(at: Place) -> None:
    # Its own interpreter writes the file: another one may have another kind of database.
    lines = (
        "import shelve; s = shelve.open('r2t'); s['client'] = ('a', 'b');"
        f" s['access_token'] = {CREDENTIALS['mastodon']['access_token']!r}; s.close()"
    )
    subprocess.run([str(at.python), "-c", lines], cwd=at.folder, check=True)


def _rss2bsky(_at: Place) -> None:
    """Prepare nothing: it is set by its environment."""


def _rss2bsky_environ(at: Place) -> dict[str, str]:
    return {
        "R2B_FEED_URL": at.feed_url,
        "R2B_HANDLE": CREDENTIALS["bluesky"]["handle"],
        "R2B_PASSWORD": CREDENTIALS["bluesky"]["app_password"],
        "R2B_INTERVAL": "3600",
        "R2B_LAST_POSTED_FILE": "r2b.last",
        "R2B_START_POST_DATE": "Mon, 01 Jan 2024 00:00:00 +0000",
        "BENCH_API": at.api_url,
    }


OUR_SETTINGS: Final = """
[clinic]
name = "The Example Fertility Center"
blog_url = "https://blog.example/"
public_url = "https://feeds.example"
timezone = "America/Los_Angeles"
own_names = ["Dr. Jane Roe"]

[[sources]]
kind = "feed"
url = "{feed_url}"

[intake]
surge_max = 10000
allow_private = true

[review]
mode = "auto-clean"
first_n = 0

{hurry}
[channels.{network}]
kind = "{network}"
api_url = "{api_url}"
"""


IN_A_HURRY: Final = """[delivery]
timeout_s = 2
settle_s = 1
lease_s = 4
"""
"""So that what is in doubt is settled within seconds, and not within minutes."""


def _ours(network: str, hurry: str) -> Callable[[Place], None]:
    def prepare(at: Place) -> None:
        shutil.copytree(ROOT / "posts", at.folder / "posts")
        (at.folder / "clinic.toml").write_text(
            OUR_SETTINGS.format(feed_url=at.feed_url, api_url=at.api_url, network=network, hurry=hurry)
        )

    return prepare


def _our_environ(_at: Place) -> dict[str, str]:
    return {
        f"CLINIC_CHANNELS__{network.upper()}__{name.upper()}": value
        for network in ("mastodon", "bluesky")
        for name, value in CREDENTIALS[network].items()
    }


def _our_command(at: Place) -> list[str]:
    return [sys.executable, "-m", "clinic_broadcast", "--home", str(at.folder), "run", "--once"]


def ours(network: str, *, in_a_hurry: bool = False) -> Bot:
    """Give our own program, with settings that let it publish everything that the gate passes at once."""
    return Bot(
        name="clinic-broadcast",
        network=network,
        requirements=(),
        prepare=_ours(network, IN_A_HURRY if in_a_hurry else ""),
        command=_our_command,
        environ=_our_environ,
        first_run=True,
        # The lease and the settle window of OUR_SETTINGS; two looks, then one more send.
        runs_after=4,
        pause_s=2.5,
    )


PEERS: Final = (
    Bot(
        name="feed2toot 0.17",
        network="mastodon",
        requirements=("feed2toot==0.17", "Mastodon.py==1.8.1"),
        prepare=_feed2toot,
        command=lambda at: [at.script("feed2toot"), "-c", "f2t.ini", "--limit", "100000"],
    ),
    Bot(
        name="feediverse 0.4.1",
        network="mastodon",
        requirements=("feediverse==0.4.1", "Mastodon.py==1.8.1"),
        prepare=_feediverse,
        command=lambda at: [at.script("feediverse"), "-c", "fdv.yml"],
    ),
    Bot(
        name="rss2toot 0.0.2",
        network="mastodon",
        requirements=("rss2toot==0.0.2", "Mastodon.py==2.3.3"),
        prepare=_rss2toot,
        command=lambda at: [
            str(at.python), "-m", "rss2toot.rss2toot", "-a", "r2t", "-m", at.api_url, "-r", at.feed_url,
        ],
    ),
    Bot(
        name="rss2bsky 0.1.4",
        network="bluesky",
        requirements=("rss2bsky==0.1.4", "atproto==0.0.73"),
        prepare=_rss2bsky,
        command=lambda at: [str(at.python), "-m", "rss2bsky"],
        environ=_rss2bsky_environ,
        never_ends=True,
    ),
)  # fmt: skip


def cache_folder() -> Path:
    """Give where the environments are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clinic-broadcast-benches"


def installed(bot: Bot, cache: Path) -> Path:
    """Give the interpreter of the program's own environment, made on first use.

    Raises CalledProcessError when the package index is out of reach.
    """
    if not bot.requirements:
        return Path(sys.executable)
    name = bot.name.split()[0]
    return environment(name, bot.requirements, cache, shim=SHIMS.get(name))


def environment(name: str, requirements: tuple[str, ...], cache: Path, *, shim: str | None = None) -> Path:
    """Give the interpreter of an environment that holds these packages, made on first use.

    Raises CalledProcessError when the package index is out of reach.
    """
    mark = hashlib.sha256(repr((requirements, shim)).encode()).hexdigest()[:12]
    folder = cache / f"{name}-{mark}"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, *requirements], check=True, stderr=subprocess.DEVNULL)
        if shim:
            (site,) = folder.glob("lib/python*/site-packages")
            (site / "sitecustomize.py").write_text(shim)
        (folder / "whole").touch()
    return folder / "bin" / "python"


ITEM: Final = """<item><title>{title}</title><link>https://blog.example/2026/03/thyroid-tests-{number}.html</link>
<guid isPermaLink="false">tag:blog.example,2026:post-{number}</guid><pubDate>{date}</pubDate>
<description>{short}</description>
<content:encoded>{body}</content:encoded></item>
"""
LETTER: Final = (
    "&lt;p&gt;Hello Dr. Roe, I am writing from Oslo and lost a pregnancy. Should I test?&lt;/p&gt;"
    "&lt;p&gt;Hello Ingrid from Norway,&lt;/p&gt;&lt;p&gt;An underactive thyroid can raise the risk of an early loss. "
    "A simple blood test shows how the thyroid works. Case {number} needs nothing else.&lt;/p&gt;"
    "&lt;p&gt;Jane Roe, M.D.&lt;br&gt;The Example Fertility Center&lt;/p&gt;"
)


@dataclass(slots=True)
class Feed:
    """A feed on this machine with as many items as `count` says, the newest first; counts who asked for it."""

    count: int = 0
    asked: int = 0
    url: str = ""
    since_s: float = field(default_factory=lambda: time.time() - REACH_S)
    _server: ThreadingHTTPServer | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        feed = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536

            def do_GET(self) -> None:
                feed.asked += 1
                body = feed.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/rss+xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/feed"
        return self

    def __exit__(self, *_error: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def text(self) -> str:
        """Give the feed as RSS 2.0, in which rss2bsky reads its one form of date."""
        items = "".join(
            ITEM.format(
                number=number,
                title="Thyroid Tests and Early Pregnancy Loss",
                # rss2bsky posts the description, and a longer one is refused: it counts to 301.
                short=f"How the thyroid and an early loss belong together, case {number}.",
                body=LETTER.format(number=number),
                date=formatdate(self.since_s + 60 * number).replace("-0000", "+0000"),
            )
            for number in range(self.count, 0, -1)
        )
        return (
            '<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Answers</title>'
            f"<link>https://blog.example/</link><description>Answers</description>{items}</channel></rss>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a program cost, and how it ended."""

    wall_s: float
    cpu_s: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A program ready to run against a feed and the simulated networks, with an empty state of its own."""

    bot: Bot
    place: Place
    networks: Networks

    def start(self, *, pid_file: Path | None = None) -> subprocess.Popen[bytes]:
        """Start it; its pid, which is that of the process that posts, is written into the file at once."""
        child = subprocess.Popen(
            self.bot.command(self.place),
            cwd=self.place.folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **self.bot.environ(self.place)},
            stdout=subprocess.DEVNULL,
            stderr=(self.place.folder / "errors.txt").open("ab"),
        )
        if pid_file is not None:
            pid_file.write_text(f"{child.pid}\n")
        return child

    def finish(self, child: subprocess.Popen[bytes], *, within_s: float = RUN_S) -> Run:
        """Wait for its end, or stop what never ends, and give what it cost."""
        began_s = last_s = time.perf_counter()
        heard = -1
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            now_s = time.perf_counter()
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                cpu_s = used.ru_utime + used.ru_stime
                ended_s = last_s if self.bot.never_ends and heard > 0 else now_s
                return Run(wall_s=ended_s - began_s, cpu_s=cpu_s, status=child.returncode)
            if self.bot.never_ends and (calls := len(self.networks.calls(self.bot.network))) != heard:
                heard, last_s = calls, now_s
            is_quiet = self.bot.never_ends and now_s - last_s > (QUIET_S if heard > 0 else START_S)
            if is_quiet or now_s - began_s > within_s:
                child.kill()
            time.sleep(0.2 if self.bot.never_ends else 0.002)

    def run(self) -> Run:
        """Run it once, to its end."""
        return self.finish(self.start())


def prepared(bot: Bot, folder: Path, *, feed: Feed, networks: Networks, cache: Path) -> Bench:
    """Give the program with an empty state, and networks that hold nothing and take as much as comes."""
    folder.mkdir(parents=True)
    networks.reset()
    networks.set(bot.network, rate_limits=False)
    place = Place(
        folder=folder,
        python=installed(bot, cache),
        feed_url=feed.url,
        api_url=networks.url_for(bot.network),
    )
    bot.prepare(place)
    bench = Bench(bot=bot, place=place, networks=networks)
    if bot.first_run:
        count, feed.count = feed.count, 0
        bench.run()
        feed.count = count
        with sqlite3.connect(folder / "state" / "ledger.db") as ledger:
            # The feed is a year old to it, as to all others: only then is an item of yesterday news.
            ledger.execute("UPDATE source SET first_polled_at = '2025-01-01T00:00:00.000000Z'")
    return bench

"""The demo: the main job on invented answers, against simulated networks, killed in the middle and restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from clinic_broadcast.demo.answers import CLINIC, DOCTOR, NEW, OLD
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.errors import BugError

CHANNELS: Final = ("x", "facebook")
TRIES_MAX: Final = 40
"""Rounds of `run --once` after the kill; the first one usually settles it all."""

DOUBT_S: Final = 4.4
"""When the dead worker's claim has become doubtful: its lease and the settle window of the settings below.

Between claim and deadline lie two seconds: with less, a busy machine that loads X's driver for the first time finds its
own claim too old, sends nothing, and is not killed.
"""

SETTINGS: Final = """\
[clinic]
name = {clinic}
blog_url = "https://answers.example.org/"
public_url = "http://127.0.0.1:8080"
timezone = "America/Los_Angeles"
own_names = [{doctor}, {clinic}, "@willowexample"]

[[sources]]
kind = "blogger"
url = {blog}

[intake]
allow_private = true
surge_max = 10

[review]
mode = "hold"
first_n = 0

[delivery]
timeout_s = 2
settle_s = 0.3
lease_s = 4

[channels.x]
kind = "x"
api_url = {x}

[channels.facebook]
kind = "facebook"
api_url = {facebook}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The demo's home, the networks behind it, and the environment in which its commands run."""

    home: Path
    networks: Networks
    environ: Mapping[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of one command of ours on the demo's home."""
        return [sys.executable, "-m", "clinic_broadcast", "--home", str(self.home), *arguments]

    def call(self, *arguments: str, may_end: tuple[int, ...] = (0,)) -> str:
        """Run one command to its end and give its stdout; raises BugError when it ends in another way."""
        done = subprocess.run(  # noqa: S603  # Our own command line.
            self.command(*arguments),
            env=dict(self.environ),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode not in may_end:
            raise BugError(
                f"the demo's `{' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401  # JSON of our own command line.
        """Run one command with --json and give its document."""
        return json.loads(self.call(*arguments, "--json"))


def run_demo(*, serve: bool, directory: Path | None = None) -> int:
    """Show the main job from new answers to published promos, and give 0 when nothing was doubled or lost.

    Everything happens in a directory of its own (a temporary one if none is given) and on this machine. With
    `serve` the wall page and the feeds stay up until Ctrl-C.
    """
    folder = directory or Path(tempfile.mkdtemp(prefix="clinic-broadcast-demo-"))
    with Networks(folder / "networks") as networks:
        stage = _set_the_stage(folder, networks)
        _say(f"1  {len(OLD)} old answers on an invented blog: recorded as baseline, nothing announced")
        stage.call("init", "--yes")
        for answer in NEW:
            networks.add_answer(title=answer.title, html=answer.html)
        stage.call("run", "--once")
        waiting = stage.ask("queue")["items"]
        _say(
            f"2  {len(NEW)} new answers: {len(waiting)} promos written and examined, all waiting for a person"
        )
        approved = _approve(stage, waiting)
        deaths = _publish_and_kill(stage)
        _say(f"4  killed with -9 {deaths} time(s) right after a network had accepted; started again")
        rounds = _run_until_settled(stage)
        _say(f"5  looked on the network before sending again; settled after {rounds} more rounds")
        good = _summary(stage, approved, folder)
        if serve:
            _serve(stage)
    return 0 if good else 1


def _set_the_stage(folder: Path, networks: Networks) -> Stage:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    for answer in OLD:
        networks.add_answer(title=answer.title, html=answer.html, published="2026-01-12T17:00:00Z")
    words = {"clinic": CLINIC, "doctor": DOCTOR, "blog": networks.url_for("blog") + "/"}
    words |= {name: networks.url_for(name) for name in CHANNELS}
    settings = SETTINGS.format(**{key: json.dumps(word) for key, word in words.items()})
    (home / "clinic.toml").write_text(settings, encoding="utf-8")
    environ = {**os.environ, **networks.environment(*CHANNELS)}
    return Stage(home, networks, environ)


def _approve(stage: Stage, waiting: list[dict[str, Any]]) -> list[str]:
    """Approve as the assistant does; what the gate blocks stays for the clinician, with its reasons."""
    serious = {
        item["id"]: {one["rule"] for one in item["findings"] if one["severity"] != "note"} for item in waiting
    }
    approved = [one for one, rules in serious.items() if not rules]
    blocked = Counter(rule for rules in serious.values() for rule in rules)
    stage.call("approve", *approved, "--by", "Sam (assistant)")
    _say(
        f"3  {len(approved)} approved by the assistant; {len(waiting) - len(approved)} left for the clinician:"
    )
    _say(f"      {', '.join(sorted(blocked))}")
    return approved


def _publish_and_kill(stage: Stage) -> int:
    """Start publishing; X kills the process the moment it has accepted the second promo, before it answers."""
    pid_file = stage.home / "state" / "demo.pid"
    stage.networks.fault("x", "kill_after", path="/2/tweets", nth=2, pid_file=str(pid_file))
    child = subprocess.Popen(  # noqa: S603  # Our own command line; its pid is the publishing process itself.
        stage.command("run", "--once"),
        env=dict(stage.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid_file.write_text(str(child.pid), encoding="utf-8")
    ended = child.wait(timeout=60)
    stage.networks.clear_faults()
    return int(ended == -signal.SIGKILL)


def _run_until_settled(stage: Stage) -> int:
    time.sleep(DOUBT_S)
    for tries in range(1, TRIES_MAX + 1):
        stage.call("run", "--once", may_end=(0, 6, 75))
        states = Counter(row["state"] for row in stage.ask("log")["deliveries"])
        if not states["planned"] and not states["sending"] and not states["unsure"]:
            return tries
        time.sleep(0.3)
    return TRIES_MAX


def _summary(stage: Stage, approved: list[str], folder: Path) -> bool:
    rows = {row["id"]: row for row in stage.ask("log")["deliveries"]}
    public = [one for one in stage.networks.wall() if one["network"] in CHANNELS]
    copies = Counter((one["network"], one["text"]) for one in public)
    duplicates = sum(copies.values()) - len(copies)
    lost = sum(rows[one]["state"] != "sent" for one in approved)
    whole = "the history is whole" in stage.call("verify", may_end=(0, 1))
    wall = folder / "wall.html"
    with urlopen(f"{stage.networks.url}/wall", timeout=20) as page:  # noqa: S310  # Our own loopback server.
        wall.write_bytes(page.read())
    feeds = stage.ask("feed", "check")
    entries = max(one["entries"] for one in feeds["documents"])
    per_network = ", ".join(f"{name} {sum(one['network'] == name for one in public)}" for name in CHANNELS)
    _say("")
    _say(f"posts        {per_network}")
    _say(f"duplicates   {duplicates}")
    _say(f"lost         {lost}")
    _say(f"history      {'whole' if whole else 'NOT whole'}")
    _say(
        f"feed         {entries} entries, {feeds['problems']} problems: {stage.home / 'public' / 'feeds' / 'rss.xml'}"
    )
    _say(f"wall page    {wall}")
    _say(f"try          clinic-broadcast --home {stage.home} queue")
    return duplicates == 0 and lost == 0 and whole and feeds["problems"] == 0 and len(public) == len(approved)


def _serve(stage: Stage) -> None:
    daemon = subprocess.Popen(stage.command("run"), env=dict(stage.environ))  # noqa: S603  # Our own command line.
    _say("")
    _say(
        f"serving      wall {stage.networks.url}/wall · feeds http://127.0.0.1:8080/feeds/rss.xml · Ctrl-C ends it"
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        _say("stopping")
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201

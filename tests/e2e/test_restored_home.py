"""A restored home as its users meet it: the program on simulated X, with the ledger put back by command and by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.demo.networks import Networks
from e2e.program import run_forked

SETTINGS = """
[clinic]
name = "The Example Fertility Center"
blog_url = "https://blog.example/"
timezone = "America/Los_Angeles"
own_names = ["Dr. Jane Roe"]

[[sources]]
kind = "folder"
path = "answers"

[review]
mode = "auto-clean"
first_n = 0

[delivery]
timeout_s = 1
settle_s = 0.2
lease_s = 5

[channels.x]
kind = "x"
api_url = {url}
spend_max_usd_month = 0.8
"""

ANSWER = """---
title: "Thyroid Tests and Early Pregnancy Loss"
url: https://blog.example.org/2026/03/{slug}.html
---

Hello Dr. Roe,
I am Solveig from Bergen and lost two pregnancies. My aunt says it is the thyroid.
Kind regards

Hello Solveig from Norway,

An underactive thyroid can raise the risk of an early loss. A simple blood test shows how the thyroid works. {slug}.

Jane Roe, M.D.
"""


def command(home: Path, networks: Networks, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_forked(["--home", str(home), *arguments], networks.environment("x"))


def ask(home: Path, networks: Networks, *arguments: str) -> Any:
    return json.loads(command(home, networks, *arguments, "--json").stdout)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["command", "hand"])
def test_a_restored_home_doubles_nothing_on_x_and_counts_what_it_spends(tmp_path: Path, way: str) -> None:
    home = tmp_path / "home"
    (home / "answers").mkdir(parents=True)
    with Networks(tmp_path / "networks") as networks:

        def run(*arguments: str) -> str:
            done = command(home, networks, *arguments)
            assert "Traceback" not in done.stderr
            return done.stdout + done.stderr

        def publish(slug: str) -> None:
            (home / "answers" / f"{slug}.md").write_text(ANSWER.format(slug=slug), encoding="utf-8")
            run("run", "--once")

        (home / "clinic.toml").write_text(SETTINGS.format(url=json.dumps(networks.url_for("x"))))
        run("init", "--yes")
        # Without schedules there are no quiet hours, whatever the time of day.
        shutil.rmtree(home / "schedules")
        publish("plain")
        copy = tmp_path / "copy.db"
        run("backup", str(copy))
        publish("clear")
        publish("usual")
        assert len(networks.wall("x")) == 3
        assert ask(home, networks, "status")["problems"] == []

        if way == "command":
            assert "nothing goes out until" in run("restore", str(copy))
        else:
            for ending in ("-wal", "-shm"):
                (home / "state" / f"ledger.db{ending}").unlink(missing_ok=True)
            shutil.copyfile(copy, home / "state" / "ledger.db")
        told = ask(home, networks, "status")
        assert told["healthy"] is False
        assert "run --once" in told["problems"][0]
        checks = ask(home, networks, "doctor")["checks"]
        memory = [one for one in checks if one["detail"].startswith("the record ")]
        assert [one["fix"] for one in memory] == ["clinic-broadcast run --once"]

        for _ in range(4):
            run("run", "--once")
            time.sleep(1.5)
        publish("common")
        publish("simple")
        texts = Counter(one["text"] for one in networks.wall("x"))
        assert sorted(texts.values()) == [1, 1, 1, 1]
        # Four have used the month up; one more waits for the next, and says so.
        told = ask(home, networks, "status")
        assert (told["spend"]["x"]["usd"], told["spend"]["x"]["max_usd"]) == (0.8, 0.8)
        assert any("raise spend_max_usd_month" in problem for problem in told["problems"])
        states = Counter(one["state"] for one in ask(home, networks, "log")["deliveries"])
        assert states == {"sent": 4, "planned": 1}
        assert "the history is whole" in run("verify")


@pytest.mark.timeout(120)
def test_a_restored_home_shows_nothing_again_that_was_withdrawn(tmp_path: Path) -> None:
    home, feed = tmp_path / "home", tmp_path / "home" / "public" / "feeds"
    (home / "answers").mkdir(parents=True)
    settings = SETTINGS.format(url='""').replace('kind = "x"', 'kind = "folder"')
    settings = settings.replace("[channels.x]", "[channels.wall]").replace("spend_max_usd_month = 0.8", "")
    (home / "clinic.toml").write_text(settings.replace('api_url = ""', 'path = "wall"'), encoding="utf-8")

    def run(*arguments: str) -> str:
        done = run_forked(["--home", str(home), *arguments], {})
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    run("init", "--yes")
    shutil.rmtree(home / "schedules")
    (home / "answers" / "plain.md").write_text(ANSWER.format(slug="plain"), encoding="utf-8")
    run("run", "--once")
    copy = tmp_path / "copy.db"
    run("backup", str(copy))
    (sent,) = json.loads(run("log", "--json"))["deliveries"]
    assert "simple blood test" in (feed / "rss.xml").read_text(encoding="utf-8")
    run("withdraw", sent["answer_id"], "--why", "the patient asked")
    assert "simple blood test" not in (feed / "rss.xml").read_text(encoding="utf-8")
    stones = (feed / "withdrawn.atom.xml").read_text(encoding="utf-8")

    for ending in ("-wal", "-shm"):
        (home / "state" / f"ledger.db{ending}").unlink(missing_ok=True)
    shutil.copyfile(copy, home / "state" / "ledger.db")
    for arguments in (("feed", "build"), ("run", "--once"), ("publish", sent["answer_id"])):
        run(*arguments)
        assert "simple blood test" not in (feed / "rss.xml").read_text(encoding="utf-8")
        assert (feed / "withdrawn.atom.xml").read_text(encoding="utf-8") == stones
    assert "withdrawn" in run("publish", sent["answer_id"])
    assert json.loads(run("status", "--json"))["answers"]["withdrawn"] == 1
    assert "the history is whole" in run("verify")

"""Homes whose channels are simulated networks that take doubles, and what a program of such a home has done."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.run.broadcast import release_planned
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.intake import poll
from clinic_broadcast.run.promotion import plan_fresh
from clinic_broadcast.wire import open_office
from desks import ROOT, approve_all
from e2e.homes import CLEAN, Clinic, make_clinic

SETTINGS = """
[clinic]
name = "The Example Fertility Center"
blog_url = "https://answers.example.org/"
public_url = "https://feeds.example"
timezone = "America/Los_Angeles"
own_names = ["Dr. Jane Roe", "@exampleclinic"]

[[sources]]
kind = "folder"
path = "answers"

[review]
mode = "hold"
first_n = 0

[channels.x]
kind = "x"
api_url = "{x}"

[channels.page]
kind = "facebook"
api_url = "{facebook}"

[web]
port = 0
"""


def make_networked(networks: Networks, folder: Path) -> Clinic:
    """Make a home with X and a page of Facebook, neither of which refuses a double, so that ours would show."""
    networks.set("x", duplicate_window_s=0)
    networks.set("facebook", duplicates="taken")
    settings = SETTINGS.format(x=networks.url_for("x"), facebook=networks.url_for("facebook"))
    secrets = networks.environment("x") | {
        name.replace("FACEBOOK", "PAGE"): value for name, value in networks.environment("facebook").items()
    }
    made = Clinic(make_clinic(folder, settings=settings).home, environ=secrets)
    (made.home / "state").mkdir()
    for name in ("posts", "schedules"):
        shutil.copytree(ROOT / name, made.home / name)
    return made


@contextmanager
def desk_of(clinic: Clinic) -> Iterator[Desk]:
    """Give the desk of a program of this home, without starting one."""
    office = open_office(clinic.home, os.environ | clinic.environ, actor="test")
    yield office.desk
    office.desk.ledger.close()


def let_go_of_new_answers(clinic: Clinic, count: int) -> list[str]:
    """Take the baseline, let so many answers appear, approve their promos and let them go; give the answers' URLs."""
    urls = [f"https://answers.example.org/2026/03/new-{number}.html" for number in range(count)]
    with desk_of(clinic) as desk:
        poll(desk)
        for number, url in enumerate(urls):
            clinic.add(f"new{number}", CLEAN.replace("Thyroid Tests", f"Thyroid Tests {number + 1}"), url=url)
        poll(desk)
        plan_fresh(desk)
        approve_all(desk)
        assert release_planned(desk) == 2 * count
    return urls


def deliveries(clinic: Clinic) -> list[Delivery]:
    """Give what the record says."""
    with desk_of(clinic) as desk:
        return desk.ledger.deliveries()


def public(networks: Networks) -> Counter[tuple[str, str]]:
    """Count what is in public by network and text."""
    return Counter((str(row["network"]), str(row["text"])) for row in networks.wall())

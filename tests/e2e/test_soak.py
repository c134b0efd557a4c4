"""The real daemon under load for a while: its memory stays flat, every reader is served, each answer goes out once."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import pytest

from e2e.homes import SETTINGS, Clinic, make_clinic
from e2e.test_daemon import get, running

SOAK_S = float(os.environ.get("SOAK_S", "125"))
"""Long enough for two slots of jobs that come once a minute; before a release `SOAK_S=600`."""

SLOT_EVERY_S = 60.0

READERS = 4
READ_EVERY_S = float(os.environ.get("SOAK_READ_EVERY_S", "0.05"))
EVERY_S = 2.0
"""A new answer appears, and the settings are read again."""

GROWTH_MAX_MIB = 12.0
"""From the first slot of jobs to the end. Some is what a growing record costs; a kilobyte lost with each request is
more."""

SLOT_TAKES_S = 15.0
"""What the jobs of the first slot may take, in which lists and libraries are loaded that stay for good."""

MATTERS = (
    "Thyroid Disease", "Polyps", "Fibroids", "Blocked Tubes", "Ovulation", "Endometriosis", "Insulin Resistance",
    "Sperm Counts", "Embryo Transfer", "Progesterone", "Miscarriage", "Adenomyosis", "Hydrosalpinx",
)  # fmt: skip
PATHS = ("rss.xml", "atom.xml", "feed.json")
LETTER = """{a} and {b}

Hello Dr. Roe,
I am Solveig from Bergen, 37, and lost two pregnancies at Haukeland last May. My aunt Ragnhild says it is the thyroid.
Kind regards

Hello Solveig from Norway,

{a} can raise the risk of an early loss. {b} may be looked for with a simple test before a treatment begins.

Jane Roe, M.D.
Medical Director
The Example Fertility Center

Post a Comment
"""


@dataclass
class Load:
    """What readers and writers do until they are told to stop, and what readers got."""

    host: str
    stop: threading.Event = field(default_factory=threading.Event)
    replies: Counter[int] = field(default_factory=Counter[int])

    def read(self, path: str) -> None:
        """Ask for a feed as a polite reader does, again and again, over one connection."""
        line, etag = http.client.HTTPConnection(self.host, timeout=30), ""
        while not self.stop.is_set():
            line.request("GET", f"/feeds/{path}", headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
            reply = line.getresponse()
            reply.read()
            self.replies[reply.status] += 1
            # Now and then all of it once more.
            etag = reply.headers.get("ETag", etag) if sum(self.replies.values()) % 7 else ""
            time.sleep(READ_EVERY_S)
        line.close()


def memory_mib(pid: int) -> float:
    found = re.search(r"^VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def make_busy(folder: Path) -> Clinic:
    """Make a home that polls, announces and builds every minute, and lets go of what is clean by itself."""
    settings = SETTINGS + "\n[intake]\nsurge_max = 10000\n\n[web]\nport = 0\n"
    clinic = make_clinic(folder, mode="auto-clean", settings=settings)
    assert clinic.run("init", "--yes").returncode == 0
    for file in (clinic.home / "schedules").glob("*.toml"):
        file.unlink()
    for job in ("poll", "announce", "feeds"):
        more = "max_per_run = 1000\n" if job == "announce" else ""
        (clinic.home / "schedules" / f"{job}.toml").write_text(f'job = "{job}"\ncron = "* * * * *"\n{more}')
    return clinic


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_under_load_the_daemons_memory_stays_flat(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    clinic = make_busy(tmp_path)
    letters = permutations(MATTERS, 2)
    written, early_mib = 0, 0.0
    with running(clinic) as (child, url):
        load = Load(url.removeprefix("http://"))
        readers = [
            threading.Thread(target=load.read, args=(PATHS[one % len(PATHS)],)) for one in range(READERS)
        ]
        drain = threading.Thread(target=lambda: child.stderr and [None for _ in child.stderr])
        for thread in (*readers, drain):
            thread.start()
        began = time.monotonic()
        warm_in_s = max(SOAK_S / 4, SLOT_EVERY_S - time.time() % SLOT_EVERY_S + SLOT_TAKES_S)
        while (elapsed := time.monotonic() - began) < SOAK_S:
            a, b = next(letters, ("", ""))
            if a:
                slug = f"{a} and {b}".lower().replace(" ", "-")
                page = f"https://blog.example/2026/03/{slug}.html"
                clinic.add(slug, LETTER.format(a=a, b=b), url=page)
                written += 1
            child.send_signal(signal.SIGHUP)
            early_mib = early_mib or (memory_mib(child.pid) if elapsed > warm_in_s else 0.0)
            time.sleep(EVERY_S)
        late_mib = memory_mib(child.pid)
        status, body, _headers = get(f"{url}/readyz")
        load.stop.set()
        for thread in readers:
            thread.join(30)
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=60) == 0
        drain.join(30)
    sent = [one for one in clinic.ask("log")["deliveries"] if one["state"] == "sent"]
    record_property(
        "told",
        f"soak of {SOAK_S:.0f} s: {early_mib:.1f} MiB after {warm_in_s:.0f} s, {late_mib:.1f} at the end; "
        f"{written} new answers, {len(sent)} promos sent; readers got {dict(sorted(load.replies.items()))}",
    )
    assert status == 200, body
    assert set(load.replies) == {200, 304}
    assert min(load.replies.values()) > SOAK_S
    assert len(sent) == len(clinic.outbox()) > 0
    assert len({one["answer_id"] for one in sent}) == len(sent)
    assert late_mib - early_mib < GROWTH_MAX_MIB

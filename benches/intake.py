"""The first import of a large blog, and a poll that finds nothing new: time, peak memory and requests.

Run it with `python -m benches intake`. A blog of 10,000 invented answers is served on a loopback port in Blogger's
shape by a process of its own. `init` of the real program reads it whole into a real SQLite file, every answer examined
by the gate: the import is done when it says that all are on record, and their feeds are built after it. `baseline` then
polls the blog unchanged. Beside it, in the same run: the same pages fetched and parsed with requests and feedparser
alone, the least that any reader of that blog must do. Memory is that of all processes of a program together, what they
share counted once.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COUNT = 10_000
PAGE_SIZE = 100
TARGET_S, TARGET_MB = 20.0, 150.0
RECORDED = " answers recorded as baseline"

SERVE = """
import itertools, sys, threading
sys.path[:0] = sys.argv[1:2]
from contract.sources import Page, open_blog
count, size = int(sys.argv[2]), int(sys.argv[3])
topics = ("Fibroids", "Polyps", "Thyroid tests", "Cysts", "Sperm tests")
what = ("the lining", "the transfer", "an early scan", "the luteal phase", "ovulation")
how = ("is often checked first", "can be measured", "may be repeated", "is usually left alone")
where = ("before a treatment cycle", "in most clinics", "with an ultrasound", "after a loss")
words = list(itertools.product(topics, what, how, where))
plain = ("thyroid", "pregnancy", "risk", "test", "loss", "early", "lining", "transfer", "scan", "ovulation")
# Addresses of plain words: one with a number in it is held by the gate, and the feeds would be empty.
slugs = list(itertools.product(plain, repeat=4))
with open_blog() as rig:
    rig.state.page_size = size
    for number in range(count):
        topic, one, other, place = words[number % len(words)]
        text = (
            f"Hello Dr. Roe,\\nI am Oddny from Tromso, and this is my letter number {number}. I ask about my"
            f" cycles.\\nOddny\\n\\nHello Oddny from Norway,\\n\\nIn general {one} {other} {place}. {topic} belong"
            " to the questions that are asked before that. What a clinic recommends then differs"
            f" from one person to the next. Note {number}."
            "\\n\\nJane Roe, M.D.\\nThe Example Fertility Center"
        )
        link = f"{rig.base}/2020/05/" + "-".join(slugs[number]) + ".html"
        heading = f"{topic} and {one} in general"
        rig.put(Page(number=number, text=text, days=number // 8, link=link, heading=heading))
    print(rig.base, flush=True)
    for line in sys.stdin:
        print(len(rig.state.asked), flush=True)
"""

LEAST = """
import sys, feedparser, requests
url = sys.argv[1] + "/feeds/posts/default?max-results=100"
count = 0
while url:
    page = feedparser.parse(requests.get(url, timeout=20).content)
    count += len(page.entries)
    url = next((one.href for one in page.feed.get("links", []) if one.get("rel") == "next"), "")
print(count)
"""

SETTINGS = """
[clinic]
name = "The Example Fertility Center"
blog_url = "{url}"
timezone = "America/Los_Angeles"
own_names = ["Dr. Jane Roe"]
[[sources]]
kind = "blogger"
[intake]
allow_private = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took: seconds of the clock and of the processor, and its peak memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float

    @property
    def told(self) -> str:
        """Give the cost as one part of a line."""
        return f"{self.wall_s:8.2f} s {self.cpu_s:8.2f} s CPU {self.peak_mb:8.0f} MB"


def main() -> None:
    """Print one line a step: the least that a reader does, the first import, and an unchanged poll."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE, str(ROOT / "tests"), str(COUNT), str(PAGE_SIZE)]
        blog = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            measure(blog, Path(folder))
        finally:
            blog.terminate()
            blog.wait(10)


def measure(blog: subprocess.Popen[str], home: Path) -> None:
    """Run each step once against the blog and print what it cost."""
    url = line_of(blog)
    (home / "clinic.toml").write_text(SETTINGS.format(url=url), encoding="utf-8")
    program = [sys.executable, "-m", "clinic_broadcast", "--home", str(home)]
    least, told = cost_of([sys.executable, "-c", LEAST, url])
    print(f"{'requests and feedparser':28}{least.told}  {told.strip()} answers")
    whole, first = import_cost_of([*program, "init", "--yes"])
    known = json.loads(cost_of([*program, "status", "--json"])[1])["answers"]["baseline"]
    if known != COUNT:
        raise SystemExit(f"{known} of {COUNT} answers are in the record")
    ratio = first.wall_s / least.wall_s
    print(f"{'init, all on record':28}{first.told}  {known} answers, {ratio:.1f} times the least")
    print(f"{'init, with its feeds':28}{whole.told}")
    before = asked(blog)
    again, _ = cost_of([*program, "baseline"])
    requests = asked(blog) - before
    print(f"{'an unchanged poll':28}{again.told}  {requests} request(s)")
    met = first.wall_s < TARGET_S and first.peak_mb < TARGET_MB and requests == 1
    print(
        f"targets: under {TARGET_S:.0f} s and {TARGET_MB:.0f} MB, one request: {'met' if met else 'missed'}"
    )


def asked(blog: subprocess.Popen[str]) -> int:
    """Give how many requests the blog has answered."""
    if blog.stdin is not None:
        blog.stdin.write("\n")
        blog.stdin.flush()
    return int(line_of(blog))


def line_of(blog: subprocess.Popen[str]) -> str:
    """Give the next line that the blog says."""
    return "" if blog.stdout is None else blog.stdout.readline().strip()


def cost_of(command: list[str]) -> tuple[Cost, str]:
    """Run a program to its end and give what it cost, by the system's own account, and what it printed."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    printed = "" if child.stdout is None else child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{command[-1]} ended with {child.returncode}")
    wall_s = time.perf_counter() - began
    return Cost(wall_s=wall_s, cpu_s=used.ru_utime + used.ru_stime, peak_mb=peak_mb(used)), printed


def import_cost_of(command: list[str]) -> tuple[Cost, Cost]:
    """Run `init` to its end and give what all of it cost, and what it cost until all answers were on record."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peaks, is_over = [0.0], threading.Event()
    watch = threading.Thread(target=_watch, args=(child.pid, peaks, is_over))
    watch.start()
    first = Cost(wall_s=0.0, cpu_s=0.0, peak_mb=0.0)
    for line in child.stderr or ():
        if RECORDED in line:
            cpu_s = _of_processes(child.pid, _cpu_s)
            first = Cost(wall_s=time.perf_counter() - began, cpu_s=cpu_s, peak_mb=peaks[0])
    _, status, used = os.wait4(child.pid, 0)
    is_over.set()
    watch.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0 or not first.wall_s:
        raise SystemExit(f"init ended with {child.returncode}")
    cpu_s = used.ru_utime + used.ru_stime
    return Cost(wall_s=time.perf_counter() - began, cpu_s=cpu_s, peak_mb=peaks[0]), first


def _watch(pid: int, peaks: list[float], is_over: threading.Event) -> None:
    """Keep the highest memory of a process and its children together."""
    while not is_over.wait(0.1):
        peaks[0] = max(peaks[0], _of_processes(pid, _memory_mb))


def _of_processes(pid: int, measure: Callable[[str], float]) -> float:
    """Give the sum over a process and its children; one that has ended meanwhile counts nothing."""
    total = 0.0
    for one in (str(pid), *_read(f"/proc/{pid}/task/{pid}/children").split()):
        total += measure(one)
    return total


def _memory_mb(pid: str) -> float:
    """Give the memory of a process, each page that others share in its part (Linux: proc(5), smaps_rollup)."""
    lines = (line.split() for line in _read(f"/proc/{pid}/smaps_rollup").splitlines())
    return sum(int(line[1]) for line in lines if line[0] == "Pss:") * 1024 / 1_000_000


def _cpu_s(pid: str) -> float:
    """Give the processor time of a process and of its children that have ended (Linux: proc(5), stat)."""
    spent = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:15]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


def peak_mb(used: resource.struct_rusage) -> float:
    """Give the peak of resident memory in millions of bytes; the system counts in KiB, macOS in bytes."""
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1_000_000


if __name__ == "__main__":
    main()

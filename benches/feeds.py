"""Feeds side by side in one run: plain feedgen, feedgenerator and ours, at 20, 1,000 and 10,000 answers.

    .venv/bin/python benches/feeds.py [--sizes 20 1000 10000] [--peer PYTHON]

Each case runs in a process of its own, in random order. `ms` is the median; `+MB` is the peak of resident memory over
what the process held before (Linux). Ratios travel to other machines, times do not. `--peer` is a Python that has
`feedgenerator` 2.2.1; without it a virtual environment is made for the run.
"""

# ruff: noqa: D103, S311, ANN401  # The names say it, the shuffle guards nothing, and peers have no types.
from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
START_AT = datetime(2010, 1, 1, tzinfo=UTC)
BODY = (
    "<p>"
    + "A blood test in the first week shows how the thyroid works, and a second one tells more. " * 34
    + "</p>"
)
PEER = "feedgenerator==2.2.1"
OURS, NEW, WINDOW = "ours, all in one document", "ours, one new answer", "ours, cached window of 30"
FEEDGEN, GETPELICAN = "plain feedgen", "feedgenerator"


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"tag:blog.example,2010:post-{n}",
            "url": f"https://blog.example/{n}.html",
            "title": f"Answer {n} about thyroid & pregnancy",
            "summary": "A blood test in the first week shows how the thyroid works.",
            "at": START_AT + timedelta(hours=n),
        }
        for n in range(count)
    ]


def by_feedgen(count: int) -> Callable[[], int]:
    import lxml.etree  # noqa: F401, PLC0415  # Before feedgen, which forgets it.
    from feedgen.feed import FeedGenerator  # noqa: PLC0415

    answers = rows(count)

    def make() -> int:
        feed = FeedGenerator()
        feed.id("https://blog.example/")
        feed.title("A clinic")
        feed.description("Answers")
        feed.link(href="https://blog.example/", rel="alternate")
        for row in answers:
            entry = feed.add_entry(order="append")
            entry.id(row["id"])
            entry.title(row["title"])
            entry.link(href=row["url"], rel="alternate")
            entry.summary(row["summary"])
            entry.description(row["summary"])
            entry.content(BODY, type="html")
            entry.published(row["at"])
            entry.updated(row["at"])
        return len(feed.rss_str()) + len(feed.atom_str())

    return make


def by_feedgenerator(count: int) -> Callable[[], int]:
    import feedgenerator  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # Only the peer has it.

    answers = rows(count)

    def make() -> int:
        length = 0
        for kind in (feedgenerator.Rss201rev2Feed, feedgenerator.Atom1Feed):
            feed = kind(title="A clinic", link="https://blog.example/", description="Answers")
            for row in answers:
                feed.add_item(
                    title=row["title"], link=row["url"], description=row["summary"], content=BODY,
                    unique_id=row["id"], pubdate=row["at"], updateddate=row["at"],
                )  # fmt: skip
            length += len(feed.writeString("utf-8"))
        return length

    return make


def our_document(count: int) -> Any:
    from clinic_broadcast.core.feed import FeedDocument, FeedEntry, FeedHead  # noqa: PLC0415

    head = FeedHead(
        title="A clinic", subtitle="Answers", home_url="https://blog.example/", base_url="https://feeds.example",
        language="en", author="Dr. Jane Roe",
    )  # fmt: skip
    entries = tuple(
        FeedEntry(
            id=row["id"], url=row["url"], title=row["title"], summary=row["summary"], published_at=row["at"],
            updated_at=row["at"], author="Dr. Jane Roe", paragraphs=(BODY[3:-4],),
        )
        for row in rows(count)
    )  # fmt: skip
    return FeedDocument(head=head, entries=entries)


def by_us(count: int) -> Callable[[], int]:
    from clinic_broadcast.feeds.render import atom, rss  # noqa: PLC0415

    document = our_document(count)
    return lambda: len(rss(document)) + len(atom(document))


def window(_count: int) -> Callable[[], int]:
    from clinic_broadcast.feeds.render import Presses, atom, rss  # noqa: PLC0415

    document, presses = our_document(30), Presses()
    return lambda: len(rss(document, presses)) + len(atom(document, presses))


def one_new(count: int, folder: Path) -> dict[str, float]:
    """Publish one answer into a blog of `count`; the figure is one whole build: look, decide, render, write, fsync."""
    sys.path.insert(0, str(ROOT / "tests"))
    from clinic_broadcast.ledger.migrate import migrate, open_ledger  # noqa: PLC0415
    from feed_stages import Stage, aged  # noqa: PLC0415

    url = f"sqlite:///{folder}/ledger.db"
    migrate(url)
    stage = Stage(folder, ledger=open_ledger(url, "test"))
    first = 101 if count > 200 else count + 1  # Longer numbers look like postal codes to the gate.
    new = range(first, first + 7)
    old = [number for number in range(1, count + 8) if number not in new][:count]
    stage.publish(*(aged(number, count + 8) for number in old), baseline=True)
    started = time.perf_counter()
    stage.build()
    first_s = time.perf_counter() - started
    spent, peaks, render_ms = [], [], []
    for number in new:
        stage.clock.pass_by(minutes=1)
        raw = aged(number, count)
        stage.publish(replace(raw, published_at=stage.clock.now()))
        before = resident(reset=True)
        started = time.perf_counter()
        built = stage.build()
        spent.append((time.perf_counter() - started) * 1000)
        peaks.append(resident() - before)
        render_ms.append(len(built.written))
    files = sum(1 for _ in stage.feeds.rglob("*"))
    started = time.perf_counter()
    dict(stage.ledger.revisions())
    stage.ledger.newest_answers(60)
    ledger_ms = (time.perf_counter() - started) * 1000
    return {
        "ms": statistics.median(spent), "mb": max(peaks), "first_s": first_s, "files": files, "ledger_ms": ledger_ms,
        "written": statistics.median(render_ms),
    }  # fmt: skip


def resident(*, reset: bool = False) -> float:
    """Give the peak of resident memory in MB; `reset` starts a new peak at what is resident now."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def measure(make: Callable[[], int], count: int) -> dict[str, float]:
    make() if count <= 1000 else None
    before = resident(reset=True)
    spent = []
    for _ in range(31 if count <= 30 else 7 if count <= 1000 else 3):
        started = time.perf_counter()
        make()
        spent.append((time.perf_counter() - started) * 1000)
    return {"ms": statistics.median(spent), "mb": resident() - before}


def child(case: str, count: int) -> None:
    makers = {FEEDGEN: by_feedgen, GETPELICAN: by_feedgenerator, OURS: by_us, WINDOW: window}
    if case == NEW:
        with tempfile.TemporaryDirectory() as folder:
            found = one_new(count, Path(folder))
    else:
        found = measure(makers[case](count), 30 if case == WINDOW else count)
    print(json.dumps(found))


def peer(folder: Path, given: str) -> str:
    """Give a Python that has the peer library; empty when none can be had."""
    if given:
        return given
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    done = subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=False, capture_output=True)
    return python if done.returncode == 0 else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 1000, 10_000])
    parser.add_argument("--peer", default="")
    parser.add_argument("--child", nargs=2, metavar=("CASE", "COUNT"))
    given = parser.parse_args()
    if given.child:
        child(given.child[0], int(given.child[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        other = peer(Path(folder) / "peer", given.peer)
        cases = [(case, size) for size in given.sizes for case in (FEEDGEN, GETPELICAN, OURS, NEW)]
        cases.append((WINDOW, 30))
        random.Random(7).shuffle(cases)
        found: dict[tuple[str, int], dict[str, float]] = {}
        for case, size in cases:
            python = other if case == GETPELICAN else sys.executable
            if python:
                done = subprocess.run(
                    [python, __file__, "--child", case, str(size)], check=True, capture_output=True, text=True
                )
                found[case, size] = json.loads(done.stdout)
    show(found, given.sizes)


def show(found: dict[tuple[str, int], dict[str, float]], sizes: list[int]) -> None:
    print(f"{'':28}{'answers':>8}{'ms':>10}{'+MB':>8}{'x feedgen':>11}")
    for size in sizes:
        base = found[FEEDGEN, size]["ms"]
        for case in (FEEDGEN, GETPELICAN, OURS, NEW):
            row = found.get((case, size))
            if row is None:
                print(f"{case:28}{size:>8}  not measured: the library could not be installed")
                continue
            print(f"{case:28}{size:>8}{row['ms']:>10.2f}{row['mb']:>8.1f}{row['ms'] / base:>11.3f}")
            if case == NEW:
                print(
                    f"{'':28}  first build {row['first_s']:.1f} s, {row['files']:.0f} files; a new answer writes"
                    f" {row['written']:.0f} documents; asking the ledger {row['ledger_ms']:.1f} ms of it"
                )
    row = found[WINDOW, 30]
    print(f"{WINDOW:28}{30:>8}{row['ms']:>10.2f}{row['mb']:>8.1f}")


if __name__ == "__main__":
    main()

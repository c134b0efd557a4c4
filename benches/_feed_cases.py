"""What `benches/feeds.py` measures, each case in a process of its own: `python benches/_feed_cases.py CASE COUNT`.

The module imports only what its case needs, so that another Python that has a peer's library can run it too.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
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
TOPICS = ("Fibroids", "Polyps", "Thyroid tests", "Cysts", "Sperm tests")
WHAT = ("the lining", "the transfer", "an early scan", "the luteal phase", "ovulation")
HOW = ("is often checked first", "can be measured", "may be repeated", "is usually left alone")
WHERE = ("before a treatment cycle", "in most clinics", "with an ultrasound", "after a loss")
WORDS = tuple(itertools.product(TOPICS, WHAT, HOW, WHERE))
NEW_COUNT = 50
FIRST_PAGE = 25


def sentence(number: int) -> str:
    """Give a sentence, another one for each of the next 400 numbers."""
    topic, one, other, place = WORDS[number % len(WORDS)]
    return f"In general {one} {other} {place}. {topic} belong to the questions that are asked before that."


def rows(count: int) -> list[dict[str, Any]]:
    """Give invented answers of three kilobytes, no two neighbours with the same words."""
    return [
        {
            "id": f"tag:blog.example,2010:post-{n}",
            "url": f"https://blog.example/{n}.html",
            "title": f"Answer {n}: {WORDS[n % len(WORDS)][0]} & pregnancy",
            "summary": sentence(n),
            "body": "<p>" + " ".join(sentence(n + k) for k in range(30)) + "</p>",
            "at": START_AT + timedelta(hours=n),
        }
        for n in range(count)
    ]


def by_feedgen(count: int) -> Callable[[], int]:
    """Give RSS and Atom of plain feedgen."""
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
            entry.content(row["body"], type="html")
            entry.published(row["at"])
            entry.updated(row["at"])
        return len(feed.rss_str()) + len(feed.atom_str())

    return make


def by_feedgenerator(count: int) -> Callable[[], int]:
    """Give RSS and Atom of getpelican's feedgenerator, whose RSS has no bodies."""
    import feedgenerator  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # Only the peer has it.

    answers = rows(count)

    def make() -> int:
        length = 0
        for kind in (feedgenerator.Rss201rev2Feed, feedgenerator.Atom1Feed):
            feed = kind(title="A clinic", link="https://blog.example/", description="Answers")
            for row in answers:
                feed.add_item(
                    title=row["title"], link=row["url"], description=row["summary"], content=row["body"],
                    unique_id=row["id"], pubdate=row["at"], updateddate=row["at"],
                )  # fmt: skip
            length += len(feed.writeString("utf-8"))
        return length

    return make


def our_document(count: int) -> Any:  # noqa: ANN401
    """Give a document of ours that holds so many answers."""
    from clinic_broadcast.core.feed import FeedDocument, FeedEntry, FeedHead  # noqa: PLC0415

    head = FeedHead(
        title="A clinic", subtitle="Answers", home_url="https://blog.example/", base_url="https://feeds.example",
        language="en", author="Dr. Jane Roe",
    )  # fmt: skip
    entries = tuple(
        FeedEntry(
            id=row["id"], url=row["url"], title=row["title"], summary=row["summary"], published_at=row["at"],
            updated_at=row["at"], author="Dr. Jane Roe", paragraphs=(row["body"][3:-4],),
        )
        for row in rows(count)
    )  # fmt: skip
    return FeedDocument(head=head, entries=entries)


def by_us(count: int) -> Callable[[], int]:
    """Give RSS and Atom of ours, all in one document, as the others do it and we never do."""
    from clinic_broadcast.feeds.render import atom, rss  # noqa: PLC0415

    document = our_document(count)
    return lambda: len(rss(document)) + len(atom(document))


def by_us_kept(count: int) -> Callable[[], int]:
    """Give RSS, Atom and JSON Feed of ours, every entry rendered before."""
    from clinic_broadcast.feeds.render import Presses, atom, json_feed, rss  # noqa: PLC0415

    document, presses = our_document(count), Presses()
    return lambda: sum(len(form(document, presses)) for form in (rss, atom, json_feed))


def measured(make: Callable[[], int], count: int) -> dict[str, float]:
    """Give the median of wall and processor time in ms, and the peak of memory over what was held before."""
    if count <= 1000:
        make()
    before = resident(reset=True)
    wall, cpu = [], []
    for _ in range(41 if count <= 30 else 7 if count <= 1000 else 3):
        began, used = time.perf_counter(), time.process_time()
        make()
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return {"ms": statistics.median(wall), "cpu": statistics.median(cpu), "mb": resident() - before}


def our_blog(count: int, folder: Path) -> dict[str, Any]:
    """Take `count` answers in, build all feeds from nothing, then publish new answers one by one.

    The figure of a new answer is one whole build of the daemon: ask the record, put the answer into words, render,
    compress, write and make durable, rename. As in the daemon the promos of the answer are planned between poll and
    build, and the sentences that the gate has passed for them need not be read again; of every second answer nothing is
    planned (`review.mode = "off"`), so that the build has the gate read it. What it spends where is measured beside it.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    import clinic_broadcast.core.newsroom as newsroom  # noqa: PLC0415, PLR0402
    import clinic_broadcast.feeds.publish as publish  # noqa: PLC0415, PLR0402
    from clinic_broadcast.ledger.migrate import migrate, open_ledger  # noqa: PLC0415
    from clinic_broadcast.run import feeding  # noqa: PLC0415
    from clinic_broadcast.run.promotion import plan_fresh  # noqa: PLC0415
    from desks import desk  # noqa: PLC0415
    from fakes import WallChannel  # noqa: PLC0415
    from feed_stages import Stage, aged  # noqa: PLC0415

    url = f"sqlite:///{folder}/ledger.db"
    migrate(url)
    stage = Stage(folder, ledger=open_ledger(url, "bench"))
    stage.desk = desk(stage.ledger, [WallChannel(folder / "wall")], sources=[stage.source], clock=stage.clock)
    # Longer numbers look like postal codes to the gate.
    first = 101 if count > 200 else count + 1
    new = range(first, first + NEW_COUNT)
    old = [number for number in range(1, count + NEW_COUNT + 1) if number not in new][:count]

    def told(number: int) -> Any:  # noqa: ANN401
        raw = aged(number, count + NEW_COUNT)
        topic = WORDS[number % len(WORDS)][0]
        body = raw.body.replace(
            "An underactive thyroid can", f"{sentence(number)} An underactive thyroid can"
        )
        return replace(raw, body=body, title=f"{topic} and Early Pregnancy Loss")

    stage.publish(*map(told, old), baseline=True)
    # From now on a poll finds what a blog shows on its first page; all of it for each new answer would take minutes.
    del stage.source.answers[:-FIRST_PAGE]
    began, used = time.perf_counter(), time.process_time()
    stage.build()
    first_build = {"ms": (time.perf_counter() - began) * 1000, "cpu": (time.process_time() - used) * 1000}
    parts: dict[str, list[float]] = {}
    watch(newsroom, "words_of", parts)
    watch(feeding, "build_feeds", parts)
    watch(publish, "write_changes", parts)
    syncs = watch(os, "fsync", parts)
    wall, cpu, unread, written, peaks = [], [], [], [], []
    for number in new:
        stage.clock.pass_by(minutes=1)
        stage.publish(replace(told(number), published_at=stage.clock.now()))
        is_planned = number % 2 == 0
        if is_planned:
            plan_fresh(stage.desk)
        before, asked = resident(reset=True), len(syncs)
        began, used = time.perf_counter(), time.process_time()
        built = stage.build()
        if not is_planned:
            unread.append((time.process_time() - used) * 1000)
            plan_fresh(stage.desk)
            continue
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
        peaks.append(resident() - before)
        written.append((len(built.written), len(syncs) - asked))
    files, waits = sorted(written)[len(written) // 2]
    return {
        "first": first_build,
        "files": sum(1 for _ in stage.feeds.rglob("*")),
        "new": {"ms": statistics.median(wall), "cpu": statistics.median(cpu), "mb": statistics.median(peaks)},
        "least": {"ms": min(wall), "cpu": min(cpu)},
        "unread": {"cpu": statistics.median(unread), "least": min(unread)},
        "peak_mb": max(peaks),
        "documents": files,
        "waits": waits,
        "wait_ms": wait_ms(folder),
        "gate_ms": max(
            statistics.median(parts["words_of"][0::2]), statistics.median(parts["words_of"][1::2])
        ),
        "decide_ms": statistics.median(parts["build_feeds"]),
        "write_ms": statistics.median(parts["write_changes"]),
    }


def watch(module: Any, name: str, parts: dict[str, list[float]]) -> list[float]:  # noqa: ANN401
    """Note how long each call of a function lasts, in ms."""
    whole, spent = getattr(module, name), parts.setdefault(name, [])

    def watched(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        began = time.perf_counter()
        try:
            return whole(*given, **named)
        finally:
            spent.append((time.perf_counter() - began) * 1000)

    setattr(module, name, watched)
    return spent


def wait_ms(folder: Path) -> float:
    """Give what one fsync of a file of 24 KB costs here, the median of twenty."""
    spent = []
    for number in range(20):
        with (folder / f"wait-{number}").open("wb") as file:
            file.write(os.urandom(24_000))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


def resident(*, reset: bool = False) -> float:
    """Give the peak of resident memory in MB; `reset` starts a new peak at what is resident now. Linux only."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


MAKERS: dict[str, Callable[[int], Callable[[], int]]] = {
    "feedgen": by_feedgen, "feedgenerator": by_feedgenerator, "ours": by_us, "kept": by_us_kept,
}  # fmt: skip


def main(case: str, count: int) -> None:
    """Measure one case and print its figures as JSON."""
    if case == "rows":
        shape = [{**row, "at": row["at"].isoformat()} for row in rows(count)]
        print(json.dumps(shape))
    elif case == "blog":
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(our_blog(count, Path(folder))))
    else:
        print(json.dumps(measured(MAKERS[case](count), count)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""Puts other programs that post a feed's items under the faults that ours is put under: same feed, server and faults.

Run it with `python -m benches peers`; `python -m benches.peers --write` puts its table into docs/faults.md. It needs
the package index once, to install the others, and takes some ten minutes. Ten new items, the fault at the fifth
request that publishes, then runs without a fault. What is counted is the network's own list.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benches._bots import NOT_RUN, PEERS, Bench, Bot, Feed, cache_folder, ours, prepared  # noqa: E402 - After the path.
from clinic_broadcast.demo.networks.client import Networks  # noqa: E402 - The same.
from faults.matrix_page import PEERS_HEAD, own_part  # noqa: E402 - The same.

ITEMS: Final = 10
NTH: Final = 5
RUN_S: Final = 60.0
AT_ONCE: Final = 3
"""Nothing here is timed; most of it is waiting."""
PATHS: Final[Mapping[str, str]] = {
    "mastodon": "/api/v1/statuses",
    "bluesky": r"/xrpc/com\.atproto\.repo\.(put|create)Record",
}
HOW: Final = """Measured on {today} by `python -m benches.peers --write`: ten new items in a feed, one fault, then runs
without one until nothing is left to do, all before the same simulated networks. The programs are those of PyPI in the
versions named, unchanged, each in an environment of its own. *Each once*: ten items, ten posts. *n twice*: copies too
many. *A lock stays*: the next run does nothing and ends with 0 until a person deletes a file. Ours is the program
itself, `run --once`, with a settle window of one second; no person did anything in between.
"""
ITEM: Final = re.compile(r"thyroid-tests-(\d+)|case (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault, by the simulated networks' name of it; none means that two processes run at once instead."""

    name: str
    mode: str = ""
    resets: bool = False
    seconds: int = 0


ROWS: Final = (
    Row(name="kill -9 between acceptance and its record", mode="kill_after"),
    Row(name="connection reset after it was accepted", mode="drop_after", resets=True),
    Row(name="500 although it was accepted", mode="lie500"),
    Row(name="500 and not accepted", mode="500"),
    Row(name="429 with the network's headers", mode="429", seconds=3),
    Row(name="429 without a hint", mode="429_bare", seconds=3),
    Row(name="accepted, silence, and closed after 6 s", mode="hang", seconds=6),
    Row(name="two processes at once"),
)


def main() -> None:
    """Run every program under every fault and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/faults.md")
    asked = parser.parse_args([] if sys.argv[0].endswith("__main__.py") else None)
    bots = (ours("mastodon", in_a_hurry=True), ours("bluesky", in_a_hurry=True), *PEERS)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        columns = list(pool.map(lambda bot: column(bot, Path(folder)), bots))
    cells = {key: told for one in columns for key, told in one.items()}
    section = as_markdown(cells, [title_of(bot) for bot in bots])
    if asked.write:
        page = ROOT / "docs" / "faults.md"
        page.write_text(f"{own_part(page.read_text(encoding='utf-8'))}\n{section}", encoding="utf-8")
    else:
        print(section, end="")


def column(bot: Bot, folder: Path) -> dict[tuple[str, str], str]:
    """Put one program under every fault, on networks of its own, and tell of each on the error stream."""
    home, cells = folder / re.sub(r"\W+", "-", title_of(bot)), dict[tuple[str, str], str]()
    home.mkdir()
    with Networks(home / "networks") as networks, Feed(count=ITEMS) as feed:
        for number, row in enumerate(ROWS):
            bench = prepared(bot, home / str(number), feed=feed, networks=networks, cache=cache_folder())
            cells[row.name, title_of(bot)] = told = cell(bench, row)
            print(f"{title_of(bot)}: {row.name}: {told}", file=sys.stderr, flush=True)
    return cells


def title_of(bot: Bot) -> str:
    """Give the heading of a column: the program, its version, and which network it posted to."""
    return f"{bot.name} on {bot.network.capitalize()}"


def cell(bench: Bench, row: Row) -> str:
    """Spoil one run, let two more run, and give how many copies too many there are and how many items are missing."""
    pid_file = bench.place.folder / "bench.pid"
    network = bench.bot.network
    if row.mode:
        bench.networks.fault(
            network,
            row.mode,
            path=PATHS[network],
            nth=NTH,
            pid_file=str(pid_file),
            reset=row.resets,
            seconds=row.seconds,
        )
        bench.finish(bench.start(pid_file=pid_file), within_s=RUN_S)
        bench.networks.clear_faults()
    else:
        both = [bench.start(), bench.start()]
        for child in both:
            bench.finish(child, within_s=RUN_S)
    stale = False
    for _ in range(bench.bot.runs_after):
        time.sleep(bench.bot.pause_s)
        bench.finish(bench.start(), within_s=RUN_S)
        locks = list(bench.place.folder.glob("*.lock"))
        for lock in locks:
            # A person has to notice that; the next run would otherwise do nothing, with exit code 0.
            lock.unlink()
        stale = stale or bool(locks)
    if stale:
        bench.finish(bench.start(), within_s=RUN_S)
    return told_of(Counter(items_on(bench.networks, network)), stale=stale)


def items_on(networks: Networks, network: str) -> Iterator[int]:
    """Give the number of the item of everything that is in public."""
    for one in networks.wall(network):
        found = ITEM.search(f"{one['link']} {one['text']}")
        yield int(found[1] or found[2]) if found else 0


def told_of(copies: Counter[int], *, stale: bool) -> str:
    """Give a cell: copies too many of all items together, items that never came, and a lock that was left behind."""
    doubled, lost = copies.total() - len(copies), ITEMS - len(copies)
    said = [f"{doubled} twice"] if doubled else []
    said += [f"{lost} lost"] if lost else []
    said += ["a lock stays"] if stale else []
    return ", ".join(said) if said else "each once"


def as_markdown(cells: Mapping[tuple[str, str], str], titles: list[str]) -> str:
    """Give the section of docs/faults.md."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [f"| fault of the fifth of ten requests | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    lines += [f"| {row.name} | {' | '.join(cells[row.name, title] for title in titles)} |" for row in ROWS]
    reasons = [f"- Not run: {name}: {reason}." for name, reason in NOT_RUN.items()]
    return f"{PEERS_HEAD}\n\n{HOW.format(today=today)}\n" + "\n".join([*lines, "", *reasons]) + "\n"


if __name__ == "__main__":
    main()

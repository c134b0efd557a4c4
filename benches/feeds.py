"""Feeds side by side in one run: plain feedgen, feedgenerator (PyPI), `feed` (npm) and ours; and 304s a second.

Run it with `python -m benches feeds`, or `python benches/feeds.py 20 1000` for other sizes. Each case has a process of
its own, in random order. For the others a new answer costs what all answers cost: they make the document anew. Ours
renders the same document once for comparison, and then does what the daemon does: from nothing (the gate reads every
answer, all archive pages in three formats, each with three compressed copies, durable) and for one new answer. A window
of 30 is what every poll of a changed feed needs. `+MB` is the peak of resident memory over what was held before.

Then the daemon's own application answers 304 beside a bare ASGI function under the same server, with the same headers,
and beside nginx with the settings of docs/howto/host-the-feeds.md on the same files.

The peers are installed into the cache folder on first use; what cannot be had is said. Ratios travel to other
machines, times do not.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# In the place of this folder, where this file would be found as `feeds`.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT)]

from benches._bots import cache_folder  # noqa: E402 - After the path is set.
from benches._serving import serve_side_by_side  # noqa: E402 - The same.

SIZES = (20, 1_000, 10_000)
WINDOW = 30
PYPI, NPM = "feedgenerator==2.2.1", "feed@6.0.0"
NAMES = {
    "feedgen": "plain feedgen",
    "feedgenerator": "feedgenerator (PyPI)",
    "npm": "feed (npm)",
    "ours": "ours, one document",
}
CASES = ROOT / "benches" / "_feed_cases.py"

NODE = """
const { Feed } = require('feed'); const fs = require('fs');
const rows = JSON.parse(fs.readFileSync(process.argv[1], 'utf8')); const count = rows.length;
const make = () => {
  const feed = new Feed({ title: 'A clinic', description: 'Answers', id: 'https://blog.example/',
    link: 'https://blog.example/' });
  for (const row of rows) feed.addItem({ title: row.title, id: row.id, link: row.url, description: row.summary,
    content: row.body, date: new Date(row.at), published: new Date(row.at) });
  return feed.rss2().length + feed.atom1().length;
};
const peak = () => process.resourceUsage().maxRSS / 1024;
const before = peak(); if (count <= 1000) make();
const wall = [], cpu = [];
for (let n = 0; n < (count <= 30 ? 41 : count <= 1000 ? 7 : 3); n++) {
  const began = process.hrtime.bigint(), used = process.cpuUsage(); make();
  wall.push(Number(process.hrtime.bigint() - began) / 1e6); const spent = process.cpuUsage(used);
  cpu.push((spent.user + spent.system) / 1000);
}
const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
console.log(JSON.stringify({ ms: middle(wall), cpu: middle(cpu), mb: peak() - before }));
"""


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print one line for each program and size, and then the 304s a second."""
    python, node = pypi_peer(), npm_peer()
    jobs = [(case, size) for size in sizes for case in ("feedgen", "feedgenerator", "npm", "ours", "blog")]
    jobs += [(case, WINDOW) for case in ("feedgen", "feedgenerator", "npm", "kept")]
    random.Random(7).shuffle(jobs)  # noqa: S311  # It guards nothing.
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for case, size in jobs:
        if case == "npm" and node is not None:
            found[case, size] = by_npm(node, size)
        elif case != "npm" and (case != "feedgenerator" or python):
            found[case, size] = told(
                [python if case == "feedgenerator" else sys.executable, CASES, case, str(size)]
            )
    for size in sizes:
        show_size(found, size)
    show_window(found)
    serve_side_by_side()


def told(command: list[str | Path]) -> dict[str, Any]:
    """Run a case and give its figures."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def by_npm(folder: Path, count: int) -> dict[str, Any]:
    """Let npm's `feed` make RSS and Atom of the same answers."""
    rows = folder / f"rows-{count}.json"
    rows.write_bytes(
        subprocess.run([sys.executable, CASES, "rows", str(count)], check=True, capture_output=True).stdout
    )
    done = subprocess.run(["node", "-e", NODE, rows], cwd=folder, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def pypi_peer() -> str:
    """Give a Python that has feedgenerator; empty, and said, when none can be had."""
    folder = cache_folder() / "feedgenerator"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", PYPI], check=False, capture_output=True)
        if done.returncode != 0:
            shutil.rmtree(folder)
            print(f"!! {PYPI} could not be installed: the package index is out of reach; it is left out\n")
            return ""
    return str(python)


def npm_peer() -> Path | None:
    """Give a folder in which node finds `feed`; None, and said, when none can be had."""
    folder = cache_folder() / "npm-feed"
    if shutil.which("npm") is None or shutil.which("node") is None:
        print(f"!! npm and node are not here: {NPM} is left out\n")
        return None
    if not (folder / "node_modules" / "feed").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", NPM]
        if subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode != 0:
            print(f"!! {NPM} could not be installed: npm's registry is out of reach; it is left out\n")
            return None
    return folder


def show_size(found: dict[tuple[str, int], dict[str, Any]], size: int) -> None:
    """Print the figures of one size: all from nothing, then one new answer."""
    print(
        f"{size} answers, RSS and Atom with whole bodies{'ms':>16}{'ms CPU':>10}{'+MB':>9}{'x feedgen':>11}"
    )
    base = found["feedgen", size]["cpu"]
    for case, name in NAMES.items():
        row = found.get((case, size))
        if row is None:
            print(f"  {name:44}  not measured, see above")
            continue
        ratio = row["cpu"] / base
        print(f"  {name:44}{row['ms']:>10.2f}{row['cpu']:>10.2f}{row['mb']:>9.1f}{ratio:>11.3f}")
    blog = found["blog", size]
    first, new, least = blog["first"], blog["new"], blog["least"]
    print(
        f"  {'ours, a home from nothing':44}{first['ms']:>10.0f}{first['cpu']:>10.0f}  {blog['files']} files, durable"
    )
    ratio = new["cpu"] / base
    print(
        f"  {'ours, one new answer':44}{new['ms']:>10.2f}{new['cpu']:>10.2f}{new['mb']:>9.1f}{ratio:>11.3f}"
    )
    print(f"    the least {least['ms']:.2f} ms, {least['cpu']:.2f} ms CPU; peak +{blog['peak_mb']:.1f} MB")
    unread = blog["unread"]
    print(f"    read by the gate in the build {unread['cpu']:.2f} ms CPU, the least {unread['least']:.2f}")
    print(
        f"    deciding {blog['decide_ms']:.2f} ms, the gate's reading, where it had to, {blog['gate_ms']:.2f}"
    )
    print(
        f"    compressing, writing, renaming {blog['write_ms']:.2f} ms: {blog['documents']} documents with their"
        f" copies, {blog['waits']} fsync; one fsync of 24 KB alone {blog['wait_ms']:.2f}"
    )


def show_window(found: dict[tuple[str, int], dict[str, Any]]) -> None:
    """Print what the live documents cost whose entries were rendered before."""
    print(f"A window of {WINDOW}{'ms':>43}{'ms CPU':>10}")
    for case, name in (*list(NAMES.items())[:3], ("kept", "ours, kept, and JSON Feed too")):
        row = found.get((case, WINDOW))
        if row is not None:
            print(f"  {name:44}{row['ms']:>10.2f}{row['cpu']:>10.2f}")


if __name__ == "__main__":
    main(tuple(int(one) for one in sys.argv[1:]) or SIZES)

"""Deliveries a second and processor time each, on SQLite against simulated networks, beside a naive loop and peers.

Run it with `python -m benches deliver`. Ours is all that `run --once` does for a delivery that is due: the gate's
word on the frozen bytes, a durable claim, the witness beside the record, the request, a durable outcome. The naive
loop is one `requests` call each, without any record: the least that any program can do. Both run in this process,
against the same server, one after the other. Then whole programs, ours and those of others (`benches/_bots.py`), each
from its start to its end with so many new items in one feed; the others are installed from the package index on first
use.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import requests

ROOT = Path(__file__).parents[1]
# In the place of this folder, where `benches/faults.py` would be found as `faults`.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT)]

from benches._bots import NOT_RUN, PEERS, Bot, Feed, cache_folder, ours, prepared  # noqa: E402 - The same.
from clinic_broadcast.core.delivery import Delivery, State  # noqa: E402 - After the path is set.
from clinic_broadcast.demo.networks.accounts import CREDENTIALS  # noqa: E402 - The same.
from clinic_broadcast.demo.networks.client import Networks  # noqa: E402 - The same.
from clinic_broadcast.ledger.migrate import open_ledger  # noqa: E402 - The same.
from clinic_broadcast.ledger.witness import WitnessFile  # noqa: E402 - The same.
from clinic_broadcast.run.broadcast import deliver, release_planned  # noqa: E402 - The same.
from clinic_broadcast.run.desk import Desk  # noqa: E402 - The same.
from clinic_broadcast.run.reconcile import notice  # noqa: E402 - The same.
from faults.matrix import SteppedClock, desk_for, open_kind, plan_answers  # noqa: E402 - The same.

KINDS: dict[str, dict[str, object]] = {
    "facebook": {"duplicates": "taken"},
    "mastodon": {"rate_limits": False},
}
COUNTS = (1, 100, 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a number of deliveries cost."""

    count: int
    wall_s: float
    cpu_s: float

    @property
    def told(self) -> str:
        """Give the figure as one part of a line."""
        each_ms = 1000 * self.cpu_s / self.count
        return f"{self.wall_s:8.2f} s {self.count / self.wall_s:8.1f}/s {each_ms:7.2f} ms CPU each"


def main() -> None:
    """Print one line a kind and count: ours, the naive loop's, and how many times longer ours took."""
    with tempfile.TemporaryDirectory() as folder, Networks(Path(folder) / "networks") as networks:
        print(f"{'':10}{'items':>6}  {'clinic-broadcast':>40}  {'naive requests.post':>40}  ratio")
        for kind in KINDS:
            compare(networks, kind, Path(folder) / f"{kind}-warm", 1)  # It loads the driver.
            for count in COUNTS:
                figure, naive = compare(networks, kind, Path(folder) / f"{kind}-{count}", count)
                ratio = figure.wall_s / naive.wall_s
                print(f"{kind:10}{count:6}  {figure.told}  {naive.told}  {ratio:5.1f}", flush=True)
    beside_others()


def beside_others() -> None:
    """Print what whole programs need for the same feed: wall clock and processor time, from start to end."""
    bots = (ours("mastodon"), ours("bluesky"), *PEERS)
    print(f"\n{'whole program, new items':36}" + "".join(f"{count:>24}" for count in COUNTS))
    for bot in bots:
        print(f"{bot.name + ' on ' + bot.network:36}", end="", flush=True)
        for count in COUNTS:
            print(f"{whole_run(bot, count):>24}", end="", flush=True)
        print()
    for name, reason in NOT_RUN.items():
        print(f"{name}: not run: {reason}")


def whole_run(bot: Bot, count: int) -> str:
    """Run one program once on so many new items, and give its time; say so when they are not all public."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Networks(Path(folder) / "networks") as networks,
        Feed(count=count) as feed,
    ):
        try:
            bench = prepared(bot, Path(folder) / "home", feed=feed, networks=networks, cache=cache_folder())
        except subprocess.CalledProcessError:
            return "cannot be installed"
        run = bench.run()
        public = len(networks.wall(bot.network))
    short = "" if public == count else f" {public} public!"
    return f"{run.wall_s:.2f} s ({run.cpu_s:.2f} CPU){short}"


def compare(networks: Networks, kind: str, home: Path, count: int) -> tuple[Figure, Figure]:
    """Publish the same texts our way and naively, each on networks that hold nothing yet."""
    refresh(networks, kind)
    at = planned(networks, kind, home, count)
    figure = measured(count, lambda: deliver(at))
    sent = at.ledger.deliveries(states=(State.SENT,))
    if len(sent) != count or len(networks.wall(kind)) != count:
        raise SystemExit(f"{len(sent)} of {count} are sent")
    at.ledger.close()
    refresh(networks, kind)
    naive = measured(count, lambda: send_naively(networks, kind, sent))
    return figure, naive


def refresh(networks: Networks, kind: str) -> None:
    """Empty the networks, and let them take as much as comes."""
    networks.reset()
    networks.set(kind, **KINDS[kind])


def planned(networks: Networks, kind: str, home: Path, count: int) -> Desk:
    """Give a desk on a fresh SQLite file with that many deliveries due."""
    home.mkdir()
    clock = SteppedClock()
    channel = open_kind(kind, networks.url_for(kind), home, clock)
    at = desk_for(channel, clock, open_ledger(f"sqlite:///{home / 'ledger.db'}", "bench"))
    at = replace(at, witness=WitnessFile(home / "witness.json"))
    notice(at)
    plan_answers(at, count)
    release_planned(at)
    return at


def send_naively(networks: Networks, kind: str, deliveries: list[Delivery]) -> None:
    """Publish the same texts with nothing but one request each."""
    credentials, url = CREDENTIALS[kind], networks.url_for(kind)
    if kind == "facebook":
        url, token = f"{url}/{credentials['page_id']}/feed", credentials["page_token"]
    else:
        url, token = f"{url}/api/v1/statuses", credentials["access_token"]
    for one in deliveries:
        form = {"message": one.payload.text} if kind == "facebook" else {"status": one.payload.text}
        headers = {"Authorization": f"Bearer {token}"}
        requests.post(url, data=form, headers=headers, timeout=20).raise_for_status()


def measured(count: int, act: Callable[[], object]) -> Figure:
    """Run it once and give what it cost this process."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    act()
    return Figure(count=count, wall_s=time.perf_counter() - wall_s, cpu_s=time.process_time() - cpu_s)


if __name__ == "__main__":
    main()

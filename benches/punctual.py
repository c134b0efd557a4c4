"""How long after its due instant a promo's request reaches the network, with the real daemon on a real home.

Run it with `python -m benches punctual`. Promos are planned from a feed and let go for instants drawn at random over a
minute; then `clinic-broadcast run` is started as a process. Measured is from the due instant in the record to the
instant at which the simulated network accepted the request. Both read the same clock.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benches._bots import Bench, Feed, cache_folder, ours, prepared  # noqa: E402 - After the path is set.
from clinic_broadcast import wire  # noqa: E402 - The same.
from clinic_broadcast.core.delivery import State, release  # noqa: E402 - The same.
from clinic_broadcast.demo.networks.client import Networks  # noqa: E402 - The same.
from clinic_broadcast.run.intake import poll  # noqa: E402 - The same.
from clinic_broadcast.run.promotion import plan_fresh  # noqa: E402 - The same.

COUNT: Final = 80
SPAN_S: Final = 60.0
START_S: Final = 15.0
"""The daemon is up by then; what was due before it is no measure of it."""
AIM_MS: Final = 1000
SEED: Final = 3


def main() -> None:
    """Print the middle, the 95th of a hundred and the worst, in milliseconds."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Networks(Path(folder) / "networks") as networks,
        Feed(count=COUNT) as feed,
    ):
        bench = prepared(
            ours("mastodon"), Path(folder) / "home", feed=feed, networks=networks, cache=cache_folder()
        )
        due = let_go(bench)
        run_daemon(bench, until=max(due.values()) + timedelta(seconds=5))
        late_ms = sorted(lateness_ms(bench, due))
    if len(late_ms) != COUNT:
        raise SystemExit(f"{len(late_ms)} of {COUNT} are public")
    p50, p95 = late_ms[len(late_ms) // 2], late_ms[int(len(late_ms) * 0.95)]
    print(f"{COUNT} promos due within {SPAN_S:.0f} s, from due to request: ", end="")
    print(f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, worst {late_ms[-1]:.0f} ms (aim: p95 under {AIM_MS} ms)")


def environ_of(bench: Bench) -> dict[str, str]:
    """Give the environment of a home's program."""
    return {**os.environ, **bench.bot.environ(bench.place)}


def let_go(bench: Bench) -> dict[str, datetime]:
    """Plan a promo of every item, let each go for an instant of its own, and give these by their ids."""
    with (bench.place.folder / "clinic.toml").open("a") as settings:
        settings.write("\n[web]\nport = 0\n")
    office = wire.open_office(bench.place.folder, environ_of(bench), actor="bench")
    ledger, chance = office.desk.ledger, random.Random(SEED)  # noqa: S311 - Nothing secret.
    poll(office.desk)
    plan_fresh(office.desk)
    now = office.desk.clock.now()
    due: dict[str, datetime] = {}
    for one in ledger.deliveries(states=(State.PLANNED,)):
        due[one.id] = now + timedelta(seconds=START_S + chance.uniform(0, SPAN_S))
        ledger.move(one, release(one, due[one.id]), kind="released", actor="bench", at=now)
    ledger.close()
    return due


def run_daemon(bench: Bench, *, until: datetime) -> None:
    """Run the daemon until that instant, and stop it as systemd would."""
    command = [sys.executable, "-m", "clinic_broadcast", "--home", str(bench.place.folder), "run"]
    log = (bench.place.folder / "daemon.log").open("wb")
    child = subprocess.Popen(command, env=environ_of(bench), stdout=log, stderr=log)
    try:
        time.sleep(max(0.0, until.timestamp() - time.time()))
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)
        log.close()


def lateness_ms(bench: Bench, due: dict[str, datetime]) -> list[float]:
    """Give for every promo that is public how long after its due instant the network accepted it."""
    accepted = {one["id"]: datetime.fromisoformat(one["at"]) for one in bench.networks.wall("mastodon")}
    office = wire.open_office(bench.place.folder, environ_of(bench), actor="bench")
    sent = office.desk.ledger.deliveries(states=(State.SENT,))
    office.desk.ledger.close()
    return [
        (accepted[one.post_id] - due[one.id]) / timedelta(milliseconds=1)
        for one in sent
        if one.post_id in accepted
    ]


if __name__ == "__main__":
    main()

"""Hundreds of real kill -9 deaths on shared databases: the networks' own log shows no duplicate and no loss."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import State
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.run.review import resolve
from contract.ledgers import LEDGERS
from faults.forks import FORKS, start_fork_server
from faults.kill_lane import CLINIC, Count, count_public, make_dangerous, open_desk, plan_deliveries, work

DEATHS_MIN = 200
ANSWERS = 95
"""Three deliveries each; two of three requests end in a death."""
LANE_MAX_S = 240.0

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def _fork_server() -> None:
    start_fork_server()


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Networks]:
    with Networks(tmp_path / "networks") as running:
        yield running


def run_lane(url: str, database: str, home: Path, *, workers: int) -> int:
    """Keep that many workers alive until all of them have seen the end; give how many were killed."""
    deaths = 0
    until_s = time.monotonic() + LANE_MAX_S
    alive: list[ForkServerProcess] = []
    try:
        alive += [_start(url, database, home) for _ in range(workers)]
        while alive:
            assert time.monotonic() < until_s, f"the lane does not end; {deaths} deaths so far"
            ended = wait([one.sentinel for one in alive], timeout=5)
            for one in [one for one in alive if one.sentinel in ended]:
                one.join()
                alive.remove(one)
                if one.exitcode != 0:
                    assert one.exitcode == -signal.SIGKILL
                    deaths += 1
                    alive.append(_start(url, database, home))
    finally:
        for one in alive:
            one.kill()
            one.join()
    return deaths


def _start(url: str, database: str, home: Path) -> ForkServerProcess:
    worker = FORKS.Process(target=work, args=(url, database, home))
    worker.start()
    return worker


@pytest.mark.parametrize("workers", [1, 4], ids=["one worker", "four workers"])
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_hundreds_of_kills_neither_double_nor_lose(
    backend: str,
    workers: int,
    networks: Networks,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    place = LEDGERS[backend](tmp_path)
    ledger = place.open(CLINIC)
    planned = plan_deliveries(ledger, networks.url, tmp_path, answers=ANSWERS)
    assert planned == 3 * ANSWERS
    make_dangerous(networks, deaths=DEATHS_MIN)
    began_s = time.monotonic()
    deaths = run_lane(networks.url, place.url, tmp_path, workers=workers)
    found = count_public(ledger.deliveries(), networks.wall())
    took_s = time.monotonic() - began_s
    record_property("told", f"{_line(backend, workers, deaths, found)}, {took_s:.0f} s")
    assert deaths >= DEATHS_MIN
    assert (found.duplicates, found.lost) == (0, [])
    assert found.public + found.asked == planned, (
        "whoever is asked is asked about something that is not public"
    )
    assert verify(ledger) == []
    # Killed twice before it was accepted: it waits for a person, and with that word it goes out, once.
    networks.clear_faults()
    at = open_desk(ledger, networks.url, tmp_path)
    for one in ledger.deliveries(states=(State.UNSURE,)):
        assert one.needs_person
        assert resolve(at, one.id, sent_url=None, by="Pat").refused == ""
    assert run_lane(networks.url, place.url, tmp_path, workers=1) == 0
    final = count_public(ledger.deliveries(), networks.wall())
    assert final == Count(deliveries=planned, public=planned, duplicates=0, lost=[], asked=0)
    assert {one.state for one in ledger.deliveries()} == {State.SENT}
    assert verify(ledger) == []
    place.close()


def _line(backend: str, workers: int, deaths: int, found: Count) -> str:
    return (
        f"kill lane {backend}, {workers} at once: {deaths} deaths, {found.deliveries} deliveries,"
        f" {found.duplicates} duplicates, {len(found.lost)} lost, {found.asked} asked a person"
    )

"""All deaths of one worker, and of the worker after it, through the real adapter of every kind of channel.

`test_crash_schedules.py` plays all schedules of one and two crashes of three deliveries, by what a channel promises:
there the channel is a model. Here it is the one that clinics use, before its simulated network, and the record is a
real file; so these are fewer: every pair of deaths of one delivery, and every death of three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from clinic_broadcast.core.delivery import State
from clinic_broadcast.demo.networks.client import Networks
from clinic_broadcast.ledger.audit import verify
from clinic_broadcast.ledger.store import SqlLedger
from clinic_broadcast.ports import Guarantee
from faults.cell_worker import Death
from faults.matrix import KINDS, Cell, copies_of, settle, wait_until_idle
from faults.matrix_page import own_site
from faults.own_faults import AFTER_LEASE_S, EDGES, Site, make_site

DELIVERIES = 3

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as running:
        yield running


@pytest.fixture(scope="module")
def site_of(networks: Networks, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Site]:
    """Give what makes the place of a kind, once."""
    folder = tmp_path_factory.mktemp("own")
    return cache(lambda kind: own_site(networks, kind, folder))


def guarantee_of(site: Site) -> Guarantee:
    with site.station.worker(site.clock) as at:
        return at.channels[site.kind].guarantee


def two_deaths(site: Site, first: int) -> Iterator[Cell]:
    """Kill a worker at that edge and the one after it at each of its own, then let a third one finish."""
    for second in count(1):
        site.start_again()
        assert site.dies(Death(edge=first)), "a worker that is to die lives on"
        site.clock.sleep(AFTER_LEASE_S)
        is_dead = site.dies(Death(edge=second))
        yield site.finish()
        if not is_dead:
            return


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", range(1, EDGES + 1))
def test_two_workers_that_die_leave_one_public_copy_or_one_question(
    kind: str, first: int, site_of: Callable[[str], Site]
) -> None:
    site = site_of(kind)
    may_ask = guarantee_of(site) is Guarantee.AT_MOST_ONCE
    cells = list(two_deaths(site, first))
    # A worker after a death before the claim sends, one after the outcome has nothing to do, all others look or send.
    assert len(cells) == (1 if first == EDGES else EDGES + 1)
    for cell in cells:
        assert cell.copies <= 1, "public twice"
        if cell.state is State.SENT:
            assert (cell.copies, cell.asks_person) == (1, False)
        else:
            assert may_ask, f"it ends as {cell.state}"
            assert cell.asks_person


@pytest.mark.parametrize("kind", KINDS)
def test_a_death_at_any_edge_of_three_deliveries_doubles_and_loses_none(
    kind: str, networks: Networks, tmp_path: Path
) -> None:
    site = make_site(networks, kind, tmp_path, count=DELIVERIES)
    may_ask = guarantee_of(site) is Guarantee.AT_MOST_ONCE
    for edge in count(1):
        site.start_again()
        if not site.dies(Death(edge=edge)):
            assert edge == DELIVERIES * EDGES + 1
            return
        with site.station.worker(site.clock) as at:
            settle(at, site.clock, lambda: wait_until_idle(networks))
            rows = at.ledger.deliveries()
            assert isinstance(at.ledger, SqlLedger)
            assert verify(at.ledger) == []
        sent = sum(one.state is State.SENT for one in rows)
        asked = sum(bool(one.needs_person) for one in rows)
        public = copies_of(networks, kind, site.station.home)
        assert len(rows) == sent + asked == DELIVERIES
        # What nobody can look up may be public without its outcome; all else that is public is on record, each once.
        assert sent <= public <= sent + asked
        assert asked <= int(may_ask)

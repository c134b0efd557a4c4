"""One round of the jobs of schedules/, made for a process of its own that a tripwire may kill."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from clinic_broadcast.core.schedule import Job, Schedule
from clinic_broadcast.ledger.migrate import open_ledger
from clinic_broadcast.run.broadcast import deliver
from clinic_broadcast.run.jobs import run_due_jobs
from desks import approve_all, desk
from fakes import START_AT, FakeClock, FakeSource, WallChannel, raw_answer
from faults.kill_child import BODY, CHANNEL_CALLS, LEDGER_CALLS
from tripwire import Tripwire

UTC = ZoneInfo("UTC")
SLOT_CALLS = ("take_slot", "take_again", "finish_slot", "plan")


def run_jobs_child(folder: Path, die_at: int, minutes: int, job: str, then: str) -> None:
    """Run one job's due slot so many minutes after its slot, `then` perhaps deliver, and write down what was passed."""
    wire = Tripwire(die_at)
    clock = FakeClock(START_AT + timedelta(days=1, minutes=minutes))
    source = FakeSource(answers=[raw_answer(1)])
    if minutes >= 0:
        fresh_at = START_AT + timedelta(minutes=30)
        source.answers += [
            raw_answer(
                number, body=BODY, title=f"What Does a Hysteroscopy Show? {number}", published_at=fresh_at
            )
            for number in (2, 3)
        ]
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}", "test")
    walls = [WallChannel(folder / "one.wall", name="one")]
    at = desk(
        wire.around(ledger, *LEDGER_CALLS, *SLOT_CALLS),
        [wire.around(wall, *CHANNEL_CALLS) for wall in walls],
        sources=[wire.around(source, "poll")],
        clock=clock,
    )
    schedule = Schedule(
        name=job,
        job=Job(job),
        cron=f"{START_AT.minute} {START_AT.hour} * * *",
        zone=UTC,
        max_per_run=1,
        repeat_after=timedelta(0),
    )

    def errand() -> str:
        wire.touch()
        with (folder / "errands").open("a", encoding="utf-8") as file:
            file.write("done\n")
        wire.touch()
        return "done"

    errands = dict.fromkeys((Job.FEEDS, Job.BACKUP, Job.DIGEST), errand)
    ran = [
        (one.told, one.failure)
        for one in run_due_jobs(at, [schedule], since=START_AT - timedelta(days=1), errands=errands)
    ]
    wire.die_at = 0
    if then == "deliver":
        approve_all(at)
        deliver(at)
    ledger.close()
    (folder / "ran").write_text(json.dumps({"ran": ran, "edges": wire.edges}), encoding="utf-8")

"""What the daemon costs while nothing happens: start to ready, memory, processor, and how often its threads wake."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTS = 5
SETTLE_S = 8.0
WATCHED_S = 30.0

SETTINGS = """
[clinic]
name = "The Example Fertility Center"
blog_url = "https://blog.example/"
timezone = "America/Los_Angeles"
[[sources]]
kind = "folder"
path = "answers"
[channels.one]
kind = "folder"
[channels.two]
kind = "folder"
[web]
port = 0
"""
"""No poll falls due while it is watched: `init` writes the default schedules, of which none runs every minute."""


def main() -> None:
    """Print the median start, and over half a minute memory, processor time and wake-ups."""
    # Whoever runs the program as a user keeps what Python has compiled; the first start below writes it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "answers").mkdir()
        (home / "clinic.toml").write_text(SETTINGS, encoding="utf-8")
        program = [sys.executable, "-m", "clinic_broadcast", "--home", folder]
        subprocess.run([*program, "init", "--yes"], check=True, capture_output=True)
        starts, used = [], []
        for number in range(STARTS):
            began = time.perf_counter()
            child = subprocess.Popen([*program, "run"], stderr=subprocess.PIPE, text=True)
            _wait_until_ready(child)
            starts.append(time.perf_counter() - began)
            used.append(_used_s(child.pid))
            if number < STARTS - 1:
                _end(child)
        print(
            f"start to ready, median of {STARTS}: {statistics.median(starts):.2f} s, best {min(starts):.2f} s; "
            f"processor time {statistics.median(used):.2f} s, best {min(used):.2f} s"
        )
        _watch(child.pid)
        began = time.perf_counter()
        _end(child)
        print(f"SIGTERM to end: {time.perf_counter() - began:.2f} s")


def _wait_until_ready(child: subprocess.Popen[str]) -> None:
    if child.stderr is None or not any('"ready"' in line for line in child.stderr):
        raise RuntimeError("the daemon ended before it was ready")


def _end(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)


def _watch(pid: int) -> None:
    time.sleep(SETTLE_S)
    used, wakes = _used_s(pid), _wakes(pid)
    time.sleep(WATCHED_S)
    used, after = _used_s(pid) - used, _wakes(pid)
    rates = {name: (count - wakes.get(name, 0)) / WATCHED_S for name, count in after.items()}
    print(f"memory: {_memory_mib(pid):.0f} MiB; processor: {100 * used / WATCHED_S:.2f} % of one")
    print(
        f"wake-ups a second: {sum(rates.values()):.2f} in all threads, {max(rates.values()):.2f} in the busiest"
    )
    for name, rate in sorted(rates.items(), key=lambda pair: -pair[1])[:4]:
        print(f"    thread {name}: {rate:.2f}")


def _used_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wakes(pid: int) -> dict[str, int]:
    """Give how often each thread has slept of its own accord and was woken (proc(5))."""
    return {
        task.name: int(found[1])
        for task in Path(f"/proc/{pid}/task").iterdir()
        if (
            found := re.search(
                r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.MULTILINE
            )
        )
    }


def _memory_mib(pid: int) -> float:
    found = re.search(r"^VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()

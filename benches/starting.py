"""How long the program takes to start, beside a bare interpreter: ratios of one run, and the daemon's idle cost."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7


def _seconds(command: list[str]) -> float:
    taken: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    """Print the median start of a bare interpreter, `--version`, `--help` and `measure`, and their ratios."""
    bare = _seconds([sys.executable, "-c", "pass"])
    print(f"{'bare interpreter':<24}{bare * 1000:8.0f} ms")
    program = [sys.executable, "-m", "clinic_broadcast"]
    for name in ("--version", "--help", "measure --help"):
        took = _seconds([*program, *name.split()])
        print(f"{name:<24}{took * 1000:8.0f} ms  {took / bare:5.1f} x bare")


if __name__ == "__main__":
    main()

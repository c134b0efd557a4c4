"""Runs the benchmarks: all of them, or those named: `python -m benches measure`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main(wanted: list[str]) -> int:
    """Run each benchmark and give 0, or 2 when one is named that is not there."""
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"no benchmark is called {unknown[0]!r}; known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in wanted or NAMES:
        print(f"\n== {name}")
        importlib.import_module(f"benches.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

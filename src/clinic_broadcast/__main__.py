"""The console script: runs the command line and turns our errors into a sentence and an exit code."""

from __future__ import annotations

import gc
import sys
from typing import Final

GARBAGE_MIN: Final = 50_000
"""New objects that may be garbage before the youngest are looked through; some five megabytes."""


def main() -> None:
    """Run the command line; never a bare traceback for a user's mistake."""
    # What is loaded lives until the end: to look through it again and again took a tenth of every start.
    gc.set_threshold(GARBAGE_MIN, 20, 20)
    from clinic_broadcast.cli.app import run  # noqa: PLC0415  # `--help` must not pay for what it does not use.

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

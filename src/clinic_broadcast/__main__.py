"""The console script: runs the command line and turns our errors into a sentence and an exit code."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; never a bare traceback for a user's mistake."""
    from clinic_broadcast.cli.app import run  # noqa: PLC0415  # `--help` must not pay for what it does not use.

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""Counts what readers said of the drafts: `python scripts/score_quality.py KEY VERDICT[:FIRST-LAST]...`.

With `:1-30` only those drafts and their pairs are counted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NEEDED, SUM_MIN = 4, 8


def passes(marks: list[int]) -> bool:
    """Say whether a draft passes: safe, faithful, sober and with its disclaimer, and eight marks of ten."""
    return all(marks[:NEEDED]) and sum(marks) >= SUM_MIN


def score(key: dict[str, Any], verdict: dict[str, Any], counted: range) -> dict[str, str]:
    """Give one reader's figures: drafts that pass, and pairs of each kind in which ours was preferred."""
    drafts = {
        number: passes(one["marks"]) for number, one in verdict["drafts"].items() if int(number) in counted
    }
    figures = {"drafts": f"{sum(drafts.values())} of {len(drafts)}"}
    figures["failed"] = ", ".join(number for number, passed in drafts.items() if not passed) or "none"
    for against in ("title", "lexrank"):
        chosen = [
            verdict["pairs"][number] == one["ours"]
            for number, one in key.items()
            if one["against"] == against and one["draft"] in counted and number in verdict["pairs"]
        ]
        figures[f"preferred to {against}"] = f"{sum(chosen)} of {len(chosen)}"
    return figures


def main(key_file: str, *verdict_files: str) -> None:
    """Print the figures of every reader."""
    key = json.loads(Path(key_file).read_text(encoding="utf-8"))
    for one in verdict_files:
        file, _, part = one.partition(":")
        first, last = (int(end) for end in (part or f"1-{len(key)}").split("-"))
        verdict = json.loads(Path(file).read_text(encoding="utf-8"))
        print(one, json.dumps(score(key, verdict, range(first, last + 1)), indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the gate costs: import, load of its lists, a first text, a promo, memory; and Presidio beside it.

Run it with `python -m benches gate`. Figures are printed, not asserted. Nothing of the gate asks a network or a model;
Presidio is installed from the package index on first use, into an environment of its own.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benches._bots import cache_folder, environment
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import Gate, examine_text
from clinic_broadcast.settings.lexicon import load_lexicon

TEXT = (
    "Do Fibroids Always Need Surgery Before IVF? Small fibroids on the outer wall are often left alone."
    " Metformin may help some women with polycystic ovaries. Dr. Jane Roe explains."
)
SETS = Path(__file__).parents[1] / "tests" / "gate"
PRESIDIO = "presidio-analyzer==2.2.366"
ROUNDS = 400
STARTS = 9
LOAD = (
    "import resource, sys, time; at = time.process_time();"
    "from clinic_broadcast.core.gate import Gate, examine_text;"
    "from clinic_broadcast.settings.lexicon import load_lexicon;"
    "imported = time.process_time();"
    "gate = Gate(lexicon=load_lexicon(), own_names=('Dr. Jane Roe',), own_hosts=(), taint_key=b'k');"
    "loaded = time.process_time();"
    "examine_text(gate, sys.argv[1]);"
    "read = time.process_time();"
    "memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024;"
    "print(imported - at, loaded - imported, read - loaded, memory)"
)


def main() -> None:
    """Print import, load, first text, memory and a promo: of starts the median and the least, of promos the median.

    The rules' patterns are compiled when a first text meets them; what that costs is told beside the import.
    """
    runs = [
        tuple(
            float(one)
            for one in subprocess.check_output([sys.executable, "-c", LOAD, TEXT], text=True).split()
        )
        for _ in range(STARTS)
    ]
    columns = list(zip(*runs, strict=True))
    for name, column, aim in zip(
        ("import of the gate", "load of its lists", "the first text it reads"),
        columns,
        (" (target 150)", "", ""),
        strict=False,
    ):
        print(
            f"{name:<28}{statistics.median(column) * 1000:8.0f} ms of CPU{aim}, least {min(column) * 1000:.0f}"
        )
    megabytes = statistics.median(columns[-1])
    print(f"{'memory of such a process':<28}{megabytes:8.0f} MB (target 80)")
    number = itertools.count()  # A text that was read before would cost less.
    gate = Gate(lexicon=load_lexicon(), own_names=("Dr. Jane Roe",), own_hosts=(), taint_key=b"k")
    print(
        f"{'a promo after':<28}{_median_ms(lambda: examine_text(gate, TEXT + ' ' * next(number))):8.2f} ms (target 5)"
    )
    beside_presidio(gate)


def beside_presidio(gate: Gate) -> None:
    """Print what both say of the blind lines of sets 2 and 3, and what each line costs."""
    risky, clean = (
        [line for number in (2, 3) for line in _lines(number, kind)] for kind in ("risky.tsv", "clean.txt")
    )
    began_s = time.process_time()
    held = [sum(_is_held(gate, line) for line in lines) for lines in (risky, clean)]
    each_ms = (time.process_time() - began_s) / (len(risky) + len(clean)) * 1000
    print(f"\n{'':<42}{'risky held':>14}{'clean held':>14}{'a line':>10}")
    counts = f"{held[0]:>7} of {len(risky)}{held[1]:>7} of {len(clean)}"
    print(f"{'the gate, for a person to look':<42}{counts}{each_ms:>7.2f} ms")
    try:
        python = environment("presidio", (PRESIDIO,), cache_folder())
    except subprocess.CalledProcessError:
        print(f"{PRESIDIO}: cannot be installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("risky.txt", "clean.txt")]
        for file, lines in zip(files, (risky, clean), strict=True):
            file.write_text("\n".join(lines), encoding="utf-8")
        script = str(Path(__file__).parent / "_presidio.py")
        told = subprocess.check_output(
            [str(python), script, *map(str, files)], text=True, stderr=subprocess.DEVNULL
        )
    load_s, in_risky, in_clean, each_ms, megabytes = map(float, told.split())
    counts = f"{in_risky:>7.0f} of {len(risky)}{in_clean:>7.0f} of {len(clean)}"
    print(f"{'Presidio without its model of names':<42}{counts}{each_ms:>7.2f} ms")
    print(
        f"Presidio loads in {load_s:.1f} s of CPU and takes {megabytes:.0f} MB; its model is not in the package index"
    )


def _lines(number: int, kind: str) -> list[str]:
    lines = (SETS / f"blind{number}-{kind}").read_text(encoding="utf-8").splitlines()
    told = [line.rpartition("\t")[2] for line in lines if line and not line.startswith("#")]
    return [line.encode("ascii").decode("unicode_escape") for line in told]


def _is_held(gate: Gate, text: str) -> bool:
    return any(one.severity is not Severity.NOTE for one in examine_text(gate, text))


def _median_ms(call: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()

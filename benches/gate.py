"""What the gate costs: time a promo, import and load of its lists, memory.

Run it with `python -m benches gate`. Figures are printed, not asserted. Nothing of it asks a network or a model.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from clinic_broadcast.core.gate import Gate, examine_text
from clinic_broadcast.settings.lexicon import load_lexicon

TEXT = (
    "Do Fibroids Always Need Surgery Before IVF? Small fibroids on the outer wall are often left alone."
    " Metformin may help some women with polycystic ovaries. Dr. Jane Roe explains."
)
ROUNDS = 400
STARTS = 5
LOAD = (
    "import resource, time; at = time.process_time();"
    "from clinic_broadcast.core.gate import Gate; from clinic_broadcast.settings.lexicon import load_lexicon;"
    "imported = time.process_time();"
    "Gate(lexicon=load_lexicon(), own_names=(), own_hosts=(), taint_key=b'k');"
    "loaded = time.process_time();"
    "print(imported - at, loaded - imported, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
)


def main() -> None:
    """Print the medians of import, load, memory and a promo."""
    runs = [
        tuple(float(one) for one in subprocess.check_output([sys.executable, "-c", LOAD], text=True).split())
        for _ in range(STARTS)
    ]
    imported, loaded, megabytes = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"{'import of the gate':<28}{imported * 1000:8.0f} ms of CPU (target 150)")
    print(f"{'load of its lists':<28}{loaded * 1000:8.0f} ms of CPU")
    print(f"{'memory of such a process':<28}{megabytes:8.0f} MB (target 80)")
    number = itertools.count()  # A text that was read before would cost less.
    gate = Gate(lexicon=load_lexicon(), own_names=("Dr. Jane Roe",), own_hosts=(), taint_key=b"k")
    print(
        f"{'a promo':<28}{_median_ms(lambda: examine_text(gate, TEXT + ' ' * next(number))):8.2f} ms (target 5)"
    )


def _median_ms(call: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()

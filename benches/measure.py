"""Counts of X's weighted length a second: ours and twitter-text-parser's, side by side in one run.

Run it with `python benches/measure.py`. The aim is 20,000 counts a second; the figures are printed, not asserted.
Time is that of the processor, so that a busy machine does not tell against either.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial

from clinic_broadcast.core.measure import LIMITS, length_of

with warnings.catch_warnings():
    # The reference warns on import that it uses pkg_resources; that is its own affair.
    warnings.simplefilter("ignore")
    from twitter_text import parse_tweet

PLAIN = (
    "Do Fibroids Always Need Surgery Before IVF? Fibroids on the outer wall are often left alone, since few of them"
    " change the shape of the cavity. Dr. Roe explains: https://blog.example.com/2026/02/fibroids-and-surgery.html"
    " #Fibroids #IVF"
)
TEXTS = {
    "plain promo with a link": PLAIN,
    "curly quotes and dashes": PLAIN.replace("often", "\u201coften\u201d \u2014"),
    "link without a scheme": PLAIN.replace("https://", ""),
    "with emoji": PLAIN + " \U0001f469\u200d\u2695\ufe0f \U0001f600",
    "Japanese": "不妊治療と子宮筋腫について医師が説明します。" * 5
    + "https://blog.example.com/2026/02/a.html",
    "Japanese around a link": "不妊治療と子宮筋腫について医師が説明します。" * 4
    + "https://blog.example.com/2026/02/a.htmlをご覧ください。",
    "no link": PLAIN.partition("https")[0],
}
OUR_ROUNDS, REFERENCE_ROUNDS = 20_000, 300


def main() -> None:
    """Print one line a text, then the mean over all of them."""
    limits = LIMITS["x"]
    rows: list[tuple[str, float, float]] = []
    for name, text in TEXTS.items():
        if length_of(text, limits) != parse_tweet(text).weightedLength:
            raise SystemExit(f"{name}: the two counts differ")
        ours = rate(partial(length_of, text, limits), OUR_ROUNDS)
        reference = rate(partial(parse_tweet, text), REFERENCE_ROUNDS)
        rows.append((name, ours, reference))
    print(f"{'text':26} {'ours/s':>10} {'reference/s':>12} {'ratio':>7}")
    for name, ours, reference in [*rows, ("all (harmonic mean)", *means(rows))]:
        print(f"{name:26} {ours:10,.0f} {reference:12,.0f} {ours / reference:6.0f}x")


def rate(count: Callable[[], object], rounds: int) -> float:
    """Give how often a second `count` ran, after one run to warm up."""
    count()
    started = time.process_time()
    for _ in range(rounds):
        count()
    return rounds / (time.process_time() - started)


def means(rows: Sequence[tuple[str, float, float]]) -> tuple[float, float]:
    """Give the harmonic means of both columns: the rate over equally many texts of each sort."""
    columns = ([row[1] for row in rows], [row[2] for row in rows])
    ours, reference = (len(column) / sum(1 / value for value in column) for column in columns)
    return ours, reference


if __name__ == "__main__":
    main()

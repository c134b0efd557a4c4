"""What Presidio says of our blind lines; run by the interpreter of an environment that has it, with two files.

Its own model of names (spaCy's `en_core_web_lg`) does not come from the package index, so its patterns alone judge
here: mail addresses, numbers, dates and the like, and no name. Prints one line: CPU seconds to load, flagged lines of
each file, milliseconds a line, megabytes.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from pathlib import Path

BEGAN_S = time.process_time()
logging.disable()

import spacy  # type: ignore[import-not-found]  # noqa: E402 - It is timed; and it is not ours.
from presidio_analyzer import AnalyzerEngine  # type: ignore[import-not-found]  # noqa: E402
from presidio_analyzer.nlp_engine import SpacyNlpEngine  # type: ignore[import-not-found]  # noqa: E402


class Nameless(SpacyNlpEngine):  # type: ignore[misc]
    """spaCy without a model."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "none"}])
        self.nlp = {"en": spacy.blank("en")}

    def load(self) -> None:
        """Load nothing more."""


def main(risky: str, clean: str) -> None:
    """Judge the lines of two files, one text in each line."""
    engine = AnalyzerEngine(nlp_engine=Nameless(), supported_languages=["en"])
    engine.analyze("one two", language="en")
    loaded_s = time.process_time()
    flagged: list[int] = []
    count = 0
    for name in (risky, clean):
        lines = [line for line in Path(name).read_text(encoding="utf-8").splitlines() if line]
        flagged.append(sum(bool(engine.analyze(line, language="en")) for line in lines))
        count += len(lines)
    each_ms = (time.process_time() - loaded_s) / count * 1000
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(loaded_s - BEGAN_S, *flagged, each_ms, megabytes)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Whatever bytes a blog, a feed or a file holds: a parser gives answers or a clear error, soon and bounded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz.parsers import PARSERS, parse

RUNS = int(os.environ.get("FUZZ_RUNS", "200"))
"""Inputs for each parser: some seconds in CI; before a release `FUZZ_RUNS=100000 FUZZ_SECONDS=600`."""

SECONDS = int(os.environ.get("FUZZ_SECONDS", "12"))
"""The fuzzer stops then, whatever it has done."""

RSS_MAX_MB = 700
ONE_INPUT_MAX_S = 5
ANSWERS_MAX = 12
"""The seeds hold four at most; a few bytes more cannot make many of them."""

EDITS = st.lists(
    st.tuples(
        st.integers(0, 1_000_000),
        st.integers(0, 12),
        st.binary(max_size=12) | st.sampled_from([b"<", b"]]>", b"&#0;", b"\xff"]),
    ),
    max_size=8,
)


@pytest.mark.parametrize("name", PARSERS)
def test_the_seeds_are_read(name: str) -> None:
    assert all(parse(name, seed) > 0 for seed in PARSERS[name][1])


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=EDITS, nth=st.integers(0, 9), cut=st.integers(0, 1_000_000))
# The name of the encoding holds what is no letter, or nothing that may stand in a name.
@example(edits=[(30, 0, b"\x80")], nth=0, cut=0)
@example(edits=[(30, 0, b"\x00")], nth=0, cut=0)
# The page's own address became one that cannot be read, `//[`.
@example(edits=[(0, 6, b""), (5125, 0, b"[")], nth=0, cut=0)
def test_a_seed_with_any_bytes_exchanged_or_cut_breaks_no_parser(
    name: str, edits: list[tuple[int, int, bytes]], nth: int, cut: int
) -> None:
    seeds = PARSERS[name][1]
    body = bytearray(seeds[nth % len(seeds)])
    for at, length, put in edits:
        start = at % (len(body) + 1)
        body[start : start + length] = put
    whole, torn = parse(name, bytes(body)), parse(name, bytes(body[: cut % (len(body) + 1)]))
    assert max(whole, torn) <= ANSWERS_MAX


@pytest.mark.heavy
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PARSERS)
def test_a_fuzzer_that_is_guided_by_coverage_breaks_no_parser(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(PARSERS[name][1]):
        (corpus / f"seed-{number}").write_bytes(seed)
    ended = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("parsers.py")),
            name,
            f"-runs={RUNS}",
            f"-max_total_time={SECONDS}",
            f"-timeout={ONE_INPUT_MAX_S}",
            f"-rss_limit_mb={RSS_MAX_MB}",
            f"-artifact_prefix={tmp_path}/",
            str(corpus),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    done = re.search(r"Done (\d+) runs", ended.stderr)
    assert done is not None
    assert int(done[1]) > 100

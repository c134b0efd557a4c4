"""The demo, as the README tells a newcomer to run it."""

from __future__ import annotations

import re
from pathlib import Path

import feedparser
import pytest

from clinic_broadcast.demo.show import run_demo


@pytest.mark.timeout(300)
def test_the_demo_survives_its_own_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(serve=False, directory=tmp_path) == 0
    told = capsys.readouterr().out
    assert re.search(r"killed with -9 1 time", told)
    assert re.search(r"^duplicates +0$", told, re.MULTILINE)
    assert re.search(r"^lost +0$", told, re.MULTILINE)
    assert re.search(r"^posts +x [1-9]\d*, facebook [1-9]\d*$", told, re.MULTILINE)
    feed = feedparser.parse((tmp_path / "home" / "public" / "feeds" / "rss.xml").read_bytes())
    assert feed.bozo is False
    assert feed.entries
    assert "<html" in (tmp_path / "wall.html").read_text(encoding="utf-8")

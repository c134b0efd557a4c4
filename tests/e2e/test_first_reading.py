"""A clinic's first day: an old blog of 500 answers is read, told of, and nothing of it goes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract.sources import open_blog
from e2e.homes import SETTINGS, Clinic
from faults.test_old_blog import COUNT, PAGE_SIZE, fill

pytestmark = pytest.mark.heavy


def test_init_on_a_blog_of_500_answers_says_what_it_found_and_would_publish_nothing(tmp_path: Path) -> None:
    with open_blog() as blog:
        blog.state.page_size = PAGE_SIZE
        fill(blog.state)
        clinic = Clinic(tmp_path / "home")
        clinic.home.mkdir()
        settings = SETTINGS.replace(
            'kind = "folder"\npath = "answers"', f'kind = "blogger"\nurl = "{blog.base}"', 1
        ).replace("{mode}", "auto-clean")
        settings = settings.replace("[review]", "[intake]\nallow_private = true\n\n[review]")
        (clinic.home / "clinic.toml").write_text(settings, encoding="utf-8")

        begun = clinic.run("init", "--yes")
        assert begun.returncode == 0, begun.stderr
        assert f"{COUNT} answers recorded as baseline, published " in begun.stderr
        assert "would publish now: 0; " in begun.stderr

        ran = clinic.run("run", "--once")
        assert ran.returncode == 0, ran.stderr
        status = json.loads(clinic.run("status", "--json").stdout)
        assert status["answers"] == {"baseline": COUNT, "fresh": 0, "withdrawn": 0}
        assert status["deliveries"] == {"box": {}}

        tried = clinic.run("backfill", "--max-per-week", "2", "--dry-run")
        assert f"2 this time, {COUNT - 2} left for later weeks" in tried.stderr
        assert json.loads(clinic.run("log", "--json").stdout)["deliveries"] == []

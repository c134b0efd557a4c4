"""A post written by hand in posts/: published once, through the gate and a person, and never out of its time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clinic_broadcast.errors import UsageError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.preview import preview_target
from clinic_broadcast.run.publishing import find_target, publish_target, refuse_untimely
from clinic_broadcast.settings.wording import read_wordings
from desks import approve_all, desk
from fakes import WallChannel

LINK = "https://blog.example/2026/02/flu-season.html"
BODY = "Flu shots are safe in every trimester. They protect mother and child through the winter."
TARGET = "posts/flu-season.md"


def desk_with(folder: Path, **front: str) -> Desk:
    lines = "".join(
        f'{key}: "{value}"\n' for key, value in {"kind": "one-off", "link": LINK, **front}.items()
    )
    posts = folder / "posts"
    posts.mkdir(exist_ok=True)
    (posts / "flu-season.md").write_text(f"---\n{lines}---\n{BODY}\n", encoding="utf-8")
    wall = WallChannel(folder / "a.wall", name="a")
    return replace(desk(MemoryLedger("test"), [wall]), wordings=read_wordings(posts))


def test_what_preview_shows_is_published_once_after_a_person_said_yes(tmp_path: Path) -> None:
    at = desk_with(tmp_path, expires="2999-01-01", not_before="2020-01-01")
    shown = preview_target(at, TARGET, at.channels).drafts["a"].promo
    assert shown.payload.text == f"{BODY}\n\n{LINK}"
    refuse_untimely(at, find_target(at, TARGET))
    publish_target(at, TARGET, at.channels)
    (approved,) = approve_all(at)
    assert approved.payload == shown.payload
    for _ in range(2):
        publish_target(at, TARGET, at.channels)
    (row,) = at.ledger.deliveries()
    assert (row.occasion, row.state.value, row.payload.text) == ("manual", "sent", shown.payload.text)
    assert (tmp_path / "a.wall").read_text(encoding="utf-8").count("Flu shots") == 1


@pytest.mark.parametrize(
    ("front", "why"),
    [
        ({"expires": "2020-02-01"}, "posts/flu-season.md: expired on 2020-02-01"),
        ({"not_before": "2999-01-01"}, "posts/flu-season.md: not before 2999-01-01"),
    ],
)
def test_a_post_out_of_its_time_is_refused(tmp_path: Path, front: dict[str, str], why: str) -> None:
    at = desk_with(tmp_path, **front)
    with pytest.raises(UsageError, match=why):
        refuse_untimely(at, find_target(at, TARGET))

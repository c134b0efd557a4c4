"""Which bytes were served when: the evidence that a clinic shows when somebody asks what stood in the feed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.feeds.evidence import served_of
from feed_stages import Stage, aged

RSS = "feeds/rss.xml"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Give a blog of three answers whose feed was built, changed and changed back to more."""
    made = Stage(tmp_path)
    made.archive(3)
    made.build()
    return made


def change(stage: Stage, number: int) -> bytes:
    """Publish one answer an hour later, and give the bytes that stood before."""
    before = (stage.feeds / "rss.xml").read_bytes()
    stage.clock.pass_by(hours=1)
    stage.publish(replace(aged(number, 3), published_at=stage.clock.now()))
    stage.build()
    return before


def evidence(stage: Stage) -> Path:
    return stage.publisher.file.evidence


def test_each_state_of_a_document_is_told_with_its_time(stage: Stage) -> None:
    began = stage.clock.now()
    bodies = [change(stage, 4), change(stage, 5), (stage.feeds / "rss.xml").read_bytes()]
    found = served_of(evidence(stage), stage.folder / "public", path=RSS)
    hour = timedelta(hours=1)
    assert [(one.from_at, one.until_at) for one in found] == [
        (began, began + hour),
        (began + hour, began + 2 * hour),
        (began + 2 * hour, None),
    ]
    assert [(one.sha256, one.length) for one in found] == [
        (hashlib.sha256(body).hexdigest(), len(body)) for body in bodies
    ]
    assert [one.stands for one in found] == [False, False, True]


def test_one_moment_has_one_state_of_each_document(stage: Stage) -> None:
    began = stage.clock.now()
    change(stage, 4)
    then = served_of(evidence(stage), stage.folder / "public", at=began + timedelta(minutes=30))
    assert len({one.path for one in then}) == len(then)
    assert {RSS, "feeds/atom.xml", "feeds/feed.json"} <= {one.path for one in then}
    assert served_of(evidence(stage), stage.folder / "public", at=began - timedelta(seconds=1)) == []
    (turn,) = served_of(evidence(stage), stage.folder / "public", path=RSS, at=began + timedelta(hours=1))
    assert turn.until_at is None


def test_a_row_that_a_killed_build_wrote_twice_is_told_once_and_a_torn_one_not_at_all(stage: Stage) -> None:
    rows = evidence(stage).read_bytes()
    evidence(stage).write_bytes(rows + rows + b'{"at":"2026')
    assert len(served_of(evidence(stage), stage.folder / "public", path=RSS)) == 1


def test_bytes_that_somebody_has_changed_do_not_stand(stage: Stage) -> None:
    (stage.feeds / "rss.xml").write_bytes(b"other words")
    (only,) = served_of(evidence(stage), stage.folder / "public", path=RSS)
    assert (only.until_at, only.stands) == (None, False)


def test_a_line_that_is_not_ours_is_an_error_and_no_evidence_is_none(stage: Stage, tmp_path: Path) -> None:
    evidence(stage).write_bytes(b'{"at":"soon","path":"x","sha256":"","bytes":1}\n')
    with pytest.raises(LedgerError, match="line 1 is not ours"):
        served_of(evidence(stage), stage.folder / "public")
    assert served_of(tmp_path / "nothing.jsonl", stage.folder / "public") == []

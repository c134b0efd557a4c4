"""The witness file: what was kept last is seen, whatever a crash or a disk leaves of a write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinic_broadcast.errors import LedgerError
from clinic_broadcast.ledger import witness as files
from clinic_broadcast.ledger.witness import HALF_BYTES, WitnessFile
from clinic_broadcast.ports import Head


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "witness.json"


def head(number: int) -> Head:
    return Head(number, f"{number:064x}")


def keep(path: Path, *numbers: int) -> None:
    for number in numbers:
        assert WitnessFile(path).renew(lambda _seen, number=number: head(number))  # type: ignore[misc]


def test_nothing_is_seen_before_anything_was_kept(path: Path) -> None:
    assert WitnessFile(path).seen() is None
    assert not WitnessFile(path).renew(lambda _seen: None)
    assert not path.exists()


def test_what_was_kept_last_is_seen_by_all(path: Path) -> None:
    for number in (1, 2, 3, 9, 10):
        keep(path, number)
        assert WitnessFile(path).seen() == head(number)


def test_a_lower_head_that_is_kept_later_is_the_one_that_is_seen(path: Path) -> None:
    keep(path, 7, 8, 3)
    assert WitnessFile(path).seen() == head(3)


def test_the_file_neither_grows_nor_is_made_anew(path: Path) -> None:
    keep(path, 1)
    size, number = path.stat().st_size, path.stat().st_ino
    keep(path, 2, 30_000, 4_000_000)
    assert (path.stat().st_size, path.stat().st_ino) == (size, number)


def test_a_file_of_an_older_version_is_read_and_goes_on(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"number": 12, "hash": head(12).hash}))
    assert WitnessFile(path).seen() == head(12)
    keep(path, 13)
    assert WitnessFile(path).seen() == head(13)
    keep(path, 14)
    assert WitnessFile(path).seen() == head(14)


@pytest.mark.parametrize("kept", [(1, 2), (1, 2, 3)])
def test_half_a_write_leaves_what_was_seen_before(path: Path, kept: tuple[int, ...]) -> None:
    keep(path, *kept)
    before = path.read_bytes()
    keep(path, 99)
    after = path.read_bytes()
    place = next(at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new)
    end = max(at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new) + 1
    assert place // HALF_BYTES == (end - 1) // HALF_BYTES
    for cut in range(place, end):
        path.write_bytes(after[:cut] + before[cut:])
        assert WitnessFile(path).seen() == head(kept[-1]), cut
    path.write_bytes(after[:end] + before[end:])
    assert WitnessFile(path).seen() == head(99)


def test_a_spoilt_block_leaves_what_was_seen_before(path: Path) -> None:
    keep(path, 5, 6)
    words = path.read_bytes()
    blocks = [words[:HALF_BYTES], words[HALF_BYTES:]]
    for blank in (b"\0", b"\xff", b"["):
        spoilt = blank * HALF_BYTES
        path.write_bytes(spoilt + blocks[1])
        first = WitnessFile(path).seen()
        path.write_bytes(blocks[0] + spoilt)
        assert {first, WitnessFile(path).seen()} == {head(5), head(6)}
        path.write_bytes(spoilt + spoilt)
        assert WitnessFile(path).seen() is None
        keep(path, 7)
        assert WitnessFile(path).seen() == head(7)


def test_what_the_disk_did_not_take_does_not_count_as_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path, 1, 2)

    def broken(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as spoilt:
        spoilt.setattr(files, "_wait_for_disk", broken)
        with pytest.raises(LedgerError, match="Input/output error; nothing is sent without it"):
            keep(path, 3)
    assert WitnessFile(path).seen() == head(2)
    keep(path, 3)
    assert WitnessFile(path).seen() == head(3)

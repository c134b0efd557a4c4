"""A channel that an installed package brings: it is found, opened, and examined by the published kit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinic_broadcast.channels import ChannelSetup, kinds, open_channel
from contract.channels import RealClock

PIGEON = '''
"""A channel that writes to a folder under another name, and its rig."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.channels.folder import FolderChannel
from clinic_broadcast.channels.conformance import TIMEOUT_S


class PigeonChannel(FolderChannel):
    @property
    def kind(self):
        return "pigeon"


def open_channel(setup):
    return PigeonChannel(setup, Path(str(setup.options["path"])))


@dataclass
class Loft:
    folder: Path
    shows_what_it_has = True
    modes = frozenset()

    def setup(self, home):
        options = {"path": str(self.folder)}
        clock = __import__("contract.channels").channels.RealClock()
        return ChannelSetup(name="p", kind="pigeon", api_url="", credentials={}, timeout_s=TIMEOUT_S, clock=clock,
                            options=options, home=home)

    def texts(self):
        return [one.read_text() for one in self.folder.glob("*.txt")]


@contextlib.contextmanager
def open_rig(folder):
    yield Loft(folder / "loft")
'''
FORGETFUL = """
    def look(self, parcel):
        from clinic_broadcast.core.delivery import Absent
        return Absent()
"""
ENTRY_POINTS = """
[clinic_broadcast.channels]
pigeon = pigeon_channel:open_channel
[clinic_broadcast.channel_rigs]
pigeon = pigeon_channel:open_rig
"""


def _install(folder: Path, module: str) -> None:
    about = folder / "pigeon_channel-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon-channel\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "pigeon_channel.py").write_text(module)


def _examine(folder: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(folder), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    kit = ["-p", "clinic_broadcast.channels.pytest_kit", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            str(folder),
            *kit,
            "--channel",
            "pigeon",
            str(folder),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_installed_kind_is_found_and_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, PIGEON)
    monkeypatch.syspath_prepend(str(tmp_path))
    setup = ChannelSetup(
        name="p",
        kind="pigeon",
        api_url="",
        credentials={},
        timeout_s=1,
        clock=RealClock(),
        options={"path": str(tmp_path / "loft")},
        home=tmp_path,
    )
    assert "pigeon" in kinds()
    assert open_channel(setup).kind == "pigeon"


def test_the_kit_passes_a_channel_that_keeps_its_promises(tmp_path: Path) -> None:
    _install(tmp_path, PIGEON)
    done = _examine(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 passed" in done.stdout


def test_the_kit_fails_a_channel_that_does_not(tmp_path: Path) -> None:
    _install(tmp_path, PIGEON.replace('        return "pigeon"\n', f'        return "pigeon"\n{FORGETFUL}'))
    done = _examine(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "a look finds it" in done.stdout

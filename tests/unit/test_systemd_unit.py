"""The systemd unit: as closed as the work allows, by systemd's own measure, and right for any path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clinic_broadcast.engine.systemd_unit import NAME, Placed, unit_of
from e2e.homes import make_clinic

ROOT = Path(__file__).parents[2]
EXPOSURE_MAX = 20
"""In tenths, as `--threshold` counts: 2.0 is what systemd still calls OK."""


def placed(**changes: object) -> Placed:
    shape: dict[str, object] = {
        "program": Path(sys.executable).parent / "clinic-broadcast",
        "home": Path("/srv/clinic"),
        "user": "clinic",
        "stop_within_s": 20.0,
        **changes,
    }
    return Placed(**shape)  # type: ignore[arg-type]  # A test's shape.


def test_it_is_of_type_notify_with_a_watchdog_and_reloads_on_hup() -> None:
    lines = unit_of(placed()).splitlines()
    for line in (
        "Type=notify",
        "WatchdogSec=60",
        "ExecReload=kill -HUP $MAINPID",
        "User=clinic",
        "ReadWritePaths=/srv/clinic",
        "ProtectHome=yes",
        "TimeoutStopSec=60",
    ):
        assert line in lines
    assert "TimeoutStopSec=330" in unit_of(placed(stop_within_s=300)).splitlines()


def test_a_home_or_a_program_under_home_is_the_only_thing_seen_there() -> None:
    lines = unit_of(
        placed(home=Path("/home/pat/clinic"), program=Path("/opt/cb/bin/clinic-broadcast"))
    ).splitlines()
    assert "ProtectHome=tmpfs" in lines
    assert "BindPaths=/home/pat/clinic" in lines
    assert not any(line.startswith(("ReadWritePaths", "BindReadOnlyPaths")) for line in lines)
    lines = unit_of(placed(program=Path("/home/pat/cb/.venv/bin/clinic-broadcast"))).splitlines()
    assert "BindReadOnlyPaths=/home/pat/cb/.venv" in lines
    assert "ReadWritePaths=/srv/clinic" in lines


def test_a_path_with_blanks_and_signs_is_one_word_to_systemd() -> None:
    home = Path('/srv/our "50%" $clinic')
    assert 'ReadWritePaths="/srv/our \\"50%%\\" $$clinic"' in unit_of(placed(home=home)).splitlines()


def test_a_users_own_unit_asks_for_nothing_that_only_the_system_may() -> None:
    unit = unit_of(placed(user=""))
    assert "WantedBy=default.target" in unit
    assert not any(
        word in unit for word in ("User=", "ProtectSystem", "CapabilityBoundingSet", "network-online")
    )


def test_the_command_prints_it_writes_it_and_refuses_a_home_of_root(tmp_path: Path) -> None:
    clinic = make_clinic(tmp_path)
    shown = clinic.run("install-service", "--as", "clinic", "--dry-run")
    assert shown.returncode == 0
    assert f"--home {clinic.home} run" in shown.stdout
    own = clinic.run("install-service", "--user", "--dry-run")
    assert "default.target" in own.stdout
    config = type(clinic)(clinic.home, {"XDG_CONFIG_HOME": str(tmp_path / "config")})
    written = config.run("install-service", "--user")
    assert written.returncode == 0, written.stderr
    assert f"systemctl --user enable --now {NAME}" in written.stderr.replace(
        "systemctl --user daemon-reload && ", ""
    )
    assert (tmp_path / "config" / "systemd" / "user" / NAME).read_text() == own.stdout
    if os.getuid() == 0:
        refused = clinic.run("install-service")
        assert refused.returncode == 4
        assert "must not run as root" in refused.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("home", ["/srv/clinic", "/home/pat/our clinic"])
def test_systemd_itself_finds_it_right_and_closed(tmp_path: Path, home: str) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze is not None, "apt-get install systemd"
    path = tmp_path / NAME
    path.write_text(unit_of(placed(home=Path(home), user="daemon")), encoding="utf-8")
    verified = subprocess.run([analyze, "verify", path], capture_output=True, text=True, check=False)
    assert (verified.returncode, NAME in verified.stderr) == (0, False), verified.stderr
    told = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-400:]

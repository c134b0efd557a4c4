"""The documents say what is true: links exist, commands run, promises name tests that are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clinic_broadcast.demo.networks.client import Networks
from e2e.homes import make_clinic

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PROMISED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PROVING_FILE = re.compile(r"`(tests/[\w/]+\.py)(?:::\w+)?`")


def blocks(text: str) -> list[str]:
    """Give the lines of every block marked as shell."""
    found = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_promise_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    named = PROMISED.findall(text)
    assert len(named) >= 8
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in _source(file)]
    assert missing == []
    assert [file for file in PROVING_FILE.findall(text) if not (ROOT / file).is_file()] == []


def test_every_row_of_the_fault_matrix_is_linked_by_the_promises_and_no_link_is_dead() -> None:
    rows = re.findall(r'<a id="([^"]+)">', (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
    links = re.findall(
        r"\]\(faults\.md#([^)]+)\)", (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    )
    assert len(rows) > 30
    assert sorted(links) == sorted(rows)


def _source(file: str) -> str:
    path = ROOT / file
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def test_the_readmes_set_up_commands_are_verbs_of_x_py() -> None:
    lines = [line for line in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if "x.py" in line]
    told = subprocess.run(
        [sys.executable, "x.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert lines == ["python3 x.py demo", "python3 x.py test"]
    assert all(line.split()[2] in told.stdout for line in lines)


def test_the_readmes_commands_for_a_real_blog_run_as_written(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in blocks(text) if line.startswith("clinic-broadcast")]
    assert len(lines) >= 5
    with Networks(tmp_path / "networks") as networks:
        networks.add_answer(title="Fibroids and IVF", html="<p>Hello Doctor, a question.</p>")
        for line in lines:
            words = shlex.split(
                line.replace("https://your-blog.blogspot.com/", networks.url_for("blog") + "/")
            )
            done = subprocess.run(
                [sys.executable, "-m", "clinic_broadcast", *words[1:]],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            # The simulated blog lies on this machine, which a real home refuses until it is allowed.
            settings = tmp_path / "clinic" / "clinic.toml"
            assert settings.exists(), done.stderr
            settings.write_text(settings.read_text().replace("allow_private = false", "allow_private = true"))
            assert done.returncode in (0, 1, 75), f"{line}: {done.stderr}"
            assert "Traceback" not in done.stderr


def test_the_commands_that_let_somebody_in_run_as_written(tmp_path: Path) -> None:
    lines = blocks((ROOT / "docs" / "howto" / "approve-on-a-phone.md").read_text(encoding="utf-8"))
    assert len(lines) == 4
    make_clinic(tmp_path).home.rename(tmp_path / "clinic")
    for line in lines:
        done = subprocess.run(
            [sys.executable, "-m", "clinic_broadcast", *shlex.split(line)[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        assert ("/review/sign-in?link=" in done.stdout) is (" add " in line or " link " in line)


def test_every_command_is_in_the_command_reference() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "clinic_broadcast", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^  ([a-z]+) {2,}\S", told.split("Commands:")[1], re.MULTILINE)
    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in commands if f"`{name}" not in reference] == []


def test_every_exit_code_is_in_the_command_reference() -> None:
    from clinic_broadcast.cli.output import Exit

    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [code for code in Exit if f"| {code.value} |" not in reference] == []

"""Homes of an invented clinic for tests that drive the program as its users do: as a process."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.program import run_forked

SETTINGS = """
[clinic]
name = "The Example Fertility Center"
blog_url = "https://blog.example/"
public_url = "https://feeds.example"
timezone = "America/Los_Angeles"
own_names = ["Dr. Jane Roe", "@exampleclinic"]

[[sources]]
kind = "folder"
path = "answers"

[review]
mode = "{mode}"
first_n = 0

[channels.box]
kind = "folder"
path = "outbox"
"""

CLEAN = """Thyroid Tests and Early Pregnancy Loss

Hello Dr. Roe,
I am Solveig from Bergen, 37, and lost two pregnancies at Haukeland last May. My aunt Ragnhild says it is the thyroid.
Kind regards

Hello Solveig from Norway,

An underactive thyroid can raise the risk of an early loss. A simple blood test shows how the thyroid works.

Jane Roe, M.D.
Medical Director
The Example Fertility Center

Post a Comment
"""

SLIPPED = """Blood Thinners and Implantation

Hello Dr. Roe,
My clinic in Porto gave me Fragmin every day and then stopped. Was it right?
Benedita

Hello Benedita from Portugal,

Fragnim (prednisone# is a steroid and is not used for this. Blood thinners are given at a low dose #5000 units per day)
when there is a clotting disorder.

Jane Roe, M.D.
for additional information check out my blog at check me out on facebook and twitter with me at @exampleclinic
"""


@dataclass(frozen=True)
class Clinic:
    """A home on disk, and its program."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return run_forked(["--home", str(self.home), *arguments], self.environ, stdin=stdin)

    def ask(self, *arguments: str) -> Any:
        """Run one command with --json and give its document."""
        done = self.run(*arguments, "--json")
        assert done.stderr == "" or "Traceback" not in done.stderr
        return json.loads(done.stdout)

    def add(self, name: str, text: str, *, url: str = "") -> None:
        """Put an answer into the folder source."""
        lines = text.split("\n", 1)
        front = f"---\ntitle: {json.dumps(lines[0])}\nurl: {url or f'https://blog.example/2026/03/{name}.html'}\n---\n"
        (self.home / "answers" / f"{name}.md").write_text(front + lines[1], encoding="utf-8")

    def outbox(self) -> list[str]:
        """Give what is public on the folder channel."""
        folder = self.home / "outbox"
        return (
            [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*"))] if folder.is_dir() else []
        )


def make_clinic(folder: Path, *, mode: str = "hold", settings: str = SETTINGS) -> Clinic:
    """Make a home with a folder source that holds one old answer, its baseline not taken yet."""
    home = folder / "home"
    (home / "answers").mkdir(parents=True)
    (home / "clinic.toml").write_text(settings.replace("{mode}", mode), encoding="utf-8")
    clinic = Clinic(home)
    clinic.add("old", CLEAN.replace("Thyroid Tests", "Old Thyroid Tests"))
    return clinic

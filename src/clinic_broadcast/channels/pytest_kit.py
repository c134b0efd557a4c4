"""The pytest plug-in of the conformance kit: `pytest --channel KIND` checks that a channel keeps the promises."""

from __future__ import annotations

import tempfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from clinic_broadcast.channels import conformance

REGISTERED: dict[str, conformance.OpenRig] = {}
"""Rigs that a test suite has put here while it was collected; they go before those of installed packages."""


class PromiseItem(pytest.Item):
    """One promise, checked against one kind's rig in a scratch folder of its own."""

    promise: conformance.Promise
    open_rig: conformance.OpenRig

    def runtest(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.open_rig(Path(folder)) as rig:
            self.promise(rig, Path(folder) / "home")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> str:
        del style
        if isinstance(excinfo.value, conformance.BrokenPromiseError):
            return f"{self.name}: {excinfo.value}"
        return str(excinfo.getrepr())

    def reportinfo(self) -> tuple[Path, int, str]:
        return Path(conformance.__file__), 0, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--channel`."""
    group = parser.getgroup("clinic-broadcast")
    group.addoption(
        "--channel", metavar="KIND", help="check only that channels of this kind keep their promises"
    )


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """With `--channel`, run the promises of that kind instead of everything else."""
    kind = session.config.getoption("--channel", default=None)
    if kind is None:
        return
    open_rig = _open_rig(str(kind))
    items.clear()
    for name, promise in conformance.PROMISES.items():
        item: PromiseItem = PromiseItem.from_parent(session, name=f"{kind}: {name.replace('_', ' ')}")
        item.promise, item.open_rig = promise, open_rig
        items.append(item)


def _open_rig(kind: str) -> conformance.OpenRig:
    if kind in REGISTERED:
        return REGISTERED[kind]
    for found in entry_points(group=conformance.RIGS, name=kind):
        loaded: conformance.OpenRig = found.load()
        return loaded
    known = sorted({*REGISTERED, *(found.name for found in entry_points(group=conformance.RIGS))})
    raise pytest.UsageError(
        f"no rig for the channel kind {kind!r}; there are {', '.join(known) or 'none'}. A package brings one by the "
        f"entry point group {conformance.RIGS}"
    )

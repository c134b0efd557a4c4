"""The rules of the house, held by a test so that nobody has to remember them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "clinic_broadcast"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "versions" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BANNED_NAMES = re.compile(r"(^|_)(manager|helper|util|utils|service|data|info|process)($|_)", re.IGNORECASE)
BANNED_CLASS_WORDS = re.compile(r"(Manager|Helper|Util|Service|Info|Process)$")
GIVEN_NAMES = {"process_bind_param", "process_result_value"}  # SQLAlchemy calls them so.
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 400
POSITIONAL_MAX = 4


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree) or ""
    assert docstring.split("\n")[0].rstrip().endswith((".", ":")), "the first line of a module is a sentence"
    assert text.count("\n") <= MODULE_LINES_MAX, "split this module"
    for node in functions(tree):
        assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"split {node.name}()"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert not BANNED_NAMES.search(path.stem), "a module is named for what it holds"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in functions(tree) if node.name not in GIVEN_NAMES]
    assert [name for name in names if BANNED_NAMES.search(name)] == []
    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if BANNED_CLASS_WORDS.search(name)] == []


def test_no_function_takes_more_than_four_positional_parameters() -> None:
    # Commands are called by the command line's library, which names every parameter.
    checked = [path for path in MODULES if "cli" not in path.parts]
    long = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in checked
        for node in functions(ast.parse(path.read_text(encoding="utf-8")))
        if len([one for one in node.args.args if one.arg not in ("self", "cls")]) > POSITIONAL_MAX
    ]
    assert long == []


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=relative)
def test_nothing_is_left_undone_or_mocked(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path == Path(__file__):
        return
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    assert not re.search(r"unittest\.mock|pytest\.skip\(|mark\.(skip|xfail)\b|assert True\b", text)


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_every_test_asserts_something(path: Path) -> None:
    silent = [
        node.name
        for node in functions(ast.parse(path.read_text(encoding="utf-8")))
        if node.name.startswith("test_") and not _asserts(node)
    ]
    assert silent == []


def _asserts(node: ast.AST) -> bool:
    """Say whether a test holds an assert, expects an exception, or calls a function named for asserting."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if isinstance(inner, ast.Call):
            called = ast.unparse(inner.func)
            if called.endswith("raises") or "assert" in called or "expect" in called:
                return True
    return False


def test_who_may_import_whom_is_kept() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_names_a_path_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pattern = re.compile(r"(?<![A-Za-z0-9_.])/(?:w[o]rk|t[m]p|r[o]ot)/[A-Za-z]")
    found = []
    for name in tracked.splitlines():
        path = ROOT / name
        if path.suffix in (".lock", ".gz", ".png", ".woff2") or not path.is_file():
            continue
        if pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(name)
    assert found == []

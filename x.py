#!/usr/bin/env python3
"""Set everything up, then run one thing: demo, test, check, bench, docs, setup, or `run ARGS...`.

Needs only Python 3.11+ (standard library) and a package index. The environment lands in .venv/.
Keep this file parsable by older Pythons: they must get a sentence, not a SyntaxError.
"""


import contextlib
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOWS = os.name == "nt"
VENV = os.path.join(HERE, ".venv")
BIN = os.path.join(VENV, "Scripts" if WINDOWS else "bin")
PYTHON = os.path.join(BIN, "python")
UV_PIN = "uv==0.13.9"
LINT_GROUP = ["--group", "lint", "--inexact"]
HEAVY_GROUP = ["--group", "heavy", "--inexact"]
LINTERS = [
    ["ruff", "format", "--check", "."],
    ["ruff", "check", "."],
    ["mypy"],
    ["basedpyright"],
    ["lint-imports"],
    ["deptry", "src"],
]
QUICK_TESTS = ["pytest", "-q", "tests/unit", "tests/contract", "tests/golden", "tests/docs", "tests/house"]
USAGE = "usage: python3 x.py demo [--serve] | test [PYTEST ARGS] | check [--lint] | bench | docs | setup [--heavy] | run ARGS..."


def say(text):
    print(text, file=sys.stderr, flush=True)


def stamp():
    """What the environment depends on: when this changes, it is made anew."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "uv.lock", "requirements.lock"):
        with open(os.path.join(HERE, name), "rb") as file:
            digest.update(file.read())
    digest.update((sys.version + VENV + UV_PIN).encode())
    return digest.hexdigest()


def is_ready(mark, want):
    try:
        with open(mark, encoding="utf-8") as file:
            return file.read() == want
    except OSError:
        return False


@contextlib.contextmanager
def lock():
    """Let one set-up run at a time; the kernel frees the lock when its holder dies."""
    with open(os.path.join(HERE, ".x.lock"), "w", encoding="utf-8") as file:
        if WINDOWS:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def installer_env():
    """Keep the installers quiet, offline about Pythons, and inside .venv."""
    env = dict(os.environ)
    env.pop("VIRTUAL_ENV", None)
    env.update(
        UV_PROJECT_ENVIRONMENT=VENV,
        UV_PYTHON_DOWNLOADS="never",
        UV_LINK_MODE="copy",
        UV_NO_PROGRESS="1",
        # Some systems forbid Python to keep bytecode; every start would then compile everything anew.
        UV_COMPILE_BYTECODE="1",
    )
    return env


def call(command):
    """Run an installer with its chatter on stderr; say whether it worked."""
    try:
        return subprocess.run(command, cwd=HERE, env=installer_env(), stdout=sys.stderr).returncode == 0
    except OSError as error:
        say("x.py: %s: %s" % (command[0], error.strerror))
        return False


def sync(extra):
    uv = os.path.join(BIN, "uv")
    return call([uv, "sync", "--frozen", "--quiet", *extra])


def make_venv():
    say("x.py: setting up .venv (once; a minute or less) ...")
    if os.path.isdir(VENV):
        shutil.rmtree(VENV)
    # Run by the Python inside .venv itself, as in a shell where it is activated, that one has just been removed.
    if not call([getattr(sys, "_base_executable", None) or sys.executable, "-m", "venv", VENV]):
        sys.exit(
            "x.py: Python cannot make a virtual environment. On Debian or Ubuntu: sudo apt install python3-venv"
        )
    pip = [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    if call([*pip, "--only-binary=:all:", UV_PIN]) and sync([]):
        return
    say("x.py: uv did not do it; trying pip alone")
    if not (
        call([*pip, "--require-hashes", "-r", "requirements.lock"])
        and call([*pip, "--no-deps", "--no-build-isolation", "-e", "."])
    ):
        sys.exit("x.py: the packages could not be installed; the lines above say why. Then run this again.")


def set_up():
    """Make .venv hold exactly what uv.lock says; cheap when it already does."""
    mark, want = os.path.join(VENV, ".ok"), stamp()
    if is_ready(mark, want):
        return
    with lock():
        if is_ready(mark, want):  # Another x.py made it while this one waited.
            return
        make_venv()
        call([PYTHON, "-m", "compileall", "-q", os.path.join(HERE, "src")])
        with open(mark, "w", encoding="utf-8") as file:
            file.write(want)


def set_up_group(name, options):
    """Add what only some need, the linters or the heavy suites, to what is there."""
    mark, want = os.path.join(VENV, ".ok-" + name), stamp()
    if is_ready(mark, want):
        return
    with lock():
        if not sync(options):
            sys.exit("x.py: the packages of group %s could not be installed; the lines above say why." % name)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(want)


def run(command):
    """Become the command where the system can, else run it and pass its exit code on."""
    env = dict(os.environ)
    env["PATH"] = BIN + os.pathsep + env.get("PATH", "")
    env["VIRTUAL_ENV"] = VENV
    if WINDOWS:
        sys.exit(subprocess.run(command, env=env).returncode)
    os.execve(command[0], command, env)


def run_all(commands):
    """Run each of the habits, also after one has failed; exit 1 when any did."""
    env = dict(os.environ)
    env["PATH"] = BIN + os.pathsep + env.get("PATH", "")
    failed = []
    for command in commands:
        say("$ " + " ".join(command))
        if subprocess.run(command, cwd=HERE, env=env).returncode != 0:
            failed.append(command[0])
    if failed:
        sys.exit("x.py: failed: " + ", ".join(failed))


def main(arguments):
    if sys.version_info < (3, 11):
        sys.exit("clinic-broadcast needs Python 3.11 or newer; this is %s" % sys.version.split()[0])
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return
    verb, rest = arguments[0], arguments[1:]
    if verb not in ("demo", "test", "check", "bench", "docs", "setup", "run"):
        say(USAGE)
        sys.exit(2)
    set_up()
    console = os.path.join(BIN, "clinic-broadcast")
    if verb == "setup":
        if "--heavy" in rest:
            set_up_group("heavy", HEAVY_GROUP)
        say("x.py: ready: " + os.path.relpath(console))
    elif verb == "test":
        os.chdir(HERE)
        run([PYTHON, "-m", "pytest", *rest])
    elif verb == "demo":
        run([console, "demo", *rest])
    elif verb == "run":
        run([console, *rest])
    elif verb == "bench":
        os.chdir(HERE)
        run([PYTHON, "-m", "benches", *rest])
    elif verb == "docs":
        os.chdir(HERE)
        run([PYTHON, "-m", "pytest", "tests/docs", *rest])
    else:
        set_up_group("lint", LINT_GROUP)
        run_all(LINTERS if "--lint" in rest else [*LINTERS, QUICK_TESTS])


if __name__ == "__main__":
    main(sys.argv[1:])

"""One daemon per home: a lock of the kernel, which frees it even when its holder is killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from clinic_broadcast.errors import SettingsError, UsageError


@contextmanager
def hold_home(path: Path) -> Generator[None, None, None]:
    """Hold the lock file of a home while inside, with our process id written in it.

    Raises UsageError that names the holder when another daemon has it, and SettingsError when the file cannot be
    made. The file stays afterwards: to remove it could let two daemons lock two files of one name. It spares
    trouble and nothing more; what keeps two daemons from sending twice is the ledger.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise SettingsError(f"{path.parent}: there is no such folder; run: clinic-broadcast init") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be opened: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(_taken(path, handle)) from None
        except OSError as error:
            raise SettingsError(
                f"{path}: this file system keeps no locks ({error.strerror}); put the home on a local disk"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Say whether a daemon holds this home; changes nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _taken(path: Path, handle: int) -> str:
    holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    who = f"process {holder}" if holder.isdigit() else "another process"
    stop = f"stop it first: kill {holder}" if holder.isdigit() else "stop it first"
    return f"{path}: {who} is already running this home; {stop}"

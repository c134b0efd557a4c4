"""The heap of the daemon: one for all threads, so that what a job frees serves the next one."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from clinic_broadcast.engine.heap import keep_heap_whole

THREADS = 6
PROGRAM = """
import ctypes, sys, threading
from clinic_broadcast.engine.heap import keep_heap_whole

if sys.argv[1] == "whole":
    assert keep_heap_whole()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = (ctypes.c_int, ctypes.c_void_p)
libc.fclose.argtypes = (ctypes.c_void_p,)
together = threading.Barrier(int(sys.argv[2]))

def work():
    together.wait()
    libc.malloc(5_000)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(together.parties)]
for one in threads:
    one.start()
for one in threads:
    one.join()
file = libc.fopen(sys.argv[3].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library is not glibc")


def heaps(how: str, folder: Path) -> int:
    """Count the heaps of a process after some threads have asked for memory at the same time."""
    told = folder / f"{how}.xml"
    subprocess.run([sys.executable, "-c", PROGRAM, how, str(THREADS), str(told)], check=True, timeout=60)
    return told.read_text(encoding="ascii").count("<heap ")


@needs_glibc
def test_threads_share_one_heap_once_it_is_asked_for(tmp_path: Path) -> None:
    assert heaps("whole", tmp_path) == 1
    assert heaps("as it comes", tmp_path) > 1


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    assert keep_heap_whole() is False

"""Keeps a long-lived process of many threads small, where the C library is glibc; nothing happens elsewhere."""

from __future__ import annotations

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_ARENA_MAX: Final = -8
"""The parameters' numbers in glibc's malloc.h; mallopt(3) tells what they do."""

_TRIM_FROM_BYTES: Final = 128 * 1024
"""What malloc starts with. Set by us it stays: glibc would otherwise raise it with each large block that is freed."""


def keep_heap_whole() -> bool:
    """Have all threads share one heap, whose free end goes back to the system; call it before threads start.

    glibc gives each of a few threads a heap of its own, and what a job has freed in one is of no use to the next job
    in another: measured in a soak of the daemon, 127 MiB after four slots of jobs, and 100 with one heap. Gives False
    where the C library is another.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt.restype = ctypes.c_int
    return bool(mallopt(_M_ARENA_MAX, 1)) and bool(mallopt(_M_TRIM_THRESHOLD, _TRIM_FROM_BYTES))

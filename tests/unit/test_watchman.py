"""The one thread that ends calls which last too long."""

from __future__ import annotations

import threading

import pytest

from clinic_broadcast.channels.watchman import Watchman

LONG_S = 60.0


def test_what_outlasts_its_time_is_ended_although_others_may_last_longer() -> None:
    watchman, rung = Watchman(), threading.Event()
    with watchman.watch(LONG_S, pytest.fail), watchman.watch(0.01, rung.set):
        assert rung.wait(LONG_S)


def test_nobody_is_called_after_the_block_was_left() -> None:
    watchman, late, marked = Watchman(), threading.Event(), threading.Event()
    with watchman.watch(0.05, late.set):
        pass
    with watchman.watch(0.1, marked.set):
        assert marked.wait(LONG_S)
    assert not late.is_set()


def test_one_thread_watches_all_calls_and_keeps_none_that_is_over() -> None:
    watchman = Watchman()
    before = threading.active_count()
    for _ in range(50):
        with watchman.watch(LONG_S, pytest.fail):
            pass
    assert threading.active_count() == before + 1
    assert watchman.waiting == 0


def test_an_error_in_the_block_leaves_it_too() -> None:
    watchman = Watchman()
    with pytest.raises(OSError, match="gone"), watchman.watch(LONG_S, pytest.fail):
        raise OSError("gone")
    assert watchman.waiting == 0

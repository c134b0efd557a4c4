"""How every run of the program ends: with an exit code, and a sentence where something is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from clinic_broadcast.cli.output import Exit, say
from clinic_broadcast.errors import BroadcastError


def ending(call: Callable[[], int], *, debug: bool = False) -> int:
    """Run the call and give its exit code; says what is wrong in one sentence, with a traceback only for `debug`."""
    try:
        return call()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            # Click has seen before us that the reader went away, and calls that a failure.
            return Exit.DONE
        return ended.code if isinstance(ended.code, int) else Exit.DONE
    except BroadcastError as error:
        if debug:
            raise
        say(f"clinic-broadcast: {error}")
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output went away, for instance `head`: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        say(f"clinic-broadcast: {where}{error.strerror or type(error).__name__}")
        return Exit.FAILED
    except Exception as error:
        if debug:
            raise
        # The error's own text may hold words of a letter: only its kind and place are told.
        say(f"clinic-broadcast: a fault of the program itself: {_place_of(error)}; --debug shows all of it")
        return Exit.FAILED
    return Exit.DONE


def _place_of(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"

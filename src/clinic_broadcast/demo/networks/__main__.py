"""Runs the simulated networks as a program of their own, until it is told to stop."""

import argparse
import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from clinic_broadcast.demo.networks.accounts import NETWORKS
from clinic_broadcast.demo.networks.faults import PlanError
from clinic_broadcast.demo.networks.server import Server, World


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print one JSON line with the address when ready.

    Returns 0 after a clean stop, 2 when the plan or the port cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m clinic_broadcast.demo.networks", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where the state is kept, across restarts")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--plan", type=Path, help="a JSON list of fault plans to begin with")
    parser.add_argument("--with-stdin", action="store_true", help="stop when standard input ends")
    asked = parser.parse_args(arguments)
    world = World(asked.dir)
    try:
        if asked.plan:
            world.faults.add(json.loads(asked.plan.read_text(encoding="utf-8")))
        server = Server(world, asked.port)
    except (OSError, ValueError, PlanError) as error:
        sys.stderr.write(f"clinic_broadcast.demo.networks: {error}\n")
        return 2

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop, which runs in this thread: ask from another one.
        threading.Thread(target=server.shutdown, daemon=True).start()

    def stop_with_stdin() -> None:
        # Ends when the last one that holds the other end is gone, also by kill -9.
        # Not through sys.stdin: its lock, held by a waiting thread, would abort the interpreter's end.
        while os.read(0, 4096):
            pass
        server.shutdown()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    url = f"http://127.0.0.1:{server.server_port}"
    ready = {"url": url, "pid": os.getpid(), "wall": f"{url}/wall", "networks": list(NETWORKS)}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    threading.Thread(target=_warm_up, daemon=True).start()
    if asked.with_stdin:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    world.store.close()
    return 0


def _warm_up() -> None:
    # X's length rules take a quarter of a second to load; the first publication need not wait for them.
    importlib.import_module("clinic_broadcast.demo.networks.x_text")


if __name__ == "__main__":
    sys.exit(main())

"""Starts the simulated networks as a process and talks to their control API, for tests and the demo."""

import contextlib
import http.client
import json
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.messages import Json

START_S: Final = 20.0
STOP_S: Final = 5.0
CALL_S: Final = 20.0
_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json"}


class NetworksError(RuntimeError):
    """The simulated networks did not start, or refused a control request; the message says why."""


class Networks:
    """A running set of simulated networks; a context manager that stops them at the end.

    The state stays in `directory`: `stop()` and `start()` again is a restart on the same port with
    everything still there, and `kill()` is the same without a goodbye.
    """

    def __init__(self, directory: Path, *, port: int = 0, plan: Path | None = None) -> None:
        self._directory, self._port, self._plan = directory, port, plan
        self._child: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start the process and return its address.

        Raises:
            NetworksError: it was not ready within 20 s.
        """
        command = [sys.executable, "-m", "clinic_broadcast.demo.networks"]
        command += ["--dir", str(self._directory), "--port", str(self._port), "--with-stdin"]
        if self._plan is not None:
            command += ["--plan", str(self._plan)]
        # It ends with us, however we end: the pipe to its standard input closes.
        child = subprocess.Popen(  # noqa: S603 - Our own module.
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._child = child
        line = ""
        if child.stdout is not None and select.select([child.stdout], [], [], START_S)[0]:
            line = child.stdout.readline()
        if not line:
            self.kill()
            raise NetworksError(f"the simulated networks did not start within {START_S:.0f} s")
        self.url = str(json.loads(line)["url"])
        # A restart serves the same address, and plans of the first start are in the store by then.
        self._port, self._plan = int(urlsplit(self.url).port or 0), None
        return self.url

    @property
    def pid(self) -> int:
        """The process id, or 0 when it does not run."""
        return 0 if self._child is None else self._child.pid

    def stop(self) -> None:
        """Stop the process with SIGTERM; kill it when it is still there after 5 s."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_S)
        self.kill()

    def kill(self) -> None:
        """End the process as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
            self._child = None

    def url_for(self, network: str) -> str:
        """Return the `api_url` of a network; for "blog" the address of the blog."""
        return f"{self.url}/{network}"

    def environment(self, *names: str) -> dict[str, str]:
        """Return the credentials of networks (all, when none is named) as the product's environment variables."""
        return {
            f"CLINIC_CHANNELS__{name.upper()}__{key.upper()}": value
            for name in names or tuple(CREDENTIALS)
            for key, value in CREDENTIALS[name].items()
        }

    # What happened ---------------------------------------------------------------------------------------

    def wall(self, network: str | None = None, *, with_deleted: bool = False) -> list[Json]:
        """Return what is in public now, newest first, with the exact text."""
        found: list[Json] = self._ask("GET", "/wall.json")
        return [
            it for it in found if network in (None, it["network"]) and (with_deleted or not it["deleted"])
        ]

    def calls(self, network: str | None = None, method: str | None = None) -> list[Json]:
        """Return the log of platform calls, oldest first."""
        found: list[Json] = self._ask("GET", "/control/calls")
        return [it for it in found if network in (None, it["network"]) and method in (None, it["method"])]

    def spend_usd(self, network: str = "x") -> float:
        """Return what the network has billed."""
        return float(self._ask("GET", "/control/spend")[network]["usd"])

    # What shall happen -----------------------------------------------------------------------------------

    def fault(self, network: str, mode: str, *, method: str = "POST", path: str = "", **more: object) -> None:
        """Plan a fault; `more` may hold nth, count, seconds, pid, pid_file, reset.

        Raises:
            NetworksError: the plan is refused.
        """
        self._ask(
            "POST",
            "/control/faults",
            [{"network": network, "mode": mode, "method": method, "path": path, **more}],
        )

    def faults(self) -> list[Json]:
        """Return every plan with the calls it has seen and spoiled."""
        found: list[Json] = self._ask("GET", "/control/faults")
        return found

    def clear_faults(self) -> None:
        """End every plan."""
        self._ask("DELETE", "/control/faults")

    def reset(self) -> None:
        """Forget everything: publications, calls, faults, settings, the blog."""
        self._ask("POST", "/control/reset", {})

    def set(self, network: str, **changes: object) -> None:
        """Change settings of a network; accounts.py names them.

        Raises:
            NetworksError: there is no such network or setting.
        """
        self._ask("POST", "/control/settings", {network: changes})

    def add_answer(self, *, title: str, html: str, **more: object) -> Json:
        """Put an answer on the blog and return it with `id`, `url` and `entry_id`.

        `more` may hold id, published, updated, labels, slug, author, comments.
        """
        found: Json = self._ask("POST", "/control/blog", {"title": title, "html": html, **more})
        return found

    def edit_answer(self, answer_id: str, **changes: object) -> Json:
        """Change an answer of the blog; its `updated` moves to now unless it is given."""
        found: Json = self._ask("POST", "/control/blog", {"id": answer_id, **changes})
        return found

    def withdraw_answer(self, answer_id: str) -> None:
        """Take an answer off the blog: its page is gone and its feed entry too."""
        self._ask("DELETE", f"/control/blog/{answer_id}")

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON.
        address = urlsplit(self.url)
        line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=CALL_S)
        try:
            line.request(method, path, json.dumps(body) if body is not None else None, _JSON)
            reply = line.getresponse()
            raw = reply.read()
        finally:
            line.close()
        if reply.status != http.client.OK:
            raise NetworksError(f"{method} {path}: {reply.status} {raw[:300].decode('utf-8', 'replace')}")
        return json.loads(raw)

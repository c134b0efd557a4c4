"""Messages that leave the machine, by HTTP and by mail, to real local receivers; wrong addresses are refused."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clinic_broadcast.core.notice import Enclosure, Message
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.notices.alive import AlivePing
from clinic_broadcast.notices.messenger import AppriseMessenger
from clinic_broadcast.settings.secrets import read_notify_secrets
from e2e.homes import CLEAN, SETTINGS, Clinic, make_clinic
from e2e.test_daemon import get, running


class Receiver:
    """A local HTTP server that keeps what it is sent."""

    def __init__(self, status: int = 200) -> None:
        self.got: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.got.append((self.path, body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class PostOffice:
    """A local SMTP server, as much of RFC 5321 as a client needs, that keeps the mails it is sent."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self._loop = asyncio.new_event_loop()
        self.port = 0
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def _run(self, ready: threading.Event) -> None:
        async def open_door() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            async with server:
                await self._closed.wait()

        self._closed = asyncio.Event()
        self._loop.run_until_complete(open_door())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append(message_from_bytes(await reader.readuntil(b"\r\n.\r\n")))
            if verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(b"250 fine\r\n")
            await writer.drain()
        writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join(10)
        self._loop.close()


def test_a_notice_reaches_an_http_receiver_and_an_escalation_another(receiver: Receiver) -> None:
    messenger = AppriseMessenger(
        [f"json://127.0.0.1:{receiver.port}/first"], [f"json://127.0.0.1:{receiver.port}/second"]
    )
    messenger.check()
    message = Message(subject="The clinic: 1 promo waiting", text="One line.")
    assert messenger.tell(message) == ""
    assert messenger.tell(message, escalated=True) == ""
    assert [path for path, _body in receiver.got] == ["/first", "/second"]
    body = json.loads(receiver.got[0][1])
    assert (body["title"], body["message"]) == ("The clinic: 1 promo waiting", "One line.")


def test_a_receiver_that_refuses_is_said_without_its_address() -> None:
    refusing = Receiver(status=500)
    problem = AppriseMessenger([f"json://user:a-secret@127.0.0.1:{refusing.port}"]).tell(
        Message(subject="a", text="b")
    )
    refusing.close()
    assert "notify --test" in problem
    assert "a-secret" not in problem


def test_a_report_goes_by_mail_as_a_page_with_its_chart_and_to_a_chat_as_text(receiver: Receiver) -> None:
    office = PostOffice()
    address = (
        f"mailto://127.0.0.1:{office.port}?from=clinic@clinic.example&to=pat@clinic.example&mode=insecure"
    )
    told = AppriseMessenger([address, f"json://127.0.0.1:{receiver.port}"]).tell(
        Message(
            subject="The week",
            text="3 went out",
            html="<h1>The week</h1><p>3 went out</p>",
            enclosures=(Enclosure(name="weeks.svg", media_type="image/svg+xml", content=b"<svg/>"),),
        )
    )
    office.close()
    assert told == ""
    (mail,) = office.mails
    assert "The week" in str(mail["Subject"])
    parts = {
        part.get_content_type(): part.get_payload(decode=True)
        for part in mail.walk()
        if not part.is_multipart()
    }
    assert b"<h1>The week</h1>" in bytes(parts["text/html"])
    assert b"3 went out" in bytes(parts["text/plain"])
    assert bytes(parts["image/svg+xml"]) == b"<svg/>"
    ((_path, chat),) = receiver.got
    assert json.loads(chat)["message"] == "3 went out"


@pytest.mark.parametrize("addresses", [["nonsense://a-secret"], ["json://127.0.0.1", "nope"], []])
def test_an_address_that_nobody_knows_is_a_settings_error_that_does_not_show_it(addresses: list[str]) -> None:
    with pytest.raises(SettingsError, match="CLINIC_NOTIFY__URLS") as caught:
        AppriseMessenger(addresses).check()
    assert "a-secret" not in str(caught.value)


def test_addresses_come_from_the_environment_or_a_private_file_and_an_unknown_one_is_refused(
    tmp_path: Path,
) -> None:
    secrets = tmp_path / "state" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "CLINIC_NOTIFY__PING_URL").write_text("https://ping.example/abc\n")
    (secrets / "CLINIC_NOTIFY__PING_URL").chmod(0o600)
    found = read_notify_secrets({"CLINIC_NOTIFY__URLS": "json://a json://b"}, tmp_path)
    assert dict(found) == {"urls": "json://a json://b", "ping_url": "https://ping.example/abc"}
    assert "json" not in repr(found)
    with pytest.raises(SettingsError, match='did you mean "urls"'):
        read_notify_secrets({"CLINIC_NOTIFY__URL": "json://a"}, tmp_path)


def test_the_sign_of_life_calls_and_calls_fail_when_something_is_wrong(receiver: Receiver) -> None:
    alive = AlivePing(f"http://127.0.0.1:{receiver.port}/abc")
    assert alive.ping(()) == ""
    assert alive.ping(("poll: too old",)) == ""
    assert receiver.got == [("/abc", b""), ("/abc/fail", b"poll: too old")]
    refusing = Receiver(status=404)
    assert "refused (404)" in AlivePing(f"http://127.0.0.1:{refusing.port}/abc").ping(())
    refusing.close()
    assert "did not get through" in AlivePing(f"http://127.0.0.1:{refusing.port}/abc").ping(())


def test_the_command_shows_what_needs_a_person_and_tries_the_addresses(
    tmp_path: Path, receiver: Receiver
) -> None:
    clinic = make_clinic(tmp_path)
    assert clinic.run("init", "--yes").returncode == 0
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    shown = clinic.run("notify")
    assert "1 promo waiting for approval (box 1)" in shown.stdout
    assert "CLINIC_NOTIFY__URLS" in shown.stderr
    assert clinic.run("notify", "--test").returncode == 4
    told = Clinic(clinic.home, {"CLINIC_NOTIFY__URLS": f"json://127.0.0.1:{receiver.port}/"})
    assert told.run("notify", "--test").returncode == 0
    assert "a test" in json.loads(receiver.got[0][1])["title"]
    wrong = Clinic(clinic.home, {"CLINIC_NOTIFY__URLS": "nonsense://a-secret"}).run("notify", "--test")
    assert wrong.returncode == 4
    assert "a-secret" not in wrong.stderr


def test_the_weekly_report_is_shown_kept_as_a_page_and_sent(tmp_path: Path, receiver: Receiver) -> None:
    clinic = make_clinic(tmp_path)
    assert clinic.run("init", "--yes").returncode == 0
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    (item,) = clinic.ask("queue")["items"]
    clinic.run("approve", item["id"], "--by", "Pat")
    clinic.run("publish", item["answer_id"])
    shown = clinic.run("digest")
    assert "1 promo in public (box 1)" in shown.stdout
    assert "Thyroid Tests and Early Pregnancy Loss" in shown.stdout
    assert "Solveig" not in shown.stdout
    page = tmp_path / "week.html"
    assert clinic.run("digest", "--html", str(page)).returncode == 0
    assert "data:image/svg+xml" in page.read_text(encoding="utf-8")
    assert clinic.ask("digest", "--days", "3")["published"][0]["places"].keys() == {"box"}
    assert clinic.run("digest", "--send").returncode == 4
    told = Clinic(clinic.home, {"CLINIC_NOTIFY__URLS": f"json://127.0.0.1:{receiver.port}/"})
    assert told.run("digest", "--send", "--dry-run").returncode == 0
    assert receiver.got == []
    assert told.run("digest", "--send").returncode == 0
    assert "1 promo went out" in json.loads(receiver.got[0][1])["title"]


@pytest.mark.heavy
@pytest.mark.timeout(240)
def test_a_running_daemon_keeps_the_old_settings_and_tells_a_person_that_new_ones_were_refused(
    tmp_path: Path, receiver: Receiver
) -> None:
    # No hours of quiet, whenever this runs.
    settings = SETTINGS + '\n[web]\nport = 0\n\n[notify]\nquiet = ""\n'
    made = make_clinic(tmp_path, settings=settings)
    assert made.run("init", "--yes").returncode == 0
    told = Clinic(made.home, {"CLINIC_NOTIFY__URLS": f"json://127.0.0.1:{receiver.port}/"})
    file = made.home / "clinic.toml"
    with running(told) as (child, url):
        file.write_text(file.read_text() + "\ncolour = 'green'\n")
        child.send_signal(signal.SIGHUP)
        # People are looked after once a minute.
        refused = until(lambda: messages_about(receiver, "settings were refused"), within_s=120)
        assert get(f"{url}/feeds/rss.xml")[0] == 200
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=30) == 0
    assert len(refused) == 1
    assert "clinic-broadcast doctor" in refused[0]
    assert "colour" not in refused[0]
    assert made.run("status").returncode == 4


def messages_about(receiver: Receiver, words: str) -> list[str]:
    """Give the messages that hold these words."""
    said = [json.loads(body)["message"] for _path, body in receiver.got]
    return [one for one in said if words in one]


def until(found: Callable[[], list[str]], *, within_s: float) -> list[str]:
    """Ask until there is something, and give it."""
    ends_at = time.monotonic() + within_s
    while not (got := found()) and time.monotonic() < ends_at:
        time.sleep(0.5)
    return got

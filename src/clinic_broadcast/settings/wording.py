"""Reads posts/*.md: templates for automatic promos, and wordings written by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from frontmatter.default_handlers import YAMLHandler

from clinic_broadcast.core.wording import (
    DEFAULT_FIELDS,
    TEMPLATES,
    Slot,
    Wording,
    WordingKind,
    attribution_fault,
    pieces_of,
)
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.faults import FILE_BYTES_MAX, either, near, refuse, shown

FILES_MAX: Final = 1000
"""More wordings than a clinic writes in decades; a folder with more is a mistake."""

_HAND_KEYS: Final = ("kind", "link", "channels", "not_before", "expires")
_HAND_KINDS: Final = (WordingKind.ONE_OFF, WordingKind.EVERGREEN)
_LINK_ONLY: Final = frozenset({Slot.LINK})


class _StringsOnly(YAMLHandler):
    """Reads front matter with every value as the text that stands there: no dates, no booleans, no numbers."""

    def load(self, fm: str, **kwargs: object) -> Any:  # noqa: ANN401 - YAML gives whatever the file holds.
        del kwargs
        return yaml.load(fm, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes only texts, lists and tables.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """Every wording of a home. `templates` are keyed by name and by the channel or kind they are for, or ""."""

    folder: str
    templates: Mapping[tuple[str, str], Wording]
    written: tuple[Wording, ...]

    def template_for(self, name: str, *channels: str) -> Wording:
        """Give the template of this name for the first of these that has its own, else the one for all.

        `channels` are a channel's name, then its kind. Raises SettingsError when there is no such file.
        """
        for channel in (*channels, ""):
            found = self.templates.get((name, channel))
            if found is not None:
                return found
        raise SettingsError(
            f"{self.folder}/{name}.md: there is no such file; it holds the words of every {name} promo."
            " `clinic-broadcast init` writes one where it is missing"
        )

    def find(self, target: str) -> Wording | None:
        """Find a wording written by hand by its path (`posts/flu.md`), file name or name; None if there is none."""
        wanted = target.replace("\\", "/").removeprefix("./")
        for wording in self.written:
            if wanted in (wording.file, wording.name, f"{wording.name}.md"):
                return wording
            if wanted.endswith(f"/{wording.file}"):
                return wording
        return None

    def is_template(self, target: str) -> bool:
        """Say whether a person means one of the templates by its path (`posts/announce.md`) or file name."""
        wanted = target.replace("\\", "/").removeprefix("./")
        return any(
            wanted in (one.file, one.file.rpartition("/")[2]) or wanted.endswith(f"/{one.file}")
            for one in self.templates.values()
        )

    def strangers(self, known: Collection[str]) -> tuple[str, ...]:
        """Say for each file that names a channel which is not among the known names and kinds what is wrong."""
        named = [(one.file, one.channel) for one in self.templates.values() if one.channel is not None]
        named += [(one.file, channel) for one in self.written for channel in one.channels]
        return tuple(
            f"{file}: there is no channel or kind {shown(channel)}{near(channel, known)};"
            f" known: {either(sorted(known))}"
            for file, channel in named
            if channel not in known
        )


def read_wordings(folder: Path) -> Wordings:
    """Read every .md file of the folder, in the order of their names; a folder that is not there holds none.

    Raises:
        SettingsError: a file cannot be read, or holds something that is not allowed; the message names file,
            key, what was found and what is allowed, for all files at once.
    """
    paths = sorted(folder.glob("*.md"))
    if len(paths) > FILES_MAX:
        raise SettingsError(f"{folder}: holds {len(paths)} wordings; at most {FILES_MAX} are allowed")
    faults: list[str] = []
    wordings: list[Wording] = []
    for path in paths:
        try:
            wordings.append(_read(path))
        except SettingsError as error:
            faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(faults))
    templates = [one for one in wordings if one.kind is WordingKind.TEMPLATE]
    plain = {one.name: one for one in templates if one.channel is None}
    keyed: dict[tuple[str, str], Wording] = {}
    for one in templates:
        inherited = plain[one.name].fields if one.name in plain else {}
        keyed[one.name, one.channel or ""] = replace(one, fields={**inherited, **one.fields})
    written = tuple(one for one in wordings if one.kind is not WordingKind.TEMPLATE)
    return Wordings(folder=str(folder), templates=keyed, written=written)


def _read(path: Path) -> Wording:
    metadata, body, digest = _parts(path)
    name, _, channel = path.stem.partition(".")
    file = f"{path.parent.name}/{path.name}"
    texts = {key: value for key, value in metadata.items() if isinstance(value, str)}
    if name in TEMPLATES:
        faults = _template_faults(metadata, body)
        wording = Wording(
            name=name, file=file, digest=digest, template=body, fields=texts, channel=channel or None
        )
    else:
        faults = _hand_faults(metadata, body, path.stem)
        kind = texts.get("kind", "")
        wording = Wording(
            name=path.stem,
            file=file,
            digest=digest,
            template=body,
            kind=WordingKind(kind) if kind in _HAND_KINDS else WordingKind.ONE_OFF,
            link=texts.get("link", ""),
            channels=_channels(metadata.get("channels", "")),
            not_before=texts.get("not_before", ""),
            expires=texts.get("expires", ""),
        )
    if faults:
        raise refuse(path, faults)
    return wording


def _parts(path: Path) -> tuple[dict[str, object], str, str]:
    """Give front matter, body and digest of a file; raises SettingsError when it cannot be read so."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsError(f"{path}: is {len(raw)} bytes long; at most {FILE_BYTES_MAX} are allowed")
    matter = _StringsOnly()
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        above, body = matter.split(text) if matter.detect(text) else ("", text)
        metadata = matter.load(above) or {}
        if not isinstance(metadata, dict):
            raise SettingsError(f"{path}: the front matter is not a table of `key: value` lines")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise SettingsError(
            f'{path}: {where}the front matter is not valid YAML; a value with a colon needs quotes: key: "a: b"'
        ) from None
    except ValueError:
        raise SettingsError(
            f"{path}: the front matter has no end; it stands between two lines of ---"
        ) from None
    return (
        {str(key): value for key, value in metadata.items()},
        str(body).strip(),
        hashlib.sha256(raw).hexdigest(),
    )


def _template_faults(metadata: Mapping[str, object], body: str) -> list[str]:
    faults = _key_faults(metadata, tuple(DEFAULT_FIELDS))
    faults += [
        f"{key}: is {shown(value)}; a text is allowed"
        for key, value in metadata.items()
        if not isinstance(value, str)
    ]
    attribution = metadata.get("attribution")
    if isinstance(attribution, str) and (fault := attribution_fault(attribution)):
        faults.append(f"attribution: is {shown(attribution)}; {fault}")
    for key in ("attribution_without_name", "disclaimer", "after_title", "after_title_alone"):
        value = metadata.get(key)
        if isinstance(value, str) and ("{" in value or "}" in value):
            faults.append(f"{key}: is {shown(value)}; no placeholder is allowed here")
    return faults + _body_faults(body, frozenset(Slot))


def _hand_faults(metadata: Mapping[str, object], body: str, stem: str) -> list[str]:
    faults = _key_faults(metadata, _HAND_KEYS)
    kind = metadata.get("kind")
    if kind is None:
        faults.append(
            f"kind: is missing; a wording written by hand is {either(_HAND_KINDS)}."
            f" A template is called {either(TEMPLATES)}{near(stem, TEMPLATES)}"
        )
    elif kind not in _HAND_KINDS:
        faults.append(f"kind: is {shown(kind)}; allowed is {either(_HAND_KINDS)}")
    link = metadata.get("link")
    if link is None:
        faults.append('link: is missing; give the page that it leads to: link: "https://…"')
    elif not _is_web_address(link):
        faults.append(f"link: is {shown(link)}; an address that begins with https:// or http:// is allowed")
    for key in ("not_before", "expires"):
        if key in metadata and not _is_date(metadata[key]):
            faults.append(f"{key}: is {shown(metadata[key])}; a date like 2026-03-01 is allowed")
    channels = metadata.get("channels", "")
    if not isinstance(channels, str) and not (
        isinstance(channels, list) and all(isinstance(one, str) for one in channels)
    ):
        faults.append(f"channels: is {shown(channels)}; a list of channel names is allowed: [x, facebook]")
    return faults + _body_faults(body, _LINK_ONLY)


def _key_faults(metadata: Mapping[str, object], allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{key}: there is no such key{near(key, allowed)}; allowed: {', '.join(allowed)}"
        for key in metadata
        if key not in allowed
    ]


def _body_faults(body: str, allowed: frozenset[Slot]) -> list[str]:
    if not body:
        return ["the text below the front matter is empty; it is what is published"]
    try:
        pieces_of(body, allowed)
    except ValueError as error:
        return [f"the text: {error}"]
    return []


def _channels(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(str(name).strip() for name in names if str(name).strip())


def _is_web_address(value: object) -> bool:
    if not isinstance(value, str) or any(char.isspace() for char in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_date(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True

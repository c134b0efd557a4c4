"""What is wrong with the feed documents on disk: the checklist that readers, validators and caches go by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lxml import etree

from clinic_broadcast.core.feed import HELD_TITLE, WITHDRAWN_TITLE, entry_id_of
from clinic_broadcast.feeds.places import (
    ARCHIVE,
    CORRECTIONS,
    FOLDER,
    LIVE,
    MEDIA_TYPES,
    OUTLINE,
    STYLE,
    SUBSCRIBE,
    WITHDRAWN,
    Form,
    path_of,
)
from clinic_broadcast.feeds.reading import SeenDocument, parse_xml, see
from clinic_broadcast.feeds.rules import bytes_problems, document_problems, schema_problems
from clinic_broadcast.feeds.shell import NAMESPACES
from clinic_broadcast.feeds.variants import SUFFIXES, unpacked
from clinic_broadcast.feeds.write import beside

MISSING: Final = "it is not there; `clinic-broadcast feed build` writes it"
PAGE_NAME: Final = re.compile(r"(\d{4,})\.(rss\.xml|atom\.xml|json)")
NOTICE_ID: Final = re.compile(r".+-(?:correction|withdrawal)-\d+")
AT: Final = "{" + NAMESPACES["at"] + "}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDocument:
    """One feed document: where it is, how many entries it has, and what is wrong with it."""

    path: str
    entries: int
    problems: tuple[str, ...]


def check_feeds(public: Path) -> list[CheckedDocument]:
    """Check every feed document under public/feeds; one that is missing is a problem of its own.

    A problem begins with the number of its rule in the checklist of docs/howto/host-the-feeds.md.
    """
    seen: dict[str, SeenDocument] = {}
    checked = [_check_feed(public, path_of(0, form), form, seen) for form in Form]
    folder = public / FOLDER / ARCHIVE
    names = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        found = PAGE_NAME.fullmatch(name)
        if found is not None:
            checked.append(_check_feed(public, f"{FOLDER}/{ARCHIVE}/{name}", Form(found[2]), seen))
    checked.append(_check_feed(public, f"{FOLDER}/{CORRECTIONS}", Form.ATOM, seen))
    gone = _tombstones(public)
    checked.append(_check_withdrawn(public, gone, seen))
    checked += [_check_side(public, name) for name in (OUTLINE, SUBSCRIBE, STYLE)]
    together = dict.fromkeys(
        [*_agreement_problems(seen), *_walk_problems(public, seen), *_litter_problems(public)]
    )
    first = checked[0]
    return [replace(first, problems=(*first.problems, *together)), *checked[1:]]


def _check_feed(public: Path, path: str, form: Form, seen: dict[str, SeenDocument]) -> CheckedDocument:
    content = _read(public / path)
    if content is None:
        return CheckedDocument(path=path, entries=0, problems=(MISSING,))
    is_live = f"/{ARCHIVE}/" not in path
    problems = list(bytes_problems(content, form, is_live=is_live))
    try:
        found = see(content, form)
    except ValueError as error:
        told = str(error) if "line" in str(error) or "no " in str(error) else "not what its name says"
        return CheckedDocument(path=path, entries=0, problems=(*problems, f"R2: {told}"))
    seen[path] = found
    written_at = datetime.fromtimestamp((public / path).stat().st_mtime, tz=UTC)
    problems += document_problems(found, written_at=written_at, is_live=is_live)
    own = found.links.get("self", "")
    if own and not own.endswith(path):
        problems.append("R12: the link to itself leads elsewhere")
    problems += _copy_problems(public / path, content)
    return CheckedDocument(path=path, entries=len(found.entries), problems=tuple(problems))


def _check_withdrawn(
    public: Path, gone: Sequence[tuple[str, str]], seen: dict[str, SeenDocument]
) -> CheckedDocument:
    """Check the tombstones, and that no document still has words of what is withdrawn."""
    path = f"{FOLDER}/{WITHDRAWN}"
    content = _read(public / path)
    if content is None:
        return CheckedDocument(path=path, entries=0, problems=(MISSING,))
    try:
        tree = parse_xml(content)
    except etree.XMLSyntaxError as error:
        return CheckedDocument(
            path=path, entries=0, problems=(f"R2: not well-formed XML, line {error.lineno}",)
        )
    problems = [f"R29:{one.removeprefix('R10:')}" for one in schema_problems(tree)]
    if len(set(gone)) < len(gone):
        problems.append("R29: two tombstones with one reference and one time")
    names = {ref for ref, _ in gone}
    for place, document in seen.items():
        problems += [
            f"R27: {place}: {entry.id} still has words that were withdrawn"
            for entry in document.entries
            if entry.id in names and entry.title != WITHDRAWN_TITLE
        ]
    told = {
        entry.url for document in seen.values() for entry in document.entries if NOTICE_ID.fullmatch(entry.id)
    }
    withdrawn = {e.url for d in seen.values() for e in d.entries if e.id in names and e.title != HELD_TITLE}
    problems += [f"R28: no notice tells of the withdrawal of {one}" for one in sorted(withdrawn - told)]
    problems += _copy_problems(public / path, content)
    return CheckedDocument(path=path, entries=len(gone), problems=tuple(problems))


def _check_side(public: Path, name: str) -> CheckedDocument:
    path = f"{FOLDER}/{name}"
    content = _read(public / path)
    if content is None:
        return CheckedDocument(path=path, entries=0, problems=(MISSING,))
    problems = list(_copy_problems(public / path, content))
    text = content.decode("utf-8", errors="replace")
    if name == OUTLINE and "<outline " not in text:
        problems.append("R37: the outline names no feed")
    if name == SUBSCRIBE:
        problems += [
            f"R37: the page does not lead to {LIVE[form]}"
            for form in Form
            if f'rel="alternate" type="{MEDIA_TYPES[form]}"' not in text or LIVE[form] not in text
        ]
    return CheckedDocument(path=path, entries=0, problems=tuple(problems))


def _agreement_problems(seen: dict[str, SeenDocument]) -> Iterator[str]:
    """Say where the formats differ: one answer has one id, one title and one link in all of them."""
    groups: dict[str, list[SeenDocument]] = {}
    for path, document in seen.items():
        if not path.endswith(CORRECTIONS):
            groups.setdefault(
                path.rpartition("/")[2].split(".")[0] if ARCHIVE in path else "live", []
            ).append(document)
    for name, documents in groups.items():
        shown = {
            tuple((one.id, one.title, one.url, one.summary) for one in document.entries)
            for document in documents
        }
        if len(documents) != len(Form) or len(shown) > 1:
            yield f"R4: the formats of {name} do not have the same entries under the same ids"
        hubs = {document.links.get("hub", "") for document in documents}
        if len(hubs) > 1:
            yield f"R13: the formats of {name} do not name the same hub"


def _walk_problems(public: Path, seen: dict[str, SeenDocument]) -> Iterator[str]:
    """Walk back from each live document through the archive; every link leads to a page, and no page is left out."""
    for form in Form:
        here = seen.get(path_of(0, form))
        passed: set[str] = set()
        while here is not None and (link := here.links.get("prev-archive")):
            name = link.rpartition("/")[2]
            if name in passed:
                yield f"R24: {form.value}: the way back goes in a circle"
                return
            passed.add(name)
            here = seen.get(f"{FOLDER}/{ARCHIVE}/{name}")
            if here is None:
                yield f"R24: {form.value}: a link to {name}, which is not there"
            elif form is not Form.JSON and here.tree.find(".//{" + NAMESPACES["fh"] + "}archive") is None:
                yield f"R24: {name} does not say that it is an archive page"
        pages = {path.rpartition("/")[2] for path in seen if ARCHIVE in path and path.endswith(form.value)}
        if passed and pages - passed:
            yield f"R24: {form.value}: pages that no link leads to: {', '.join(sorted(pages - passed))}"
    if not (public / FOLDER / STYLE).is_file():
        yield "R38: the style sheet is not there"


def _litter_problems(public: Path) -> Iterator[str]:
    for folder in (public / FOLDER, public / FOLDER / ARCHIVE):
        for path in sorted(folder.glob(".*.part")) if folder.is_dir() else ():
            yield f"R40: {path.name} was left by a writer that was killed; the next build removes it"
        for suffix in SUFFIXES:
            for path in sorted(folder.glob(f"*{suffix}")) if folder.is_dir() else ():
                if not path.with_suffix("").exists():
                    yield f"R27: {path.name} is a copy of a document that is gone"


def _copy_problems(path: Path, content: bytes) -> Iterator[str]:
    """Say which compressed copies are not the document: a static server would serve old words from them."""
    for suffix in SUFFIXES:
        copy = _read(beside(path, suffix))
        if copy is None:
            continue
        try:
            # By what it says: another version of a library, or of ours, packs the same words otherwise.
            same = unpacked(suffix, copy) == content
        except ValueError:
            same = False
        if not same:
            yield f"R27: {path.name}{suffix} is not a copy of the document"


def _tombstones(public: Path) -> list[tuple[str, str]]:
    content = _read(public / FOLDER / WITHDRAWN)
    if content is None:
        return []
    try:
        tree = parse_xml(content)
    except etree.XMLSyntaxError:
        return []
    return [
        (entry_id_of(one.get("ref", "")), one.get("when", "")) for one in tree.findall(f"{AT}deleted-entry")
    ]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

"""How answers and deliveries become rows and come back; both ledgers store exactly these."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from clinic_broadcast.core.answer import AnswerId, Comments, Standing
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.material import TAINT_BYTES, KnownAnswer, Material, Taint
from clinic_broadcast.core.promo import Fragment, Origin, payload_from_json
from clinic_broadcast.errors import BugError, LedgerError
from clinic_broadcast.ledger.schema import instant_text, utc
from clinic_broadcast.ports import Head, HistoryEntry

Row: TypeAlias = dict[str, Any]
"""Column names and values as they are stored, instants as aware UTC datetimes; without the clinic."""

LETTER: Final = frozenset({"question", "greeting"})
"""The places whose words are the patient's: a finding there is stored without its excerpt."""

BODY_VALUE_MAX: Final = 500
"""Characters of one value in a line of history; a network's refusal may be a whole page."""

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL refuses NUL, UTF-8 has no lone surrogates, and a network's reply may hold both."""

DELIVERY_TEXTS: Final = (
    "id",
    "key",
    "answer_id",
    "answer_url",
    "channel",
    "account",
    "occasion",
    "wording",
    "source_revision",
    "gate_version",
    "needs_person",
    "approved_by",
    "post_id",
    "post_url",
    "reason",
)
DELIVERY_NUMBERS: Final = ("fence", "attempts", "resends", "looks", "look_failures")
DELIVERY_INSTANTS: Final = (
    "planned_at",
    "due_at",
    "released_at",
    "not_before",
    "claimed_at",
    "lease_until",
    "first_sent_at",
    "approved_at",
    "sent_at",
)

ANSWER_MUTABLE: Final = (
    "url",
    "title",
    "body",
    "revision",
    "gate_version",
    "findings",
    "taint_key",
    "taint_tokens",
    "taint_names",
    "updated_at",
    "author",
    "labels",
)
"""What another reading of the same answer may change."""


GENESIS: Final = Head(0, "0" * 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is to be written into the history, before it has its place in the chain."""

    kind: str
    actor: str
    at: datetime
    body: Mapping[str, str]
    delivery_id: str = ""
    fence: int = 0
    state: str = ""
    revision: str = ""
    digest: str = ""


def canonical(shape: object) -> str:
    """Give the one JSON text of a value, fit to be stored and to be hashed."""
    return clean(json.dumps(shape, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def clean(text: str) -> str:
    """Give the text with a replacement character for each one that a database refuses; the length stays."""
    return UNSTORABLE.sub("\ufffd", text)


# Answers


def row_of_answer(known: KnownAnswer) -> Row:
    """Give the row of an answer; raises BugError for a naive instant or a taint that is not of digests."""
    material, taint = known.material, known.material.taint
    return {
        "id": clean(material.answer_id),
        "url": clean(material.url),
        "title": clean(material.title),
        "body": clean(material.body),
        "revision": material.revision,
        "gate_version": clean(material.gate_version),
        "findings": _findings_text(material.findings),
        "taint_key": taint.key,
        "taint_tokens": _blob(taint.tokens),
        "taint_names": _blob(taint.names),
        "standing": known.standing.value,
        "source": clean(known.source),
        "author": clean(known.author),
        "labels": _trimmings_text(known),
        "note": clean(known.note),
        "published_at": utc(known.published_at),
        "updated_at": utc(known.updated_at),
        "first_seen_at": utc(known.first_seen_at),
        "planned_at": _utc_or_none(known.planned_at),
    }


def answer_of(row: Mapping[str, Any]) -> KnownAnswer:
    """Read an answer back; raises LedgerError when the row makes no sense."""
    try:
        return KnownAnswer(
            material=Material(
                answer_id=AnswerId(row["id"]),
                url=row["url"],
                title=row["title"],
                body=row["body"],
                revision=row["revision"],
                taint=Taint(
                    key=bytes(row["taint_key"]),
                    tokens=_digests(row["taint_tokens"]),
                    names=_digests(row["taint_names"]),
                ),
                findings=_findings(row["findings"]),
                gate_version=row["gate_version"],
            ),
            standing=Standing(row["standing"]),
            source=row["source"],
            published_at=row["published_at"],
            updated_at=row["updated_at"],
            first_seen_at=row["first_seen_at"],
            planned_at=row["planned_at"],
            author=row["author"],
            labels=_labels(row["labels"]),
            comments=comments_in(row["labels"]),
            note=row["note"],
        )
    except (KeyError, ValueError, TypeError):
        raise LedgerError(
            "the row of an answer cannot be read; run `verify`, then restore a backup"
        ) from None


def comments_in(text: str) -> Comments | None:
    """Read where the comments stand from the column of labels; raises LedgerError for what is not ours."""
    try:
        found = json.loads(text)
        return Comments(**found["comments"]) if isinstance(found, dict) else None
    except (KeyError, ValueError, TypeError):
        raise LedgerError(
            "the row of an answer cannot be read; run `verify`, then restore a backup"
        ) from None


def _labels(text: str) -> tuple[str, ...]:
    found = json.loads(text)
    return tuple(found["labels"] if isinstance(found, dict) else found)


def _trimmings_text(known: KnownAnswer) -> str:
    """Give labels and comments as one text: a list of labels where the source tells of no comments."""
    labels = list(known.labels)
    if known.comments is None:
        return canonical(labels)
    return canonical({"labels": labels, "comments": asdict(known.comments)})


def _blob(digests: frozenset[bytes]) -> bytes:
    if any(len(digest) != TAINT_BYTES for digest in digests):
        raise BugError(f"a taint holds something that is no digest of {TAINT_BYTES} bytes")
    return b"".join(sorted(digests))


def _digests(blob: bytes) -> frozenset[bytes]:
    whole = bytes(blob)
    return frozenset(whole[at : at + TAINT_BYTES] for at in range(0, len(whole), TAINT_BYTES))


# Deliveries


def row_of_delivery(delivery: Delivery) -> Row:
    """Give the row of a delivery; raises BugError for a naive instant."""
    texts = {name: clean(getattr(delivery, name)) for name in DELIVERY_TEXTS}
    numbers = {name: getattr(delivery, name) for name in DELIVERY_NUMBERS}
    instants = {name: _utc_or_none(getattr(delivery, name)) for name in DELIVERY_INSTANTS}
    fragments = [
        {"text": one.text, "origin": one.origin.value, "start": one.start, "end": one.end}
        for one in delivery.fragments
    ]
    return {
        **texts,
        **numbers,
        **instants,
        "state": delivery.state.value,
        "payload": clean(delivery.payload.to_json()),
        "fragments": canonical(fragments),
        "findings": _findings_text(delivery.findings),
        "why": canonical(list(delivery.why)),
    }


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Read a delivery back; raises LedgerError when the row makes no sense."""
    try:
        plain = {name: row[name] for name in (*DELIVERY_TEXTS, *DELIVERY_NUMBERS, *DELIVERY_INSTANTS)}
        return Delivery(
            **plain,
            state=State(row["state"]),
            payload=payload_from_json(row["payload"]),
            fragments=tuple(
                Fragment(text=one["text"], origin=Origin(one["origin"]), start=one["start"], end=one["end"])
                for one in json.loads(row["fragments"])
            ),
            findings=_findings(row["findings"]),
            why=tuple(json.loads(row["why"])),
        )
    except (KeyError, ValueError, TypeError):
        raise LedgerError(
            "the row of a delivery cannot be read; run `verify`, then restore a backup"
        ) from None


def digest_of_row(row: Mapping[str, Any]) -> str:
    """Give the sha256 of all that a delivery's row says; `turn` and the clinic stay out of it."""
    shape = {
        name: instant_text(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in {"clinic", "turn"}
    }
    return hashlib.sha256(canonical(shape).encode()).hexdigest()


def revision_of_row(row: Mapping[str, Any]) -> str:
    """Give the sha256 of the payload, which is the revision that an approval is bound to."""
    return hashlib.sha256(str(row["payload"]).encode()).hexdigest()


# History


def chained(line: Line, *, clinic: str, prev: Head) -> Row:
    """Give the row of a line of history in its place behind `prev`, with the hash that seals it."""
    row: Row = {
        "clinic": clinic,
        "number": prev.number + 1,
        "delivery_id": clean(line.delivery_id),
        "kind": clean(line.kind),
        "at": utc(line.at),
        "fence": line.fence,
        "actor": clean(line.actor),
        "state": line.state,
        "revision": line.revision,
        "digest": line.digest,
        "body": canonical({name: text[:BODY_VALUE_MAX] for name, text in line.body.items()}),
        "prev": prev.hash,
    }
    row["hash"] = hash_of_line(row)
    return row


def hash_of_line(row: Mapping[str, Any]) -> str:
    """Give the sha256 over every field of a line but its own hash; the previous line's hash is one of them."""
    shape = {
        name: instant_text(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if name != "hash"
    }
    return hashlib.sha256(canonical(shape).encode()).hexdigest()


def line_of_move(
    row: Mapping[str, Any], *, kind: str, actor: str, at: datetime, body: Mapping[str, str]
) -> Line:
    """Give the line that tells of a delivery as its row now stands."""
    return Line(
        kind=kind,
        actor=actor,
        at=at,
        body=body,
        delivery_id=row["id"],
        fence=row["fence"],
        state=row["state"],
        revision=revision_of_row(row),
        digest=digest_of_row(row),
    )


def entry_of(row: Mapping[str, Any]) -> HistoryEntry:
    """Read a line of history back; raises LedgerError when the row makes no sense."""
    try:
        body = {str(name): str(text) for name, text in json.loads(row["body"]).items()}
    except (AttributeError, ValueError):
        raise LedgerError(f"line {row['number']} of the history cannot be read; run `verify`") from None
    return HistoryEntry(
        number=row["number"],
        delivery_id=row["delivery_id"],
        kind=row["kind"],
        at=row["at"],
        fence=row["fence"],
        actor=row["actor"],
        body=body,
        hash=row["hash"],
    )


# Parts


def _findings_text(findings: tuple[Finding, ...]) -> str:
    return canonical(
        [
            {
                "rule": one.rule,
                "severity": one.severity.value,
                "where": one.where,
                "start": one.start,
                "end": one.end,
                "excerpt": "" if one.where in LETTER else one.excerpt,
                "message": one.message,
                "source": one.source,
            }
            for one in findings
        ]
    )


def _findings(text: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule=one["rule"],
            severity=Severity(one["severity"]),
            where=one["where"],
            start=one["start"],
            end=one["end"],
            excerpt=one["excerpt"],
            message=one["message"],
            source=one["source"],
        )
        for one in json.loads(text)
    )


def _utc_or_none(instant: datetime | None) -> datetime | None:
    return None if instant is None else utc(instant)

"""The JSON that the command line prints, as CONTRACT section 4 fixes it: one function a shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from clinic_broadcast.core.answer import Zones
from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.core.digest import Digest
from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.forecast import Entry
from clinic_broadcast.core.promo import Card, Fragment, Promo

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


def instant(at: datetime | None) -> str | None:
    """Give an instant as RFC 3339 in UTC, whole seconds, or null."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def finding(one: Finding) -> Mapping[str, Json]:
    """Give a finding (F of the contract)."""
    return {
        "rule": one.rule,
        "severity": one.severity.value,
        "where": one.where,
        "start": one.start,
        "end": one.end,
        "excerpt": one.excerpt,
        "message": one.message,
        "source": one.source,
    }


def findings(many: Sequence[Finding]) -> list[Json]:
    """Give a list of findings."""
    return [finding(one) for one in many]


DELIVERY_FIELDS = (
    "id",
    "answer_id",
    "answer_url",
    "channel",
    "occasion",
    "state",
    "text",
    "text_sha256",
    "post_id",
    "post_url",
    "attempts",
    "reason",
    "due_at",
    "planned_at",
    "sent_at",
    "approved_by",
)
"""The fields of the contract, in its order: the columns of the CSV export."""


def delivery(one: Delivery) -> Mapping[str, Json]:
    """Give one row of `log --json`."""
    return {
        "id": one.id,
        "answer_id": one.answer_id,
        "answer_url": one.answer_url,
        "channel": one.channel,
        "account": one.account,
        "occasion": one.occasion,
        "state": one.state.value,
        "text": one.payload.text,
        "text_sha256": one.text_sha256,
        "revision": one.payload.revision,
        "post_id": one.post_id or None,
        "post_url": one.post_url or None,
        "attempts": one.attempts,
        "reason": one.reason or ("; ".join(one.why) or None),
        "needs_person": one.needs_person or None,
        "due_at": instant(one.due_at),
        "planned_at": instant(one.planned_at),
        "sent_at": instant(one.sent_at),
        "approved_by": one.approved_by or None,
        "approved_at": instant(one.approved_at),
        "wording": one.wording,
    }


def queue_item(one: Delivery) -> Mapping[str, Json]:
    """Give one item of `queue --json`; `revision` is what `approve --revision` wants."""
    return {
        "id": one.id,
        "answer_id": one.answer_id,
        "answer_url": one.answer_url,
        "channel": one.channel,
        "occasion": one.occasion,
        "state": one.state.value,
        "text": one.payload.text,
        "revision": one.payload.revision,
        "why": list(one.why) if one.state.value == "held" else [one.needs_person],
        "findings": findings(one.findings),
        "fragments": [fragment(piece) for piece in one.fragments],
        "due_at": instant(one.due_at),
    }


def fragment(one: Fragment) -> Mapping[str, Json]:
    """Give one fragment of a promo."""
    return {"text": one.text, "from": one.origin.value, "start": one.start, "end": one.end}


def card(one: Card | None) -> Json:
    """Give the card of a promo, or null; `picture` is the sha256 of its bytes, null where there is none."""
    if one is None:
        return None
    words = {"title": one.title, "description": one.description, "alt": one.alt}
    return {**words, "byline": one.byline, "disclaimer": one.disclaimer, "picture": one.picture or None}


def promo(one: Promo, *, verdict: str, found: Sequence[Finding], unpictured: str = "") -> Mapping[str, Json]:
    """Give one promo of `preview --json`; `unpictured` is why the picture that was asked for is not there, or null."""
    return {
        "channel": one.channel,
        "text": one.payload.text,
        "link": one.payload.link or None,
        "length": one.length,
        "length_max": one.length_max,
        "verdict": verdict,
        "findings": findings(found),
        "fragments": [fragment(piece) for piece in one.fragments],
        "card": card(one.payload.card),
        "unpictured": unpictured or None,
        "revision": one.payload.revision,
        "wording": one.wording,
    }


def zones(one: Zones) -> Mapping[str, Json]:
    """Give the zones of an answer as strings."""
    return {
        "title": one.title,
        "question": one.question,
        "greeting": one.greeting,
        "answer": one.answer,
        "signature": one.signature,
        "furniture": one.furniture,
    }


def digest(one: Digest) -> Mapping[str, Json]:
    """Give the report of `digest --json`."""
    published: list[Json] = [
        {
            "at": instant(each.at),
            "title": each.title,
            "occasion": each.occasion,
            "places": {name: url or None for name, url in each.places.items()},
        }
        for each in one.published
    ]
    return {
        "since": instant(one.since),
        "until": instant(one.until),
        "published": published,
        "taken_back": one.taken_back,
        "fresh": one.fresh,
        "waiting": [{"text": each.text, "command": each.command} for each in one.waiting],
        "coming": [
            {"job": each.job.value, "at": instant(each.at), "ready": dict(each.ready)} for each in one.coming
        ],
        "weeks": [{"ends_on": str(week.ends_on), "counts": dict(week.counts)} for week in one.weeks],
    }


def calendar_entry(one: Entry) -> Mapping[str, Json]:
    """Give one entry of `calendar --json`."""
    return {
        "id": one.delivery_id,
        "at": instant(one.at),
        "channel": one.channel,
        "title": one.title or None,
        "url": one.url or None,
        "status": one.certainty.value.lower(),
        "told": one.told,
    }

"""What the review page shows of a delivery: the exact words, where each comes from, and what stands in their way."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from clinic_broadcast.core.compose import promo_of_text
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.promo import WITHDRAW, Fragment, Origin, is_correction, payload_from_json
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.review import OF_PROMO, may_not_be_approved, overrules_privacy

TOLD_ORIGINS: Final = {
    Origin.TITLE: "the title",
    Origin.ANSWER: "the answer",
    Origin.TEMPLATE: "the clinic's template",
    Origin.OWN: "a person of the clinic, or its settings",
}

MENDED_BY: Final = (
    (
        "privacy.",
        "Give the promo other words. If the name may be public, it belongs into own_names in clinic.toml.",
    ),
    (
        "clinical.",
        "If the answer is wrong, mend it on the blog: the promo is then written anew. Else edit the promo.",
    ),
    ("form.", "Mend the answer on the blog, or edit the promo."),
    ("", "Read the place; if it is right as it stands, approve, else edit the promo."),
)
"""By the beginning of a rule's name: what to do; the first that fits holds."""

_PIECE: Final = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A finding in words: how grave, where, what, why, and how to mend it."""

    severity: str
    rule: str
    where: str
    excerpt: str
    message: str
    source: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of words with its kind: the origin of a fragment, or what a comparison says of it."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Words of a promo at their place in the title or the answer, with the rest of that paragraph."""

    where: str
    before: str
    used: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One delivery as the page shows it. `hindrance` says why it may not be approved, or is empty."""

    id: str
    channel: str
    occasion: str
    state: str
    due: str
    pieces: tuple[Piece, ...]
    text: str
    link: str
    card: tuple[str, ...]
    picture_alt: str
    length: int | None
    length_max: int | None
    remarks: tuple[Remark, ...]
    why: tuple[str, ...]
    quoted: tuple[Quoted, ...]
    others: tuple[Piece, ...]
    revision: str
    payload: str
    approved_by: str
    hindrance: str
    by_hand: bool
    asks_why: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OfAnswer:
    """The promos of one answer, with what is found in the answer itself."""

    title: str
    url: str
    remarks: tuple[Remark, ...]
    is_grave: bool
    rows: tuple[Shown, ...]


def grouped(desk: Desk, rows: Iterable[Delivery], *, by: str, timezone: str) -> list[OfAnswer]:
    """Give the deliveries by their answers, in the order of the first of each."""
    groups: dict[str, list[Delivery]] = {}
    for one in rows:
        groups.setdefault(one.answer_id, []).append(one)
    return [_of_answer(desk, group, by=by, timezone=timezone) for group in groups.values()]


def _of_answer(desk: Desk, rows: Sequence[Delivery], *, by: str, timezone: str) -> OfAnswer:
    known = desk.ledger.answer(rows[0].answer_id)
    of_answer = known.material.findings if known is not None else ()
    return OfAnswer(
        title=(known.material.title if known is not None else "") or rows[0].answer_id,
        url=web_address(known.material.url if known is not None else rows[0].answer_url),
        remarks=remarks_of(of_answer),
        is_grave=any(one.severity is not Severity.NOTE for one in of_answer),
        rows=tuple(shown(desk, one, known, by=by, timezone=timezone) for one in rows),
    )


def shown(desk: Desk, one: Delivery, known: KnownAnswer | None, *, by: str, timezone: str) -> Shown:
    """Give one delivery; what is held is read by the gate once more, as an approval would be."""
    hindrance, findings = "", one.findings
    if one.state is State.HELD:
        hindrance, again = may_not_be_approved(
            desk, one, revision=one.payload.revision, by=by, accepts_blocks=False
        )
        findings = again or findings
    own = [found for found in findings if found.where in OF_PROMO or known is None]
    payload, channel = one.payload, desk.channels.get(one.channel)
    measured = None
    if channel is not None:
        measured = promo_of_text(
            payload.text,
            link=payload.link,
            answer_id=one.answer_id,
            channel=one.channel,
            limits=channel.limits,
        )
    card = payload.card
    return Shown(
        id=one.id,
        channel=one.channel,
        occasion=_told_occasion(one.occasion),
        state=one.state.value,
        due=_due(desk, one, timezone),
        pieces=tuple(Piece(kind=piece.origin.value, text=piece.text) for piece in one.fragments)
        or (Piece(kind="own", text=payload.text),),
        text=payload.text,
        link="" if payload.link in payload.text else web_address(payload.link),
        card=card.lines if card is not None else (),
        picture_alt=card.alt if card is not None and card.picture else "",
        length=measured.length if measured is not None else None,
        length_max=measured.length_max if measured is not None else None,
        remarks=remarks_of(own),
        why=tuple(word for word in (*one.why, one.needs_person, one.reason) if word),
        quoted=tuple(_quoted(one.fragments, known)),
        others=tuple(
            Piece(kind=TOLD_ORIGINS[piece.origin], text=piece.text.strip())
            for piece in one.fragments
            if piece.origin in (Origin.TEMPLATE, Origin.OWN) and re.search(r"\w", piece.text)
        ),
        revision=payload.revision,
        payload=payload.to_json(),
        approved_by=one.approved_by,
        hindrance=hindrance,
        by_hand=one.occasion == WITHDRAW and one.state in (State.HELD, State.REFUSED),
        asks_why=overrules_privacy(findings),
    )


def remarks_of(findings: Iterable[Finding]) -> tuple[Remark, ...]:
    """Give findings in words, the gravest first."""
    order = (Severity.BLOCK, Severity.HOLD, Severity.NOTE)
    return tuple(
        Remark(
            severity=one.severity.value,
            rule=one.rule,
            where=one.where,
            excerpt=one.excerpt,
            message=one.message,
            source=one.source,
            mend=next(told for start, told in MENDED_BY if one.rule.startswith(start)),
        )
        for one in sorted(dict.fromkeys(findings), key=lambda found: order.index(found.severity))
    )


def words_changed(seen: str, revision: str, now: Delivery) -> tuple[Piece, ...]:
    """Compare the payload that a form was made of with the one of now, word by word; empty when nobody can tell.

    `seen` comes back with the form and is believed only if it has the revision that the form is bound to.
    """
    if hashlib.sha256(seen.encode()).hexdigest() != revision:
        return ()
    try:
        before = _all_words(payload_from_json(seen).text, payload_from_json(seen).link)
    except (ValueError, KeyError, TypeError):
        return ()
    old = _PIECE.findall(before)
    new = _PIECE.findall(_all_words(now.payload.text, now.payload.link))
    pieces: list[Piece] = []
    for kind, start, end, new_start, new_end in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            pieces.append(Piece(kind="same", text="".join(old[start:end])))
            continue
        pieces += [
            Piece(kind=name, text="".join(run))
            for name, run in (("gone", old[start:end]), ("new", new[new_start:new_end]))
            if run
        ]
    return tuple(pieces)


def web_address(text: str) -> str:
    """Give an address that a page may link to, else nothing."""
    return text if text.startswith(("https://", "http://")) else ""


def moment(at: datetime, timezone: str) -> str:
    """Give an instant by the clinic's wall clock, with its zone."""
    return f"{at.astimezone(ZoneInfo(timezone)):%a %d %b %Y, %H:%M %Z} ({timezone})"


def _all_words(text: str, link: str) -> str:
    return text if link in text else f"{text} {link}"


def _due(desk: Desk, one: Delivery, timezone: str) -> str:
    match one.state:
        case State.HELD:
            if one.occasion == WITHDRAW:
                return ""
            turn = desk.next_slot_at(one.channel, desk.clock.now())
            return f"if approved now: {moment(turn, timezone)}"
        case State.PLANNED:
            return "on its way" if one.released_at is not None else f"due {moment(one.due_at, timezone)}"
        case State.UNSURE:
            return f"tried {moment(one.first_sent_at, timezone)}" if one.first_sent_at is not None else ""
        case _:
            at = one.sent_at or one.planned_at
            return moment(at, timezone)


def _told_occasion(occasion: str) -> str:
    return "correction" if is_correction(occasion) else occasion.replace(":", " ")


def _quoted(fragments: Iterable[Fragment], known: KnownAnswer | None) -> Iterator[Quoted]:
    if known is None:
        return
    zones = {Origin.TITLE: known.material.title, Origin.ANSWER: known.material.body}
    for one in fragments:
        zone = zones.get(one.origin, "")
        # After a change of the answer the places may lie elsewhere: nothing is better than a wrong mark.
        if not one.text.strip() or zone[one.start : one.end] != one.text:
            continue
        start = zone.rfind("\n\n", 0, one.start) + 2 if "\n\n" in zone[: one.start] else 0
        end = zone.find("\n\n", one.end)
        yield Quoted(
            where=TOLD_ORIGINS[one.origin],
            before=zone[start : one.start],
            used=one.text,
            after=zone[one.end : end if end >= 0 else len(zone)],
        )

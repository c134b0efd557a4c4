"""What would go out: the exact promos of one answer or wording, with every finding; nothing is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clinic_broadcast.core.answer import Answer, RawAnswer, Zones
from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.gate import examine_answer
from clinic_broadcast.core.promo import ANNOUNCE
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Channel
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.promotion import Draft, draft
from clinic_broadcast.run.publishing import AnswerTarget, drafts_for, find_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One target with its promos. `zones` is None for a wording written by hand."""

    answer_id: str
    url: str
    zones: Zones | None
    findings: tuple[Finding, ...]
    drafts: Mapping[str, Draft]


def preview_raw(desk: Desk, raw: RawAnswer, channels: Mapping[str, Channel]) -> Preview:
    """Preview an answer as a source would deliver it, whether or not the ledger knows it."""
    return _of_answer(desk, read_answer(raw, desk.gate.own_names), channels)


def preview_target(desk: Desk, target: str, channels: Mapping[str, Channel]) -> Preview:
    """Preview an answer by id or URL, or a file of posts/; raises UsageError when nothing is meant by it.

    The letter is not in the ledger, so the source is read again; where it cannot be, the zones that the ledger
    keeps are shown alone.
    """
    found = find_target(desk, target)
    if not isinstance(found, AnswerTarget):
        drafts = drafts_for(desk, found, channels)
        findings = tuple(dict.fromkeys(one for each in drafts.values() for one in each.findings))
        return Preview(
            answer_id=found.wording.file, url=found.wording.link, zones=None, findings=findings, drafts=drafts
        )
    material = found.known.material
    raw = _read_again(desk, material.answer_id)
    if raw is not None:
        return preview_raw(desk, raw, channels)
    zones = Zones(title=material.title, question="", greeting="", answer=material.body, signature="")
    return Preview(
        answer_id=material.answer_id,
        url=material.url,
        zones=zones,
        findings=material.findings,
        drafts=drafts_for(desk, found, channels),
    )


def _read_again(desk: Desk, answer_id: str) -> RawAnswer | None:
    for source in desk.sources.values():
        try:
            raw = source.find(answer_id)
        except SourceError:
            continue
        if raw is not None:
            return raw
    return None


def _of_answer(desk: Desk, answer: Answer, channels: Mapping[str, Channel]) -> Preview:
    material = examine_answer(desk.gate, answer)
    drafts = {
        name: draft(desk, material, channel, desk.wordings.template_for(ANNOUNCE, channel.name, channel.kind))
        for name, channel in channels.items()
    }
    return Preview(
        answer_id=answer.id, url=answer.url, zones=answer.zones, findings=material.findings, drafts=drafts
    )

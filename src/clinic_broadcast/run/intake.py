"""Take answers in: poll each source, judge what is new, and record it; the marks of a poll are written last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from clinic_broadcast.core.answer import Answer, AnswerId, Comments, RawAnswer, Standing
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import examine_answer
from clinic_broadcast.core.intake import SAME_LINK, SAME_WORDS, Arrival, canonical, judge_arrival
from clinic_broadcast.core.material import KnownAnswer, Material
from clinic_broadcast.core.zones import read_answer
from clinic_broadcast.errors import SourceError
from clinic_broadcast.ports import Source, unheard
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.examiner import Examiner
from clinic_broadcast.run.recollection import honour_withdrawals
from clinic_broadcast.run.unread import keep_read_again, keep_unread, unread_of

Watch: TypeAlias = Callable[[str], None]
"""Is told how far a long reading has come, for a person who waits."""

WATCHED_EACH = 100
"""Answers between two words to whoever watches."""

RECORDED_AT_A_TIME: Final = 500
"""Answers of a whole archive are examined and recorded in parts, so that none waits in memory for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What one poll of all sources brought. `errors` are sources that could not be read at all.

    Of the new answers, `unclear` counts those whose zones are in doubt, `flagged` the others that a rule of the gate
    would hold; `oldest_at` and `newest_at` are their first and last publication. `twins` names those that were known
    already by their words or link, and why nothing is announced of them. `left_out` counts what a source holds besides
    published answers, and `waiting` names pages that are dated in the future.
    """

    baseline: int = 0
    fresh: int = 0
    changed: int = 0
    unclear: int = 0
    flagged: int = 0
    left_out: int = 0
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    twins: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def troubles(self) -> tuple[str, ...]:
        """Give what a person must hear: sources and pages that could not be read, and those that wait for a date."""
        return (*self.errors, *self.faults, *self.waiting)

    def __add__(self, other: Intake) -> Intake:
        """Give the sum over two sources."""
        return Intake(
            baseline=self.baseline + other.baseline,
            fresh=self.fresh + other.fresh,
            changed=self.changed + other.changed,
            unclear=self.unclear + other.unclear,
            flagged=self.flagged + other.flagged,
            left_out=self.left_out + other.left_out,
            oldest_at=min((at for at in (self.oldest_at, other.oldest_at) if at), default=None),
            newest_at=max((at for at in (self.newest_at, other.newest_at) if at), default=None),
            twins=self.twins + other.twins,
            waiting=self.waiting + other.waiting,
            faults=self.faults + other.faults,
            errors=self.errors + other.errors,
        )


def _unwatched(told: str) -> None:
    """Tell nobody."""


def poll(
    desk: Desk,
    *,
    as_baseline: bool = False,
    again: bool = False,
    write: bool = True,
    watch: Watch = _unwatched,
    examiner: Examiner | None = None,
) -> Intake:
    """Read every source once and record what it brought; a source that fails holds back no other.

    `as_baseline` records everything that is new as known, whatever its date. `again` reads each source from its
    first answer to its last, and has those examined again that older rules of the gate have judged. Without `write`
    the sources are read and judged, and nothing is recorded. An `examiner` examines a first reading ahead.
    """
    total = Intake()
    unread = unread_of(desk.ledger)
    for source in desk.sources.values():
        try:
            total += poll_source(
                desk,
                source,
                as_baseline=as_baseline,
                again=again,
                write=write,
                watch=watch,
                examiner=examiner,
            )
        except SourceError as error:
            total += Intake(errors=(str(error),))
            if write and source.name not in unread:
                keep_unread(desk, source.name, str(error))
        else:
            if write and source.name in unread:
                keep_read_again(desk, source.name)
    if write:
        # Before anything is planned or shown: what came again may have been withdrawn before the record was put back.
        honour_withdrawals(desk)
    return total


def poll_source(
    desk: Desk,
    source: Source,
    *,
    as_baseline: bool = False,
    again: bool = False,
    write: bool = True,
    watch: Watch = _unwatched,
    examiner: Examiner | None = None,
) -> Intake:
    """Read one source and record the answers that are new or have other words.

    The first poll of a source is its baseline: all of it is recorded, nothing of it will be announced.
    Raises SourceError when the source cannot be read, LedgerError when the record cannot be written.
    """
    revisions = dict(desk.ledger.revisions())
    watch(f"reading {source.name}")
    marks = desk.ledger.marks(source.name)
    # All of a first reading is examined; of a later one only what is not as it was.
    ahead = examiner if marks is None else None
    batch = source.poll(
        None if again else marks, is_known=revisions.__contains__, on_page=ahead.take if ahead else unheard
    )
    if ahead is not None:
        ahead.take(batch.answers)
    now = desk.clock.now()
    outdated = _judged_by_older_rules(desk) if again else frozenset[AnswerId]()
    comments = _other_comments(desk, batch.answers, revisions)
    # Each page is let go of as it is examined: an archive of thousands of answers need not be held twice.
    raws, batch = deque(batch.answers), replace(batch, answers=())
    brought = Intake(waiting=batch.waiting, faults=batch.faults, left_out=batch.left_out)
    part: list[KnownAnswer] = []
    passed: set[AnswerId] = set()
    for examined in _examined(
        desk, source, _told(raws, watch), now=now, revisions=revisions, outdated=outdated, ahead=ahead
    ):
        if marks is None and len(part) == RECORDED_AT_A_TIME:
            # A first poll that dies here has left no marks, so the next one reads all of it again. A later one would
            # stop at the first page that it knows: what it brings is recorded whole, or not at all.
            desk.ledger.remember(source.name, part, marks=None, at=now)
            part = []
        known = replace(examined, standing=Standing.BASELINE) if as_baseline else examined
        if write:
            part.append(known)
        passed.add(known.material.answer_id)
        brought += _brought(known, is_new=known.material.answer_id not in revisions)
    if write:
        part += _with_comments(desk, comments, revisions, passed)
        desk.ledger.remember(source.name, part, marks=batch.marks, at=now)
    return brought


def _brought(known: KnownAnswer, *, is_new: bool) -> Intake:
    """Count one answer."""
    if not is_new:
        return Intake(changed=1)
    return Intake(
        baseline=int(known.standing is Standing.BASELINE),
        fresh=int(known.standing is Standing.FRESH),
        unclear=int(_is_unclear(known)),
        flagged=int(_is_flagged(known) and not _is_unclear(known)),
        oldest_at=known.published_at,
        newest_at=known.published_at,
        twins=(f"{_place_of(known)}: {known.note}, so it is not announced",) if _is_twin(known) else (),
    )


def _is_twin(known: KnownAnswer) -> bool:
    """Say whether an answer was recognised as one that is known already."""
    return known.note in (SAME_WORDS, SAME_LINK)


def _place_of(known: KnownAnswer) -> str:
    return known.material.url or known.material.answer_id


def _told(raws: deque[RawAnswer], watch: Watch) -> Iterator[RawAnswer]:
    """Give the answers and forget them, and tell on the way how many have been given."""
    count = len(raws)
    for number in range(count):
        if number % WATCHED_EACH == 0:
            watch(f"examining {number} of {count} answers")
        yield raws.popleft()


def _is_unclear(known: KnownAnswer) -> bool:
    return any(one.rule == "privacy.zone" for one in known.material.findings)


def _is_flagged(known: KnownAnswer) -> bool:
    """Say whether something stands in the answer itself that a person must confirm; a title is only left out."""
    found = (one for one in known.material.findings if one.where not in ("title", "link"))
    return any(one.severity is not Severity.NOTE for one in found)


def _examined(
    desk: Desk,
    source: Source,
    raws: Iterable[RawAnswer],
    *,
    now: datetime,
    revisions: dict[AnswerId, str],
    outdated: frozenset[AnswerId],
    ahead: Examiner | None,
) -> Iterator[KnownAnswer]:
    """Give the answers of a batch that the ledger lacks or has with other words, each examined by the gate."""
    first_poll_at = desk.ledger.first_poll_at(source.name)
    links = {canonical(link) for link in desk.ledger.links()}
    words = set(revisions.values())
    seen: set[AnswerId] = set()
    for raw in raws:
        examined = ahead.find(raw) if ahead else None
        answer, material = examined or (read_answer(raw, desk.gate.own_names), None)
        is_same = revisions.get(answer.id) == answer.revision and answer.id not in outdated
        if answer.id in seen or is_same:
            continue
        seen.add(answer.id)
        arrival = judge_arrival(answer, first_poll_at=first_poll_at, known_revisions=words, known_links=links)
        words.add(answer.revision)
        links.add(canonical(answer.url))
        yield known_answer(desk, answer, arrival, source=source.name, now=now, material=material)


def _other_comments(
    desk: Desk, raws: Collection[RawAnswer], revisions: Mapping[AnswerId, str]
) -> dict[AnswerId, Comments]:
    """Give what a source now tells of comments under answers that are known, where the record says otherwise."""
    told = {raw.id: raw.comments for raw in raws if raw.comments is not None and raw.id in revisions}
    if not told:
        return {}
    recorded = desk.ledger.comments()
    return {name: comments for name, comments in told.items() if comments != recorded.get(name)}


def _with_comments(
    desk: Desk,
    comments: Mapping[AnswerId, Comments],
    revisions: Mapping[AnswerId, str],
    passed: Collection[AnswerId],
) -> Iterator[KnownAnswer]:
    """Give known answers of which the source now tells other comments; their words stay as they are recorded.

    They are no change of the answer: nothing is examined, announced or corrected for a comment.
    """
    for name, told in comments.items():
        known = desk.ledger.answer(name) if name not in passed else None
        if known is not None and known.material.revision == revisions[name]:
            yield replace(known, comments=told)


def _judged_by_older_rules(desk: Desk) -> frozenset[AnswerId]:
    version = desk.gate.version
    return frozenset(
        one.material.answer_id for one in desk.ledger.answers() if one.material.gate_version != version
    )


def known_answer(
    desk: Desk,
    answer: Answer,
    arrival: Arrival,
    *,
    source: str,
    now: datetime,
    material: Material | None = None,
) -> KnownAnswer:
    """Give an answer as the ledger keeps it: examined, unless it was before, and without a word of the letter."""
    return KnownAnswer(
        material=material or examine_answer(desk.gate, answer),
        standing=arrival.standing,
        source=source,
        published_at=answer.published_at,
        updated_at=answer.updated_at,
        first_seen_at=now,
        author=answer.author,
        labels=answer.labels,
        comments=answer.comments,
        note=arrival.note,
    )

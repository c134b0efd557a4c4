"""The feed as a value: the words of its entries, its documents, and the order in which they link to each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from html import escape
from typing import Final
from urllib.parse import quote

from clinic_broadcast.core.address import parts_of
from clinic_broadcast.core.answer import Comments
from clinic_broadcast.core.compose import compose_entry
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.gate import Gate, examine_link, examine_text
from clinic_broadcast.core.material import KnownAnswer
from clinic_broadcast.core.patterns import late

GONE: Final = ".gone"
"""The end of the name of the empty file that says: here was something, and it has been taken away (HTTP 410)."""

NO_ANSWER_YET: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""What an empty feed says it was updated: an instant that does not depend on when it was built."""

LABELS_MAX: Final = 10
"""Readers show a handful of categories; a blog that puts more under an answer lists keywords."""

FULL_MAX: Final = 20_000
"""Characters of a whole answer in the feed; beyond that the summary must do, or a few answers would fill the feed."""

LEFT_OUT: Final = "[…]"
"""Stands in a full answer for a paragraph that the gate keeps out."""

READ_ON: Final = "Read the answer on the clinic's page"
PAGE_ONLY: Final = "The page of this answer"
"""Stands in the place of that where nobody should rely on what is there."""

WITHDRAWN_TITLE: Final = "This answer has been withdrawn"
WITHDRAWN_SUMMARY: Final = (
    "The clinic has withdrawn this answer on {day}. Please do not rely on what it said."
)
HELD_TITLE: Final = "An answer that is being read again"
HELD_SUMMARY: Final = (
    "The words of this answer have changed and are being read again. It stands on the clinic's page."
)
NO_SUMMARY: Final = "A new answer on the clinic's page."
CORRECTED: Final = "Corrected on {day}."
CORRECTION_TITLE: Final = "Correction: {title}"
CORRECTION_SUMMARY: Final = (
    "Correction {number} of the answer at {url}, of {moment}. Please read the answer again as it stands now."
)
WITHDRAWAL_TITLE: Final = "Withdrawn: an answer of the clinic"
WITHDRAWAL_SUMMARY: Final = (
    "The answer at {url} was withdrawn on {moment}. Please do not rely on what it said."
)

LINK: Final = late(r"https?://[^\s<>\"\\^`{|}\x00-\x20\x7f-\x9f]+")
_PLACES: Final = ("", "comments", "respond", "comment-form")
"""Where on a page of WordPress or Blogger the comments stand."""

_COMMENT_FEED: Final = late(r"/feeds/\d{1,24}/comments/(?:default|full|summary)")
"""Blogger's feed of the comments under one post, by the number that its id holds too."""

_IRI: Final = late(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"\\^`{|}\x00-\x20\x7f-\x9f]+")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHead:
    """What a feed says of itself.

    `base_url` is where public/ is reachable, empty when that is not set yet: then no document can link to another.
    `hubs` are the WebSub hubs to which changes are told. `feed_id` is the permanent id; empty means `home_url`.
    With `full` the entries carry the whole answer instead of its summary. The live documents hold the newest
    `window` answers.
    """

    title: str
    subtitle: str
    home_url: str
    base_url: str
    language: str
    author: str
    hubs: tuple[str, ...] = ()
    feed_id: str = ""
    full: bool = False
    window: int = 30

    @property
    def id(self) -> str:
        """Give the feed's own id: the blog's address at the first build, which outlives where it is served."""
        return self.feed_id or self.home_url


@dataclass(frozen=True, kw_only=True)
class FeedEntry:
    """One answer or notice in the feed: the source's own id, gated words, dates in whole UTC seconds.

    `notice` stands above the words of an answer that was corrected. `paragraphs` are the whole answer where the
    clinic wants it in the feed, else empty. `invites` says whether the body asks to read the answer on its page.
    """

    id: str
    url: str
    title: str
    summary: str
    published_at: datetime
    updated_at: datetime
    author: str
    labels: tuple[str, ...] = ()
    notice: str = ""
    paragraphs: tuple[str, ...] = ()
    comments: Comments | None = None
    invites: bool = True

    @property
    def uncounted(self) -> FeedEntry:
        """Give the entry without the number of its comments, as the archive shows it."""
        if self.comments is None or self.comments.count is None:
            return self
        return replace(self, comments=replace(self.comments, count=None))

    @property
    def plain(self) -> str:
        """Give the summary as readers list it: the notice first, where there is one."""
        return f"{self.notice} {self.summary}".strip()

    @property
    def html(self) -> str:
        """Give the body as HTML; it is made of plain text alone, so that no markup of a page can reach a reader."""
        parts = [f"<p><strong>{escape(self.notice)}</strong></p>"] if self.notice else []
        parts += [f"<p>{escape(one, quote=False)}</p>" for one in self.paragraphs or (self.summary,)]
        last = READ_ON if self.invites else PAGE_ONLY
        parts.append(f'<p><a href="{escape(self.url)}">{escape(last, quote=False)}</a></p>')
        return "".join(parts)

    @property
    def matter(self) -> str:
        """Give the digest of the words: `updated` changes when this does, and never otherwise."""
        return digest_of(self.title, self.summary, self.notice, *self.paragraphs)

    @cached_property
    def print(self) -> str:
        """Give the digest of all that the bytes of this entry are made of, but for how many comments there are.

        A page of the archive tells no number, so that no comment is a reason to write it anew.
        """
        dates = (self.published_at.isoformat(), self.updated_at.isoformat())
        talk = self.comments and (self.comments.url, self.comments.feed_url, self.comments.feed_type)
        return digest_of(self.id, self.url, self.matter, *dates, self.author, *self.labels, *(talk or ()))

    @cached_property
    def seal(self) -> tuple[str, int | None]:
        """Give what the bytes of this entry are kept under: its print, and how many comments it tells of."""
        return self.print, None if self.comments is None else self.comments.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """That the answer with this entry id was withdrawn, and when (RFC 6721)."""

    entry_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """A whole document, newest entry first; the same answers always give an equal one.

    `page` is the number of an archive page, 0 for the live feed; `older` and `newer` are the pages it links to,
    0 for none (RFC 5005 section 4). `part` names a document beside the live feed, such as `corrections`.
    """

    head: FeedHead
    entries: tuple[FeedEntry, ...]
    page: int = 0
    older: int = 0
    newer: int = 0
    part: str = ""

    @property
    def updated_at(self) -> datetime:
        """Give the newest change of any entry, never the time of building."""
        return max((entry.updated_at for entry in self.entries), default=NO_ANSWER_YET)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedWords:
    """What the feed may say of an answer: gated title and summary, and the whole answer where that is wanted."""

    title: str
    summary: str
    paragraphs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def digest_of(*parts: str) -> str:
    """Give the digest of these texts in this order; no two lists of texts share one."""
    counted = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(counted.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def entry_id_of(answer_id: str) -> str:
    """Give the id of an answer's entry: the source's own, which must be an IRI (RFC 4287 section 4.2.6).

    Where it is none, the letters that an IRI cannot have are percent-encoded, always in the same way.
    """
    if _IRI.fullmatch(answer_id):
        return answer_id
    safe = quote(answer_id, safe=":/?#[]@!$&'()*+,;=%~")
    return safe if _IRI.fullmatch(safe) else f"urn:answer:{quote(answer_id, safe='')}"


def waits(known: KnownAnswer) -> bool:
    """Say whether the gate makes the whole answer wait; findings on the title alone only keep the title out."""
    return any(one.severity is not Severity.NOTE and one.where != "title" for one in known.material.findings)


def words_of(known: KnownAnswer, *, head: FeedHead, gate: Gate) -> FeedWords | None:
    """Give what the feed may say of an answer; None when nothing of it passes the gate."""
    words = compose_entry(known.material, gate)
    if words is None or not words.title.strip():
        return None
    return FeedWords(
        title=words.title,
        summary=words.summary or NO_SUMMARY,
        paragraphs=_paragraphs(known, gate) if head.full else (),
        labels=tuple(one for one in known.labels if _may_stand(one, known, gate))[:LABELS_MAX],
    )


def author_of(known: KnownAnswer, *, head: FeedHead, gate: Gate) -> str:
    """Give who speaks: the source's author where the clinic names that person as its own, else the clinic's first."""
    return known.author if known.author in gate.own_names else head.author


def comments_of(known: KnownAnswer, *, gate: Gate) -> Comments | None:
    """Give where the comments stand, the addresses alone that say no more than the answer's own; None for none.

    A feed's reader is shown where they are and how many, and never a word of one.
    """
    told = known.comments
    if told is None:
        return None
    url, feed_url = (
        one if one and _tells_no_more(one, known, gate) else "" for one in (told.url, told.feed_url)
    )
    return replace(told, url=url, feed_url=feed_url) if url or feed_url else None


def _tells_no_more(url: str, known: KnownAnswer, gate: Gate) -> bool:
    """Say whether an address may stand in the feed: the page's own with a place in it, Blogger's, or a gated one."""
    if not LINK.fullmatch(url):
        return False
    parts, own = parts_of(url), parts_of(known.material.url)
    if parts.netloc == own.netloc:
        path = parts.path.removesuffix("/").removesuffix("/feed").removesuffix("/")
        is_own_page = parts.query in ("", own.query) and path == own.path.removesuffix("/")
        if is_own_page and parts.fragment in _PLACES:
            return True
        if _COMMENT_FEED.fullmatch(parts.path) and not parts.query and not parts.fragment:
            return True
    material = known.material
    findings = examine_link(gate, url, taint=material.taint, title=material.title)
    return all(one.severity is Severity.NOTE for one in findings)


def withdrawn_words(at: datetime) -> FeedWords:
    """Give what stands in place of a withdrawn answer."""
    return FeedWords(title=WITHDRAWN_TITLE, summary=WITHDRAWN_SUMMARY.format(day=day_of(at)))


def held_words() -> FeedWords:
    """Give what stands in place of an answer whose present words must wait for a person."""
    return FeedWords(title=HELD_TITLE, summary=HELD_SUMMARY)


def correction_words(title: str, *, url: str, at: datetime, number: int) -> FeedWords:
    """Give the notice of a correction; readers that key on the words need them to be like no other's."""
    summary = CORRECTION_SUMMARY.format(number=number, url=url, moment=_moment_of(at))
    return FeedWords(title=CORRECTION_TITLE.format(title=title), summary=summary)


def withdrawal_words(*, url: str, at: datetime) -> FeedWords:
    """Give the notice of a withdrawal."""
    return FeedWords(
        title=WITHDRAWAL_TITLE, summary=WITHDRAWAL_SUMMARY.format(url=url, moment=_moment_of(at))
    )


def day_of(at: datetime) -> str:
    """Give the day in words, whatever the locale of the machine."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def _moment_of(at: datetime) -> str:
    return f"{day_of(at)}, {at:%H:%M:%S} UTC"


def _paragraphs(known: KnownAnswer, gate: Gate) -> tuple[str, ...]:
    """Give the answer's zone paragraph by paragraph, those that the gate holds replaced by a sign of omission."""
    kept: list[str] = []
    for one in known.material.body.split("\n\n"):
        words = " ".join(one.split())
        if not words:
            continue
        if _may_stand(words, known, gate):
            kept.append(words)
        elif kept[-1:] != [LEFT_OUT]:
            kept.append(LEFT_OUT)
    is_worth_it = any(one != LEFT_OUT for one in kept) and sum(map(len, kept)) <= FULL_MAX
    return tuple(kept) if is_worth_it else ()


def _may_stand(text: str, known: KnownAnswer, gate: Gate) -> bool:
    findings = examine_text(gate, text, where="feed", taint=known.material.taint)
    return bool(text.strip()) and all(one.severity is Severity.NOTE for one in findings)


class SecondsTaken:
    """The `updated` seconds in use: some readers key on them, so that no two entries may share one."""

    def __init__(self) -> None:
        self._up: dict[int, int] = {}
        self._down: dict[int, int] = {}

    def take(self, at: datetime) -> None:
        """Mark a second as used."""
        second = int(at.timestamp())
        self._up[second], self._down[second] = second + 1, second - 1

    def next_free(self, at: datetime, *, not_after: datetime) -> datetime:
        """Take the first free second from `at` on, or, beyond `not_after`, the last free one before `at`."""
        start, limit = int(at.timestamp()), int(not_after.timestamp())
        second = _followed(self._up, start)
        if second > limit:
            second = _followed(self._down, min(start, limit))
        found = datetime.fromtimestamp(second, tz=UTC)
        self.take(found)
        return found


def _followed(jumps: dict[int, int], start: int) -> int:
    """Follow the jumps to the first second without one, and shorten the way for the next caller."""
    at, passed = start, []
    while at in jumps:
        passed.append(at)
        at = jumps[at]
    for one in passed:
        jumps[one] = at
    return at

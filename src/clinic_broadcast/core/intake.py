"""What a poll brought: which answers are new, which are only old ones in a new coat."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from clinic_broadcast.core.address import parts_of
from clinic_broadcast.core.answer import Answer, Standing

GRACE: Final = timedelta(days=2)
"""An answer may be dated a little before the first poll and still be new: blogs keep the time of the first draft."""


SAME_WORDS: Final = "the same words are known at another address"
SAME_LINK: Final = "the same link is known under another id"
"""The notes of an answer that was recognised as one which is known already."""

WAITS: Final = "waits: "
"""How the state of a source begins whose pages wait for their date; what follows is told to a person."""

PAGE_NUMBERS: Final = frozenset({"p", "page_id"})
"""What WordPress numbers its pages by while a blog has no permalinks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What an answer that the ledger does not know yet is to us, and why a person must look at it first, if so."""

    standing: Standing
    note: str = ""


def canonical(url: str) -> str:
    """Give what stays of a URL when scheme, `www.`, query, fragment and a last slash do not matter.

    Of a query the number of a page stays where nothing else tells pages apart: WordPress' plain links, `/?p=12`.
    """
    parts = parts_of(url.strip())
    host, path = parts.netloc.lower().removeprefix("www."), parts.path.rstrip("/")
    numbers = [f"?{name}={value}" for name, value in parse_qsl(parts.query) if name in PAGE_NUMBERS]
    return host + path + (numbers[0] if numbers and path in ("", "/index.php") else "")


def judge_arrival(
    answer: Answer,
    *,
    first_poll_at: datetime | None,
    known_revisions: Collection[str],
    known_links: Collection[str],
) -> Arrival:
    """Decide on an answer whose id the ledger does not know.

    Nothing of a first poll is announced. Afterwards an answer is fresh unless its words or its link are known
    already; one that is dated before the first poll waits for a person.
    """
    if first_poll_at is None:
        return Arrival(standing=Standing.BASELINE)
    if answer.revision in known_revisions:
        return Arrival(standing=Standing.BASELINE, note=SAME_WORDS)
    if answer.url and canonical(answer.url) in known_links:
        return Arrival(standing=Standing.BASELINE, note=SAME_LINK)
    if answer.published_at < first_poll_at - GRACE:
        return Arrival(standing=Standing.FRESH, note="dated before the first poll of its source")
    return Arrival(standing=Standing.FRESH)

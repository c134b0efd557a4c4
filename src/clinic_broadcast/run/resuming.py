"""Resume the feeds after a restart: what the last process had looked at need not be looked at again."""

from __future__ import annotations

import hmac
from typing import Final

from clinic_broadcast import __version__
from clinic_broadcast.core.feed import FeedHead
from clinic_broadcast.core.feed_record import FORM, Press, PressMark
from clinic_broadcast.core.newsroom import judged_by
from clinic_broadcast.ports import Head
from clinic_broadcast.run.desk import Desk

BEFORE_ALL: Final = Head(0, "0" * 64)
"""Stands before the first line of any history (`Ledger.recall`)."""


def mark_of(desk: Desk, head: FeedHead, turn: int) -> PressMark:
    """Give the mark of a build that has looked at all changes up to `turn`.

    It reads the digest of every answer's words, and is to be asked for after the turn: an answer that changes in
    between has a later one, with which the mark does not count. Raises LedgerError when the record cannot be read.
    """
    end = desk.ledger.recall(BEFORE_ALL) or BEFORE_ALL
    return PressMark(turn=turn, line=end.number, hash=end.hash, seal=_seal(desk, head, turn, end))


def resume(desk: Desk, head: FeedHead, press: Press) -> None:
    """Let a press that knows nothing begin where the mark in its record stands, if all is as it was then.

    It is not when any answer has changed since; when the record is another one, or was put back; when the mark was
    changed by hand; or when something that decides over the entries differs: the settings of the feeds, own names and
    hosts, the rules, the word lists, the form of the pages, the version of the program. Then all is looked at.
    Raises LedgerError when the record cannot be read.
    """
    mark = press.record.mark
    if mark is None or desk.ledger.changes(mark.turn)[0] != mark.turn:
        return
    end = Head(mark.line, mark.hash)
    is_ours = hmac.compare_digest(mark.seal.encode(), _seal(desk, head, mark.turn, end).encode())
    if is_ours and desk.ledger.recall(end) is not None:
        press.made_with, press.turn = (head, judged_by(desk.gate)), mark.turn


def _seal(desk: Desk, head: FeedHead, turn: int, end: Head) -> str:
    gate = desk.gate
    made_with = (__version__, FORM, desk.clinic, head, judged_by(gate))
    answers = (sorted(desk.ledger.revisions().items()), sorted(desk.ledger.count_answers().items()))
    # The text of a frozen dataclass names every field that it has or will have, and quotes every string.
    told = repr((made_with, answers, turn, end)).encode()
    return hmac.digest(gate.taint_key, told, "sha256").hex()

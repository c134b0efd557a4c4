"""Tell the zones of a page apart: the letter, the greeting, the answer, the signature, the blog's own words.

START ── salutation, label ──→ QUESTION ── greeting, label ──→ ANSWER ── our name ──→ SIGNATURE
  │                               ↑  ↑                           │                      │   │
  └── prose (perhaps a letter) ───┘  └──── salutation, label ────┴──────────────────────┘   └─ prose: QUESTION
"Post a Comment" ends it all. Whatever is not certain ends as doubt, and then all of the page is QUESTION.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from clinic_broadcast.core import zone_signs as signs
from clinic_broadcast.core.answer import Answer, RawAnswer, Zones
from clinic_broadcast.core.dateline import is_dateline
from clinic_broadcast.core.greeting import Addressee, Opening, read_opening
from clinic_broadcast.core.own_names import OwnNames, own_names_of
from clinic_broadcast.core.zone_pieces import Line, Piece, Zone, join_zones, lines_of
from clinic_broadcast.core.zone_signs import Label

INTRODUCTION_WORDS_MAX: Final = 40
"""Words before a quoted letter that may introduce it; with more of them the quote lies inside a letter."""


class _Part(StrEnum):
    """Where in the page the reading stands."""

    START = "start"
    QUESTION = "question"
    ANSWER = "answer"
    SIGNATURE = "signature"
    TAIL = "tail"


def read_answer(raw: RawAnswer, own_names: Sequence[str]) -> Answer:
    """Give the answer of a page, its zones told apart; `own_names` are those that may be named in public."""
    return Answer(
        id=raw.id,
        url=raw.url,
        zones=split_zones(raw, own_names),
        published_at=raw.published_at,
        updated_at=raw.updated_at,
        author=raw.author,
        labels=raw.labels,
        comments=raw.comments,
    )


def split_zones(raw: RawAnswer, own_names: Sequence[str]) -> Zones:
    """Tell the zones of a page apart.

    Every zone is made of exact pieces of `raw.body`, joined by blank lines; each word of the body is in one zone.
    Where the zones cannot be told apart with certainty, `doubt` says why and the whole body is the question, so
    that nothing of it can go out.
    """
    own = own_names_of(own_names)
    title = "" if signs.is_header(raw.title) else " ".join(raw.title.split())
    walk = _Walk(raw.body, own, title=title)
    doubt = walk.read(_Part.START)
    if not doubt and not walk.was_split:
        # Nothing but prose: read again as an article, which may end with a signature.
        walk = _Walk(raw.body, own, title=title)
        doubt = walk.read(_Part.ANSWER)
        if not doubt and signs.may_be_a_letter(walk.text_of(Zone.ANSWER)):
            doubt = "The page reads like a letter, but nothing shows where the answer begins."
    doubt = doubt or walk.last_doubt()
    if doubt:
        return Zones(
            title=title, question=raw.body.strip(), greeting="", answer="", signature="", doubt=doubt
        )
    return join_zones(raw, title, walk.pieces)


class _Walk:
    """One reading of a body, line by line; `pieces` grows, and earlier pieces may only become QUESTION again."""

    def __init__(self, body: str, own: OwnNames, *, title: str) -> None:
        self.pieces: list[Piece] = []
        self.was_split = False
        self._own = own
        self._title = title
        self._body = body
        self._lines = lines_of(body)
        self._part = _Part.START
        self._is_quoting = any(not line.is_quoted for line in self._lines)
        self._has_question = False
        self._has_question_label = False
        self._is_evident = False  # The open question shows a salutation, a label or a closing.
        self._is_closed = False  # The open question shows a closing, or nothing but a label needs to follow.
        self._opening: Opening | None = None  # The greeting by which the open answer was opened, if any.
        self._is_at_top = False  # The open answer began with the page: it may turn out to be a letter.
        self._answer_from = 0
        self._has_signature = False
        self._after_quote: _Part | None = None

    def read(self, part: _Part) -> str:
        """Read all lines from this part of the page on; give the doubt that came up, or an empty string."""
        self._part = part
        for number in range(len(self._lines)):
            doubt = self._read_line(number)
            if doubt:
                return doubt
        return ""

    def text_of(self, zone: Zone) -> str:
        """Give the words that one zone has so far."""
        return "\n\n".join(self._body[piece.start : piece.end] for piece in self.pieces if piece.zone is zone)

    def last_doubt(self) -> str:
        """Give what is doubtful about the page as a whole, or an empty string."""
        answer = self.text_of(Zone.ANSWER)
        if not answer and self._lines:
            return "No answer was found on the page."
        if signs.speaks_as_patient(answer):
            return "The answer speaks as a patient in one place: a second letter may stand in it."
        if self._is_at_top and not self._has_place():
            if not self._has_signature:
                return (
                    "The page begins with a greeting or a quote and has no signature: it may be all a letter."
                )
            # Not knowing our own names, we cannot tell a greeting to the doctor from one to a reader.
            is_unclear = not self._own.words or signs.may_be_a_letter(answer)
            if self._opening is not None and is_unclear:
                return "The page begins with a greeting, and it is not clear whether a patient or the doctor writes."
        return ""

    # One line ------------------------------------------------------------------------------------------------

    def _read_line(self, number: int) -> str:
        line = self._lines[number]
        if self._is_furniture(line, number):
            self._add(line.start, line.end, Zone.FURNITURE)
            return ""
        if line.is_quoted and self._is_quoting:
            return self._read_quoted(line)
        if self._after_quote is not None:
            self._end_quote()
        label = signs.read_label(line.text, self._own, is_question_labelled=self._has_question_label)
        if label is not None:
            return self._read_labelled(line, *label)
        opening = read_opening(line.text, self._own)
        if opening is not None:
            return self._read_opening(line, opening)
        return self._read_prose(number)

    def _is_furniture(self, line: Line, number: int) -> bool:
        if self._part is _Part.TAIL:
            return True
        is_below = self._part in (_Part.ANSWER, _Part.SIGNATURE) or self._is_evident
        if signs.is_tail(line.text) or (signs.is_byline(line.text) and is_below):
            # Above the text these are a menu or a dated header; below it everything that follows is the blog's.
            if is_below or self._has_question:
                self._part = _Part.TAIL
            return True
        if signs.is_byline(line.text):
            return self._own.names_us(line.text) or is_dateline(line.text)
        is_title = number < 5 and not self._has_words() and " ".join(line.text.split()) == self._title  # noqa: PLR2004
        return is_title or signs.is_furniture(line.text)

    def _has_words(self) -> bool:
        return any(piece.zone is not Zone.FURNITURE for piece in self.pieces)

    def _read_quoted(self, line: Line) -> str:
        if self._after_quote is None:
            is_start = self._part is _Part.START
            is_lead = is_start and len(self.text_of(Zone.QUESTION).split()) <= INTRODUCTION_WORDS_MAX
            self._after_quote = _Part.ANSWER if is_lead or self._part is _Part.ANSWER else _Part.QUESTION
        self._add(line.start, line.end, Zone.QUESTION)
        return ""

    def _end_quote(self) -> None:
        if self._after_quote is _Part.ANSWER and self._part is not _Part.ANSWER:
            # A letter may begin with a quote as well: a label or a greeting further on will show it.
            self._open_answer(None, is_at_top=True)
        elif self._after_quote is _Part.QUESTION:
            self._part = _Part.QUESTION
        self._after_quote = None

    def _read_labelled(self, line: Line, label: Label, length: int, names_somebody: bool) -> str:
        is_question = label is Label.QUESTION
        is_greeted = self._part is _Part.ANSWER and self._opening is not None and bool(self._answer_words())
        if self._is_at_top or (is_greeted and not is_question):
            # An answer that was greeted and is then labelled has a letter without mark in it.
            self._take_back()
        zone = Zone.QUESTION if names_somebody else Zone.FURNITURE
        self._add(line.start, line.start + length, zone)
        if is_question:
            self._has_question_label = True
            self._open_question(is_evident=True)
        else:
            self._open_answer(None, is_at_top=False)
        rest = line.text[length:]
        text = rest.strip()
        if not text:
            return ""
        start = line.end - len(text)
        tail = Line(start=start, end=line.end, text=text, opens_block=True)
        opening = read_opening(text, self._own)
        if opening is not None:
            return self._read_opening(tail, opening)
        if is_question:
            self._add(tail.start, tail.end, Zone.QUESTION)
        else:
            self._add_answer(tail)
        return ""

    # Openings ------------------------------------------------------------------------------------------------

    def _read_opening(self, line: Line, opening: Opening) -> str:
        if opening.to is Addressee.US:
            return self._read_salutation(line)
        if self._part is _Part.START and not self._has_question:
            self._greet(line, opening, is_at_top=True)
            return ""
        if self._part is _Part.ANSWER:
            return self._greet_again(line, opening)
        if opening.to is Addressee.NOBODY:
            # In a letter "Hi, my name is" opens nothing, and right below "Question:" no greeting opens the answer;
            # after a letter "Hi there," does.
            is_first = self._has_question_label and self.pieces[-1].zone is Zone.FURNITURE
            if is_first or not line.opens_block or signs.speaks_as_patient(line.text):
                self._add(line.start, line.end, Zone.QUESTION)
                return ""
            if not self._is_closed:
                return "A greeting names nobody, and it is not clear whether a letter or the answer begins there."
        if self._part is _Part.SIGNATURE and (self._is_at_top or self._may_be_letter()):
            self._take_back()  # A patient may sign with degrees too: what this greeting answers was a letter.
        elif self._part is _Part.SIGNATURE and not opening.has_place:
            return "A greeting follows a signature without a letter between: it may begin another letter."
        self._greet(line, opening, is_at_top=False)
        return ""

    def _read_salutation(self, line: Line) -> str:
        is_reply = self._part is _Part.ANSWER and bool(self._answer_words())
        is_reply = is_reply and (self._has_place() or not self._is_at_top)
        if self._part is _Part.ANSWER and not is_reply:
            self._take_back()
        self._open_question(is_evident=True)
        self._add(line.start, line.end, Zone.QUESTION)
        return ""

    def _greet_again(self, line: Line, opening: Opening) -> str:
        before = self._opening
        has_words = bool(self._answer_words())
        if not has_words and before is None:
            self._greet(line, opening, is_at_top=False)  # "Answer:", then the greeting.
            return ""
        # Without "from" the second may be a letter's own greeting, to a doctor whose name we were not told.
        is_first_vague = before is None or before.to is Addressee.NOBODY or self._is_at_top
        is_reader = opening.to is Addressee.READER and is_first_vague and bool(self._own.words)
        if not (opening.has_place or is_reader):
            return "A second greeting follows the first, and it is not clear where the answer begins."
        # The later greeting is the doctor's: all that came since the earlier one was the letter.
        self._take_back()
        self._greet(line, opening, is_at_top=False)
        return ""

    def _greet(self, line: Line, opening: Opening, *, is_at_top: bool) -> None:
        self._open_answer(opening, is_at_top=is_at_top)
        self._add(line.start, line.start + len(line.text[: opening.end].rstrip()), Zone.GREETING)
        text = line.text[opening.end :].strip()
        if not text:
            return
        rest = Line(start=line.end - len(text), end=line.end, text=text, opens_block=False)
        if is_at_top and not opening.has_place and signs.speaks_as_patient(text):
            self._find_letter(rest)
        else:
            self._add_answer(rest)

    # Prose ---------------------------------------------------------------------------------------------------

    def _read_prose(self, number: int) -> str:
        line = self._lines[number]
        if self._part in (_Part.START, _Part.QUESTION):
            self._is_closed = self._is_closed or signs.is_closing(line.text)
            self._is_evident = self._is_evident or self._is_closed
            self._add(line.start, line.end, Zone.QUESTION)
            return ""
        if self._part is _Part.SIGNATURE:
            if signs.goes_on_signing(line.text, self._own):
                self._add(line.start, line.end, Zone.SIGNATURE)
                return ""
            # Prose after a signature: a comment, or the next letter. It is never ours to use.
            self._open_question(is_evident=False)
            self._add(line.start, line.end, Zone.QUESTION)
            return ""
        if self._signs_here(number):
            self._sign(line.start, line.end)
            return ""
        if signs.is_closing(line.text) and not signs.is_wish(line.text):
            return self._read_closing(number)
        if self._is_at_top and not self._has_place() and signs.speaks_as_patient(line.text):
            self._find_letter(line)
            return ""
        self._add_answer(line)
        return ""

    def _read_closing(self, number: int) -> str:
        """Read "Sincerely," in an answer: ours if our signature follows or nothing does, else a letter's end."""
        line = self._lines[number]
        after = self._lines[number + 1 : number + 2]
        is_last = all(signs.is_tail(one.text) or signs.is_furniture(one.text) for one in after)
        is_signed = any(self._signs_here(number + 1) for _ in after)
        names_other = signs.closing_name(line.text) and not self._own.names_us(line.text)
        is_ours = self._own.names_us(line.text) or (not names_other and (is_last or is_signed))
        if is_ours:
            self._sign(line.start, line.end)
            return ""
        if self._may_be_letter():
            self._find_letter(line)
            return ""
        return "A closing stands in the answer without our signature: a second letter may end there."

    def _may_be_letter(self) -> bool:
        """Say whether the open answer was opened in a way in which a letter may begin too."""
        is_vague = self._opening is not None and self._opening.to is Addressee.NOBODY
        return (self._is_at_top or is_vague) and not self._has_place()

    def _has_place(self) -> bool:
        return self._opening is not None and self._opening.has_place

    def _find_letter(self, line: Line) -> None:
        """Take the greeting at the top of the page, and all since, for a letter: a line shows that it is one."""
        self._take_back()
        self._open_question(is_evident=True)
        self._is_closed = signs.is_closing(line.text)
        self._add(line.start, line.end, Zone.QUESTION)

    def _signs_at(self, line: Line) -> bool:
        return signs.opens_signature(line.text, self._own) or signs.is_title_line(line.text)

    def _signs_here(self, number: int) -> bool:
        line = self._lines[number]
        if self._signs_at(line):
            return True
        # A name without degrees is a signature when an office follows: "Jane Roe", then "Medical Director".
        after = self._lines[number + 1 : number + 2]
        return signs.is_bare_name(line.text) and bool(after) and signs.is_title_line(after[0].text)

    def _add_answer(self, line: Line) -> None:
        """Add a line to the answer; a signature at its end is cut off."""
        inside = signs.find_signature_inside(line.text, self._own)
        if inside is None:
            self._add(line.start, line.end, Zone.ANSWER)
            return
        self._add(line.start, line.start + len(line.text[:inside].rstrip()), Zone.ANSWER)
        self._sign(line.start + inside, line.end)

    # The state -----------------------------------------------------------------------------------------------

    def _sign(self, start: int, end: int) -> None:
        self._part = _Part.SIGNATURE
        is_ours = not self._own.words or self._own.names_us(self._body[start:end])
        self._has_signature = self._has_signature or is_ours
        self._add(start, end, Zone.SIGNATURE)

    def _open_question(self, *, is_evident: bool) -> None:
        self._part, self._is_evident, self.was_split = _Part.QUESTION, is_evident, True
        self._is_closed = False
        self._is_at_top = False

    def _open_answer(self, opening: Opening | None, *, is_at_top: bool) -> None:
        self._part, self._opening, self._is_at_top = _Part.ANSWER, opening, is_at_top
        self._is_evident, self.was_split = False, True
        self._answer_from = len(self.pieces)

    def _answer_words(self) -> str:
        pieces = [piece for piece in self.pieces[self._answer_from :] if piece.zone is Zone.ANSWER]
        return "".join(self._body[piece.start : piece.end] for piece in pieces)

    def _take_back(self) -> None:
        """Make what was taken for an answer, since its opening, a part of the question."""
        for number in range(self._answer_from, len(self.pieces)):
            if self.pieces[number].zone is not Zone.FURNITURE:
                self.pieces[number] = replace(self.pieces[number], zone=Zone.QUESTION)
        self._is_at_top = False

    def _add(self, start: int, end: int, zone: Zone) -> None:
        if start < end:
            self._has_question = self._has_question or zone is Zone.QUESTION
            self.pieces.append(Piece(start=start, end=end, zone=zone))

"""The signs by which one line of a page shows its zone: labels, sign-offs, signatures, the blog's own words."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from clinic_broadcast.core.dateline import is_dateline
from clinic_broadcast.core.own_names import OwnNames, fold_marks, word_set
from clinic_broadcast.core.patterns import late

LINE_LOOKED_AT_MAX: Final = 400
"""Characters of a line that are looked at: no label, signature line or blog furniture is longer."""

SIGNATURE_WORDS_MAX: Final = 14
"""Words of the longest line with a name and degrees; a longer line is prose."""

SHORT_LINE_WORDS_MAX: Final = 8
"""Words of a line that still counts as a title, a town or a street after a signature has begun."""


class Label(StrEnum):
    """What a label announces."""

    QUESTION = "question"
    ANSWER = "answer"


_EDGE: Final = r"[\s*_#>•\-~|]{0,6}"
_ENDS: Final = r"[*_]{0,3}\s*(?::|--|-(?=\s))[*_]{0,3}"
_ORDER: Final = (
    r"(?:(?:the|my|our|your|a|new|next|another|first|second|third|reader|patient|follow[- ]?up)(?:'s|s')?\s+)"
)
_QUESTION: Final = late(
    rf"{_EDGE}(?:{_ORDER}{{0,3}}(?:question|questions|query|letter)|follow[- ]?up|q)\s*(?:\#|no\.?)?\s*\d{{0,2}}"
    rf"(?P<who>\s*(?:from|by)\s[^:\n]{{1,80}})?{_ENDS}",
    re.IGNORECASE,
)
_QUESTION_ALONE: Final = late(
    rf"{_EDGE}{_ORDER}{{0,3}}(?:question|query|letter)\s*(?:\#|no\.?)?\s*\d{{0,2}}[*_.\s]{{0,4}}\Z",
    re.IGNORECASE,
)
_QUESTION_DOT: Final = late(rf"{_EDGE}(?:Q\d{{0,2}}|(?i:question)\s\d{{1,2}})[.)][*_]{{0,3}}(?=\s)")
_ASKS: Final = late(
    rf"{_EDGE}[^:.!?\n]{{1,60}}\s(?:asks|asked|writes|wrote|wants to know|would like to know)[*_]{{0,3}}\s*:",
    re.IGNORECASE,
)
_ANSWER: Final = late(
    rf"{_EDGE}(?:(?:{_ORDER}|(?:doctor|dr\.?\s[\w.]{{1,20}}|doc)'s\s){{0,3}}(?:answer|ans|reply))\s*(?:\#|"
    rf"no\.?)?\s*\d{{0,2}}"
    rf"(?:\s(?:from|by)\s[^:\n]{{1,60}})?{_ENDS}",
    re.IGNORECASE,
)
_ANSWER_ALONE: Final = late(
    rf"{_EDGE}{_ORDER}{{0,3}}(?:(?:doctor|dr\.?\s[\w.]{{1,20}})'s\s)?(?:answer|reply|response)\s*(?:\#|"
    rf"no\.?)?\s*\d{{0,2}}[*_.\s]{{0,4}}\Z",
    re.IGNORECASE,
)
_ANSWER_LETTER: Final = late(rf"{_EDGE}A\d{{0,2}}[*_]{{0,3}}\s*[:.)][*_]{{0,3}}(?=\s|\Z)")
_SAYS: Final = late(
    rf"{_EDGE}(?P<who>[^:!?\n]{{1,60}}?)(?P<verb>\s(?:answers|answered|replies|replied|"
    rf"responds|responded|says))?[*_]{{0,3}}\s*:"
    r"[*_]{0,3}"
)


def read_label(line: str, own: OwnNames, *, is_question_labelled: bool) -> tuple[Label, int, bool] | None:
    """Read a label at the start of a line: what it announces, its length, and whether it names somebody.

    The letter labels "A:" and the word "Response" count only on a page with question labels: a letter may hold
    lists like "A: 2 embryos".
    """
    seen = line[:LINE_LOOKED_AT_MAX]
    if match := _QUESTION.match(seen):
        return Label.QUESTION, match.end(), match["who"] is not None
    if match := _QUESTION_ALONE.match(seen) or _QUESTION_DOT.match(seen):
        return Label.QUESTION, match.end(), False
    if match := _ANSWER.match(seen):
        return Label.ANSWER, match.end(), False
    if is_question_labelled and (match := _ANSWER_LETTER.match(seen) or _ANSWER_ALONE.match(seen)):
        return Label.ANSWER, match.end(), False
    if (match := _ANSWER_ALONE.match(seen)) and "response" not in seen.lower():
        return Label.ANSWER, match.end(), False
    if (match := _SAYS.match(seen)) and _speaks_for_us(match["who"], own, is_said=match["verb"] is not None):
        return Label.ANSWER, match.end(), False
    if match := _ASKS.match(seen):
        return Label.QUESTION, match.end(), True
    return None


def _speaks_for_us(who: str, own: OwnNames, *, is_said: bool) -> bool:
    if not own.words and is_said:
        # Not knowing our names, we take "Dr. Anybody replies:" for ours.
        first = who.split()[:1]
        return 0 < len(who.split()) <= 4 and first[0].lower().strip(".*_") in {"dr", "doctor"}  # noqa: PLR2004
    words = re.sub(r"\b(?:answer|reply|from|by|the)\b", " ", who, flags=re.IGNORECASE).split()
    names = [word for word in words if word.lower().strip(".,") not in _TITLES]
    if not words or len(words) > 6 or not own.names_us(" ".join(names)):  # noqa: PLR2004 - A speaker, no sentence.
        return False
    return all(own.names_us(word) or word[:1].isupper() for word in names)


_TITLES: Final = word_set("dr doctor prof professor mr mrs ms")
_DEGREE: Final = late(
    r"(?<![\w.])(?:M\.?\s?D\.?|D\.O\.?|(?<=, )DO|F\.?A\.?C\.?O\.?G\.?|Ph\.?\s?D\.?|M\.?B\.?B\.?S\.?|FRCOG|"
    r"MRCOG|FACS|HCLD|WHNP|"
    r"R\.N\.?|RN|C?NP|N\.P\.|PA-C|M\.?P\.?H\.?|M\.?Sc\.?)(?![\w])"
)
_DOCTOR_ALONE: Final = late(r"(?:Dr|Doctor|Prof)\.? [A-Z][\w.'-]*(?: [A-Z][\w.'-]*){0,2}")
_TITLE_LINE: Final = late(
    r"\W*(?:(?:executive|associate|assistant|senior|founding|lead|the|and|clinical|board[- ]certified|"
    r"laboratory|lab|ivf|"
    r"nursing|program|practice|co-?)[\s-]+){0,4}(?:medical director|director|laboratory director|nurse coordinator|"
    r"reproductive endocrinologist|infertility specialist|fertility specialist|embryologist|ob[/-]?gyn|"
    r"gynecologist|"
    r"gynaecologist|professor|consultant|physician|nurse practitioner|founder)\b",
    re.IGNORECASE,
)
_PLUG: Final = late(
    r"\W*(?:for (?:more|additional|further) (?:information|details|answers|questions|help)|check (?:me |us "
    r")?out|check out (?:my|our)|"
    r"follow (?:me|us)|like (?:me|us) on|visit (?:my|our|us|me|the)\b.{0,40}\b(?:web|blog|site|page|facebook)|"
    r"(?:find|join|connect with|friend) (?:me|us)\b|you can (?:also )?(?:follow|find|reach) (?:me|us)\b|"
    r"(?:to (?:make|schedule|book) an appointment|call (?:us|our office|my office|the office))\b|"
    r"read more (?:answers|on my|on our)|subscribe to (?:my|our)|(?:our|my) (?:web ?site|blog|facebook|twitter)\b)",
    re.IGNORECASE,
)
_CONTACT: Final = late(
    r"https?://|www\.|\b[\w.+-]{1,64}@[\w-]{1,63}\.|(?<!\w)@\w{2,}|\b(?:tel|phone|fax|ph|e-?mail|skype|"
    r"toll[- ]free|call)\b\s*[:.(+\d]|"
    r"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|\b(?:facebook|twitter|instagram|blogspot|wordpress|youtube|linkedin)\b",
    re.IGNORECASE,
)
_DISCLAIMER: Final = late(
    r"\W*(?:disclaimer|p\.?\s?s\.?\W|note:|please note|this (?:blog|information|answer|response|post|site|"
    r"advice|reply|page|website)\b|"
    r"the (?:information|content|contents|advice|answers?|opinions?) (?:on|in|given|provided|contained|above|here)|"
    r"copyright|©|\(c\)|all rights reserved)",
    re.IGNORECASE,
)
_CLOSING: Final = late(
    r"\W{0,4}(?:(?:with|in|many|all|my|our|the|very|most|kind|kindest|best|good|warm|warmest|sincere|and|of|"
    r"for|so|&|again|your|much) ?){0,5}"
    r"(?:regards|wishes|sincerely|yours|truly|faithfully|respectfully|cheers|thanks|thank you|love|cordially|"
    r"gratefully|"
    r"blessings|god bless|thx|luck)\b(?P<rest>[^\n]{0,60})\Z",
    re.IGNORECASE,
)
_CLOSING_WORDS: Final = word_set(
    "again so very much in advance truly sincerely faithfully kindly doctor doc dr and for your time help "
    "kind regards "
    "best wishes yours you all the a lot many ever thanks thank"
)
_SMALL: Final = word_set("of the and at in for from de la & to by y on with")
_SMALL_IN_NAMES: Final = _SMALL | word_set("dr dr. m.d. m.d md facog phd ph.d. d.o.")
_WORD: Final = late(r"[^\W_][\w.''&/-]*")
_TAIL: Final = late(
    r"\W{0,4}(?:post(?:ed)? a (?:comment|reply)|(?:add|leave|write|post) a (?:comment|reply|response)|leave "
    r"your comment|"
    r"no comments?|\d{1,5} (?:comments?|responses?|thoughts on|replies)|comments?(?: \(\d{1,5}\))?|"
    r"(?:newer|older|next|previous) (?:posts?|entries|entry|articles?|questions?)|"
    r"(?:anonymous|unknown|blogger [^\n]{1,40}|[^\n:.]{1,40}) said(?:\.\.\.|…|:)|"
    r"related (?:posts?|articles?|questions?)|you (?:may|might) also like|share this(?: post)?|like this|"
    r"filed under|"
    r"subscribe to: .{0,60}|links to this post|blog archive|about me|popular posts|total pageviews)\W{0,6}\Z",
    re.IGNORECASE,
)
_POSTED: Final = late(r"\W{0,4}(?P<verb>posted|published|written|submitted) (?:by|on|at|in)\b", re.IGNORECASE)
_LONE: Final = late(
    r"\W{0,4}(?:labels?|tags?|tagged|categories|category|reactions|location)\s*:.{0,300}\Z|"
    r"\W{0,4}(?:home|email this|e-?mail this ?|blogthis!?|share to (?:x|twitter|facebook|pinterest)|email "
    r"thisblogthis!?.{0,80}|share|print|tweet|pin it|"
    r"save|reply|delete|loading\W*|read more\W*|continue reading\W*|skip to (?:main )?content|menu|search(?: "
    r"this blog)?|"
    r"powered by \w{1,20}|view my complete profile|permalink|back to top|more)\W{0,4}\Z",
    re.IGNORECASE,
)


def is_tail(line: str) -> bool:
    """Say whether from this line on everything is the blog's own: comments, links to other pages."""
    return len(line) <= LINE_LOOKED_AT_MAX and _TAIL.match(line) is not None


def is_furniture(line: str) -> bool:
    """Say whether this one line is the blog's own: a dated header, labels, a share button."""
    return len(line) <= LINE_LOOKED_AT_MAX and (_LONE.match(line) is not None or is_dateline(line))


def is_byline(line: str) -> bool:
    """Say whether the line says who put the page on the blog, and when; "Published in 2010, a study found" does not."""
    match = _POSTED.match(line) if len(line) <= LINE_LOOKED_AT_MAX else None
    if match is None:
        return False
    words = _WORD.findall(line[match.end() :])
    is_sure = match["verb"].lower() in {"posted", "submitted"}
    return len(words) <= SIGNATURE_WORDS_MAX and (is_sure or all(_is_no_prose(word) for word in words))


def _is_no_prose(word: str) -> bool:
    return not word[:1].islower() or word in _SMALL | {"am", "pm", "a.m", "p.m"}


def is_header(line: str) -> bool:
    """Say whether a line dates or signs a post and so is no title: "Tuesday, March 4, 2014", "Posted by Ann"."""
    return is_dateline(line) or is_byline(line)


def is_closing(line: str) -> bool:
    """Say whether the line closes a letter: "Kind regards", "Thanks, Ann", "Sincerely yours,"."""
    match = _CLOSING.match(line) if len(line) <= LINE_LOOKED_AT_MAX else None
    return match is not None and len(_name_words(match["rest"])) <= 3  # noqa: PLR2004 - A name at most.


def closing_name(line: str) -> str:
    """Give the name that a closing line holds, an empty string if none: "Ann" for "Thanks, Ann"."""
    match = _CLOSING.match(line) if len(line) <= LINE_LOOKED_AT_MAX else None
    return " ".join(_name_words(match["rest"])) if match else ""


def _name_words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.lower().rstrip(".") not in _CLOSING_WORDS]


def is_wish(line: str) -> bool:
    """Say whether a closing line only wishes luck: a doctor ends an answer so, and goes on."""
    return "luck" in line.lower()


def opens_signature(line: str, own: OwnNames) -> bool:
    """Say whether a line of the answer is the first of a signature: our name, a name with degrees, a plug."""
    if len(line) > LINE_LOOKED_AT_MAX:
        return False
    return is_name_line(line, own) or _PLUG.match(line) is not None


def is_name_line(line: str, own: OwnNames) -> bool:
    """Say whether a line is a name as a doctor signs it, not a sentence that begins with one."""
    bare = line.strip().lstrip("-~*_ \t").rstrip("*_ \t")
    words = _WORD.findall(bare[:LINE_LOOKED_AT_MAX])
    if not words or len(words) > SIGNATURE_WORDS_MAX or bare.endswith(("?", "!", ":")):
        return False
    if any(_is_prose(word, own) for word in words) and not bare.startswith("@"):
        return False
    if own.opens(bare):
        return True
    first = [word for word in words[:4] if word.lower().rstrip(".") not in _TITLES]
    if first and own.names_us(" ".join(first)) and (own.names_us(first[0]) or len(first[0].rstrip(".")) == 1):
        return True
    return _DEGREE.search(bare) is not None or _DOCTOR_ALONE.fullmatch(bare) is not None


def _is_prose(word: str, own: OwnNames) -> bool:
    """Say whether a word in small letters shows that a line is a sentence and no name."""
    return word[:1].islower() and word not in _SMALL_IN_NAMES and not own.names_us(word)


def is_title_line(line: str) -> bool:
    """Say whether a short line is a doctor's office: "Medical Director"."""
    is_short = len(line) <= LINE_LOOKED_AT_MAX and len(_WORD.findall(line)) <= SHORT_LINE_WORDS_MAX
    return is_short and _TITLE_LINE.match(line) is not None and not line.rstrip().endswith((".", "?", "!"))


def is_bare_name(line: str) -> bool:
    """Say whether a line is two to five words with capitals and nothing else, as a name without degrees."""
    words = _WORD.findall(line[:LINE_LOOKED_AT_MAX])
    is_named = all(word[:1].isupper() for word in words)
    return 2 <= len(words) <= 5 and is_named and not line.rstrip().endswith((".", "?", "!", ":"))  # noqa: PLR2004


def goes_on_signing(line: str, own: OwnNames) -> bool:
    """Say whether a line after the first of a signature still belongs to it."""
    seen = line[:LINE_LOOKED_AT_MAX]
    words = _WORD.findall(seen)
    if len(words) <= SHORT_LINE_WORDS_MAX or is_name_line(line, own) or is_title_line(line):
        return True
    if _PLUG.match(seen) or _DISCLAIMER.match(seen) or _CONTACT.search(seen):
        return True
    return all(word[:1].isupper() or word in _SMALL or word[:1].isdigit() for word in words)


def find_signature_inside(line: str, own: OwnNames) -> int | None:
    """Find where a signature begins at the end of a line of prose: "... successful. Jane Roe, M.D."."""
    for match in reversed(list(re.finditer(r"[.!?][\"')]?\s+", line))):
        rest = line[match.end() :]
        if len(rest) > LINE_LOOKED_AT_MAX:
            return None
        if is_name_line(rest, own):
            return match.end()
    return None


# The patient's voice ---------------------------------------------------------------------------------------

_KIN: Final = (
    r"husband|hubby|wife|partner|boyfriend|girlfriend|fianc[eé]e?|sister|brother|cousin|daughter|son|mother|"
    r"mom|mum|"
    r"father|dad|niece|aunt|mother-in-law"
)
_MINE: Final = (
    rf"{_KIN}|dh|doctor|dr|doc|gyn\w*|ob|obgyn|consultant|re|gp|physician|specialist|periods?|cycles?|tubes?|"
    rf"uterus|womb|ovary|"
    r"ovaries|eggs?|embryos?|pregnancy|pregnancies|miscarriages?|fsh|amh|tsh|hcg|beta|progesterone|estradiol|"
    r"prolactin|lining|age|hsg|"
    r"sperm|follicles?|cervix|womb|weight|bmi|ultrasound|scan|test|tests|results?|levels?|symptoms?|"
    r"infertility|fibroids?|cysts?|"
    r"endometriosis|pcos|thyroid|diagnosis|situation|history|body|blood|ivf|iui|transfer|retrieval|"
    r"temperature|surgery|baby"
)
_PATIENT: Final = late(
    rf"\b(?:my (?:name is|(?:own |last |first |previous |current |left |right |only |two |three |late |dear "
    rf")?(?:{_MINE})\b(?! (?:patients?|program|programme|clinic|practice|center|centre|lab|team|colleagues?)\b))|"
    r"(?:i'?m|i am|we are|we're|am)(?: a| an| now| currently| only| just| almost| nearly)* \d\d\b|"
    r"(?:i|we)(?:'ve|'m|'d| have| had| am| are| was| were| also| both| just| recently| already| now| "
    r"finally| even|"
    r" never| currently| actually)* (?:been (?:trying|told|diagnosed|pregnant|married|taking|having|"
    r"prescribed|put|advised|on)|"
    r"trying to (?:conceive|get pregnant|have)|miscarried|conceived|got pregnant|get pregnant|pregnant|"
    r"diagnosed|told (?:that|by|to|it)|"
    r"ovulate|ovulating|ovulated|bleeding|spotting|underwent|undergone|lost (?:the|our|my|a) (?:baby|"
    r"pregnancy|twins?)|"
    r"had (?:a|an|my|our|two|three|four|five|one|\d+) (?:\w+ )?(?:miscarriages?|ectopics?|failed|d ?& ?c|"
    r"laparoscopy|hsg|ivf|iuis?|"
    r"pregnancies|losses|cycles?|transfers?|positive|negative|surgery|period)|went (?:to|through|for) |"
    r"wondering|desperate|so confused)\b|"
    r"(?:please|plz|pls) (?:help|advise|advice|tell me|reply|respond)\b|help me\b|"
    r"(?:can|could|would) you (?:please |kindly |possibly )?(?:help|advise|tell me|shed|explain|give me|"
    r"suggest|recommend|let me)\b|"
    r"do you (?:think|recommend|advise|suggest|know)\b|(?:what|how|when|where|why|which) (?:should|can|"
    r"could|would|do|did|am|are|was|were) (?:i|we)\b|"
    r"(?:should|could|can|am|will|did|must|do) i\b(?! (?:tell|say|ask|explain)\b)|what are (?:my|our)\b|"
    r"(?:thanks|thank you)(?: so much| very much)? (?:in advance|dr\b|doctor|doc\b|for (?:your time|taking|"
    r"any|reading))|"
    r"look(?:ing)? forward to (?:your|hearing)\b|i (?:really |truly )?hope you can (?:help|advise|answer|"
    r"shed|give)|"
    r"(?:i|we) would (?:really |greatly |so )?appreciate\b|your (?:opinion|advice|thoughts|insight|help|"
    r"expertise) (?:would|is|on|will|please)\b|"
    r"(?:hello|hi|dear),? (?:dr|doctor|doc)\b|(?:me and my|my and)\b)",
    re.IGNORECASE,
)
_FIRST_PERSON: Final = late(
    rf"(?<![\w.''-])(?:i|i'(?:m|ve|d|ll)|im|ive|me|my|mine|myself|we|we'(?:re|ve|d|ll)|us|our|ours)(?![\w'']|"
    rf"-\w|\.\w)|\b(?:{_KIN})\b",
    re.IGNORECASE,
)
_NOT_A_PERSON: Final = late(r"(?<!\w)(?:U\.?S\.?|US)(?!\w)")


def speaks_as_patient(text: str) -> bool:
    """Say whether a text speaks of the writer's own case, as a letter does and an answer does not."""
    return _PATIENT.search(fold_marks(text)) is not None


def may_be_a_letter(text: str) -> bool:
    """Say whether a page without greeting or label shows any sign of a letter.

    In its first half, at least 600 characters, the first person or one of the writer's kin is sign enough;
    further on only words of the writer's own case are.
    """
    first = fold_marks(text)[: max(600, len(text) // 2)]
    return speaks_as_patient(text) or _FIRST_PERSON.search(_NOT_A_PERSON.sub(" ", first)) is not None

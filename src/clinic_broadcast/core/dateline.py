"""The dateline: the line by which a blog dates a post, as old Blogger pages show it above each title."""

from __future__ import annotations

import re
from typing import Final

from clinic_broadcast.core.patterns import late

LENGTH_MAX: Final = 80
"""Characters of the longest line that is looked at: weekday, date, time and zone take some forty."""

_DIGIT: Final = late(r"\d")
_MARKS: Final = "()[]|.,;:*_~\u2022\u00b7\u2013\u2014-"
_KINDS: Final = {
    kind: late(rf"(?:{pattern})\Z", re.IGNORECASE)
    for kind, pattern in {
        "weekday": r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?",
        "month": r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
        r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?",
        "day": r"\d{1,2}(?:st|nd|rd|th)?",
        "year": r"(?:19|20)\d\d",
        "date": r"\d{1,4}([/.-])\d{1,2}\1\d{1,4}|\d{1,2}-[a-z]{3,9}-\d{2,4}"
        r"|\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?",
        "time": r"\d{1,2}:\d\d(?::\d\d)?(?:[ap]\.?m)?|\d{1,2}(?:\.\d\d)?[ap]\.?m",
        "small": r"at|on|the|of|[ap]\.?m|z|utc|gmt|[ecmp][sd]t|[+-]\d{4}|date|dated|posted|published|updated",
    }.items()
}


def is_dateline(line: str) -> bool:
    """Say whether a line holds a date or a time of day and nothing else: "Tuesday, March 4, 2014".

    Such a line is the blog's own wherever it stands: it is never a title and never part of an answer. Names of
    months are read in English, the language of the gate's lists.
    """
    if len(line) > LENGTH_MAX or not _DIGIT.search(line):
        return False
    found: set[str] = set()
    for written in line.replace(",", " ").split():
        token = written.strip(_MARKS)
        kinds = [kind for kind, pattern in _KINDS.items() if pattern.match(token)]
        if token and not kinds:
            return False
        found.update(kinds)
    return (
        "date" in found
        or "time" in found
        or ("month" in found and not found.isdisjoint({"day", "year"}))
        or ("weekday" in found and not found.isdisjoint({"month", "day"}))
    )

"""UTM parameters: what a link may say of the way by which its reader came, and never anything of what it is about.

Every value is of a closed list, so no word of a title, a label or an address can ever stand in one. FTC v. GoodRx
(2023) is why: a health topic in a tracking parameter tells it to whoever counts the visits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from clinic_broadcast.core.patterns import late

SOURCES: Final = (
    "x",
    "facebook",
    "mastodon",
    "bluesky",
    "linkedin",
    "threads",
    "telegram",
    "webhook",
    "folder",
)
"""The networks that a link may name as its source; a plug-in's kind is called `other`."""

_OTHER: Final = "other"
_MEDIUM: Final = "social"
CAMPAIGN_WORDS: Final = (
    "answers",
    "blog",
    "broadcast",
    "clinic",
    "news",
    "posts",
    "promo",
    "questions",
    "updates",
)
"""What a campaign's name is made of, with single hyphens between: words that fit any answer alike."""

_CAMPAIGN: Final = rf"(?:{'|'.join(CAMPAIGN_WORDS)})(?:-(?:{'|'.join(CAMPAIGN_WORDS)}))*"
_ANY: Final = "utm_"
_ADDRESS: Final = late(r"https?://\S+")
_TRAILING: Final = ".,;:!?)"

_SOURCE: Final = "|".join((*SOURCES, _OTHER))
OURS: Final = rf"(?<=[?&])utm_(?:source=(?:{_SOURCE})|medium={_MEDIUM}|campaign={_CAMPAIGN})(?=$|[&#])"
"""A pattern of one of our own parameters in an address; anything else of that name is read like any words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utm:
    """The clinic's wish to count where its readers come from; an empty `campaign` names none."""

    campaign: str = ""


def is_neutral(campaign: str) -> bool:
    """Say whether a campaign's name is made of neutral words alone."""
    return re.fullmatch(_CAMPAIGN, campaign) is not None


def tagged(url: str, utm: Utm | None, *, kind: str) -> str:
    """Give a link with the parameters for a network's kind in place of any it had; its other parts stay as they are.

    Without `utm`, and where there is no link, it is given back as it is.
    """
    if utm is None or not url:
        return url
    values = [f"utm_source={kind if kind in SOURCES else _OTHER}", f"utm_medium={_MEDIUM}"]
    if utm.campaign:
        values.append(f"utm_campaign={utm.campaign}")
    before, mark, fragment = untagged(url).partition("#")
    joint = "?" if "?" not in before else "" if before.endswith("?") else "&"
    return f"{before}{joint}{'&'.join(values)}{mark}{fragment}"


def untagged(url: str) -> str:
    """Give a link without any UTM parameter, whoever has put it there: what it leads to is the same."""
    before, mark, fragment = url.partition("#")
    path, asked, query = before.partition("?")
    pairs = query.split("&")
    kept = [pair for pair in pairs if not pair.startswith(_ANY)]
    if len(kept) == len(pairs):
        return url
    return f"{path}{asked if kept else ''}{'&'.join(kept)}{mark}{fragment}"


def relinked(text: str, link: str) -> str:
    """Give a person's text with the promo's link wherever it has the same link under other UTM parameters, or none."""
    wanted = untagged(link)

    def link_or_same(found: re.Match[str]) -> str:
        url = found[0].rstrip(_TRAILING)
        return link + found[0][len(url) :] if untagged(url) == wanted else found[0]

    return _ADDRESS.sub(link_or_same, text) if link else text

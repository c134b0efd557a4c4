"""Emoji of several code points that X counts as one character: the list of Unicode's emoji-test 12.0, by its rules."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final

JOINER: Final = "\u200d"
AS_EMOJI: Final = "\ufe0f"
KEYCAP: Final = "\u20e3"
TONES: Final = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"

WEIGHED_AS_EMOJI: Final = "©®"
"""The only single code points whose weight as an emoji (2) differs from that of their code point (1)."""

_KEYS: Final = "#*0123456789"
_MAN, _WOMAN, _PERSON = "\U0001f468", "\U0001f469", "\U0001f9d1"
_GENDERS: Final = ("\u2642", "\u2640")
_BOY, _GIRL, _HEART, _KISS, _HANDS = "\U0001f466", "\U0001f467", "\u2764", "\U0001f48b", "\U0001f91d"

# Letters and signs that are plain text unless the variation selector asks for a picture.
_TEXT_FIRST: Final = (
    "©®‼⁉™\u2139↔↕↖↗↘↙↩↪⌨⏏⏭⏮⏯⏱⏲⏸⏹⏺Ⓜ▪▫▶◀◻◼☀☁☂☃☄☎☑☘☝☠☢☣☦☪☮☯☸☹☺♀♂♟♠♣♥♦♨♻♾⚒⚔⚕⚖⚗⚙⚛⚜⚠⚰⚱⛈⛏⛑⛓⛩"
    "⛰⛱⛴⛷⛸⛹✂✈✉✌✍✏✒✔✖✝✡✳✴❄❇❣❤➡⤴⤵⬅⬆⬇〰〽㊗㊙🅰🅱🅾🅿🈂🈷🌡🌤🌥🌦🌧🌨🌩🌪🌫🌬🌶🍽🎖🎗🎙🎚🎛🎞🎟🏋🏌🏍🏎🏔🏕"
    "🏖🏗🏘🏙🏚🏛🏜🏝🏞🏟🏳🏵🏷🐿👁📽🕉🕊🕯🕰🕳🕴🕵🕶🕷🕸🕹🖇🖊🖋🖌🖍🖐🖥🖨🖱🖲🖼🗂🗃🗄🗑🗒🗓🗜🗝🗞🗡🗣🗨🗯🗳🗺🛋🛍🛎🛏🛠"
    "🛡🛢🛣🛤🛥🛩🛰🛳"
)
# People and hands that take a skin tone.
_TONED: Final = (
    "☝⛹✊✋✌✍🎅🏂🏃🏄🏇🏊🏋🏌👂👃👆👇👈👉👊👋👌👍👎👏👐👦👧👨👩👫👬👭👮👰👱👲👳👴👵👶👷👸👼💁💂💃💅💆💇💪🕴🕵🕺🖐🖕"
    "🖖🙅🙆🙇🙋🙌🙍🙎🙏🚣🚴🚵🚶🛀🛌🤏🤘🤙🤚🤛🤜🤞🤟🤦🤰🤱🤲🤳🤴🤵🤶🤷🤸🤹🤽🤾🦵🦶🦸🦹🦻🧍🧎🧏🧑🧒🧓🧔🧕🧖🧗🧘🧙🧚"
    "🧛🧜🧝"
)
# People who come as a man and as a woman by a joined sign; the last four of them without skin tones.
_GENDERED: Final = (
    "⛹🏃🏄🏊🏋🏌👮👱👳👷💁💂💆💇🕵🙅🙆🙇🙋🙍🙎🚣🚴🚵🚶🤦🤷🤸🤹🤽🤾🦸🦹🧍🧎🧏🧖🧗🧘🧙🧚🧛🧜🧝👯🤼🧞🧟"
)
_TONELESS: Final = "👯🤼🧞🧟"
# What a man or a woman is joined with to show a trade, hair or a chair; those of the second row are text first.
_WITH_THINGS: Final = "🌾🍳🎓🎤🎨🏫🏭💻💼🔧🔬🚀🚒🦯🦰🦱🦲🦳🦼🦽"
_WITH_SIGNS: Final = "⚕⚖✈"
_FLAGS: Final = (
    "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW"
    " BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CR CU CV CW CX CY CZ DE DG DJ DK DM DO DZ EA EC EE EG EH ER ES"
    " ET EU FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE"
    " IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC"
    " MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE"
    " PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV"
    " SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM UN US UY UZ VA VC VE VG VI VN VU WF WS"
    " XK YE YT ZA ZM ZW"
)


@cache
def joined_emoji() -> frozenset[str]:
    """Give every sequence of two or more code points that counts as one emoji, about 2,560 of them."""
    found = {f"{key}{sign}{KEYCAP}" for key in _KEYS for sign in ("", AS_EMOJI)}
    found |= {sign + AS_EMOJI for sign in _TEXT_FIRST}
    found |= {person + tone for person in _TONED for tone in TONES}
    found |= {"".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in flag) for flag in _FLAGS.split()}
    found |= _flags_by_tags() | _gendered() | _with_things() | _families() | _holding_hands()
    for pair in ("\U0001f3f3\U0001f308", "\U0001f415\U0001f9ba", "\U0001f3f4☠", "\U0001f441\U0001f5e8"):
        found |= _spellings(pair[0], pair[1])
    return frozenset(found)


@cache
def longest_joined() -> int:
    """Give the code points of the longest sequence."""
    return max(map(len, joined_emoji()))


def _spellings(*members: str) -> set[str]:
    """Give the joined members with and without the variation selector of each that is text first."""
    forms = [(member, member + AS_EMOJI) if member in _TEXT_FIRST else (member,) for member in members]
    return {JOINER.join(chosen) for chosen in product(*forms)}


def _flags_by_tags() -> set[str]:
    regions = ("gbeng", "gbsct", "gbwls")
    return {
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(one)) for one in region) + "\U000e007f" for region in regions
    }


def _gendered() -> set[str]:
    found: set[str] = set()
    for person, gender in product(_GENDERED, _GENDERS):
        found |= _spellings(person, gender)
        if person not in _TONELESS:
            found |= {person + tone + form for tone in TONES for form in _after("", gender)}
    return found


def _with_things() -> set[str]:
    found: set[str] = set()
    for person, thing in product((_MAN, _WOMAN), _WITH_THINGS + _WITH_SIGNS):
        found |= {person + tone + form for tone in ("", *TONES) for form in _after("", thing)}
    return found


def _after(before: str, sign: str) -> tuple[str, ...]:
    """Give the sign joined to what stands before it, with and without the selector if it is text first."""
    plain = before + JOINER + sign
    return (plain, plain + AS_EMOJI) if sign in _TEXT_FIRST else (plain,)


def _families() -> set[str]:
    found: set[str] = set()
    children = ((_BOY,), (_GIRL,), (_GIRL, _BOY), (_BOY, _BOY), (_GIRL, _GIRL))
    parents = ((_MAN,), (_WOMAN,), (_MAN, _WOMAN), (_MAN, _MAN), (_WOMAN, _WOMAN))
    for couple, offspring in product(parents, children):
        found |= _spellings(*couple, *offspring)
    for couple in ((_WOMAN, _MAN), (_MAN, _MAN), (_WOMAN, _WOMAN)):
        found |= _spellings(couple[0], _HEART, couple[1]) | _spellings(couple[0], _HEART, _KISS, couple[1])
    return found


def _holding_hands() -> set[str]:
    found = {JOINER.join((_PERSON, _HANDS, _PERSON))}
    for (left, one), (right, other) in product(enumerate(TONES), repeat=2):
        pairs = [(_PERSON, _PERSON)] if left >= right else []
        pairs += [(_WOMAN, _MAN)] if left != right else []
        pairs += [(_WOMAN, _WOMAN), (_MAN, _MAN)] if left > right else []
        found |= {JOINER.join((first + one, _HANDS, second + other)) for first, second in pairs}
    return found

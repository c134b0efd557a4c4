"""The rules that single settings keep: each says in one clause what is allowed when it refuses a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from clinic_broadcast.core.schedule import parsed_quiet
from clinic_broadcast.settings.faults import near

LINE_MAX: Final = 2000
"""No address and no name is longer; a whole pasted page would be."""


def checked_line(text: str) -> str:
    """Give a text of one line that is not empty."""
    stripped = text.strip()
    if not stripped or len(stripped) > LINE_MAX or re.search(r"[\x00-\x1f\x7f]", stripped):
        raise ValueError("a text of one line that is not empty")
    return stripped


def checked_address(text: str) -> str:
    """Give an http(s) address without user name or password; raises ValueError otherwise."""
    try:
        parts = urlsplit(text)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # A port that is no number is found only when it is asked for.
    except ValueError:
        has_host = False
        parts = urlsplit("")
    if not has_host or re.search(r"[\x00-\x20\x7f]", text) or len(text) > LINE_MAX:
        raise ValueError("an address that begins with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without a user name or password in it")
    return text


def checked_address_or_none(text: str) -> str:
    """Give an http(s) address, or nothing when it is empty."""
    return checked_address(text) if text else ""


def checked_public_address(text: str) -> str:
    """Give the address where public/ is reachable, without a slash at its end; empty stays empty."""
    address = checked_address_or_none(text)
    if "?" in address or "#" in address:
        raise ValueError("an address without ? or #")
    return address.rstrip("/")


def checked_zone(text: str) -> str:
    """Give the name of a zone that the tz database knows; raises ValueError with the nearest one."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        # available_timezones() reads the whole database, so it is asked only when something is wrong.
        raise ValueError(f"a zone like America/Los_Angeles{near(text, available_timezones())}") from None
    return text


def checked_language(text: str) -> str:
    """Give a language tag of the form of BCP 47 (RFC 5646), as feeds carry it."""
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise ValueError("a language tag like en-US")
    return text


def checked_database(text: str) -> str:
    """Give the address of a database, or nothing for state/ledger.db of the home."""
    if text and not re.fullmatch(r"(sqlite|postgresql\+psycopg)://.+", text):
        raise ValueError("nothing, or an address that begins with postgresql+psycopg:// or sqlite://")
    return text


def checked_quiet(text: str) -> str:
    """Give hours like 21:00-07:00, or nothing for none."""
    if text:
        parsed_quiet(text)
    return text


def wrong_channel_name(name: str, names: Mapping[str, object]) -> str:
    """Say what is wrong with a channel's name; empty when nothing is.

    The name is part of the names of environment variables, where `-` cannot stand and case does not count.
    """
    if not re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", name):
        return "a channel's name is of small letters and digits, with single - or _ between them"
    twins = [one for one in names if one != name and one.replace("-", "_") == name.replace("-", "_")]
    if twins:
        return f'differs from "{twins[0]}" only in - and _; give one of them another name'
    return ""


Line = Annotated[str, AfterValidator(checked_line)]
Address = Annotated[str, AfterValidator(checked_address)]
AddressOrNone = Annotated[str, AfterValidator(checked_address_or_none)]
PublicAddress = Annotated[str, AfterValidator(checked_public_address)]
Zone = Annotated[str, AfterValidator(checked_zone)]
Language = Annotated[str, AfterValidator(checked_language)]
DatabaseAddress = Annotated[str, AfterValidator(checked_database)]

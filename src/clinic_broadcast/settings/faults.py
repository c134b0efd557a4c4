"""Reads TOML files and words what is wrong in them: the file, the key, what was found and what is allowed."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from clinic_broadcast.errors import SettingsError

FILE_BYTES_MAX: Final = 1 << 20
"""A settings file of a megabyte is not one of ours."""

SHOWN_MAX: Final = 60

SENSITIVE: Final = re.compile(
    r"token|secret|passw|credential|api_?key|consumer_key|database_url", re.IGNORECASE
)

NAMED_TYPES: Final = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}


def read_toml(path: Path, *, if_missing: str) -> dict[str, object]:
    """Give the content of a TOML file; raises SettingsError with the file, the line and what to do."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file; {if_missing}") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsError(f"{path}: is {len(raw)} bytes long; at most {FILE_BYTES_MAX} are allowed")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None


def refuse(path: Path, faults: Sequence[str]) -> SettingsError:
    """Give the one error for all faults of a file, each on its own line."""
    return SettingsError("\n".join(f"{path}: {fault}" for fault in faults))


def near(word: str, allowed: Iterable[str]) -> str:
    """Give ` (did you mean "…"?)` when an allowed word is close to this one, else nothing."""
    words = {one.lower(): one for one in allowed}
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f' (did you mean "{words[close[0]]}"?)' if close else ""


def either(words: Iterable[str]) -> str:
    """Give the words as a list in quotes with `or` before the last."""
    quoted = [f'"{word}"' for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def dotted(place: Sequence[int | str]) -> str:
    """Give a key as it is written in TOML: `sources[2].url`, counted from 1."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object, key: str = "") -> str:
    """Give a value as it stands in the file, short, and never when its key or its text could hold a secret."""
    if SENSITIVE.search(key):
        return "a value (not shown)"
    match value:
        case bool():
            return str(value).lower()
        case str():
            masked = re.sub(r"//[^/\s]*@", "//…@", value)
            short = masked if len(masked) <= SHOWN_MAX else masked[:SHOWN_MAX] + "…"
            return json.dumps(short, ensure_ascii=False)
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return str(value)


def faults_of(error: ValidationError, keys_at: Callable[[Sequence[int | str]], Iterable[str]]) -> list[str]:
    """Word every fault that the check of a table found; `keys_at` gives the keys that are allowed at a place."""
    return [
        _fault(fault["type"], fault["loc"], fault.get("input"), context=fault.get("ctx", {}), keys_at=keys_at)
        for fault in error.errors(include_url=False)
    ]


def _fault(
    kind: str,
    place: Sequence[int | str],
    found: object,
    *,
    context: dict[str, object],
    keys_at: Callable[[Sequence[int | str]], Iterable[str]],
) -> str:
    key = dotted(place)
    last = str(place[-1]) if place else ""
    if kind == "extra_forbidden":
        allowed = sorted(keys_at(place[:-1]))
        return f"{key}: unknown key; allowed here: {', '.join(allowed)}{near(last, allowed)}"
    if kind == "missing":
        return f"{key}: is missing; it must be set"
    hint = ""
    if kind in NAMED_TYPES:
        allowed_text = NAMED_TYPES[kind]
    elif kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        allowed_text = either(words)
        hint = near(found, words) if isinstance(found, str) else ""
    else:
        allowed_text = _bound(kind, context)
    return f"{key}: found {shown(found, last)}; allowed: {allowed_text}{hint}"


def _bound(kind: str, context: dict[str, object]) -> str:
    match kind:
        case "value_error":
            return str(context.get("error", "another value"))
        case "greater_than":
            return f"more than {context['gt']}"
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than":
            return f"less than {context['lt']}"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "string_too_short" | "too_short":
            return "something that is not empty"
        case _:
            return "another value"

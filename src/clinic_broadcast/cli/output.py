"""How the command line speaks: results on stdout, talk on stderr, colours only where they are wanted."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum

from clinic_broadcast.cli.shapes import Json
from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.finding import Finding, Severity
from clinic_broadcast.core.promo import Payload


class Exit(IntEnum):
    """The exit codes of the contract."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    HELD = 3
    SETTINGS = 4
    TOKEN = 5
    UNSURE = 6
    LATER = 75


def say(text: str) -> None:
    """Talk to the person: on stderr, so that stdout holds results only."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def result(text: str) -> None:
    """Print a result on stdout."""
    print(text, flush=True)  # noqa: T201


def document(shape: Json) -> None:
    """Print one JSON document on stdout, UTF-8, readable."""
    result(json.dumps(shape, ensure_ascii=False, indent=2))


def line(shape: Json) -> None:
    """Print one JSON line on stdout."""
    result(json.dumps(shape, ensure_ascii=False, separators=(",", ":")))


def is_terminal() -> bool:
    """Say whether a person is at the other end, so that a prompt or progress makes sense."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def progress(text: str) -> None:
    """Show on a terminal how far long work has come, in one line; the next one overwrites it, an empty one ends it."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)  # noqa: T201


def counted(count: int, noun: str, plural: str = "") -> str:
    """Give a number with its noun: "1 answer", "500 answers"."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def paint(text: str, colour: str) -> str:
    """Give the text in a colour where stdout is a terminal and `NO_COLOR` is not set."""
    codes = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{codes[colour]}m{text}\x1b[0m"


_LONE, _AROUND = 2, 20
"""An excerpt so short is shown with so many characters on both sides."""

SEVERITY_COLOURS = {Severity.NOTE: "dim", Severity.HOLD: "yellow", Severity.BLOCK: "red"}

STATE_COLOURS = {
    State.SENT: "green",
    State.HELD: "yellow",
    State.UNSURE: "red",
    State.REFUSED: "red",
    State.PLANNED: "bold",
}


def show_findings(
    found: Iterable[Finding], indent: str = "  ", *, texts: Mapping[str, str] | None = None
) -> None:
    """Print findings: severity, rule, where, what, how to mend it, and the rule's source.

    What one rule says of several places stands in one line. `texts` has the text of a place by its name: a lone
    character is then shown with the words around it, or nobody would find it.
    """
    alike: defaultdict[tuple[Severity, str, str, str, str], list[str]] = defaultdict(list)
    for one in found:
        place = _place_of(one, (texts or {}).get(one.where, ""))
        alike[one.severity, one.rule, one.where, one.message, one.source].append(place)
    for (severity, rule, where, message, source), places in alike.items():
        colour = paint(severity.value, SEVERITY_COLOURS[severity])
        at = ",".join(dict.fromkeys(places))
        result(f"{indent}{colour} {rule} in {where}{at}: {message} [{source}]")


def _place_of(one: Finding, text: str) -> str:
    if not one.excerpt:
        return ""
    if len(one.excerpt) > _LONE or text[one.start : one.end] != one.excerpt:
        return f" at {one.start} “{one.excerpt}”"
    # Whole words, if there is a space to begin and to end at.
    before, after = text[: one.start][-_AROUND:], text[one.end :][:_AROUND]
    if len(before) < one.start:
        before = f"…{before.partition(' ')[2]}" if " " in before else f"…{before}"
    if one.end + len(after) < len(text):
        after = f"{after.rpartition(' ')[0]}…" if " " in after else f"{after}…"
    return f" at {one.start} “{' '.join(f'{before}{one.excerpt}{after}'.split())}”"


def show_findings_of_promo(
    found: Iterable[Finding], shown: Collection[Finding], indent: str = "  ", *, told: str = "above"
) -> None:
    """Print the findings of a promo that are not in `shown`; the others are only counted, and `told` says where."""
    rest = list(found)
    show_findings([one for one in rest if one not in shown], indent)
    if again := sum(one in shown for one in rest):
        result(f"{indent}and the {again} {'finding' if again == 1 else 'findings'} of the answer {told}")


def show_payload(payload: Payload, indent: str = "  ") -> None:
    """Print all of a promo that readers see: its words, those of its card, and a link that is not in the text."""
    for text_line in payload.text.splitlines():
        result(f"{indent}| {text_line}")
    card = payload.card
    if card is not None and card.picture:
        result(f"{indent}picture: {card.alt}")
    elif card is not None:
        result(f"{indent}link card: {' · '.join(one for one in (card.title, card.description) if one)}")
    if payload.link and payload.link not in payload.text:
        result(f"{indent}link: {payload.link}")


def show_state(delivery: Delivery) -> None:
    """Print where a delivery stands, in a line or two."""
    state = paint(delivery.state.value, STATE_COLOURS.get(delivery.state, "dim"))
    where = delivery.post_url or delivery.post_id
    why = delivery.needs_person or delivery.reason or "; ".join(delivery.why)
    tail = f" {where}" if where else ""
    result(f"{delivery.id}  {delivery.channel:<10} {delivery.occasion:<10} {state}{tail}")
    if why:
        result(f"    {why}")


def exit_of(deliveries: Sequence[Delivery]) -> Exit:
    """Give the exit code for deliveries as they stand: the gravest of them decides."""
    if any(one.state is State.UNSURE or one.state is State.SENDING for one in deliveries):
        return Exit.UNSURE
    if any(one.needs_person.startswith("account:") for one in deliveries):
        return Exit.TOKEN
    if any(one.state is State.REFUSED for one in deliveries):
        return Exit.FAILED
    if any(one.state is State.HELD for one in deliveries):
        return Exit.HELD
    if any(one.state is State.PLANNED for one in deliveries):
        return Exit.LATER
    return Exit.DONE

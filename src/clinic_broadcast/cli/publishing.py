"""Commands about the words: publish, preview, check, measure."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import (
    AsJson,
    By,
    Channels,
    Command,
    DryRun,
    chosen,
    home_of,
    open_desk,
    open_office,
)
from clinic_broadcast.cli.output import (
    Exit,
    counted,
    document,
    exit_of,
    line,
    result,
    say,
    show_findings,
    show_findings_of_promo,
    show_payload,
    show_state,
)
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from clinic_broadcast.core.answer import Zones
    from clinic_broadcast.core.finding import Finding
    from clinic_broadcast.core.gate import Gate
    from clinic_broadcast.core.material import KnownAnswer
    from clinic_broadcast.run.desk import Desk
    from clinic_broadcast.run.promotion import Draft

LINE_MAX = 1_000_000
"""A line of `--lines` longer than this is refused: no promo is, and memory stays bounded."""

File = Annotated[str, typer.Argument(metavar="[FILE or -]", help="A file, or - for standard input.")]
Lines = Annotated[bool, typer.Option("--lines", help="Read and write JSON lines.")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="An answer's id or URL, or a file of posts/.")]


def publish(context: typer.Context, target: Target, channel: Channels = None, dry_run: DryRun = False) -> int:
    """Publish one answer or one file of posts/ now, through the same gate and ledger as the daemon."""
    from clinic_broadcast.run import publishing

    with open_desk(context) as desk:
        channels = chosen(desk, channel)
        if not channels:
            raise UsageError("no channel is enabled: add one under [channels] in clinic.toml")
        if dry_run:
            found = publishing.find_target(desk, target)
            publishing.refuse_untimely(desk, found)
            _show_drafts(publishing.drafts_for(desk, found, channels))
            return Exit.DONE
        deliveries = publishing.publish_target(desk, target, channels)
    for one in deliveries:
        show_state(one)
    code = exit_of(deliveries)
    if code is Exit.DONE and any(one.state.value == "cancelled" for one in deliveries):
        # A person gave it up before; that it does not go out is no success of this command.
        return Exit.HELD
    if code is Exit.HELD:
        say("next: clinic-broadcast queue, then approve ID and publish again")
    return code


def preview(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="An id, a URL, a file of posts/, or a path.")
    ],
    channel: Channels = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The link of an answer given as a file.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Show the exact promos that would go out, with every finding; writes nothing."""
    from clinic_broadcast import wire
    from clinic_broadcast.cli import shapes
    from clinic_broadcast.run.preview import preview_raw, preview_target

    if url and not url.startswith(("https://", "http://")):
        raise UsageError(f"--url {url!r} is not an address: give one that begins with https://")
    desk = wire.open_desk(home_of(context), os.environ, actor="preview", read_only=True)
    try:
        channels = chosen(desk, channel)
        path = Path(target)
        if desk.wordings.find(target) is None and path.is_file():
            shown = preview_raw(desk, wire.read_answer_file(path, url=url), channels)
        else:
            shown = preview_target(desk, target, channels)
    finally:
        desk.ledger.close()
    if as_json:
        answer: shapes.Json = None
        if shown.zones is not None:
            zones = shapes.zones(shown.zones)
            answer = {"id": shown.answer_id, "url": shown.url, "title": shown.zones.title, "zones": zones}
        document(
            {
                "answer": answer,
                "findings": shapes.findings(shown.findings),
                "promos": [
                    shapes.promo(
                        one.promo, verdict=one.verdict.value, found=one.findings, unpictured=one.unpictured
                    )
                    for one in shown.drafts.values()
                ],
            }
        )
        return Exit.DONE
    if shown.zones is not None:
        _show_zones(shown.zones)
        show_findings(shown.findings, texts={"title": shown.zones.title, "answer": shown.zones.answer})
    _show_drafts(shown.drafts, shown.findings)
    return Exit.DONE


def withdraw(
    context: typer.Context,
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="An answer's id or URL.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; recorded.")],
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """Take an answer back everywhere: promos deleted or cancelled, the feed entry replaced by a notice."""
    from clinic_broadcast.core.promo import WITHDRAW
    from clinic_broadcast.run.broadcast import deliver
    from clinic_broadcast.run.correct import withdraw as take_back_everywhere
    from clinic_broadcast.wire import build_feeds

    with open_office(context) as office:
        desk = office.desk
        known = _known_answer(desk, answer)
        answer_id = known.material.answer_id
        rows = desk.ledger.deliveries(answer_id=answer_id)
        if dry_run:
            public = sum(one.state.value == "sent" and one.occasion != WITHDRAW for one in rows)
            unsent = sum(one.state.value in ("planned", "held") and one.occasion != WITHDRAW for one in rows)
            of = known.material.url or answer_id
            say(
                f"would take back {counted(public, 'public promo')} of {of}, and cancel {unsent} not sent yet"
            )
            return Exit.DONE
        done = take_back_everywhere(desk, known, why=why, by=by)
        say(f"{done.cancelled} cancelled, {done.planned} to be taken back")
        if done.in_doubt:
            channels = ", ".join(done.in_doubt)
            say(
                f"in doubt on {channels}: looked up first, then taken back by the daemon or the next `run --once`"
            )
        ids = [one.id for one in desk.ledger.deliveries(answer_id=answer_id) if one.occasion == WITHDRAW]
        deliver(desk, only=ids, ignore_quiet=True)
        build_feeds(office)
        left = desk.ledger.deliveries(answer_id=answer_id)
    for one in left:
        show_state(one)
    by_hand = [one.id for one in left if one.occasion == WITHDRAW and one.state.value in ("held", "refused")]
    if by_hand:
        say(f"next: delete it by hand, then clinic-broadcast resolve {by_hand[0]} --deleted")
    return exit_of(
        [one for one in left if one.occasion == WITHDRAW or one.state.value in ("unsure", "sending")]
    )


def correct(
    context: typer.Context,
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="An answer's id or URL.")],
    dry_run: DryRun = False,
) -> int:
    """Send a correction wherever older words of an answer are public; each waits for approval like any promo."""
    from clinic_broadcast.run.correct import correct as plan_corrections

    with open_office(context) as office:
        known = _known_answer(office.desk, answer)
        planned = plan_corrections(office.desk, known, write=not dry_run)
    if dry_run and planned:
        where = ", ".join(one.channel for one in planned)
        say(f"would plan a correction of {known.material.url or known.material.answer_id} on: {where}")
        return Exit.DONE
    for one in planned:
        show_state(one)
    if not planned:
        say("nothing to correct: what is public has the present words")
    return exit_of([one for one in planned if one.state.value == "held"])


def _known_answer(desk: Desk, target: str) -> KnownAnswer:
    from clinic_broadcast.core.answer import AnswerId

    known = desk.ledger.answer(AnswerId(target)) or desk.ledger.answer_at(target)
    if known is None:
        raise UsageError(f"no answer is known as {target!r}: give its id or URL as `log` shows them")
    return known


def check(context: typer.Context, file: File = "-", lines: Lines = False, as_json: AsJson = False) -> int:
    """Run the gate alone on a text that is to be published."""
    from clinic_broadcast import wire
    from clinic_broadcast.cli import shapes
    from clinic_broadcast.core.finding import verdict_of
    from clinic_broadcast.core.gate import examine_text

    gate: Gate = wire.open_gate(home_of(context), os.environ)
    if not gate.own_names:
        say(f"no clinic.toml in {home_of(context)}: the clinic's own names and addresses are not known here")
    if lines:
        for row_id, text in _rows(file):
            in_line = examine_text(gate, text)
            line({"id": row_id, "verdict": verdict_of(in_line).value, "findings": shapes.findings(in_line)})
        return Exit.DONE
    found: tuple[Finding, ...] = examine_text(gate, _whole(file))
    verdict = verdict_of(found).value
    if as_json:
        document({"verdict": verdict, "findings": shapes.findings(found)})
    else:
        result(verdict)
        show_findings(found)
    return Exit.DONE if verdict == "clear" else Exit.HELD


def measure(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="x, facebook, mastodon, bluesky, linkedin …")],
    file: File = "-",
    lines: Lines = False,
    as_json: AsJson = False,
) -> int:
    """Count a text as a network counts it, and say whether it fits."""
    from clinic_broadcast.core.measure import LIMITS, fits, length_of

    limits = LIMITS.get(kind)
    if limits is None:
        raise UsageError(f"no network is called {kind!r}; known: {', '.join(sorted(LIMITS))}")
    if lines:
        for row_id, text in _rows(file):
            length = length_of(text, limits)
            line(
                {"id": row_id, "length": length, "length_max": limits.length_max, "fits": fits(text, limits)}
            )
        return Exit.DONE
    text = _whole(file).removesuffix("\n").removesuffix("\r")
    length, fitting = length_of(text, limits), fits(text, limits)
    if as_json:
        document({"length": length, "length_max": limits.length_max, "fits": fitting})
    else:
        result(f"{length} of {limits.length_max}: {'fits' if fitting else 'too long'}")
    return Exit.DONE if fitting else Exit.FAILED


def _rows(file: str) -> Iterator[tuple[str | int | None, str]]:
    """Give id and text of each JSON line; raises UsageError naming the line that is not one."""
    source = "standard input" if file == "-" else file
    with _opened(file) as stream:
        number = 0
        while raw := stream.readline(LINE_MAX):
            number += 1
            if not raw.strip():
                continue
            try:
                row = json.loads(raw)
                row_id, text = row.get("id"), row["text"]
            except (ValueError, KeyError, AttributeError):
                row_id = text = None
            if not isinstance(text, str):
                raise UsageError(f'{source}, line {number}: not a JSON object with "id" and "text"')
            yield row_id, text


def _whole(file: str) -> str:
    with _opened(file) as stream:
        return stream.read()


def _opened(file: str) -> typer.FileText:
    """Open a file or standard input as UTF-8 text, without the mark that some editors put before it.

    Raises UsageError when there is no such file; a pipe that a shell gives a name, as `<(…)` does, is one.
    """
    if file == "-":
        return open(os.dup(sys.stdin.fileno()), encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[return-value]  # noqa: PTH123
    path = Path(file)
    if path.is_dir():
        raise UsageError(f"{file}: this is a folder; give a file, or - for standard input")
    if not path.exists():
        raise UsageError(f"{file}: there is no such file")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[return-value]


def _show_zones(zones: Zones) -> None:
    for name in ("title", "question", "greeting", "answer", "signature"):
        text: str = getattr(zones, name)
        result(f"{name}: {text if name in ('title', 'greeting') else f'{len(text.split())} words'}")
    if zones.doubt:
        result(f"in doubt: {zones.doubt}")


def _show_drafts(drafts: Mapping[str, Draft], shown: Sequence[Finding] = ()) -> None:
    """Print promos with their findings; those in `shown` stand above already and are only counted."""
    for name, one in drafts.items():
        result(f"\n{name} · {one.verdict.value} · {one.promo.length} of {one.promo.length_max}")
        show_payload(one.promo.payload)
        if one.unpictured:
            result(f"  no picture: {one.unpictured}")
        show_findings_of_promo(one.findings, shown)


COMMANDS = (
    Command("publish", publish, "Publish one answer or hand-written post now."),
    Command("preview", preview, "Show the exact promos that would go out, with findings."),
    Command("withdraw", withdraw, "Take an answer back everywhere."),
    Command("correct", correct, "Send corrections where older words are public."),
    Command("check", check, "Run the gate on a text."),
    Command("measure", measure, "Count a text as a network counts it."),
)

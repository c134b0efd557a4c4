"""Commands of the review: queue, approve, hold, edit, resolve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clinic_broadcast.cli.command import (
    AsJson,
    By,
    Command,
    DryRun,
    Ids,
    open_desk,
    read_desk,
    waits_for_person,
)
from clinic_broadcast.cli.output import (
    Exit,
    document,
    result,
    say,
    show_findings,
    show_findings_of_promo,
    show_payload,
    show_state,
)
from clinic_broadcast.core.finding import Severity
from clinic_broadcast.errors import UsageError

if TYPE_CHECKING:
    from clinic_broadcast.run.review import Decision

OF_PROMO = frozenset({"promo", "link", "card"})
"""Where the findings are that a promo has of its own; all others are its answer's."""


def queue(context: typer.Context, as_json: AsJson = False) -> int:
    """List what waits for a person, with the reasons and the findings."""
    from clinic_broadcast.cli import shapes

    with read_desk(context) as desk:
        waiting = [one for one in desk.ledger.deliveries() if waits_for_person(one)]
        known = {one.answer_id: desk.ledger.answer(one.answer_id) for one in waiting}
    if as_json:
        document({"items": [shapes.queue_item(one) for one in waiting]})
        return Exit.DONE
    if not waiting:
        say("Nothing waits for a person.")
    # The promos of an answer stand together, with what is found in the answer itself once, before them.
    for answer_id, answer in known.items():
        of_answer = answer.material.findings if answer is not None else ()
        if answer is not None:
            result(answer.material.title or answer_id)
            show_findings(of_answer, texts={"title": answer.material.title, "answer": answer.material.body})
        for one in waiting:
            if one.answer_id == answer_id:
                show_state(one)
                show_payload(one.payload, indent="    ")
                show_findings_of_promo(one.findings, of_answer, indent="    ")
    if waiting:
        say("next: clinic-broadcast approve ID --by NAME, edit ID --text TEXT, or hold ID --why TEXT")
    return Exit.DONE


def approve(
    context: typer.Context,
    ids: Ids,
    revision: Annotated[
        str, typer.Option("--revision", metavar="SHA256", help="Refuse unless the promo is still this one.")
    ] = "",
    by: By = "",
    why: Annotated[
        str,
        typer.Option(
            "--why",
            metavar="TEXT",
            help="Why it may go out though the gate holds it; recorded, so no patient's name.",
        ),
    ] = "",
    dry_run: DryRun = False,
) -> int:
    """Approve held promos as they stand; the gate reads each once more."""
    from clinic_broadcast.run import review

    if revision and len(ids) > 1:
        raise UsageError("--revision names one promo: give one ID with it")
    what = "would be approved" if dry_run else "approved"
    with open_desk(context) as desk:
        # Each is told as it is decided: an error at one must not hide what became of those before it.
        codes = [
            _told([review.approve(desk, one, revision=revision, by=by, why=why, write=not dry_run)], what)
            for one in ids
        ]
    return max(codes)


def hold(
    context: typer.Context,
    ids: Ids,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; recorded.")],
    for_good: Annotated[
        bool, typer.Option("--for-good", help="It never goes out: out of the queue and of the reminders.")
    ] = False,
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """Hold promos that are not sent yet; an approval given before is void."""
    from clinic_broadcast.run import review

    with open_desk(context) as desk:
        what = ("would be " if dry_run else "") + ("given up" if for_good else "held")
        codes = [
            _told([review.hold(desk, one, why=why, by=by, for_good=for_good, write=not dry_run)], what)
            for one in ids
        ]
    return max(codes)


def edit(
    context: typer.Context,
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="Id as `queue` shows it.")],
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT", help="The new words, with the link in them.")
    ],
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """Give a promo that is not sent yet other words; it waits for approval again."""
    from clinic_broadcast.run import review

    with open_desk(context) as desk:
        decision = review.edit(desk, delivery_id, text=text, by=by, write=not dry_run)
    code = _told([decision], "would be edited" if dry_run else "edited, and held until it is approved")
    if not decision.refused:
        of_answer = [one for one in decision.findings if one.where not in OF_PROMO]
        show_findings_of_promo(decision.findings, of_answer, told="stand in: clinic-broadcast queue")
        result(f"revision {decision.delivery.payload.revision}")
    return code


def resolve(
    context: typer.Context,
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="Id as `queue` shows it.")],
    sent: Annotated[str, typer.Option("--sent", metavar="URL", help="It is public, at this address.")] = "",
    not_sent: Annotated[bool, typer.Option("--not-sent", help="It is not public: send it again.")] = False,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="What was to be taken back is deleted by hand.")
    ] = False,
    by: By = "",
    dry_run: DryRun = False,
) -> int:
    """Settle what no machine can: a delivery in doubt, one that a network refused, a promo deleted by hand."""
    from clinic_broadcast.run import review

    if (bool(sent), not_sent, deleted).count(True) != 1:
        raise UsageError("say what you saw: either --sent URL or --not-sent; or --deleted, of a withdrawal")
    if sent and not sent.startswith(("https://", "http://")):
        raise UsageError(f"--sent {sent!r} is not an address: give the one that begins with https://")
    with open_desk(context) as desk:
        if deleted:
            decision = review.settle_as_deleted(desk, delivery_id, by=by, write=not dry_run)
        else:
            decision = review.resolve(desk, delivery_id, sent_url=sent or None, by=by, write=not dry_run)
    return _told([decision], "would be settled" if dry_run else "settled")


def _told(decisions: list[Decision], what: str) -> int:
    for decision in decisions:
        one = decision.delivery
        if decision.refused:
            say(f"{one.id} ({one.channel}): not {what.removeprefix('would be ')}: {decision.refused}")
            show_findings(decision.findings)
        else:
            accepted = sorted(
                {found.rule for found in decision.findings if found.severity is not Severity.NOTE}
            )
            tail = (
                f", with {', '.join(accepted)}"
                if accepted and what in ("approved", "would be approved")
                else ""
            )
            say(f"{one.id} ({one.channel}): {what}{tail}")
    return Exit.HELD if any(decision.refused for decision in decisions) else Exit.DONE


COMMANDS = (
    Command("queue", queue, "List what waits for a person."),
    Command("approve", approve, "Approve held promos as they stand."),
    Command("hold", hold, "Hold promos that are not sent yet."),
    Command("edit", edit, "Give a promo other words."),
    Command("resolve", resolve, "Settle a delivery in doubt by your own word."),
)

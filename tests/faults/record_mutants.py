"""Mutations of the guards around the record: the restore, the witness, the withdrawals and the spend.

These guards show only where a record is put back, a disk is full or a cap is near, so each comes with the trials that
are to miss it: tests of their own suites, called as they stand.
"""

# ruff: noqa: SLF001 - A guard may well be private to its module.

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from clinic_broadcast.core import lapse, spend
from clinic_broadcast.core.delivery import Refused
from clinic_broadcast.ledger.witness import WitnessFile
from clinic_broadcast.ports import Head
from clinic_broadcast.run import broadcast, correct, intake, recollection, reconcile, spending, turns
from contract import test_pace_races
from contract.ledgers import LEDGERS
from faults import test_restore as restore
from faults import test_restored_withdrawals as withdrawals
from faults.mutants import Mutant
from faults.restored import (
    by_hand,
    by_hand_without_the_witness,
    with_its_old_witness_days_later,
)
from unit import test_spend as money

Trial = Callable[[Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A guard, how it is taken away, and the trial in which that must show."""

    mutant: Mutant
    trial: Trial


def meet_a_slow_writer(folder: Path) -> Head | None:
    """Let a worker that is slow to write meet one that is further on, and give what stands then: the newer head."""
    witness, further = WitnessFile(folder / "witness.json"), threading.Event()

    def second() -> None:
        WitnessFile(folder / "witness.json").renew(lambda _seen: Head(2, "b" * 64))
        further.set()

    worker = threading.Thread(target=second)

    def first(_seen: Head | None) -> Head:
        worker.start()
        further.wait(0.3)
        return Head(1, "a" * 64)

    witness.renew(first)
    worker.join()
    seen = witness.seen()
    assert seen == Head(2, "b" * 64)
    return seen


_doubles = partial(restore.test_a_restored_ledger_doubles_nothing_and_loses_nothing, mode="auto-clean")


def claim_at_once(folder: Path) -> None:
    """Let four workers claim four promos of a channel that has room for one."""
    place = LEDGERS["memory"](folder)
    test_pace_races.test_workers_that_claim_at_once_keep_the_pace_together(place, folder, "spacing", 4)


GUARDS: Final = (
    # The witness.
    Guard(
        mutant=Mutant(
            name="nobody asks the witness",
            where=reconcile.notice,
            old="if not desk.witness.renew(lambda seen: remembered(desk.ledger, seen)):",
            new="if desk.witness.renew(lambda seen: remembered(desk.ledger, seen)) is None:",
        ),
        trial=partial(_doubles, way=by_hand),
    ),
    Guard(
        mutant=Mutant(
            name="any head will do",
            where=reconcile.remembered,
            old="return ledger.recall(seen)",
            new="return _head(ledger)",
        ),
        trial=partial(_doubles, way=by_hand),
    ),
    Guard(
        mutant=Mutant(
            name="a record without a witness is trusted",
            where=reconcile.remembered,
            old="is_empty = ledger.line(1) is None and ledger.last_poll_at() is None",
            new="is_empty = True",
        ),
        trial=partial(_doubles, way=by_hand_without_the_witness),
    ),
    Guard(
        mutant=Mutant(
            name="the witness is not renewed",
            where=WitnessFile.renew,
            old="if head != seen:",
            new="if False:",
        ),
        trial=restore.test_the_witness_is_newer_than_every_copy_made_before_the_request_left,
    ),
    Guard(
        mutant=Mutant(
            name="an older head over a newer one",
            where=(fcntl, "LOCK_EX"),
            new=fcntl.LOCK_SH,
        ),
        trial=meet_a_slow_writer,
    ),
    Guard(
        mutant=Mutant(
            name="a claim leaves without the witness",
            where=broadcast._hindrance,
            old="if reconcile.forgotten(desk, claimed, reconcile.notice(desk)):",
            new="if reconcile.forgotten(desk, claimed, []):",
        ),
        trial=partial(restore.test_a_claim_that_falls_into_an_old_copy_is_given_back, way=by_hand),
    ),
    Guard(
        mutant=Mutant(
            name="a full disk keeps nothing back",
            where=broadcast._hindrance,
            old="return Throttled(str(error))",
            new="return None",
        ),
        trial=restore.test_without_room_for_the_witness_nothing_is_sent_and_nothing_is_lost,
    ),
    # The restore.
    Guard(
        mutant=Mutant(
            name="a long silence says nothing",
            where=reconcile.notice_silence,
            old="if now - newest_at > SILENCE:",
            new="if newest_at > now:",
        ),
        trial=partial(_doubles, way=with_its_old_witness_days_later),
    ),
    Guard(
        mutant=Mutant(
            name="a silence stops a blind channel",
            where=reconcile.forgotten,
            old="if channel.guarantee is Guarantee.AT_MOST_ONCE:",
            new="if channel.guarantee is None:",
        ),
        trial=restore.test_a_blind_channel_is_not_stopped_by_a_long_silence_alone,
    ),
    Guard(
        mutant=Mutant(
            name="looked for while a forgotten request is under way",
            where=reconcile.seek,
            old="if now < ends_at:",
            new="if ends_at < now < ends_at:",
        ),
        trial=partial(
            restore.test_nothing_leaves_while_a_forgotten_request_may_still_be_under_way, way=by_hand
        ),
    ),
    Guard(
        mutant=Mutant(
            name="what is another delivery's is adopted",
            where=reconcile._not_of_another,
            old="if other is None or not trace.post_id:",
            new="if True:",
        ),
        trial=restore.test_what_is_found_and_known_as_another_delivery_waits_for_a_person,
    ),
    Guard(
        mutant=Mutant(
            name="nothing that is planned later is looked for",
            where=lapse.concerns,
            old="return True",
            new="return False",
        ),
        trial=restore.test_what_was_waiting_when_the_backup_was_made_is_looked_for_too,
    ),
    Guard(
        mutant=Mutant(
            name="one search serves every later lapse",
            where=lapse.unsought,
            old="one.line > sought_line",
            new="sought_line == 0",
        ),
        trial=restore.test_a_second_lapse_looks_again_for_what_the_first_one_missed,
    ),
    Guard(
        mutant=Mutant(
            name="a blind channel is trusted after a restore",
            where=lapse.after_search,
            old="if forever and back is State.PLANNED:",
            new="if back is State.CANCELLED:",
        ),
        trial=restore.test_a_blind_channel_waits_for_a_person,
    ),
    Guard(
        mutant=Mutant(
            name="out of reach counts as absent",
            where=broadcast._find,
            old="return _trace(desk.channels[claimed.channel], parcel_of(desk, claimed))",
            new="trace = _trace(desk.channels[claimed.channel], parcel_of(desk, claimed))\n"
            "    return trace if isinstance(trace, Found) else Absent()",
        ),
        trial=restore.test_a_channel_that_cannot_be_reached_is_asked_again_and_nothing_is_sent_unseen,
    ),
    Guard(
        mutant=Mutant(
            name="a send asks no lapse",
            where=broadcast.send,
            old="    if lapses:\n",
            new="    if lapses is None:\n",
        ),
        trial=partial(_doubles, way=with_its_old_witness_days_later),
    ),
    # The withdrawals.
    Guard(
        mutant=Mutant(
            name="a withdrawal is kept in the record alone",
            where=correct.withdraw,
            old="    keep_withdrawal(desk, answer_id)\n",
            new="",
        ),
        trial=withdrawals.test_where_the_list_cannot_be_written_nothing_is_withdrawn_by_half,
    ),
    Guard(
        mutant=Mutant(
            name="a withdrawal does not renew the witness",
            where=correct.withdraw,
            old="    notice(desk)\n",
            new="",
        ),
        trial=withdrawals.test_a_withdrawal_shows_that_the_record_is_an_old_copy_although_nothing_was_sent_since,
    ),
    Guard(
        mutant=Mutant(
            name="a poll asks no list of withdrawals",
            where=intake.poll,
            old="    honour_withdrawals(desk)\n",
            new="",
        ),
        trial=withdrawals.test_what_comes_again_is_marked_before_it_is_planned,
    ),
    Guard(
        mutant=Mutant(
            name="only the record says what is withdrawn",
            where=recollection.is_withdrawn,
            old="return desk.witness is not None and withdrawal_digest(answer_id) in desk.witness.withdrawn()",
            new="return False",
        ),
        trial=withdrawals.test_a_send_asks_the_list_itself,
    ),
    Guard(
        mutant=Mutant(
            name="what is forgotten and withdrawn is not looked for",
            where=recollection._mark_again,
            old="if plans:",
            new="if not known:",
        ),
        trial=partial(
            withdrawals.test_a_promo_that_the_copy_does_not_know_is_found_and_taken_back,
            way=by_hand,
            mode="hold",
        ),
    ),
    Guard(
        mutant=Mutant(
            name="cancelled although it may be public",
            where=correct._cancel_unsent,
            old="and forgotten(desk, one, lapses)",
            new="and not one.key",
        ),
        trial=withdrawals.test_a_person_who_withdraws_in_a_restored_record_does_not_lose_sight_of_what_is_public,
    ),
    Guard(
        mutant=Mutant(
            name="a new withdrawal takes the place of the older ones",
            where=WitnessFile.keep_withdrawn,
            old="kept.union(digests)",
            new="digests",
        ),
        trial=withdrawals.test_the_list_keeps_all_that_it_was_ever_given,
    ),
    # The pace.
    Guard(
        mutant=Mutant(
            name="the pace is not asked under the claim",
            where=broadcast._hindrance,
            old="free_at = pacing.may_go_at(desk, claimed, now) if is_paced else now",
            new="free_at = now",
        ),
        trial=claim_at_once,
    ),
    # The spend.
    Guard(
        mutant=Mutant(
            name="the cap is not asked under the claim",
            where=broadcast._hindrance,
            old="over = spending.over_the_cap(desk, claimed)",
            new='over = ""',
        ),
        trial=money.test_the_cap_is_asked_again_under_the_claim,
    ),
    Guard(
        mutant=Mutant(
            name="the cap is not asked before the claim",
            where=broadcast.send,
            old="over = spending.over_the_cap(desk, delivery)",
            new='over = ""',
        ),
        trial=money.test_the_cap_is_reached_and_not_passed,
    ),
    Guard(
        mutant=Mutant(
            name="of two claims both give way",
            where=turns.comes_later,
            old="return _claim_line(desk, other) > _claim_line(desk, claimed)",
            new="return False",
        ),
        trial=money.test_of_two_claims_that_fit_only_alone_the_earlier_goes,
    ),
    Guard(
        mutant=Mutant(
            name="the cap may be passed by one", where=spend.Spend.fits, old="+ mills <= self", new="<= self"
        ),
        trial=partial(money.test_the_boundary_is_exact, cap=0.2, public=1),
    ),
    Guard(
        mutant=Mutant(
            name="a claim reserves nothing",
            where=spend._attempts_billed,
            old="return 1 + doubtful if delivery.attempts else 0",
            new="return 0",
        ),
        trial=money.test_a_claim_of_a_dead_worker_stays_reserved,
    ),
    Guard(
        mutant=Mutant(
            name="what was refused stays booked",
            where=spend._attempts_billed,
            old="            return doubtful\n",
            new="            return 1 + doubtful\n",
        ),
        trial=partial(money.test_only_what_may_be_public_stays_booked, outcome=Refused("no"), usd=0.0),
    ),
    Guard(
        mutant=Mutant(
            name="a withdrawal waits for the cap",
            where=spending.over_the_cap,
            old=" or delivery.occasion == WITHDRAW",
            new="",
        ),
        trial=money.test_a_withdrawal_is_never_kept_back_and_a_dear_promo_keeps_back_no_cheap_one,
    ),
)

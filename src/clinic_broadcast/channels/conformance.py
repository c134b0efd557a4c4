"""The promises that every channel keeps, as checks that anyone can run against a far side that misbehaves on demand.

`pytest --channel KIND` runs them (see `pytest_kit`). A plug-in ships a rig for its own network beside its channel:
entry point group `clinic_broadcast.channel_rigs`, name = kind, value = a callable that takes a scratch folder and
gives a context manager of a Rig.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from clinic_broadcast.channels import ChannelSetup, open_channel
from clinic_broadcast.core.delivery import (
    Absent,
    CannotTell,
    Found,
    Outcome,
    Refused,
    Sent,
    Throttled,
    Trace,
    Unsure,
)
from clinic_broadcast.core.promo import Card, Payload
from clinic_broadcast.ports import Channel, Guarantee, Parcel, Probing, Withdrawing

RIGS: Final = "clinic_broadcast.channel_rigs"
TIMEOUT_S: Final = 1.0
SLACK_S: Final = 5.0
"""A call ends within the clinic's time-out and a few seconds: a connection that is refused slowly, and reading."""
TEXT: Final = (
    "Thyroid & “tests”: <what> helps? 🧪 Ünïcode — https://answers.example.org/2026/03/t-{n}.html #Health"
)
LINK: Final = "https://answers.example.org/2026/03/t-{n}.html"


class Rig(Protocol):
    """A far side for one kind of channel that can be told to misbehave."""

    @property
    def shows_what_it_has(self) -> bool:
        """Say whether the network lets a program read what the account has published."""
        ...

    @property
    def modes(self) -> frozenset[str]:
        """Give the ways to misbehave that `spoil` knows; empty for a far side without a network."""
        ...

    def setup(self, home: Path) -> ChannelSetup:
        """Give the setup of a channel that works there, with a time-out of TIMEOUT_S."""
        ...

    def texts(self) -> list[str]:
        """Give the exact text of everything that is in public now."""
        ...

    def spoil(self, mode: str) -> None:
        """Spoil the next call that publishes."""
        ...


OpenRig: TypeAlias = Callable[[Path], AbstractContextManager[Rig]]
Promise: TypeAlias = Callable[[Rig, Path], None]


class BrokenPromiseError(AssertionError):
    """A channel does not keep a promise; the message says which and what it did instead."""


def parcel_for(number: int = 1, *, payload: Payload | None = None) -> Parcel:
    """Give an invented parcel; the same number has the same key and other words than any other number."""
    now = datetime.fromtimestamp(time.time(), UTC)
    return Parcel(
        key=hashlib.sha256(f"conformance {number} {now.date()}".encode()).hexdigest(),
        payload=payload
        or Payload(
            text=TEXT.format(n=number),
            link=LINK.format(n=number),
            card=Card(title="Thyroid tests", description="What a test can show."),
        ),
        planned_at=now,
        first_sent_at=now,
        deadline_at=now + timedelta(minutes=2),
    )


def _expect(holds: object, promise: str, found: object) -> None:
    if not holds:
        raise BrokenPromiseError(f"{promise}; found: {found!r}")


def _is_wellknown_absence(rig: Rig, channel: Channel, trace: Trace) -> bool:
    if rig.shows_what_it_has or channel.guarantee is Guarantee.EXACT:
        return isinstance(trace, Absent)
    return isinstance(trace, CannotTell) and trace.forever


def opening_needs_no_credentials_and_no_network(rig: Rig, home: Path) -> None:
    """Open with nothing: name, account, guarantee are there, and nothing was asked or published."""
    bare = replace(rig.setup(home), credentials={}, api_url="")
    channel = open_channel(bare)
    _expect(channel.name == bare.name, "a channel has the name of its settings", channel.name)
    _expect(channel.kind == bare.kind, "a channel has the kind of its settings", channel.kind)
    _expect(channel.account, "an account has an identity without credentials", channel.account)
    _expect(channel.guarantee in tuple(Guarantee), "a channel states its guarantee", channel.guarantee)
    _expect(not rig.texts(), "opening publishes nothing", rig.texts())


def missing_credentials_refuse_for_the_account(rig: Rig, home: Path) -> None:
    """Without credentials the first send is refused for the account, and says where to put them."""
    setup = rig.setup(home)
    if not setup.credentials:
        return
    outcome = open_channel(replace(setup, credentials={})).send(parcel_for())
    _expect(
        isinstance(outcome, Refused) and outcome.of_account,
        "no credentials: refused for the account",
        outcome,
    )
    named = f"CLINIC_CHANNELS__{setup.name.upper()}__"
    _expect(named in getattr(outcome, "reason", ""), f"the refusal names {named}…", outcome)
    _expect(not rig.texts(), "nothing was published", rig.texts())


def a_send_publishes_the_exact_text_once(rig: Rig, home: Path) -> None:
    """One send, one public text, byte for byte; a look before finds nothing and a look after finds that one."""
    channel, parcel = open_channel(rig.setup(home)), parcel_for()
    before = channel.look(parcel)
    _expect(_is_wellknown_absence(rig, channel, before), "a look before the send finds nothing", before)
    outcome = channel.send(parcel)
    _expect(isinstance(outcome, Sent) and outcome.post_id, "a good send is Sent with an id", outcome)
    _expect(rig.texts() == [parcel.payload.text], "exactly the frozen text is public, once", rig.texts())
    after = channel.look(parcel)
    if rig.shows_what_it_has and isinstance(outcome, Sent):
        _expect(
            isinstance(after, Found) and after.post_id == outcome.post_id, "a look finds it", (outcome, after)
        )


def a_look_tells_two_promos_apart(rig: Rig, home: Path) -> None:
    """What is found is the promo that was asked for, not its neighbour; and not one with the same link alone."""
    channel, first, second = open_channel(rig.setup(home)), parcel_for(1), parcel_for(2)
    outcome = channel.send(first)
    _expect(isinstance(outcome, Sent), "a good send is Sent", outcome)
    other = channel.look(second)
    _expect(_is_wellknown_absence(rig, channel, other), "another promo is not taken for this one", other)
    same_link = replace(second, payload=replace(first.payload, text=f"Corrected: {first.payload.link}"))
    found = channel.look(same_link)
    _expect(not isinstance(found, Found), "the same link under other words is not taken for this one", found)


def sending_again_makes_no_second_one_where_that_is_promised(rig: Rig, home: Path) -> None:
    """An exact channel leaves one copy however often the same parcel is sent, in new processes too."""
    parcel = parcel_for()
    outcomes: list[Outcome] = []
    for _ in range(3):
        channel = open_channel(rig.setup(home))
        if channel.guarantee is not Guarantee.EXACT:
            return
        outcomes.append(channel.send(parcel))
    _expect(all(one == outcomes[0] for one in outcomes), "each send gives the same outcome", outcomes)
    _expect(rig.texts() == [parcel.payload.text], "one copy is public", rig.texts())


def a_lost_answer_is_unsure_and_resolved(rig: Rig, home: Path) -> None:
    """Published, but the answer never came: Unsure, and then a look or a second send settles it with one copy."""
    if "drop_after" not in rig.modes:
        return
    channel, parcel = open_channel(rig.setup(home)), parcel_for()
    rig.spoil("drop_after")
    outcome = channel.send(parcel)
    _expect(isinstance(outcome, Unsure), "a lost answer is Unsure", outcome)
    trace = channel.look(parcel)
    if rig.shows_what_it_has:
        _expect(isinstance(trace, Found), "a look finds what was published", trace)
    elif channel.guarantee is Guarantee.EXACT:
        again = channel.send(parcel)
        _expect(isinstance(again, Sent), "an exact channel may be asked again", again)
    else:
        _expect(isinstance(trace, CannotTell) and trace.forever, "a person must look", trace)
    _expect(rig.texts() == [parcel.payload.text], "one copy is public", rig.texts())


def a_request_that_was_dropped_is_unsure_and_absent(rig: Rig, home: Path) -> None:
    """The request left and was not obeyed: still Unsure; a look shows that nothing is there, and it can be sent."""
    if "drop_before" not in rig.modes:
        return
    channel, parcel = open_channel(rig.setup(home)), parcel_for()
    rig.spoil("drop_before")
    outcome = channel.send(parcel)
    _expect(isinstance(outcome, Unsure), "what left without an answer is Unsure", outcome)
    trace = channel.look(parcel)
    _expect(_is_wellknown_absence(rig, channel, trace), "a look shows that it is not there", trace)
    again = channel.send(parcel)
    _expect(isinstance(again, Sent), "it can be sent then", again)
    _expect(rig.texts() == [parcel.payload.text], "one copy is public", rig.texts())


def a_redirect_is_never_followed(rig: Rig, home: Path) -> None:
    """A 307 must not send the promo again by itself."""
    if "redirect307" not in rig.modes:
        return
    channel, parcel = open_channel(rig.setup(home)), parcel_for()
    rig.spoil("redirect307")
    outcome = channel.send(parcel)
    _expect(not isinstance(outcome, Sent), "a redirect is no success", outcome)
    _expect(not rig.texts(), "the redirect was not followed", rig.texts())


def a_silent_network_ends_in_time(rig: Rig, home: Path) -> None:
    """A network that never answers costs the time-out and a little more, and is Unsure."""
    if "hang" not in rig.modes:
        return
    channel = open_channel(rig.setup(home))
    rig.spoil("hang")
    began_s = time.monotonic()
    outcome = channel.send(parcel_for())
    took_s = time.monotonic() - began_s
    _expect(isinstance(outcome, Unsure), "silence after the request left is Unsure", outcome)
    _expect(took_s < TIMEOUT_S + SLACK_S, "a send ends within its time", f"{took_s:.1f} s")


def a_network_that_is_not_there_is_throttled(rig: Rig, home: Path) -> None:
    """No connection: nothing left, so it is to be tried later; and a look cannot tell."""
    if not rig.modes:
        return
    with socket.socket() as listener:
        # Bound but not listening: nobody else gets the port, and every connection to it is refused.
        listener.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
        channel = open_channel(replace(rig.setup(home), api_url=closed))
        outcome = channel.send(parcel_for())
        trace = channel.look(parcel_for())
    _expect(isinstance(outcome, Throttled), "no connection is Throttled", outcome)
    if rig.shows_what_it_has:
        _expect(isinstance(trace, CannotTell) and not trace.forever, "no connection: cannot tell yet", trace)


def a_claim_that_is_too_old_sends_nothing(rig: Rig, home: Path) -> None:
    """After the deadline nothing leaves any more."""
    channel, parcel = open_channel(rig.setup(home)), parcel_for()
    late = replace(parcel, deadline_at=parcel.planned_at - timedelta(seconds=1))
    outcome = channel.send(late)
    _expect(isinstance(outcome, Throttled), "a late claim is Throttled", outcome)
    _expect(not rig.texts(), "nothing was published", rig.texts())


def no_secret_is_ever_shown(rig: Rig, home: Path) -> None:
    """Neither the setup, nor the account, nor any reason or check shows a secret."""
    setup = rig.setup(home)
    channel = open_channel(setup)
    shown: list[object] = [setup, channel.account]
    for mode in sorted(rig.modes & {"500", "token_dead", "drop_before"}):
        rig.spoil(mode)
        shown.append(channel.send(parcel_for()))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
        shown.append(open_channel(replace(setup, api_url=closed)).send(parcel_for()))
    if isinstance(channel, Probing):
        shown.append(channel.probe())
    for secret in setup.secrets:
        found = [one for one in shown if secret in repr(one)]
        _expect(not found, "no secret is shown", [type(one).__name__ for one in found])


def what_is_withdrawn_is_gone(rig: Rig, home: Path) -> None:
    """A channel that can withdraw takes it out of the public, and may be asked again."""
    channel, parcel = open_channel(rig.setup(home)), parcel_for()
    if not isinstance(channel, Withdrawing):
        return
    outcome = channel.send(parcel)
    _expect(isinstance(outcome, Sent), "a good send is Sent", outcome)
    post_id = outcome.post_id if isinstance(outcome, Sent) else ""
    for _ in range(2):
        gone = channel.withdraw(post_id)
        _expect(isinstance(gone, Sent), "a withdrawal is Sent, a repeated one too", gone)
        _expect(not rig.texts(), "nothing is public any more", rig.texts())
    trace = channel.look(parcel)
    _expect(_is_wellknown_absence(rig, channel, trace), "a look does not find it any more", trace)


PROMISES: Final[Mapping[str, Promise]] = {
    promise.__name__: promise
    for promise in (
        opening_needs_no_credentials_and_no_network,
        missing_credentials_refuse_for_the_account,
        a_send_publishes_the_exact_text_once,
        a_look_tells_two_promos_apart,
        sending_again_makes_no_second_one_where_that_is_promised,
        a_lost_answer_is_unsure_and_resolved,
        a_request_that_was_dropped_is_unsure_and_absent,
        a_redirect_is_never_followed,
        a_silent_network_ends_in_time,
        a_network_that_is_not_there_is_throttled,
        a_claim_that_is_too_old_sends_nothing,
        no_secret_is_ever_shown,
        what_is_withdrawn_is_gone,
    )
}

"""Sends notices by Apprise, to whatever addresses the clinic has set: mail, Slack, Telegram, ntfy and many more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from clinic_broadcast.core.notice import Message
from clinic_broadcast.errors import SettingsError

if TYPE_CHECKING:
    from apprise import Apprise

FIRST: Final = "CLINIC_NOTIFY__URLS"
SECOND: Final = "CLINIC_NOTIFY__ESCALATE_URLS"


class AppriseMessenger:
    """Tells the first addresses; an escalation goes to the second ones, or to the first where there are none.

    Raises SettingsError when an address is none that Apprise knows. No address is ever printed: it holds secrets.
    """

    def __init__(self, first: Sequence[str], second: Sequence[str] = ()) -> None:
        self._first = tuple(first)
        self._second = tuple(second)

    def check(self) -> None:
        """Raise SettingsError when an address cannot be meant."""
        _ = self._everyday, self._escalation

    def tell(self, message: Message, *, escalated: bool = False) -> str:
        far = self._escalation if escalated and self._second else self._everyday
        # Its own log lines would name addresses.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        if _is_told(far, message):
            return ""
        return "at least one address did not take it; try: clinic-broadcast notify --test"

    @cached_property
    def _everyday(self) -> Apprise:
        return _opened(FIRST, self._first)

    @cached_property
    def _escalation(self) -> Apprise:
        return _opened(SECOND, self._second) if self._second else self._everyday


def _is_told(far: Apprise, message: Message) -> bool:
    """Send the message, as a page where that is what e-mail shows, and as a text to chats; say whether all took it."""
    from apprise import Apprise, AppriseAttachment, NotifyFormat  # noqa: PLC0415  # 0.2 s to load, seldom needed.
    from apprise.attachment.memory import AttachMemory  # noqa: PLC0415  # The same.

    mails, chats = Apprise(), Apprise()
    for one in far:
        said: object = one.notify_format  # One format or several; its own types know only one.
        forms = said if isinstance(said, tuple) else (said,)
        is_mail = forms[0] == NotifyFormat.HTML and NotifyFormat.MARKDOWN not in forms
        (mails if message.html and is_mail else chats).add(one)
    enclosed = AppriseAttachment()
    for each in message.enclosures:
        enclosed.add(AttachMemory(content=each.content, name=each.name, mimetype=each.media_type))  # type: ignore[no-untyped-call]
    told = [
        group.notify(title=message.subject, body=body, body_format=form, attach=attach)
        for group, body, form, attach in (
            (mails, message.html, NotifyFormat.HTML, enclosed if message.enclosures else None),
            (chats, message.text, NotifyFormat.TEXT, None),
        )
        if len(group)  # Apprise takes no address for a failure.
    ]
    return all(told)


def _opened(variable: str, addresses: Sequence[str]) -> Apprise:
    from apprise import Apprise  # noqa: PLC0415  # The same.

    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    opened = Apprise()
    for number, address in enumerate(addresses, start=1):
        if not opened.add(address):
            raise SettingsError(
                f"{variable}: address {number} (not shown) is none that Apprise knows; "
                "allowed: for instance mailtos://USER:PASSWORD@HOST?to=WHOM or ntfys://TOPIC"
            )
    if not len(opened):  # Apprise would take no address for a success of nobody.
        raise SettingsError(f"{variable}: there is no address in it")
    return opened

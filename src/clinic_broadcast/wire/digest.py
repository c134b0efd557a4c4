"""Makes the weekly report of a home, and sends it the way that notices go."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from clinic_broadcast.core.digest import Digest, period_of
from clinic_broadcast.core.notice import Message, Messenger
from clinic_broadcast.errors import BroadcastError
from clinic_broadcast.run import reporting
from clinic_broadcast.wire.notices import watch_of
from clinic_broadcast.wire.office import Office


def digest_of(office: Office, period: tuple[datetime, datetime]) -> Digest:
    """Give the report of a period of this home."""
    return reporting.digest_of(
        office.desk,
        watch_of(office.settings, office.schedules),
        office.schedules,
        period=period,
        zone=ZoneInfo(office.settings.clinic.timezone),
    )


def message_of_digest(digest: Digest) -> Message:
    """Give the report as it is sent."""
    from clinic_broadcast.notices.digest import message_of

    return message_of(digest)


def page_of_digest(digest: Digest) -> str:
    """Give the report as a page of its own."""
    from clinic_broadcast.notices.digest import page_of

    return page_of(digest)


def send_digest(office: Office, messenger: Messenger | None) -> str:
    """Send the report that is due and say what came of it; raises BroadcastError when it did not get through."""
    if messenger is None:
        return "digest: not sent: nobody is set; put addresses into CLINIC_NOTIFY__URLS"
    digest = digest_of(office, period_of(office.schedules, office.desk.clock.now()))
    problem = messenger.tell(message_of_digest(digest))
    if problem:
        raise BroadcastError(f"the weekly report did not get through: {problem}")
    return f"digest: {sum(digest.by_channel.values())} went out, {len(digest.waiting)} matters wait"

"""The only place that names a concrete adapter: it opens what a home's settings ask for."""

from clinic_broadcast.wire.adapters import open_channel, probe_channel, read_answer_file
from clinic_broadcast.wire.digest import digest_of, message_of_digest, page_of_digest, send_digest
from clinic_broadcast.wire.keeping import SystemClock, clinic_of
from clinic_broadcast.wire.model import probe_model
from clinic_broadcast.wire.notices import Notifying, is_quiet_for_people, open_notifying, watch_of
from clinic_broadcast.wire.office import (
    Office,
    build_feeds,
    calendar_of,
    check_feeds,
    gate_of,
    open_desk,
    open_gate,
    open_office,
    served_of,
)
from clinic_broadcast.wire.record import (
    Record,
    missing_record,
    naming_the_backup,
    open_record,
    sqlite_version,
    way_back,
)

__all__ = [
    "Notifying",
    "Office",
    "Record",
    "SystemClock",
    "build_feeds",
    "calendar_of",
    "check_feeds",
    "clinic_of",
    "digest_of",
    "gate_of",
    "is_quiet_for_people",
    "message_of_digest",
    "missing_record",
    "naming_the_backup",
    "open_channel",
    "open_desk",
    "open_gate",
    "open_notifying",
    "open_office",
    "open_record",
    "page_of_digest",
    "probe_channel",
    "probe_model",
    "read_answer_file",
    "send_digest",
    "served_of",
    "sqlite_version",
    "watch_of",
    "way_back",
]

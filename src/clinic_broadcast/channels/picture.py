"""The upload of a card's picture before the send: nothing of it is public, so no failure of it can double anything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from urllib3 import encode_multipart_formdata

from clinic_broadcast.channels.exchange import Exchange, Reply, Unsent
from clinic_broadcast.core.delivery import Refused, Throttled, Unsure
from clinic_broadcast.ports import Parcel

PATIENCE: Final = timedelta(hours=1)
"""So long after the first attempt an upload is tried again; then the text goes out without its picture."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What the network calls the picture; empty means that the text goes out without one."""

    media_id: str = ""


Upload: TypeAlias = Uploaded | Throttled


def uploaded(
    parcel: Parcel,
    exchange: Exchange | None,
    *,
    media_id: Callable[[Reply], str],
    classify: Callable[[Exchange | None], Unsent],
    now: datetime,
) -> Upload:
    """Give what an upload means for the send that follows it.

    With a media id the picture goes out. A network that refuses it (no right to upload, no such call, too large) gets
    the text alone at once: its own answer to the text tells whether the account is at fault. What may work later (no
    connection, too many calls, an answer that was lost or is a 5xx) is tried again: nothing is public yet. After an
    hour of that the text goes alone.
    """
    if isinstance(exchange, Reply) and exchange.is_success and (found := media_id(exchange)):
        return Uploaded(found)
    return after_failure(parcel, classify(exchange), now=now)


def after_failure(parcel: Parcel, failure: Unsent, *, now: datetime) -> Upload:
    """Give what a failed upload means for the send; see `uploaded`."""
    match failure:
        case Refused():
            return Uploaded()
        case Throttled(reason, until):
            return _later(parcel, reason, until, now=now)
        case Unsure(reason):
            return _later(parcel, reason, None, now=now)
        case _:
            assert_never(failure)


def multipart(picture: bytes, *, field: str, **words: str) -> tuple[bytes, str]:
    """Give body and Content-Type of a form that carries a PNG in `field` beside these words."""
    # A digest never stands in the picture, and the same picture always makes the same body.
    boundary = hashlib.sha256(picture).hexdigest()
    parts: list[tuple[str, str | tuple[str, bytes, str]]] = [*words.items()]
    parts.append((field, ("card.png", picture, "image/png")))
    body, content_type = encode_multipart_formdata(parts, boundary=boundary)
    return body, content_type


def _later(parcel: Parcel, reason: str, until: datetime | None, *, now: datetime) -> Upload:
    if now - parcel.first_sent_at > PATIENCE:
        return Uploaded()
    return Throttled(f"picture: {reason}", until)

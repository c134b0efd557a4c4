"""What publishing costs where a network bills each post: prices, what a month has used, and whether one more fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clinic_broadcast.core.delivery import Delivery, State
from clinic_broadcast.core.links import WORD_WITH_DOT, links_of
from clinic_broadcast.core.promo import WITHDRAW

MILLS: Final = 1000
"""Money is counted in thousandths of a US dollar: no sum of prices is ever rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a network bills, in mills: a post with a link, one without, a deletion, and what a picture adds."""

    with_link: int
    without_link: int
    deletion: int
    picture: int = 0


PRICES: Final[Mapping[str, Price]] = {
    # X, pay per use (docs.x.com pricing, read 2026-08-13): create with a URL $0.200, without $0.015, delete $0.010,
    # the alt text of a picture $0.005.
    # A refused request is not billed; one that was taken and whose answer was lost is.
    "x": Price(with_link=200, without_link=15, deletion=10, picture=5),
}
"""By kind of channel; a kind that is not here costs nothing."""

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What a channel has used of its cap in one calendar month (UTC); `max_mills` None means that there is none."""

    month_at: datetime
    mills: int
    max_mills: int | None

    @property
    def month(self) -> str:
        """Give the month as 2026-11."""
        return f"{self.month_at:%Y-%m}"

    @property
    def usd(self) -> float:
        """Give what is used, in US dollars."""
        return self.mills / MILLS

    @property
    def max_usd(self) -> float | None:
        """Give the cap, in US dollars."""
        return None if self.max_mills is None else self.max_mills / MILLS

    def fits(self, mills: int) -> bool:
        """Say whether this much more stays within the cap."""
        return self.max_mills is None or self.mills + mills <= self.max_mills

    def told(self) -> str:
        """Say how the month stands, and what a person may do about it."""
        this, following = MONTHS[self.month_at.month - 1], MONTHS[self.month_at.month % 12]
        return (
            f"spend: ${self.mills / MILLS:.2f} of ${(self.max_mills or 0) / MILLS:.2f} used in {this}; "
            f"raise spend_max_usd_month or wait for {following}"
        )


def mills_of(usd: float) -> int:
    """Give an amount in US dollars as mills."""
    return round(usd * MILLS)


def month_of(at: datetime) -> datetime:
    """Give the first instant of the calendar month, in UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def price_of(delivery: Delivery, price: Price) -> int:
    """Give what one attempt at this delivery costs when the network takes it, in mills."""
    if delivery.occasion == WITHDRAW:
        return price.deletion
    card = delivery.payload.card
    more = price.picture if card is not None and card.picture else 0
    return more + (price.with_link if _has_link(delivery.payload.text) else price.without_link)


def used(deliveries: Iterable[Delivery], price: Price, *, month_at: datetime) -> int:
    """Give the mills that these deliveries of one channel may have cost in the month; never less than was billed.

    A claim reserves the price before the request leaves; Sent and Unsure keep it, Refused and Throttled give it
    back, and so does a person's word that it was not sent. An attempt that was never found stays counted beside its
    re-send. What lies across the end of a month counts in both, for only the first and the last instant are kept.
    """
    return sum(_attempts_billed(one) * price_of(one, price) for one in deliveries if _touches(one, month_at))


def _attempts_billed(delivery: Delivery) -> int:
    doubtful = min(delivery.resends, delivery.attempts)
    match delivery.state:
        case State.SENT | State.WITHDRAWN:
            return 1 + doubtful
        case State.SENDING:
            # One attempt at least, or it is only being looked for.
            return 1 + doubtful if delivery.attempts else 0
        case State.UNSURE:
            return 1 + doubtful
        case State.PLANNED | State.HELD | State.REFUSED | State.CANCELLED:
            return doubtful


def _touches(delivery: Delivery, month_at: datetime) -> bool:
    """Say whether any attempt at it may lie in the month; those to come are in no later month than this one."""
    instants = [at for at in (delivery.claimed_at, delivery.sent_at) if at is not None]
    first = delivery.first_sent_at or min(instants, default=None)
    return first is not None and bool(instants) and month_of(first) <= month_at <= max(instants)


def _has_link(text: str) -> bool:
    """Say whether the network may bill it as a post with a link: in doubt, yes."""
    if "://" in text:
        return True
    words = WORD_WITH_DOT.finditer(text)
    return any(links_of(word.group(), is_first=word.start() == 0) for word in words)

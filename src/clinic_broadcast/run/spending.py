"""What each channel has spent this month, computed from its deliveries, and whether one more fits under the cap."""

from __future__ import annotations

from clinic_broadcast.core.delivery import Delivery
from clinic_broadcast.core.promo import WITHDRAW
from clinic_broadcast.core.spend import PRICES, Spend, mills_of, month_of, price_of, used
from clinic_broadcast.run.desk import Desk
from clinic_broadcast.run.turns import comes_later


def spend_of(desk: Desk, channel: str) -> Spend | None:
    """Give how the channel's month stands; None for a kind that bills nothing."""
    price = PRICES.get(desk.channels[channel].kind)
    if price is None:
        return None
    month_at = month_of(desk.clock.now())
    rows = desk.ledger.deliveries(channel=channel, since=month_at)
    return Spend(month_at=month_at, mills=used(rows, price, month_at=month_at), max_mills=_cap(desk, channel))


def over_the_cap(desk: Desk, delivery: Delivery) -> str:
    """Say why this delivery does not fit under the month's cap; nothing when it does.

    Asked before the claim, so that nothing is claimed in vain, and once more under it: the claim is then a
    reservation that every other worker sees, and of two that fit only alone the earlier line of history goes. A
    withdrawal is never kept back.
    """
    name = delivery.channel
    price, cap = PRICES.get(desk.channels[name].kind), _cap(desk, name)
    if price is None or cap is None or delivery.occasion == WITHDRAW:
        return ""
    month_at = month_of(desk.clock.now())
    others = [
        one
        for one in desk.ledger.deliveries(channel=name, since=month_at)
        if one.id != delivery.id and not comes_later(desk, one, delivery)
    ]
    # Its own earlier attempts count, the one that is about to leave is added.
    mills = used(others, price, month_at=month_at) + delivery.resends * price_of(delivery, price)
    spend = Spend(month_at=month_at, mills=mills, max_mills=cap)
    return "" if spend.fits(price_of(delivery, price)) else spend.told()


def _cap(desk: Desk, channel: str) -> int | None:
    usd = desk.spend_max_usd.get(channel)
    return None if usd is None else mills_of(usd)

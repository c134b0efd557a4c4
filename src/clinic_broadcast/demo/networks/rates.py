"""Fixed windows of calls, kept in the store, for the limits that networks publish."""

from dataclasses import dataclass

from clinic_broadcast.demo.networks.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window after one more call: what is allowed in it, what is left, and when it ends."""

    limit: int
    left: int
    ends_ms: int
    is_over: bool


def take(store: Store, key: str, *, limit: int, length_s: float, points: int = 1) -> Window:
    """Count a call against its window; a call that does not fit is not counted and `is_over` says so."""
    with store.change():
        now_ms, window = store.now_ms(), store.get("rate", key)
        if window is None or window["ends_ms"] <= now_ms:
            window = {"used": 0, "ends_ms": now_ms + round(length_s * 1000)}
        is_over = window["used"] + points > limit
        if not is_over:
            window["used"] += points
            store.put("rate", key, window)
    return Window(
        limit=limit, left=max(0, limit - window["used"]), ends_ms=window["ends_ms"], is_over=is_over
    )

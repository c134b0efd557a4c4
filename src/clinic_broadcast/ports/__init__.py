"""The four borders of the core: Source, Channel, Ledger and Clock, each stated as what its callers may rely on."""

from __future__ import annotations

from clinic_broadcast.ports.channel import Channel, Check, Guarantee, Parcel, Probing, Withdrawing
from clinic_broadcast.ports.clock import Clock
from clinic_broadcast.ports.gallery import Gallery
from clinic_broadcast.ports.ledger import Head, HistoryEntry, Ledger, Remembered, Witness
from clinic_broadcast.ports.source import Batch, Marks, OnPage, Source, unheard

__all__ = [
    "Batch",
    "Channel",
    "Check",
    "Clock",
    "Gallery",
    "Guarantee",
    "Head",
    "HistoryEntry",
    "Ledger",
    "Marks",
    "OnPage",
    "Parcel",
    "Probing",
    "Remembered",
    "Source",
    "Withdrawing",
    "Witness",
    "unheard",
]

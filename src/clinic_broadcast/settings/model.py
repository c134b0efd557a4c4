"""The table [model] of clinic.toml: an optional language model, off while it has no address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from clinic_broadcast.settings.checks import AddressOrNone, Line


class ModelSettings(BaseModel):
    """An OpenAI-compatible endpoint that may choose which sentence a promo quotes; its key is a credential."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: AddressOrNone = ""
    name: Line | None = None
    timeout_s: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 20


def model_faults(model: ModelSettings) -> Iterator[str]:
    """Give what is wrong with the keys of the table together."""
    if not model.url:
        return
    if model.name is None:
        yield 'model.name: missing; allowed: the name that the endpoint knows its model by, such as "llama3.1"'
    parts = urlsplit(model.url)
    if parts.scheme != "https" and not _is_near(parts.hostname or ""):
        yield "model.url: allowed: https://, or http:// on this machine and in a private network"


def is_far(model: ModelSettings) -> bool:
    """Say whether the endpoint stands outside this machine and any private network, where models ask for a key."""
    return not _is_near(urlsplit(model.url).hostname or "")


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"

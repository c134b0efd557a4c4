"""The table [links] of clinic.toml: what is added to the links of promos; nothing unless the clinic asks for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from clinic_broadcast.core.utm import CAMPAIGN_WORDS, Utm, is_neutral


def checked_campaign(text: str) -> str:
    """Give the name of a campaign that says nothing of any answer, or nothing; raises ValueError otherwise."""
    if text and not is_neutral(text):
        raise ValueError(
            f"nothing, or neutral words with - between ({', '.join(CAMPAIGN_WORDS)}): it must not tell a health topic"
        )
    return text


class LinksSettings(BaseModel):
    """Whether the links of promos say by which network a reader came."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    utm: bool = False
    campaign: Annotated[str, AfterValidator(checked_campaign)] = ""

    @property
    def tags(self) -> Utm | None:
        """Give what is added to links, or None."""
        return Utm(campaign=self.campaign) if self.utm else None

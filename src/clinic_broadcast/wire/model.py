"""Opens the language model that a clinic has set, if any."""

from __future__ import annotations

from collections.abc import Mapping

from clinic_broadcast.core.suggestion import Model
from clinic_broadcast.settings.config import Settings
from clinic_broadcast.settings.secrets import read_model_secrets


def open_model(settings: Settings, environ: Mapping[str, str]) -> Model | None:
    """Give the model; None while `[model]` has no url. Raises SettingsError for a secret that there is not."""
    if not settings.model.url or settings.model.name is None:
        return None
    from clinic_broadcast.models.chat import ChatModel

    key = read_model_secrets(environ, settings.home.path).get("key", "")
    return ChatModel(settings.model.url, settings.model.name, key=key, timeout_s=settings.model.timeout_s)

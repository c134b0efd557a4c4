"""Opens the language model that a clinic has set, if any, and tries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from clinic_broadcast.core.suggestion import Ask, Model, NotSuggested, Suggested, is_a_choice
from clinic_broadcast.ports import Check
from clinic_broadcast.settings.config import Settings
from clinic_broadcast.settings.home import Home
from clinic_broadcast.settings.model import is_far
from clinic_broadcast.settings.secrets import read_model_secrets

_TRIAL: Final = Ask(
    title="Do Fibroids Always Need Surgery Before IVF?",
    sentences=(
        "A fibroid is a growth of the muscle of the uterus.",
        "Small fibroids on the outer wall are often left alone.",
        "The uterus has three layers.",
    ),
)
"""Invented: nothing of any answer is shown for a trial."""

_KEY: Final = "CLINIC_MODEL__KEY"
_FIXES: Final = (
    ("it answered 401", "set the key again: {key}"),
    ("it answered 403", "set the key again, or ask the provider for the right to use this model: {key}"),
    ("it answered 404", "mend model.url (without /chat/completions) and model.name in {settings}"),
    ("it answered 3", "write the address that it leads to as model.url in {settings}"),
    ("it answered 429", "wait, or ask the provider for a larger allowance"),
    ("it answered 5", "look at the log of the endpoint, then: clinic-broadcast doctor"),
    ("no answer within", "a smaller model, or a larger model.timeout_s in {settings}"),
    ("the call failed", "start the endpoint, or mend model.url in {settings}"),
)
_NOT_OF_THE_FORM: Final = "an endpoint of OpenAI's chat completions as model.url in {settings}"
_NOT_A_CHOICE: Final = "another model.name in {settings}; until then posts are as without a model"


def open_model(settings: Settings, environ: Mapping[str, str]) -> Model | None:
    """Give the model; None while `[model]` has no url. Raises SettingsError for a secret that there is not."""
    if not settings.model.url or settings.model.name is None:
        return None
    from clinic_broadcast.models.chat import ChatModel

    key = read_model_secrets(environ, settings.home.path).get("key", "")
    return ChatModel(settings.model.url, settings.model.name, key=key, timeout_s=settings.model.timeout_s)


def probe_model(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    """Try the model: is there a key where one is needed, does it answer, and with a sentence it was shown.

    Nothing while `[model]` has no url: it is off, and nothing is asked. The trial shows invented sentences only.
    """
    model = open_model(settings, environ)
    if model is None:
        return
    key = bool(read_model_secrets(environ, settings.home.path).get("key"))
    told = "set" if key else "none; an endpoint outside your own network asks for one"
    told = told if key or is_far(settings.model) else "none, and none needed on your own network"
    yield Check(
        name="model: key",
        ok=key or not is_far(settings.model),
        detail=told,
        fix=_how_to_set_the_key(settings.home),
    )
    suggestion = model.suggest(_TRIAL)
    name = f"{settings.model.name} at {settings.model.url}"
    match suggestion:
        case NotSuggested(why):
            fix = next((fix for start, fix in _FIXES if why.startswith(start)), _NOT_OF_THE_FORM)
            yield _answer(settings, ok=False, detail=f"{name}: {why}", fix=fix)
        case Suggested():
            ok = is_a_choice(suggestion, _TRIAL)
            detail = (
                "chose a sentence word for word" if ok else "answers, but not with a sentence it was shown"
            )
            yield _answer(settings, ok=ok, detail=f"{name} {detail}", fix=_NOT_A_CHOICE)
        case _:
            assert_never(suggestion)


def _answer(settings: Settings, *, ok: bool, detail: str, fix: str) -> Check:
    home = settings.home
    fix = fix.format(key=_how_to_set_the_key(home), settings=home.settings_file)
    return Check(name="model: answer", ok=ok, detail=detail, fix=fix)


def _how_to_set_the_key(home: Home) -> str:
    place = home.state / "secrets" / _KEY
    return f"write it into {place} and run: chmod 600 {place}"

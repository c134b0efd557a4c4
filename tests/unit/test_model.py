"""The optional language model: it chooses a sentence of the answer, and can do nothing else, whatever it says."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from clinic_broadcast.core.finding import Severity
from clinic_broadcast.core.promo import Origin
from clinic_broadcast.core.suggestion import Ask, NotSuggested, Suggested, Suggestion, ask_of, candidate_of
from clinic_broadcast.demo.networks import Networks
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.ledger.memory import MemoryLedger
from clinic_broadcast.models.chat import ChatModel
from clinic_broadcast.ports import Check
from clinic_broadcast.run.promotion import Draft, draft, reasons_to_hold
from clinic_broadcast.settings.config import read_settings
from clinic_broadcast.wire.model import open_model, probe_model
from desks import desk
from drafts import assert_sound, gate, golden_material, material_of, wordings
from fakes import WallChannel

KEY = "demo-model-key"
FIRST = "Fibroids on the outer wall are often left alone."
SECOND = "A saline ultrasound (through the cervix) shows whether a fibroid bends the cavity of the uterus."
LETTER = "I am Ragnhild from Bergen and they gave me Clexane for my fibroids. Should I stop?"
MATERIAL = material_of(
    title="Do Fibroids Need Surgery Before IVF?",
    answer=f"{FIRST} {SECOND} I would wait for you.",
    question=LETTER,
)
MISLEADING = (
    "Fibroids on the outer wall are often treated with Lupron.",
    "Ragnhild from Bergen is often left alone.",
    "Fibroids on the outer wall are left alone.",
    "Fibroids on the outer wall are not often left alone.",
    "Fibroids on the inner wall are often left alone.",
    "I would wait for you.",
    f"{FIRST} {SECOND}",
    "Fibroids on the outer wall are often left",
    "outer wall are often left alone.",
    "Here is the sentence: " + FIRST,
    "",
    "\u0000\u202e" * 40,
    "x" * 5_000,
)


@dataclass
class Parrot:
    """A model that says one thing, and remembers what it was shown."""

    reply: Suggestion
    asked: list[Ask] = field(default_factory=list)

    def suggest(self, ask: Ask) -> Suggestion:
        self.asked.append(ask)
        return self.reply


def drafted(folder: Path, model: Parrot | ChatModel | None) -> Draft:
    at = replace(desk(MemoryLedger("test"), [], mode="auto-clean"), gate=gate(), model=model)
    channel = WallChannel(folder / "a.wall", name="a")
    return draft(at, MATERIAL, channel, wordings().template_for("announce", "folder"))


def quoted(made: Draft) -> str:
    return "".join(one.text for one in made.promo.fragments if one.origin is Origin.ANSWER)


def test_a_model_is_shown_the_title_and_eligible_sentences_alone() -> None:
    assert ask_of(MATERIAL, gate()) == Ask(title=MATERIAL.title, sentences=(FIRST, SECOND))
    held = material_of(title="Ragnhild and Her Fibroids", answer=f"{FIRST} {SECOND}", question=LETTER)
    asked = ask_of(held, gate())
    assert asked is not None
    assert asked.title == ""
    assert ask_of(material_of(title="Fibroids", answer=FIRST), gate()) is None


@pytest.mark.parametrize(
    "said", [SECOND, f'"{SECOND}"', f"  {SECOND}\n", SECOND.replace(" (through the cervix)", "")]
)
def test_the_sentence_that_it_chooses_is_quoted_and_waits_for_a_person(tmp_path: Path, said: str) -> None:
    made = drafted(tmp_path, Parrot(Suggested(said)))
    (note,) = [one for one in made.findings if one.rule == "form.model"]
    assert note.severity is Severity.NOTE
    assert quoted(made) == said.strip().strip('"')
    assert_sound(made.promo, MATERIAL, "folder")
    at = desk(MemoryLedger("test"), [], mode="auto-clean")
    assert reasons_to_hold(at, made)


@pytest.mark.parametrize("said", MISLEADING)
def test_whatever_else_it_says_the_program_s_own_choice_stands_with_a_note(tmp_path: Path, said: str) -> None:
    assert candidate_of(Suggested(said), MATERIAL, gate()) is None
    made, own = drafted(tmp_path, Parrot(Suggested(said))), drafted(tmp_path, None)
    assert made.promo == own.promo
    (note,) = set(made.findings) - set(own.findings)
    assert note.rule == "form.model"
    assert not said or said not in note.message


def test_a_negation_or_a_hedge_that_it_loses_is_not_quoted() -> None:
    told = "Steroids are not needed for most women with thyroid antibodies."
    material = material_of(
        title="Thyroid Antibodies", answer=f"{told} Many women with antibodies never have any trouble."
    )
    assert candidate_of(Suggested(told), material, gate()) is not None
    for word in (" not", " most"):
        assert candidate_of(Suggested(told.replace(word, "")), material, gate()) is None


def test_without_a_model_nothing_is_noted_and_a_failing_one_is_told(tmp_path: Path) -> None:
    assert not [one for one in drafted(tmp_path, None).findings if one.rule == "form.model"]
    failed = drafted(tmp_path, Parrot(NotSuggested("it answered 500")))
    assert [one.message for one in failed.findings if "it answered 500" in one.message]
    assert failed.promo == drafted(tmp_path, None).promo


def test_every_eligible_sentence_of_an_answer_can_be_chosen() -> None:
    for name in ("hysteroscopy", "fibroids", "progesterone", "brackets"):
        material = golden_material(name)
        asked = ask_of(material, gate())
        for one in asked.sentences if asked else ():
            chosen = candidate_of(Suggested(one), material, gate())
            assert chosen is not None
            assert chosen.text == one


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    with Networks(tmp_path_factory.mktemp("networks")) as found:
        yield found


def endpoint(networks: Networks, *, key: str = KEY, timeout_s: float = 5.0) -> ChatModel:
    networks.reset()
    return ChatModel(networks.url_for("model"), "demo", key=key, timeout_s=timeout_s)


def test_an_endpoint_is_asked_once_for_all_channels(
    networks: Networks, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model = endpoint(networks)
    assert quoted(drafted(tmp_path, model)) == SECOND
    assert quoted(drafted(tmp_path, model)) == SECOND
    assert len(networks.calls("model")) == 1
    told = caplog.text + repr(model)
    assert KEY not in told
    assert "Fibroids" not in told


@pytest.mark.parametrize(
    "mode", ["500", "429", "cut", "drop_before", "wrong_json", "redirect307", "token_dead"]
)
def test_a_fault_of_the_endpoint_leaves_the_program_s_own_choice(
    networks: Networks, tmp_path: Path, mode: str
) -> None:
    model = endpoint(networks)
    networks.fault("model", mode, count=9)
    made = drafted(tmp_path, model)
    assert made.promo == drafted(tmp_path, None).promo
    assert [one for one in made.findings if one.rule == "form.model"]
    assert isinstance(model.suggest(Ask("", (FIRST,))), NotSuggested)
    assert len(networks.calls("model")) == 1, "after a failure it is left alone"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"says": "word " * 40_000}, "its reply is too large"),
        ({"wraps": False}, "its reply is not one of chat completions"),
        ({"key": "another"}, "it answered 401"),
    ],
)
def test_a_reply_that_is_none_is_told_as_such(
    networks: Networks, changes: dict[str, object], why: str
) -> None:
    model = endpoint(networks)
    networks.set("model", **changes)
    assert model.suggest(Ask("", (FIRST, SECOND))) == NotSuggested(why)


def test_a_hanging_endpoint_is_given_up_in_time(networks: Networks) -> None:
    model = endpoint(networks, timeout_s=0.3)
    networks.fault("model", "hang", seconds=2)
    assert model.suggest(Ask("", (FIRST, SECOND))) == NotSuggested("no answer within 0.3 s")


def home_with(folder: Path, table: str) -> Path:
    (folder / "clinic.toml").write_text(
        '[clinic]\nname = "A"\nblog_url = "https://blog.example/"\ntimezone = "UTC"\n' + table,
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('[model]\nurl = "https://models.example/v1"\n', "model.name: missing"),
        ('[model]\nurl = "http://models.example/v1"\nname = "m"\n', "model.url: allowed: https://"),
        (
            '[model]\nurl = "https://models.example/v1"\nname = "m"\nkey = "k"\n',
            "never stand in clinic.toml|model.key",
        ),
        ('[model]\nurl = "https://models.example/v1"\nname = "m"\ntimeout_s = 0\n', "model.timeout_s"),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(tmp_path: Path, table: str, fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        read_settings(home_with(tmp_path, table), {})


def test_a_model_is_opened_only_where_one_is_set(tmp_path: Path) -> None:
    assert open_model(read_settings(home_with(tmp_path, ""), {}), {}) is None
    near = home_with(tmp_path, '[model]\nurl = "http://127.0.0.1:11434/v1"\nname = "m"\n')
    model = open_model(read_settings(near, {}), {"CLINIC_MODEL__KEY": "secret-word"})
    assert isinstance(model, ChatModel)
    assert "secret-word" not in repr(model) + json.dumps(str(read_settings(near, {})))
    with pytest.raises(SettingsError, match="CLINIC_MODEL__TOKEN: there is no such secret"):
        open_model(read_settings(near, {}), {"CLINIC_MODEL__TOKEN": "x"})


# `doctor` -------------------------------------------------------------------------------------------------


def probed(folder: Path, url: str, environ: dict[str, str], *, timeout_s: float = 5.0) -> dict[str, Check]:
    table = f'[model]\nurl = "{url}"\nname = "demo"\ntimeout_s = {timeout_s}\n'
    settings = read_settings(home_with(folder, table), {})
    return {one.name: one for one in probe_model(settings, environ)}


def test_doctor_finds_a_good_model_well_and_asks_none_that_is_not_set(
    networks: Networks, tmp_path: Path
) -> None:
    networks.reset()
    found = probed(tmp_path, networks.url_for("model"), {"CLINIC_MODEL__KEY": KEY})
    assert {name: one.ok for name, one in found.items()} == {"model: key": True, "model: answer": True}
    assert KEY not in repr(found)
    assert len(networks.calls("model")) == 1
    assert list(probe_model(read_settings(home_with(tmp_path, ""), {}), {})) == []


@pytest.mark.parametrize(
    ("changes", "mode", "detail", "fix"),
    [
        ({"key": "another"}, "", "it answered 401", "state/secrets/CLINIC_MODEL__KEY"),
        ({"wraps": False}, "", "not one of chat completions", "an endpoint of OpenAI's chat completions"),
        ({"says": "Surgery always works."}, "", "not with a sentence it was shown", "another model.name"),
        ({}, "500", "it answered 500", "log of the endpoint"),
        ({}, "429", "it answered 429", "larger allowance"),
        ({}, "redirect307", "it answered 307", "model.url"),
        ({}, "drop_before", "the call failed", "start the endpoint"),
    ],
)
def test_doctor_says_what_is_wrong_with_a_model_and_what_mends_it(
    networks: Networks, tmp_path: Path, changes: dict[str, object], mode: str, detail: str, fix: str
) -> None:
    networks.reset()
    networks.set("model", **changes)
    if mode:
        networks.fault("model", mode)
    answer = probed(tmp_path, networks.url_for("model"), {"CLINIC_MODEL__KEY": KEY})["model: answer"]
    assert not answer.ok
    assert detail in answer.detail
    assert fix in answer.fix


def test_doctor_misses_a_key_only_where_the_endpoint_is_far(tmp_path: Path) -> None:
    near = probed(tmp_path, "http://127.0.0.1:9/v1", {}, timeout_s=0.5)
    assert near["model: key"].ok
    assert "start the endpoint" in near["model: answer"].fix
    far = probed(tmp_path, "https://models.invalid/v1", {}, timeout_s=0.5)
    assert not far["model: key"].ok
    assert "chmod 600" in far["model: key"].fix

"""What `preview` shows is what the networks get: byte for byte, on every channel, pictures and all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.client import Networks
from e2e.homes import CLEAN, SETTINGS, make_clinic

PICTURED = ("x", "facebook", "mastodon", "bluesky")
KINDS = (*PICTURED, "linkedin", "threads", "telegram", "webhook")


def settings_for(networks: Networks) -> str:
    tables = [
        f'[channels.{kind}]\nkind = "{kind}"\napi_url = {json.dumps(networks.url_for(kind))}\n'
        + ("picture = true\n" if kind in PICTURED else "")
        for kind in KINDS
    ]
    return SETTINGS + "\n" + "\n".join(tables)


def by_channel(rows: list[dict[str, Any]], name: str) -> Mapping[str, dict[str, Any]]:
    return {str(one[name]): one for one in rows}


@pytest.mark.parametrize("links", ["", '\n[links]\nutm = true\ncampaign = "blog"\n'], ids=["bare", "utm"])
def test_preview_shows_byte_for_byte_what_every_channel_gets(tmp_path: Path, links: str) -> None:
    assert set(KINDS) == set(CREDENTIALS)
    with Networks(tmp_path / "networks") as networks:
        clinic = make_clinic(tmp_path, settings=settings_for(networks) + links)
        clinic.environ.update(networks.environment(*KINDS))
        assert clinic.run("init", "--yes").returncode == 0
        clinic.add("thyroid", CLEAN)
        url = "https://blog.example/2026/03/thyroid.html"
        promised = by_channel(clinic.ask("preview", url)["promos"], "channel")
        assert set(promised) == {*KINDS, "box"}
        told = {name: f"utm_source={name}&utm_medium=social&utm_campaign=blog" for name in KINDS}
        told |= {"box": "utm_source=folder&utm_medium=social&utm_campaign=blog"}
        for name, one in promised.items():
            assert (told[name] in (one["link"] or one["text"])) is bool(links)
            assert links or one["link"] == url

        for_people = clinic.run("preview", url).stdout
        for one in promised.values():
            # All that readers will see stands there, also what is beside the text.
            card = one["card"]
            beside = [card["alt"] or card["description"], one["link"]] if card else [one["link"]]
            assert all(words in for_people for words in (*one["text"].splitlines(), *beside))

        clinic.run("run", "--once")
        waiting = clinic.ask("queue")["items"]
        assert {one["channel"]: one["revision"] for one in waiting} == {
            name: one["revision"] for name, one in promised.items()
        }
        first, *others = waiting
        for asked in (("--revision", first["revision"], first["id"]), tuple(one["id"] for one in others)):
            approved = clinic.run("approve", *asked)
            assert approved.returncode == 0, approved.stderr
        clinic.run("run", "--once")

        got = by_channel(networks.wall(), "network")
        assert {name: one["text"] for name, one in got.items()} == {
            name: promised[name]["text"] for name in KINDS
        }
        assert clinic.outbox() == [promised["box"]["text"]]
        for name in ("x", "facebook", "mastodon"):
            card = promised[name]["card"]
            assert [(one["sha256"], one["alt"]) for one in got[name]["media"]] == [
                (card["picture"], card["alt"])
            ]
        carried = {one["network"]: one["link"] for one in networks.wall() if one["link"]}
        assert carried == {name: promised[name]["link"] for name in carried}
        assert {"linkedin", "bluesky"} <= set(carried)
        feeds = "".join(path.read_text(encoding="utf-8") for path in (clinic.home / "public").rglob("*.xml"))
        assert url in feeds
        assert "utm_" not in feeds
        shown = {one.stem for one in (clinic.home / "public" / "cards").glob("*.png")}
        assert shown == {promised[name]["card"]["picture"] for name in PICTURED}

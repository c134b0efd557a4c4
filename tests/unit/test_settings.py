"""What a clinic may set, where credentials may stand, and how every fault is told."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from clinic_broadcast.core.pace import Pace
from clinic_broadcast.core.schedule import Job
from clinic_broadcast.core.utm import Utm
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.config import Settings, read_settings
from clinic_broadcast.settings.home import (
    FALLBACK_ZONE,
    Home,
    default_files,
    guess_source_kind,
    guess_timezone,
    make_home,
)
from clinic_broadcast.settings.schedules import read_schedules
from clinic_broadcast.settings.secrets import Credentials, missing_keys, read_credentials

CLINIC = """
[clinic]
name = "Marrow Lane Clinic"
blog_url = "https://answers.marrowlane.example"
timezone = "America/Los_Angeles"
"""

FULL = """
[clinic]
name = "Marrow Lane Clinic"
blog_url = "https://answers.marrowlane.example"
timezone = "Europe/Madrid"
language = "es-ES"
public_url = "https://feeds.marrowlane.example/"
own_names = ["Dr. Ines Okafor", "@marrowlane"]
database_url = "postgresql+psycopg://clinic:hush@db.example/clinic"

[[sources]]
kind = "blogger"
url = "https://answers.marrowlane.example"

[[sources]]
kind = "folder"
path = "answers"

[intake]
surge_max = 5
allow_private = true

[review]
mode = "auto-clean"
first_n = 0

[delivery]
timeout_s = 2
settle_s = 0.5
lease_s = 3

[channels.x]
kind = "x"
api_url = "http://127.0.0.1:9999"
spend_max_usd_month = 5

[channels.page]
kind = "facebook"
enabled = false

[channels.wall]
kind = "folder"
path = "wall"

[web]
host = "0.0.0.0"
port = 0
"""


def read(home: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    (home / "clinic.toml").write_text(text)
    return read_settings(home, environ or {})


def fault(home: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read(home, text, environ)
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_every_key_but_three_has_a_default(tmp_path: Path) -> None:
    settings = read(tmp_path, CLINIC)
    assert settings.clinic.language == "en-US"
    assert (settings.clinic.public_url, settings.clinic.own_names) == ("", ())
    assert (settings.sources, dict(settings.channels)) == ((), {})
    assert (settings.intake.surge_max, settings.intake.allow_private) == (3, False)
    assert (settings.review.mode, settings.review.first_n) == ("hold", 10)
    assert settings.delivery.timeout == timedelta(seconds=20)
    assert settings.delivery.settle == timedelta(seconds=90)
    assert settings.delivery.lease == timedelta(seconds=180)
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 8080)
    assert settings.database_url == f"sqlite:///{tmp_path}/state/ledger.db"


def test_every_key_of_the_contract_is_read(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert settings.clinic.public_url == "https://feeds.marrowlane.example"
    assert settings.clinic.own_names == ("Dr. Ines Okafor", "@marrowlane")
    assert [source.kind for source in settings.sources] == ["blogger", "folder"]
    assert settings.sources[0].url == "https://answers.marrowlane.example"
    assert settings.sources[1].path == tmp_path / "answers"
    assert (settings.intake.surge_max, settings.intake.allow_private) == (5, True)
    assert (settings.review.mode, settings.review.first_n) == ("auto-clean", 0)
    assert settings.delivery.settle == timedelta(seconds=0.5)
    x, page, wall = settings.channels.values()
    assert (x.name, x.kind, x.api_url, x.enabled) == ("x", "x", "http://127.0.0.1:9999", True)
    assert x.spend_max_usd_month == 5.0
    assert (page.name, page.kind, page.enabled) == ("page", "facebook", False)
    assert (wall.kind, wall.path) == ("folder", tmp_path / "wall")
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 0)  # noqa: S104  # Nothing listens here.
    assert settings.database_url.startswith("postgresql+psycopg://")


def test_settings_cannot_be_changed_and_do_not_show_the_databases_password(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert "hush" not in repr(settings)
    with pytest.raises(AttributeError):
        settings.web = settings.web  # type: ignore[misc]  # That is what must not work.
    with pytest.raises(ValueError, match="frozen"):
        settings.web.port = 1


def test_a_blogs_address_is_that_of_its_source_where_none_is_set(tmp_path: Path) -> None:
    settings = read(tmp_path, CLINIC + '[[sources]]\nkind = "blogger"\n')
    assert settings.sources[0].url == "https://answers.marrowlane.example"


@pytest.mark.parametrize("kind", ["blogger", "wordpress"])
def test_a_blogs_export_is_a_file_of_the_home_and_keeps_its_blogs_address(tmp_path: Path, kind: str) -> None:
    settings = read(tmp_path, CLINIC + f'[[sources]]\nkind = "{kind}"\npath = "imports/feed.atom"\n')
    (source,) = settings.sources
    assert source.path == tmp_path / "imports" / "feed.atom"
    assert source.url == settings.clinic.blog_url


def test_the_feeds_have_settings_of_their_own(tmp_path: Path) -> None:
    settings = read(
        tmp_path, CLINIC + '[feeds]\nhubs = ["https://hub.example/"]\nfull_text = true\nwindow = 20\n'
    )
    assert settings.feeds.hubs == ("https://hub.example/",)
    assert (settings.feeds.full_text, settings.feeds.window) == (True, 20)
    assert "feeds.window" in fault(tmp_path, CLINIC + "[feeds]\nwindow = 9\n")


def test_links_carry_nothing_unless_asked_and_a_campaign_names_no_topic(tmp_path: Path) -> None:
    assert read(tmp_path, CLINIC).links.tags is None
    assert read(tmp_path, CLINIC + '[links]\ncampaign = "blog"\n').links.tags is None
    assert read(tmp_path, CLINIC + "[links]\nutm = true\n").links.tags == Utm()
    named = read(tmp_path, CLINIC + '[links]\nutm = true\ncampaign = "clinic-blog"\n')
    assert named.links.tags == Utm(campaign="clinic-blog")
    for topic in ("miscarriage", "blog-ivf", "Blog", "blog-", "blog 2026"):
        told = fault(tmp_path, CLINIC + f'[links]\nutm = true\ncampaign = "{topic}"\n')
        assert "links.campaign" in told
        assert "neutral words" in told


def test_a_channels_name_is_its_kind_where_none_is_set(tmp_path: Path) -> None:
    assert read(tmp_path, CLINIC + "[channels.mastodon]\n").channels["mastodon"].kind == "mastodon"


def test_the_environment_may_name_the_database(tmp_path: Path) -> None:
    environ = {"CLINIC_DATABASE_URL": "postgresql+psycopg://clinic:hush@db.example/other"}
    assert read(tmp_path, FULL, environ).database_url.endswith("/other")
    assert "hush" not in fault(tmp_path, FULL, {"CLINIC_DATABASE_URL": "mysql://clinic:hush@db.example"})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            CLINIC + '[review]\nmode = "hld"\n',
            ["review.mode", '"hld"', '"auto-clean" or "off"', 'mean "hold"'],
        ),
        (
            CLINIC + "[review]\nfirst = 3\n",
            ["review.first", "unknown key", "first_n, mode", 'mean "first_n"'],
        ),
        (CLINIC + "[revew]\n", ["revew", "unknown key", 'mean "review"']),
        (CLINIC + '[intake]\nsurge_max = "3"\n', ["intake.surge_max", '"3"', "a whole number"]),
        (CLINIC + "[intake]\nsurge_max = -1\n", ["intake.surge_max", "-1", "0 or more"]),
        (CLINIC + "[intake]\nsurge_max = 2.5\n", ["intake.surge_max", "2.5", "a whole number"]),
        (CLINIC + '[intake]\nallow_private = "yes"\n', ["intake.allow_private", '"yes"', "true or false"]),
        (
            CLINIC + "[delivery]\nlease_s = 20\n",
            ["delivery.lease_s", "20", "more than delivery.timeout_s (20)"],
        ),
        (CLINIC + "[delivery]\ntimeout_s = 0\n", ["delivery.timeout_s", "found 0", "more than 0"]),
        (CLINIC + "[delivery]\ntimeout_s = true\n", ["delivery.timeout_s", "found true", "a number"]),
        (CLINIC + "[delivery]\nsettle_s = nan\n", ["delivery.settle_s", "found nan"]),
        (CLINIC + "[web]\nport = 70000\n", ["web.port", "70000", "65535 or less"]),
        (CLINIC + 'language = "English!"\n', ["clinic.language", '"English!"', "en-US"]),
        (CLINIC + 'own_names = "Dr. Ines Okafor"\n', ["clinic.own_names", "a list"]),
        (CLINIC + 'own_names = ["  "]\n', ["clinic.own_names[1]", "not empty"]),
        (CLINIC + 'public_url = "feeds.example"\n', ["clinic.public_url", "https://"]),
        (CLINIC + "[[sources]]\n", ["sources[1].kind", "missing"]),
        (CLINIC + '[[sources]]\nkind = "bloger"\n', ["sources[1].kind", '"bloger"', 'mean "blogger"']),
        (CLINIC + '[[sources]]\nkind = "feed"\n', ["sources[1].url", "missing"]),
        (CLINIC + '[[sources]]\nkind = "folder"\nurl = "https://a.example"\n', ["sources[1].url", "path"]),
        (CLINIC + '[[sources]]\nkind = "feed"\npath = "a"\n', ["sources[1].path", "folder"]),
        (CLINIC + '[[sources]]\nkind="folder"\n[[sources]]\nkind="folder"\n', ["sources[2]", "twice"]),
        (CLINIC + '[channels.a]\nkind = "twiter"\n', ["channels.a.kind", '"twiter"', '"x"', '"folder"']),
        (CLINIC + '[channels.a]\nkind = "facebok"\n', ["channels.a.kind", 'mean "facebook"']),
        (CLINIC + "[channels.x]\nenabeld = false\n", ["channels.x.enabeld", 'mean "enabled"']),
        (CLINIC + '[channels.x]\napi_url = "ftp://a.example"\n', ["channels.x.api_url", "ftp://a.example"]),
        (CLINIC + '[channels.x]\npath = "wall"\n', ["channels.x.path", "folder"]),
        (CLINIC + "[channels.webhook]\n", ["channels.webhook.api_url", "missing"]),
        (CLINIC + '[channels."X Y"]\nkind = "x"\n', ["channels.X Y", "small letters"]),
        (CLINIC + '[channels.a-b]\nkind="x"\n[channels.a_b]\nkind="x"\n', ["a-b", 'from "a_b"']),
        (CLINIC + "[channels]\nx = 1\n", ["channels.x", "a table"]),
        (CLINIC.replace("Los_Angeles", "Los_Angles"), ["clinic.timezone", 'mean "America/Los_Angeles"']),
        (CLINIC.replace("America/Los_Angeles", "../etc/passwd"), ["clinic.timezone", "a zone like"]),
        (CLINIC.replace("https://answers", "answers"), ["clinic.blog_url", "begins with https://"]),
        (CLINIC.replace('name = "Marrow Lane Clinic"', ""), ["clinic.name", "missing"]),
        ("", ["clinic", "missing"]),
        ("[clinic\n", ["not valid TOML", "line 1"]),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_finding_and_what_is_allowed(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    said = fault(tmp_path, text)
    assert said.startswith(str(tmp_path / "clinic.toml"))
    for part in parts:
        assert part in said


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    said = fault(tmp_path, CLINIC + '[review]\nmode = "x"\n[web]\nport = "8080"\n')
    assert len(said.splitlines()) == 2


def test_a_home_without_settings_is_told_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"clinic\.toml: there is no such file; run: clinic-broadcast init"
    ):
        read_settings(tmp_path, {})


def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_bytes(b'[clinic]\nname = "\xff"\n')
    with pytest.raises(SettingsError, match="line 2 is not UTF-8"):
        read_settings(tmp_path, {})


def test_a_byte_order_mark_of_an_editor_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_bytes(b"\xef\xbb\xbf" + CLINIC.encode())
    assert read_settings(tmp_path, {}).clinic.name == "Marrow Lane Clinic"


@pytest.mark.parametrize(
    ("table", "variable"),
    [
        ('[channels.x]\naccess_token = "sesame-77"\n', "CLINIC_CHANNELS__X__ACCESS_TOKEN"),
        ('[channels.page]\nkind = "facebook"\npage_id = "sesame-77"\n', "CLINIC_CHANNELS__PAGE__PAGE_ID"),
        ('[channels.my-x]\nkind = "x"\napi_key = "sesame-77"\n', "CLINIC_CHANNELS__MY_X__API_KEY"),
        ('[channels.x.more]\npassword = "sesame-77"\n', "PASSWORD"),
    ],
)
def test_a_credential_in_clinic_toml_is_refused_with_its_place_and_never_shown(
    tmp_path: Path, table: str, variable: str
) -> None:
    said = fault(tmp_path, CLINIC + table)
    assert variable in said
    assert "chmod 600" in said
    assert "sesame-77" not in said


@pytest.mark.parametrize(
    "text",
    [
        CLINIC + 'database_url = "mysql://root:sesame-77@db.example"\n',
        CLINIC + '[channels.x]\napi_url = "https://root:sesame-77@api.example"\n',
        CLINIC + '[channels.x]\nacces_tokn = "sesame-77"\n',
    ],
)
def test_no_message_shows_what_could_be_a_secret(tmp_path: Path, text: str) -> None:
    assert "sesame-77" not in fault(tmp_path, text)


def test_a_channel_may_be_named_like_a_secret(tmp_path: Path) -> None:
    text = CLINIC + '[channels.token-news]\nkind = "mastodon"\n'
    assert list(read(tmp_path, text).channels) == ["token-news"]


def test_a_plug_ins_channel_is_known_once_it_is_installed_and_keeps_its_own_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CLINIC + '[channels.news]\nkind = "carrier-pigeon"\nloft = "roof"\nenabled = false\n'
    assert "channels.news.loft: unknown key" in fault(tmp_path, text)
    installed = tmp_path / "site" / "pigeon-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[clinic_broadcast.channels]\ncarrier-pigeon = pigeon:make\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    channel = read(tmp_path, text).channels["news"]
    assert (channel.kind, channel.enabled, channel.options) == ("carrier-pigeon", False, {"loft": "roof"})
    assert "CLINIC_CHANNELS__NEWS__LOFT_TOKEN" in fault(tmp_path, text + 'loft_token = "sesame-77"\n')


# Credentials


def secret_file(folder: Path, name: str, value: str, mode: int = 0o600) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(value)
    (folder / name).chmod(mode)


def test_credentials_come_from_the_environment_before_any_file(tmp_path: Path) -> None:
    ours, systemd, docker = tmp_path / "home" / "state" / "secrets", tmp_path / "systemd", tmp_path / "docker"
    secret_file(ours, "CLINIC_CHANNELS__X__CONSUMER_KEY", "ours")
    secret_file(ours, "CLINIC_CHANNELS__X__ACCESS_TOKEN", "ours\n")
    secret_file(docker, "clinic_channels__x__consumer_key", "docker", 0o644)
    secret_file(docker, "clinic_channels__x__consumer_secret", "docker", 0o644)
    secret_file(systemd, "CLINIC_CHANNELS__X__CONSUMER_SECRET", "systemd", 0o400)
    environ = {
        "CLINIC_CHANNELS__X__ACCESS_TOKEN_SECRET": "environment",
        "Clinic_Channels__X__Consumer_Key": "",
        "CREDENTIALS_DIRECTORY": str(systemd),
        "CLINIC_CHANNELS__X2__ACCESS_TOKEN": "another",
    }
    found = read_credentials("x", "x", environ, tmp_path / "home", run_secrets=docker)
    assert dict(found) == {
        "consumer_key": "docker",
        "consumer_secret": "systemd",
        "access_token": "ours",
        "access_token_secret": "environment",
    }
    assert missing_keys("x", found) == ()


def test_a_name_with_a_dash_is_found_under_a_low_line(tmp_path: Path) -> None:
    environ = {"CLINIC_CHANNELS__OUR_PAGE__PAGE_TOKEN": "t"}
    found = read_credentials("our-page", "facebook", environ, tmp_path, run_secrets=tmp_path / "none")
    assert dict(found) == {"page_token": "t"}
    assert missing_keys("facebook", found) == ("page_id",)


def test_a_secret_that_others_may_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "secrets"
    secret_file(folder, "CLINIC_CHANNELS__X__ACCESS_TOKEN", "sesame-77", 0o640)
    with pytest.raises(SettingsError, match=r"mode 0640\); run: chmod 600") as caught:
        read_credentials("x", "x", {}, tmp_path, run_secrets=tmp_path / "none")
    assert "sesame-77" not in str(caught.value)


def test_a_misspelt_credential_is_refused_with_the_right_name(tmp_path: Path) -> None:
    environ = {"CLINIC_CHANNELS__X__ACCES_TOKEN": "sesame-77"}
    with pytest.raises(SettingsError, match='did you mean "access_token"') as caught:
        read_credentials("x", "x", environ, tmp_path, run_secrets=tmp_path / "none")
    assert "sesame-77" not in str(caught.value)


def test_a_plug_in_names_its_credentials_itself(tmp_path: Path) -> None:
    environ = {"CLINIC_CHANNELS__NEW__SPELL": "s"}
    assert read_credentials("new", "matrix", environ, tmp_path, run_secrets=tmp_path)["spell"] == "s"


@pytest.mark.parametrize("print_it", [repr, str, "{}".format])
def test_credentials_do_not_show_themselves(print_it: Callable[[object], str]) -> None:
    shown = print_it(Credentials({"access_token": "sesame-77"}))
    assert shown == "Credentials(access_token)"


def test_credentials_are_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Credentials({"access_token": "sesame-77"}))


@pytest.mark.parametrize(
    ("content", "part"), [(b"\xff\xfe", "not UTF-8"), (b"x" * (64 * 1024 + 1), "longer than")]
)
def test_a_file_that_is_no_credential_is_refused(tmp_path: Path, content: bytes, part: str) -> None:
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "CLINIC_CHANNELS__X__ACCESS_TOKEN").write_bytes(content)
    with pytest.raises(SettingsError, match=part):
        read_credentials("x", "x", {}, tmp_path, run_secrets=folder)


# Schedules


def schedule_fault(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "one.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_schedules(folder, timezone="America/Los_Angeles", channels=["x", "facebook"])
    return str(caught.value)


def test_a_schedule_is_read_with_the_clinics_zone_and_all_channels_unless_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('job = "poll"\ncron = "*/15 * * * *"\n')
    (tmp_path / "a.toml").write_text(
        'job = "announce"\ncron = "0  9 * * 1-5"\ntimezone = "Europe/Madrid"\n'
        'channels = ["x"]\nmax_per_run = 2\nquiet = "21:00-07:00"\n'
    )
    (tmp_path / "notes.txt").write_text("not a schedule")
    announce, poll = read_schedules(tmp_path, timezone="America/Los_Angeles", channels=["x", "facebook"])
    assert (announce.name, announce.job, announce.cron) == ("a", Job.ANNOUNCE, "0 9 * * 1-5")
    assert (announce.zone.key, announce.channels, announce.max_per_run) == ("Europe/Madrid", ("x",), 2)
    assert str(announce.quiet) == "21:00-07:00"
    assert (poll.name, poll.zone.key, poll.channels, poll.quiet) == ("b", "America/Los_Angeles", (), None)


def test_a_schedule_may_name_a_calendar_and_a_pace_or_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'job = "announce"\non_calendar = "Mon..Fri  09:00"\nmax_per_hour = 2\nmax_per_day = 5\n'
        "spacing_minutes = 30\njitter_minutes = 10\n"
    )
    (tmp_path / "b.toml").write_text('job = "reshare"\nenabled = false\ncron = "0 9 * * 3"\n')
    (tmp_path / "c.toml").write_text('job = "reshare"\ncron = "0 9 * * 3"\nrepeat_after_days = 45\n')
    announce, reshare = read_schedules(tmp_path, timezone="America/Los_Angeles", channels=[])
    assert (announce.cron, announce.calendar) == ("", "Mon..Fri 09:00")
    assert announce.pace == Pace(spacing=timedelta(minutes=30), per_hour_max=2, per_day_max=5)
    assert announce.jitter == timedelta(minutes=10)
    assert (reshare.name, reshare.repeat_after) == ("c", timedelta(days=45))


def test_a_home_without_schedules_has_none(tmp_path: Path) -> None:
    assert read_schedules(tmp_path / "none", timezone="UTC", channels=[]) == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('job = "anounce"\ncron = "0 9 * * *"\n', ["job", '"anounce"', '"poll"', 'mean "announce"']),
        ('cron = "0 9 * * *"\n', ["job", "missing"]),
        ('job = "poll"\n', ["cron", "missing"]),
        ('job = "poll"\ncron = "@daily"\n', ["cron", '"@daily"', "five fields"]),
        ('job = "poll"\ncron = "0 9 * * 8"\n', ["cron", '"0 9 * * 8"', "day-of-week"]),
        (
            'job = "poll"\ncron = "0 9 * * *"\ntimezon = "UTC"\n',
            ["timezon", "unknown key", 'mean "timezone"'],
        ),
        ('job = "poll"\ncron = "0 9 * * *"\ntimezone = "Madrid"\n', ["timezone", '"Madrid"', "zone"]),
        ('job = "poll"\ncron = "0 9 * * *"\nmax_per_run = 0\n', ["max_per_run", "found 0", "1 or more"]),
        ('job = "poll"\ncron = "0 9 * * *"\nquiet = "9-5"\n', ["quiet", '"9-5"', "21:00-07:00"]),
        ('job = "poll"\ncron = "0 9 * * *"\nchannels = []\n', ["channels", "empty list"]),
        ('job = "poll"\ncron = "0 9 * * *"\nchannels = ["facebok"]\n', ["channels", 'mean "facebook"']),
        ('job = "announce"\ncron = "0 22 * * *"\nquiet = "21:00-07:00"\n', ["quiet", "never run"]),
        ('job = "announce"\non_calendar = "22:00"\nquiet = "21:00-07:00"\n', ["22:00", "never run"]),
        ('job = "poll"\ncron = "0 9 * * *"\non_calendar = "09:00"\n', ["on_calendar", "one of the two"]),
        ('job = "poll"\non_calendar = "Mon..Fri 09:00 Europe/Madrid"\n', ["on_calendar", "timezone"]),
        ('job = "poll"\non_calendar = "Mo 25:00"\n', ["on_calendar", "Mon..Fri 09:00"]),
        ('job = "poll"\non_calendar = " "\n', ["on_calendar", "Mon..Fri 09:00"]),
        ('job = "poll"\ncron = "0 9 * * *"\nspacing_minutes = 5\n', ["spacing_minutes", '"reshare"']),
        ('job = "announce"\ncron = "0 9 * * *"\nrepeat_after_days = 60\n', ["repeat_after_days"]),
        ('job = "reshare"\ncron = "0 9 * * *"\nrepeat_after_days = 29\n', ["found 29", "30 or more"]),
    ],
)
def test_a_wrong_schedule_is_refused_with_its_file_and_key(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    said = schedule_fault(tmp_path / "schedules", text)
    assert said.startswith(str(tmp_path / "schedules" / "one.toml"))
    for part in parts:
        assert part in said


# The home


def test_a_new_home_can_be_read_at_once(tmp_path: Path) -> None:
    made = make_home(
        tmp_path / "home",
        name='The "Quoted" Clínic\n',
        blog_url="https://answers.marrowlane.example",
        timezone="Europe/Madrid",
        source_kind="blogger",
    )
    settings = read_settings(made.home.path, {})
    assert settings.clinic.name == 'The "Quoted" Clínic'
    assert (settings.clinic.timezone, settings.review.first_n) == ("Europe/Madrid", 10)
    assert [source.url for source in settings.sources] == ["https://answers.marrowlane.example"]
    rules = read_schedules(made.home.schedules, timezone="Europe/Madrid", channels=settings.channels)
    assert [rule.job for rule in rules] == [
        Job.ANNOUNCE,
        Job.BACKUP,
        Job.DIGEST,
        Job.FEEDS,
        Job.POLL,
        Job.RESCAN,
    ]
    assert made.home.settings_file in made.written
    assert made.kept == ()


def test_what_is_ours_alone_may_be_read_by_nobody_else(tmp_path: Path) -> None:
    home = make_home(
        tmp_path, name="A", blog_url="https://a.example", timezone="UTC", source_kind="wordpress"
    ).home
    for folder in (home.state, home.secrets, home.backups):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_making_a_home_again_writes_over_nothing(tmp_path: Path) -> None:
    def make(name: str) -> tuple[Path, ...]:
        return make_home(
            tmp_path, name=name, blog_url="https://a.example", timezone="UTC", source_kind="folder"
        ).written

    make("First")
    home = Home(tmp_path)
    (home.schedules / "poll.toml").write_text("# mine\n")
    (home.schedules / "feeds.toml").unlink()
    assert make("Second") == (home.schedules / "feeds.toml",)
    assert (home.schedules / "poll.toml").read_text() == "# mine\n"
    assert read_settings(tmp_path, {}).clinic.name == "First"
    assert read_settings(tmp_path, {}).sources[0].path == home.answers
    assert home.answers.is_dir()


def test_a_home_that_cannot_be_made_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file"):
        make_home(
            tmp_path / "file", name="A", blog_url="https://a.example", timezone="UTC", source_kind="feed"
        )


def test_the_default_schedules_are_found_wherever_the_package_lies(tmp_path: Path) -> None:
    assert set(default_files("schedules")) == {
        f"{job}.toml" for job in ("announce", "backup", "digest", "feeds", "poll", "rescan", "reshare")
    }
    code = "from clinic_broadcast.settings.home import default_files; print(len(default_files('schedules')))"
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert ran.stdout == b"7\n"


def test_the_zone_of_the_machine_is_guessed_from_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("Europe/Madrid\n")
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    places = [tmp_path / "timezone", tmp_path / "localtime"]
    assert guess_timezone({"TZ": ":America/Denver"}, places=places) == "America/Denver"
    assert guess_timezone({}, places=places) == "Europe/Madrid"
    assert guess_timezone({}, places=places[1:]) == "Asia/Tokyo"
    (tmp_path / "timezone").write_text("Etc/UTC\n")
    assert guess_timezone({}, places=places[:1]) == FALLBACK_ZONE
    assert guess_timezone({"TZ": "Mars/Olympus"}, places=[tmp_path / "none"]) == FALLBACK_ZONE


def test_the_kind_of_a_source_is_guessed_from_its_address() -> None:
    assert guess_source_kind("https://a.blogspot.com") == "blogger"
    assert guess_source_kind("https://a.WordPress.com/blog") == "wordpress"

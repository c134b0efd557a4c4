"""The program as its users drive it: as a process, in a home on disk."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import feedparser
import pytest

from e2e.homes import CLEAN, SETTINGS, SLIPPED, Clinic, make_clinic
from e2e.program import run_cold, run_forked

LETTER_WORDS = ("Solveig", "Bergen", "Haukeland", "Ragnhild", "Norway", "two pregnancies")


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = make_clinic(tmp_path)
    done = made.run("init", "--yes")
    assert done.returncode == 0, done.stderr
    return made


def test_the_first_poll_announces_nothing(clinic: Clinic) -> None:
    status = clinic.ask("status")
    assert status["answers"] == {"baseline": 1, "fresh": 0, "withdrawn": 0}
    assert clinic.run("run", "--once").returncode == 0
    assert clinic.ask("log")["deliveries"] == []


def test_a_command_that_loads_everything_anew_says_what_a_forked_one_says(clinic: Clinic) -> None:
    question = ["--home", str(clinic.home), "status", "--json"]
    cold, forked = run_cold(question, {}), run_forked(question, {})
    assert (cold.returncode, cold.stdout, cold.stderr) == (0, forked.stdout, forked.stderr)


def test_the_daemon_that_is_started_the_short_way_says_what_the_whole_command_line_says(
    tmp_path: Path,
) -> None:
    question = ["--home", str(tmp_path), "run"]
    short, whole = run_cold(question, {}), run_forked(question, {})
    assert (short.returncode, short.stdout, short.stderr) == (4, "", whole.stderr)
    assert "clinic-broadcast init" in short.stderr


def test_run_once_in_a_home_that_was_never_set_up_takes_the_baseline_and_announces_nothing(
    tmp_path: Path,
) -> None:
    made = make_clinic(tmp_path, mode="auto-clean")
    first = made.run("run", "--once")
    assert first.returncode == 0, first.stderr
    assert made.ask("status")["answers"]["baseline"] == 1
    assert made.outbox() == []


def test_pings_to_hubs_stand_in_the_record_and_not_among_what_is_published(clinic: Clinic) -> None:
    settings = clinic.home / "clinic.toml"
    plain = settings.read_text(encoding="utf-8")
    settings.write_text(plain + '\n[feeds]\nhubs = ["http://127.0.0.1:9/hub"]\n', encoding="utf-8")
    assert clinic.run("run", "--once").returncode == 0
    log, status = clinic.ask("log"), clinic.ask("status")
    assert log["deliveries"] == []
    assert [(one["channel"], one["occasion"], one["state"]) for one in log["pings"]] == [
        ("hub:127.0.0.1:9/hub", "ping:1", "planned")
    ]
    assert "hub:127.0.0.1:9/hub" not in status["deliveries"]
    assert status["hubs"] == {"hub:127.0.0.1:9/hub": {"planned": 1}}
    assert "ping" not in clinic.run("export", "--format", "jsonl").stdout


def test_a_new_answer_goes_from_queue_to_public_once(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    assert clinic.run("run", "--once").returncode == 0
    (item,) = clinic.ask("queue")["items"]
    assert item["channel"] == "box"
    assert not any(word in item["text"] for word in LETTER_WORDS)
    approved = clinic.run("approve", item["id"], "--revision", item["revision"], "--by", "Pat")
    assert approved.returncode == 0, approved.stderr
    for _ in range(2):
        assert clinic.run("run", "--once").returncode == 0
    (row,) = clinic.ask("log")["deliveries"]
    assert (row["state"], row["occasion"], row["approved_by"], row["attempts"]) == (
        "sent",
        "announce",
        "Pat",
        1,
    )
    assert row["text_sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
    (public,) = clinic.outbox()
    assert row["text"] in public
    assert clinic.run("verify").returncode == 0


def test_a_stale_approval_is_refused_with_exit_code_3(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    (item,) = clinic.ask("queue")["items"]
    stale = clinic.run("approve", item["id"], "--revision", "0" * 64)
    assert stale.returncode == 3
    assert clinic.ask("queue")["items"][0]["id"] == item["id"]


def test_publish_waits_for_approval_and_never_sends_twice(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    url = "https://blog.example/2026/03/new.html"
    assert clinic.run("publish", url).returncode == 3
    (item,) = clinic.ask("queue")["items"]
    clinic.run("approve", item["id"], "--by", "Pat")
    for _ in range(2):
        done = clinic.run("publish", url)
        assert done.returncode == 0, done.stderr
    assert len(clinic.outbox()) == 1


def test_a_slip_in_the_answer_waits_for_the_clinician(clinic: Clinic) -> None:
    clinic.add("slip", SLIPPED)
    clinic.run("run", "--once")
    (item,) = clinic.ask("queue")["items"]
    rules = {finding["rule"] for finding in item["findings"]}
    assert {"clinical.look-alike", "form.mangled", "form.lost-link"} <= rules
    assert clinic.run("approve", item["id"]).returncode == 3
    assert clinic.outbox() == []
    feed = feedparser.parse(str(clinic.home / "public" / "feeds" / "rss.xml"))
    assert not any("Blood Thinners" in entry.title for entry in feed.entries)


def test_the_findings_of_an_answer_are_told_once_and_an_edit_tells_its_own(tmp_path: Path) -> None:
    two = SETTINGS + '\n[channels.second]\nkind = "folder"\npath = "outbox2"\n'
    clinic = make_clinic(tmp_path, settings=two)
    clinic.run("init", "--yes")
    clinic.add("slip", SLIPPED)
    clinic.run("run", "--once")
    told = clinic.run("queue").stdout
    assert told.count("form.mangled") == 1
    # Two lone characters, each with the words around it.
    assert "(prednisone# is a steroid" in told
    assert "low dose #5000 units" in told
    assert told.count("findings of the answer above") == 2
    one = clinic.ask("queue")["items"][0]["id"]
    edited = clinic.run(
        "edit", one, "--text", "Blood thinners are of use with a clotting disorder, says Benedita."
    )
    assert "form.mangled" not in edited.stdout
    assert "privacy." in edited.stdout
    assert "of the answer stand in: clinic-broadcast queue" in edited.stdout
    mended = clinic.run("edit", one, "--text", "Blood thinners are given for a clotting disorder.")
    assert "privacy." not in mended.stdout
    refused = clinic.run("approve", one)
    assert "form.mangled" in refused.stdout
    approved = clinic.run("approve", one, "--by", "Dr. Roe")
    assert "approved, with clinical." in approved.stderr
    assert "form.mangled" in approved.stderr


def test_preview_tells_the_zones_apart_and_writes_nothing(clinic: Clinic, tmp_path: Path) -> None:
    file = tmp_path / "answer.txt"
    file.write_text(CLEAN, encoding="utf-8")
    before = sorted(path.name for path in (clinic.home / "state").rglob("*"))
    shown = clinic.ask("preview", str(file), "--url", "https://blog.example/2026/03/new.html")
    zones = shown["answer"]["zones"]
    assert zones["title"] == "Thyroid Tests and Early Pregnancy Loss"
    assert zones["greeting"].startswith("Hello Solveig from Norway")
    assert "Ragnhild" in zones["question"]
    assert zones["answer"].startswith("An underactive thyroid")
    assert "Jane Roe" in zones["signature"]
    (promo,) = shown["promos"]
    assert "".join(piece["text"] for piece in promo["fragments"]) == promo["text"]
    for piece in promo["fragments"]:
        if piece["from"] in ("title", "answer"):
            assert zones[piece["from"]][piece["start"] : piece["end"]] == piece["text"]
    assert sorted(path.name for path in (clinic.home / "state").rglob("*")) == before


def test_the_feeds_are_valid_and_hold_no_word_of_a_letter(clinic: Clinic) -> None:
    for name in ("rss.xml", "atom.xml"):
        path = clinic.home / "public" / "feeds" / name
        parsed = feedparser.parse(path.read_bytes())
        assert parsed.bozo is False
        assert len(parsed.entries) == 1
        assert not any(word in path.read_text(encoding="utf-8") for word in LETTER_WORDS)
    checked = clinic.ask("feed", "check")
    assert checked["problems"] == 0


def test_the_evidence_says_which_bytes_were_served_and_since_when(clinic: Clinic) -> None:
    told = clinic.ask("feed", "served", "feeds/rss.xml")["served"]
    body = (clinic.home / "public" / "feeds" / "rss.xml").read_bytes()
    assert told[-1]["sha256"] == hashlib.sha256(body).hexdigest()
    assert (told[-1]["bytes"], told[-1]["until"], told[-1]["stands"]) == (len(body), None, True)
    assert [one["from"] for one in told[1:]] == [one["until"] for one in told[:-1]]
    then = clinic.ask("feed", "served", "--at", "2001-01-01T00:00:00Z")
    assert then == {"served": []}
    wrong = clinic.run("feed", "served", "--at", "yesterday")
    assert (wrong.returncode, "--at 'yesterday' is not a time" in wrong.stderr) == (2, True)


def test_building_the_feeds_again_changes_no_byte(clinic: Clinic) -> None:
    feeds = clinic.home / "public" / "feeds"
    before = {path.name: path.read_bytes() for path in feeds.iterdir()}
    assert clinic.run("feed", "build").returncode == 0
    assert {path.name: path.read_bytes() for path in feeds.iterdir()} == before


def test_check_reads_a_text_and_json_lines(clinic: Clinic) -> None:
    clean = clinic.run("check", stdin="Small fibroids on the outer wall are often left alone.")
    assert (clean.returncode, clean.stdout.splitlines()[0]) == (0, "clear")
    assert clinic.run("check", stdin="Write to solveig@mail.example or call 555 123 4567.").returncode == 3
    rows = [
        {"id": 1, "text": "Polyps are usually removed first."},
        {"id": "b", "text": "My husband Bram is 41."},
    ]
    lines = clinic.run("check", "--lines", stdin="\n".join(json.dumps(row) for row in rows))
    verdicts = {row["id"]: row["verdict"] for row in map(json.loads, lines.stdout.splitlines())}
    assert verdicts[1] == "clear"
    assert verdicts["b"] in ("hold", "block")


def test_check_in_a_home_that_does_not_exist_is_an_error_and_in_one_without_settings_says_so(
    clinic: Clinic, tmp_path: Path
) -> None:
    text = "Small fibroids on the outer wall are often left alone."
    mistyped = clinic.run("--home", str(tmp_path / "mistyped"), "check", stdin=text)
    assert (mistyped.returncode, mistyped.stdout) == (4, "")
    assert "no such directory" in mistyped.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    bare = clinic.run("--home", str(empty), "check", stdin=text)
    assert (bare.returncode, bare.stdout) == (0, "clear\n")
    assert "own names" in bare.stderr


def test_measure_counts_as_the_network_counts(clinic: Clinic) -> None:
    row = json.dumps({"id": 1, "text": "see https://blog.example.com/a/very/long/path/of/many/words.html"})
    counted = json.loads(clinic.run("measure", "x", "--lines", stdin=row).stdout)
    assert counted == {"id": 1, "length": 27, "length_max": 280, "fits": True}


def test_schedule_next_tells_times_in_utc_and_a_sentence(clinic: Clinic) -> None:
    told = clinic.ask("schedule", "next", "-n", "2", "--from", "2026-03-06T20:00:00-08:00")
    announce = next(one for one in told["schedules"] if one["job"] == "announce")
    assert announce["timezone"] == "America/Los_Angeles"
    # Clocks change on the Sunday in between: nine in the morning is an hour earlier in UTC.
    assert announce["next"] == ["2026-03-09T16:00:00Z", "2026-03-10T16:00:00Z"]
    assert announce["sentence"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_export_writes_every_delivery(clinic: Clinic, form: str) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    lines = clinic.run("export", "--format", form).stdout.strip().splitlines()
    assert len(lines) >= (2 if form == "csv" else 1)
    assert "announce" in lines[-1] or "announce" in "".join(lines)


def test_backup_and_restore_bring_the_record_back(clinic: Clinic, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert clinic.run("backup", str(copy)).returncode == 0
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    assert clinic.run("restore", str(copy)).returncode == 0
    assert clinic.ask("log")["deliveries"] == []
    assert clinic.run("verify").returncode == 0


WRONG_SETTINGS = {
    "an unknown key": ("[review]", "[review]\nmodus = 1", "review.modus"),
    "a wrong type": ("first_n = 0", 'first_n = "none"', "review.first_n"),
    "a wrong value": ('mode = "hold"', 'mode = "sometimes"', "review.mode"),
    "a time zone that is none": ("America/Los_Angeles", "America/Nowhere", "clinic.timezone"),
    "broken TOML": ("[review]", "[review", "clinic.toml"),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_a_wrong_setting_is_refused_with_exit_code_4_and_its_place(clinic: Clinic, case: str) -> None:
    good, bad, said = WRONG_SETTINGS[case]
    path = clinic.home / "clinic.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(good, bad), encoding="utf-8")
    done = clinic.run("run", "--once")
    assert done.returncode == 4
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("publish", "nothing-like-that"),
        ("approve", "ffffffffffff"),
        ("measure", "myspace"),
        ("log", "--state", "lost"),
        ("fly",),
    ],
)
def test_a_users_mistake_is_one_sentence_and_exit_code_2(clinic: Clinic, arguments: tuple[str, ...]) -> None:
    done = clinic.run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_command_outside_of_any_home_says_how_to_make_one(tmp_path: Path) -> None:
    done = Clinic(tmp_path).run("status")
    assert done.returncode == 4
    assert "clinic-broadcast init" in done.stderr


def test_doctor_names_what_mends_each_finding(clinic: Clinic) -> None:
    checks = clinic.ask("doctor")["checks"]
    assert len(checks) >= 15
    assert all(one["ok"] or one["fix"] for one in checks)


def test_dry_runs_change_nothing(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    for arguments in (
        ("run", "--once"),
        ("feed", "build"),
        ("backup",),
        ("publish", "https://blog.example/2026/03/new.html"),
    ):
        assert clinic.run(*arguments, "--dry-run").returncode == 0
    assert clinic.ask("log")["deliveries"] == []
    assert clinic.ask("status")["answers"]["fresh"] == 0


def test_a_dry_run_of_baseline_says_what_it_would_record_and_records_nothing(clinic: Clinic) -> None:
    before = clinic.ask("status")["answers"]["baseline"]
    clinic.add("late", CLEAN)
    found = clinic.ask("baseline", "--dry-run")
    assert (found["baseline"], found["recorded"], found["would_publish"]) == (1, False, 0)
    tried = clinic.run("init", "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "1 answer would be recorded as baseline" in tried.stderr
    assert clinic.ask("status")["answers"]["baseline"] == before
    assert clinic.ask("baseline")["recorded"] is True
    assert clinic.ask("status")["answers"]["baseline"] == before + 1


def test_a_dry_run_of_init_reads_the_blog_and_makes_no_home(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path / "new")
    tried = clinic.run("init", "--dry-run", "--blog", "http://127.0.0.1:9/")
    assert tried.returncode == 75
    assert "allow_private" in tried.stderr
    assert not clinic.home.exists()


@pytest.mark.parametrize("command", ["init", "baseline"])
def test_a_dry_run_in_a_home_that_has_settings_alone_makes_nothing(tmp_path: Path, command: str) -> None:
    clinic = make_clinic(tmp_path)
    before = sorted(clinic.home.rglob("*"))
    tried = clinic.run(command, "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "1 answer would be recorded as baseline" in tried.stderr
    assert sorted(clinic.home.rglob("*")) == before


def test_the_same_words_at_another_address_are_told_of_and_never_announced(clinic: Clinic) -> None:
    clinic.add("first", CLEAN)
    clinic.run("run", "--once")
    clinic.add("second", CLEAN)
    ran = clinic.run("run", "--once")
    assert "second.html: the same words are known at another address, so it is not announced" in ran.stderr
    assert [one["answer_url"] for one in clinic.ask("log")["deliveries"]] == [
        "https://blog.example/2026/03/first.html"
    ]


def test_withdraw_takes_a_published_promo_back_and_leaves_a_notice(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    (item,) = clinic.ask("queue")["items"]
    clinic.run("approve", item["id"], "--by", "Pat")
    clinic.run("run", "--once")
    assert len(clinic.outbox()) == 1
    done = clinic.run("withdraw", item["answer_url"], "--why", "the patient asked", "--by", "Pat")
    assert done.returncode == 0, done.stderr
    states = {row["occasion"]: row["state"] for row in clinic.ask("log")["deliveries"]}
    assert states == {"announce": "withdrawn", "withdraw": "sent"}
    assert clinic.outbox() == []
    assert clinic.ask("status")["answers"]["withdrawn"] == 1
    assert clinic.ask("feed", "check")["problems"] == 0


def test_connect_keeps_credentials_in_private_files_and_shows_none(clinic: Clinic) -> None:
    settings = clinic.home / "clinic.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8")
        + '\n[channels.x]\nkind = "x"\napi_url = "http://127.0.0.1:9/x"\n',
        encoding="utf-8",
    )
    assert clinic.run("connect", "x").returncode == 2
    done = clinic.run(
        "connect", "x", "--stdin", stdin="consumer_key=very-secret-one\naccess_token=12-very-secret-two\n"
    )
    assert done.returncode == 5
    kept = clinic.home / "state" / "secrets" / "CLINIC_CHANNELS__X__CONSUMER_KEY"
    assert kept.read_text(encoding="utf-8").strip() == "very-secret-one"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "very-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("target", ["announce.md", "posts/announce.md"])
def test_a_template_is_no_post_and_says_so(clinic: Clinic, target: str) -> None:
    done = clinic.run("publish", target, "--dry-run")
    assert done.returncode == 2
    assert f"{target}: this is a template" in done.stderr


def test_the_log_shows_the_answer_by_which_other_commands_find_it(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    (row,) = clinic.ask("log")["deliveries"]
    assert f"of {row['answer_id']}\n" in clinic.run("log").stdout
    assert clinic.run("withdraw", row["answer_id"], "--why", "x", "--dry-run").stderr == (
        f"would take back 0 public promos of {row['answer_url']}, and cancel 1 not sent yet\n"
    )


def test_a_dry_run_of_a_correction_says_what_there_is_to_correct(clinic: Clinic) -> None:
    clinic.add("new", CLEAN)
    clinic.run("run", "--once")
    (item,) = clinic.ask("queue")["items"]
    clinic.run("approve", item["id"], "--by", "Pat")
    clinic.run("run", "--once")
    nothing = clinic.run("correct", item["answer_id"], "--dry-run")
    assert (nothing.returncode, nothing.stderr) == (
        0,
        "nothing to correct: what is public has the present words\n",
    )
    clinic.add("new", CLEAN.replace("A simple blood test", "A plain blood test"))
    clinic.run("run", "--once")
    assert "would plan a correction" in clinic.run("correct", item["answer_id"], "--dry-run").stderr
    assert len(clinic.ask("log")["deliveries"]) == 1


def test_what_is_printed_is_utf_8_in_any_locale(tmp_path: Path) -> None:
    made = make_clinic(tmp_path)
    text = "Thyroid \N{EN DASH} \N{LEFT DOUBLE QUOTATION MARK}test\N{RIGHT DOUBLE QUOTATION MARK} #2000 units"
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    question = ["--home", str(made.home), "check", "--json", str(tmp_path / "text.txt")]
    done = run_cold(question, {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout)["findings"]


def test_a_reader_that_goes_away_and_a_closed_stdout_are_no_fault_of_the_program(tmp_path: Path) -> None:
    made = make_clinic(tmp_path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": 1, "text": "Rest helps."}\n' * 5_000, encoding="utf-8")
    program = f"'{sys.executable}' -m clinic_broadcast --home '{made.home}'"
    for command in (
        f"{program} measure x --lines '{rows}' | head -n 1 >&2; exit ${{PIPESTATUS[0]}}",
        f"{program} measure x --lines '{rows}' >&-",
        f"{program} --help >&-",
    ):
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert "fault" not in done.stderr


def test_a_text_is_the_same_with_a_byte_order_mark_and_windows_line_ends(
    clinic: Clinic, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(b"\xef\xbb\xbfA simple blood test shows how the thyroid works.\r\n")
    assert clinic.run("check", str(text)).stdout == "clear\n"
    assert clinic.ask("measure", "x", str(text))["length"] == 48
    text.write_bytes(b'\xef\xbb\xbf{"id": 1, "text": "A"}\r\n')
    assert json.loads(clinic.run("measure", "x", "--lines", str(text)).stdout)["length"] == 1


def test_a_folder_a_missing_file_and_a_file_of_another_kind_are_told_apart_by_their_whole_path(
    clinic: Clinic, tmp_path: Path
) -> None:
    assert "this is a folder" in clinic.run("check", str(tmp_path)).stderr
    assert "there is no such file" in clinic.run("check", str(tmp_path / "none")).stderr
    assert clinic.run("measure", "x", "/dev/null").stdout == "0 of 280: fits\n"
    odd = tmp_path / "answer.pdf"
    odd.write_text("x", encoding="utf-8")
    assert clinic.run("preview", str(odd)).stderr.startswith(f"clinic-broadcast: {odd} is of a kind")

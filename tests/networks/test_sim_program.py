"""The program as a whole: the wall, the control API, restarts and kills."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from clinic_broadcast.demo.networks import CREDENTIALS, Networks, NetworksError
from networks.sim_clients import FACEBOOK_PAGE, facebook, mastodon


def _publish(networks: Networks, text: str, link: str = "") -> str:
    found = facebook(networks, "POST", f"/{FACEBOOK_PAGE}/feed", json={"message": text, "link": link}).json()
    return str(found["id"])


def test_the_wall_shows_text_link_and_what_was_taken_back_without_running_any_of_it(
    networks: Networks,
) -> None:
    added = networks.add_answer(title="Knees", html="<p>k</p>", published="2026-03-02T12:00:00Z")
    gone = _publish(networks, "<script>alert(1)</script> & more", added["url"])
    facebook(networks, "DELETE", f"/{gone}")
    mastodon(networks, "POST", "/api/v1/statuses", json={"status": f"see {added['url']}"})
    page = requests.get(f"{networks.url}/wall", timeout=5)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page.text
    assert "<script" not in page.text
    assert f'id="facebook-{gone}" class="gone"' in page.text
    assert "taken back" in page.text
    # The blog's public name does not exist; the link leads to the copy here, which does.
    assert f'<a href="/blog/2026/03/knees.html" rel="noreferrer nofollow">{added["url"]}</a>' in page.text
    assert requests.get(f"{networks.url}/blog/2026/03/knees.html", timeout=5).status_code == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "width=device-width" in page.text


def test_an_empty_wall_says_so(networks: Networks) -> None:
    assert "Nothing has been published yet" in requests.get(f"{networks.url}/wall", timeout=5).text


def test_the_wall_for_programs_holds_exact_texts(networks: Networks) -> None:
    text = " Ünïcode…\r\n\ttabs  and 👩‍⚕️ "
    _publish(networks, text)
    assert [it["text"] for it in networks.wall()] == [text]
    (found,) = requests.get(f"{networks.url}/wall.json", timeout=5).json()
    assert set(found) == {"network", "id", "text", "link", "at", "deleted", "key", "media"}


def test_settings_are_shown_without_secrets_and_unknown_ones_are_refused(networks: Networks) -> None:
    shown = requests.get(f"{networks.url}/control/settings", timeout=5).text
    assert "lag_s" in shown
    assert not any(
        secret in shown for keys in CREDENTIALS.values() for key, secret in keys.items() if "token" in key
    )
    with pytest.raises(NetworksError):
        networks.set("x", no_such_thing=1)
    with pytest.raises(NetworksError):
        networks.set("orkut", lag_s=1)


def test_a_form_of_a_web_page_cannot_reach_the_control_api(networks: Networks) -> None:
    refused = requests.post(f"{networks.url}/control/reset", data="{}", timeout=5)
    assert refused.status_code == 415


def test_reset_forgets_everything(networks: Networks) -> None:
    _publish(networks, "one")
    networks.add_answer(title="t", html="h")
    networks.set("x", lag_s=5)
    networks.fault("x", "500")
    networks.reset()
    assert (networks.wall(), networks.calls(), networks.faults()) == ([], [], [])
    assert requests.get(f"{networks.url}/control/settings", timeout=5).json()["x"]["lag_s"] == 0
    assert requests.get(f"{networks.url}/control/blog", timeout=5).json() == []


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_everything_survives_the_end_of_the_program(tmp_path: Path, end: str) -> None:
    with Networks(tmp_path) as networks:
        kept = _publish(networks, "kept")
        networks.set("mastodon", max_characters=600)
        networks.fault("facebook", "503", method="GET", path="/me", nth=2)
        facebook(networks, "GET", "/me")
        before = (networks.wall(), networks.calls(), networks.url)
        getattr(networks, end)()
        networks.start()
        assert (networks.wall(), networks.calls(), networks.url) == before
        assert facebook(networks, "GET", "/me").status_code == 503
        error = facebook(networks, "POST", f"/{FACEBOOK_PAGE}/feed", json={"message": "kept"}).json()["error"]
        assert error["code"] == 506
        assert networks.wall()[0]["id"] == kept
        limits = mastodon(networks, "GET", "/api/v2/instance").json()["configuration"]["statuses"]
        assert limits["max_characters"] == 600


def test_it_starts_with_a_plan_and_stops_cleanly_on_sigterm(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([{"network": "facebook", "mode": "503", "nth": "always"}]))
    command = [sys.executable, "-m", "clinic_broadcast.demo.networks", "--dir", str(tmp_path / "d")]
    with subprocess.Popen([*command, "--plan", str(plan)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        assert requests.get(f"{ready['url']}/facebook/me", timeout=5).status_code == 503
        assert ready["pid"] == child.pid
        child.terminate()
        assert child.wait(10) == 0
    plan.write_text('[{"mode": "explode"}]')
    refused = subprocess.run([*command, "--plan", str(plan)], capture_output=True, text=True, check=False)
    assert (refused.returncode, "unknown mode" in refused.stderr) == (2, True)


def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = (
        "import sys, pathlib; from clinic_broadcast.demo.networks import Networks\n"
        "n = Networks(pathlib.Path(sys.argv[1])); n.start(); print(n.url, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert requests.get(f"{url}/control/health", timeout=5).json() == {"ok": True}
        child.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            requests.get(f"{url}/control/health", timeout=1)
        except requests.ConnectionError:
            break
        time.sleep(0.02)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/control/health", timeout=1)


def test_many_callers_at_once_lose_and_double_nothing(networks: Networks) -> None:
    networks.set("mastodon", rate_limits=False)

    def publish(n: int) -> int:
        headers = {"Idempotency-Key": f"k{n}"}
        return mastodon(
            networks, "POST", "/api/v1/statuses", json={"status": f"number {n}"}, headers=headers
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(publish, range(200))) == {200}
    shown = networks.wall("mastodon")
    assert len({it["text"] for it in shown}) == len({it["id"] for it in shown}) == len(shown) == 200
    assert len(networks.calls("mastodon")) == 200


def test_a_port_in_use_is_an_error_with_a_sentence(networks: Networks, tmp_path: Path) -> None:
    with pytest.raises(NetworksError):
        Networks(tmp_path, port=int(networks.url.rpartition(":")[2])).start()


def test_the_environment_names_every_credential_as_the_product_reads_it(networks: Networks) -> None:
    found = networks.environment("x", "facebook")
    assert found["CLINIC_CHANNELS__X__CONSUMER_KEY"] == CREDENTIALS["x"]["consumer_key"]
    assert found["CLINIC_CHANNELS__FACEBOOK__PAGE_TOKEN"] == CREDENTIALS["facebook"]["page_token"]
    assert len(found) == 6


def test_bodies_without_a_length_or_beyond_the_limit_are_refused(networks: Networks) -> None:
    address = f"{networks.url}/mastodon/api/v1/statuses"
    assert requests.post(address, data=iter([b"a", b"b"]), timeout=5).status_code == 411
    assert requests.get(f"{networks.url}/orkut/feed", timeout=5).status_code == 404

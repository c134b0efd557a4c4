"""The fake blog: its feed in Blogger's shape, its validators, and answers that come, change and go."""

from typing import Any

import feedparser
import pytest
import requests

from clinic_broadcast.demo.networks import Networks, NetworksError
from networks.sim_clients import call

FEED = "/feeds/posts/default"


def _feed(networks: Networks, **options: Any) -> requests.Response:
    return call(networks, "blog", "GET", FEED, **options)


def _add(networks: Networks, n: int) -> dict[str, Any]:
    published = f"2026-03-{n + 1:02d}T17:00:00.000Z"
    return networks.add_answer(
        title=f"Answer {n}", html=f"<p>Body {n}</p>", published=published, updated=published
    )


def test_an_added_answer_is_in_the_feed_in_blogger_s_shape(networks: Networks) -> None:
    added = networks.add_answer(
        title="Knees & hips <now>",
        html="<p>Ünïcode &amp; more</p>",
        published="2026-04-01T06:30:00Z",
        labels=["Knees"],
        comments=3,
    )
    reply = _feed(networks)
    read = feedparser.parse(reply.content)
    (entry,) = read.entries
    assert not read.bozo
    assert read.feed.id == "tag:blogger.com,1999:blog-7000000000000000001"
    assert entry.id == added["entry_id"] == f"{read.feed.id}.post-{added['id']}"
    # The permalink carries the month of the local date: it was still March there.
    assert entry.link == added["url"] == "https://answers.example.org/2026/03/knees-hips-now.html"
    assert entry.published == "2026-03-31T22:30:00.000-08:00"
    assert entry.content[0].value == "<p>Ünïcode &amp; more</p>"
    assert entry.tags[0].term == "Knees"
    assert entry.thr_total == "3"
    assert read.feed.opensearch_totalresults == "1"
    assert entry.author_detail.name == "Dr. Demo"


def test_pages_lead_on_by_next(networks: Networks) -> None:
    for n in range(5):
        _add(networks, n)
    seen: list[str] = []
    url = f"{networks.url_for('blog')}{FEED}?max-results=2"
    while url:
        read = feedparser.parse(requests.get(url, timeout=5).content)
        seen += [entry.title for entry in read.entries]
        url = next((link.href for link in read.feed.links if link.rel == "next"), "")
    assert seen == [f"Answer {n}" for n in (4, 3, 2, 1, 0)]


def test_validators_spare_the_body_until_something_changes(networks: Networks) -> None:
    added = _add(networks, 0)
    first = _feed(networks)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    assert _feed(networks, headers={"If-None-Match": etag}).status_code == 304
    assert _feed(networks, headers={"If-Modified-Since": modified}).status_code == 304
    networks.edit_answer(added["id"], html="<p>Corrected</p>")
    changed = _feed(networks, headers={"If-None-Match": etag, "If-Modified-Since": modified})
    assert (changed.status_code, "Corrected" in changed.text) == (200, True)
    networks.set("blog", validators=False)
    assert "ETag" not in _feed(networks).headers


def test_gzip_is_used_when_it_is_accepted(networks: Networks) -> None:
    _add(networks, 0)
    assert _feed(networks).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in _feed(networks, headers={"Accept-Encoding": "identity"}).headers


def test_an_edit_moves_updated_but_never_id_or_permalink(networks: Networks) -> None:
    added = _add(networks, 0)
    networks.edit_answer(added["id"], title="Quite another title")
    (entry,) = feedparser.parse(_feed(networks).content).entries
    assert (entry.title, entry.id, entry.link) == ("Quite another title", added["entry_id"], added["url"])
    assert entry.updated > entry.published


def test_a_withdrawn_answer_is_gone_from_feed_and_page(networks: Networks) -> None:
    added = _add(networks, 0)
    path = added["url"].removeprefix("https://answers.example.org")
    page = call(networks, "blog", "GET", path)
    assert (page.status_code, "<p>Body 0</p>" in page.text) == (200, True)
    networks.withdraw_answer(added["id"])
    assert feedparser.parse(_feed(networks).content).entries == []
    assert call(networks, "blog", "GET", path).status_code == 404
    with pytest.raises(NetworksError):
        networks.withdraw_answer(added["id"])


def test_times_and_order_can_be_asked_for(networks: Networks) -> None:
    first, _ = _add(networks, 0), _add(networks, 1)
    networks.edit_answer(first["id"], updated="2026-05-01T00:00:00Z")
    asked = {"orderby": "updated", "published-max": "2026-03-02T17:00:00Z"}
    titles = [entry.title for entry in feedparser.parse(_feed(networks, params=asked).content).entries]
    assert titles == ["Answer 0"]
    newest = feedparser.parse(_feed(networks, params={"orderby": "updated"}).content).entries[0]
    assert newest.title == "Answer 0"


@pytest.mark.parametrize(
    "answer",
    [
        {"title": "no html"},
        {"title": "t", "html": "h", "published": "yesterday"},
        {"title": "t", "html": "h", "id": "x"},
    ],
    ids=["html", "time", "id"],
)
def test_a_wrong_answer_is_refused(networks: Networks, answer: dict[str, Any]) -> None:
    assert requests.post(f"{networks.url}/control/blog", json=answer, timeout=5).status_code == 400
    assert feedparser.parse(_feed(networks).content).entries == []


def test_the_feed_can_fail_like_any_network(networks: Networks) -> None:
    networks.fault("blog", "cut", method="GET", path=FEED)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _feed(networks)
    assert _feed(networks).status_code == 200


def test_permalinks_can_point_at_this_server(networks: Networks) -> None:
    networks.set("blog", base_url="")
    _add(networks, 0)
    link = feedparser.parse(_feed(networks).content).entries[0].link
    assert requests.get(link, timeout=5).status_code == 200
    assert "Answer 0" in call(networks, "blog", "GET", "/").text

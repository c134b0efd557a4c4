"""Clients of the simulated networks: the real tweepy for X, plain requests for the others."""

from typing import Any
from urllib.parse import urlsplit

import requests
import tweepy
from requests.adapters import HTTPAdapter

from clinic_broadcast.demo.networks import CREDENTIALS, Networks

TIMEOUT_S = 5.0
FACEBOOK_PAGE = CREDENTIALS["facebook"]["page_id"]


class Elsewhere(HTTPAdapter):
    """Carries tweepy's signed requests to another address, after signing."""

    def __init__(self, base_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._base, self._timeout_s = urlsplit(base_url), timeout_s
        super().__init__(max_retries=0)

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        url = urlsplit(request.url)
        request.headers["Host"] = self._base.netloc
        path = self._base.path + url.path
        request.url = url._replace(scheme=self._base.scheme, netloc=self._base.netloc, path=path).geturl()
        options["timeout"] = options.get("timeout") or self._timeout_s
        return super().send(request, *args, **options)


def x_client(networks: Networks, *, timeout_s: float = TIMEOUT_S, keys: dict[str, str] | None = None) -> Any:
    client = tweepy.Client(**{**CREDENTIALS["x"], **(keys or {})}, wait_on_rate_limit=False)
    client.session.mount("https://api.twitter.com", Elsewhere(networks.url_for("x"), timeout_s))
    client.session.max_redirects = 0
    client.session.trust_env = False
    return client


def call(
    networks: Networks,
    network: str,
    method: str,
    path: str,
    *,
    token: str = "",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> requests.Response:
    """Call a network once on a fresh connection, never following a redirect."""
    given = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            networks.url_for(network) + path,
            headers=given,
            allow_redirects=False,
            **{"timeout": TIMEOUT_S, **options},
        )


def facebook(networks: Networks, method: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("token", CREDENTIALS["facebook"]["page_token"])
    return call(networks, "facebook", method, f"/v25.0{path}", **options)


def mastodon(networks: Networks, method: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("token", CREDENTIALS["mastodon"]["access_token"])
    return call(networks, "mastodon", method, path, **options)


def xrpc(networks: Networks, name: str, *, token: str = "", **options: Any) -> requests.Response:
    method = "POST" if "json" in options or "data" in options else "GET"
    return call(networks, "bluesky", method, f"/xrpc/com.atproto.{name}", token=token, **options)


def log_in(networks: Networks) -> dict[str, Any]:
    found = CREDENTIALS["bluesky"]
    body = {"identifier": found["handle"], "password": found["app_password"]}
    session: dict[str, Any] = xrpc(networks, "server.createSession", json=body).json()
    return session

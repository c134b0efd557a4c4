"""Checks OAuth 1.0a signatures as X does, by oauthlib: an opinion independent of the client's own."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from oauthlib.oauth1.rfc5849 import signature

from clinic_broadcast.demo.networks.messages import Call
from clinic_broadcast.demo.networks.store import Store

# tweepy signs for the first, other clients for the second, before our client rewrites the host.
HOSTS: Final = ("https://api.twitter.com", "https://api.x.com")
# Five minutes (docs.x.com, OAuth 1.0a: "timestamp out of bounds"); RFC 5849, 3.3 leaves the span open.
CLOCK_SKEW_S: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What oauthlib's check reads of a request."""

    uri: str
    http_method: str
    params: list[tuple[str, str]]
    signature: str


def is_signed(store: Store, call: Call) -> bool:
    """Say whether the call is signed with the accepted keys, in time, and for the first time.

    JSON bodies are not part of the signature; query and form parameters are (RFC 5849, 3.4.1.3.1).
    """
    oauth = parse_oauth_header(call.headers.get("authorization", ""))
    if (
        oauth.get("oauth_signature_method") != "HMAC-SHA1"
        or oauth.get("oauth_version", "1.0") != "1.0"
        or oauth.get("oauth_consumer_key") != store.setting("x", "consumer_key")
        or oauth.get("oauth_token") != store.setting("x", "access_token")
        or not oauth.get("oauth_nonce")
        or not _is_timely(store, oauth.get("oauth_timestamp", ""))
    ):
        return False
    given = oauth.pop("oauth_signature", "")
    form: list[tuple[str, str]] = []
    if call.media_type() == "application/x-www-form-urlencoded":
        form = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    params = [*((k, v) for k, v in oauth.items() if k != "realm"), *call.query, *form]
    secrets = (store.setting("x", "consumer_secret"), store.setting("x", "access_token_secret"))
    uris = (*(host + call.path for host in HOSTS), f"{call.base_url}/x{call.path}")
    for uri in uris:
        signed: Any = _Signed(uri=uri, http_method=call.method, params=params, signature=given)
        if signature.verify_hmac_sha1(signed, *secrets):
            break
    else:
        return False
    store.prune("nonce", 2 * CLOCK_SKEW_S)
    return store.add("nonce", f"{oauth['oauth_timestamp']} {oauth['oauth_nonce']}", value=True)


def parse_oauth_header(header: str) -> dict[str, str]:
    """Return the decoded parameters of an `Authorization: OAuth ...` header, or none (RFC 5849, 3.5.1)."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "oauth":
        return {}
    found: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            found[unquote(name)] = unquote(value.strip('"'))
    return found


def _is_timely(store: Store, timestamp: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    return abs(store.now_ms() / 1000 - int(timestamp)) <= CLOCK_SKEW_S

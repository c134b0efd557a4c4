"""Sessions of the simulated Bluesky server: logging in, tokens that end, refreshing them."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any, Final

from clinic_broadcast.demo.networks.accounts import BLUESKY_DID
from clinic_broadcast.demo.networks.messages import Call, Json, Reply, reply_json
from clinic_broadcast.demo.networks.rates import take
from clinic_broadcast.demo.networks.store import Store

_KEY: Final = b"demo-only-signing-key"
# A used refresh token works two hours more and gives the same new one (measured on a PDS 0.5.35).
_GRACE_MS: Final = 7_200_000


def xrpc_error(status: int, name: str, message: str) -> Reply:
    """Return an XRPC error: its name is what clients tell errors apart by."""
    return reply_json(status, {"error": name, "message": message})


class Sessions:
    """Makes and checks the tokens of one account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, call: Call) -> Reply:
        """Answer com.atproto.server.createSession; 30 log-ins in 5 minutes (docs.bsky.app rate limits)."""
        fields, name = call.fields(), self._store.setting("bluesky", "handle")
        if self._store.setting("bluesky", "rate_limits"):
            limit = int(self._store.setting("bluesky", "limit_login"))
            window = take(self._store, "bluesky.login", limit=limit, length_s=300.0)
            if window.is_over:
                return self.too_many(window.ends_ms, limit=limit)
        known = fields.get("identifier") in (name, BLUESKY_DID)
        if not known or fields.get("password") != self._store.setting("bluesky", "app_password"):
            return xrpc_error(401, "AuthenticationRequired", "Invalid identifier or password")
        return reply_json(200, self._session(self._token("refresh", "refresh_ttl_s")))

    def refresh(self, call: Call) -> Reply:
        """Answer com.atproto.server.refreshSession."""
        claims, refused = self._check(call.bearer(), "com.atproto.refresh")
        if refused:
            return refused
        with self._store.change():
            used: Json | None = self._store.get("bluesky.refreshed", claims["jti"])
            if used is None:
                used = {"token": self._token("refresh", "refresh_ttl_s"), "at_ms": self._store.now_ms()}
                self._store.put("bluesky.refreshed", claims["jti"], used)
        if used["at_ms"] + _GRACE_MS < self._store.now_ms():
            return xrpc_error(400, "ExpiredToken", "Token has been revoked")
        return reply_json(200, self._session(used["token"]))

    def refuse(self, call: Call) -> Reply | None:
        """Return the refusal of a call without a good access token, or None."""
        if not call.bearer():
            return xrpc_error(401, "AuthMissing", "Authentication Required")
        return self._check(call.bearer(), "com.atproto.access")[1]

    def too_many(self, ends_ms: int, *, limit: int) -> Reply:
        """Return the 429 with its headers; the only network here that sends Retry-After."""
        wait_s = max(1, -(-(ends_ms - self._store.now_ms()) // 1000))
        headers = {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(-(-ends_ms // 1000)),
            "RateLimit-Policy": f"{limit};w=300",
            "Retry-After": str(wait_s),
        }
        return xrpc_error(429, "RateLimitExceeded", "Rate Limit Exceeded").with_headers(headers)

    def _session(self, refresh_token: str) -> Json:
        handle = self._store.setting("bluesky", "handle")
        access = self._token("access", "access_ttl_s")
        return {
            "did": BLUESKY_DID,
            "handle": handle,
            "email": "clinic@demo.test",
            "emailConfirmed": True,
            "active": True,
            "accessJwt": access,
            "refreshJwt": refresh_token,
        }

    def _token(self, kind: str, ttl: str) -> str:
        now_s = self._store.now_ms() // 1000
        claims = {
            "scope": f"com.atproto.{kind}",
            "sub": BLUESKY_DID,
            "aud": "did:web:demo.test",
            "jti": secrets.token_hex(8),
            "iat": now_s,
            "exp": round(now_s + float(self._store.setting("bluesky", ttl))),
        }
        head = f"{_encode({'alg': 'HS256', 'typ': 'at+jwt'})}.{_encode(claims)}"
        return f"{head}.{_sign(head)}"

    def _check(self, token: str, scope: str) -> tuple[Json, Reply | None]:
        head, _, mark = token.rpartition(".")
        is_ours = bool(head) and hmac.compare_digest(mark.encode(), _sign(head).encode())
        claims: Json = _decode(head.partition(".")[2]) if is_ours else {}
        if claims.get("scope") != scope or self._store.setting("bluesky", "token_dead"):
            return {}, xrpc_error(400, "InvalidToken", "Token could not be verified")
        if claims["exp"] * 1000 <= self._store.now_ms():
            return {}, xrpc_error(400, "ExpiredToken", "Token has expired")
        return claims, None


def _encode(claims: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def _decode(part: str) -> Json:
    found: Any = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return dict(found)


def _sign(head: str) -> str:
    return (
        base64.urlsafe_b64encode(hmac.new(_KEY, head.encode(), hashlib.sha256).digest()).decode().rstrip("=")
    )

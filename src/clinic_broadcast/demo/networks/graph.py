"""What the Graph APIs of Facebook and Threads share: the error envelope, field lists and their times."""

import secrets
from datetime import UTC, datetime
from typing import Final

from clinic_broadcast.demo.networks.messages import Json, Reply, reply_json

WORDS: Final = {
    1: "An unknown error occurred",
    2: "An unexpected error has occurred. Please retry your request later.",
}


class GraphError(Exception):
    """One refusal of the Graph API, before it is put in its envelope."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int = 0,
        status: int = 400,
        is_transient: bool = False,
        kind: str = "OAuthException",
        title: str = "",
        person: str = "",
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.subcode, self.status = code, message, subcode, status
        self.is_transient, self.kind, self.title, self.person = is_transient, kind, title, person


def envelope(error: GraphError) -> Reply:
    """Return the reply that carries the error (developers.facebook.com, Graph API error handling)."""
    inner: Json = {"message": error.message, "type": error.kind, "code": error.code}
    if error.subcode:
        inner["error_subcode"] = error.subcode
    inner["is_transient"] = error.is_transient
    if error.title:
        inner |= {"error_user_title": error.title, "error_user_msg": error.person}
    inner["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
    headers = {}
    if error.code in (102, 104, 190):
        headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
    return reply_json(error.status, {"error": inner}, headers)


def parse_fields(text: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a field list, each with the names in its braces: `a,b{c,d}`."""
    found: dict[str, tuple[str, ...]] = {}
    name, depth, inner = "", 0, ""
    for char in f"{text},":
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char == "," and depth == 0:
            if name.strip():
                found[name.strip()] = tuple(part.strip() for part in inner.split(",") if part.strip())
            name, inner = "", ""
        elif depth == 0:
            name += char
        elif depth == 1:
            inner += char
    return found


def stamp(at_ms: int) -> str:
    """Return the instant as the Graph API writes it: seconds, with `+0000`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")

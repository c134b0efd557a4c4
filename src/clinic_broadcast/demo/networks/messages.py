"""One request and one reply as the simulated networks see them, free of sockets."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from email.utils import formatdate
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import parse_qsl

Json: TypeAlias = dict[str, Any]
HTML_BODY: Final = (
    b"<!doctype html><title>Bad gateway</title><p>Something is between you and the network.</p>"
)
FIELDS_MAX: Final = 200


def stay() -> None:
    """Do not wait: the pause of a call without a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a simulated network; `path` begins after the network's own prefix."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    base_url: str = ""
    pause: Callable[[], None] = stay
    """Waits out a "late" fault: called right before the network changes anything."""

    def ask(self, name: str) -> str | None:
        """Return the first query parameter of that name, or None."""
        return next((value for key, value in self.query if key == name), None)

    def media_type(self) -> str:
        """Return the media type of the body in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def document(self) -> Json:
        """Return the JSON object of the body.

        Raises:
            ValueError: the body is not a JSON object.
        """
        found: Any = json.loads(self.body or b"{}")
        if not isinstance(found, dict):
            raise ValueError("the body is not an object")  # noqa: TRY004 - Callers answer 400 to one error.
        if b"\\u" in self.body:
            # Half a surrogate pair is legal JSON and no text: refuse it here (a UnicodeEncodeError).
            json.dumps(found, ensure_ascii=False).encode()
        return found

    def fields(self) -> Json:
        """Return the fields of a JSON or form body over those of the query; what cannot be read is empty."""
        found: Json = dict(reversed(self.query))
        if self.media_type() == "application/json":
            try:
                return {**found, **self.document()}
            except ValueError:
                return found
        if self.media_type() == "application/x-www-form-urlencoded":
            pairs = parse_qsl(
                self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MAX
            )
            return {**found, **dict(pairs)}
        if self.media_type() == "multipart/form-data":
            words = {name: value for name, value in self.parts().items() if b"\0" not in value}
            return {**found, **{name: value.decode("utf-8", "replace") for name, value in words.items()}}
        return found

    def parts(self) -> dict[str, bytes]:
        """Return the fields of a multipart form by their names (RFC 7578); empty when the body is none."""
        if self.media_type() != "multipart/form-data":
            return {}
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + self.body)
        found: dict[str, bytes] = {}
        for part in form.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                found[name] = content
        return found

    def bearer(self) -> str:
        """Return the bearer token of the Authorization header, or the empty string."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() in {"bearer", "oauth"} and "=" not in token[:30] else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a network answers: status, headers beyond the usual ones, and the exact body."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, headers: Mapping[str, str]) -> "Reply":
        """Return the same reply with more headers."""
        return Reply(status=self.status, body=self.body, headers=(*self.headers, *headers.items()))


class Network(Protocol):
    """One simulated platform: answers calls, and has its own words for each kind of failure."""

    @property
    def pauses_itself(self) -> bool:
        """True where the network calls `Call.pause` itself, in the middle of its own steps."""
        ...

    def answer(self, call: Call) -> Reply:
        """Apply the call to the durable state and return the reply."""
        ...

    def failed(self, status: int) -> Reply:
        """Return what this network says with a 5xx."""
        ...

    def throttled(self, wait_s: float, *, bare: bool) -> Reply:
        """Return what this network says to a caller that is too fast; `bare` leaves every hint out."""
        ...

    def refused_token(self) -> Reply:
        """Return what this network says to a dead token."""
        ...


def reply_json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a JSON reply; non-ASCII text is sent as UTF-8, not escaped."""
    usual = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Reply(
        status=status, body=json.dumps(body, ensure_ascii=False).encode(), headers=tuple(usual.items())
    )


def reply_html(status: int, body: bytes | str) -> Reply:
    """Return an HTML reply."""
    raw = body.encode() if isinstance(body, str) else body
    return Reply(status=status, body=raw, headers=(("Content-Type", "text/html; charset=utf-8"),))


def iso_ms(at_ms: int) -> str:
    """Return the instant as X, Mastodon and Bluesky write it: UTC with milliseconds and Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(at_ms: int) -> str:
    """Return the instant as an HTTP date (RFC 9110, 5.6.7)."""
    return formatdate(at_ms / 1000, usegmt=True)


def parse_instant(text: str) -> int | None:
    """Return the milliseconds since 1970 of an RFC 3339 time, or None when it is not one."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else round(found.timestamp() * 1000)


def parse_number(text: str | None, default: int) -> int | None:
    """Return the whole number, the default when there is no text, None when it is not a number."""
    if text is None or text == "":
        return default
    return int(text) if text.isascii() and text.isdigit() else None

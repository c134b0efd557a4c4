"""One HTTP call of a channel: bounded in time and size, never redirected, and honest about whether a byte left."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.channels.exchange import Exchange, Lost, NotLeft, Reply
from clinic_broadcast.channels.watchman import WATCHMAN
from clinic_broadcast.errors import SettingsError

CONNECT_S: Final = 5.0
"""A network that does not take a connection within this is down; nothing has left by then, so waiting is cheap."""
BODY_MAX: Final = 8_000_000
"""A server that ignores paging lists a whole account; beyond this it is not an answer any more."""
WORDS_MAX: Final = 300
SECRET_MIN: Final = 4
"""Anything shorter is no secret, and hiding it would spoil every message."""
PASSING_MAX: Final = 20
"""So many tokens that come and go are remembered, those of the settings always."""
_CHUNK: Final = 65_536
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

# Both write paths and headers at DEBUG: Telegram's token stands in the path.
for _noisy in ("urllib3", "tweepy"):
    logging.getLogger(_noisy).setLevel(logging.INFO)


class TooLateError(Exception):
    """The last instant for the request had passed when it could have left."""


@dataclass(slots=True)
class Trip:
    """What became of the calls made under one `Wire.trip`; `exchange` is the last one, None if none was tried."""

    ends_at_s: float
    may_leave: Callable[[], bool]
    calls_left: int
    has_left: bool = False
    was_cut: bool = False
    exchange: Exchange | None = None
    line: socket.socket | None = field(default=None, repr=False)

    def leave(self, through: socket.socket | None) -> None:
        """Note that bytes leave now; raises TooLateError instead when their time is over."""
        # A name may take longer to find than the whole call may take, and no time-out bounds that.
        if self.was_cut or not self.may_leave():
            raise TooLateError
        self.line = through
        self.has_left = True

    def refuse_if_cut(self) -> None:
        """Raise when the call was cut: where an answer tells no length, the cut looks like its end."""
        if self.was_cut:
            raise requests.exceptions.ReadTimeout

    def cut(self) -> None:
        """End a call that drips on beyond its time: the thread that reads gets an error at once."""
        self.was_cut = True
        if self.line is not None:
            with contextlib.suppress(OSError):
                self.line.shutdown(socket.SHUT_RDWR)


_TRIP: ContextVar[Trip | None] = ContextVar("clinic_broadcast_trip", default=None)


class _Watched(HTTPConnection):
    """A connection that tells its trip the instant before the first byte of a request leaves."""

    def endheaders(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - The base's own.
        # A proxy's CONNECT does not come by here, so what a tunnel costs does not count as having left.
        if self.sock is None:
            self.connect()
        if (trip := _TRIP.get()) is not None:
            trip.leave(self.sock)
        super().endheaders(*arguments, **options)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Adapter(requests.adapters.HTTPAdapter):
    """An adapter without retries whose connections are watched, through a proxy too."""

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - The base's own.
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _WatchedTls if pool.scheme == "https" else _Watched
        return pool


class Wire(requests.Session):
    """The session that every driver of a channel is given; it records each call, whatever the driver makes of it.

    `base` sends calls elsewhere: their scheme and host are replaced and its path is put in front, after the
    driver has signed them. Outside a `trip` nothing can be sent. With `keeps_answers` the driver of a channel that
    reads only what the trip recorded is shown the document `null` for each success: to turn an answer that nobody
    reads into objects can cost as much as the call.
    """

    def __init__(self, setup: ChannelSetup, *, base: str = "", keeps_answers: bool = False) -> None:
        super().__init__()
        self._keeps_answers = keeps_answers
        self._clock = setup.clock
        self._timeout_s = setup.timeout_s
        self._secrets = _with_tails(setup.secrets)
        self._passing: tuple[str, ...] = ()
        self._base = base
        # A proxy or a .netrc of this machine has no say over what is on this machine.
        self.trust_env = urlsplit(base or setup.api_url).hostname not in _LOOPBACK
        # A kept connection that the far side has just closed would turn a send into a doubt (seen with snac2 2.75).
        self.headers.update({"User-Agent": "clinic-broadcast", "Connection": "close"})
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(max_retries=0))

    @contextlib.contextmanager
    def trip(
        self, *, deadline_at: datetime | None = None, ends_at_s: float | None = None, calls_max: int = 1
    ) -> Generator[Trip]:
        """Allow up to `calls_max` calls, which must leave by `deadline_at` and end by `ends_at_s` (monotonic)."""
        trip = Trip(
            ends_at_s=self.ends_at_s() if ends_at_s is None else ends_at_s,
            may_leave=lambda: deadline_at is None or self._clock.now() <= deadline_at,
            calls_left=calls_max,
        )
        token = _TRIP.set(trip)
        try:
            yield trip
        finally:
            _TRIP.reset(token)

    def ends_at_s(self) -> float:
        """Give the monotonic instant at which what begins now must have ended."""
        return time.monotonic() + self._timeout_s

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline_at: datetime | None = None,
        ends_at_s: float | None = None,
    ) -> Exchange:
        """Make one call; never raises for what the far side does."""
        with self.trip(deadline_at=deadline_at, ends_at_s=ends_at_s) as trip:
            try:
                self.request(
                    method, url, headers=headers, params=query, data=form or body, auth=_keep_headers
                ).close()
            except Exception as surprise:  # noqa: BLE001 - The trip knows what left; the error's class does not.
                return trip.exchange or NotLeft(f"the request could not be made: {type(surprise).__name__}")
            return trip.exchange or Lost("the call left no trace")

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        trip = _TRIP.get()
        if trip is None or trip.calls_left <= 0:
            raise requests.exceptions.RequestException("a call that nobody asked for was not made")
        trip.calls_left -= 1
        trip.has_left, trip.was_cut, trip.exchange, trip.line = False, False, None, None
        request.url = self._elsewhere(request.url or "")
        left_s = trip.ends_at_s - time.monotonic()
        if left_s <= 0:
            trip.exchange = NotLeft("the time for this was over before the call could be made")
            raise requests.exceptions.ConnectTimeout(request=request)
        # A time-out of the socket counts anew with every byte; this one ends the call as a whole.
        try:
            options |= {"stream": True, "allow_redirects": False, "timeout": (min(CONNECT_S, left_s), left_s)}
            with WATCHMAN.watch(left_s, trip.cut):
                response = super().send(request, **options)
                body = _read(response)
            trip.refuse_if_cut()
        except Exception as surprise:
            trip.exchange = _failed(trip, surprise)
            raise
        finally:
            self.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        trip.exchange = reply = Reply(status=response.status_code, headers=headers, body=body)
        response.raw = io.BytesIO(b"null" if self._keeps_answers and reply.is_success else body)
        return response

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Never follow: a 307 would send the same promo again."""
        del resp
        return None

    def hide(self, *secrets: str) -> None:
        """Keep these out of every later message too."""
        new = [one for one in _with_tails(secrets) if one not in self._passing]
        self._passing = (*self._passing, *new)[-PASSING_MAX:]

    def words(self, text: object) -> str:
        """Give the network's own words on one line, without secrets, at most 300 characters of them."""
        found = str(text)
        for secret in sorted((*self._secrets, *self._passing), key=len, reverse=True):
            for shape in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                found = found.replace(shape, "***")
        found = " ".join(found.split())
        return found if len(found) <= WORDS_MAX else f"{found[: WORDS_MAX - 1]}…"

    def _elsewhere(self, url: str) -> str:
        if not self._base:
            return url
        to, parts = urlsplit(self._base), urlsplit(url)
        path = to.path.rstrip("/") + parts.path
        return parts._replace(scheme=to.scheme, netloc=to.netloc, path=path).geturl()


def base_url(setup: ChannelSetup, own: str, *, may_have_query: bool = False) -> str:
    """Give where the network is: the `api_url` of the settings, else its own; without a slash at the end.

    Raises:
        SettingsError: it is no http or https address, or carries a user name or a query.
    """
    url = (setup.api_url or own).rstrip("/")
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if url and (
        not is_address or "@" in urlsplit(url).netloc or (urlsplit(url).query and not may_have_query)
    ):
        # The address is not repeated: it may hold a password.
        raise SettingsError(f"channels.{setup.name}.api_url: is not a plain http:// or https:// address")
    return url


def _with_tails(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Add what follows a public number: of "4711-token" and "4711:token" the token is a secret of its own."""
    tails = (re.split(r"[-:]", one, maxsplit=1)[-1] for one in secrets)
    return tuple(dict.fromkeys(one for one in (*secrets, *tails) if len(one) >= SECRET_MIN))


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # Without an auth of its own, requests would put a .netrc entry over our bearer token.
    return request


def _read(response: requests.Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in response.raw.stream(_CHUNK, decode_content=True):
            size += len(piece)
            if size > BODY_MAX:
                break
            pieces.append(piece)
    except BaseException:
        response.close()
        raise
    if size > BODY_MAX:
        response.close()
        raise requests.exceptions.ContentDecodingError(f"the answer is larger than {BODY_MAX} bytes")
    return b"".join(pieces)


def _failed(trip: Trip, surprise: Exception) -> NotLeft | Lost:
    # The text of these errors may quote the address, and an address may hold a token: only classes are named.
    root: BaseException = surprise
    while root.__cause__ is not None or root.__context__ is not None:
        root = root.__cause__ or root.__context__ or root
    if isinstance(surprise, TooLateError):
        return NotLeft("the claim was too old when the request could have left")
    if trip.has_left:
        return Lost(f"no whole answer came back: {type(root).__name__}")
    return NotLeft(f"no connection: {type(root).__name__}")

"""One bounded HTTP GET: limits on time, size and redirects, and no way into a private network."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

import clinic_broadcast
from clinic_broadcast.core.address import absolute_url, parts_of
from clinic_broadcast.errors import SourceError

BODY_MAX: Final = 8_000_000
"""Bytes of one body after decompressing: a page of 150 answers has well under one million."""

REDIRECTS_MAX: Final = 5
"""Hops: a blog that moved twice and added https needs three."""

RETRY_AFTER_MAX_S: Final = 24 * 3600
"""A server that asks for more than a day is asked again after a day."""

FEEDS: Final = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"
"""What a feed may come as."""

_CHUNK: Final = 65_536
_AGENT: Final = f"clinic-broadcast/{clinic_broadcast.__version__} (reads a clinic's own blog)"
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_THROTTLED: Final = frozenset({429, 503})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Gets addresses within bounds: `timeout_s` for each wait on the network, `total_s` for all of it with redirects.

    `allow_private` lets it reach loopback and private addresses, for tests and for blogs inside a clinic.
    """

    timeout_s: float = 20.0
    total_s: float = 60.0
    body_max: int = BODY_MAX
    allow_private: bool = False
    user_agent: str = _AGENT

    def get(self, url: str, *, etag: str = "", last_modified: str = "", accept: str = FEEDS) -> Fetched:
        """Get one address and its body.

        With validators of an earlier answer, sent back exactly as they came, the server may say "unchanged".
        Raises SourceBusy for 429 and 503, SourceAbsent for 404 and 410, SourceError for everything else that went
        wrong: none of the messages holds a word of the body.
        """
        headers = {"User-Agent": self.user_agent, "Accept": accept, "Accept-Encoding": "gzip"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        guard = _Guard(allow_private=self.allow_private, ends_at=time.monotonic() + self.total_s)
        timer = threading.Timer(self.total_s, guard.end)
        timer.daemon = True
        timer.start()
        try:
            with _session(guard) as session:
                return _follow(session, url, self, guard=guard, headers=headers)
        finally:
            timer.cancel()
            guard.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server answered: `is_unchanged` for a 304, which has no body. Validators are exactly as sent."""

    url: str
    body: bytes
    is_unchanged: bool = False
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    link_header: str = ""
    max_age_s: int | None = None
    pages: int | None = None


class SourceBusy(SourceError):  # noqa: N818 - It is a SourceError, named by what the far side is.
    """The server asks to be left alone for `retry_after_s` seconds; None if it did not say how long."""

    def __init__(self, message: str, *, retry_after_s: int | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceAbsent(SourceError):  # noqa: N818 - The same.
    """The server says that there is nothing at this address (404 or 410)."""


@dataclass(slots=True, kw_only=True)
class _Guard:
    """What one fetch's connections obey: which addresses are allowed, and when everything must end."""

    allow_private: bool
    ends_at: float
    _sockets: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    is_over: bool = False

    def remaining_s(self, timeout_s: float) -> float:
        """Give the seconds that a wait may last; at least a little, because zero would mean no limit."""
        return max(0.05, min(timeout_s, self.ends_at - time.monotonic()))

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Resolve, check every address and connect to a checked one, so that no second look-up can differ."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        if not self.allow_private and not all(is_public(str(address[4][0])) for address in found):
            raise _PrivateAddressError
        failure: OSError = OSError("no address")
        for _family, _kind, _protocol, _name, address in found:
            try:
                made = socket.create_connection((str(address[0]), port), timeout=self.remaining_s(timeout_s))
            except OSError as error:
                failure = error
                continue
            self._watch(made)
            return made
        raise failure

    def _watch(self, made: socket.socket) -> None:
        # The copy of the descriptor stays valid when TLS takes over the original; closing both ends the wait.
        with self._lock:
            self._sockets.append(made.dup())
            is_over = self.is_over
        if is_over:
            self.end()

    def end(self) -> None:
        """Cut all connections: the time is over, even if bytes still trickle in."""
        with self._lock:
            self.is_over = True
            for one in self._sockets:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # It was closed before us.

    def close(self) -> None:
        """Let go of the copies."""
        with self._lock:
            for one in self._sockets:
                one.close()
            self._sockets.clear()


class _PrivateAddressError(Exception):
    """The host has an address on a private network."""


def is_public(address: str) -> bool:
    """Say whether an IP address is reachable by everyone: not loopback, private, link-local or reserved.

    An IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64) is judged by itself.
    """
    found = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _follow(
    session: requests.Session, url: str, fetcher: Fetcher, *, guard: _Guard, headers: dict[str, str]
) -> Fetched:
    here = url
    for _hop in range(REDIRECTS_MAX + 1):
        _check_address(here)
        with _translated(here, guard):
            wait_s = guard.remaining_s(fetcher.timeout_s)
            response = session.get(
                here,
                headers=headers,
                timeout=(wait_s, wait_s),
                stream=True,
                allow_redirects=False,
                auth=_unchanged,
            )
            with response:
                target = response.headers.get("Location", "")
                if response.status_code not in _MOVED or not target:
                    return _read(response, here, fetcher, guard=guard)
        there = absolute_url(here, target)
        if parts_of(here).scheme == "https" and parts_of(there).scheme == "http":
            raise SourceError(
                f"{shown(here)} leads from https to http; set the http address itself if that is meant"
            )
        here = there
    raise SourceError(f"{shown(url)} leads on more than {REDIRECTS_MAX} times; set the address where it ends")


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep the request without credentials: requests would else take some from a .netrc file."""
    return request


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise SourceError(f"{shown(url)} is not an http or https address; correct the source's url")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise SourceError(f"{shown(url)} holds a user name or password; give an address without them")


@contextmanager
def _translated(url: str, guard: _Guard) -> Generator[None, None, None]:
    """Turn what the network does into a SourceError that says where and what to do, without the body's words."""
    where = shown(url)
    try:
        yield
    except _PrivateAddressError:
        raise SourceError(
            f"{where} is on a private network; set allow_private = true under [intake] if that is meant"
        ) from None
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        if guard.is_over or isinstance(error, requests.Timeout | TimeoutError):
            raise SourceError(f"{where} did not answer in time; it will be asked again") from None
        raise SourceError(
            f"{where} could not be read ({type(error).__name__}); it will be asked again"
        ) from None


def _read(response: requests.Response, url: str, fetcher: Fetcher, *, guard: _Guard) -> Fetched:
    status, headers = response.status_code, response.headers
    where = shown(url)
    if status in _THROTTLED:
        wait_s = read_retry_after(headers.get("Retry-After", ""))
        rest = f" for {wait_s} s" if wait_s is not None else ""
        raise SourceBusy(f"{where} asks to be left alone{rest} (HTTP {status})", retry_after_s=wait_s)
    if status in (404, 410):
        raise SourceAbsent(f"there is nothing at {where} (HTTP {status}); check the source's url")
    if status not in (200, 304):
        raise SourceError(
            f"{where} answered HTTP {status}; check the source's url, or wait if it is out of order"
        )
    max_age = _MAX_AGE.search(headers.get("Cache-Control", ""))
    pages = headers.get("X-WP-TotalPages", "")
    return Fetched(
        url=url,
        body=b"" if status == 304 else _body(response, where, fetcher, guard=guard),  # noqa: PLR2004 - Not Modified.
        is_unchanged=status == 304,  # noqa: PLR2004 - The same.
        etag=headers.get("ETag", ""),
        last_modified=headers.get("Last-Modified", ""),
        content_type=headers.get("Content-Type", ""),
        link_header=headers.get("Link", ""),
        max_age_s=int(max_age[1]) if max_age else None,
        pages=int(pages) if pages.isascii() and pages.isdigit() else None,
    )


def _body(response: requests.Response, where: str, fetcher: Fetcher, *, guard: _Guard) -> bytes:
    # Counted after decompressing, chunk by chunk: a small bomb never becomes a large body.
    read = bytearray()
    for chunk in response.iter_content(_CHUNK):
        read += chunk
        if len(read) > fetcher.body_max:
            raise SourceError(
                f"{where} sends more than {fetcher.body_max} bytes; give the feed's address, not a file's"
            )
        if guard.is_over or time.monotonic() > guard.ends_at:
            raise SourceError(f"{where} did not answer in time; it will be asked again")
    return bytes(read)


def read_retry_after(value: str) -> int | None:
    """Give the seconds that a Retry-After header asks for, at most a day; None without a usable one."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), RETRY_AFTER_MAX_S)
    try:
        until = parsedate_to_datetime(text)
        return max(0, min(int(until.timestamp() - time.time()), RETRY_AFTER_MAX_S))
    except (ValueError, TypeError, OverflowError):
        return None


def shown(url: str) -> str:
    """Give an address as it may stand in a message: without user name, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"[:200]


def _session(guard: _Guard) -> requests.Session:
    """Give a session without proxies, .netrc and retries, whose connections obey the guard."""
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("http://", _GuardedAdapter(guard))
    session.mount("https://", _GuardedAdapter(guard))
    return session


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, guard: _Guard) -> None:
        super().__init__(max_retries=0)
        pools = _guarded_pools(guard)
        self.poolmanager.pool_classes_by_scheme = pools


def _guarded_pools(guard: _Guard) -> dict[str, type[HTTPConnectionPool]]:
    """Give connection pools whose every connection goes through the guard."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return guard.connect(self._dns_host, self.port or 80, _seconds(self.timeout))

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return guard.connect(self._dns_host, self.port or 443, _seconds(self.timeout))

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType] - urllib3's protocol fits not even its own class.

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType] - The same.

    return {"http": PlainPool, "https": SecurePool}


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, int | float) else Fetcher().timeout_s

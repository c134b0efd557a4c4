"""Bluesky by raw XRPC: our own record key and frozen bytes, so that sending again can never make a second one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from clinic_broadcast.channels import ChannelSetup
from clinic_broadcast.channels.at_record import COLLECTION, blob_of, record_of, tid
from clinic_broadcast.channels.at_session import Session, read_session, write_session
from clinic_broadcast.channels.exchange import (
    Exchange,
    Meaning,
    Reply,
    Unsent,
    outcome_of,
    outcome_without_reply,
    retry_at,
)
from clinic_broadcast.channels.http import Wire, base_url
from clinic_broadcast.channels.picture import Upload, Uploaded, after_failure, uploaded
from clinic_broadcast.core.delivery import (
    Absent,
    CannotTell,
    Found,
    Outcome,
    Refused,
    Sent,
    Throttled,
    Trace,
    Unsure,
)
from clinic_broadcast.core.measure import LIMITS, Limits
from clinic_broadcast.ports import Channel, Check, Guarantee, Parcel

KEYS: Final = ("handle", "app_password")
OWN_URL: Final = "https://bsky.social"

ERRORS: Final[Mapping[str, Meaning]] = {
    # The names of XRPC errors (atproto.com/specs/xrpc; measured on a PDS 0.5.35). What is not here is unsure.
    "InvalidRequest": Meaning.REFUSED,
    "PayloadTooLarge": Meaning.REFUSED,
    "InvalidToken": Meaning.ACCOUNT,
    "AuthMissing": Meaning.ACCOUNT,
    "AuthenticationRequired": Meaning.ACCOUNT,
    "AuthFactorTokenRequired": Meaning.ACCOUNT,
    "AccountTakedown": Meaning.ACCOUNT,
    "AccountSuspended": Meaning.ACCOUNT,
    "AccountDeactivated": Meaning.ACCOUNT,
    "RepoDeactivated": Meaning.ACCOUNT,
    "Forbidden": Meaning.ACCOUNT,
    "MethodNotImplemented": Meaning.ACCOUNT,
    "RateLimitExceeded": Meaning.THROTTLED,
}
STATUSES: Final[Mapping[int, Meaning]] = {401: Meaning.ACCOUNT, 413: Meaning.REFUSED, 429: Meaning.THROTTLED}
STALE: Final = frozenset({"ExpiredToken", "InvalidToken", "AuthMissing"})
RESETS: Final = ("ratelimit-reset", "retry-after")


class BlueskyChannel:
    """One account, by its handle and an app password; `api_url` is its server."""

    def __init__(self, setup: ChannelSetup) -> None:
        self._setup = setup
        self._base = base_url(setup, OWN_URL)
        self._wire = Wire(setup)
        self._place = setup.home / "state" / "sessions" / f"{setup.name}.json"

    @property
    def name(self) -> str:
        return self._setup.name

    @property
    def kind(self) -> str:
        return "bluesky"

    @property
    def account(self) -> str:
        handle = self._handle
        return f"bluesky:{handle}" if handle else f"bluesky:{self.name}?"

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee.EXACT

    @property
    def limits(self) -> Limits:
        return LIMITS["bluesky"]

    def send(self, parcel: Parcel) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        ends_at_s = self._wire.ends_at_s()
        upload = self._upload(parcel, ends_at_s)
        if isinstance(upload, Throttled):
            return upload
        rkey = tid(parcel.planned_at, parcel.key)
        record = record_of(parcel.payload, parcel.planned_at, parcel.picture if upload.media_id else b"")
        body = {"collection": COLLECTION, "rkey": rkey, "record": record, "swapRecord": None}
        found = self._write("putRecord", body, ends_at_s=ends_at_s, deadline_at=parcel.deadline_at)
        if not isinstance(found, Reply):
            return found
        if found.is_success:
            uri = found.document().get("uri")
            return self._sent(str(uri), rkey) if uri and str(uri).endswith(rkey) else _unreadable(found)
        if _error(found) == "InvalidSwap":
            return self._compare(rkey, record, ends_at_s)
        return self._classify(found)

    def _upload(self, parcel: Parcel, ends_at_s: float) -> Upload:
        if not parcel.picture:
            return Uploaded()
        found = self._write("uploadBlob", parcel.picture, ends_at_s=ends_at_s, deadline_at=parcel.deadline_at)
        if not isinstance(found, Reply):
            return after_failure(parcel, found, now=self._setup.clock.now())
        return uploaded(
            parcel,
            found,
            # The record names the picture by its content; a server that names it otherwise would not find it.
            media_id=lambda reply: _address_in(reply, parcel.picture),
            classify=lambda _: self._classify(found),
            now=self._setup.clock.now(),
        )

    def look(self, parcel: Parcel) -> Trace:
        if not self._handle:
            return CannotTell("no handle is set, so nothing can be looked up")
        rkey = tid(parcel.planned_at, parcel.key)
        return self._read(rkey, self._wire.ends_at_s())[0]

    def withdraw(self, post_id: str) -> Outcome:
        if refused := self._setup.missing(*KEYS):
            return refused
        body = {"collection": COLLECTION, "rkey": post_id.rpartition("/")[2]}
        found = self._write("deleteRecord", body, ends_at_s=self._wire.ends_at_s(), deadline_at=None)
        if not isinstance(found, Reply):
            return found
        # Deleting what is not there is a success as well.
        return Sent(post_id, "") if found.is_success else self._classify(found)

    def probe(self) -> tuple[Check, ...]:
        """Ask the server who we are, logging in when there is no session."""
        fix = f"clinic-broadcast connect {self.name}"
        if refused := self._setup.missing(*KEYS):
            return (Check(name=f"{self.name}: keys", ok=False, detail=refused.reason, fix=fix),)
        session = self._session(self._wire.ends_at_s())
        if not isinstance(session, Session):
            reason = session.reason
            return (Check(name=f"{self.name}: account", ok=False, detail=reason, fix=fix),)
        return (Check(name=f"{self.name}: account", ok=True, detail=f"{self._handle} ({session.did})"),)

    @property
    def _handle(self) -> str:
        return self._setup.credential("handle").removeprefix("@")

    # Writing under a session -------------------------------------------------------------------------------

    def _write(
        self, verb: str, body: Mapping[str, Any] | bytes, *, ends_at_s: float, deadline_at: datetime | None
    ) -> Reply | Unsent:
        """Make one write under a good session: once more after a token that was refused, which wrote nothing."""
        session = self._session(ends_at_s)
        for is_last in (False, True):
            if not isinstance(session, Session):
                return session
            exchange = self._post(
                f"com.atproto.repo.{verb}",
                body if isinstance(body, bytes) else {"repo": session.did, **body},
                token=session.access,
                ends_at_s=ends_at_s,
                deadline_at=deadline_at,
            )
            if not isinstance(exchange, Reply):
                return outcome_without_reply(exchange)
            if is_last or _error(exchange) not in STALE:
                return exchange
            expired = _error(exchange) == "ExpiredToken"
            session = self._refresh(session, ends_at_s) if expired else self._log_in(ends_at_s)
        return Unsure("unreachable")  # pragma: no cover - The loop always returns.

    def _session(self, ends_at_s: float) -> Session | Unsent:
        """Give a session that still holds: the kept one, refreshed when it ends soon, else a new one."""
        kept = read_session(self._place, self._handle, self._base)
        if kept is None:
            return self._log_in(ends_at_s)
        self._wire.hide(kept.access, kept.refresh)
        if kept.ends_soon(self._setup.clock.now()):
            return self._refresh(kept, ends_at_s)
        return kept

    def _refresh(self, old: Session, ends_at_s: float) -> Session | Unsent:
        # The old refresh token gives the same new one for two hours, so a crash in between loses nothing.
        exchange = self._post(
            "com.atproto.server.refreshSession", None, token=old.refresh, ends_at_s=ends_at_s
        )
        if isinstance(exchange, Reply) and not exchange.is_success and exchange.status in (400, 401):
            return self._log_in(ends_at_s)
        return self._keep(exchange)

    def _log_in(self, ends_at_s: float) -> Session | Unsent:
        body = {"identifier": self._handle, "password": self._setup.credential("app_password")}
        return self._keep(self._post("com.atproto.server.createSession", body, token="", ends_at_s=ends_at_s))

    def _keep(self, exchange: Exchange) -> Session | Unsent:
        # Nothing of the promo has left yet, so every failure here may simply be tried again later.
        if not isinstance(exchange, Reply):
            return Throttled(f"log-in: {exchange.reason}")
        if not exchange.is_success:
            outcome = self._classify(exchange)
            return Throttled(f"log-in: {outcome.reason}") if isinstance(outcome, Unsure) else outcome
        found = exchange.document()
        values = [found.get(key) for key in ("did", "accessJwt", "refreshJwt")]
        if not all(isinstance(one, str) and one for one in values):
            return Throttled("log-in: an answer that cannot be read")
        did, access, refresh = (str(one) for one in values)
        session = Session(handle=self._handle, server=self._base, did=did, access=access, refresh=refresh)
        self._wire.hide(access, refresh)
        write_session(self._place, session)
        return session

    # Reading -----------------------------------------------------------------------------------------------

    def _read(self, rkey: str, ends_at_s: float) -> tuple[Trace, dict[str, Any]]:
        """Read one record by its key, which needs no log-in; give the trace and the record."""
        query = {"repo": self._handle, "collection": COLLECTION, "rkey": rkey}
        url = f"{self._base}/xrpc/com.atproto.repo.getRecord"
        exchange = self._wire.call("GET", url, query=query, ends_at_s=ends_at_s)
        if not isinstance(exchange, Reply):
            return CannotTell(exchange.reason), {}
        body = exchange.document()
        value = body.get("value")
        if exchange.is_success and isinstance(value, dict) and str(body.get("uri", "")).endswith(rkey):
            return Found(str(body["uri"]), self._url(rkey)), dict(value)
        # A missing record is a 400 here, not a 404.
        if exchange.status in (400, 404) and body.get("error") == "RecordNotFound":
            return Absent(), {}
        return CannotTell(self._words(exchange)), {}

    def _compare(self, rkey: str, record: Mapping[str, Any], ends_at_s: float) -> Outcome:
        """Say what another record under our own key means: by its text, since an older version may have made it."""
        trace, stands = self._read(rkey, ends_at_s)
        if not isinstance(trace, Found):
            return Unsure("something stands under our key and could not be read")
        if stands.get("text") == record["text"]:
            return Sent(trace.post_id, trace.post_url)
        return Refused(f"{trace.post_url} stands under our key with another text")

    # Calls -------------------------------------------------------------------------------------------------

    def _post(
        self,
        method: str,
        body: Mapping[str, Any] | bytes | None,
        *,
        token: str,
        ends_at_s: float,
        deadline_at: datetime | None = None,
    ) -> Exchange:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "image/png" if isinstance(body, bytes) else "application/json"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
        return self._wire.call(
            "POST",
            f"{self._base}/xrpc/{method}",
            headers=headers,
            body=body,
            ends_at_s=ends_at_s,
            deadline_at=deadline_at,
        )

    def _classify(self, reply: Reply) -> Unsent:
        if reply.is_success:
            return _unreadable(reply)
        meaning = ERRORS.get(_error(reply)) or STATUSES.get(reply.status, Meaning.UNSURE)
        return outcome_of(
            meaning, self._words(reply), retry_at(reply.headers, self._setup.clock.now(), *RESETS)
        )

    def _words(self, reply: Reply) -> str:
        return self._wire.words(f"HTTP {reply.status}: {_error(reply)} {reply.document().get('message', '')}")

    def _sent(self, uri: str, rkey: str) -> Sent:
        return Sent(uri, self._url(rkey))

    def _url(self, rkey: str) -> str:
        return f"https://bsky.app/profile/{self._handle}/post/{rkey}"


def open_channel(setup: ChannelSetup) -> Channel:
    """Open an account on Bluesky."""
    return BlueskyChannel(setup)


def _error(reply: Reply) -> str:
    return str(reply.document().get("error", ""))


def _address_in(reply: Reply, picture: bytes) -> str:
    blob = reply.document().get("blob")
    ref = blob.get("ref") if isinstance(blob, dict) else None
    found = ref.get("$link") if isinstance(ref, dict) else None
    return str(found) if found == blob_of(picture)["ref"]["$link"] else ""


def _unreadable(reply: Reply) -> Unsure:
    return Unsure(f"HTTP {reply.status} with an answer that cannot be read")

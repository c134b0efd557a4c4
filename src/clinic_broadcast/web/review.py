"""The review page: what waits for a person, and their yes or no, for those who are signed in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from clinic_broadcast.core.people import Role, link_of, person_of, signed_in, signed_out
from clinic_broadcast.errors import BroadcastError
from clinic_broadcast.web.acts import act
from clinic_broadcast.web.door import (
    TOKEN_BYTES,
    TOKEN_MAX,
    Knocks,
    Visitor,
    cookie_name,
    cookie_of,
    form_token_of,
    is_form_token,
    is_from_here,
    is_our_host,
)
from clinic_broadcast.wire import Office
from clinic_broadcast.wire.people import PeopleFile, address_of_people

FORM_BYTES_MAX: Final = 64 * 1024
"""Far above the longest promo of any network, twice: its new words, and the payload that was seen."""

THREADS: Final = 4

HOME: Final = "/review"
SIGN_IN: Final = "/review/sign-in"

Form: TypeAlias = Mapping[str, str]

log = structlog.get_logger()


def review_routes(*, office: Callable[[], Office], people: PeopleFile) -> list[Route]:
    """Give the routes under /review. `office` gives the one in force at each request."""
    desk = _Reception(office, people)
    return [
        Route(HOME, desk.answering(desk.waiting)),
        Route("/review/log", desk.answering(desk.record)),
        Route("/review/review.css", desk.answering(desk.style)),
        Route(SIGN_IN, desk.answering(desk.sign_in), methods=["GET", "POST"]),
        Route("/review/sign-out", desk.answering(desk.sign_out), methods=["POST"]),
        Route("/review/{id}/card.png", desk.answering(desk.picture)),
        Route("/review/{id}/{what}", desk.answering(desk.decide), methods=["POST"]),
    ]


@dataclass(slots=True)
class _Reception:
    """Answers for the review page: the door first, then the page."""

    office: Callable[[], Office]
    people: PeopleFile
    knocks: Knocks = field(default_factory=Knocks)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "review"))
    """Threads of its own: a record that hangs must not use up those that serve feeds."""

    def answering(
        self, make: Callable[[Request, Form], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Give an endpoint that reads a form, works in a thread, and turns our own errors into a page."""

        @wraps(make)
        async def endpoint(request: Request) -> Response:
            form: Form = {}
            if request.method == "POST":
                read = await _form_of(request)
                if read is None:
                    return _plain("This form is too long.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                form = read
            return await asyncio.get_running_loop().run_in_executor(
                self.pool, self._answer, make, request, form
            )

        return endpoint

    def _answer(self, make: Callable[[Request, Form], Response], request: Request, form: Form) -> Response:
        try:
            settings = self.office().settings
            origin = address_of_people(settings)
            host = request.headers.get("host", "")
            if not is_our_host(host, urlsplit(origin).hostname or "", settings.web.host):
                return _plain(
                    "This name is not known here: set url under [web] in clinic.toml to the address people use.",
                    HTTPStatus.MISDIRECTED_REQUEST,
                )
            if request.method == "POST" and not is_from_here(request.headers, origin):
                return _told(
                    HTTPStatus.FORBIDDEN,
                    "This form came from elsewhere",
                    "Nothing was changed. Open the review page itself and try again.",
                )
            return make(request, form)
        except BroadcastError as error:
            # Its sentence is for the clinic's web person, who has the log; it may name files.
            log.error("the review page could not answer", problem=str(error))  # noqa: TRY400  # It says it all.
            return _told(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Not now",
                "The record or the list of people cannot be read at the moment. Nothing was changed; "
                "the daemon's log says why.",
            )

    # Pages

    def waiting(self, request: Request, _form: Form) -> Response:
        """Give the page of what waits."""
        visitor = self._visitor(request)
        if visitor is None:
            return _to_the_door(request)
        from clinic_broadcast.web.listing import listing  # noqa: PLC0415  # With the templates, at the first look.

        return listing(self.office(), visitor, request.query_params)

    def record(self, request: Request, _form: Form) -> Response:
        """Give the page of what has become of everything, newest first."""
        visitor = self._visitor(request)
        if visitor is None:
            return _to_the_door(request)
        from clinic_broadcast.web.listing import record  # noqa: PLC0415  # The same.

        return record(self.office(), visitor)

    def picture(self, request: Request, _form: Form) -> Response:
        """Give the picture of a promo's card, drawn as it would be sent."""
        visitor = self._visitor(request)
        if visitor is None:
            return _to_the_door(request)
        from clinic_broadcast.web.listing import picture  # noqa: PLC0415  # With the templates, at the first look.

        return picture(self.office(), request.path_params["id"])

    def style(self, _request: Request, _form: Form) -> Response:
        """Give the style sheet."""
        from clinic_broadcast.web.pages import style_sheet  # noqa: PLC0415  # The same.

        return style_sheet()

    # The door

    def sign_in(self, request: Request, form: Form) -> Response:
        """Show the door, or (POST) let somebody in by a link; a GET uses no link up, for mail scanners fetch links."""
        now = self.office().desk.clock.now()
        token = (form.get("link") or request.query_params.get("link", ""))[:TOKEN_MAX]
        if request.method != "POST":
            link = link_of(self.people.read(), token, now) if token else None
            is_wrong = bool(token) and link is None
            if is_wrong and self._is_knocking(request):
                return _wait()
            clinic = self.office().settings.clinic.name
            return _door(
                clinic, name=link.name if link else "", link=token if link else "", is_wrong=is_wrong
            )
        session = secrets.token_urlsafe(TOKEN_BYTES)
        # A wrong link is told without the lock: whoever tries many holds nobody up.
        is_known = link_of(self.people.read(), token, now) is not None
        person = (
            self.people.change(lambda now_in: signed_in(now_in, token, session, now=now))
            if is_known
            else None
        )
        if person is None:
            if self._is_knocking(request):
                return _wait()
            return _door(self.office().settings.clinic.name, is_wrong=True)
        log.info("signed in to the review page", person=person.name)
        answer = RedirectResponse(HOME, status_code=HTTPStatus.SEE_OTHER)
        self._set_cookie(answer, session)
        return answer

    def sign_out(self, request: Request, form: Form) -> Response:
        """End the session of this browser."""
        visitor = self._visitor(request)
        if visitor is not None and not is_form_token(form.get("token", ""), self._cookie(request)):
            return _foreign()
        self.people.change(lambda now_in: (signed_out(now_in, self._cookie(request)), None))
        answer = RedirectResponse(SIGN_IN, status_code=HTTPStatus.SEE_OTHER)
        self._set_cookie(answer, "")
        return answer

    def decide(self, request: Request, form: Form) -> Response:
        """Carry out what a person decided on one delivery."""
        visitor = self._visitor(request)
        if visitor is None:
            return _to_the_door(request)
        if not is_form_token(form.get("token", ""), self._cookie(request)):
            return _foreign()
        if visitor.person.role is not Role.REVIEWER:
            return _told(
                HTTPStatus.FORBIDDEN, "You may look, not decide", "Ask the clinic's web person for the right."
            )
        people = self.people.read()
        is_alone = sum(one.role is Role.REVIEWER for one in people.persons) < 2  # noqa: PLR2004  # Two pairs of eyes.
        path = request.path_params
        return act(self.office(), visitor, (path["id"], path["what"]), form, is_alone=is_alone)

    def _visitor(self, request: Request) -> Visitor | None:
        token = self._cookie(request)
        if not token:
            return None
        person = person_of(self.people.read(), token, self.office().desk.clock.now())
        return Visitor(person=person, form_token=form_token_of(token)) if person is not None else None

    def _is_secure(self) -> bool:
        return address_of_people(self.office().settings).startswith("https://")

    def _cookie(self, request: Request) -> str:
        return request.cookies.get(cookie_name(is_secure=self._is_secure()), "")[:TOKEN_MAX]

    def _set_cookie(self, answer: Response, token: str) -> None:
        answer.headers["Set-Cookie"] = cookie_of(token, is_secure=self._is_secure())
        answer.headers["Cache-Control"] = "no-store"

    def _is_knocking(self, request: Request) -> bool:
        return self.knocks.is_too_many(request.client.host if request.client is not None else "")


async def _form_of(request: Request) -> Form | None:
    """Read a form as browsers send it, the first value of each name; None when it is too long."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES_MAX:
            return None
    try:
        read = parse_qs(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=20, errors="replace")
    except ValueError:
        return {}
    return {name: values[0] for name, values in read.items()}


def _to_the_door(request: Request) -> Response:
    """Send a browser to the door; tell a program that it may not come in."""
    if "text/html" in request.headers.get("accept", ""):
        answer: Response = RedirectResponse(SIGN_IN, status_code=HTTPStatus.SEE_OTHER)
    else:
        answer = _plain("Sign in first.", HTTPStatus.UNAUTHORIZED)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _foreign() -> Response:
    return _told(
        HTTPStatus.FORBIDDEN,
        "This form is not of this session",
        "Nothing was changed. Open the review page again; the form there is new.",
    )


def _door(clinic: str, *, name: str = "", link: str = "", is_wrong: bool) -> Response:
    from clinic_broadcast.web.pages import page  # noqa: PLC0415  # With the templates, at the first look.

    status = HTTPStatus.FORBIDDEN if is_wrong else HTTPStatus.OK
    shown = {"clinic": clinic, "name": name, "link": link, "is_wrong": is_wrong}
    return page("sign_in", shown, status=status)


def _told(status: HTTPStatus, head: str, text: str) -> Response:
    from clinic_broadcast.web.pages import page  # noqa: PLC0415  # With the templates, at the first look.

    return page("told", {"head": head, "text": text}, status=status)


def _plain(text: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers={"Cache-Control": "no-store"})


def _wait() -> Response:
    answer = _plain("Too many wrong links; please wait a minute.", HTTPStatus.TOO_MANY_REQUESTS)
    answer.headers["Retry-After"] = "60"
    return answer

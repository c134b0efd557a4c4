"""How X answers what it refuses: problem documents, and the body of a call."""

from typing import Final

from clinic_broadcast.demo.networks.messages import Call, Json, Reply, reply_json

PROBLEMS: Final = "https://api.x.com/2/problems/"


def body_of(call: Call) -> Json | None:
    """Return the JSON object of a call's body, or None."""
    try:
        return call.document()
    except ValueError:
        return None


def problem(status: int, title: str, detail: str, *, kind: str = "") -> Reply:
    """Return a problem document; without a kind its type is the blank one."""
    body = {
        "title": title,
        "detail": detail,
        "type": f"{PROBLEMS}{kind}" if kind else "about:blank",
        "status": status,
    }
    return reply_json(status, body, {"Content-Type": "application/problem+json"})


def invalid(where: str, message: str) -> Reply:
    """Return the refusal of a request of which one parameter is wrong."""
    body = {
        "errors": [{"parameters": {where: []}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{PROBLEMS}invalid-request",
        "status": 400,
    }
    return reply_json(400, body, {"Content-Type": "application/problem+json"})

"""What a request may ask, and what it is told where it asks for something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tensorboard.backend import http_util
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response


class Ask(Request):
    """A request with room for the names of many tags, and within what the Rust server takes in one message (4 MiB)."""

    max_content_length = 3 * 2**20


def route(method: str, answer: Callable[[Ask], Response]) -> Any:
    """A WSGI application that answers one method, and refuses in plain text.

    Args:
        method: "GET" or "POST".
        answer: Makes the response; whatever HTTP error it raises is told with its code.
    """

    @Ask.application
    def application(request: Any) -> Response:
        try:
            if request.method not in ((method, "HEAD") if method == "GET" else (method,)):
                raise MethodNotAllowed([method], f"Expected a {method} request, received {request.method}.")
            return answer(request)
        except HTTPException as refusal:
            refused: Response = http_util.Respond(request, refusal.description, "text/plain", code=refusal.code)
            return refused

    return application


def texts(request: Ask, field: str, most: int | None = None) -> list[str]:
    """A form field that holds a JSON list of texts; empty where there is none.

    Raises:
        BadRequest: It holds something else, or more than `most`.
    """
    stated = request.form.get(field, "[]")
    try:
        found = json.loads(stated)
        if not isinstance(found, list):
            raise TypeError
        "".join(found).encode()  # half of a surrogate pair could not be asked for
    except (ValueError, TypeError, RecursionError):
        raise BadRequest(f"Expected a JSON list of texts in {field!r}, received {stated[:80]!r}.") from None
    if most is not None and len(found) > most:
        raise BadRequest(f"Expected at most {most} entries in {field!r}, received {len(found)}.")
    return found

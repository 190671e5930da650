"""`POST /-/principals/{id}/pardon` and `/raise`: how people, and systems of theirs, say how somebody stands.

Guarded as the rest of the admin listener is. A body of type `application/json` is asked for, which a web page
of somebody else cannot send without being allowed to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.desk import Desk, Order, RefusedError
from gateway.units import Duration

LARGEST = 16 * 1024
"""Bytes of a body: a reason is a sentence."""
_NO_STORE = {"cache-control": "no-store"}
_Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Lasting = Annotated[Duration, Field(gt=0, le=90 * 86_400)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    by: _Line
    why: _Line


class _Pardon(_Body):
    lasting: Annotated[_Lasting | None, Field(alias="for")] = None


class _Raise(_Body):
    rung: _Line
    lasting: Annotated[_Lasting, Field(alias="for")]


def principal_routes(desk: Desk) -> list[Route]:
    """The two routes. A principal's id may hold a slash (end users of a key)."""
    bodies: dict[str, type[_Pardon | _Raise]] = {"pardon": _Pardon, "raise": _Raise}
    return [
        Route(f"/-/principals/{{principal:path}}/{verb}", _carrying_out(desk, body), methods=["POST"])
        for verb, body in bodies.items()
    ]


def _carrying_out(desk: Desk, kind: type[_Pardon | _Raise]) -> Callable[[Request], Awaitable[Response]]:
    async def carry_out(request: Request) -> Response:
        try:
            body = kind.model_validate_json(await _read(request))
        except ValidationError as error:
            return _refused(422, _explain(error))
        except RefusedError as error:
            return _refused(error.status, str(error))
        rung = body.rung if isinstance(body, _Raise) else None
        order = Order(request.path_params["principal"], body.by, body.why, rung, body.lasting)
        try:
            return JSONResponse(await desk.carry_out(order), headers=_NO_STORE)
        except RefusedError as error:
            return _refused(error.status, str(error))

    return carry_out


async def _read(request: Request) -> bytes:
    """The body. Raises RefusedError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError(415, "send a body of type application/json")
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST:
            raise RefusedError(413, f"more than {LARGEST} bytes")
    return data


def _explain(error: ValidationError) -> str:
    """Every mistake with the key that it is under."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status, _NO_STORE)

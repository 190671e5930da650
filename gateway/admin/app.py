"""The admin application, on a listener of its own: health, metrics, effective settings, policies.

It shows, and changes nothing but which policies are in use, and how a principal stands
(`gateway.admin.principals`); all it needs comes in as objects. Apart from the
proxy because the model server's own `/health` and `/metrics` must stay reachable through the proxy. Probes
need no token; everything else does, once one is set.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admin.principals import principal_routes
from gateway.config import Config, redacted
from gateway.desk import Desk
from gateway.metrics import Metrics
from gateway.model import JSON
from gateway.reload import Outcome

LIVE = ("/livez", "/health/liveness")
READY = ("/readyz", "/healthz", "/health", "/ready")
_OPEN = frozenset(LIVE + READY)
_STATUS = {"failed": 422, "held": 409}
"""HTTP statuses of a reload that changed nothing though it should have."""
_NO_STORE = {"cache-control": "no-store"}


class Status(Protocol):
    """What the process says of itself; read at every request."""

    @property
    def ready(self) -> bool:
        """Whether new requests are welcome."""
        ...

    @property
    def draining(self) -> bool:
        """Whether the process is on its way out."""
        ...

    @property
    def bundle(self) -> str | None:
        """Hash of the policies in use, None while there are none."""
        ...

    @property
    def gen(self) -> int:
        """Counts the bundles that this process has put to use."""
        ...

    @property
    def reload(self) -> JSON:
        """How the policy directory was read last."""
        ...

    @property
    def degraded(self) -> str | None:
        """Why what is in use is not what should be, if so; calls are served all the same."""
        ...

    @property
    def summary(self) -> str | None:
        """The policies in one line for people."""
        ...

    @property
    def campaigns(self) -> JSON:
        """The groups of principals that are linked, with the evidence."""
        ...

    @property
    def ceiling(self) -> str:
        """`disabled`, `shadow` or `enforce`."""
        ...


class Reload(Protocol):
    """Reads the policies anew; `force` passes over the guard."""

    async def __call__(self, *, force: bool) -> Outcome: ...


def admin_app(
    config: Config,
    status: Status,
    metrics: Metrics,
    reload_policies: Reload | None = None,
    desk: Desk | None = None,
) -> Starlette:
    """The application; its token is `config.admin.token`. Without `reload_policies` or `desk` there are no
    such paths."""

    async def exposition(request: Request) -> Response:
        body, kind = metrics.exposition()
        return Response(body, headers={**_NO_STORE, "content-type": kind})

    async def settings(request: Request) -> Response:
        return _json(redacted(config))

    async def policies(request: Request) -> Response:
        names = ("bundle", "gen", "summary", "ceiling", "degraded", "reload")
        return _json({name: getattr(status, name) for name in names})

    async def campaigns(request: Request) -> Response:
        return _json({"campaigns": status.campaigns})

    routes = [
        *_probes(status),
        Route("/metrics", exposition),
        Route("/debug/config", settings),
        Route("/-/policies", policies),
        Route("/-/campaigns", campaigns),
    ]
    if reload_policies is not None:
        routes.append(Route("/-/reload", _reloading(reload_policies), methods=["POST"]))
    if desk is not None:
        routes += principal_routes(desk)
    token = config.admin.token
    guard = [] if token is None else [Middleware(_Guard, token=token.get_secret_value())]
    return Starlette(routes=routes, middleware=guard)


def _probes(status: Status) -> list[Route]:
    async def live(request: Request) -> Response:
        return _json({"alive": True})

    async def ready(request: Request) -> Response:
        reasons = _reasons(status)
        shown: JSON = {"ready": not reasons, "reasons": [*reasons], "degraded": status.degraded}
        return _json(shown, 503 if reasons else 200)

    return [*(Route(path, live) for path in LIVE), *(Route(path, ready) for path in READY)]


def _reloading(reload_policies: Reload) -> Callable[[Request], Awaitable[Response]]:
    async def reload(request: Request) -> Response:
        force = request.query_params.get("force", "0")
        if force not in ("0", "1"):
            return _json({"error": "write force=1 to pass over the guard"}, 400)
        outcome = await reload_policies(force=force == "1")
        return _json(outcome.document(), _STATUS.get(outcome.result, 200))

    return reload


def _json(value: JSON, status: int = 200) -> Response:
    return JSONResponse(value, status, _NO_STORE)


def _reasons(status: Status) -> list[str]:
    """Why new requests are not welcome."""
    reasons = []
    if status.draining:
        reasons.append("the process is draining")
    if status.bundle is None:
        reasons.append("no policies are loaded")
    if not reasons and not status.ready:
        reasons.append("the process is starting")
    return reasons


class _Guard:
    """Asks for `authorization: Bearer TOKEN` everywhere but at the probes."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or answer 401."""
        if scope["type"] == "http" and scope["path"] not in _OPEN and not self._known(scope):
            refusal = JSONResponse({"error": "a token is needed"}, 401, {"www-authenticate": "Bearer"})
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        # Compared in constant time: the answer's delay must not tell how much of a guess is right.
        return scheme.lower() == b"bearer" and secrets.compare_digest(token.strip(), self._token)

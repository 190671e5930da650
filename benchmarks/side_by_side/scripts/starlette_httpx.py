"""The stack that most Python gateways are built on: Starlette and httpx, as their documentation has them.

    uvicorn starlette_httpx:app      with UPSTREAM in the environment

Runs in the peer's own environment.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

_HOP = {"host", "connection", "content-length", "transfer-encoding"}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """One client for all requests, its pool as large as any load here."""
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"], limits=limits, timeout=600) as client:
        app.state.client = client
        yield


async def forward(request: Request) -> StreamingResponse:
    """Pass the request on, and the answer back as it comes."""
    client: httpx.AsyncClient = request.app.state.client
    headers = [(name, value) for name, value in request.headers.items() if name not in _HOP]
    sent = client.build_request(
        request.method, request.url.path, headers=headers, content=await request.body()
    )
    answer = await client.send(sent, stream=True)
    kept = {name: value for name, value in answer.headers.items() if name != "transfer-encoding"}
    return StreamingResponse(
        answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose)
    )


app = Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST"])], lifespan=lifespan)

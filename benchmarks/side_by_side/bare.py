"""The floor under a Python gateway: uvicorn, raw ASGI, our HTTP client, and nothing else.

    python -m benchmarks.side_by_side.bare PORT UPSTREAM-URL

No policies, no records, no watching whether the client leaves. Not a product: what the gateway costs above
this is the gateway's own.
"""

from __future__ import annotations

import sys
from typing import Any

from gateway.server import http_server, listen, uvloop_run
from gateway.upstream.base import UpstreamRequest
from gateway.upstream.headers import end_to_end
from gateway.upstream.pool import Pool


class App:
    """A pass-through."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request, whole; its answer as it comes."""
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        headers = end_to_end(scope["headers"])
        request = UpstreamRequest(scope["method"], scope["raw_path"], headers, b"".join(parts))
        answer = await self._pool.send(request)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        async for chunk in answer:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await answer.aclose()


async def main(port: int, url: str) -> None:
    """Serve until ended."""
    await http_server(App(Pool(url)), 1).serve([listen("127.0.0.1", port)])


if __name__ == "__main__":
    uvloop_run(main(int(sys.argv[1]), sys.argv[2]))

"""Small bodies to other systems of the operator: one POST, one short answer.

For what is not on the way of a call: webhooks, and commands that speak to a running gateway. It goes over
the client that the upstream leg has anyway (docs/decisions/0012): no redirect is followed and no proxy is
read from the environment, so that a notice goes where the operator said and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.errors import UpstreamError
from gateway.upstream.base import UpstreamRequest, UpstreamResponse
from gateway.upstream.pool import Pool

LARGEST = 64 * 1024
"""Bytes of an answer that are read."""


def parts_of(url: str) -> tuple[str, bytes]:
    """(base URL, request target) of a URL. Raises ValueError."""
    found = urlsplit(url)
    target = (found.path or "/") + (f"?{found.query}" if found.query else "")
    if found.fragment or not target.isascii():
        raise ValueError("no fragment, and everything beyond ASCII percent-encoded")
    return f"{found.scheme}://{found.netloc}", target.encode("ascii")


class Poster:
    """Posts to a few origins and keeps its connections to them; an async context manager."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}

    async def __aenter__(self) -> Poster:
        return self

    async def __aexit__(self, *error: object) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, patience: float
    ) -> tuple[int, bytes]:
        """Status and body of the answer, within `patience` seconds.

        Raises ValueError for a URL that cannot be one, UpstreamError.
        """
        base, target = parts_of(url)
        fields = [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]
        try:
            async with asyncio.timeout(patience):
                pool = await self._pool(base)
                response = await pool.send(UpstreamRequest("POST", target, fields, body))
                try:
                    return response.status, await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise UpstreamError("timeout", f"no answer within {patience:g} s", sent=True) from None

    async def _pool(self, base: str) -> Pool:
        pool = self._pools.get(base)
        if pool is None:
            # In a thread: reading the system's certificates takes tens of milliseconds.
            made = await asyncio.to_thread(Pool, base, max_connections=2)
            pool = self._pools.setdefault(base, made)
        return pool


async def _read(response: UpstreamResponse) -> bytes:
    read = b""
    async for chunk in response:
        read += chunk
        if len(read) > LARGEST:
            break
    return read[:LARGEST]

"""The client's side of one request to the ASGI proxy: its body as it arrives, and then its leaving.

Here is all that is received; what is sent, and what follows from a client that left, is the business of
`gateway.adapters.asgi`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive

from gateway.adapters.refusals import too_large

GRACE = 0.05
"""Seconds after which an answer that is not there yet makes it worth while to look out for the client."""


class ClientGoneError(Exception):
    """The client closed its connection."""


class Inbox:
    """The client's side of the connection: its body, then its leaving."""

    def __init__(self, receive: Receive) -> None:
        self.complete = asyncio.Event()
        """Set when the whole body was read."""
        self._receive = receive

    async def chunks(self) -> AsyncIterator[bytes]:
        """The request body as it arrives."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                yield chunk
        self.complete.set()

    async def whole(self, limit: int) -> bytes:
        """The whole body. Raises CallError(413) past `limit` bytes."""
        parts, size = [], 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            parts.append(chunk)
        return b"".join(parts)

    async def gone(self) -> None:
        """Return when the client leaves after its body was read."""
        await self.complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Leaving:
    """Cancels the task of a request when its client leaves.

    Looking out takes a task of its own, a third of what a request costs otherwise (measured): it is begun
    for requests that are not answered after `GRACE` seconds, and so a model server works no longer than that
    for nobody.
    """

    def __init__(self, inbox: Inbox) -> None:
        work = asyncio.current_task()
        assert work is not None
        self._work = work
        self._inbox = inbox
        self._seen = False
        self._watch: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(GRACE, self._begin)

    def _begin(self) -> None:
        self._watch = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        await self._inbox.gone()
        self._seen = True
        self._work.cancel()

    def over(self) -> None:
        """The request is answered: what the client does now is nobody's business."""
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def caused(self) -> bool:
        """Whether it was this, and nobody else, that cancelled the task; if so, the task may go on."""
        return self._seen and not self._work.uncancel()

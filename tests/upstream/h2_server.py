"""An HTTP/2 server for one connection at a time, on the h2 package: what the second client speaks to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from gateway.testing import Script

Fields = list[tuple[bytes, bytes]]
Answering = Callable[["Talk", int], Awaitable[None]]


@dataclass
class Talk:
    """A connection: what came in, and how to answer."""

    h2: H2Connection
    writer: asyncio.StreamWriter
    requests: dict[int, Fields] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)

    async def head(self, stream: int, *fields: tuple[str, str], end: bool = False) -> None:
        """Send the head of an answer with status 200."""
        self.h2.send_headers(stream, [(":status", "200"), *fields], end_stream=end)
        await self.flush()

    async def data(self, stream: int, data: bytes, end: bool = False) -> None:
        """Send some of a body."""
        self.h2.send_data(stream, data, end_stream=end)
        await self.flush()

    async def flush(self) -> None:
        """Put what h2 has made on the wire."""
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()


def speaking(answer: Answering, talks: list[Talk]) -> Script:
    """A script for `RawServer`: runs `answer(talk, stream)` for each whole request; remembers all talks."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(H2Connection(H2Configuration(client_side=False, header_encoding=None)), writer)
        talks.append(talk)
        talk.h2.initiate_connection()
        await talk.flush()
        while data := await reader.read(65536):
            for event in talk.h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    assert event.stream_id is not None
                    assert event.headers is not None
                    talk.requests[event.stream_id] = [(bytes(n), bytes(v)) for n, v in event.headers]
                elif isinstance(event, DataReceived):
                    assert event.stream_id is not None
                    assert event.data is not None
                    talk.bodies[event.stream_id] = talk.bodies.get(event.stream_id, b"") + event.data
                elif isinstance(event, StreamEnded):
                    assert event.stream_id is not None
                    await answer(talk, event.stream_id)
            await talk.flush()

    return script

"""TLS to the model server, with a certificate made for the occasion."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts
from gateway.upstream.origin import Tls
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import GET, always_ok, answering, fails_to_connect, fetch, silent, until_settled


def test_a_certificate_of_the_given_authority_is_accepted(
    run: Run[Any], certificate: Path, server_side: ssl.SSLContext
) -> None:
    async def main() -> None:
        async with RawServer(always_ok, tls=server_side) as server:
            pool = Pool(server.url, tls=Tls(ca_file=certificate))
            assert (await fetch(pool))[2] == b"ok"
            assert (await fetch(pool))[2] == b"ok"
            assert (server.accepted, pool.idle) == (1, 1)
            await pool.aclose()

    run(main())


def test_an_unknown_certificate_is_a_connect_error(run: Run[Any], server_side: ssl.SSLContext) -> None:
    async def main() -> None:
        async with RawServer(always_ok, tls=server_side) as server:
            pool = Pool(server.url)
            await fails_to_connect(pool)
            await pool.aclose()

    run(main())


def test_a_certificate_for_another_name_is_a_connect_error(
    run: Run[Any], certificate: Path, server_side: ssl.SSLContext
) -> None:
    async def main() -> None:
        async with RawServer(always_ok, tls=server_side) as server:
            pool = Pool(f"https://localhost:{server.port}", tls=Tls(ca_file=certificate))
            await fails_to_connect(pool)
            await pool.aclose()

    run(main())


def test_verification_can_be_switched_off(run: Run[Any], server_side: ssl.SSLContext) -> None:
    async def main() -> None:
        async with RawServer(always_ok, tls=server_side) as server:
            pool = Pool(server.url, tls=Tls(verify=False))
            assert (await fetch(pool))[2] == b"ok"
            await pool.aclose()

    run(main())


def test_an_answer_without_length_needs_the_end_of_the_tls_stream(
    run: Run[Any], server_side: ssl.SSLContext
) -> None:
    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        writer.transport.abort()

    async def main() -> None:
        async with RawServer(answering(b"HTTP/1.1 200 OK\r\n\r\nwhole"), tls=server_side) as server:
            pool = Pool(server.url, tls=Tls(verify=False))
            assert (await fetch(pool))[2] == b"whole"
            await pool.aclose()
        async with RawServer(cut_off, tls=server_side) as server:
            pool = Pool(server.url, tls=Tls(verify=False))
            with pytest.raises(UpstreamError) as raised:
                await fetch(pool)
            assert raised.value.kind == "closed"
            await pool.aclose()

    run(main())


def test_a_handshake_that_never_ends_runs_into_the_connect_timeout(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(f"https://127.0.0.1:{server.port}", Timeouts(connect=0.05))
            with pytest.raises(UpstreamError) as raised:
                await fetch(pool)
            assert (raised.value.kind, raised.value.sent) == ("timeout", False)
            assert pool.busy == 0
            await pool.aclose()

    run(main())


def test_cancelling_while_connecting_closes_the_socket(run: Run[Any]) -> None:
    async def main() -> None:
        reached, gone = asyncio.Event(), asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            reached.set()
            while await reader.read(65536):
                pass
            gone.set()

        async with RawServer(script) as server:
            pool = Pool(f"https://127.0.0.1:{server.port}", max_connections=1)
            task = asyncio.create_task(pool.send(GET))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert pool.busy == 0
            await gone.wait()
            await until_settled()
            await pool.aclose()

    run(main())

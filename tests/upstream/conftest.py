"""Both event loops for every test that opens a socket, a watch over their complaints, and a certificate."""

from __future__ import annotations

import asyncio
import gc
import ssl
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from gateway.upstream.httpx2_backend import Httpx2
from gateway.upstream.pool import Pool
from tests.upstream.helpers import Build

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(LOOPS))
def run(request: pytest.FixtureRequest) -> Iterator[Run[Any]]:
    """Run coroutines to their end; fails if a task is left over or an exception was never retrieved."""
    complaints: list[dict[str, Any]] = []

    def to_the_end(main: Coroutine[Any, Any, T]) -> T:
        async def watched() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            async with asyncio.timeout(30):
                result = await main
                # A server's task for a handshake that failed ends only when its socket does.
                while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110 - tasks set no event
                    await asyncio.sleep(0)
            return result

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(watched())

    yield to_the_end
    # Futures complain when they are collected; once per test, because it takes longer than most of them.
    gc.collect()
    assert complaints == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PEM with key and self-signed certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    key, pem = folder / "key.pem", folder / "both.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", str(key), "-out", str(pem), "-days", "2", "-subj", "/CN=model"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    pem.write_text(pem.read_text() + key.read_text())
    return pem


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(params=[Pool, Httpx2], ids=["own", "httpx2"])
def build(request: pytest.FixtureRequest) -> Build:
    """How to make a client, for tests that ask the same of all of them."""
    found: Build = request.param
    return found

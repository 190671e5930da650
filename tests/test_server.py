"""The process: it starts, answers, drains, stops, and keeps its secrets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.server import listen
from gateway.testing import RawServer, read_request
from tests.adapters.support import (
    Replying,
    ask,
    chat_bytes,
    json_answer,
    read_answer,
    read_chunk,
    read_head,
    request_bytes,
)
from tests.adapters.wire import SSE, chunk, event, run
from tests.commands import KEY, Started, started, write_settings

EVENT = event("one")
PROMPT = "the prompt that nobody may see"
FOREVER = {"server": {"drain": "10m"}}
"""A test that would need the whole of this is over before."""


class Streaming:
    """A model server that streams one event, and the rest when it is told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        await read_request(reader)
        writer.write(SSE + chunk(EVENT))
        await self.go_on.wait()
        writer.write(chunk(EVENT) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()


@contextlib.asynccontextmanager
async def streaming(
    settings: Path, upstream: Streaming
) -> AsyncIterator[tuple[Started, asyncio.StreamReader]]:
    """A gateway with an open stream, of which the first event was read."""
    async with RawServer(upstream) as server, started(settings, "--upstream", server.url) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        with contextlib.closing(writer):
            writer.write(request_bytes(chat_bytes(stream=True)))
            assert (await read_head(reader))[0] == 200
            assert await read_chunk(reader) == EVENT
            yield gateway, reader


async def draining(gateway: Started) -> None:
    """Wait until the probes see that the process is on its way out."""
    while (await gateway.admin("/readyz")).status != 503:
        pass


async def refusing(gateway: Started) -> None:
    """Wait until nobody listens for clients any more.

    A connection that was still in the queue when the listener closed is reset, not refused.
    """
    with contextlib.suppress(ConnectionError):
        while True:
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.close()
            await writer.wait_closed()


# --- starting ----------------------------------------------------------------------------------------


def test_it_says_where_it_is_and_the_line_to_try_works(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(write_settings(tmp_path)) as gateway:
            where, policies, line = gateway.announced.splitlines()
            assert "in front of the built-in demo upstream" in where
            assert policies.endswith("ceiling: shadow")
            command = shlex.split(line.removeprefix("try: "))
            curl = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            answer, _ = await curl.communicate()
            assert json.loads(answer)["choices"][0]["message"]["role"] == "assistant"
            assert (await gateway.admin("/readyz")).status == 200
            assert await gateway.end() == ""
            (record,) = await gateway.lines()
            assert (record["status"], record["finished"], record["kind"]) == (200, True, "key")

    run(main())


def test_it_starts_without_its_model_server_and_says_so_per_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with RawServer(Replying(b"")) as gone:
            url = gone.url
        async with started(write_settings(tmp_path), "--upstream", url) as gateway:
            for _ in range(2):
                seen = await gateway.chat(chat_bytes())
                assert (seen.status, seen.json()["error"]["code"]) == (502, "upstream_connect")
            assert (await gateway.admin("/readyz")).status == 200
            assert b'upstream_errors_total{kind="connect"} 2.0' in (await gateway.admin("/metrics")).body
            assert "upstream connect" in await gateway.end()

    run(main())


def test_the_second_client_serves_as_the_first_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with RawServer(Replying(json_answer({"a": 1}))) as server:
            settings = write_settings(tmp_path, upstream={"backend": "httpx2"})
            async with started(settings, "--upstream", server.url) as gateway:
                seen = await gateway.chat(chat_bytes())
                assert (seen.status, seen.json()) == (200, {"a": 1})
                assert await gateway.end() == ""

    run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_in_use_is_named_as_it_stands_in_urls(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    assert str(caught.value) == f"{shown}:{port}: error: cannot listen here: address already in use"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 70, "192.0.2.1"])
def test_an_address_that_is_not_ours_is_a_mistake_in_the_settings(host: str) -> None:
    with pytest.raises(ConfigError, match=f"^{host}:0: error: cannot listen here: "):
        listen(host, 0)


# --- draining and stopping ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_open_stream_is_drained_to_its_end_while_probes_are_told(
    number: signal.Signals, tmp_path: Path
) -> None:
    async def main() -> None:
        upstream = Streaming()
        settings = write_settings(tmp_path, **FOREVER)
        async with streaming(settings, upstream) as (gateway, reader):
            gateway.send(number)
            await draining(gateway)
            assert (await gateway.admin("/livez")).status == 200
            await refusing(gateway)
            upstream.go_on.set()
            rest = b""
            while data := await read_chunk(reader):
                rest += data
            assert rest == EVENT + b"data: [DONE]\n\n"
            assert await gateway.ended() == (0, "")
            (record,) = await gateway.lines()
            assert (record["finished"], record["error"]) == (True, None)

    run(main())


@pytest.mark.parametrize("drain", ["1s", "10m"])
def test_a_stream_is_cut_and_recorded_when_the_drain_ends_or_at_a_second_sigterm(
    drain: str, tmp_path: Path
) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path, server={"drain": drain})
        async with streaming(settings, Streaming()) as (gateway, reader):
            gateway.send(signal.SIGTERM)
            if drain == "10m":
                await draining(gateway)
                gateway.send(signal.SIGTERM)
            with pytest.raises(asyncio.IncompleteReadError):
                await read_chunk(reader)
            assert (await gateway.ended())[0] == 0
            (record,) = await gateway.lines()
            assert (record["status"], record["finished"]) == (200, False)

    run(main())


def test_idle_connections_do_not_delay_the_exit(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(write_settings(tmp_path, **FOREVER)) as gateway:
            open_ones = [
                await asyncio.open_connection("127.0.0.1", port)
                for port in (gateway.port, gateway.port, gateway.port, gateway.admin_port)
            ]
            (reader, writer), (_, half), *_ = open_ones
            writer.write(request_bytes(chat_bytes()))
            assert (await read_answer(reader)).status == 200
            half.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost")
            assert await gateway.end() == ""
            assert await reader.read() == b""
            for _, writer in open_ones:
                writer.close()

    run(main())


def test_records_begin_a_new_file_at_sighup(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(write_settings(tmp_path)) as gateway:
            await gateway.chat(chat_bytes(model="one"))
            await gateway.lines()
            old = gateway.records.rename(tmp_path / "old.jsonl")
            gateway.send(signal.SIGHUP)
            while not gateway.records.exists():  # noqa: ASYNC110  nobody tells when a file appears
                await asyncio.sleep(0.01)
            await gateway.chat(chat_bytes(model="two"))
            await gateway.end()
            assert [line["model"] for line in await gateway.lines(path=old)] == ["one"]
            assert [line["model"] for line in await gateway.lines()] == ["two"]

    run(main())


def test_records_of_the_last_moment_are_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(write_settings(tmp_path)) as gateway:
            for number in range(20):
                await gateway.chat(chat_bytes(model=str(number)))
            await gateway.end()
            assert [line["model"] for line in await gateway.lines()] == [str(n) for n in range(20)]

    run(main())


# --- the connection of a client ----------------------------------------------------------------------


def test_a_client_that_waits_for_100_continue_gets_it_and_the_server_does_not(tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Replying(json_answer({}))
        async with (
            RawServer(upstream) as server,
            started(write_settings(tmp_path), "--upstream", server.url) as gateway,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            body = chat_bytes()
            request = request_bytes(body, headers=(("expect", "100-continue"),))
            writer.write(request.removesuffix(body))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert (await read_answer(reader)).status == 200
            assert b"expect" not in upstream.requests[0].lower()
            writer.close()
            await gateway.end()

    run(main())


def test_requests_in_one_go_are_answered_in_order_on_one_connection(tmp_path: Path) -> None:
    async def main() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                body = (await read_request(reader)).partition(b"\r\n\r\n")[2]
                writer.write(json_answer({"model": json.loads(body)["model"]}))

        settings = write_settings(tmp_path)
        async with RawServer(echo) as server, started(settings, "--upstream", server.url) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            names = [str(number) for number in range(5)]
            writer.write(b"".join(request_bytes(chat_bytes(model=name)) for name in names))
            assert [(await read_answer(reader)).json()["model"] for _ in names] == names
            writer.write(request_bytes(chat_bytes(model="again")))
            assert (await read_answer(reader)).json()["model"] == "again"
            writer.close()
            await gateway.end()

    run(main())


def test_connections_beyond_the_limit_are_answered_503(tmp_path: Path) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path, server={"max_connections": 2})
        async with started(settings) as gateway:
            served = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(2)]
            for reader, writer in served:
                writer.write(request_bytes(chat_bytes()))
                assert (await read_answer(reader)).status == 200
            assert (await gateway.chat(chat_bytes())).status == 503
            assert (await gateway.admin("/readyz")).status == 200
            served[0][1].close()
            while (await gateway.chat(chat_bytes())).status == 503:
                pass  # the server has not seen the close yet
            served[1][1].close()
            await gateway.end()

    run(main())


# --- secrets -----------------------------------------------------------------------------------------


async def provoke(gateway: Started) -> bytes:
    """Calls with KEY and PROMPT, whole and broken, to every kind of path; returns what came back."""
    body = chat_bytes(user=PROMPT, messages=[{"role": "user", "content": PROMPT}], stop=[PROMPT])
    strange_key = body.replace(b'"user"', b'"x' + PROMPT.encode() + b'"')
    paths = ("/v1/chat/completions", "/v1/messages", "/api/chat", f"/odd?key={KEY}")
    calls = [(sent, path) for sent in (body, body[:-1], strange_key, b"\xff" + body) for path in paths]
    answers = [await gateway.chat(*call) for call in calls]
    answers.append(await gateway.admin("/metrics"))
    return repr(answers).encode()


@pytest.mark.parametrize("content", ["none", "features"])
def test_keys_and_prompts_are_in_no_log_record_metric_or_error(content: str, tmp_path: Path) -> None:
    async def main() -> None:
        token = "an-admin-token-that-nobody-may-see"
        settings = write_settings(
            tmp_path,
            admin={"token": token},
            record={"content": content},
            log={"level": "debug", "format": "json"},
        )
        upstream = Replying(b"HTTP/1.1 200 OK\r\nbroken " + PROMPT.encode() + b"\r\n\r\n")
        options = ("--mode", "enforce", "--upstream")
        async with RawServer(upstream) as server, started(settings, *options, server.url) as gateway:
            shown = await provoke(gateway)
            for path in ("/metrics", "/debug/config", "/-/policies", "/-/campaigns"):
                asked = request_bytes(
                    b"", path, method="GET", headers=(("authorization", f"Bearer {token}"),)
                )
                seen = await ask(gateway.admin_port, asked)
                assert seen.status == 200
                shown += repr(seen).encode()
            shown += (gateway.announced + await gateway.end()).encode()
        for file in (tmp_path / "var").rglob("*"):
            shown += file.read_bytes() if file.is_file() else b""
        assert b"upstream_protocol" in shown
        assert b"gateway_requests_total" in shown
        for secret in (KEY, PROMPT, token, "s" * 32):
            assert secret.encode() not in shown

    run(main())

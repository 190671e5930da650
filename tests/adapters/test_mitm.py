"""The addon in a real mitmdump: no byte changed in shadow, and no start with wrong settings.

What it records when things go wrong is in `test_mitm_failures`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model import Mode
from gateway.testing import RawServer, read_request
from tests.adapters.mitm_process import ROOT, command, headers, running, scripted
from tests.adapters.support import (
    Replying,
    ask,
    chat_bytes,
    json_answer,
    read_chunk,
    read_head,
    request_bytes,
)
from tests.adapters.traffic_cases import LOGPROBS, delta, sse, write_policies
from tests.adapters.wire import SSE, chunk, event, run

MORE = """
kind: policy
id: more
title: More
signals: {much: {field: request.messages, ramp: [90, 99], points: 1}}
"""
ADDON = ROOT / "gateway" / "adapters" / "mitm.py"


# --- fidelity ----------------------------------------------------------------------------------------

BODIES = st.one_of(
    st.binary(max_size=300),
    st.just(chat_bytes(stream=True, logprobs=True, top_logprobs=20, n=5)),
    st.just(gzip.compress(chat_bytes())),
)
ANSWERS = st.tuples(
    st.sampled_from([200, 201, 400, 429, 500]),
    st.sampled_from(["application/json", "text/event-stream", "application/x-ndjson", "image/png"]),
    st.one_of(
        st.lists(st.binary(min_size=1, max_size=60), max_size=5),
        st.just([event("a", logprobs=LOGPROBS), b"data: [DO", b"NE]\r\n\r\n"]),
    ),
    st.booleans(),
)
PATHS = st.sampled_from(["/v1/chat/completions", "/v1/messages?beta=true", "/v1/%66oo/..//bar?x=%2F", "/"])


def _wire(status: int, kind: str, chunks: list[bytes], chunked: bool) -> bytes:
    whole = b"".join(chunks)
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {len(whole)}"
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\netag: e\r\n{framing}\r\n\r\n".encode()
    return head + (b"".join(map(chunk, chunks)) + b"0\r\n\r\n" if chunked else whole)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(exchanges=st.lists(st.tuples(PATHS, BODIES, ANSWERS), min_size=10, max_size=25))
def test_shadow_changes_no_byte_of_a_body(
    exchanges: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the client sends and the server answers, valid or not, though all rungs are reached."""
    home = tmp_path_factory.mktemp("shadow")
    policies = write_policies(home / "policies")

    async def main() -> None:
        upstream = Replying(b"")
        async with (
            RawServer(upstream) as server,
            scripted(server.url, policies, Mode.SHADOW, home / "mitm") as mitm,
        ):
            for path, body, (status, kind, chunks, chunked) in exchanges:
                upstream.answer = _wire(status, kind, chunks, chunked)
                seen = await ask(mitm.port, request_bytes(body, path, headers=headers("refuse")))
                assert (seen.status, seen.body, seen.complete) == (status, b"".join(chunks), True)
                assert (seen.get(b"content-type"), seen.get(b"etag")) == (kind.encode(), b"e")
                line, _, rest = upstream.requests[-1].partition(b"\r\n")
                assert line == f"POST {path} HTTP/1.1".encode()
                assert rest.partition(b"\r\n\r\n")[2] == body

    run(main())


@pytest.mark.parametrize("rung", [None, "narrow"])
def test_the_first_event_arrives_before_the_second_is_sent(rung: str | None, tmp_path: Path) -> None:
    async def main() -> None:
        received = asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(SSE + chunk(event("one")))
            await received.wait()
            writer.write(chunk(event("two")) + b"0\r\n\r\n")
            await writer.drain()

        policies = write_policies(tmp_path / "policies")
        async with (
            RawServer(upstream) as server,
            scripted(server.url, policies, Mode.ENFORCE, tmp_path / "mitm") as mitm,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", mitm.port)
            writer.write(request_bytes(chat_bytes(stream=True, logprobs=True), headers=headers(rung)))
            await read_head(reader)
            assert await read_chunk(reader) == event("one")
            received.set()
            assert await read_chunk(reader) == event("two")
            assert await read_chunk(reader) == b""
            writer.close()

    run(main())


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_edited_stream_with_a_length_gets_a_framing_of_its_own(version: str, tmp_path: Path) -> None:
    async def main() -> None:
        stream = event("a", logprobs=LOGPROBS) + b"data: [DONE]\n\n"
        head = f"HTTP/{version} 200 OK\r\ncontent-type: text/event-stream\r\n"
        head += f"content-length: {len(stream)}\r\n\r\n"
        policies = write_policies(tmp_path / "policies")
        async with (
            RawServer(Replying(head.encode() + stream)) as server,
            scripted(server.url, policies, Mode.ENFORCE, tmp_path / "mitm") as mitm,
        ):
            body = chat_bytes(stream=True, logprobs=True, top_logprobs=8)
            seen = await ask(mitm.port, request_bytes(body, headers=headers("narrow")))
            assert (seen.complete, seen.body.endswith(b"data: [DONE]\n\n")) == (True, True)
            (entry,) = json.loads(seen.body.partition(b"\n\n")[0][6:])["choices"][0]["logprobs"]["content"]
            assert len(entry["top_logprobs"]) == 5
            assert seen.get(b"content-length") is None
            assert (seen.get(b"transfer-encoding") is None) == (version == "1.0")

    run(main())


# --- the addon as operators start it -----------------------------------------------------------------


def _settings(home: Path, **sections: Any) -> Path:
    file = home / "config.yaml"
    file.write_text(json.dumps({"policies": {"path": str(home / "policies")}} | sections))
    return file


def test_the_addon_reads_its_settings_and_writes_decisions_and_flows(tmp_path: Path) -> None:
    write_policies(tmp_path / "policies")
    file = _settings(tmp_path, record={"decisions": "decisions.jsonl"}, server={"unknown_routes": "deny"})
    flows = tmp_path / "flows"

    async def main() -> None:
        async with RawServer(Replying(sse(delta("a"), delta("b")))) as server:
            options = [f"stillgate_config={file}", "stillgate_mode=enforce"]
            words = [*command(server.url, ADDON, tmp_path / "conf", options), "-w", str(flows)]
            async with running(words, tmp_path / "decisions.jsonl") as mitm:
                request = request_bytes(chat_bytes(stream=True, logprobs=True), headers=headers("narrow"))
                assert (await ask(mitm.port, request)).body.endswith(b"[DONE]\n\n")
                refused = await ask(mitm.port, request_bytes(chat_bytes(), headers=headers("refuse")))
                assert (refused.status, refused.json()["error"]["code"]) == (403, "usage_review")
                assert (await ask(mitm.port, request_bytes(b"{}", "/v1/files"))).status == 404
                records = await mitm.recorded(3)
        assert [record["status"] for record in records] == [200, 403, 404]
        assert records[0]["applied"] == ["log", "logprobs"]
        assert flows.stat().st_size > 0

    run(main())


def test_policies_that_change_are_taken_by_the_addon_and_broken_ones_are_not(tmp_path: Path) -> None:
    policies = write_policies(tmp_path / "policies") / "more.yaml"
    sections = {"record": {"decisions": "decisions.jsonl"}, "server": {"show_bundle": "always"}}
    file = _settings(tmp_path, **sections)
    answers: list[bytes] = []

    async def main() -> None:
        async with RawServer(Replying(json_answer({"id": 1}))) as server:
            words = command(server.url, ADDON, tmp_path / "conf", [f"stillgate_config={file}"])
            async with running(words, tmp_path / "decisions.jsonl") as mitm:

                async def shown() -> bytes:
                    seen = await ask(mitm.port, request_bytes(chat_bytes(), headers=headers()))
                    answers.append(seen.get(b"x-gateway-bundle") or b"")
                    return answers[-1]

                first = await shown()
                assert first.endswith(b"; gen=1")
                policies.write_text("kind: policy\nid: 5\n")
                while b"more.yaml:2:" not in mitm.log:  # noqa: ASYNC110  another process tells nobody
                    await asyncio.sleep(0.01)
                assert await shown() == first
                policies.write_text(MORE)
                while not (last := await shown()).endswith(b"; gen=2"):  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.01)
                records = await mitm.recorded(len(answers))
        assert [f"{line['bundle']}; gen={line['gen']}".encode() for line in records] == answers
        assert {*answers} == {first, last}

    run(main())


def test_what_the_addon_cannot_carry_out_is_said_when_it_starts(tmp_path: Path) -> None:
    policies = write_policies(tmp_path / "policies") / "test.yaml"
    slow = "do: [{log: true}, {shape: {tokens_per_second: 9}}, {pin: {within: 1m}}]"
    policies.write_text(policies.read_text().replace("do: [{log: true}]", slow))
    file = _settings(tmp_path, record={"decisions": "decisions.jsonl"})

    async def main() -> None:
        words = command("http://127.0.0.1:1", ADDON, tmp_path / "conf", [f"stillgate_config={file}"])
        async with running(words, tmp_path / "decisions.jsonl") as mitm:
            assert b"not carried out under mitmproxy, only recorded: pin, shape\n" in mitm.log

    run(main())


def test_without_a_mode_the_addon_only_watches(tmp_path: Path) -> None:
    write_policies(tmp_path / "policies")
    file = _settings(tmp_path, record={"decisions": "decisions.jsonl"})

    async def main() -> None:
        async with RawServer(Replying(json_answer({"id": 1}))) as server:
            words = command(server.url, ADDON, tmp_path / "conf", [f"stillgate_config={file}"])
            async with running(words, tmp_path / "decisions.jsonl") as mitm:
                seen = await ask(mitm.port, request_bytes(chat_bytes(), headers=headers("refuse")))
                assert seen.json() == {"id": 1}
                (record,) = await mitm.recorded()
                assert (record["would"], record["applied"]) == (["reject"], [])

    run(main())


def test_a_model_server_that_is_down_does_not_end_connections_before_they_are_recorded(
    tmp_path: Path,
) -> None:
    """mitmproxy connects eagerly by default, and then drops clients without a word."""
    write_policies(tmp_path / "policies")
    file = _settings(tmp_path, record={"decisions": "decisions.jsonl"})

    async def main() -> None:
        async with RawServer(Replying(b"")) as gone:
            url = gone.url
        options = [f"stillgate_config={file}", "connection_strategy=eager"]
        words = command(url, ADDON, tmp_path / "conf", options)
        async with running(words, tmp_path / "decisions.jsonl") as mitm:
            assert (await ask(mitm.port, request_bytes(chat_bytes()))).status == 502
            (record,) = await mitm.recorded()
            assert record["error"] == "upstream_connect"

    run(main())


def _broken_policy(home: Path) -> list[str]:
    (home / "policies" / "broken.yaml").write_text("kind: policy\nid: 5\n")
    return [f"stillgate_config={_settings(home)}"]


MISTAKES: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no such settings": (lambda home: ["stillgate_config=nowhere.yaml"], "nowhere.yaml: error: "),
    "unknown setting": (lambda home: [f"stillgate_config={_settings(home, polices={})}"], "config.yaml:1:"),
    "no such policies": (
        lambda home: [f"stillgate_config={_settings(home, policies={'path': 'elsewhere'})}"],
        "no such file or directory",
    ),
    "broken policy": (_broken_policy, "broken.yaml:"),
    "unknown mode": (
        lambda home: [f"stillgate_config={_settings(home)}", "stillgate_mode=strict"],
        "policies.ceiling",
    ),
    "unread bodies": (
        lambda home: [f"stillgate_config={_settings(home)}", "stream_large_bodies=1m"],
        "stream_large_bodies: error: large requests would pass unscored",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_configuration_ends_mitmdump_with_one_clear_line(mistake: str, tmp_path: Path) -> None:
    write_policies(tmp_path / "policies")
    options, message = MISTAKES[mistake]
    words = command("http://127.0.0.1:9", ADDON, tmp_path / "conf", options(tmp_path))
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    lines = ended.stderr.splitlines()
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert all(": error: " in line for line in lines), ended.stderr
    assert message in lines[0]
    assert mistake == "broken policy" or len(lines) == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "listening" not in ended.stdout

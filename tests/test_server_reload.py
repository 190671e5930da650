"""The process reads its policies anew: when they change, at SIGHUP, when asked, and not where it must not."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.support import Seen, ask, chat_bytes, request_bytes
from tests.adapters.wire import run
from tests.commands import POLICY, Started, spawn, started, write_settings

CHANGED = POLICY.replace("points: 1", "points: 2")
BROKEN = POLICY.replace("points", "pionts")
ASKED_ONLY = {"watch": False, "sighup": False}


def write(settings: Path, text: str) -> None:
    (settings.parent / "policies" / "probe.yaml").write_text(text)


async def post(gateway: Started, path: str = "/-/reload", token: str = "") -> Seen:
    headers = (("authorization", f"Bearer {token}"),) if token else ()
    return await ask(gateway.admin_port, request_bytes(b"", path, headers=headers))


async def policies(gateway: Started) -> Any:
    return (await gateway.admin("/-/policies")).json()


async def generation(gateway: Started, gen: int) -> Any:
    """What the admin listener shows once this generation is in use."""
    while (shown := await policies(gateway))["gen"] != gen:  # noqa: ASYNC110  another process tells nobody
        await asyncio.sleep(0.01)
    return shown


def test_a_change_is_taken_by_itself_and_each_record_names_its_bundle(tmp_path: Path) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path)
        async with started(settings) as gateway:
            before = await policies(gateway)
            assert (before["gen"], before["degraded"], before["reload"]["result"]) == (1, None, "published")
            await gateway.chat(chat_bytes())
            write(settings, CHANGED)
            after = await generation(gateway, 2)
            assert after["bundle"] != before["bundle"]
            await gateway.chat(chat_bytes())
            await gateway.end()
            records = await gateway.lines(2)
            assert [(line["bundle"], line["gen"]) for line in records] == [
                (before["bundle"], 1),
                (after["bundle"], 2),
            ]
            kept = tmp_path / "var" / "bundles"
            assert (kept / "latest").read_text().strip() == after["bundle"]
            assert (kept / after["bundle"] / "probe.yaml").read_text() == CHANGED

    run(main())


def test_sighup_reads_the_policies_anew(tmp_path: Path) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path, policies={"reload": {"watch": False, "endpoint": False}})
        async with started(settings) as gateway:
            write(settings, CHANGED)
            gateway.send(signal.SIGHUP)
            await generation(gateway, 2)
            assert (await post(gateway)).status == 404
            await gateway.end()

    run(main())


def test_who_asks_is_told_what_is_wrong_and_everything_stays(tmp_path: Path) -> None:
    async def main() -> None:
        token = "a-token-of-some-length"
        settings = write_settings(tmp_path, policies={"reload": ASKED_ONLY}, admin={"token": token})
        async with started(settings) as gateway:
            assert (await post(gateway)).status == 401
            write(settings, BROKEN)
            answer = await post(gateway, token=token)
            assert (answer.status, answer.json()["result"], answer.json()["gen"]) == (422, "failed", 1)
            (problem, *_) = answer.json()["problems"]
            assert problem["file"].endswith("probe.yaml")
            assert problem["line"] > 0
            ready = (await gateway.admin("/readyz")).json()
            assert (ready["ready"], "cannot be used" in ready["degraded"]) == (True, True)
            await gateway.chat(chat_bytes())
            write(settings, CHANGED)
            answer = await post(gateway, token=token)
            assert (answer.status, answer.json()["result"], answer.json()["gen"]) == (200, "published", 2)
            assert (await gateway.admin("/readyz")).json()["degraded"] is None
            said = await gateway.end()
            assert "probe.yaml:" in said
            assert [line["gen"] for line in await gateway.lines()] == [1]

    run(main())


def test_nothing_is_read_anew_where_that_is_turned_off(tmp_path: Path) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path, policies={"reload": {**ASKED_ONLY, "endpoint": False}})
        async with started(settings) as gateway:
            write(settings, CHANGED)
            await gateway.chat(chat_bytes())
            await gateway.lines()
            gateway.records.rename(tmp_path / "old.jsonl")
            gateway.send(signal.SIGHUP)
            while not gateway.records.exists():  # noqa: ASYNC110  nobody tells when a file appears
                await asyncio.sleep(0.01)
            assert (await policies(gateway))["gen"] == 1
            await gateway.end()

    run(main())


def test_the_guard_holds_back_what_would_lift_those_who_call(tmp_path: Path) -> None:
    async def main() -> None:
        count = "count: {of: requests, over: 1h}, ramp: [0, %d]"
        request = "request: {request.stream: {exists: true}}"
        lenient, strict = (
            POLICY.replace(request, count % most).replace("points: 1", "points: 50") for most in (1000, 10)
        )
        options = {"reload": ASKED_ONLY, "ceiling": "enforce"}
        settings = write_settings(tmp_path, policies=options)
        write(settings, lenient)
        async with started(settings) as gateway:
            for key in ("one", "two"):
                for _ in range(10):
                    headers = (("authorization", f"Bearer {key}"),)
                    await ask(gateway.port, request_bytes(chat_bytes(), headers=headers))
            write(settings, strict)
            held = await post(gateway)
            assert (held.status, held.json()["result"], held.json()["gen"]) == (409, "held", 1)
            guard = held.json()["guard"]
            assert (guard["active"], guard["moved"], guard["limit"]) == (2, 2, 0.05)
            forced = await post(gateway, "/-/reload?force=1")
            assert (forced.status, forced.json()["bundle"]) == (200, held.json()["held"])
            await gateway.end()

    run(main())


@pytest.mark.parametrize("by_option", [True, False])
def test_a_process_starts_with_the_last_known_good_policies(tmp_path: Path, by_option: bool) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path, policies={"last_known_good": not by_option})
        options = ("--last-known-good",) if by_option else ()
        async with started(settings) as gateway:
            good = (await policies(gateway))["bundle"]
            await gateway.end()
        write(settings, BROKEN)
        async with started(settings, *options) as gateway:
            shown = await policies(gateway)
            assert (shown["bundle"], shown["gen"], shown["reload"]["result"]) == (good, 1, "failed")
            assert (await gateway.admin("/readyz")).json()["ready"] is True
            await gateway.chat(chat_bytes())
            write(settings, CHANGED)
            await generation(gateway, 2)
            assert (await policies(gateway))["degraded"] is None
            await gateway.end()

    run(main())


PROMISE = """\
kind: tests
title: T
cases:
  - name: an ordinary call is left alone
    tags: [smoke]
    traffic: [{every: 1m, times: 2}]
    expect: [{rung: none}]
"""


def test_policies_that_break_the_promise_of_a_smoke_test_are_never_used(tmp_path: Path) -> None:
    async def main() -> None:
        settings = write_settings(tmp_path, policies={"reload": ASKED_ONLY})
        (tmp_path / "policies" / "tests").mkdir()
        (tmp_path / "policies" / "tests" / "smoke.yaml").write_text(PROMISE)
        broken = POLICY.replace("points: 1", "points: 30").replace("request.stream", "request.endpoint")
        async with started(settings) as gateway:
            write(settings, broken)
            answer = await post(gateway)
            assert (answer.status, answer.json()["result"], answer.json()["gen"]) == (422, "failed", 1)
            (problem,) = answer.json()["problems"]
            assert (Path(problem["file"]).name, problem["line"], problem["column"]) == ("smoke.yaml", 7, 14)
            assert "'an ordinary call is left alone': rung is watch" in problem["message"]
            await gateway.end()
        process = await spawn("serve", "--config", str(settings))
        _, said = await process.communicate()
        assert (process.returncode, b"smoke.yaml:7:14: error: smoke test" in said) == (2, True)

    run(main())

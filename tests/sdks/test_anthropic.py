"""The official Anthropic SDK through a gateway process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import pytest

from tests.processes import GatewayProcess, wait_for
from tests.sdks.anthropic_cases import ASK, CASES, Case
from tests.sdks.conftest import SLOW, Watched, same_through


@contextmanager
def sdk(url: str, key: str, rung: str | None = None, retries: int = 0) -> Iterator[anthropic.Anthropic]:
    agent = {} if rung is None else {"User-Agent": f"Anthropic/Python rung-{rung}"}
    with anthropic.Anthropic(base_url=url, api_key=key, default_headers=agent, max_retries=retries) as client:
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_the_sdk_gets_is_what_it_gets_without_the_gateway(
    case: Case, direct: dict[object, object], upstream: Watched, through: GatewayProcess, key: str
) -> None:
    same_through(case, sdk, direct, (upstream.url, through.url), key)


def test_twenty_async_streams_at_once_end_each_with_its_own_message(
    through: GatewayProcess, key: str
) -> None:
    async def run() -> list[int]:
        async with anthropic.AsyncAnthropic(base_url=through.url, api_key=key, max_retries=0) as client:

            async def one(limit: int) -> int:
                async with client.messages.stream(model="demo", max_tokens=limit, messages=ASK) as stream:
                    return (await stream.get_final_message()).usage.output_tokens

            return await asyncio.gather(*(one(1 + number) for number in range(20)))

    assert asyncio.run(run()) == list(range(1, 21))


def test_a_stream_that_is_closed_early_is_cancelled_upstream_and_recorded(
    upstream: Watched, through: GatewayProcess, key: str
) -> None:
    with sdk(through.url, key) as client:
        stream = client.messages.create(
            model="demo", max_tokens=500, messages=ASK, stream=True, extra_headers=SLOW
        )
        assert next(iter(stream)).type == "message_start"
        stream.close()
    assert wait_for(lambda: key in upstream.cut, "the upstream's cancellation")
    [record] = through.records(key)
    assert (record["error"], record["finished"], record["route"]) == ("client_gone", False, "/v1/messages")


# --- what an enforcing gateway does ----------------------------------------------------------------


def test_a_refusal_is_a_permission_error_that_is_not_tried_again(
    upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    with sdk(enforce.url, key, "refuse", retries=5) as client:
        with pytest.raises(anthropic.PermissionDeniedError) as raised:
            client.messages.create(model="demo", max_tokens=9, messages=ASK)
        with (
            pytest.raises(anthropic.PermissionDeniedError),
            client.messages.stream(model="demo", max_tokens=9, messages=ASK),
        ):
            raise AssertionError("the stream has begun")
    error = raised.value
    body = error.body
    assert isinstance(body, dict)
    assert (error.status_code, body["type"], body["error"]["type"]) == (403, "error", "permission_error")
    assert error.request_id == enforce.records(key, 2)[0]["id"]
    assert upstream.asked[key] == 0


def test_a_throttled_call_is_a_rate_limit_error_and_the_sdk_waits_as_told(
    upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    with sdk(enforce.url, key, "throttle") as client:
        client.messages.create(model="demo", max_tokens=9, messages=ASK)
        with pytest.raises(anthropic.RateLimitError) as raised:
            client.messages.create(model="demo", max_tokens=9, messages=ASK)
        assert upstream.asked[key] == 1
        patient = client.with_options(max_retries=3)
        answer = patient.messages.with_raw_response.create(model="demo", max_tokens=9, messages=ASK)
    assert 0 < int(raised.value.response.headers["retry-after"]) <= 2
    assert answer.retries_taken == 1
    assert answer.parse().usage.output_tokens == 9
    assert upstream.asked[key] == 2


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_is_taken_out_and_its_signature_is_kept(
    stream: bool, upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    def ask(url: str, rung: str | None) -> anthropic.types.Message:
        asked = {
            "model": "demo",
            "max_tokens": 180,
            "messages": ASK,
            "thinking": {"type": "enabled", "budget_tokens": 100},
        }
        with sdk(url, key, rung) as client:
            if not stream:
                found: anthropic.types.Message = client.messages.create(**asked)  # type: ignore[call-overload]
                return found
            with client.messages.stream(**asked) as events:  # type: ignore[arg-type]
                return events.get_final_message()

    whole, stripped = ask(upstream.url, None), ask(enforce.url, "perturb")
    assert whole.content[0].type == stripped.content[0].type == "thinking"
    assert whole.content[0].thinking
    assert (stripped.content[0].thinking, stripped.content[0].signature) == ("", whole.content[0].signature)
    assert [block.to_dict() for block in stripped.content[1:]] == [
        block.to_dict() for block in whole.content[1:]
    ]

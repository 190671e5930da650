"""The official OpenAI SDK through a gateway process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import pytest

from tests.processes import GatewayProcess, wait_for
from tests.sdks.conftest import SLOW, Watched, same_through
from tests.sdks.openai_cases import ASK, CASES, Case


@contextmanager
def sdk(url: str, key: str, rung: str | None = None, **options: int) -> Iterator[openai.OpenAI]:
    agent = {} if rung is None else {"User-Agent": f"OpenAI/Python rung-{rung}"}
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, default_headers=agent, **options) as client:  # type: ignore[arg-type]
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_the_sdk_gets_is_what_it_gets_without_the_gateway(
    case: Case, direct: dict[object, object], upstream: Watched, through: GatewayProcess, key: str
) -> None:
    same_through(case, sdk, direct, (upstream.url, through.url), key)


def test_twenty_async_calls_at_once_get_each_its_own_answer(
    upstream: Watched, through: GatewayProcess, key: str
) -> None:
    async def ask(url: str, *, together: bool) -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:

            async def one(number: int) -> str:
                if number % 2:
                    answer = await client.chat.completions.create(model="demo", messages=ASK, seed=number)
                    return str(answer.choices[0].message.content)
                stream = await client.chat.completions.create(
                    model="demo", messages=ASK, seed=number, stream=True
                )
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            if together:
                return await asyncio.gather(*map(one, range(20)))
            return [await one(number) for number in range(20)]

    answers = asyncio.run(ask(through.url, together=True))
    assert answers == asyncio.run(ask(upstream.url, together=False))
    assert len(set(answers)) > 10


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_stream_that_is_closed_early_is_cancelled_upstream_and_recorded(
    api: str, upstream: Watched, through: GatewayProcess, key: str
) -> None:
    with sdk(through.url, key) as client:
        if api == "chat":
            chat = client.chat.completions.create(model="demo", messages=ASK, stream=True, extra_headers=SLOW)
            assert next(iter(chat)).choices
            chat.close()
        else:
            events = client.responses.create(model="demo", input="x", stream=True, extra_headers=SLOW)
            assert next(iter(events)).type == "response.created"
            events.close()
    assert wait_for(lambda: key in upstream.cut, "the upstream's cancellation")
    [record] = through.records(key)
    assert (record["error"], record["finished"], record["stream"]) == ("client_gone", False, True)


def test_async_streams_that_are_cancelled_are_cancelled_upstream(
    upstream: Watched, through: GatewayProcess, key: str
) -> None:
    async def read_forever(client: openai.AsyncOpenAI, started: asyncio.Event) -> None:
        async for _ in await client.chat.completions.create(
            model="demo", messages=ASK, stream=True, extra_headers=SLOW
        ):
            started.set()

    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=f"{through.url}/v1", api_key=key) as client:
            started = asyncio.Event()
            task = asyncio.ensure_future(read_forever(client, started))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert wait_for(lambda: key in upstream.cut, "the upstream's cancellation")


# --- what an enforcing gateway does ----------------------------------------------------------------


def test_a_refusal_is_a_permission_error_that_is_not_tried_again(
    upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    with sdk(enforce.url, key, "refuse", max_retries=5) as client:
        with pytest.raises(openai.PermissionDeniedError) as raised:
            client.chat.completions.create(model="demo", messages=ASK)
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(model="demo", messages=ASK, stream=True)
        with pytest.raises(openai.PermissionDeniedError):
            client.responses.create(model="demo", input="x")
    error = raised.value
    assert (error.status_code, error.code) == (403, "usage_review")
    first, *others = enforce.records(key, 3)
    assert error.request_id == first["id"]
    assert (first["refusal"], first["enforced"]["rung"], len(others)) == ("usage_review", "refuse", 2)
    assert upstream.asked[key] == 0
    assert "rung" not in str(error.body)


def test_a_throttled_call_is_a_rate_limit_error_and_the_sdk_waits_as_told(
    upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    with sdk(enforce.url, key, "throttle", max_retries=0) as client:
        client.chat.completions.create(model="demo", messages=ASK)
        with pytest.raises(openai.RateLimitError) as raised:
            client.chat.completions.create(model="demo", messages=ASK)
        assert upstream.asked[key] == 1
        patient = client.with_options(max_retries=3)
        answer = patient.chat.completions.with_raw_response.create(model="demo", messages=ASK)
    assert (raised.value.status_code, raised.value.code) == (429, "rate_limited")
    told = float(raised.value.response.headers["retry-after-ms"]) / 1000
    assert 0 < told <= 2
    # The gateway rounds up to whole seconds, and the SDK's own schedule would begin with half a second.
    assert answer.retries_taken == 1
    assert answer.parse().choices[0].message.content
    assert upstream.asked[key] == 2


@pytest.mark.parametrize("stream", [False, True])
def test_probabilities_are_narrowed_and_the_text_is_not(
    stream: bool, upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    def ask(url: str, rung: str | None) -> tuple[str, list[list[float]]]:
        asked = {"model": "demo", "messages": ASK, "logprobs": True, "top_logprobs": 20}
        with sdk(url, key, rung) as client:
            if stream:
                with client.chat.completions.stream(**asked) as chunks:  # type: ignore[arg-type]
                    choice = chunks.get_final_completion().choices[0]
            else:
                choice = client.chat.completions.create(**asked).choices[0]  # type: ignore[call-overload]
        assert choice.logprobs is not None
        entries = choice.logprobs.content or []
        return str(choice.message.content), [[top.logprob for top in one.top_logprobs] for one in entries]

    text, values = ask(upstream.url, None)
    narrowed = ask(enforce.url, "narrow")
    assert narrowed == (text, [[round(value, 2) for value in row[:5]] for row in values])
    [*_, last] = enforce.records(key)
    assert {"logprobs", "cap"} <= set(last["applied"])


def test_reasoning_is_taken_out_of_chat_and_responses(
    upstream: Watched, enforce: GatewayProcess, key: str
) -> None:
    with sdk(upstream.url, key) as client:
        whole = client.chat.completions.create(model="demo-reasoner", messages=ASK)
    with sdk(enforce.url, key, "perturb") as client:
        answer = client.chat.completions.create(model="demo-reasoner", messages=ASK)
    with sdk(enforce.url, f"{key}-2", "perturb") as client:
        chunks = list(client.chat.completions.create(model="demo-reasoner", messages=ASK, stream=True))
    with (
        sdk(enforce.url, f"{key}-3", "perturb") as client,
        client.responses.stream(model="demo-reasoner", input="Hello") as stream,
    ):
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert answer.choices[0].message.content == whole.choices[0].message.content
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert "scripted reasoning" in str(whole)
    assert not [said for said in (answer, chunks, final) if "scripted reasoning" in str(said)]
    assert not [kind for kind in kinds if "reasoning" in kind]
    assert final.usage is not None


def test_text_completions_and_responses_are_narrowed_too(enforce: GatewayProcess, key: str) -> None:
    with sdk(enforce.url, key, "narrow") as client:
        old = client.completions.create(model="demo", prompt="x", logprobs=5, max_tokens=4, n=3)
        new = client.responses.create(
            model="demo", input="x", include=["message.output_text.logprobs"], top_logprobs=20
        )
    assert len(old.choices) == 1
    assert old.choices[0].logprobs is not None
    assert [len(top) for top in old.choices[0].logprobs.top_logprobs or []] == [5] * 4
    message = new.output[0]
    assert message.type == "message"
    part = message.content[0]
    assert part.type == "output_text"
    assert {len(entry.top_logprobs) for entry in part.logprobs or []} == {5}


@pytest.mark.parametrize("gone", ["logit_bias", "echo"])
def test_steering_takes_the_probabilities_away_and_the_answer_stays(
    gone: str, enforce: GatewayProcess, key: str
) -> None:
    with sdk(enforce.url, key, "narrow") as client:
        if gone == "echo":
            old = client.completions.create(model="demo", prompt="x", logprobs=5, echo=True, max_tokens=4)
            assert (old.choices[0].logprobs, bool(old.choices[0].text)) == (None, True)
        else:
            answer = client.chat.completions.create(
                model="demo", messages=ASK, logprobs=True, top_logprobs=5, logit_bias={"1": 100}
            )
            assert (answer.choices[0].logprobs, bool(answer.choices[0].message.content)) == (None, True)

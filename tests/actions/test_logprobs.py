"""Narrowing and taking away token probabilities."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway import dialects
from gateway.dialects.base import Object
from gateway.dialects.logprobs import UNLIKELY
from gateway.stream import DocumentRewriter, Rewriter
from tests.actions.helpers import SPEAKING, action, call, edited, editor

CHAT: Object = {"model": "m", "messages": [], "logprobs": True}
LEGACY: Object = {"model": "m", "prompt": "x"}


# --- the request -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "asked", "sent"),
    [
        ("openai_chat", {"logprobs": True, "top_logprobs": 20}, {"logprobs": True, "top_logprobs": 5}),
        ("openai_chat", {"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 5}),
        ("openai_chat", {"logprobs": True, "top_logprobs": -1}, {"logprobs": True, "top_logprobs": 5}),
        ("openai_chat", {"logprobs": True}, {"logprobs": True, "top_logprobs": 5}),
        ("openai_chat", {"logprobs": True, "top_logprobs": None}, {"logprobs": True, "top_logprobs": 5}),
        ("openai_chat", {"logprobs": True, "top_logprobs": "20"}, {"logprobs": True, "top_logprobs": 5}),
        ("openai_completions", {"logprobs": 20}, {"logprobs": 5}),
        ("openai_completions", {"logprobs": 0}, {"logprobs": 5}),
        (
            "openai_responses",
            {"include": ["message.output_text.logprobs"]},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 5},
        ),
        ("openai_responses", {"top_logprobs": 20}, {"top_logprobs": 5}),
        ("ollama", {"logprobs": True, "top_logprobs": 9}, {"logprobs": True, "top_logprobs": 5}),
    ],
)
def test_exactly_the_cap_is_asked_for_in_the_shape_of_the_api(
    dialect: str, asked: Object, sent: Object
) -> None:
    assert edited(action("logprobs", max_top=5), asked, dialect) == sent


def test_a_request_that_fits_already_or_asks_for_nothing_is_not_touched() -> None:
    act = action("logprobs", max_top=5)
    assert edited(act, {**CHAT, "top_logprobs": 5}) is None
    assert edited(act, {"messages": [], "logprobs": False, "top_logprobs": 0}) is None
    assert edited(act, {"messages": [], "temperature": 2, "logit_bias": {"1": -100, "2": 100}}) is None
    assert edited(act, {"messages": [], "presence_penalty": 1, "top_p": 0.9, "min_p": 0.1}) is None
    assert edited(act, {"messages": [], "tools": [{}], "tool_choice": "required"}) is None


@pytest.mark.parametrize(
    "steering",
    [
        {"logit_bias": {"50256": -100}},
        {"logit_bias": [[50256, 100]]},
        {"allowed_token_ids": [1]},
        {"grammar": 'root ::= "a"'},
        {"json_schema": {"type": "object"}},
        {"response_format": {"type": "json_schema"}},
        {"guided_choice": ["a"]},
        {"prompt_logprobs": 0},
        {"post_sampling_probs": True},
        {"temperature": 2.1},
        {"temperature": "1e6"},
        {"echo": True},
        {"tools": [{}], "tool_choice": "required"},
        {"tools": [{}], "tool_choice": {"type": "function", "function": {"name": "f"}}},
    ],
)
def test_beside_steering_the_request_goes_on_without_probabilities(steering: Object) -> None:
    act = action("logprobs", max_top=5)
    plain = {"model": "m", "messages": []}
    body = {**CHAT, **steering, "top_logprobs": 3}
    kept = {**plain, **steering}
    for gone in ("prompt_logprobs", "post_sampling_probs", "allowed_token_ids", "echo"):
        kept.pop(gone, None)
    if "temperature" in steering:
        kept["temperature"] = 2
    assert edited(act, body) == kept
    answer = completion([("a", -0.1, [("a", -0.1), ("b", -3.0)])])
    assert editor(act, body).edit(answer) == "changed"
    assert answer["choices"] == [{"index": 0, "message": {"content": "a"}, "logprobs": None}]


def test_echo_stays_but_not_beside_probabilities() -> None:
    body: Object = {**LEGACY, "echo": True, "logprobs": 1}
    assert edited(action("logprobs"), body, "openai_completions") == {**LEGACY, "echo": True}


WEIGHING: Object = {
    "logit_bias": {"1": 3.25, "2": 30},
    "temperature": 7,
    "min_p": 0.03,
    "frequency_penalty": 0.5,
    "xtc_probability": 1.0,
    "xtc_threshold": 0.001,
}


@pytest.mark.parametrize("options", [{}, {"off": True}])
@pytest.mark.parametrize("probabilities", [{}, {"logprobs": True, "top_logprobs": 2}])
def test_tokens_cannot_be_weighed_by_degrees_whether_or_not_probabilities_were_asked_for(
    options: Object, probabilities: Object
) -> None:
    body: Object = {"model": "m", "messages": [], **WEIGHING, **probabilities}
    after = edited(action("logprobs", **options), body)
    assert after == {"model": "m", "messages": [], "logit_bias": {"2": 100}, "temperature": 2}


@pytest.mark.parametrize(
    "mask", [{"grammar": 'root ::= "a" | "b"'}, {"tools": [{}], "tool_choice": "required"}]
)
def test_nothing_goes_by_degrees_beside_a_mask(mask: Object) -> None:
    body: Object = {"messages": [], "presence_penalty": -4.5, "dry_multiplier": 1, "top_p": 0.9, **mask}
    assert edited(action("logprobs"), body) == {"messages": [], "top_p": 0.9, **mask}


@pytest.mark.parametrize("options", [{"off": True}, {"max_top": 0}, {"max_top": 5, "off": True}])
def test_off_takes_every_probability_key(options: dict[str, Any]) -> None:
    act = action("logprobs", **options)
    assert edited(act, {**CHAT, "top_logprobs": 3, "n_probs": 9}) == {"model": "m", "messages": []}
    assert edited(
        act, {"input": "x", "include": ["a", "message.output_text.logprobs"]}, "openai_responses"
    ) == {
        "input": "x",
        "include": ["a"],
    }
    assert edited(act, {"input": "x", "include": ["a"]}, "openai_responses") is None
    assert edited(act, {"input": "x"}, "openai_responses") is None


@pytest.mark.parametrize(
    "extra",
    [
        {"n_probs": 50, "logprobs": False},
        {"verbose": True},
        {"post_sampling_probs": True},
        {"return_tokens_as_token_ids": True},
        {"logprob_token_ids": [1, 2]},
        {"prompt_logprobs": 5},
        {"no_such_field": 1},
    ],
)
def test_fields_that_are_not_of_the_api_never_reach_the_engine(extra: Object) -> None:
    plain: Object = {"model": "m", "messages": []}
    after = edited(action("logprobs"), {**plain, **extra})
    assert after is not None
    assert {key: value for key, value in after.items() if value is not False} == plain


@given(
    st.sampled_from(SPEAKING),
    st.dictionaries(
        st.sampled_from(["logprobs", "top_logprobs", "n_probs", "prompt_logprobs"]),
        st.one_of(st.none(), st.booleans(), st.integers(-1, 100)),
    ),
    st.integers(min_value=0, max_value=20),
)
def test_afterwards_no_reader_finds_more_than_the_cap(dialect: str, asked: Object, top: int) -> None:
    act = action("logprobs", max_top=top)
    asked = {key: value for key, value in asked.items() if key == "logprobs" or not isinstance(value, bool)}
    changed = edited(act, asked, dialect)
    after = asked if changed is None else changed
    parameters = call(after, dialect).parameters
    assert parameters.top_logprobs <= top
    assert parameters.prompt_logprobs == 0
    assert not (parameters.logprobs and top == 0)
    assert edited(act, after, dialect) is None


def test_embeddings_are_none_of_its_business() -> None:
    act = action("logprobs")
    body: Object = {"input": "x", "n_probs": 3}
    assert edited(act, body, "embeddings") is None
    assert act.editor(call(body, "embeddings"), dialects.get("embeddings"), body) is None


def test_a_dialect_that_lists_no_fields_keeps_them_all() -> None:
    class Bare:
        parameters = type(dialects.get("openai_chat").parameters)(
            logprobs=("logprobs",), prompt_logprobs=("prompt_logprobs",)
        )

    body: Object = {"x": 1, "logprobs": True}
    assert not action("logprobs").edit_request(call(body), Bare(), body)  # type: ignore[arg-type]
    assert body == {"x": 1, "logprobs": True}
    body["prompt_logprobs"] = 0
    assert action("logprobs").edit_request(call(body), Bare(), body)  # type: ignore[arg-type]
    assert body == {"x": 1}


# --- the answer ------------------------------------------------------------------------------------

Top = list[tuple[str, float]]


def completion(tokens: list[tuple[str, float, Top]]) -> Object:
    entries: Any = [
        {"token": token, "logprob": value, "top_logprobs": [{"token": t, "logprob": v} for t, v in top]}
        for token, value, top in tokens
    ]
    text = "".join(token for token, _, _ in tokens)
    return {"choices": [{"index": 0, "message": {"content": text}, "logprobs": {"content": entries}}]}


def entries_of(answer: Any) -> list[Any]:
    found: list[Any] = answer["choices"][0]["logprobs"]["content"]
    return found


@st.composite
def answers(draw: st.DrawFn) -> Object:
    tokens: list[tuple[str, float, Top]] = []
    for _ in range(draw(st.integers(1, 4))):
        values = draw(st.lists(st.floats(-30, 0), min_size=1, max_size=25))
        top = [(f"t{place}", value) for place, value in enumerate(values)]
        token, value = draw(st.sampled_from([*top, ("unlisted", -29.0)]))
        tokens.append((token, value, top))
    return completion(tokens)


@given(
    answers(),
    st.integers(min_value=1, max_value=20),
    st.integers(min_value=0, max_value=20),
    st.one_of(st.none(), st.integers(0, 4)),
)
def test_order_and_argmax_of_the_kept_alternatives_never_change(
    answer: Any, top: int, asked: int, decimals: int | None
) -> None:
    before = deepcopy(answer)
    body: Object = {**CHAT, "top_logprobs": asked}
    assert editor(action("logprobs", max_top=top, decimals=decimals), body).edit(answer) == "changed"
    for was, now in zip(entries_of(before), entries_of(answer), strict=True):
        names = [entry["token"] for entry in was["top_logprobs"]]
        kept = [entry["token"] for entry in now["top_logprobs"]]
        values = {entry["token"]: entry["logprob"] for entry in was["top_logprobs"]}
        assert len(kept) == min(len(names), asked, top)
        assert kept == [name for name in names if name in kept]
        assert min((values[name] for name in kept), default=0) >= max(
            (values[name] for name in names if name not in kept and kept), default=-99
        )
        if kept:
            assert max(values, key=values.__getitem__) in kept
        for entry in now["top_logprobs"]:
            exact = values[entry["token"]]
            assert entry["logprob"] == (exact if decimals is None else round(exact, decimals))
        assert now["token"] == was["token"]


@given(answers(), st.integers(1, 4))
def test_rounding_moves_no_value_far_turns_no_two_round_and_says_the_same_each_time(
    answer: Any, decimals: int
) -> None:
    act = action("logprobs", max_top=20, decimals=decimals)
    body: Object = {**CHAT, "top_logprobs": 20}
    before, again = deepcopy(answer), deepcopy(answer)
    editor(act, body).edit(answer)
    for was, now in zip(entries_of(before), entries_of(answer), strict=True):
        values = {entry["token"]: entry["logprob"] for entry in was["top_logprobs"]}
        kept = [(values[entry["token"]], entry["logprob"]) for entry in now["top_logprobs"]]
        assert all(abs(exact - shown) <= 0.05 + 1e-9 for exact, shown in kept)
        shown = [value for _, value in sorted(kept)]
        assert shown == sorted(shown)
    editor(act, body).edit(again)
    assert again == answer


@given(answers(), st.integers(0, 5), st.integers(1, 40))
def test_a_stream_is_narrowed_as_the_whole_answer_is_however_it_is_cut(
    answer: Any, asked: int, size: int
) -> None:
    act = action("logprobs", max_top=5, decimals=2)
    body: Object = {**CHAT, "top_logprobs": asked}
    raw = b"".join(
        b"data: "
        + json.dumps({"choices": [{"index": 0, "logprobs": {"content": [entry]}}]}).encode()
        + b"\n\n"
        for entry in entries_of(answer)
    )
    rewriter = Rewriter(dialects.get("openai_chat"), [editor(act, body)])
    pieces = [rewriter.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
    out = b"".join([*pieces, rewriter.close()])
    events = [json.loads(line[6:]) for line in out.split(b"\n") if line.startswith(b"data: ")]
    editor(act, body).edit(answer)
    assert [entry for event in events for entry in entries_of(event)] == entries_of(answer)


def test_a_sampled_token_beyond_the_cap_loses_its_value_and_others_keep_theirs() -> None:
    top: Top = [("a", -0.5), ("b", -1.5), ("c", -2.5), ("d", -9.0)]
    answer = completion([("a", -0.5, top), ("c", -2.5, top), ("z", -14.25, top)])
    editor(action("logprobs", max_top=3), {**CHAT, "top_logprobs": 1}).edit(answer)
    assert [entry["logprob"] for entry in entries_of(answer)] == [-0.5, -2.5, UNLIKELY]
    assert [len(entry["top_logprobs"]) for entry in entries_of(answer)] == [1, 1, 1]


def test_a_client_that_asked_for_no_alternatives_gets_none_but_its_tokens_values() -> None:
    answer = completion([("a", -0.25, [("a", -0.25), ("b", -1.75)])])
    editor(action("logprobs", max_top=5), CHAT).edit(answer)
    assert entries_of(answer) == [{"token": "a", "logprob": -0.25, "top_logprobs": []}]


def test_probabilities_that_nobody_asked_for_are_taken_away() -> None:
    answer = completion([("a", -0.1, [("a", -0.1)])])
    assert editor(action("logprobs"), {"messages": []}).edit(answer) == "changed"
    assert answer == {"choices": [{"index": 0, "message": {"content": "a"}, "logprobs": None}]}


def test_an_answer_without_probabilities_is_kept() -> None:
    plain: Object = {"choices": [{"index": 0, "message": {"content": "a"}, "logprobs": None}]}
    bodies: list[Object] = [{"messages": []}, CHAT]
    for body in bodies:
        found = editor(action("logprobs"), body)
        assert found.edit(deepcopy(plain)) == "kept"
        assert found.close() == []


def test_copies_outside_the_known_places_are_taken_away_even_when_granted() -> None:
    answer = completion([("a", -0.1, [("a", -0.1)])])
    answer["__verbose"] = {"completion_probabilities": [{"id": 1, "logprob": -0.1}], "prompt": "secret"}
    answer["prompt_logprobs"] = [None, {"1": {"logprob": -0.5}}]
    assert editor(action("logprobs"), {**CHAT, "top_logprobs": 5}).edit(answer) == "changed"
    assert set(answer) == {"choices"}


def test_post_sampling_shapes_are_taken_away() -> None:
    entry: Object = {"token": "a", "prob": 0.9, "top_probs": [{"token": "a", "prob": 0.9}]}
    answer: Object = {"content": "a", "completion_probabilities": [entry], "stop": True}
    body: Object = {"prompt": "x", "n_probs": 5, "post_sampling_probs": True}
    assert editor(action("logprobs"), body, "llamacpp").edit(answer) == "changed"
    assert answer == {"content": "a", "stop": True}


SECRET = -7.654321
ANSWERS: dict[str, Object] = {
    "openai_chat": completion([("a", SECRET, [("b", SECRET)])]),
    "openai_completions": {
        "choices": [{"text": "a", "logprobs": {"token_logprobs": [SECRET], "top_logprobs": [{"b": SECRET}]}}]
    },
    "openai_responses": {
        "output": [
            {
                "type": "message",
                "content": [
                    {"type": "output_text", "text": "a", "logprobs": [{"token": "a", "logprob": SECRET}]}
                ],
            }
        ]
    },
    "anthropic": {
        "content": [{"type": "text", "text": "a"}],
        "completion_probabilities": [{"logprob": SECRET}],
    },
    "ollama": {"message": {"content": "a"}, "done": True, "logprobs": [{"token": "a", "logprob": SECRET}]},
    "llamacpp": {"content": "a", "completion_probabilities": [{"token": "a", "logprob": SECRET}]},
}


@pytest.mark.parametrize("dialect", SPEAKING)
def test_no_probability_leaves_in_any_api_streamed_or_whole(dialect: str) -> None:
    act = action("logprobs", off=True)
    raw = json.dumps(ANSWERS[dialect]).encode()
    whole = DocumentRewriter([editor(act, {}, dialect)])
    stream = Rewriter(dialects.get(dialect), [editor(act, {}, dialect)])
    framed = raw + b"\n" if dialects.get(dialect).framing == "ndjson" else b"data: " + raw + b"\n\n"
    for out in (whole.feed(raw) + whole.close(), stream.feed(framed) + stream.close()):
        assert b'"a"' in out
        assert b"7.65" not in out


@pytest.mark.parametrize("options", [{"max_top": 21}, {"max_top": -1}, {"decimals": -1}, {"noise": 1}])
def test_options_that_mean_nothing_are_errors(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        action("logprobs", **options)

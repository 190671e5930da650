"""Marking answers: the prose of a conversation by the principal's key, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway import dialects
from gateway.actions.base import Editor
from gateway.actions.perturb import Perturb
from gateway.dialects.base import Object
from gateway.marks.keyring import Epoch, KeyRing
from gateway.marks.protected import WINDOW
from gateway.marks.text import mark
from gateway.model import Principal
from tests.actions.answers import edited_stream, edited_whole, events, said, whole
from tests.actions.helpers import ENDPOINTS, action, call, editor
from tests.marks.texts import KEY, OTHER, PROSE, PROTECTED

CONVERSATIONS = [
    name for name, endpoint in ENDPOINTS.items() if endpoint in ("chat", "messages", "responses")
]
ASK: Object = {"messages": [{"role": "user", "content": "How do I grow herbs?"}]}


class Fixed(Epoch):
    """An epoch with one key for everybody."""

    def key(self, name: str) -> bytes:
        return self.secret


def marker(dialect: str = "openai_chat", key: bytes = KEY, **options: Any) -> Editor:
    asked = call(ASK if dialect != "openai_responses" else {"input": "How?"}, dialect)
    keyed = action("perturb", **options).keyed(Principal("p"), KeyRing([Fixed("1", 0.0, key)]), 0.0)
    found = keyed.editor(asked, dialects.get(dialect), {})
    assert found is not None
    return found


def alone(body: Object, dialect: str = "openai_chat", endpoint: str | None = None) -> bool:
    """Whether the answers to a request are left alone."""
    asked = call(body, dialect, endpoint)
    return action("perturb").editor(asked, dialects.get(dialect), body) is None


@pytest.mark.parametrize("dialect", CONVERSATIONS)
def test_a_whole_answer_is_marked_under_the_principals_key(dialect: str) -> None:
    found = edited_whole(dialect, whole(dialect, PROSE), marker(dialect, profile="strong"))
    assert said(dialect, [found]) == mark(PROSE, KEY, "strong")
    other = edited_whole(dialect, whole(dialect, PROSE), marker(dialect, OTHER, profile="strong"))
    assert said(dialect, [other]) == mark(PROSE, OTHER, "strong") != mark(PROSE, KEY, "strong")


@pytest.mark.parametrize("dialect", CONVERSATIONS)
@given(st.lists(st.integers(0, len(PROSE) * 2), max_size=30), st.sampled_from(sorted(PROTECTED)))
def test_a_stream_says_what_the_whole_answer_says_however_it_is_cut(
    dialect: str, cuts: list[int], kind: str
) -> None:
    text = f"{PROSE}\n{PROTECTED[kind]}"
    bounds = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    found = edited_stream(dialect, events(dialect, pieces), marker(dialect))
    assert said(dialect, found) == mark(text, KEY, "light")


@pytest.mark.parametrize("dialect", CONVERSATIONS)
def test_all_of_the_text_comes_before_the_event_that_ends_it(dialect: str) -> None:
    found = edited_stream(dialect, events(dialect, [PROSE[:300], PROSE[300:]]), marker(dialect))
    ends = [at for at, message in enumerate(found) if list(dialects.get(dialect).ends(message))]
    assert ends
    assert said(dialect, found[: ends[0] + 1]) == mark(PROSE, KEY, "light")


def test_responses_repeat_the_marked_text() -> None:
    marked = mark(PROSE, KEY, "light")
    found = edited_stream("openai_responses", events("openai_responses", [PROSE]), marker("openai_responses"))
    by_type = {message["type"]: message for message in found}
    assert by_type["response.output_text.done"]["text"] == marked
    assert by_type["response.content_part.done"]["part"]["text"] == marked
    assert by_type["response.completed"]["response"]["output"][0]["content"][0]["text"] == marked


def test_reasoning_is_taken_out_before_the_rest_is_marked() -> None:
    text = f"<think>{PROSE}</think>{PROSE}"
    editors = [editor(action("reasoning"), ASK), marker()]
    found = edited_stream(
        "openai_chat", events("openai_chat", [text[at : at + 7] for at in range(0, len(text), 7)]), *editors
    )
    assert said("openai_chat", found) == mark(PROSE, KEY, "light")


def test_tool_calls_stay_and_come_once() -> None:
    function = {"name": "note", "arguments": f'{{"text": "{PROSE.strip()}"}}'}
    calls = [{"index": 0, "id": "c", "type": "function", "function": function}]
    delta = {"role": "assistant", "content": PROSE, "tool_calls": calls}
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = {
        "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1},
    }
    found = edited_stream("openai_chat", [chunk, end], marker())
    assert said("openai_chat", found) == mark(PROSE, KEY, "light")
    deltas = [message["choices"][0]["delta"] for message in found]
    assert [one.get("tool_calls") for one in deltas if "tool_calls" in one] == [calls]
    assert [one["role"] for one in deltas if "role" in one] == ["assistant"]
    assert [message["choices"][0]["finish_reason"] for message in found] == [None, None, "tool_calls"]


def test_probabilities_of_changed_text_go_with_it() -> None:
    answer = whole("openai_chat", PROSE)
    answer["choices"][0]["logprobs"] = {"content": [{"token": "It", "logprob": -1.0}]}
    found = edited_whole("openai_chat", answer, marker())
    assert found["choices"][0]["logprobs"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": "Write it without commas."}]},
        {"messages": [{"role": "user", "content": "Use the word 'soil' three times."}]},
        {"messages": [{"role": "system", "content": "Use British spelling."}]},
        {"messages": [{"role": "user", "content": "At least 300 words, please."}]},
        {"messages": [{"role": "user", "content": "A poem about herbs"}]},
    ],
)
def test_answers_whose_form_was_asked_for_are_left_alone(body: Object) -> None:
    assert alone({**ASK, **body})


def test_what_the_model_said_before_is_no_wish_for_a_form() -> None:
    said_before: Any = [{"role": "assistant", "content": "I cannot write a poem."}]
    messages: Any = ASK["messages"]
    assert not alone({"messages": said_before + messages})


def test_what_continues_a_text_is_left_alone() -> None:
    assert alone({"prompt": "def f():"}, "openai_completions")
    assert alone({"prompt": "def f():"}, "llamacpp")
    assert alone({"prompt": "def f():"}, "ollama", "completions")
    assert alone({"input": "x"}, "embeddings")


def test_what_the_prompt_gave_is_given_back_as_it_was() -> None:
    asked: Object = {"messages": [{"role": "user", "content": f"Say it again: {PROSE}"}]}
    found = edited_whole("openai_chat", whole("openai_chat", PROSE), editor(action("perturb"), asked))
    assert said("openai_chat", [found]) == PROSE


def test_without_a_key_it_still_tells_that_it_would_act() -> None:
    assert editor(action("perturb"), ASK) is not None


def test_options() -> None:
    assert action("perturb").options == action("perturb", profile="light").options
    assert str(WINDOW) in (Perturb.__doc__ or "")
    with pytest.raises(ValidationError):
        action("perturb", profile="loud")

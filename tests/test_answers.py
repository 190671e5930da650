"""What an answer says is put together alike from a whole answer and from its events, in every dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import dialects
from gateway.answers import LONGEST
from gateway.dialects.base import Object
from gateway.usage import Meter

Make = Callable[[str], Object]


def _chat(text: str, choice: int = 0) -> Object:
    return {"choices": [{"index": choice, "delta": {"content": text}}]}


EVENTS: Mapping[str, Make] = {
    "openai_chat": _chat,
    "openai_completions": lambda text: {"choices": [{"index": 0, "text": text}]},
    "openai_responses": lambda text: {"type": "response.output_text.delta", "delta": text},
    "anthropic": lambda text: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    },
    "ollama": lambda text: {"message": {"role": "assistant", "content": text}, "done": False},
    "llamacpp": lambda text: {"content": text, "stop": False},
}
WHOLE: Mapping[str, Make] = {
    "openai_chat": lambda text: {"choices": [{"index": 0, "message": {"content": text}}]},
    "openai_completions": EVENTS["openai_completions"],
    "openai_responses": lambda text: {
        "object": "response",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
    },
    "anthropic": lambda text: {"type": "message", "content": [{"type": "text", "text": text}]},
    "ollama": EVENTS["ollama"],
    "llamacpp": EVENTS["llamacpp"],
}
DIALECTS = pytest.mark.parametrize("name", list(EVENTS))


def said(name: str, *messages: Object) -> str:
    meter = Meter(dialects.get(name), keep=True)
    for message in messages:
        meter.see(message)
    return meter.text


@DIALECTS
@given(pieces=st.lists(st.text(max_size=40), max_size=8))
def test_events_say_what_the_whole_answer_says(name: str, pieces: list[str]) -> None:
    streamed = said(name, *(EVENTS[name](piece) for piece in pieces))
    assert streamed == said(name, WHOLE[name]("".join(pieces))) == "".join(pieces)


@DIALECTS
def test_only_the_beginning_is_kept_wherever_it_is_cut(name: str) -> None:
    for size in (1, 7, 100, LONGEST + 5):
        text = "".join(chr(97 + at % 26) for at in range(2 * LONGEST))
        events = (EVENTS[name](text[at : at + size]) for at in range(0, len(text), size))
        assert said(name, *events) == text[:LONGEST]


def test_choices_that_come_in_turns_are_put_together_one_by_one() -> None:
    events = (_chat("A sentence", 0), _chat("Another", 1), _chat(" goes on.", 0), _chat(" one.", 1))
    assert said("openai_chat", *events) == "A sentence goes on.\nAnother one."


def test_what_an_api_repeats_at_the_end_is_not_said_twice() -> None:
    end: Object = {"type": "response.output_text.done", "text": "Once."}
    part: Object = {"type": "response.content_part.done", "part": {"type": "output_text", "text": "Once."}}
    assert said("openai_responses", EVENTS["openai_responses"]("Once."), end, part) == "Once."


def test_reasoning_and_tool_calls_are_left_out() -> None:
    thought: Object = {"choices": [{"index": 0, "delta": {"reasoning_content": "I think."}}]}
    called: Object = {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"arguments": "{}"}}]}}]}
    assert said("openai_chat", thought, called, _chat("So.")) == "So."
    assert said("anthropic", {"content": [{"type": "thinking", "thinking": "Hm."}]}) == ""

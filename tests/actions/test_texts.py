"""Held-back text comes in time: before the event that ends it, once, and with nothing else in its event."""

from __future__ import annotations

from typing import Any

from gateway import dialects
from gateway.actions.texts import TextEditor
from tests.actions.answers import Message, edited_stream, edited_whole, said, whole


class Late:
    """Holds back everything but what came before."""

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str) -> str:
        """The piece before this one."""
        before, self.held = self.held, text
        return before

    def close(self) -> str:
        """The last piece."""
        return self.feed("")


def late(dialect: str = "openai_chat") -> TextEditor:
    return TextEditor(dialects.get(dialect), Late)


def chunk(text: str | None, index: int = 0, finish: str | None = None, **delta: Any) -> Message:
    said_now = {} if text is None else {"content": text}
    return {"choices": [{"index": index, "delta": {**said_now, **delta}, "finish_reason": finish}]}


def texts(found: list[Message], index: int = 0) -> list[str]:
    choices = [choice for message in found for choice in message["choices"] if choice["index"] == index]
    return [choice["delta"].get("content", "-") for choice in choices]


def test_what_is_held_comes_before_the_event_that_ends_its_text() -> None:
    found = edited_stream("openai_chat", [chunk("a"), chunk("b"), chunk(None, finish="stop")], late())
    assert texts(found) == ["", "a", "b", "-"]
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


def test_an_event_that_ends_its_text_and_brings_some_is_completed() -> None:
    found = edited_stream("openai_chat", [chunk("a"), chunk("b", finish="stop")], late())
    assert texts(found) == ["", "ab"]


def test_the_end_of_one_choice_does_not_hurry_another() -> None:
    messages = [chunk("a"), chunk("x", 1), chunk(None, finish="stop"), chunk("y", 1), chunk(None, 1, "stop")]
    found = edited_stream("openai_chat", messages, late())
    assert texts(found, 1) == ["", "x", "y", "-"]
    assert texts(found) == ["", "a", "-"]


def test_a_stream_without_an_end_gives_what_is_held_at_its_end_marker_or_its_own_end() -> None:
    for done in (True, False):
        found = edited_stream("openai_chat", [chunk("a"), chunk("b")], late(), done=done)
        assert texts(found) == ["", "a", "b"]


def test_a_line_that_says_it_is_the_last_completes_its_own_text() -> None:
    lines: list[Message] = [{"response": "a", "done": False}, {"response": "b", "done": True}]
    assert [one["response"] for one in edited_stream("ollama", lines, late("ollama"))] == ["", "ab"]


def test_a_text_that_begins_with_its_block_goes_on_in_a_delta() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "all"}}
    messages: list[Message] = [start, {"type": "content_block_stop", "index": 0}, {"type": "message_stop"}]
    found = edited_stream("anthropic", messages, late("anthropic"))
    kinds = ["content_block_start", "content_block_delta", "content_block_stop", "message_stop"]
    assert [message["type"] for message in found] == kinds
    assert found[1]["delta"] == {"type": "text_delta", "text": "all"}
    assert said("anthropic", found) == "all"


def test_an_answer_of_the_old_completions_ends_with_its_reason() -> None:
    def event(text: str, reason: str | None) -> Message:
        return {"type": "completion", "completion": text, "stop_reason": reason}

    found = edited_stream("anthropic", [event("a", None), event("b", "stop_sequence")], late("anthropic"))
    assert [message["completion"] for message in found] == ["", "ab"]


def test_a_whole_answer_is_completed_in_place() -> None:
    for dialect in (
        "openai_chat",
        "anthropic",
        "openai_responses",
        "ollama",
        "llamacpp",
        "openai_completions",
    ):
        found = edited_whole(dialect, whole(dialect, "all"), late(dialect))
        assert said(dialect, [found]) == "all"


def test_an_empty_text_is_no_change() -> None:
    assert late().edit(chunk("")) == "kept"

"""Taking reasoning out of answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway import dialects
from gateway.actions.reasoning import TAGS, WINDOW, Reasoning
from gateway.dialects.base import Object
from gateway.dialects.neutral import Neutral
from gateway.stream import DocumentRewriter, Rewriter
from tests.actions import answers
from tests.actions.answers import edited_stream, edited_whole, events, said
from tests.actions.helpers import SPEAKING, action, call, edited, editor

CHAT: Object = {"messages": [], "stream": True}


def whole(text: str, dialect: str = "openai_chat", **options: Any) -> str:
    """What stays of a whole answer's text."""
    message = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    rewriter = DocumentRewriter([editor(action("reasoning", strip=True, **options), CHAT, dialect)])
    rewriter.feed(json.dumps(message).encode())
    found: Any = json.loads(rewriter.close())
    kept: str = found["choices"][0]["message"]["content"]
    return kept


def chunk(text: str, index: int = 0, **more: Any) -> Object:
    return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": None}], **more}


def sse(message: Object) -> bytes:
    return b"data: " + json.dumps(message).encode() + b"\n\n"


def objects(out: bytes) -> Iterator[Any]:
    for event in out.split(b"\n\n"):
        data = event.rpartition(b"data: ")[2]
        if data.startswith(b"{"):
            yield json.loads(data)


def rewritten(messages: Iterable[Object], dialect: str = "openai_chat", **options: Any) -> list[Any]:
    rewriter = Rewriter(dialects.get(dialect), [editor(action("reasoning", **options), CHAT, dialect)])
    out = b"".join([rewriter.feed(sse(message)) for message in messages])
    return list(objects(out + rewriter.feed(b"data: [DONE]\n\n") + rewriter.close()))


def streamed(pieces: Iterable[str], **options: Any) -> str:
    """What stays of a text that comes in pieces."""
    found = rewritten([chunk(piece) for piece in pieces], **options)
    return "".join(message["choices"][0]["delta"]["content"] for message in found)


# --- tags in the text ------------------------------------------------------------------------------

ONE_PIECE = [
    ("<think>why</think>42", "42"),
    ("\n <think>why</think>\n\n42", "\n\n42"),
    ("<think></think>", ""),
    ("<think>never closed", ""),
    ("<THINK>why</Think>42", "42"),
    ("why</think>42", "42"),
    ("<think>a</think>b</think>c", "c"),
    ("<think>a</think>\n<think>b</think>c", "c"),
    ("<think>a<think>b</think>c", "c"),
    ("<think>a</think>b <think> c", "b <think> c"),
    ("<think>a</think>\n<think> cut short", ""),
    ("42", "42"),
    ("", ""),
    ("if a < b", "if a < b"),
    ("a <", "a <"),
    ("ends in <thi", "ends in <thi"),
    ("say <think> and </think>, then stop", "say <think> and </think>, then stop"),
]


@pytest.mark.parametrize(("text", "kept"), ONE_PIECE)
def test_of_a_whole_answer_all_up_to_the_last_close_tag_goes(text: str, kept: str) -> None:
    assert whole(text) == kept
    assert streamed([text]) == kept


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_every_known_pair_of_tags_is_treated(opening: str, closing: str) -> None:
    text = f"{opening}why{closing}42"
    assert whole(text) == "42"
    assert streamed(text) == "42"


@given(st.text(alphabet="ab \n", max_size=12), st.text(alphabet="ab <", max_size=12), st.data())
def test_a_block_at_the_beginning_goes_however_it_is_cut(
    reason: str, answer: str, data: st.DataObject
) -> None:
    opening, closing = data.draw(st.sampled_from(TAGS))
    text = f"{opening}{reason}{closing}{answer}"
    bounds = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=8))})
    assert streamed([text[a:b] for a, b in pairwise(bounds)]) == answer
    assert streamed(text) == answer
    assert whole(text) == answer


@given(st.lists(st.text(alphabet="a <[/◁tThink>|", max_size=8), max_size=8))
def test_a_text_without_tags_arrives_complete_and_in_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    known = [tag.lower() for pair in TAGS for tag in pair]
    if not any(tag in text.lower() for tag in known):
        assert streamed(pieces) == text
        assert whole(text) == text


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "</thi", "nk>", "a", " ", "[THINK]"]), max_size=12)
)
def test_only_the_beginning_of_a_tag_is_ever_held_back(pieces: list[str]) -> None:
    found = editor(action("reasoning"), CHAT)
    for piece in pieces:
        found.edit(chunk(piece))
        held: list[Any] = [state.held for state in found._texts.values()]  # type: ignore[attr-defined]
        assert all(len(text) <= WINDOW for text in held)


def test_what_was_already_sent_before_an_unopened_close_tag_is_gone() -> None:
    assert streamed(["why ", "because", " so</th", "ink>42"]) == "why because so42"


def test_a_stream_that_ends_inside_a_block_shows_nothing_of_it() -> None:
    assert streamed(["<think>why", " because</thi"]) == ""


def test_assume_open_begins_inside_the_block() -> None:
    assert streamed(["why ", "because</th", "ink>42"], assume_open=True) == "42"
    assert whole("why</think>42", assume_open=True) == "42"
    assert whole("cut short", assume_open=True) == ""


def test_each_choice_has_its_own_state() -> None:
    messages = [
        chunk("<think>a", 0),
        chunk("x <", 1),
        chunk("b</thi", 0),
        chunk("y", 1),
        chunk("nk>c", 0),
        chunk(" z<", 1),
    ]
    texts = {0: "", 1: ""}
    for message in rewritten(messages):
        for choice in message["choices"]:
            texts[choice["index"]] += choice["delta"]["content"]
    assert texts == {0: "c", 1: "x <y z<"}


def test_held_text_comes_alone_in_its_own_event() -> None:
    entry: Any = {"token": "<", "logprob": -1.0, "top_logprobs": []}
    message: Any = chunk("a <", id="x")
    message["choices"][0]["logprobs"] = {"content": [entry]}
    message["choices"].append({"index": 1, "delta": {"content": "b"}, "finish_reason": None})
    first, second = rewritten([message])
    assert [choice["delta"]["content"] for choice in first["choices"]] == ["a ", "b"]
    assert [choice["delta"]["content"] for choice in second["choices"]] == ["<", ""]
    assert second["choices"][0]["logprobs"] is None


def test_parts_of_one_text_share_their_state() -> None:
    parts: Any = [{"type": "text", "text": "<think>why</th"}, {"type": "text", "text": "ink>42 <"}]
    rewriter = DocumentRewriter([editor(action("reasoning"), CHAT)])
    rewriter.feed(json.dumps({"choices": [{"index": 0, "message": {"content": parts}}]}).encode())
    found: Any = json.loads(rewriter.close())
    assert [part["text"] for part in found["choices"][0]["message"]["content"]] == ["", "42 <"]


# --- fields of its own -----------------------------------------------------------------------------


def test_untouched_answers_are_kept() -> None:
    found = editor(action("reasoning"), CHAT)
    assert found.edit(chunk("plain")) == "kept"
    assert found.edit({"choices": [], "usage": {"prompt_tokens": 1}}) == "kept"
    assert found.close() == []


def test_reasoning_fields_go_and_the_probabilities_that_spell_them_out() -> None:
    message: Any = {
        "choices": [
            {
                "index": 0,
                "message": {"content": "42", "reasoning_content": "why"},
                "logprobs": {"content": [{"token": "why", "logprob": -1.0}]},
            }
        ]
    }
    assert editor(action("reasoning"), CHAT).edit(message) == "changed"
    assert message == {"choices": [{"index": 0, "message": {"content": "42"}, "logprobs": None}]}


def test_probabilities_of_text_between_tags_go_too() -> None:
    message: Any = {
        "choices": [
            {
                "index": 0,
                "message": {"content": "<think>why</think>42"},
                "logprobs": {"content": [{"token": "why", "logprob": -1.0}]},
            }
        ]
    }
    assert editor(action("reasoning"), CHAT).edit(message) == "changed"
    assert message == {"choices": [{"index": 0, "message": {"content": "42"}, "logprobs": None}]}


def test_an_event_of_nothing_but_reasoning_is_dropped() -> None:
    assert editor(action("reasoning"), CHAT).edit({"choices": [{"delta": {"reasoning": "why"}}]}) == "drop"


def test_anthropic_streams_keep_their_frame() -> None:
    def event(kind: str, **more: Any) -> Object:
        return {"type": kind, **more}

    def text(piece: str) -> Object:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})

    messages = [
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        text("<think>why</th"),
        text("ink>4"),
        text("2 <"),
        event("content_block_stop", index=0),
        event("message_stop"),
    ]
    found = rewritten(messages, "anthropic")
    assert "".join(message["delta"]["text"] for message in found if "delta" in message) == "42 <"
    assert found[-1] == {"type": "message_stop"}


def test_responses_repeat_the_same_text_stripped_each_time() -> None:
    place: Object = {"output_index": 0, "content_index": 0}
    full = "<think>why</think>42 <"

    def part() -> Any:
        return {"type": "output_text", "text": full}

    def item() -> Any:
        return {"type": "message", "content": [part()]}

    messages: list[Object] = [
        {"type": "response.content_part.added", **place, "part": {"type": "output_text", "text": ""}},
        *(
            {"type": "response.output_text.delta", **place, "delta": piece}
            for piece in ("<think>why</th", "ink>42", " <")
        ),
        {"type": "response.output_text.done", **place, "text": full},
        {"type": "response.content_part.done", **place, "part": part()},
        {"type": "response.output_item.done", "output_index": 0, "item": item()},
        {"type": "response.completed", "response": {"output": [item()]}},
    ]
    found = rewritten(messages, "openai_responses")
    assert "".join(message["delta"] for message in found if "delta" in message) == "42 <"
    done = {message["type"]: message for message in found}
    assert done["response.output_text.done"]["text"] == "42 <"
    assert done["response.content_part.done"]["part"]["text"] == "42 <"
    assert done["response.output_item.done"]["item"]["content"][0]["text"] == "42 <"
    assert done["response.completed"]["response"]["output"][0]["content"][0]["text"] == "42 <"
    assert found[-1]["type"] == "response.completed"


def test_ollama_lines_are_stripped_to_the_last_one() -> None:
    rewriter = Rewriter(dialects.get("ollama"), [editor(action("reasoning"), CHAT, "ollama")])
    pieces = [("<think>w</", False), ("think>4", False), ("2 <", False), (" <", True)]
    lines = [
        json.dumps({"message": {"content": text}, "done": done}).encode() + b"\n" for text, done in pieces
    ]
    out = b"".join([rewriter.feed(line) for line in lines]) + rewriter.close()
    found = [json.loads(line) for line in out.splitlines()]
    assert "".join(message["message"]["content"] for message in found) == "42 < <"
    assert [message["done"] for message in found] == [False, False, False, True]


def test_text_that_is_no_text_is_left_alone() -> None:
    class Odd(Neutral):
        def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
            yield "0", message, "content"

    act = action("reasoning")
    found = act.editor(call(CHAT), Odd(), CHAT)
    assert found is not None
    message: Object = {"content": ["<think>"]}
    assert found.edit(message) == "kept"
    assert message == {"content": ["<think>"]}


def test_embeddings_are_none_of_its_business() -> None:
    body: Object = {"input": "x"}
    assert action("reasoning").editor(call(body, "embeddings"), dialects.get("embeddings"), body) is None


# --- keeping a part --------------------------------------------------------------------------------

SAFE = st.text(alphabet="ab .\n", max_size=20)


@given(st.integers(1, 12), SAFE.filter(lambda text: text.strip() == text), SAFE, st.data())
def test_the_beginning_of_a_block_stays_with_its_tags_however_it_is_cut(
    keep: int, reason: str, answer: str, data: st.DataObject
) -> None:
    opening, closing = data.draw(st.sampled_from(TAGS))
    text = f"{opening}{reason}{closing}{answer}"
    bounds = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=8))})
    left = f"{opening}{reason[:keep]}{closing}{answer}"
    assert streamed([text[a:b] for a, b in pairwise(bounds)], keep=keep) == left
    assert streamed(text, keep=keep) == left
    assert whole(text, keep=keep) == left


@pytest.mark.parametrize("dialect", [name for name in SPEAKING if name != "openai_completions"])
@given(SAFE, SAFE, st.lists(st.integers(0, 99), max_size=8), st.sampled_from(TAGS), st.sampled_from([0, 3]))
def test_in_every_dialect_a_stream_shows_what_the_whole_answer_shows(
    dialect: str, reason: str, answer: str, cuts: list[int], tags: tuple[str, str], keep: int
) -> None:
    text = f"{tags[0]}{reason}{tags[1]}{answer}"
    bounds = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    body: Object = {"input": "x"} if dialect == "openai_responses" else {"messages": [], "prompt": "x"}
    act = action("reasoning", keep=keep)
    found = edited_stream(
        dialect, events(dialect, [text[a:b] for a, b in pairwise(bounds)]), editor(act, body, dialect)
    )
    complete = edited_whole(dialect, answers.whole(dialect, text), editor(act, body, dialect))
    assert said(dialect, found) == said(dialect, [complete])
    assert keep or said(dialect, [complete]) == answer


def test_of_reasoning_in_fields_so_many_characters_stay_over_all_its_pieces() -> None:
    def thought(text: str) -> Object:
        return {"choices": [{"index": 0, "delta": {"reasoning_content": text}, "finish_reason": None}]}

    found = rewritten([thought("ab"), thought("cd"), thought("ef"), chunk("42")], keep=3)
    deltas = [message["choices"][0]["delta"] for message in found]
    assert deltas == [{"reasoning_content": "ab"}, {"reasoning_content": "c"}, {"content": "42"}]


def test_a_whole_text_of_reasoning_that_is_told_twice_is_cut_twice() -> None:
    item: Any = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "because"}]}
    messages: list[Object] = [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"output": [item]}},
    ]
    found = rewritten(messages, "openai_responses", keep=3)
    cut = [{"type": "summary_text", "text": "bec"}]
    assert [found[0]["item"]["summary"], found[1]["response"]["output"][0]["summary"]] == [cut, cut]


def test_a_block_that_is_cut_off_shows_its_beginning() -> None:
    assert whole("<think>because <", keep=99) == "<think>because <"
    assert streamed(["<think>bec", "ause <"], keep=4) == "<think>beca"


def test_text_before_a_close_tag_that_nothing_opened_goes_even_then() -> None:
    assert whole("why</think>42", keep=9) == "42"


# --- the request -----------------------------------------------------------------------------------


def test_anthropic_is_asked_to_leave_its_thinking_out() -> None:
    body: Object = {"messages": [], "thinking": {"type": "enabled", "budget_tokens": 1024}}
    asked = {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}
    assert edited(action("reasoning"), body, "anthropic") == {"messages": [], "thinking": asked}
    assert edited(action("reasoning", keep=9), body, "anthropic") == {"messages": [], "thinking": asked}
    assert edited(action("reasoning"), {"messages": []}, "anthropic") is None
    assert edited(action("reasoning"), CHAT) is None


def test_what_was_told_of_reasoning_before_goes_back_to_the_server_as_it_was_shown() -> None:
    shown: Any = [
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "redacted_thinking", "data": "e"},
    ]
    answer: Object = {"type": "message", "content": [*shown, {"type": "text", "text": "42"}]}
    assert editor(action("reasoning"), CHAT, "anthropic").edit(answer) == "kept"
    again: Object = {"messages": [{"role": "assistant", "content": answer["content"]}]}
    assert edited(action("reasoning"), again, "anthropic") is None


def test_options() -> None:
    assert action("reasoning").options == action("reasoning", strip=True).options
    assert str(WINDOW) in (Reasoning.__doc__ or "")
    with pytest.raises(ValidationError):
        action("reasoning", strip=False)

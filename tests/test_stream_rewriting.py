"""Rewriting streams and whole answers: nothing unedited slips through, nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions.base import Editor, Verdict
from gateway.dialects.base import Framing, Object
from gateway.dialects.neutral import Neutral
from gateway.stream import (
    DocumentRewriter,
    EventTooLarge,
    Rewriter,
    Uneditable,
    parse,
)
from tests.streams import FRAMINGS, cut, places, single, split, streams

# --- rewriting -------------------------------------------------------------------------------------


class Fake(Neutral):
    def __init__(self, framing: Framing = "sse") -> None:
        self.framing = framing

    def finished(self, message: Object) -> bool:
        return message.get("end") is True


class Quiet:
    def edit(self, message: Object) -> Verdict:
        return "kept"

    def close(self) -> list[Object]:
        return []


class Upper(Quiet):
    def edit(self, message: Object) -> Verdict:
        text = message.get("text")
        if not isinstance(text, str) or text == text.upper():
            return "kept"
        message["text"] = text.upper()
        return "changed"


class Dropper(Quiet):
    def edit(self, message: Object) -> Verdict:
        return "drop" if message.get("gone") else "kept"


class Holder:
    """Holds the last character of a text until the next one comes."""

    def __init__(self, type_name: str | None = None) -> None:
        self.held = ""
        self.last: Object = {}
        self.type_name = type_name

    def edit(self, message: Object) -> Verdict:
        text = message.get("text")
        if not isinstance(text, str):
            return "kept"
        text = self.held + text
        message["text"], self.held, self.last = text[:-1], text[-1:], message
        return "changed"

    def close(self) -> list[Object]:
        held, self.held = self.held, ""
        if not held:
            return []
        self.last["text"] = f"{self.last['text']}{held}"
        added: Object = {"text": held}
        return [{"type": self.type_name, **added} if self.type_name else added]


class Transform(Protocol):
    def feed(self, data: bytes) -> bytes: ...

    def close(self) -> bytes: ...


def run(transform: Transform, chunks: Iterable[bytes]) -> bytes:
    out = [transform.feed(chunk) for chunk in chunks]
    return b"".join([*out, transform.close()])


def outcome(transform: Transform, chunks: Iterable[bytes]) -> tuple[bytes, bool]:
    out: list[bytes] = []
    try:
        out += (transform.feed(chunk) for chunk in chunks)
        out.append(transform.close())
    except Uneditable:
        return b"".join(out), True
    return b"".join(out), False


EDITORS: list[Callable[[], Sequence[Editor]]] = [
    list,
    lambda: [Quiet()],
    lambda: [Upper(), Dropper()],
    lambda: [Holder(), Upper()],
    lambda: [Dropper(), Upper(), Holder("t"), Holder()],
]


@given(
    streams(),
    places(),
    st.sampled_from(FRAMINGS),
    st.sampled_from(EDITORS),
    st.integers(min_value=20, max_value=400),
)
def test_any_chunking_is_rewritten_alike(
    data: bytes, where: list[int], framing: Framing, editors: Callable[[], Sequence[Editor]], limit: int
) -> None:
    def rewritten(chunks: Iterable[bytes]) -> tuple[bytes, bool]:
        return outcome(Rewriter(Fake(framing), editors(), limit=limit), chunks)

    whole = rewritten([data])
    assert rewritten(cut(data, where)) == whole
    assert rewritten(single(data)) == whole


@given(streams(), st.sampled_from(FRAMINGS))
def test_what_no_editor_changes_passes_byte_for_byte(data: bytes, framing: Framing) -> None:
    out = run(Rewriter(Fake(framing), [Quiet()]), [data])
    events, rest, _ = split([data], framing)
    last = parse(rest, framing)
    fragment = last.data is not None and not last.is_done and last.object() is None
    assert out == (b"".join(events) if fragment else data)


def test_a_changed_event_is_written_anew_and_its_neighbours_are_not() -> None:
    data = b': c\n\nevent: e\r\ndata: { "text": "a" }\r\n\r\ndata: { "text": "A" }\n\ndata: nonsense\n\n'
    expected = b': c\n\nevent: e\r\ndata: {"text":"A"}\r\n\r\ndata: { "text": "A" }\n\ndata: nonsense\n\n'
    assert run(Rewriter(Fake(), [Quiet(), Upper()]), single(data)) == expected


def test_a_dropped_event_leaves_nothing() -> None:
    data = b'data: {"text":"a"}\n\ndata: {"gone":true}\n\ndata: [DONE]\n\n'
    assert run(Rewriter(Fake(), [Dropper()]), [data]) == b'data: {"text":"a"}\n\ndata: [DONE]\n\n'


def test_errors_pass_unchanged_after_what_was_held() -> None:
    data = b'data: {"text":"ab"}\n\ndata: {"error": {"message": "x"}, "text": "low"}\n\n'
    expected = b'data: {"text":"A"}\n\ndata: {"text":"B"}\n\n'
    out = run(Rewriter(Fake(), [Holder(), Upper()]), [data])
    assert out == expected + b'data: {"error": {"message": "x"}, "text": "low"}\n\n'


def test_held_text_comes_before_done() -> None:
    data = b'data: {"text":"ab"}\n\ndata: {"usage":1}\n\ndata: [DONE]\n\n'
    expected = b'data: {"text":"a"}\n\ndata: {"usage":1}\n\ndata: {"text":"b"}\n\ndata: [DONE]\n\n'
    assert run(Rewriter(Fake(), [Holder()]), [data]) == expected


def test_held_text_comes_before_the_terminal_event_whose_own_text_is_complete() -> None:
    data = b'event: t\ndata: {"text":"ab"}\n\nevent: t\ndata: {"text":"cd","end":true}\n\n'
    expected = (
        b'event: t\ndata: {"text":"a"}\n\nevent: t\ndata: {"type":"t","text":"b"}\n\n'
        b'event: t\ndata: {"text":"cd","end":true}\n\n'
    )
    assert run(Rewriter(Fake(), [Holder("t")]), [data]) == expected


def test_held_text_comes_at_the_end_of_a_stream_without_end_marker() -> None:
    assert run(Rewriter(Fake(), [Holder()]), [b'data: {"text":"ab"}\r\n\r\n']) == (
        b'data: {"text":"a"}\r\n\r\ndata: {"text":"b"}\r\n\r\n'
    )
    assert run(Rewriter(Fake("ndjson"), [Holder()]), [b'{"text":"ab"}\n']) == b'{"text":"a"}\n{"text":"b"}\n'


def test_held_text_passes_the_editors_that_come_later() -> None:
    data = b'data: {"text":"ab"}\n\n'
    assert (
        run(Rewriter(Fake(), [Holder(), Upper()]), [data]) == b'data: {"text":"A"}\n\ndata: {"text":"B"}\n\n'
    )
    assert run(Rewriter(Fake(), [Holder(), Holder()]), [data]) == (
        b'data: {"text":""}\n\ndata: {"text":"a"}\n\ndata: {"text":"b"}\n\n'
    )


def test_an_event_without_its_blank_line_is_edited_at_the_end() -> None:
    assert run(Rewriter(Fake(), [Upper()]), [b'data: {"text":"ab"}']) == b'data: {"text":"AB"}'
    assert run(Rewriter(Fake(), [Holder()]), [b'data: {"text":"ab"}\n']) == b'data: {"text":"ab"}\n'
    assert run(Rewriter(Fake("ndjson"), [Upper()]), [b'{"text":"ab"}']) == b'{"text":"AB"}'
    assert run(Rewriter(Fake(), [Upper()]), [b"data: [DONE]"]) == b"data: [DONE]"
    assert run(Rewriter(Fake(), [Upper()]), [b": ping"]) == b": ping"


def test_a_fragment_at_the_end_is_forgotten_because_it_may_hold_what_was_to_be_removed() -> None:
    data = b'data: {"text":"ab"}\n\ndata: {"text":"c","log'
    assert run(Rewriter(Fake(), [Holder()]), [data]) == b'data: {"text":"a"}\n\ndata: {"text":"b"}\n\n'


def test_an_event_past_the_limit_is_never_passed_on() -> None:
    rewriter = Rewriter(Fake(), [Upper()], limit=30)
    assert rewriter.feed(b'data: {"text":"a"}\n\ndata: ' + b"x" * 40) == b'data: {"text":"A"}\n\n'
    for _ in range(2):
        with pytest.raises(EventTooLarge):
            rewriter.feed(b"x")
    with pytest.raises(EventTooLarge):
        rewriter.close()
    with pytest.raises(EventTooLarge):
        Rewriter(Fake(), [Upper()], limit=30).feed(b"x" * 40)


# --- whole answers ---------------------------------------------------------------------------------


@given(places(), st.sampled_from([b'{"text":"ab"}', b'[{"text":"a"},{"text":"B"}]', b"nonsense", b" ", b"1"]))
def test_any_chunking_of_a_whole_answer_is_rewritten_alike(where: list[int], data: bytes) -> None:
    assert outcome(DocumentRewriter([Upper()]), cut(data, where)) == outcome(
        DocumentRewriter([Upper()]), [data]
    )


def test_a_whole_answer_is_written_anew_only_if_it_changed() -> None:
    assert run(DocumentRewriter([Upper(), Quiet()]), single(b'{ "text": "ab" }')) == b'{"text":"AB"}'
    assert run(DocumentRewriter([Upper()]), [b'{ "text": "AB" }']) == b'{ "text": "AB" }'
    assert (
        run(DocumentRewriter([Upper()]), [b'{"error":{"a":1}, "text":"low"}'])
        == b'{"error":{"a":1}, "text":"low"}'
    )
    assert run(DocumentRewriter([Upper()]), []) == b""


def test_every_answer_in_an_array_is_edited() -> None:
    out = run(DocumentRewriter([Upper()]), [b'[{"text":"a"}, 7, {"text":"B"}, {"text":"c"}]'])
    assert json.loads(out) == [{"text": "A"}, 7, {"text": "B"}, {"text": "C"}]


def test_held_text_is_completed_in_place_in_a_whole_answer() -> None:
    assert run(DocumentRewriter([Holder(), Upper()]), [b'{"text":"ab"}']) == b'{"text":"AB"}'


def test_a_whole_answer_that_cannot_be_edited_is_an_error() -> None:
    with pytest.raises(Uneditable, match="longer than 10 bytes"):
        DocumentRewriter([Quiet()], limit=10).feed(b" " * 11)
    for body in (b"<html>", b'{"text":', b"3"):
        with pytest.raises(Uneditable, match="not a JSON object"):
            run(DocumentRewriter([Quiet()]), [body])

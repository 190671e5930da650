"""What a line is, what it lacks, and the small readings that all readers share."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fields import FIELDS
from gateway.model import Parameters, Route, Turn
from gateway.readers import READERS
from gateway.readers.base import (
    ASPECTS,
    Features,
    Line,
    Reader,
    lacking_fields,
    moment,
    record,
    tokens,
    word,
)
from tests.readers.support import settings


def test_every_aspect_names_fields_that_there_are() -> None:
    for name, fields in ASPECTS.items():
        assert fields, name
        assert fields <= FIELDS.keys(), name


def test_lacking_fields_are_those_of_aspects_and_single_ones() -> None:
    assert lacking_fields(()) == frozenset()
    assert lacking_fields(("usage", "client.ip")) == ASPECTS["usage"] | {"client.ip"}
    assert "request.model" not in ASPECTS["parameters"]


def test_a_line_comes_back_as_it_was_written_and_without_its_defaults() -> None:
    line = Line(
        1.0, "p", features=Features("openai_chat", "chat", turns=(Turn("user", "hi"),)), lacks=("usage",)
    )
    written = msgspec.json.encode(line)
    assert b"null" not in written
    assert msgspec.json.decode(written, type=Line) == line


def test_a_line_needs_a_request_or_features() -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field `request`"):
        msgspec.json.decode(b'{"ts": 1, "principal": "p"}', type=Line)


def test_what_a_line_lacks_are_fields_that_there_are() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"'promt' is no field \(did you mean 'prompt'\?\)"):
        msgspec.json.decode(b'{"ts": 1, "principal": "p", "request": {}, "lacks": ["promt"]}', type=Line)


def test_the_weight_of_a_line_is_that_of_its_texts() -> None:
    light = Line(1.0, "p", features=Features("openai_chat", "chat"))
    heavy = Line(1.0, "p", features=Features("openai_chat", "chat", turns=(Turn("user", "x" * 5000),)))
    assert heavy.weight - light.weight == 5000
    assert Line(1.0, "p", request=msgspec.Raw(b'"' + b"x" * 5000 + b'"')).weight > heavy.weight - 10


def test_features_make_the_call_that_a_dialect_would_have_read() -> None:
    features = Features("anthropic", "messages", "m", True, 10, 2, 1, {"n": 3}, (Turn("user", "hi"),), "eu_1")
    call = features.call("/v1/messages")
    assert call.route == Route("anthropic", "messages", "/v1/messages")
    assert (call.model, call.stream, call.size, call.messages, call.prompts) == ("m", True, 10, 2, 1)
    assert (call.parameters, call.turns, call.end_user) == (Parameters(n=3), (Turn("user", "hi"),), "eu_1")


def test_features_refuse_parameters_of_the_wrong_type() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.n"):
        Features("openai_chat", "chat", parameters={"n": "three"})


@given(st.integers(min_value=1_000_000_000, max_value=4_000_000_000))
def test_a_number_is_a_time_in_whichever_unit(seconds: int) -> None:
    for scale in (1, 1000, 10**6, 10**9):
        assert moment(seconds * scale) == seconds
        assert moment(str(seconds * scale)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T14:08:23.500Z",
        "2026-11-23T14:08:23.500",
        "2026-11-23 14:08:23.5+00:00",
        "2026-11-23T16:08:23.500+02:00",
    ],
)
def test_a_text_is_a_time_and_utc_without_an_offset(text: str) -> None:
    assert moment(text) == 1795442903.5


def test_nginx_local_time_is_a_time() -> None:
    assert moment("23/Nov/2026:16:08:23 +0200") == 1795442903.0


@pytest.mark.parametrize("value", [None, True, -1, 1e30, "yesterday", [], "nan"])
def test_anything_else_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match="not a time"):
        moment(value)


def test_an_object_is_wanted_or_nothing() -> None:
    assert record(None, "x") == {}
    with pytest.raises(ValueError, match="x is no object"):
        record([1], "x")


def test_words_that_say_nothing_are_none() -> None:
    assert [word(value) for value in ("a", "", "-", None, 5)] == ["a", None, None, None, None]


def test_token_counts_are_whole_numbers_also_as_text() -> None:
    assert tokens(input="12", output=3, reasoning=-1) == {"input_tokens": 12, "output_tokens": 3}
    assert tokens(input=None, output=True) is None


def test_the_base_reader_leaves_everything_to_its_kinds() -> None:
    for call in (lambda: Reader.knows(b"", None), lambda: Reader(settings()).lines(None)):
        with pytest.raises(NotImplementedError):
            call()
    with pytest.raises(NotImplementedError):
        Reader(settings()).items(None)  # type: ignore[arg-type]


def test_every_reader_stands_in_the_table_under_its_name() -> None:
    assert [*READERS] == ["records", "traffic", "har", "flows", "litellm", "otel", "access"]
    assert all(reader.name == name and reader.title for name, reader in READERS.items())

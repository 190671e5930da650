"""Strict YAML: values as YAML 1.2 has them, places that point, one declared error."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from gateway.errors import ConfigError, Place
from gateway.strict_yaml import MAX_DEPTH, Document, explain_validation, parse


def value_of(text: str) -> Any:
    (document,) = parse(text.encode(), "f.yaml")
    return document.value


def problems_of(data: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(data if isinstance(data, bytes) else data.encode(), "f.yaml")
    return str(caught.value).split("\n")


# --- values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "off",
        "no",
        "yes",
        "on",
        "y",
        "22:00",
        "010",
        "-007",
        "00.5",
        "2026-11-02",
        "1_000",
        "1e",
        "0b1",
        "=",
        ".",
    ],
)
def test_what_yaml_1_1_would_twist_stays_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("2.", 2.0),
    ],
)
def test_core_scalars_are_values(text: str, value: object) -> None:
    found = value_of(f"--- {text}")
    assert (found, type(found)) == (value, type(value))


def test_quoted_and_block_scalars_are_always_text() -> None:
    assert value_of("a: 'true'\nb: \"1\"\nc: |\n  2\nd: >-\n  null") == {
        "a": "true",
        "b": "1",
        "c": "2\n",
        "d": "null",
    }


def test_a_file_may_hold_several_documents_or_none() -> None:
    assert [document.value for document in parse(b"a: 1\n---\n- x\n---\n", "f")] == [{"a": 1}, ["x"], None]
    assert parse(b"# nothing\n", "f") == ()


# --- places ------------------------------------------------------------------------------------------

SAMPLE = b"a: 1\nb:\n  - x\n  - {c: [2]}\n"


def test_every_value_and_key_has_its_place() -> None:
    (document,) = parse(SAMPLE, "f.yaml")
    assert document.place(("b", 1, "c", 0)) == Place("f.yaml", 4, 10)
    assert document.place(("b", 1, "c"), key=True) == Place("f.yaml", 4, 6)
    assert document.place(("b", 0), key=True) == Place("f.yaml", 3, 5)
    assert document.place(()) == Place("f.yaml", 1, 1)


def test_an_unknown_path_falls_back_to_the_nearest_parent_and_passes_over_noise() -> None:
    (document,) = parse(SAMPLE, "f.yaml")
    assert document.place(("b", "noise", 1, "c", "absent")) == document.place(("b", 1, "c"))
    assert document.known(("x", "y")) == ()


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "3:1: error: duplicate key 'a' (first at line 1)"),
        ("a: {b: 1, b: 2}", "1:11: error: duplicate key 'b' (first at line 1)"),
        ("a: &x 1", "1:4: error: anchors (&) and aliases (*) are not allowed; write it out"),
        ("a: *x", "1:4: error: anchors (&) and aliases (*) are not allowed; write it out"),
        ("<<: {a: 1}", "1:1: error: merge keys (<<) are not allowed; write it out"),
        ("a: !!str 1", "1:4: error: tags (!) are not allowed"),
        ("a: ! [1]", "1:4: error: tags (!) are not allowed"),
        ("%YAML 1.1\n--- a", "1:1: error: directives (%YAML, %TAG) are not allowed"),
        ("%TAG ! !x\n--- a", "1:1: error: directives (%YAML, %TAG) are not allowed"),
        ("1: a", "1:1: error: a key must be text: write '1' in quotes"),
        ("true: a", "1:1: error: a key must be text: write 'true' in quotes"),
        ("[a]: b", "1:1: error: a key must be text"),
        ("a: .inf", "1:4: error: a number must be finite"),
        ("a: .NaN", "1:4: error: a number must be finite"),
        ("a: 1e999", "1:4: error: a number must be finite"),
        ("a: " + "9" * 5000, "1:4: error: a number must be finite"),
        ("a: 0x" + "9" * 5000, "1:4: error: a number must be finite"),
        ('a: "\\ud800"', "1:4: error: half a surrogate pair is not text"),
        ('"\\ud800": a', "1:1: error: half a surrogate pair is not text"),
        ('a: "\\UFFFFFFFF"', "1:7: error: a number or an escape is out of range"),
        ('a: "\\U00110000"', "1:7: error: a number or an escape is out of range"),
        ("a: b: c", "1:5: error: not YAML: a second colon: put the text in quotes, or mend the indentation"),
        ("a:\n\tb: c", "2:1: error: not YAML: a tab stands where only spaces may: indent with spaces"),
        ("a: @set", "1:4: error: not YAML: a text that begins with @ must stand in quotes: '@pattern-set'"),
        (
            "a: 'b\n",
            (
                "2:1: error: not YAML: found unexpected end of stream"
                " (while scanning a quoted scalar that began at 1:4)"
            ),
        ),
        (
            "a: [1",
            (
                "1:6: error: not YAML: expected ',' or ']', but got '<stream end>'"
                " (while parsing a flow sequence that began at 1:4)"
            ),
        ),
        ("a: \x07", "1:4: error: the control character U+0007 is not allowed"),
        ("a: 1\r\nb: \x85", "2:4: error: the control character U+0085 is not allowed"),
        ("\ufeffa: 1", "1:1: error: a byte order mark is not allowed"),
    ],
)
def test_a_trap_is_an_error_with_its_place(text: str, message: str) -> None:
    assert problems_of(text) == [f"f.yaml:{message}"]


def test_bytes_that_are_not_utf8_are_an_error_with_their_place() -> None:
    assert problems_of(b"a: 1\nb: \xff") == ["f.yaml:2:4: error: not UTF-8"]


def test_all_duplicates_of_a_file_are_told_at_once() -> None:
    assert problems_of("a: 1\na: 2\n---\nb: {c: 1, c: 2, c: 3}") == [
        "f.yaml:2:1: error: duplicate key 'a' (first at line 1)",
        "f.yaml:4:11: error: duplicate key 'c' (first at line 4)",
        "f.yaml:4:17: error: duplicate key 'c' (first at line 4)",
    ]


@pytest.mark.parametrize("opener", ["[", "[\n", "- ", "{a: "])
def test_deep_nesting_is_an_error_and_no_crash(opener: str) -> None:
    (problem,) = problems_of(opener * 20_000)
    assert problem.endswith(f"nested deeper than {MAX_DEPTH} levels")


def test_nesting_up_to_the_limit_is_read() -> None:
    assert value_of("[" * MAX_DEPTH + "]" * MAX_DEPTH) != []


_MARKS = "a b 1 0x . null ~ : - [ ] { } ' \" | > ? # % ! !!int &a *a << --- ... \\U \\x8"
_YAMLISH = st.lists(
    st.sampled_from([*_MARKS.split(), ": ", "- ", ", ", "\n", "  ", "\t", "\x00", "é", "\u2028"]),
    max_size=40,
).map("".join)


@given(st.one_of(st.binary(max_size=60), _YAMLISH.map(str.encode)))
def test_any_bytes_are_documents_or_one_config_error(data: bytes) -> None:
    problems: list[tuple[Place, str]] = []
    documents: tuple[Document, ...] = ()
    try:
        documents = parse(data, "f")
    except ConfigError as error:
        problems = error.problems or [(Place("f"), "an error that says nothing")]
    assert all(place.line >= 1 and place.column >= 1 and message for place, message in problems)
    assert all(() in document.places for document in documents)


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text("abc 019:-#'é\n", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc1", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert value_of(json.dumps(value, ensure_ascii=False)) == value


# --- pydantic's complaints -----------------------------------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Count(Strict):
    of: Literal["requests", "prompts"]
    over: float = 1.0


class Signal(Strict):
    points: float = Field(gt=0)
    ramp: list[float] | None = None
    count: Count | None = None


class Policy(Strict):
    kind: Literal["policy"]
    signals: dict[str, Signal] = {}
    tags: list[Count] = []
    either: int | Count | None = None
    renamed: str = Field("", alias="else")

    @field_validator("signals")
    @classmethod
    def _not_empty(cls, value: dict[str, Signal]) -> dict[str, Signal]:
        if not value:
            raise ValueError("at least one signal")
        return value


class Patterns(Strict):
    kind: Literal["patterns"]


Any_ = Annotated[Policy | Patterns, Field(discriminator="kind")]


def complaints(text: str, model: Any = Any_) -> list[str]:
    (document,) = parse(text.encode(), "f")
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(model).validate_python(document.value)
    return [
        f"{place.line}:{place.column}: {message}"
        for place, message in explain_validation(document, caught.value, model)
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("kind: policy\npionts: 1", ["2:1: unknown key 'pionts'"]),
        ("kind: policy\nelze: 1", ["2:1: unknown key 'elze' (did you mean 'else'?)"]),
        (
            "kind: policy\nsignals:\n  a: {points: 1, rmap: 2}",
            ["3:18: signals.a: unknown key 'rmap' (did you mean 'ramp'?)"],
        ),
        (
            "kind: policy\nsignals:\n  a:\n    points: 1\n    count: {of: prompt, ovr: 1}",
            [
                (
                    "5:17: signals.a.count.of: 'prompt' is not one of requests, prompts"
                    " (did you mean 'prompts'?)"
                ),
                "5:25: signals.a.count: unknown key 'ovr' (did you mean 'over'?)",
            ],
        ),
        (
            "kind: policy\ntags: [{over: 1}]",
            ["2:8: tags.0: missing key 'of'"],
        ),
        (
            "kind: policy\ntags: [{of: prompts, ovr: 1}]",
            ["2:22: tags.0: unknown key 'ovr' (did you mean 'over'?)"],
        ),
        ("kind: policy\nsignals: {a: {}}", ["2:11: signals.a: missing key 'points'"]),
        ("kind: policy\nsignals: {a: 3}", ["2:14: signals.a: write a mapping (key: value)"]),
        ("kind: policy\nsignals: []", ["2:10: signals: write a mapping (key: value)"]),
        ("kind: policy\nsignals: {}", ["2:1: signals: at least one signal"]),
        ("kind: policy\nsignals: {a: {points: x}}", ["2:23: signals.a.points: write a number"]),
        ("kind: policy\nsignals: {a: {points: 0}}", ["2:23: signals.a.points: must be greater than 0"]),
        ("kind: polcy", ["1:7: kind: 'polcy' is not one of policy, patterns (did you mean 'policy'?)"]),
        ("a: 1", ["1:1: missing key 'kind'"]),
        ("kind: policy\neither: {of: x}", ["2:14: either.of: 'x' is not one of requests, prompts"]),
    ],
)
def test_a_complaint_is_short_and_names_the_right_word(text: str, messages: list[str]) -> None:
    assert complaints(text) == messages


def test_a_wrong_key_is_placed_at_the_key() -> None:
    class Keyed(Strict):
        ids: dict[Annotated[str, Field(max_length=2)], int]
        sizes: dict[Literal[1, 2], int] = {}

    assert complaints("ids: {abc: 1}", Keyed)[0].startswith("1:")


def test_choices_without_quotes_are_shown_as_they_are() -> None:
    class Size(Strict):
        size: Literal[1, 2]

    assert complaints("size: 3", Size) == ["1:7: size: '3' is not one of 1 or 2"]


def test_the_prefix_says_where_the_validated_part_stands() -> None:
    (document,) = parse(b"a:\n  count: {of: requests, ovr: 1}", "f")
    with pytest.raises(ValidationError) as caught:
        Count.model_validate({"of": "requests", "ovr": 1})
    assert explain_validation(document, caught.value, Count, ("a", "count")) == [
        (Place("f", 2, 25), "a.count: unknown key 'ovr' (did you mean 'over'?)")
    ]

"""References to the environment: replaced in values, left alone elsewhere, named when missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.interpolation import interpolate
from gateway.model import JSON
from gateway.strict_yaml import parse

ENV = {"HOST": "example.com", "EMPTY": "", "NESTED": "${HOST}"}


def result(text: str) -> JSON:
    (document,) = parse(text.encode(), "f.yaml")
    return interpolate(document, ENV).value


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        result(text)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: ${HOST}", "example.com"),
        ("a: http://${HOST}:80/", "http://example.com:80/"),
        ("a: ${HOST}-${HOST}", "example.com-example.com"),
        ("a: ${NONE:-fall back}", "fall back"),
        ("a: '${NONE:-a: b}'", "a: b"),
        ("a: ${EMPTY:-x}", "x"),
        ("a: ${HOST:-x}", "example.com"),
        ("a: pre${EMPTY}post", "prepost"),
        ("a: $HOST", "$HOST"),
        ("a: $${HOST}", "${HOST}"),
        ("a: pa$$word", "pa$$word"),
    ],
)
def test_references_are_replaced(text: str, value: str) -> None:
    assert result(text) == {"a": value}


@pytest.mark.parametrize("text", ["a: ${EMPTY}", "a: ${NONE:-}", "a: ${EMPTY:-}"])
def test_a_value_that_comes_to_nothing_is_null(text: str) -> None:
    assert result(text) == {"a": None}


def test_what_the_environment_holds_is_not_read_again() -> None:
    assert result("a: ${NESTED}") == {"a": "${HOST}"}


def test_keys_and_other_kinds_of_values_stay_as_they_are() -> None:
    text = "'${HOST}': 1\nlist: [true, 2.5, null, '${HOST}', {deep: '${HOST}'}]"
    assert result(text) == {"${HOST}": 1, "list": [True, 2.5, None, "example.com", {"deep": "example.com"}]}


def test_every_missing_variable_is_named_with_its_place() -> None:
    assert problems("a: ${ONE}\nb:\n  - x${TWO}${HOST}") == [
        "f.yaml:1:4: error: a: the environment variable ONE is not set",
        "f.yaml:3:5: error: b.0: the environment variable TWO is not set",
    ]


@pytest.mark.parametrize("text", ["a: ${}", "a: ${1}", "a: ${A B}", "a: ${OPEN", "a: ${A-b}", "a: ${A:?}"])
def test_a_malformed_reference_is_an_error(text: str) -> None:
    (problem,) = problems(text)
    assert problem == "f.yaml:1:4: error: a: write ${NAME} or ${NAME:-default}, and $${ for a plain ${"


@given(st.text())
def test_any_text_is_replaced_or_refused_with_the_declared_error(text: str) -> None:
    (document,) = parse(b"a: x", "f.yaml")
    holder = type(document)({"a": text}, document.places)
    try:
        value = interpolate(holder, ENV).value
    except ConfigError:
        assert "${" in text
    else:
        assert "${" in text or value == {"a": text}

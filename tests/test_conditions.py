"""Conditions: what they mean, what they refuse, and that their normal form ignores order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conditions import ConditionError, UnknownSetError, compile_condition
from gateway.dialects import NAMES
from gateway.fields import FIELDS, Facts
from gateway.model import Call, Client, Outcome, Parameters, Principal, Route, Turn, Usage
from gateway.patterns import Pattern, PatternSet

SETS = {
    "words": PatternSet(
        "words",
        {"half": Pattern("(?i)maybe", 0.5), "full": Pattern("(?i)surely"), "low": Pattern("(?i)hm", 0.2)},
    )
}


def facts(**changes: Any) -> Facts:
    call = Call(
        Route("openai_chat", "chat", "/v1/chat/completions"),
        model="small-1",
        parameters=Parameters(max_tokens=2, n=3, logprobs=True, top_logprobs=5),
    )
    given_: dict[str, Any] = {
        "call": call,
        "principal": Principal("p", tags=("gold", "eu"), tier="free"),
        "client": Client("203.0.113.9"),
        "now": 1e9,
        "fresh": (Turn("user", "Maybe so"),),
    }
    return Facts(**{**given_, **changes})


def weight(spec: Any, **changes: Any) -> float:
    return compile_condition(spec, SETS).weigh(facts(**changes))


# --- meaning -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"request.endpoint": "chat"}, 1),
        ({"request.endpoint": ["completions", "messages"]}, 0),
        ({"request.endpoint": ["completions", "chat"]}, 1),
        ({"request.n": 3}, 1),
        ({"request.n": 3.0}, 1),
        ({"request.n": {"ne": 3}}, 0),
        ({"request.n": {"gt": 2, "lte": 3}}, 1),
        ({"request.n": {"gt": 3}}, 0),
        ({"request.n": {"gte": 3, "lt": 4}}, 1),
        ({"request.n": {"lt": 3}}, 0),
        ({"request.n": {"lte": 2}}, 0),
        ({"request.n": {"gte": 4}}, 0),
        ({"request.n": {"in": [3]}}, 1),
        ({"request.n": {"not_in": [1, 2]}}, 1),
        ({"request.n": {"not_in": [3, 2]}}, 0),
        ({"request.logprobs": True}, 1),
        ({"request.logprobs": False}, 0),
        ({"request.logprobs": {"ne": False}}, 1),
        ({"request.model": {"starts_with": "small"}}, 1),
        ({"request.model": {"starts_with": "large"}}, 0),
        ({"request.model": {"contains": "ll-"}}, 1),
        ({"request.model": {"contains": "LL"}}, 0),
        ({"principal.tags": "gold"}, 1),
        ({"principal.tags": "iron"}, 0),
        ({"principal.tags": ["iron", "eu"]}, 1),
        ({"principal.tags": {"in": ["iron"]}}, 0),
        ({"principal.tags": {"not_in": ["iron"]}}, 1),
        ({"principal.tags": {"not_in": ["iron", "gold"]}}, 0),
        ({"principal.tags": {"exists": True}}, 1),
        ({"client.ip": {"cidr": "203.0.113.0/24"}}, 1),
        ({"client.ip": {"cidr": ["10.0.0.0/8", "2001:db8::/32"]}}, 0),
        ({"prompt.system": {"exists": False}}, 1),
        ({"prompt.user": {"exists": True}}, 1),
        ({"request.logit_bias": {"exists": True}}, 1),
        ({"request.n": 3, "request.stream": False}, 1),
        ({"request.n": 3, "request.stream": True}, 0),
        ({"any": [{"request.n": 1}, {"request.stream": False}]}, 1),
        ({"any": [{"request.n": 1}, {"request.stream": True}]}, 0),
        ({"all": [{"request.n": 3}, {"not": {"request.stream": True}}]}, 1),
        ({"not": {"request.n": 3}}, 0),
        ({"prompt.user": {"matches": "(?i)maybe s"}}, 1),
        ({"prompt.user": {"matches": "never"}}, 0),
    ],
)
def test_a_condition_means_what_it_says(spec: Any, expected: float) -> None:
    assert weight(spec) == expected


@pytest.mark.parametrize("op", ["eq", "ne", "gt", "gte", "lt", "lte"])
def test_an_absent_number_satisfies_no_comparison(op: str) -> None:
    assert weight({"request.temperature": {op: 1}}) == 0
    assert weight({"not": {"request.temperature": {op: 1}}}) == 1


@pytest.mark.parametrize(
    "test",
    [
        {"ne": "x"},
        {"not_in": ["x", "y"]},
        {"in": ["x", "y"]},
        {"contains": "x"},
        {"starts_with": "x"},
        {"matches": ".*"},
    ],
)
def test_an_absent_text_satisfies_no_comparison(test: Any) -> None:
    assert weight({"principal.org": test}) == 0
    assert weight({"principal.org": {"exists": False}}) == 1


@pytest.mark.parametrize("ip", [None, "", "garbage", "203.0.113.9.1", "203.0.113.9:80"])
def test_an_address_that_is_none_is_in_no_range(ip: str | None) -> None:
    assert weight({"client.ip": {"cidr": ["0.0.0.0/0", "::/0"]}}, client=Client(ip)) == 0


def test_an_ipv4_address_in_ipv6_dress_is_recognised() -> None:
    assert weight({"client.ip": {"cidr": "203.0.113.9"}}, client=Client("::ffff:203.0.113.9")) == 1
    assert weight({"client.ip": {"cidr": "2001:db8::/32"}}, client=Client("2001:db8::1")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("maybe", 0.5), ("surely maybe", 1.0), ("hm, maybe", 0.5), ("hm", 0.2), ("no", 0.0), ("", 0.0)],
)
def test_a_pattern_set_weighs_its_heaviest_match(text: str, expected: float) -> None:
    assert weight({"prompt.user": {"matches": "@words"}}, fresh=(Turn("user", text),)) == expected


def test_and_takes_the_lowest_or_the_highest_and_not_is_all_or_nothing() -> None:
    half, low, full = (
        {"prompt.user": {"matches": "@words"}},
        {"prompt.system": {"matches": "@words"}},
        {"request.n": 3},
    )
    fresh = (Turn("user", "maybe"), Turn("system", "hm"))
    assert weight({"all": [full, half, low]}, fresh=fresh) == 0.2
    assert weight({"all": [low, half, full]}, fresh=fresh) == 0.2
    assert weight({"any": [low, half]}, fresh=fresh) == 0.5
    assert weight({"any": [half, low]}, fresh=fresh) == 0.5
    assert weight({"any": [half, full]}, fresh=fresh) == 1.0
    assert weight({"not": low}, fresh=fresh) == 0.0


def test_a_text_is_read_once_per_call_however_many_ask() -> None:
    spec = {"all": [{"prompt.user": {"matches": "@words"}}, {"not": {"prompt.user": {"matches": "never"}}}]}
    condition = compile_condition(spec, SETS)
    one = facts()
    assert condition.weigh(one) == 0.5
    one.fresh = (Turn("user", "surely"),)
    assert condition.weigh(one) == 0.5
    assert condition.weigh(facts(fresh=(Turn("user", "surely"),))) == 1.0


def test_whatever_reads_the_answer_is_late() -> None:
    assert compile_condition({"request.n": 1, "any": [{"usage.output_tokens": {"gt": 5}}]}, {}).late
    assert not compile_condition({"request.n": 1}, {}).late
    assert weight({"response.status": 200}) == 0
    outcome = Outcome(200, Usage(output_tokens=9))
    assert weight({"response.status": 200, "usage.output_tokens": {"gt": 5}}, outcome=outcome) == 1


def test_fields_are_listed() -> None:
    spec = {"request.n": 1, "not": {"any": [{"client.ip": "1.2.3.4"}, {"principal.tags": "a"}]}}
    assert compile_condition(spec, {}).fields == {"request.n", "client.ip", "principal.tags"}


# --- the normal form ---------------------------------------------------------------------------------

_LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"request.n": 3},
        {"request.n": {"gt": 1, "lt": 9}},
        {"request.model": ["small-1", "b"]},
        {"request.stream": True},
        {"principal.tags": ["gold", "x"]},
        {"prompt.user": {"matches": "@words"}},
        {"request.temperature": {"exists": False}},
    ]
)
_SPECS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        inner.map(lambda part: {"not": part}),
        st.tuples(inner, inner).map(lambda two: {**two[0], **two[1]}),
    ),
    max_leaves=8,
)


def _turned(spec: Any) -> Any:
    """The same condition, every mapping and list backwards."""
    if isinstance(spec, dict):
        return {key: _turned(spec[key]) for key in reversed(spec)}
    return [_turned(part) for part in reversed(spec)] if isinstance(spec, list) else spec


@given(_SPECS)
def test_order_changes_neither_the_normal_form_nor_the_weight(spec: dict[str, Any]) -> None:
    one, other = compile_condition(spec, SETS), compile_condition(_turned(spec), SETS)
    assert one.canonical == other.canonical
    assert one.weigh(facts()) == other.weigh(facts())
    assert one.fields == other.fields


@given(_SPECS)
def test_a_condition_and_its_negation_are_never_both_full(spec: dict[str, Any]) -> None:
    weights = weight(spec), weight({"not": spec})
    assert 0 <= weights[0] <= 1
    assert (weights[0] == 0) == (weights[1] == 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"request.n": 3}, {"request.n": {"eq": 3.0}}),
        ({"request.n": 3}, {"request.n": [3]}),
        ({"request.n": {"in": [1, 2]}}, {"request.n": [2, 1, 2]}),
        ({"request.n": {"ne": 1}}, {"request.n": {"not_in": [1]}}),
        ({"principal.tags": "a"}, {"principal.tags": {"in": ["a"]}}),
        ({"request.n": 3}, {"all": [{"any": [{"request.n": 3}]}, {"request.n": 3}]}),
        ({"request.n": {"gt": 1, "lt": 9}}, {"all": [{"request.n": {"lt": 9}}, {"request.n": {"gt": 1}}]}),
        ({"client.ip": {"cidr": "10.0.0.0/8"}}, {"client.ip": {"cidr": ["10.1.2.3/8"]}}),
    ],
)
def test_two_spellings_of_one_condition_have_one_normal_form(one: Any, other: Any) -> None:
    assert compile_condition(one, SETS).canonical == compile_condition(other, SETS).canonical


def test_different_conditions_have_different_normal_forms() -> None:
    specs: list[Any] = [
        {"request.n": 3},
        {"request.n": 4},
        {"request.best_of": 3},
        {"not": {"request.n": 3}},
        {"request.n": {"gt": 3}},
        {"any": [{"request.n": 3}, {"request.n": 4}]},
        {"all": [{"request.n": 3}, {"request.n": 4}]},
    ]
    assert len({compile_condition(spec, SETS).canonical for spec in specs}) == len(specs)


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ("chat", (), "write a condition: a mapping of fields"),
        ({}, (), "an empty condition: name at least one field"),
        ({"any": {}}, ("any",), "'any' takes a list of conditions"),
        ({"all": []}, ("all",), "'all' takes a list of conditions"),
        ({"any": [{"request.n": 1}, 7]}, ("any", 1), "write a condition: a mapping of fields"),
        ({"not": []}, ("not",), "write a condition: a mapping of fields"),
        (
            {"request.max_token": 1},
            ("request.max_token",),
            "unknown field 'request.max_token' (did you mean 'request.max_tokens'?)",
        ),
        ({"nott": {}}, ("nott",), "unknown field 'nott' (did you mean 'not'?)"),
        ({"not": {"any": [{"x": 1}]}}, ("not", "any", 0, "x"), "unknown field 'x'"),
        (
            {"request.n": {}},
            ("request.n",),
            "write {operator: value} with eq, ne, gt, gte, lt, lte, in, not_in, exists",
        ),
        ({"request.n": {"lessthan": 1}}, ("request.n", "lessthan"), "unknown operator 'lessthan'"),
        (
            {"request.model": {"gt": 1}},
            ("request.model", "gt"),
            (
                "'gt' does not fit request.model (text): "
                "use eq, ne, in, not_in, contains, starts_with, matches, cidr, exists"
            ),
        ),
        (
            {"request.stream": [True]},
            ("request.stream",),
            "'in' does not fit request.stream (flag): use eq, ne, exists",
        ),
        ({"request.n": "3"}, ("request.n",), "request.n is a number: write a number"),
        ({"request.n": True}, ("request.n",), "request.n is a number: write a number"),
        ({"request.n": None}, ("request.n",), "request.n is a number: write a number"),
        ({"request.n": [1, "a"]}, ("request.n", 1), "request.n is a number: write a number"),
        ({"request.n": {"in": 3}}, ("request.n", "in"), "write a list of values"),
        ({"request.n": []}, ("request.n",), "write a list of values"),
        ({"request.stream": 1}, ("request.stream",), "request.stream is true or false: write true or false"),
        (
            {"request.model": 4},
            ("request.model",),
            "request.model is text: write text (numbers and true, false in quotes)",
        ),
        (
            {"request.model": {"contains": ""}},
            ("request.model", "contains"),
            "request.model is text: write text (numbers and true, false in quotes)",
        ),
        ({"request.n": {"exists": 1}}, ("request.n", "exists"), "'exists' takes true or false"),
        (
            {"client.ip": {"cidr": "10.0.0.0/33"}},
            ("client.ip", "cidr"),
            "not an address range: '10.0.0.0/33'; write 192.0.2.0/24",
        ),
        (
            {"client.ip": {"cidr": [7]}},
            ("client.ip", "cidr"),
            "not an address range: '7'; write 192.0.2.0/24",
        ),
        (
            {"request.endpoint": "chats"},
            ("request.endpoint",),
            (
                "'chats' is not one of chat, completions, responses, messages, embeddings, count_tokens,"
                " models (did you mean 'chat'?)"
            ),
        ),
        (
            {"request.dialect": {"ne": "antropic"}},
            ("request.dialect", "ne"),
            f"'antropic' is not one of {', '.join(NAMES)} (did you mean 'anthropic'?)",
        ),
        ({"principal.kind": ["key", "ip"]}, ("principal.kind", 1), "'ip' is not one of key, header, address"),
        (
            {"prompt.user": {"matches": 7}},
            ("prompt.user", "matches"),
            "write a pattern, or '@' and the id of a pattern set",
        ),
        (
            {"prompt.user": {"matches": "@word"}},
            ("prompt.user", "matches"),
            "no pattern set '@word' (did you mean '@words'?)",
        ),
        (
            {"prompt.user": {"matches": "(a)\\1"}},
            ("prompt.user", "matches"),
            "not RE2: invalid escape sequence: \\1",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(spec: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(spec, SETS)
    assert (caught.value.path, caught.value.message) == (path, message)
    assert caught.value.at_key == message.startswith(("unknown", "'gt'"))


def test_a_missing_pattern_set_can_be_told_from_other_mistakes() -> None:
    with pytest.raises(UnknownSetError):
        compile_condition({"prompt.user": {"matches": "@none"}}, {})


def test_part_of_a_word_is_no_mistake_in_a_closed_vocabulary() -> None:
    assert weight({"request.endpoint": {"starts_with": "ch"}}) == 1


_WILD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [*FIELDS, "any", "all", "not", "eq", "in", "gt", "matches", "cidr", "exists", "contains"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=10,
)


@given(_WILD)
def test_anything_is_a_condition_or_one_declared_error(spec: Any) -> None:
    try:
        condition = compile_condition(spec, SETS)
    except ConditionError as error:
        found: Any = error.message
    else:
        found = condition.weigh(facts()) in (0.0, 0.2, 0.5, 1.0)
    assert found

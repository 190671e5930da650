"""Token probabilities in every shape: the best stay, the tail goes, and no rare token keeps its value."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.dialects import logprobs
from gateway.dialects.base import Object
from gateway.dialects.logprobs import UNLIKELY, Columns, Entries, PromptMaps
from tests.dialects.strategies import bodies

HEAD = {"a": -0.51234, "b": -1.51234, "c": -2.51234, "d": -3.51234}


def _alternatives(key: str = "logprob") -> list[Any]:
    return [{"id": 7, "token": token, "bytes": [97], key: value} for token, value in HEAD.items()]


def _entry(value: float) -> Object:
    return {"token": "x", "bytes": [97], "logprob": value, "top_logprobs": _alternatives()}


def test_the_best_alternatives_stay_in_their_order() -> None:
    entry = _entry(-0.51234)
    entry["top_logprobs"] = list(reversed(_alternatives()))
    Entries([entry]).narrow(2, 1)
    assert entry == {
        "token": "x",
        "bytes": [97],
        "logprob": -0.5,
        "top_logprobs": [
            {"id": 7, "token": "b", "bytes": [97], "logprob": -1.5},
            {"id": 7, "token": "a", "bytes": [97], "logprob": -0.5},
        ],
    }


@pytest.mark.parametrize(
    ("value", "k", "best", "shown"),
    [
        (-0.51234, 1, None, True),
        (-1.51234, 1, None, False),
        (-1.51234, 2, None, True),
        (-1.51234, 0, 2, True),
        (-0.51234, 0, None, False),
        (-2.51234, 0, 3, True),
        (-2.51234, 2, 2, False),
        (-3.51234, 5, None, False),  # the last of a short list may have been appended from the tail
        (-9.0, 4, None, False),
    ],
)
def test_a_sampled_token_outside_the_best_is_hidden(
    value: float, k: int, best: int | None, shown: bool
) -> None:
    entry = _entry(value)
    columns: Object = {"tokens": ["x"], "token_logprobs": [value], "top_logprobs": [dict(HEAD)]}
    listed: Object = {"tokens": ["x"], "token_logprobs": [value], "top_logprobs": [_alternatives()]}
    Entries([entry]).narrow(k, None, best)
    expected = value if shown else UNLIKELY
    assert entry["logprob"] == expected
    for one in (columns, listed):
        Columns(one).narrow(k, None, best)
        assert one["token_logprobs"] == [expected]
    assert columns["top_logprobs"] == [dict(list(HEAD.items())[:k])]
    assert listed["top_logprobs"] == [_alternatives()[:k]]


@given(
    logits=st.lists(st.integers(-40, 40), min_size=2, max_size=12),
    sampled=st.integers(0, 11),
    asked=st.integers(0, 8),
    best=st.integers(0, 6),
    appends=st.booleans(),
    linear=st.booleans(),
    legacy=st.booleans(),
)
def test_no_server_can_be_made_to_show_a_token_beyond_the_best(
    logits: list[int], sampled: int, asked: int, best: int, appends: bool, linear: bool, legacy: bool
) -> None:
    # A list filled up to `best` by the appended token looks complete; the action asks for `best`, not less.
    assume(legacy or not appends or asked != best - 1)
    total = math.log(sum(math.exp(x / 4) for x in logits))
    values = [x / 4 - total for x in logits]
    sampled %= len(values)
    order = sorted(range(len(values)), key=lambda place: -values[place])[:asked]
    if appends and sampled not in order:
        order.append(sampled)
    if legacy:
        columns: Object = {
            "token_logprobs": [values[sampled]],
            "top_logprobs": [{str(place): values[place] for place in order}],
        }
        Columns(columns).narrow(min(best, asked), None, best)
        shown: Any = columns["token_logprobs"]
        hidden = shown[0] == UNLIKELY
    else:
        key, tops = ("prob", "top_probs") if linear else ("logprob", "top_logprobs")
        scale = math.exp if linear else float
        entry: Object = {key: scale(values[sampled]), tops: [{key: scale(values[place])} for place in order]}
        Entries([entry]).narrow(min(best, asked), None, best)
        hidden = entry[key] == (0.0 if linear else UNLIKELY)
    above = sum(value > values[sampled] for value in values)
    assert hidden or above < best
    if above < best < len(order) and not appends:
        assert not hidden


def test_the_last_of_a_full_list_is_trusted_only_where_each_alternative_is_one_token() -> None:
    entry = _entry(-3.51234)
    columns: Object = {"tokens": ["x"], "token_logprobs": [-3.51234], "top_logprobs": [dict(HEAD)]}
    Entries([entry]).narrow(4, None)
    Columns(columns).narrow(4, None)
    assert entry["logprob"] == -3.51234
    assert columns["token_logprobs"] == [UNLIKELY]


def test_a_token_too_probable_to_be_beaten_keeps_its_value_without_a_list() -> None:
    for probability, shown in ((0.17, True), (0.16, False)):
        entry: Object = {"logprob": math.log(probability), "top_logprobs": []}
        linear: Object = {"prob": probability, "top_probs": []}
        Entries([entry, linear]).narrow(0, None, 5)
        assert (entry["logprob"] != UNLIKELY) is shown
        assert (linear["prob"] != 0.0) is shown


@pytest.mark.parametrize(
    ("entry", "narrowed"),
    [
        # llama.cpp, post_sampling_probs
        (
            {
                "id": 1,
                "token": "x",
                "bytes": [1],
                "prob": 0.7,
                "top_probs": [{"token": "x", "prob": 0.7}, {"prob": 0.1}],
            },
            {"id": 1, "token": "x", "bytes": [1], "prob": 0.7, "top_probs": [{"token": "x", "prob": 0.7}]},
        ),
        # llama.cpp before 2025
        (
            {"content": "x", "probs": [{"tok_str": "x", "prob": 0.66666}, {"tok_str": "y", "prob": 0.3}]},
            {"content": "x", "probs": [{"tok_str": "x", "prob": 0.667}]},
        ),
        (
            {"token": "x", "logprob": None, "top_logprobs": None},
            {"token": "x", "logprob": None, "top_logprobs": None},
        ),
        ({"logprob": "-0.5", "logits": [1, 2]}, {"logprob": UNLIKELY}),
        ({"logprob": -0.1, "top_logprobs": {"a": -0.1}}, {"logprob": -0.1, "top_logprobs": []}),
        (
            {
                "logprob": -0.1,
                "top_logprobs": [
                    {"logprob": -0.1, "prob": "x", "top_logprobs": [1], "raw": 2},
                    {"token": "y"},
                    5,
                ],
            },
            {"logprob": -0.1, "top_logprobs": [{"logprob": -0.1}]},
        ),
    ],
)
def test_other_entries_are_narrowed_by_their_own_keys(entry: Object, narrowed: Object) -> None:
    entries: list[Any] = [entry, 5, None]
    Entries(entries).narrow(1, 3)
    assert entries == [narrowed]


def test_columns_lose_what_is_of_no_known_shape() -> None:
    columns: Object = {
        "tokens": ["x", "y", "z"],
        "token_logprobs": [None, -0.1, "?"],
        "top_logprobs": [None, {"y": -0.1, "z": "?"}],
        "text_offset": [0, 1, 2],
        "content": None,
        "refusal": {"odd": 1},
        "raw_logits": [[1.0]],
    }
    Columns(columns).narrow(5, 2)
    assert columns == {
        "tokens": ["x", "y", "z"],
        "token_logprobs": [None, -0.1, UNLIKELY],
        "top_logprobs": [None, {"y": -0.1}],
        "text_offset": [0, 1, 2],
        "content": None,
    }


def test_prompt_tokens_beyond_the_best_are_no_longer_listed() -> None:
    maps: list[Any] = [
        None,
        {
            "11": {"logprob": -0.12345, "rank": 1, "decoded_token": "a", "raw": 1},
            "12": {"logprob": -2.5, "rank": 2, "decoded_token": "b"},
            "13": {"logprob": -3.5, "rank": 3},
        },
        {"90000": {"logprob": -14.2, "rank": 50000, "decoded_token": "rare"}},
        {"90000": {"logprob": -0.1, "rank": 7}, "4": "?"},
        {"90000": {"logprob": -14.2}},
        5,
    ]
    PromptMaps(maps).narrow(2, 2)
    assert maps == [
        None,
        {
            "11": {"logprob": -0.12, "rank": 1, "decoded_token": "a"},
            "12": {"logprob": -2.5, "rank": 2, "decoded_token": "b"},
        },
        {},
        {},
        {},
        None,
    ]


def test_lists_are_found_under_every_key() -> None:
    message: Object = {
        "logprobs": [{}],
        "completion_probabilities": [{}],
        "probs": [{}],
        "prompt_logprobs": [{}],
        "__verbose": {"completion_probabilities": [{}]},
        "choices": [
            {"logprobs": {"content": [{}], "refusal": [{}]}},
            {"prompt_logprobs": [None]},
            {"logprobs": 5},
            {"logprobs": {"tokens": [], "refusal": None}},
        ],
    }
    kinds = [type(found) for found in logprobs.in_choices(message)]
    assert kinds == [
        Entries,
        Entries,
        Entries,
        PromptMaps,
        Entries,
        Columns,
        Entries,
        Entries,
        PromptMaps,
        Columns,
    ]


@given(bodies, st.integers(-1, 5), st.none() | st.integers(0, 4), st.none() | st.integers(0, 6))
def test_any_answer_can_be_narrowed_twice(
    message: Object, k: int, decimals: int | None, best: int | None
) -> None:
    for found in logprobs.in_choices(message):
        found.narrow(k, decimals, best)
    once = copy.deepcopy(message)
    for found in logprobs.in_choices(message):
        found.narrow(0, 0, 0)
    assert message.keys() == once.keys()

"""Marking answers: which words are moved, whose entries win, and which requests are left alone."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions.base import Action
from gateway.dialects.base import Object
from gateway.marks.greenlist import Vocabulary, Word
from gateway.marks.keyring import SECRET, UNKEYED, Epoch, KeyRing
from gateway.model import JSON, Principal
from tests.actions.helpers import SPEAKING, action, call, edited, named

NAMES = ["".join(letters) for letters in itertools.product("abcdefghijklm", repeat=3)]
RING = KeyRing([Epoch("1", 0.0, b"a" * SECRET), Epoch("2", 100.0, b"b" * SECRET)])
CHAT: Object = {"model": "m-1", "messages": []}


def vocabulary(size: int = 600, *models: str) -> Vocabulary:
    words = [Word(name, 1000 + place, size - place) for place, name in enumerate(NAMES[:size])]
    return Vocabulary(words, models or ("m-*",))


WORDS = vocabulary()


def mark(who: str = "key_1", *, org: str | None = None, now: float = 0.0, **options: Any) -> Action:
    made = action("watermark", tokens="words", **options).prepare({"words": WORDS})
    return made.keyed(Principal(who, org=org), RING, now)


def expected(who: str, epoch: int = 0, strength: float = 1.0) -> dict[str, float]:
    biases = WORDS.biases(RING.epochs[epoch].key(who), strength)
    return {str(token): bias for token, bias in biases.items()}


def test_a_request_gets_the_biases_of_its_principals_key() -> None:
    assert edited(mark(), CHAT) == {**CHAT, "logit_bias": expected("key_1")}
    assert edited(mark("key_2"), CHAT) == {**CHAT, "logit_bias": expected("key_2")}
    assert expected("key_1") != expected("key_2")
    assert edited(mark(strength=0.5), CHAT) == {**CHAT, "logit_bias": expected("key_1", strength=0.5)}


def test_a_key_is_of_its_epoch() -> None:
    assert edited(mark(now=100.0), CHAT) == {**CHAT, "logit_bias": expected("key_1", 1)}


def test_an_organisation_may_have_one_mark_for_all() -> None:
    whole = {**CHAT, "logit_bias": expected("org:acme")}
    assert edited(mark("key_1", org="acme", per="org"), CHAT) == whole
    assert edited(mark("key_2", org="acme", per="org"), CHAT) == whole
    assert edited(mark("key_1", per="org"), CHAT) == {**CHAT, "logit_bias": expected("key_1")}
    assert edited(mark("key_1", org="acme"), CHAT) == {**CHAT, "logit_bias": expected("key_1")}


def test_llama_cpp_gets_pairs() -> None:
    pairs = [[int(token), bias] for token, bias in expected("key_1").items()]
    assert edited(mark(engine="llamacpp"), CHAT) == {**CHAT, "logit_bias": pairs}


@pytest.mark.parametrize(
    ("engine", "marked"),
    [
        ("openai", {"openai_chat", "openai_completions"}),
        ("vllm", {"openai_chat", "openai_completions"}),
        ("llamacpp", {"openai_chat", "openai_completions", "openai_responses", "llamacpp"}),
    ],
)
def test_only_routes_that_honour_a_bias_are_marked(engine: str, marked: set[str]) -> None:
    body: Object = {"model": "m-1"}
    act = mark(engine=engine)
    assert {name for name in SPEAKING if edited(act, body, name) is not None} == marked


@pytest.mark.parametrize(
    "more",
    [
        {"logprobs": True},
        {"top_logprobs": 3},
        {"n_probs": 1},
        {"prompt_logprobs": 0, "logprobs": 1},
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_object"}},
        {"grammar": "root ::= x"},
        {"max_tokens": 15},
        {"logit_bias": [["word", 1]]},
        {"logit_bias": [["1.5", 1]]},
        {"logit_bias": [5]},
        {"model": "n-1"},
        {"model": None},
    ],
)
@pytest.mark.parametrize("engine", ["openai", "llamacpp"])
def test_what_a_mark_could_harm_or_show_in_is_left_alone(more: Object, engine: str) -> None:
    assert edited(mark(engine=engine), {**CHAT, **more}) is None


def test_a_bias_that_no_dialect_reads_stays_as_it_is() -> None:
    body: Object = {**CHAT, "logit_bias": "5"}
    assert not mark().edit_request(call(CHAT), named("openai_chat"), body)
    assert body == {**CHAT, "logit_bias": "5"}


@pytest.mark.parametrize(
    "more", [{"logprobs": False}, {"logprobs": None}, {"top_logprobs": 0}, {"max_tokens": 16}, {"tools": []}]
)
def test_what_asks_for_nothing_special_is_marked(more: Object) -> None:
    body: Object = {**CHAT, **more}
    assert edited(mark(), body) == {**body, "logit_bias": expected("key_1")}


_ENTRIES = st.dictionaries(st.integers(990, 1620), st.integers(-100, 100), max_size=320)


@given(_ENTRIES, st.sampled_from(["object", "pairs"]), st.sampled_from(["openai", "vllm", "llamacpp"]))
def test_the_clients_own_entries_win_and_the_engine_is_not_overburdened(
    own: dict[int, int], form: str, engine: str
) -> None:
    bias: JSON = {str(token): value for token, value in own.items()}
    if form == "pairs":
        bias = [[token, value] for token, value in own.items()]
    body: Object = {**CHAT, "logit_bias": bias}
    sent = edited(mark(engine=engine), body)
    limit = {"openai": 300, "vllm": 1024, "llamacpp": 10**9}[engine]
    if sent is None:
        assert len(own) >= limit
        return
    written = sent["logit_bias"]
    assert isinstance(written, list if engine == "llamacpp" else dict)
    entries = dict(written if isinstance(written, list) else written.items())  # type: ignore[arg-type]
    found = {int(str(token)): value for token, value in entries.items()}
    assert len(found) == len(written) <= max(limit, len(own))
    assert {token: found[token] for token in own} == own
    ours = {int(token): value for token, value in expected("key_1").items() if int(token) not in own}
    kept = {token: value for token, value in found.items() if token not in own}
    # From the commonest on, as many as there is room for.
    assert list(kept.items()) == list(ours.items())[: max(0, limit - len(own))]


def test_a_bias_that_is_full_already_stays_as_it_is() -> None:
    full: JSON = {str(token): 1 for token in range(300)}
    assert edited(mark(), {**CHAT, "logit_bias": full}) is None
    assert edited(mark(engine="vllm"), {**CHAT, "logit_bias": full}) is not None


def test_a_vocabulary_that_is_not_there_or_too_large_is_told() -> None:
    made = action("watermark", tokens="word")
    with pytest.raises(LookupError, match=r"no vocabulary 'word' \(did you mean 'words'\?\)"):
        made.prepare({"words": WORDS})
    large = {"word": vocabulary(602)}
    with pytest.raises(ValueError, match="'word' makes 301 entries, openai takes 300"):
        made.prepare(large)
    action("watermark", tokens="word", engine="vllm").prepare(large)


def test_an_action_is_not_changed_by_being_prepared_or_keyed() -> None:
    made = action("watermark", tokens="words")
    ready = made.prepare({"words": WORDS})
    assert edited(made.keyed(Principal("key_1"), RING, 0.0), CHAT) is None, "it has no words"
    ready.keyed(Principal("key_2"), RING, 0.0)
    sent = edited(ready.keyed(Principal("key_1"), UNKEYED, 0.0), CHAT)
    biases = WORDS.biases(UNKEYED.epochs[0].key("key_1"), 1.0)
    assert sent == {**CHAT, "logit_bias": {str(token): bias for token, bias in biases.items()}}

"""Responses that are off unless the settings name them, and the vocabularies that one of them needs."""

from __future__ import annotations

import json

import pytest

from gateway.errors import ConfigError
from gateway.policies.bundle import Bundle
from gateway.policies.leave import permitted, wanting
from tests.support import bundle, policy

WORDS = "---\n" + json.dumps(
    {
        "kind": "vocabulary",
        "id": "words",
        "title": "Words",
        "models": ["*"],
        "words": {
            "the": {"id": 4, "count": 9},
            "of": {"id": 5, "count": 8},
            "in": {"id": 6, "count": 7},
            "to": {"id": 7, "count": 7},
        },
    }
)
PROBE = policy("signals: {a: {request: {request.stream: true}, points: 5}}\n")
TENANT = "---\nkind: tenant\nid: t\ntitle: T\norgs: [acme]\nladder: own\n"


def ladder(name: str = "default", mark: str = "{tokens: words}") -> str:
    return (
        f"---\nkind: ladder\nid: {name}\ntitle: L\nrungs:\n"
        "  low: {at: 20, do: [{cap: {n: 1}}]}\n"
        f"  high: {{at: 50, do: [{{watermark: {mark}}}, {{delay: {{by: 1s}}}}]}}\n"
    )


def made(*documents: str, **ladders: str) -> Bundle:
    return bundle(PROBE, *documents, ladder=ladder(**ladders))


def actions(of: Bundle) -> list[list[str]]:
    ladders = [of.ladder, *(tenant.ladder for tenant in of.tenants)]
    return [list(rung.actions) for found in ladders for rung in found.rungs]


def test_what_has_no_leave_is_off_on_every_ladder_and_the_rungs_stay() -> None:
    whole = made(WORDS, ladder("own"), TENANT)
    marking, without = ["log", "cap", "watermark", "delay"], ["log", "cap", "delay"]
    assert actions(whole) == [["cap"], marking, ["cap"], marking]
    assert actions(permitted(whole, ())) == [["cap"], without, ["cap"], without]
    assert permitted(whole, ()).hash == whole.hash
    assert list(wanting(whole)) == [("watermark", "default", "high"), ("watermark", "own", "high")]


def test_what_has_leave_or_needs_none_stays_as_it_is() -> None:
    whole = made(WORDS)
    assert permitted(whole, None) is whole
    assert permitted(whole, {"watermark"}) is whole
    plain = bundle(PROBE)
    assert permitted(plain, ()) is plain


def complaints(*documents: str, **ladders: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        made(*documents, **ladders)
    return str(raised.value).splitlines()


def test_a_ladder_names_a_vocabulary_that_is_there() -> None:
    [told] = complaints(WORDS, mark="{tokens: word}")
    assert told.endswith(
        "rungs.high.do.0.watermark: no vocabulary 'word' (did you mean 'words'?): "
        "write one document of that kind"
    )


def test_a_vocabulary_that_could_not_be_read_is_no_mistake_of_the_ladder() -> None:
    [told] = complaints(WORDS.replace('"models"', '"model"'))[:1]
    assert "model" in told
    assert not any("no vocabulary" in line for line in complaints(WORDS.replace('"models"', '"model"')))


def test_a_vocabulary_too_large_for_the_engine_is_told_at_the_ladder() -> None:
    words = {f"w{number}": {"id": number, "count": 1} for number in range(602)}
    large = "---\n" + json.dumps({**json.loads(WORDS[4:]), "words": words})
    [told] = complaints(large)
    assert told.endswith("rungs.high.do.0.watermark: 'words' makes 301 entries, openai takes 300")
    assert made(large, mark="{tokens: words, engine: llamacpp}").vocabularies["words"].models == ("*",)


def test_a_token_that_comes_twice_is_told_and_nobody_else_is_blamed() -> None:
    [told] = complaints(WORDS.replace('"id": 5', '"id": 4'))
    assert told.endswith("words: a token comes twice")


def test_counts_and_tokens_are_of_the_bundles_content() -> None:
    assert made(WORDS).hash != made(WORDS.replace('"id": 5', '"id": 8')).hash

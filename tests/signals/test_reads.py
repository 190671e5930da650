"""Each detector names the fields that it reads: what recorded traffic must tell for it to mean anything."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.corpora import Origin, build
from gateway.fields import FIELDS
from gateway.signals import DETECTORS
from tests.signals.support import detector

WHERE = {"request.echo": True}


@pytest.mark.parametrize(
    ("name", "options", "fields"),
    [
        ("request", {"prompt.user": "x", "client.ip": {"exists": True}}, {"prompt.user", "client.ip"}),
        ("field", "request.top_logprobs", {"request.top_logprobs"}),
        ("count", {"of": "requests", "over": "1h"}, set()),
        ("count", {"of": "requests", "over": "1h", "where": WHERE}, {"request.echo"}),
        ("count", {"of": "prompts", "over": "1h"}, {"request.prompts"}),
        ("count", {"of": "logprob_tokens", "over": "1h"}, {"usage.logprob_tokens"}),
        ("ratio", {"where": WHERE, "over": "1h", "min": 1}, {"request.echo"}),
        ("distinct", {"of": "end_users", "over": "1h"}, {"request.end_user"}),
        ("distinct", {"of": "prompts", "over": "1h", "where": WHERE}, {"prompt.user", "request.echo"}),
        ("cadence", {"metric": "interval_cv", "over": "1h", "min": 1}, set()),
        (
            "profile",
            {"metric": "skeleton", "min": 1},
            {"prompt.user", "prompt.system", "prompt.tool", "request.replied", "request.tools"},
        ),
        (
            "budget",
            {"of": "answers"},
            {"prompt.text", "request.n", "request.prompts", "response.status", "usage.output_tokens"},
        ),
        (
            "shift",
            {"of": "output_tokens", "every": "1d", "min": 14, "least": 1},
            {"usage.output_tokens"},
        ),
    ],
)
def test_a_detector_names_what_it_reads(name: str, options: Any, fields: set[str]) -> None:
    assert detector(name, options).fields == fields


def test_whatever_differs_is_read_from_a_field() -> None:
    items = DETECTORS["distinct"].options_type.model_fields["of"].annotation.__args__  # type: ignore[union-attr]
    for item in items:
        read = detector("distinct", {"of": item, "over": "1h"}).fields
        assert read
        assert read <= FIELDS.keys()


def test_what_is_in_a_collection_is_read_from_the_new_prompt() -> None:
    pack = build(Origin("set", "Set", "MIT", "-", 0), ["a sentence that is long enough"], common=1)
    options = {"in": ["set"], "over": "1h", "min": 1}
    assert detector("corpus", options, "principal", pack).fields == {"prompt.user"}


def test_answers_per_input_are_read_from_the_prompt_and_what_was_asked() -> None:
    found = detector("repeats", {"over": "1h", "min": 1}).fields
    assert found == {"prompt.text", "request.n", "request.prompts", "response.status"}

"""What the models of policy files tell tools about themselves."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from gateway.policies.forms import Slug, Words
from gateway.policies.schema import EffectDocument, ExemptionDocument, PolicyDocument


def test_a_short_form_stands_beside_the_long_one() -> None:
    rollout = PolicyDocument.model_json_schema()["properties"]["rollout"]["anyOf"]
    assert [form.get("type") or form["$ref"] for form in rollout] == ["string", "#/$defs/RolloutDocument"]
    words: dict[str, Any] = TypeAdapter(Words).json_schema()
    assert {"type": "null"} in words["anyOf"]
    effect = ExemptionDocument.model_json_schema()["properties"]["effect"]["anyOf"]
    assert {"const": "skip"} in effect


def test_what_is_text_in_a_file_is_text_in_the_schema() -> None:
    assert TypeAdapter(Slug).json_schema()["pattern"].startswith("^[a-z0-9]+")
    factor = EffectDocument.model_json_schema()["properties"]["ramp"]["anyOf"][0]
    assert (factor["type"], factor["pattern"][-2:]) == ("string", "x$")


def test_every_key_has_words_for_its_reader() -> None:
    silent = [
        name
        for model in (PolicyDocument, ExemptionDocument, EffectDocument)
        for name, field in model.model_fields.items()
        if name != "kind" and not field.description
    ]
    assert silent == []

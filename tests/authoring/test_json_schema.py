"""The JSON Schema: complete, shaped for editors, and the committed file is what the code says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from gateway import actions
from gateway.authoring.condition_schema import MEANING
from gateway.authoring.json_schema import ALL_KINDS, DIALECT, json_schema, written
from gateway.conditions import OPERATORS, Spec
from gateway.fields import FIELDS
from gateway.policies.forms import Slug
from gateway.policies.schema import KINDS, Strict
from gateway.signals import DETECTORS
from gateway.signals.base import Detector, Options
from gateway.units import Duration

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json_schema(
    ALL_KINDS, DETECTORS, {name: actions.get(name) for name in actions.NAMES}
)
PARTS: dict[str, Any] = SCHEMA["$defs"]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(part)


def titled(title: str) -> dict[str, Any]:
    """The definition that is called so."""
    [found] = [part for part in PARTS.values() if part.get("title") == title]
    return dict(found)


def test_the_committed_schema_is_what_the_code_says() -> None:
    said = (ROOT / "schema.json").read_text("utf-8")
    assert said == written(SCHEMA), "run: gateway schema --write schema.json"


def test_every_kind_is_told_by_its_word() -> None:
    assert SCHEMA["$schema"] == DIALECT
    assert SCHEMA["properties"]["kind"]["enum"] == [*KINDS, "tests"]
    words = [rule["if"]["properties"]["kind"]["const"] for rule in SCHEMA["allOf"]]
    assert words == [*KINDS, "tests"]
    for word, rule in zip(words, SCHEMA["allOf"], strict=True):
        part = PARTS[rule["then"]["$ref"].removeprefix("#/$defs/")]
        assert (part["title"], part["properties"]["kind"]["const"]) == (word, word)


def test_every_reference_leads_somewhere() -> None:
    asked = {node["$ref"] for node in nodes(SCHEMA) if isinstance(node.get("$ref"), str)}
    assert asked
    assert {reference.removeprefix("#/$defs/") for reference in asked} <= set(PARTS)


def test_slug_maps_are_written_so_that_editors_complete_in_them() -> None:
    assert [node for node in nodes(SCHEMA) if "patternProperties" in node] == []
    signals = titled("policy")["properties"]["signals"]
    assert signals["propertyNames"]["pattern"].startswith("^[a-z0-9]+")
    assert PARTS[signals["additionalProperties"]["$ref"].removeprefix("#/$defs/")] == titled("signal")


def test_unknown_keys_are_closed_out_wherever_a_model_closes_them() -> None:
    for name in (*KINDS, "signal", "rung", *DETECTORS, *actions.NAMES):
        if "properties" in (part := titled(name)):
            assert part["additionalProperties"] is False, name


def test_a_signal_has_every_detector_and_a_rung_every_response() -> None:
    assert set(DETECTORS) < set(titled("signal")["properties"])
    assert set(titled("rung")["properties"]["do"]["items"]["properties"]) == set(actions.NAMES)


def test_a_response_without_needed_options_may_be_written_true() -> None:
    properties = titled("rung")["properties"]["do"]["items"]["properties"]
    assert {"const": True} in properties["log"]["anyOf"]
    assert list(properties["reject"]) == ["$ref"]


def test_conditions_know_every_field_and_operator() -> None:
    fields = PARTS["condition"]["properties"]
    assert set(fields) == {*FIELDS, "any", "all", "not"}
    for kind, operators in OPERATORS.items():
        tests = PARTS[f"{kind}-test"]["anyOf"][-1]["properties"]
        assert set(tests) == set(operators)
    assert set(MEANING) == {name for operators in OPERATORS.values() for name in operators}
    assert fields["request.endpoint"]["anyOf"][0]["enum"] == list(FIELDS["request.endpoint"].choices)
    assert "after the answer only" in fields["usage.output_tokens"]["description"]


def test_every_key_of_the_language_says_what_it_means() -> None:
    own = (*KINDS, "signal", "rung", *DETECTORS, *actions.NAMES)
    silent = [
        f"{name}.{key}"
        for name in own
        for key, schema in titled(name).get("properties", {}).items()
        if key != "kind" and "description" not in schema and "$ref" not in schema and "anyOf" not in schema
    ]
    assert silent == []


def test_defaults_are_as_an_author_would_write_them() -> None:
    assert "default" not in titled("policy")["properties"]["half_life"]
    assert titled("policy")["properties"]["cap"]["default"] == 100.0
    assert titled("policy")["properties"]["mode"]["default"] == "shadow"


def test_quantities_are_text_with_their_unit() -> None:
    half_life = titled("policy")["properties"]["half_life"]
    assert (half_life["type"], "(ms|s|m|h|d)" in half_life["pattern"]) == ("string", True)


def test_words_in_code_marks_come_in_both_forms() -> None:
    count = titled("count")
    assert "`over`" in count["markdownDescription"]
    assert count["markdownDescription"].replace("`", "") == count["description"]


class _PlugInOptions(Options):
    """Of a plug-in."""

    over: Duration
    when: Spec | None = None
    """Which calls."""
    depth: Literal[1, 2] = 1


class _PlugIn(Detector):
    """Description: a measure from elsewhere."""

    name = "elsewhere"
    options_type = _PlugInOptions


class _PlugInDocument(Strict):
    kind: Literal["plug"]
    parts: dict[Slug, int] = Field(default_factory=dict)


def test_what_others_add_is_drawn_in_the_same_way() -> None:
    schema = json_schema({"plug": _PlugInDocument}, {"elsewhere": _PlugIn}, {})
    parts = schema["$defs"]
    added = parts["_PlugInOptions"]
    assert (added["title"], added["description"]) == ("elsewhere", "A measure from elsewhere.")
    assert {"$ref": "#/$defs/condition"} in added["properties"]["when"]["anyOf"]
    assert parts["SignalDocument"]["properties"]["elsewhere"] == {"$ref": "#/$defs/_PlugInOptions"}


@pytest.mark.parametrize("node", ["propertyNames", "$ref"])
def test_the_file_is_plain_json(node: str) -> None:
    assert node in written(SCHEMA)
    assert json.loads(written(SCHEMA)) == SCHEMA

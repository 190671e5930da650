"""One JSON Schema (2020-12) for all policy files, for completion, hover texts and squiggles in editors.

Drawn from the models of the documents, the options of detectors and responses, and the table of fields;
nothing is described here a second time. The loader stays the judge: what takes several documents or a
calculation to see (a pattern set's name, a falling `clear`) is not for an editor to say.

Two things are shaped for yaml-language-server (2.0), which most editors run: mappings by id are written
as `propertyNames` and `additionalProperties`, because inside `patternProperties` it completes nothing;
and kinds are told apart by if/then, because in a `oneOf` it blames the first kind for a slip in another.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.actions.base import Action
from gateway.authoring.condition_schema import CONDITION, Schema, condition_schemas
from gateway.policies.schema import KINDS, TESTS, RungDocument, SignalDocument
from gateway.policytests.schema import SuiteDocument
from gateway.signals.base import Detector

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ALL_KINDS: Mapping[str, type[BaseModel]] = {**KINDS, TESTS: SuiteDocument}
"""Every kind of document, the tests of policies included."""
_SAID = re.compile(r"\n+(?=(?:Options|Example): )")


def json_schema(
    kinds: Mapping[str, type[BaseModel]],
    detectors: Mapping[str, type[Detector]],
    actions: Mapping[str, type[Action]],
) -> Schema:
    """The schema of one document of any of these kinds."""
    models: list[type[BaseModel]] = [*kinds.values(), SignalDocument, RungDocument]
    models += [detector.options_type for detector in detectors.values()]
    models += [action.options_type for action in actions.values()]
    references, document = models_json_schema([(model, "validation") for model in models])
    definitions = {name: _tidy(schema) for name, schema in document["$defs"].items()}

    def definition(model: type[BaseModel], title: str) -> Schema:
        found: Schema = definitions[references[model, "validation"]["$ref"].rpartition("/")[2]]
        found["title"] = title
        return found

    def described(name: str, part: type[Detector] | type[Action]) -> Schema:
        options = definition(part.options_type, name)
        options["description"] = _said(part)
        reference = references[part.options_type, "validation"]
        # A response without options may be written `name: true`.
        short = issubclass(part, Action) and not options.get("required")
        return {"anyOf": [reference, {"const": True}]} if short else reference

    for kind, model in kinds.items():
        definition(model, kind)
    signal = definition(SignalDocument, "signal")
    signal["properties"] |= {name: described(name, part) for name, part in detectors.items()}
    signal["additionalProperties"] = False
    definition(RungDocument, "rung")["properties"]["do"]["items"] = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {name: described(name, part) for name, part in actions.items()},
        "additionalProperties": False,
    }
    definitions |= condition_schemas()
    definitions = {name: _shown(schema) for name, schema in definitions.items()}
    return _whole({kind: references[model, "validation"] for kind, model in kinds.items()}, definitions)


def written(schema: Schema) -> str:
    """The schema as the text of its file."""
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _whole(kinds: Mapping[str, Schema], definitions: Schema) -> Schema:
    return {
        "$schema": DIALECT,
        "title": "Stillgate policy files",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds), "description": "What this document says."}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": reference}
            for kind, reference in kinds.items()
        ],
        "$defs": definitions,
    }


def _said(part: type[Detector] | type[Action]) -> str:
    """The part's own words, as paragraphs."""
    text = _SAID.sub("\n\n", (inspect.getdoc(part) or "").removeprefix("Description: "))
    return f"{text[:1].upper()}{text[1:]}"


def _tidy(schema: Any) -> Any:
    """A schema of pydantic's without titles, without defaults in their parsed form, and with references
    to the condition where a model asks for one."""
    if not isinstance(schema, dict):
        return [_tidy(part) for part in schema] if isinstance(schema, list) else schema
    tidy = {
        key: {name: _tidy(part) for name, part in value.items()}
        if key in ("properties", "$defs")
        else _tidy(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and not _writable(schema))
    }
    if tidy.get("format") == "condition":
        described = {"description": tidy["description"]} if "description" in tidy else {}
        return {**CONDITION, **described}
    if patterns := tidy.pop("patternProperties", None):
        ((pattern, tidy["additionalProperties"]),) = patterns.items()
        tidy["propertyNames"] = {"pattern": pattern}
    return tidy


def _shown(schema: Any) -> Any:
    """With a second form of each description that has code in it: editors show `description` as it is."""
    if not isinstance(schema, dict):
        return [_shown(part) for part in schema] if isinstance(schema, list) else schema
    shown = {key: _shown(value) for key, value in schema.items()}
    text = schema.get("description")
    if isinstance(text, str) and "`" in text:
        shown |= {"description": text.replace("`", ""), "markdownDescription": text}
    return shown


def _writable(schema: Schema) -> bool:
    """Whether a default reads as an author would write it: `1h` is 3600.0 once parsed."""
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
        "array": (list,),
    }
    return isinstance(schema["default"], kinds.get(schema.get("type", ""), ()))

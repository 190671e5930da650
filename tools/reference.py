"""Write docs/reference.md from the code: settings, policy keys, fields, detectors, responses, metrics.

    python tools/reference.py           # write it
    python tools/reference.py --check   # exit 1 if it is not what the code says

Words come from where they are kept anyway: comments of config.example.yaml, docstrings, the table of fields,
the registry of metrics. Nothing is described here, so nothing here can be out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gateway import actions, conditions
from gateway.conditions import OPERATORS
from gateway.config import Config
from gateway.fields import FIELDS
from gateway.metrics import Metrics
from gateway.policies.schema import KINDS, PatternDocument, RequiresDocument, RungDocument, SignalDocument
from gateway.signals import DETECTORS

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "reference.md"
_OPTION = re.compile(r"  (\w+): (.*?)\s*(?:# (.*))?")
_NOTE = re.compile(r"  # (.*)")
_HEAD = """\
# Reference

Made from the code by `tools/reference.py`; a test keeps the two equal. The ideas are in the
[README](../README.md), the form of recorded traffic in [replay.md](replay.md).
"""


def document() -> str:
    """The whole page."""
    parts = (_settings(), _policies(), _fields(), _operators(), _detectors(), _actions(), _metrics())
    return "\n".join([_HEAD, *("\n".join(part) + "\n" for part in parts)])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


def _settings() -> Iterator[str]:
    """Sections of config.example.yaml with its defaults and comments."""
    yield "## Settings\n\nAll are optional; `config.example.yaml` is a file with every one of them."
    section, note = "", ""
    rows: list[tuple[str, str, str]] = []
    for line in (ROOT / "config.example.yaml").read_text("utf-8").splitlines():
        if line and line[0].isalpha():
            yield from _section(section, rows)
            section, rows = line.partition(":")[0], []
        elif found := _NOTE.fullmatch(line):
            note = f"{found[1]} "
        elif found := _OPTION.fullmatch(line):
            rows.append((f"`{section}.{found[1]}`", f"`{found[2]}`", (note + (found[3] or "")).strip()))
            note = ""
    yield from _section(section, rows)


def _section(name: str, rows: list[tuple[str, str, str]]) -> Iterator[str]:
    if name:
        yield f"\n### {name}\n\n{inspect.getdoc(_model(Config, name))}\n"
        yield from _table(("setting", "default", "meaning"), rows)


def _model(model: type[BaseModel], name: str) -> Any:
    return model.model_fields[name].annotation


def _policies() -> Iterator[str]:
    yield (
        "## Policy files\n\nEvery `*.yaml` below the policy directory; one or more documents in a file. "
        "Durations and\nshares stand here as numbers (seconds, 0 to 1); "
        "files write them with their unit: `1h`, `25%`."
    )
    parts: dict[str, type[BaseModel]] = {
        "signal": SignalDocument,
        "pattern": PatternDocument,
        "rung": RungDocument,
    }
    parts["requires"] = RequiresDocument
    for name, model in {**KINDS, **parts}.items():
        kind = "kind: " if name in KINDS else ""
        yield f"\n### {kind}{name}\n\n{inspect.getdoc(model)}\n"
        rows = [
            (
                f"`{field.alias or key}`",
                _default(field),
                _choices(get_args(field.annotation)),
                field.description or "",
            )
            for key, field in model.model_fields.items()
            if key != "kind"
        ]
        yield from _table(("key", "default", "values", "meaning"), rows)


def _default(field: Any) -> str:
    if field.default is PydanticUndefined and field.default_factory is None:
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ", ".join(f"`{key}: {_word(inner)}`" for key, inner in value)
    return f"`{_word(value)}`"


def _word(value: object) -> str:
    return "null" if value is None else str(value) or '""'


def _fields() -> Iterator[str]:
    yield "## Fields\n\nWhat a condition may read. A late field is known after the answer only.\n"
    rows = (
        (f"`{field.name}`", field.kind, "yes" if field.late else "", field.doc, _choices(field.choices))
        for field in FIELDS.values()
    )
    yield from _table(("field", "kind", "late", "meaning", "values"), rows)


def _choices(choices: Collection[object]) -> str:
    """The words of a closed vocabulary; nothing for any other type."""
    return ", ".join(f"`{choice}`" for choice in choices) if all(isinstance(c, str) for c in choices) else ""


def _operators() -> Iterator[str]:
    said = (inspect.getdoc(conditions) or "").split("\n\n")[1]
    yield f"## Operators\n\n{said}\n"
    rows = ((kind, ", ".join(f"`{name}`" for name in names)) for kind, names in OPERATORS.items())
    yield from _table(("kind of field", "operators"), rows)


def _detectors() -> Iterator[str]:
    yield "## Detectors\n\nWhat a signal measures."
    for name, detector in DETECTORS.items():
        yield from _described(name, detector)


def _actions() -> Iterator[str]:
    yield "## Responses\n\nWhat a rung of the ladder does."
    for name in actions.NAMES:
        yield from _described(name, actions.get(name))


def _described(name: str, thing: type) -> Iterator[str]:
    """The fixed form Description / Options / Example as paragraphs."""
    text = (inspect.getdoc(thing) or "").removeprefix("Description: ")
    text = re.sub(r"\n+(?=(?:Options|Example): )", "\n\n", text)
    yield f"\n### {name}\n\n{text[:1].upper()}{text[1:]}"


def _metrics() -> Iterator[str]:
    yield "## Metrics\n\nOn the admin listener, `/metrics`.\n"
    # prometheus_client has no public way to ask a metric for its label names.
    collectors = set(Metrics().registry._names_to_collectors.values())  # noqa: SLF001
    rows = []
    for collector in collectors:
        labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
        (family,) = collector.collect()
        name = family.name + ("_total" if family.type == "counter" else "")
        rows.append((f"`{name}`", family.type, labels, family.documentation))
    yield from _table(("metric", "type", "labels", "meaning"), sorted(rows))


def main(arguments: Sequence[str]) -> int:
    """Write or check; returns the exit code."""
    text = document()
    if "--check" not in arguments:
        TARGET.write_text(text, "utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text("utf-8") == text:
        return 0
    sys.stderr.write("docs/reference.md is not what the code says; run python tools/reference.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

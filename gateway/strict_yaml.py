"""YAML as its author reads it: the 1.2 core values, every value with its place, and nothing clever.

Belongs here: bytes → plain values (dict, list, str, int, float, bool, None), each with the line and
column where it stands, and pydantic's complaints about them → places and plain sentences. What the
values mean is said by the models of `gateway.policies.schema`, `gateway.config` and each option class.

PyYAML resolves values as YAML 1.1 does: `mode: off` is False, `22:00` is 1320, `010` is 8, a repeated
key silently wins. So only its *parser* is used, and values are made here from its events. The pure
Python parser is taken on purpose: 12 ms for the design's 290 lines of policies (libyaml: 0.8 ms), paid
at load only, and its messages and positions are the same on every platform.

Refused, each with its place: duplicate keys, anchors, aliases and `<<` (a file must not expand into
more than it shows), tags, directives, keys that are not text, control characters and byte order marks,
numbers beyond float, nesting beyond `MAX_DEPTH`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from gateway.errors import ConfigError, Place
from gateway.model import JSON
from gateway.words import quote, suggest

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands inside its document: mapping keys and list indices from the root."""

MAX_DEPTH = 50
"""Levels of nesting; the deepest shipped document has 8."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# YAML 1.2.2, 10.3.2, except that a leading zero makes text: `010` is 8 in YAML 1.1 and 10 in 1.2.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL_HEX = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 300
"""Any integer of so many digits is a finite float; CPython refuses to read integers above 4300 digits."""

# YAML 1.2.2, 5.1 (printable), without DEL … U+009F, without U+2028/9 (line breaks in YAML 1.1 alone, so
# editors would count other lines) and without the byte order mark.
_UNWANTED = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain value, and for each path the places of its key and of its value.

    Without a key (list items, the root) both places are the value's.
    """

    value: JSON
    places: Mapping[Path, tuple[Place, Place]]

    def place(self, loc: tuple[str | int, ...], *, key: bool = False) -> Place:
        """The place of the value at `loc` (or of its key); of its nearest parent where there is none.

        Parts of `loc` that name nothing in the document are passed over, because pydantic puts the
        names of union members among them.
        """
        return self.places[self.known(loc)][0 if key else 1]

    def known(self, loc: tuple[str | int, ...]) -> Path:
        """The parts of `loc` that lead to a value of this document."""
        path: Path = ()
        for part in loc:
            if (*path, part) in self.places:
                path = (*path, part)
        return path


def parse(data: bytes, file: str) -> tuple[Document, ...]:
    """The documents of one file; `file` is the name for messages.

    Raises ConfigError with every problem found, at most one of them a syntax error.
    """
    text = _decode(data, file)
    loader = yaml.SafeLoader(text)
    builder = _Builder(file)
    try:
        while loader.check_event():
            builder.take(loader.get_event())  # type: ignore[no-untyped-call]  # types-PyYAML leaves it bare
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or loader.get_mark()
        builder.complain(mark, _sentence(error))
    except (ValueError, OverflowError):
        # PyYAML 6 lets chr() and int() speak for escapes and version numbers out of range.
        builder.complain(loader.get_mark(), "a number or an escape is out of range")
    except _UnreadableError as stop:
        builder.complain(stop.mark, stop.message)
    finally:
        loader.dispose()
    if builder.problems:
        raise ConfigError(builder.problems)
    return tuple(builder.documents)


def _decode(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise ConfigError.at(_place_after(before, file), "not UTF-8") from None
    if found := _UNWANTED.search(text):
        name = "a byte order mark" if found[0] == "\ufeff" else f"the control character U+{ord(found[0]):04X}"
        raise ConfigError.at(_place_after(text[: found.start()], file), f"{name} is not allowed")
    return text


def _place_after(text: str, file: str) -> Place:
    lines = re.split("\r\n|\r|\n", text)
    return Place(file, len(lines), len(lines[-1]) + 1)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's complaint in one line, such as "expected ',' or ']', but got '<stream end>'", with advice."""
    advice = next((text for problem, text in _ADVICE.items() if problem in str(error.problem)), None)
    if advice is not None:
        return f"not YAML: {advice}"
    began = error.context_mark
    since = f" that began at {began.line + 1}:{began.column + 1}" if began and error.context else ""
    return f"not YAML: {error.problem}" + (f" ({error.context}{since})" if error.context else "")


_ADVICE = {
    "found character '\\t'": "a tab stands where only spaces may: indent with spaces",
    "found character '@'": "a text that begins with @ must stand in quotes: '@pattern-set'",
    "found character '%'": "a text that begins with % must stand in quotes",
    "found character '`'": "a text that begins with ` must stand in quotes",
    "mapping values are not allowed here": "a second colon: put the text in quotes, or mend the indentation",
}
"""PyYAML's words for what people get wrong most, and what to do about it."""


class _UnreadableError(Exception):
    """A problem after which the rest of the file cannot be made sense of."""

    def __init__(self, mark: Any, message: str) -> None:
        self.mark = mark
        self.message = message


@dataclass(slots=True)
class _Frame:
    """An open list or mapping; `key` is what the next value belongs to, None while a key is awaited."""

    path: Path
    value: list[JSON] | dict[str, JSON]
    key: str | None = None
    key_place: Place | None = None


@dataclass(slots=True)
class _Builder:
    """Makes values from parser events; without recursion, so that no nesting can exhaust the stack."""

    file: str
    documents: list[Document] = field(default_factory=list)
    problems: list[tuple[Place, str]] = field(default_factory=list)
    places: dict[Path, tuple[Place, Place]] = field(default_factory=dict)
    stack: list[_Frame] = field(default_factory=list)
    root: JSON = None

    def complain(self, mark: Any, message: str) -> None:
        self.problems.append((self._at(mark), message))

    def take(self, event: Event) -> None:
        """One event of the parser, in order."""
        if isinstance(event, NodeEvent):
            self._node(event)
        elif isinstance(event, CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, DocumentStartEvent):
            self.places, self.root = {}, None
            if event.version or event.tags:
                self.complain(event.start_mark, "directives (%YAML, %TAG) are not allowed")
        elif isinstance(event, DocumentEndEvent):
            self.documents.append(Document(self.root, self.places))

    def _node(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise _UnreadableError(
                event.start_mark, "anchors (&) and aliases (*) are not allowed; write it out"
            )
        if getattr(event, "tag", None) is not None:
            self.complain(event.start_mark, "tags (!) are not allowed")
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._key(frame, event)
        else:
            self._put(frame, event)

    def _key(self, frame: _Frame, event: NodeEvent) -> None:
        if not isinstance(event, ScalarEvent):
            raise _UnreadableError(event.start_mark, "a key must be text")
        key = event.value
        if event.style is None and not isinstance(self._scalar(event), str):
            self.complain(event.start_mark, f"a key must be text: write {quote(key)} in quotes")
        elif event.style is None and key == "<<":
            self.complain(event.start_mark, "merge keys (<<) are not allowed; write it out")
        elif (*frame.path, key) in self.places:
            first = self.places[*frame.path, key][0]
            self.complain(event.start_mark, f"duplicate key {quote(key)} (first at line {first.line})")
        elif _SURROGATE.search(key):
            self.complain(event.start_mark, "half a surrogate pair is not text")
        frame.key, frame.key_place = key, self._at(event.start_mark)

    def _put(self, frame: _Frame | None, event: NodeEvent) -> None:
        here = self._at(event.start_mark)
        path: Path = ()
        key_place = here
        if frame is not None and isinstance(frame.value, dict):
            path = (*frame.path, frame.key or "")
            key_place = frame.key_place or here
            frame.key = frame.key_place = None
        elif frame is not None:
            path = (*frame.path, len(frame.value))
        self.places.setdefault(path, (key_place, here))
        value = self._scalar(event) if isinstance(event, ScalarEvent) else self._open(event, path)
        if frame is None:
            self.root = value
        elif isinstance(frame.value, dict):
            frame.value[str(path[-1])] = value
        else:
            frame.value.append(value)

    def _open(self, event: NodeEvent, path: Path) -> JSON:
        if len(self.stack) >= MAX_DEPTH:
            raise _UnreadableError(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        value: list[JSON] | dict[str, JSON] = [] if isinstance(event, SequenceStartEvent) else {}
        self.stack.append(_Frame(path, value))
        return value

    def _scalar(self, event: ScalarEvent) -> JSON:
        text: str = event.value
        if event.style is not None:
            if _SURROGATE.search(text):
                self.complain(event.start_mark, "half a surrogate pair is not text")
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        number = _number(text)
        if number is not None and not math.isfinite(number):
            self.complain(event.start_mark, "a number must be finite")
        return text if number is None else number

    def _at(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1)


def _number(text: str) -> int | float | None:
    if _NOT_FINITE.fullmatch(text):
        return math.inf
    if _OCTAL_HEX.fullmatch(text):
        return int(text, 0) if len(text) <= _MAX_DIGITS else math.inf
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _MAX_DIGITS else math.inf
    return float(text) if _FLOAT.fullmatch(text) else None


# --- pydantic's complaints, in the author's words ------------------------------------------------------


def explain_validation(
    document: Document, error: ValidationError, model: Any = None, prefix: Path = ()
) -> list[tuple[Place, str]]:
    """Each mistake in `document` once: its place and a short sentence that begins with its dotted path.

    `model` is what was validated (a model class or an annotation), whose keys are suggested for unknown
    ones (without it, none are); `prefix` is where the validated value stands in the document. Names of
    union members are removed, and of a union's complaints those about the best matching member are kept.
    """
    problems: dict[tuple[Path, str], tuple[Place, str]] = {}
    told = error.errors(include_url=False)
    paths = [document.known((*prefix, *entry["loc"])) for entry in told]
    for entry, path in zip(told, paths, strict=True):
        if entry["type"] in _NOT_A and any(
            len(other) > len(path) and other[: len(path)] == path for other in paths
        ):
            continue
        where, place, message = _explain(document, entry, path, len(prefix), model)
        dotted = ".".join(str(part) for part in where)
        problems.setdefault((path, message), (place, f"{dotted}: {message}" if dotted else message))
    return list(problems.values())


_NOT_A = {
    "model_type": "write a mapping (key: value)",
    "model_attributes_type": "write a mapping (key: value)",
    "dict_type": "write a mapping (key: value)",
    "mapping_type": "write a mapping (key: value)",
    "list_type": "write a list",
    "tuple_type": "write a list",
    "string_type": "write text",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
}
"""Complaints about the kind of a value, in words."""


def _explain(
    document: Document, entry: ErrorDetails, path: Path, skip: int, model: Any
) -> tuple[Path, Place, str]:
    """The path to name, the place, and the message for one of pydantic's errors."""
    kind, context, last = entry["type"], entry.get("ctx", {}), entry["loc"][-1:]
    if kind == "extra_forbidden":
        message = f"unknown key {quote(last[0])}" + suggest(last[0], _keys(model, path[skip:-1]))
        return path[:-1], document.place(path, key=True), message
    if kind == "missing":
        return path, document.place(path, key=True), f"missing key '{last[0]}'"
    if kind == "union_tag_not_found":
        return path, document.place(path), f"missing key {context['discriminator']}"
    if kind == "union_tag_invalid":
        name = context["discriminator"].strip("'")
        message = _not_one_of(context["tag"], context["expected_tags"])
        return (*path, name), document.place((*path, name)), message
    if kind in ("literal_error", "enum"):
        return path, document.place(path), _not_one_of(entry["input"], context["expected"])
    if kind == "value_error":
        whole = last == ("[key]",) or isinstance(entry["input"], (Mapping, list))
        return path, document.place(path, key=whole), str(context["error"])
    return path, document.place(path), _NOT_A.get(kind) or entry["msg"].replace("Input should", "must")


def _not_one_of(word: object, expected: str) -> str:
    choices = re.findall("'([^']*)'", expected) or [expected]
    return f"{quote(word)} is not one of {', '.join(choices)}" + suggest(word, choices)


def _keys(annotation: Any, path: Path) -> set[str]:
    """The keys that a mapping at `path` may have, by the annotations on the way there."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {entry.alias or name: entry.annotation for name, entry in annotation.model_fields.items()}
        if not path:
            return set(fields)
        return _keys(fields.get(str(path[0])), path[1:])
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, (Mapping, Sequence)):
        return _keys(get_args(annotation)[-1], path[1:]) if path else set()
    return {key for argument in get_args(annotation) for key in _keys(argument, path)}

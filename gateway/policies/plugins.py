"""Extensions from other distributions: signals, actions and dialects, found through entry points.

    [project.entry-points."stillgate.signals"]
    burstiness = "my_package.burstiness:Burstiness"

The groups are `stillgate.signals` (a subclass of `gateway.signals.base.Detector`), `stillgate.actions` (of
`gateway.actions.base.Action`) and `stillgate.dialects` (a class with the methods of
`gateway.dialects.base.Dialect`, a `name` and `routes`, a mapping from paths to endpoints). Each is called in
YAML as in its entry point. They run inside the gateway with all of its rights: install what you trust.

Loaded once, when the first policies are, and never by the core, which gets them as arguments. A broken one
is a ConfigError, because a policy that silently lacks a signal protects nobody.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from gateway import actions as shipped
from gateway.actions.base import Action
from gateway.dialects import registry, routes
from gateway.dialects.base import Dialect
from gateway.errors import ConfigError, Place
from gateway.fields import FIELDS
from gateway.model import Route
from gateway.policies.schema import SignalDocument
from gateway.signals import DETECTORS
from gateway.signals.base import Detector

SIGNALS, ACTIONS, DIALECTS = "stillgate.signals", "stillgate.actions", "stillgate.dialects"
GROUPS = (SIGNALS, ACTIONS, DIALECTS)
"""The entry-point groups."""


@dataclass(frozen=True, slots=True)
class Plugins:
    """Everything that policies may name, shipped and installed."""

    detectors: Mapping[str, type[Detector]]
    actions: Mapping[str, type[Action]]


@functools.cache
def installed() -> Plugins:
    """What is shipped and what other distributions bring; dialects are registered. Raises ConfigError."""
    return load(point for group in GROUPS for point in entry_points(group=group))


def load(points: Iterable[EntryPoint]) -> Plugins:
    """What is shipped and these. Registers their dialects, if nothing was wrong with anything.

    Raises ConfigError with every problem of every entry point.
    """
    detectors: dict[str, Any] = dict(DETECTORS)
    actions: dict[str, Any] = {name: shipped.get(name) for name in shipped.NAMES}
    dialects: dict[str, Any] = dict.fromkeys(registry.NAMES)
    found = {
        # Beside the detector stand the keys of the signal.
        SIGNALS: (detectors, _detector, {*SignalDocument.model_fields}),
        ACTIONS: (actions, _action, ()),
        DIALECTS: (dialects, _dialect, ()),
    }
    problems: list[tuple[Place, str]] = []
    for point in sorted(points, key=lambda point: (point.group, point.name, point.value)):
        table, check, reserved = found[point.group]
        try:
            table[point.name] = _loaded(point, {*table, *reserved}, check)
        except ValueError as error:
            problems.append((Place(_name(point)), str(error)))
    if problems:
        raise ConfigError(problems)
    _register(dialect for dialect in dialects.values() if dialect is not None)
    return Plugins(detectors, actions)


def _name(point: EntryPoint) -> str:
    origin = f" of {point.dist.name}" if point.dist is not None else ""
    return f"entry point {point.group}: {point.name} = {point.value}{origin}"


def _loaded(point: EntryPoint, taken: Collection[str], check: Callable[[Any], Any]) -> Any:
    """What the entry point stands for. Raises ValueError with the words for the operator."""
    if point.name in taken:
        raise ValueError(f"the name '{point.name}' is taken")
    try:
        thing = check(point.load())
        called = thing.name
    except ValueError:
        raise
    except Exception as error:  # a plug-in is somebody else's code: whatever it raises is its message
        raise ValueError(f"cannot be loaded: {type(error).__name__}: {error}") from error
    if called != point.name:
        raise ValueError(f"is called '{called}' in its code: use one name")
    return thing


def _detector(thing: Any) -> Any:
    return _class(thing, Detector)


def _action(thing: Any) -> Any:
    return _class(thing, Action)


def _class(thing: Any, base: type) -> Any:
    if not (isinstance(thing, type) and issubclass(thing, base)):
        raise ValueError(f"is no subclass of {base.__module__}.{base.__name__}")
    options = getattr(thing, "options_type", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise ValueError("needs options_type, a pydantic model of its options")
    return thing


_MEMBERS = sorted({*vars(Dialect), *Dialect.__annotations__})
_DIALECT = tuple(name for name in _MEMBERS if not name.startswith("_"))
"""What a dialect must have."""


def _dialect(thing: Any) -> Any:
    made = thing()
    missing = [name for name in (*_DIALECT, "routes") if not hasattr(made, name)]
    if missing:
        raise ValueError(f"is no dialect: it lacks {', '.join(missing)}")
    endpoints = FIELDS["request.endpoint"].choices
    for path, endpoint in made.routes.items():
        if endpoint not in endpoints:
            raise ValueError(f"the endpoint of '{path}' is none of {', '.join(endpoints)}")
    return made


def _register(dialects: Iterable[Any]) -> None:
    for dialect in dialects:
        try:
            registry.add(dialect)
            for path, endpoint in dialect.routes.items():
                routes.add(Route(dialect.name, endpoint, path))
        except ValueError as error:
            raise ConfigError.at(Place(f"dialect {dialect.name}"), str(error)) from None

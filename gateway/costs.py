"""What a bundle costs: CPU time per request by phase, by signal, and by pattern.

Each call goes through the engine's own verbs, one after another, with a stopwatch around each; a second
run has one around every signal. The clock is an argument (CPU seconds of this process), so that other
processes do not count, and the stopwatch's own cost is measured and taken off.

A pattern set is matched once a call, whoever asks first: its cost shows at that signal. Each pattern is
therefore also measured alone, over the same texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from gateway import dialects
from gateway.dialects import body as bodies
from gateway.dialects.routes import resolve
from gateway.engine import Transaction
from gateway.errors import CallError
from gateway.model import Call, Client, Mode, Outcome, Principal
from gateway.patterns import Pattern, PatternSet, prepare
from gateway.plan import Plan
from gateway.planner import plan
from gateway.policies.bundle import Bundle, Policy, Signal
from gateway.signals.base import Detector
from gateway.stores.base import Store
from gateway.traffic import Line

Clock = Callable[[], float]
TEXTS = 500
"""Texts over which each pattern is measured."""
_EMPTY_RUNS = 2000
_MICROSECONDS = 1e6
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of one part per request (of a pattern: per text)."""

    name: str
    micros: float


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured, the costliest first; `phases` in order. `skipped`: lines that could not be read."""

    bundle: str
    requests: int
    skipped: int
    total: float
    """Sum of the phases, in microseconds per request."""
    phases: tuple[Cost, ...]
    signals: tuple[Cost, ...]
    patterns: tuple[Cost, ...]


def measure(
    bundle: Bundle,
    lines: Sequence[Line],
    clock: Clock,
    new_store: Callable[[], Store],
    tick: Callable[[int], None] = lambda done: None,
) -> Costs:
    """Costs of a bundle on these lines, under its own modes and a ceiling of enforce."""
    watch = Stopwatch(clock)
    texts, requests = _drive(plan(bundle), new_store(), lines, watch, tick)
    phases = watch.costs(requests)
    inner = Stopwatch(clock)
    _drive(plan(_timed(bundle, inner)), new_store(), lines, Stopwatch(clock), tick)
    return Costs(
        bundle=bundle.hash,
        requests=requests,
        skipped=len(lines) - requests,
        total=sum(cost.micros for cost in phases),
        phases=tuple(phases),
        signals=_ranked(inner.costs(requests)),
        patterns=_ranked(_patterns(bundle, texts, clock)),
    )


class Stopwatch:
    """Adds up the time of calls by name; what an empty call takes is taken off."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: dict[str, float] = defaultdict(float)
        self._calls: dict[str, int] = defaultdict(int)
        for _ in range(_EMPTY_RUNS):
            self.time("", int)
        self._own = self._spent.pop("") / self._calls.pop("")

    def time(self, name: str, step: Callable[..., _T], *arguments: Any) -> _T:
        """What the step gives, its time added to `name`; a step that fails counts too."""
        began = self._clock()
        try:
            return step(*arguments)
        finally:
            self._spent[name] += self._clock() - began
            self._calls[name] += 1

    def costs(self, requests: int) -> list[Cost]:
        """Per request, in the order of first use."""
        return [
            Cost(name, max(0.0, spent - self._own * self._calls[name]) / max(1, requests) * _MICROSECONDS)
            for name, spent in self._spent.items()
        ]


def _ranked(costs: Iterable[Cost]) -> tuple[Cost, ...]:
    return tuple(sorted(costs, key=lambda cost: (-cost.micros, cost.name)))


# --- requests ------------------------------------------------------------------------------------------


def _drive(
    made: Plan, store: Store, lines: Sequence[Line], watch: Stopwatch, tick: Callable[[int], None]
) -> tuple[list[bytes], int]:
    """Texts for the patterns, and how many of the lines were requests that could be read."""
    texts: list[bytes] = []
    requests = 0
    for number, line in enumerate(lines, 1):
        call = _one(made, store, line, f"bench-{number}", watch)
        if call is not None:
            requests += 1
            if len(texts) < TEXTS:
                texts.extend(prepare(turn.text) for turn in call.turns)
        tick(1)
    return texts[:TEXTS], requests


def _one(made: Plan, store: Store, line: Line, name: str, watch: Stopwatch) -> Call | None:
    """One request through all verbs; None if its body or route means nothing."""
    route = resolve(line.method, line.route)
    if route is None:
        return None
    dialect = dialects.get(route.dialect)
    raw = bytes(line.request)
    try:
        body = watch.time("parse", bodies.decode, raw)
        call = watch.time("parse", dialect.read, body, route, len(raw))
    except CallError:
        return None
    who = Principal(line.principal, line.kind, line.org, line.tier, line.tags, line.since)
    transaction = Transaction(made, Mode.ENFORCE, call, dialect, body, who, Client(line.ip, line.ua), name)
    usage = dialect.usage({**(line.usage or {}), "usage": line.usage})

    def apply(batches: Any) -> Any:
        return watch.time("store", store.apply, batches, line.ts)

    read = apply(watch.time("ask", transaction.ask))
    granted = apply(watch.time("decide", transaction.decide, read, line.ts))
    watch.time("admit", transaction.admit, granted)
    apply(watch.time("study", transaction.study))
    apply(watch.time("settle", transaction.settle, Outcome(line.status, usage)))
    return call


# --- signals -------------------------------------------------------------------------------------------


class _Timed:
    """A detector with a stopwatch around its steps; in everything else it is the one inside."""

    def __init__(self, inner: Detector, name: str, watch: Stopwatch) -> None:
        self._inner, self._name, self._watch = inner, name, watch

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name == "gauges":
            return tuple(replace(gauge, amount=self._timed(gauge.amount)) for gauge in value)
        if name not in ("read", "enter", "study", "settle"):
            return value
        return self._timed(value)

    def _timed(self, step: Callable[..., _T]) -> Callable[..., _T]:
        return lambda *arguments: self._watch.time(self._name, step, *arguments)


def _timed(bundle: Bundle, watch: Stopwatch) -> Bundle:
    def policies(some: Iterable[Policy]) -> tuple[Policy, ...]:
        return tuple(
            replace(policy, signals=tuple(_signal(policy, signal, watch) for signal in policy.signals))
            for policy in some
        )

    tenants = tuple(replace(tenant, policies=policies(tenant.policies)) for tenant in bundle.tenants)
    return replace(bundle, policies=policies(bundle.policies), tenants=tenants)


def _signal(policy: Policy, signal: Signal, watch: Stopwatch) -> Signal:
    timed = _Timed(signal.detector, f"{policy.id}.{signal.id}", watch)
    return replace(signal, detector=cast("Detector", timed))


# --- patterns ------------------------------------------------------------------------------------------


def _patterns(bundle: Bundle, texts: Sequence[bytes], clock: Clock) -> list[Cost]:
    """Each set as it runs, and each of its patterns alone, in microseconds per text."""
    watch = Stopwatch(clock)
    for name, patterns in bundle.patterns.items():
        alone = {
            f"{name}.{one}": PatternSet(name, {one: Pattern(pattern.regex)})
            for one, pattern in patterns.patterns.items()
        }
        for what, found in {f"@{name}": patterns, **alone}.items():
            for text in texts:
                watch.time(what, found.search, text)
    return watch.costs(len(texts))

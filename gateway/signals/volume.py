"""Windowed signals of amount: how many, which share, how many different ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from gateway.conditions import Condition, Spec
from gateway.fields import Facts
from gateway.model import Distinct, Measure, Op, Reading, Sum
from gateway.signals.base import Among, Context, Detector, Gauge, Options, Step, digest, fingerprint
from gateway.units import Window


def _canonical(condition: Condition | None) -> str:
    return condition.canonical if condition else ""


def _reads_text(condition: Condition | None) -> bool:
    """Whether the condition looks into the prompt, which is not done before the request was forwarded:
    matching the shipped patterns takes longer than everything else that a call waits for."""
    return condition is not None and any(name.startswith("prompt.") for name in condition.fields)


def _fields(condition: Condition | None, *names: str) -> frozenset[str]:
    """What is counted, and what the condition asks."""
    return frozenset(names) | (condition.fields if condition else frozenset())


def _usage(facts: Facts, name: str) -> float:
    usage = facts.outcome.usage if facts.outcome else None
    return float(getattr(usage, name)) if usage else 0.0


class CountOptions(Options):
    """What to count, over which window, and which calls."""

    of: Literal["requests", "prompts", "input_tokens", "output_tokens", "logprob_tokens"]
    """What is added up."""
    over: Window
    """The window: 1m, 24h."""
    where: Spec | None = None
    """Only calls that satisfy this condition."""


class Count(Detector):
    """Description: an amount in a window; requests and prompts count at arrival, tokens after the answer.

    With a condition on the prompt's text they count once the request was forwarded, from the next call on.

    Options: `of` (requests, prompts, input_tokens, output_tokens, logprob_tokens), `over`, `where`.
    Example: `count: {of: output_tokens, over: 24h}`
    """

    name = "count"
    options_type = CountOptions

    def __init__(self, options: CountOptions, context: Context) -> None:
        self._of = options.of
        self._where = context.condition(options.where) if options.where else None
        counted = {"requests": (), "prompts": ("request.prompts",)}.get(options.of, (f"usage.{options.of}",))
        self.fields = _fields(self._where, *counted)
        at_end = options.of.endswith("_tokens") or bool(self._where and self._where.late)
        step: Step = "settle" if at_end else "study" if _reads_text(self._where) else "enter"
        self._now = step == "enter"
        key = fingerprint("count", options.of, options.over, _canonical(self._where), context.population)
        total = Sum(key, options.over, (0.0,))
        self.reads = (total,)
        self.gauges = (Gauge(total, step, self._amount),)

    def _amount(self, facts: Facts) -> float:
        if self._where and not self._where.weigh(facts):
            return 0.0
        if self._of == "requests":
            return 1.0
        return float(facts.call.prompts) if self._of == "prompts" else _usage(facts, self._of)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The sum, with this call's own share if it counts at arrival."""
        return Measure(readings[0].values[0] + (self._amount(facts) if self._now else 0.0))


class RatioOptions(Options):
    """Which calls make the numerator, over which window, of which and from how many calls on."""

    where: Spec = Field(min_length=1)
    """The calls that make the numerator."""
    over: Window
    """The window: 1h, 24h."""
    among: Among = "calls"
    """Of all calls, or only of openings, which replay no answer."""
    min: int = Field(ge=1)
    """No verdict below so many calls."""


class Ratio(Detector):
    """Description: the share of calls in a window that satisfy a condition; no verdict below `min` calls.

    A condition on the prompt's text is asked after the request was forwarded, so it counts from the next
    call on, and so does everything `among: openings`.

    Options: `where`, `over`, `among` (calls, openings), `min`.
    Example: `ratio: {where: {request.max_tokens: {lte: 2}}, over: 1h, min: 50}`
    """

    name = "ratio"
    options_type = RatioOptions

    def __init__(self, options: RatioOptions, context: Context) -> None:
        self._where = context.condition(options.where)
        self.fields = self._where.fields
        self._min = options.min
        late = self._where.late
        openings = options.among == "openings"
        studied = openings or _reads_text(self._where)
        step: Step = "settle" if late else "study" if studied else "enter"
        self._now = step == "enter"
        about = (options.over, self._where.canonical, context.population)
        counted = Sum(fingerprint("ratio", *about, *["openings"] * openings), options.over, (0.0, 0.0))
        self.reads = (counted,)
        amount = self._of_an_opening if openings else self._where.weigh
        self.gauges = (Gauge(counted, step, amount, calls=True),)

    def _of_an_opening(self, facts: Facts) -> float | None:
        return None if facts.replied() else self._where.weigh(facts)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """Hits over calls."""
        n, hits = readings[0].values[:2]
        if self._now:
            n, hits = n + 1, hits + self._where.weigh(facts)
        return Measure(hits / n, int(n)) if n >= self._min else None


def _text_hash(facts: Facts, role: str) -> int:
    """Of the fresh text under `role`; several signals count the same."""
    key = ("hash", role)
    found: int | None = facts.memo.get(key)
    if found is None:
        found = facts.memo[key] = digest(facts.text(role))
    return found


def _written(number: float | None) -> str | None:
    """A number by its value: 1 and 1.0 are the same temperature."""
    return None if number is None else repr(float(number))


def _pair(facts: Facts) -> int:
    """Of the fresh user text together with the bias map it is asked under; 0 without one."""
    bias = facts.call.parameters.bias_set
    return digest(f"{_text_hash(facts, 'user')}/{bias}") if bias else 0


_ITEMS: Mapping[str, Callable[[Facts], int]] = {
    "prompts": lambda facts: _text_hash(facts, "user"),
    "systems": lambda facts: _text_hash(facts, "system"),
    "models": lambda facts: digest(facts.call.model),
    "bias_sets": lambda facts: facts.call.parameters.bias_set,
    "prompt_biases": _pair,
    "end_users": lambda facts: digest(facts.call.end_user),
    "user_agents": lambda facts: digest(facts.client.user_agent),
    "client_ips": lambda facts: digest(facts.client.ip),
    "temperatures": lambda facts: digest(_written(facts.call.parameters.temperature)),
}

_ITEM_FIELDS: Mapping[str, tuple[str, ...]] = {
    "prompts": ("prompt.user",),
    "systems": ("prompt.system",),
    "models": ("request.model",),
    "bias_sets": ("request.logit_bias",),
    "prompt_biases": ("prompt.user", "request.logit_bias"),
    "end_users": ("request.end_user",),
    "user_agents": ("client.user_agent",),
    "client_ips": ("client.ip",),
    "temperatures": ("request.temperature",),
}
"""The fields that each is read from."""

_Item = Literal[
    "prompts",
    "systems",
    "models",
    "bias_sets",
    "prompt_biases",
    "end_users",
    "user_agents",
    "client_ips",
    "temperatures",
]


class DistinctOptions(Options):
    """What must differ, over which window, and which calls."""

    of: _Item
    """What must differ."""
    over: Window
    """The window: 24h, 7d."""
    where: Spec | None = None
    """Only calls that satisfy this condition."""
    per: _Item | None = None
    """For each different one of these, among calls that have one of both."""
    min: int = Field(default=0, ge=0)
    """No verdict below so many different ones."""


class DistinctCount(Detector):
    """Description: how many different ones in a window (exact to 64, then about ±13 %), or per other one.

    Options: `of` (prompts, systems, models, bias_sets, prompt_biases, end_users, user_agents, client_ips,
    temperatures), `over`, `where`, `per` (one of the same: bias maps per prompt are `prompt_biases` per
    `prompts`), `min` (no verdict below so many).
    Example: `distinct: {of: bias_sets, over: 24h}`
    """

    name = "distinct"
    options_type = DistinctOptions

    def __init__(self, options: DistinctOptions, context: Context) -> None:
        self._over, self._min = options.over, options.min
        self._where = context.condition(options.where) if options.where else None
        about = (options.over, _canonical(self._where), context.population)
        named = (options.of,) if options.per is None else (options.of, options.per)
        self.fields = _fields(self._where, *(name for item in named for name in _ITEM_FIELDS[item]))
        self._items = tuple(_ITEMS[item] for item in named)
        # What is counted of the second depends on the first: not every call has one.
        parts = ((options.of,), (options.per, options.of))
        self._keys = tuple(
            fingerprint("distinct", what, *about, *more) for what, *more in parts[: len(named)]
        )
        self.counts_at = frozenset({"settle" if self._where and self._where.late else "enter"})
        self.reads = tuple(Distinct(key, self._over) for key in self._keys)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The estimate so far; this call's own item counts from the next call on."""
        found = [round(reading.values[0]) for reading in readings]
        if found[0] < self._min:
            return None
        return Measure(found[0] if len(found) == 1 else found[0] / max(1, found[1]))

    def enter(self, facts: Facts) -> Sequence[Op]:
        """This call's item, unless a condition needs the answer."""
        return self._note(facts)

    def settle(self, facts: Facts) -> Sequence[Op]:
        """This call's item, when a condition needs the answer."""
        return self._note(facts)

    def _note(self, facts: Facts) -> Sequence[Op]:
        if self._where and not self._where.weigh(facts):
            return ()
        items = [item(facts) for item in self._items]
        if not all(items):
            return ()
        return tuple(Distinct(key, self._over, (item,)) for key, item in zip(self._keys, items, strict=True))

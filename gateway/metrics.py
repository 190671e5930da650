"""What Prometheus may ask: the counts of one process, in a registry of its own.

Belongs here: names, labels and their bounds. Not here: what is counted and when, which the drivers
decide. No label ever holds a key, an address, a user or a model name: those are the client's to choose,
and each new value would be a new time series. What comes from our code and from policies is bounded
too: past `MAX_SERIES` children of one metric, further ones are counted under `other`.

A count costs 0.3 µs with its label child at hand and 1.5 µs without (measured), so children are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from gateway.breaker import OPEN
from gateway.budget import OverBudgetError
from gateway.model import Mode
from gateway.records import Record

OTHER = "other"
"""The label value for whatever is outside the known set."""

MAX_SERIES = 1000
"""Label combinations of one metric; the shipped policies make about 100."""

# The design's 0.5 ms … 100 ms, and two steps below them, where the cost of most calls lies.
_OVERHEAD = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_TTFB = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

_REQUEST = ("route", "upstream", "code_class", "stream")
_EVALUATION = ("policy", "rule", "mode", "outcome")
_SKIPPED = {OPEN: "open", OverBudgetError.__name__: "skipped"}
"""Outcomes of signals that were not read; any other reason is an error's name."""
_CLASSES = {hundred: f"{hundred}xx" for hundred in range(1, 6)}


class _Family:
    """A labelled counter with its children at hand."""

    def __init__(self, registry: CollectorRegistry, name: str, doc: str, *labels: str) -> None:
        self._counter = Counter(f"gateway_{name}", doc, labels, registry=registry)
        self._rest = (OTHER,) * len(labels)
        self._children: dict[tuple[str, ...], Counter] = {}

    def child(self, *values: str) -> Counter:
        """The counter under these label values, or under `other` where there are too many already."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= MAX_SERIES:
                return self._counter.labels(*self._rest)
            child = self._children[values] = self._counter.labels(*values)
        return child


class _Friction:
    """What responses that last longer than a decision have done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        slowed = "Seconds by which answers were slowed down."
        self.paced = Counter("gateway_paced_seconds", slowed, registry=registry)
        doc = "Calls with a pinned prompt, by what became of them."
        self.pinned = _Family(registry, "pinned_answers", doc, "result")
        self.step_ups = _Family(registry, "step_ups", "Notices to the operator's systems.", "result")
        doc = "Principals that people pardoned or raised."
        self.interventions = _Family(registry, "interventions", doc, "action")


class Metrics:
    """All metrics of one process. Every method is cheap and may be called from any thread.

    Verdicts of signals, dozens to a call, are counted by themselves until the registry is asked for.
    """

    _lock = Lock()

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def family(name: str, doc: str, *labels: str) -> _Family:
            return _Family(registry, name, doc, *labels)

        def counter(name: str, doc: str) -> Counter:
            return Counter(f"gateway_{name}", doc, registry=registry)

        def gauge(name: str, doc: str, *labels: str) -> Gauge:
            return Gauge(f"gateway_{name}", doc, labels, registry=registry)

        def histogram(name: str, doc: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"gateway_{name}", doc, registry=registry, buckets=buckets)

        self._requests = family("requests", "Requests served.", *_REQUEST)
        self._evaluations = family("policy_evaluations", "Signals read; a hit gave points.", *_EVALUATION)
        self._actions = family("policy_actions", "Responses, by track.", "action", "mode")
        self._would = family("would_act", "Responses that shadow would have taken.", "action")
        self._exempted = family("exempted_calls", "Calls for which an exemption held.", "exemption")
        self._forgiven = family("exempted_points", "Points that an exemption took off.", "exemption")
        self._unknown = family("unknown_routes", "Requests to unknown paths.", "action")
        self._unscored = family("unscored", "Requests that no policy saw.", "reason")
        self._disconnects = family("client_disconnects", "Clients that left early.", "phase")
        self._upstream_errors = family("upstream_errors", "Failures of the upstream leg.", "kind")
        self._store_errors = counter("store_errors", "State operations that failed.")
        self._engine_errors = counter("engine_errors", "Calls that the engine failed on.")
        self._dropped = counter("records_dropped", "Decision records that were not written.")
        self._inflight = gauge("inflight_requests", "Requests being served.")
        self._policy_info = gauge("policy_bundle_info", "The bundle in use.", "bundle", "gen")
        self._reloads = family("config_reloads", "Readings of the policy directory, by result.", "result")
        self._reload_failures = counter("policy_reload_failures", "Policy directories found broken.")
        stale = "How long the policy directory has differed from the bundle in use."
        self._stale = gauge("policy_config_stale_seconds", stale)
        self._campaigns = gauge("campaigns", "Campaigns whose evidence stands.")
        self._members = gauge("campaign_members", "Principals in these campaigns.")
        self._overhead = histogram("overhead_seconds", "Time spent in the gateway.", _OVERHEAD)
        self._ttfb = histogram("upstream_ttfb_seconds", "From forwarding to the answer's head.", _TTFB)
        self._verdicts: dict[tuple[str, Mode, bool], int] = {}
        self._friction = _Friction(registry)

    def call(self, record: Record) -> None:
        """One call has ended: everything that its record tells."""
        code_class = "none" if record.status is None else _CLASSES.get(record.status // 100, OTHER)
        # A code of ours without an error of the upstream's leg means that nothing was forwarded.
        upstream = "none" if record.refusal is not None and record.error is None else "default"
        stream = "true" if record.stream else "false"
        self._requests.child(record.route or OTHER, upstream, code_class, stream).inc()
        if record.overhead_us is not None:
            self._overhead.observe(record.overhead_us / 1e6)
        if record.unscored is not None:
            self._unscored.child(record.unscored).inc()
            if record.unscored == "engine_error":
                self._engine_errors.inc()
        self._decided(record)

    def _decided(self, record: Record) -> None:
        verdicts = self._verdicts
        with self._lock:
            for signal in record.signals:
                key = (signal.id, signal.mode, signal.points > 0)
                verdicts[key] = verdicts.get(key, 0) + 1
        if len(verdicts) > MAX_SERIES:
            self._hand_over()
        for tally in record.exemptions:
            self._exempted.child(tally.id).inc()
            self._forgiven.child(tally.id).inc(tally.points)
        for skipped, reason in record.skipped.items():
            policy, _, rule = skipped.partition(".")
            self._evaluations.child(policy, rule, OTHER, _SKIPPED.get(reason, "error")).inc()
        for action in record.applied:
            self._actions.child(action, "enforce").inc()
        for action in record.would:
            self._actions.child(action, "shadow").inc()
            self._would.child(action).inc()

    def _hand_over(self) -> None:
        """Add the verdicts to the registry."""
        with self._lock:
            for (name, mode, hit), count in self._verdicts.items():
                policy, _, rule = name.partition(".")
                child = self._evaluations.child(policy, rule, mode.name.lower(), "hit" if hit else "miss")
                child.inc(count)
            self._verdicts.clear()

    def inflight(self, change: int) -> None:
        """A request began (+1) or ended (-1)."""
        self._inflight.inc(change)

    def ttfb(self, seconds: float) -> None:
        """The head of an answer arrived."""
        self._ttfb.observe(seconds)

    def client_disconnect(self, phase: str) -> None:
        """The client left during `request`, `delay`, `headers` or `body`."""
        self._disconnects.child(phase).inc()

    def upstream_error(self, kind: str) -> None:
        """An UpstreamError of this kind."""
        self._upstream_errors.child(kind).inc()

    def unknown_route(self, action: str) -> None:
        """An unknown path was handled by `pass` or `deny`."""
        self._unknown.child(action).inc()

    def store_error(self) -> None:
        """A StoreError."""
        self._store_errors.inc()

    def record_dropped(self, count: int = 1) -> None:
        """Decision records were lost: the queue was full, or the file could not be written."""
        self._dropped.inc(count)

    def policy_info(self, bundle: str, gen: int) -> None:
        """This bundle is in use now, and no other."""
        self._policy_info.clear()
        self._policy_info.labels(bundle, gen).set(1)

    def reload(self, result: str) -> None:
        """The policy directory was read, with this result."""
        self._reloads.child(result).inc()
        if result == "failed":
            self._reload_failures.inc()

    def stale(self, seconds: Callable[[], float]) -> None:
        """What says, at each scrape, how long the policy directory has differed from the bundle in use."""
        self._stale.set_function(seconds)

    def paced(self, seconds: float) -> None:
        """A piece of an answer was held back for so long."""
        self._friction.paced.inc(seconds)

    def pinned(self, result: str) -> None:
        """A call with a pinned prompt: its answer was `given` again, `kept`, or only `passed`."""
        self._friction.pinned.child(result).inc()

    def step_up(self, result: str) -> None:
        """A notice was `sent`, has `failed`, was `dropped`, or could not be signed (`unsigned`)."""
        self._friction.step_ups.child(result).inc()

    def intervention(self, action: str) -> None:
        """Somebody carried out `pardon` or `raise`."""
        self._friction.interventions.child(action).inc()

    def campaigns(self, count: Callable[[], float], members: Callable[[], float]) -> None:
        """What says, at each scrape, how many campaigns there are, and how many principals in them."""
        self._campaigns.set_function(count)
        self._members.set_function(members)

    def exposition(self) -> tuple[bytes, str]:
        """Everything in the text format, and its media type."""
        self._hand_over()
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

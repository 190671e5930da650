"""One HTTP exchange without any I/O: bytes in, bytes and verdicts out.

This is what the drivers share: the ASGI proxy, the mitmproxy addon and the offline replay all hand a
request's bytes to `judge`, the answer's bytes to `feed`, and the end to `finish`, and so they cannot
differ in what they score or record. Waiting, sockets, metrics and files are theirs; the order of the
engine's verbs, the dialect and the transforms are here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway import dialects
from gateway.dialects import body as bodies
from gateway.dialects.base import Dialect, Failure, Object
from gateway.dialects.routes import dialect_for_errors, resolve
from gateway.engine import Transaction, judge
from gateway.errors import CallError, UpstreamError
from gateway.gate import Gate, Headers
from gateway.model import Call, Client, Mode, Outcome, Principal, Refusal, Route
from gateway.observer import Observer
from gateway.records import Record, record_of
from gateway.stream import DocumentRewriter, Rewriter, form_of
from gateway.usage import Meter


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request. `target` is the raw request target; header names are lower case."""

    method: str
    target: bytes
    headers: Headers
    peer_ip: str | None = None

    def get(self, name: bytes) -> str | None:
        """The first value of a header."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of ours: nothing is forwarded."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Forward:
    """Go on after `delay` seconds. `body` None: the client's bytes unchanged, with its headers."""

    headers: Headers
    body: bytes | None = None
    delay: float = 0.0


_EDITED = frozenset(
    b"content-length content-encoding etag content-md5 digest content-digest repr-digest".split()
)
"""Fields that speak of the exact bytes of a body and are wrong once it is edited (RFC 9110, 9530)."""
_REFUSED_KIND = {403: "permission", 429: "rate_limit", 503: "unavailable"}
_CALL_KIND = {413: "too_large", 415: "unsupported", 404: "not_found"}
_UPSTREAM_STATUS = {"timeout": (504, "timeout"), "connect": (502, "upstream")}


@dataclass(slots=True)
class Exchange:
    """One request and its answer. Call `judge`, then `forwarded`, `respond`, `feed`…, `end`, `finish`.

    Where nothing is enforced, `judge` and `forwarded` may come as late as right before `finish`.
    """

    gate: Gate
    head: Head
    id: str
    began: float
    as_principal: tuple[Principal, Client] | None = None
    """Set by drivers that already know who it was (replay)."""
    as_call: Call | None = None
    """Set by drivers that know what was asked without its body (replay of decision records)."""
    route: Route | None = None
    call: Call | None = None
    principal: Principal | None = None
    client: Client = field(default_factory=Client)
    unscored: str | None = None
    """Why no policy saw it: `disabled`, `unknown_route`, `no_policies`, `engine_error`, a CallError code."""
    status: int | None = None
    refused: str | None = None
    """Code of the answer that we gave in the model's place."""
    document: bool = False
    """The answer is edited as a whole: the driver must not start it before `end`."""
    _dialect: Dialect = field(init=False)
    _transaction: Transaction | None = None
    _meter: Meter | None = None
    _observer: Observer | None = None
    _rewriter: Rewriter | DocumentRewriter | None = None
    _inflater: bodies.Inflater | None = None
    _streaming: bool = False
    _encoded: bool = False

    def __post_init__(self) -> None:
        known = self.as_call
        self.route = resolve(self.head.method, self.head.target) if known is None else known.route
        if self.route is None:
            self.unscored = "unknown_route"
            self._dialect = dialect_for_errors(self.head.target, self.head.headers)
        else:
            self._dialect = dialects.get(self.route.dialect)

    # --- the request ------------------------------------------------------------------------------

    def judge(self, body: bytes, now: float) -> Answer | Forward:
        """Score the request. In shadow the answer is always an unchanged `Forward` without delay."""
        if self.gate.ceiling is Mode.DISABLED:
            self.unscored = "disabled"
            self.identify()
            return Forward(self.head.headers)
        try:
            parsed = self._parse(body)
        except CallError as error:
            self.unscored = error.code
            self.identify()
            enforcing = self.gate.ceiling is Mode.ENFORCE
            return self._call_error(error) if enforcing else Forward(self.head.headers)
        self.identify(self.call.end_user if self.call else None)
        if self.gate.bundle is None:
            self.unscored = "no_policies"
            return self._engine_failed()
        return self._decide(parsed, now)

    def _parse(self, body: bytes) -> Object:
        assert self.route is not None
        if self.head.method != "POST" or self.as_call is not None:
            self.call = self.as_call or Call(self.route)
            return {}
        raw = bodies.inflate(body, self.head.get(b"content-encoding"), self.gate.max_body)
        parsed = bodies.decode(raw)
        self.call = self._dialect.read(parsed, self.route, len(raw))
        return parsed

    def identify(self, end_user: str | None = None) -> None:
        """Find out who sent the request."""
        if self.as_principal is not None:
            self.principal, self.client = self.as_principal
        else:
            found = self.gate.identify.principal(self.head.headers, self.head.peer_ip, end_user)
            self.principal, self.client = found

    def _decide(self, parsed: Object, now: float) -> Answer | Forward:
        assert self.gate.plan is not None
        assert self.call is not None
        assert self.principal is not None
        gate, who = self.gate, self.principal
        active, trial = self.gate.plan.breaker.working(now), gate.trial and gate.trial.breaker.working(now)
        transaction = Transaction(
            active,
            gate.ceiling,
            self.call,
            self._dialect,
            parsed,
            who,
            self.client,
            self.id,
            trial,
            gate.ring,
        )
        try:
            decision = judge(transaction, self.gate.store, now)
        except Exception:  # noqa: BLE001  on_error decides; `unscored` makes it visible
            self.unscored = "engine_error"
            return self._engine_failed()
        self._transaction = transaction
        if decision.refusal is not None:
            return self._refuse(decision.refusal)
        edited = None if transaction.edited is None else bodies.encode(transaction.edited)
        headers = self.head.headers
        if edited is not None:
            headers = [(name, value) for name, value in headers if name not in _EDITED]
        if transaction.editors or transaction.tasks:
            # Ask for plain bytes: what we must read, the model server need not compress.
            headers = [(name, value) for name, value in headers if name != b"accept-encoding"]
            headers.append((b"accept-encoding", b"identity"))
        return Forward(headers, edited, decision.delay)

    def forwarded(self, now: float) -> None:
        """The request is on its way: compute what was too costly to wait for."""
        self._guard(lambda t: self.gate.store.apply(t.study(), now))

    # --- the answer -------------------------------------------------------------------------------

    def respond(self, status: int, headers: Headers) -> Headers:
        """The head of the model's answer; returns the headers for the client.

        Raises UpstreamError when an enforced edit of this answer is impossible (unknown coding).
        """
        self.status = status
        if self.route is None or self.gate.ceiling is Mode.DISABLED:
            return headers
        framing, coding = form_of(headers)
        self._streaming = framing == self._dialect.framing
        self._encoded = coding not in ("", "identity")
        self._meter = Meter(self._dialect, keep=self.gate.keeps_text)
        self._observer = Observer(framing, self._meter.see, coding=coding)
        if self._transaction is None or not self._transaction.editors or not 200 <= status < 300:
            return headers
        if not bodies.Inflater.knows(coding) or (framing and not self._streaming):
            raise UpstreamError("protocol", "the answer is in a form that cannot be edited", sent=True)
        self._inflater = bodies.Inflater(coding) if self._encoded else None
        self._encoded = False
        if self._streaming:
            self._rewriter = Rewriter(self._dialect, self._transaction.editors)
        else:
            self._rewriter = DocumentRewriter(self._transaction.editors)
            self.document = True
        return [(name, value) for name, value in headers if name.lower() not in _EDITED]

    def feed(self, chunk: bytes) -> bytes:
        """A piece of the answer's body; returns what the client may have of it now.

        Raises ValueError when an enforced edit cannot be carried out: the driver fails closed.
        """
        if self._rewriter is None:
            return chunk
        return self._rewriter.feed(self._inflater.feed(chunk) if self._inflater else chunk)

    def observe(self, chunk: bytes) -> None:
        """The same piece, after it was sent on: count tokens in it."""
        if self._observer is not None:
            self._observer.feed(chunk)

    def end(self) -> bytes:
        """The answer is complete; returns what was held back. Raises ValueError as `feed` does."""
        if self._rewriter is None:
            return b""
        rest = self._inflater.close() if self._inflater else b""
        return self._rewriter.feed(rest) + self._rewriter.close()

    def finish(self, outcome: Outcome, now: float) -> Record:
        """The exchange is over, however it ended; returns its record."""
        if self._observer is not None:
            self._observer.close()
        usage = outcome.usage
        if usage is None and self._meter is not None and self.call is not None:
            # Read to its end or not at all: figures from the part that was read are a mere beginning.
            whole = self._observer is not None and self._observer.blind is None
            usage = self._meter.usage(self.call, outcome.finished and whole)
        text = "" if self._meter is None else self._meter.text
        outcome = Outcome(outcome.status or self.status, usage, outcome.finished, outcome.error, text)
        self._guard(lambda t: self.gate.store.apply(t.settle(outcome), now))
        user = self.call.end_user if self.call else None
        return record_of(self, outcome, end_user=user and self.gate.identify.end_user(user))

    @property
    def gen(self) -> int:
        """`Gate.gen` of the gate that this call began with, and keeps."""
        return self.gate.gen

    @property
    def transaction(self) -> Transaction | None:
        """The scored transaction, for records and metrics; None where nothing was scored."""
        return self._transaction

    def _guard(self, step: Callable[[Transaction], object]) -> None:
        if self._transaction is None:
            return
        try:
            step(self._transaction)
        except Exception:  # noqa: BLE001  the answer is on its way; counting less is all that is left
            self.unscored = "engine_error"

    # --- answers of ours --------------------------------------------------------------------------

    def call_error(self, error: CallError) -> Answer:
        """A request that the driver itself could not accept (too large, unknown route)."""
        self.unscored = error.code
        if self.principal is None:
            self.identify()
        return self._call_error(error)

    def upstream_error(self, error: UpstreamError) -> Answer:
        """The model server gave no answer."""
        status, kind = _UPSTREAM_STATUS.get(error.kind, (502, "upstream"))
        failure = Failure(status, kind, f"upstream_{error.kind}", str(error), self.id)
        # SDKs try again after a 5xx; a request that may have run must not run twice.
        return self._answer(failure, [(b"x-should-retry", b"false")] if error.sent else [])

    def broken(self, error: UpstreamError) -> bytes | None:
        """How a stream that has begun tells the client that it broke off; None: cut the connection."""
        if not self._streaming or self._encoded:
            return None
        code = f"upstream_{error.kind}"
        # A blank line first: the break may have come in the middle of an event.
        gap = b"\n\n" if self._dialect.framing == "sse" else b"\n"
        return gap + self._dialect.error_event(Failure(502, "upstream", code, str(error), self.id))

    def _call_error(self, error: CallError) -> Answer:
        kind = _CALL_KIND.get(error.status, "invalid_request")
        return self._answer(Failure(error.status, kind, error.code, error.message, self.id))

    def _engine_failed(self) -> Answer | Forward:
        if not self.gate.fail_closed or self.gate.ceiling is not Mode.ENFORCE:
            return Forward(self.head.headers)
        return self._refuse(Refusal(503, "policy_unavailable", "The request could not be checked.", 5.0))

    def _refuse(self, refusal: Refusal) -> Answer:
        kind = _REFUSED_KIND.get(refusal.status, "permission")
        headers: Headers = [(b"x-should-retry", b"true" if refusal.retry_after else b"false")]
        if refusal.retry_after is not None:
            milliseconds = max(1, round(refusal.retry_after * 1000))
            headers.append((b"retry-after", str(-(-milliseconds // 1000)).encode()))
            headers.append((b"retry-after-ms", str(milliseconds).encode()))
        failure = Failure(refusal.status, kind, refusal.code, refusal.message, self.id)
        return self._answer(failure, headers)

    def _answer(self, failure: Failure, extra: Headers | None = None) -> Answer:
        body = self._dialect.error(failure)
        self.status, self.refused = failure.status, failure.code
        headers: Headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-gateway-request-id", self.id.encode()),
            (b"x-request-id", self.id.encode()),
            (b"request-id", self.id.encode()),
            *(extra or []),
        ]
        return Answer(failure.status, headers, body)

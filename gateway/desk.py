"""Where people's orders about a principal are carried out: checked, written down, then applied.

What an order does is said in `gateway.intervention`; who may give one, by the admin listener. An order that
cannot be written down is not carried out.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from gateway.gate import Gate
from gateway.intervention import Intervention
from gateway.metrics import Metrics
from gateway.model import JSON, Batch, Mode, Reading

_log = logging.getLogger("gateway.desk")

ORG = "org:"
"""How the scope of an organisation begins."""


class RefusedError(Exception):
    """An order that is not carried out; `status` is the HTTP status that says why."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants what, and why. `rung` None is a pardon; `seconds` how long it lasts (None: only now)."""

    principal: str
    by: str
    why: str
    rung: str | None = None
    seconds: float | None = None

    @property
    def action(self) -> str:
        """`pardon` or `raise`."""
        return "pardon" if self.rung is None else "raise"


@dataclass(frozen=True, slots=True)
class _Line:
    """What is written down."""

    ts: float
    action: str
    principal: str
    rung: str | None
    until: float | None
    by: str
    why: str
    bundle: str
    acts: bool
    """Whether the ceiling lets it show: in shadow a raised rung is only recorded."""


class Desk:
    """Carries out orders on the gate in use. Use from the loop that serves calls."""

    def __init__(
        self, gate: Callable[[], Gate], clock: Callable[[], float], path: Path | None, metrics: Metrics
    ) -> None:
        """`path`: where orders are written down; None: only in the log."""
        self._gate = gate
        self._clock = clock
        self._path = path
        self._metrics = metrics

    async def carry_out(self, order: Order) -> dict[str, JSON]:
        """What was done. Raises RefusedError (404 unknown principal, 422 unknown rung, 503 not now)."""
        now = self._clock()
        _, line = self._planned(order, now)
        try:
            await asyncio.to_thread(self._write, line)
        except OSError as error:
            message = f"this could not be written down ({error.strerror}), and so was not done"
            raise RefusedError(503, message) from None
        # Anew, as calls went on meanwhile.
        batches, _ = self._planned(order, now)
        self._gate().store.apply(batches, now)
        self._metrics.intervention(order.action)
        _log.warning("%s of %s by %r: %r", line.action, line.principal, line.by, line.why)
        return asdict(line)

    def _planned(self, order: Order, now: float) -> tuple[list[Batch], _Line]:
        gate = self._gate()
        if gate.plan is None or gate.bundle is None:
            raise RefusedError(503, "no policies are loaded")
        lasting = order.rung is not None or order.seconds is not None
        if lasting and order.principal.startswith(ORG):
            raise RefusedError(422, "of an organisation only the past can be forgiven: name a principal")
        until = None if order.seconds is None else now + order.seconds
        intervention = Intervention(gate.plan, order.principal)
        readings = gate.store.apply(intervention.look(), now)
        if not readings[0][0].values:
            raise RefusedError(404, "no such principal is known; it may have been forgotten since")
        if order.rung is None:
            batches = intervention.pardon(until)
        else:
            batches = self._lifted(intervention, readings, order.rung, until)
        acts = gate.ceiling is Mode.ENFORCE
        ends = None if until is None else round(until, 3)
        said = (order.action, order.principal, order.rung, ends, order.by, order.why)
        return batches, _Line(round(now, 3), *said, gate.bundle.hash, acts)

    @staticmethod
    def _lifted(
        intervention: Intervention, readings: list[list[Reading]], rung: str, until: float | None
    ) -> list[Batch]:
        if until is None:
            raise RefusedError(422, "say for how long: for: 24h")
        try:
            return intervention.lift(readings, rung, until)
        except ValueError as error:
            raise RefusedError(422, str(error)) from None

    def _write(self, line: _Line) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Opened anew each time: orders are rare, and the file may have been rotated away.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

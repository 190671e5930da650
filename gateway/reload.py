"""From a policy directory to the bundle in use: the one way in which policies change while calls are served.

    read all files → parse → validate → compile → patterns' examples → smoke tests → ask the guard → swap

Whatever fails before the swap changes nothing. The swap is one assignment: a call takes the gate once, when
it begins, and keeps it to the end of its stream. Counters stay where they are, under their fingerprints, and
so do peaks, under their policies' ids. When to reload is decided elsewhere: by `gateway.watch` and the admin
listener.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gateway.errors import ConfigError, Place
from gateway.gate import Gate
from gateway.guard import Verdict
from gateway.keeper import Keeper
from gateway.metrics import Metrics
from gateway.model import JSON
from gateway.policies.bundle import Bundle
from gateway.policies.changes import enforced, next_epochs, with_epochs
from gateway.policies.load import load_bundle
from gateway.retired import Retired, windows
from gateway.source import Found, Signature, Source

_log = logging.getLogger("gateway.reload")

_LEVELS = {
    "published": logging.INFO,
    "unchanged": logging.INFO,
    "held": logging.WARNING,
    "failed": logging.ERROR,
}
Result = Literal["published", "unchanged", "held", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reload ended: `published`, `unchanged` (same content), `held` (by the guard) or `failed`."""

    result: Result
    bundle: str
    """In use from now on, or still."""
    gen: int
    problems: tuple[tuple[Place, str], ...] = ()
    warnings: tuple[str, ...] = ()
    verdict: Verdict | None = None
    held: str | None = None
    """The bundle that was held back."""

    def sentence(self) -> str:
        """For the log."""
        use = f"policies {self.bundle} (generation {self.gen})"
        if self.result == "failed":
            return f"the policy directory cannot be used; {use} stay in use"
        if self.verdict is not None and self.held is not None:
            told = ", ".join(f"{m.principal} {m.before} -> {m.after}" for m in self.verdict.examples)
            return (
                f"{self.held} is held back, as it would move {self.verdict.moved} of {self.verdict.active} "
                f"active principals to a higher rung ({told}); {use} stay in use; "
                "POST /-/reload?force=1 publishes it all the same"
            )
        return f"{use} are in use" if self.result == "published" else f"{use} are unchanged"

    def document(self) -> dict[str, JSON]:
        """For the admin listener."""
        problems: list[JSON] = [
            {"file": place.file, "line": place.line, "column": place.column, "message": message}
            for place, message in self.problems
        ]
        return {
            "result": self.result,
            "bundle": self.bundle,
            "gen": self.gen,
            "problems": problems,
            "warnings": [*self.warnings],
            "held": self.held,
            "guard": None if self.verdict is None else self.verdict.document(),
        }


def begin(source: Source, keeper: Keeper, *, last_known_good: bool = False) -> Found:
    """The first reading. With `last_known_good` a broken directory gives the bundle published last, beside
    its problems. Raises ConfigError where there is nothing to begin with."""
    found = source.read()
    if found.bundle is not None:
        return found
    problems = list(found.problems)
    if not last_known_good:
        raise ConfigError(problems)
    try:
        return replace(found, bundle=load_bundle(keeper.latest()))
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None


def _keep(keeper: Keeper, found: Found) -> None:
    assert found.bundle is not None
    try:
        keeper.keep(found.bundle.hash, found.files)
    except OSError as error:
        # Worth a word and no more: what is in use is in use.
        _log.warning("the bundle cannot be kept for a later start: %s", error.strerror)


class Reloader:
    """Holds the gate in use, and swaps it. Use from one event loop.

    `gate` was made of `found`; `clock` is the one of the calls (seconds). Without a `guard` nothing is held.
    """

    def __init__(
        self,
        gate: Gate,
        found: Found,
        source: Source,
        keeper: Keeper,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        guard: Callable[[Gate, Gate], Awaitable[Verdict]] | None = None,
    ) -> None:
        assert gate.bundle is not None
        self.gate = gate
        """What new calls begin with."""
        self.seen = found.signature
        """What the directory looked like when it was read last."""
        self._source = source
        self._keeper = keeper
        self._metrics = metrics
        self._clock = clock
        self._guard = guard
        self._lock = asyncio.Lock()
        self._differs_since: float | None = None
        self._ever = enforced(gate.bundle)
        self._epochs: dict[str, str] = {}
        self._retired = Retired()
        self.last = self._failed(found.problems) if found.problems else self._published(None)
        """How the last reading ended; the first one counts."""
        self._note()
        if found.problems:
            _log.error("%s", self.last.sentence())
        else:
            _keep(keeper, found)
        metrics.stale(self.stale)

    @property
    def bundle(self) -> Bundle:
        """The bundle that new calls begin with."""
        assert self.gate.bundle is not None
        return self.gate.bundle

    def stale(self) -> float:
        """Seconds for which the directory is known to differ from what is in use."""
        return 0.0 if self._differs_since is None else max(0.0, self._clock() - self._differs_since)

    def signature(self) -> Signature:
        """What the directory looks like now. Blocks on the disk."""
        return self._source.signature()

    async def reload(self, *, force: bool = False) -> Outcome:
        """Read everything and put it to use, or leave everything as it is. Never raises.

        `force` passes over the guard. Reloads that are asked for at once run one after the other.
        """
        async with self._lock:
            try:
                self.last = await self._reload(force=force)
            except Exception as error:  # noqa: BLE001  whatever it is, the policies in use stay in use
                _log.exception("reload failed")
                self.last = self._failed(
                    [(Place(str(self._source.path)), f"{type(error).__name__}, see log")]
                )
            self._note()
            self._metrics.reload(self.last.result)
            _log.log(_LEVELS[self.last.result], "%s", self.last.sentence())
            return self.last

    async def refresh(self) -> Outcome:
        """Reload, unless the files stand as they stood when they were put to use."""
        fine = self.last.result in ("published", "unchanged")
        if fine and await asyncio.to_thread(self.signature) == self.seen:
            return self.last
        return await self.reload()

    async def _reload(self, *, force: bool) -> Outcome:
        found = await asyncio.to_thread(self._source.read)
        self.seen = found.signature
        if found.bundle is None:
            return self._failed(found.problems)
        if _hashes(found.bundle, found.candidate) == _hashes(self.bundle, self.gate.candidate):
            return self._outcome("unchanged", warnings=_said(found.bundle))
        epochs = next_epochs(self._epochs, self._ever, self.bundle, found.bundle)
        bundle = with_epochs(found.bundle, epochs)
        after = replace(self.gate, bundle=bundle, candidate=found.candidate, gen=self.gate.gen + 1)
        gate = after.following(self.gate, self._clock())
        verdict = None if force or self._guard is None else await self._guard(self.gate, gate)
        if verdict is not None and verdict.holds:
            return self._outcome("held", verdict=verdict, held=bundle.hash)
        await asyncio.to_thread(_keep, self._keeper, found)
        await self._forget(gate)
        self.gate = gate
        self._ever |= enforced(bundle)
        self._epochs = epochs
        return self._published(verdict)

    async def _forget(self, after: Gate) -> None:
        """Drop the counters that neither gate uses, and none has for a whole window."""
        old, new = (windows(gate.bundle, gate.candidate) for gate in (self.gate, after))
        due = self._retired.follow(old, new, self._clock())
        for _ in self.gate.store.forget(due) if due else ():
            await asyncio.sleep(0)

    def _published(self, verdict: Verdict | None) -> Outcome:
        return self._outcome("published", verdict=verdict, warnings=_said(self.bundle))

    def _failed(self, problems: Sequence[tuple[Place, str]]) -> Outcome:
        return self._outcome("failed", problems=tuple(problems))

    def _outcome(self, result: Result, **more: Any) -> Outcome:
        return Outcome(result, self.bundle.hash, self.gate.gen, **more)

    def _note(self) -> None:
        """Tell the log, and how long the directory has differed."""
        last = self.last
        if last.result in ("published", "unchanged"):
            self._differs_since = None
        elif self._differs_since is None:
            self._differs_since = self._clock()
        self._metrics.policy_info(last.bundle, last.gen)
        for text in last.warnings:
            _log.warning("%s", text)
        for place, message in last.problems:
            _log.error("%s: error: %s", place, message)


def _hashes(*bundles: Bundle | None) -> tuple[str | None, ...]:
    return tuple(None if bundle is None else bundle.hash for bundle in bundles)


def _said(bundle: Bundle) -> tuple[str, ...]:
    return tuple(str(advice) for advice in bundle.warnings)

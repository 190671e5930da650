"""Policies proved by their own tests before they serve: the offline driver over a store of its own.

Belongs here: what `gateway test`, `check` and every reload have in common, which is how a gateway is started
for a test, and how long smoke tests may take. Not here: what they promise (`gateway.policytests`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

from gateway.adapters import replay
from gateway.errors import ConfigError
from gateway.gate import Gate
from gateway.model import Mode
from gateway.policies.bundle import Advice, Bundle
from gateway.policies.load import bundle_files, load_bundle
from gateway.policytests.load import load_suites, yaml_files
from gateway.policytests.references import check_references
from gateway.policytests.smoke import SMOKE, prove
from gateway.policytests.suites import Case, Drive, Suite
from gateway.stores.memory import MemoryStore

BUDGET = 2.0
"""Seconds of processor time for the smoke tests of one bundle."""

MAX_PRINCIPALS = 1_000_000


def started(bundle: Bundle, ceiling: Mode) -> Drive:
    """A gateway that has seen nothing yet."""
    gate = Gate(bundle, ceiling, MemoryStore(MAX_PRINCIPALS), replay.Nobody())
    return replay.Player(gate).play


def load_proven(
    path: Path, *, budget: float = BUDGET, spent: Callable[[], float] = time.thread_time
) -> Bundle:
    """The bundle at `path`, its smoke tests passed. Raises ConfigError with all problems.

    Exemptions that end soon are warned of, and so are smoke tests for which the `budget` (seconds, as
    `spent` counts them) did not suffice. Processor time, because a busy machine says nothing about policies.
    """
    bundle = load_bundle(path, today=time.time())
    advice = smoke_test(path, bundle, budget=budget, spent=spent)
    return replace(bundle, warnings=(*bundle.warnings, *advice))


def smoke_test(
    path: Path, bundle: Bundle, *, budget: float = inf, spent: Callable[[], float] = time.thread_time
) -> tuple[Advice, ...]:
    """Which smoke tests below `path` were not run for want of time. Raises ConfigError if one fails."""
    suites = [suite for suite in load_suites([path], containing=SMOKE.encode()) if any(_smoke(suite))]
    check_references(suites, bundle)
    ends = spent() + budget

    def left() -> bool:
        # A reload runs beside the loop that serves: each request is a chance for it to go on.
        time.sleep(0)
        return spent() < ends

    proof = prove((case for suite in suites for case in _smoke(suite)), bundle, started, left)
    if proof.failures:
        raise ConfigError([(one.place, one.message) for one in proof.failures])
    message = f"the smoke tests have used their {budget:g} s, and this one was not run"
    return tuple(Advice(case.place("name"), message) for case in proof.not_run)


def _smoke(suite: Suite) -> Iterator[Case]:
    return (case for case in suite.cases() if SMOKE in case.tags)


def proven_files(path: Path) -> Iterator[Path]:
    """All files on which it depends whether `load_proven` gives a bundle, and which. Raises ConfigError."""
    # The loader follows links to directories, which a search for tests does not.
    return iter(dict.fromkeys((*bundle_files(path), *yaml_files(path))))

"""`python -m benchmarks.detection.strange DATA`: the detector `drift` and a reference of half a week.

The honest traffic of the first half makes the reference; the honest traffic of the second half, and all
attacks, are replayed against it. With `--other DIR` another deployment is judged by the same reference, where
everybody is new.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.detection.corpus import locate
from gateway.adapters.replay import Nobody, Player
from gateway.corpora import Origin
from gateway.evaluation.honest import Made, make
from gateway.gate import Gate
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policies.compile import compile_bundle
from gateway.signals.drift import Drift
from gateway.stores.memory import MemoryStore
from gateway.strict_yaml import parse
from gateway.traffic import Line, Survey, discover, merged, survey

SHARES = (0.01, 0.03, 0.05, 0.1)
_POLICIES = """
kind: policy
id: strange
version: 1
title: Strange
match: {request.endpoint: [chat, completions, messages, responses]}
signals:
  customers: {drift: {reference: own, against: customers}, ramp: [1, 0], points: 1}
  strangers: {drift: {reference: own, against: strangers}, ramp: [1, 0], points: 1}
---
kind: ladder
id: none
version: 1
title: None
rungs: {watch: {at: 100, do: [{log: true}]}}
"""
Least = Mapping[str, Mapping[str, float]]
"""By truth and principal: the least p-value that it ever had."""


def judged(bundle: Bundle, lines: Iterable[Line]) -> dict[str, dict[str, dict[str, float]]]:
    """By signal, truth and principal; who sent too little has none and counts as 1."""
    player = Player(Gate(bundle, Mode.SHADOW, MemoryStore(100_000), Nobody()))
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for number, line in enumerate(lines):
        record = player.play(line, number)
        truth = str(line.truth).removesuffix("-filler")
        measured = {score.id.partition(".")[2]: score.value for score in record.signals}
        for signal in ("customers", "strangers"):
            own = found[signal][truth]
            own[line.principal] = min(own.get(line.principal, 1.0), measured.get(signal, 1.0))
    return found


def bundle_of(made: Made) -> Bundle:
    """Both ways to ask the reference."""
    documents = parse(_POLICIES.encode(), "strange.yaml")
    return compile_bundle(
        documents, detectors={"drift": Drift}, actions=_actions(), corpora={"own": made.reference}
    )


def _actions() -> Mapping[str, type]:
    from gateway.policies.plugins import installed

    return installed().actions


def _halves(plan: Survey) -> float:
    times = [line.ts for line in merged(plan)]
    return (times[0] + times[-1]) / 2


def _first(plan: Survey, middle: float) -> Iterator[Line]:
    return (line for line in merged(plan) if line.ts < middle)


def _rest(plan: Survey, middle: float) -> Iterator[Line]:
    """Attacks from their beginning, honest traffic from the middle on."""
    return (line for line in merged(plan) if line.ts >= middle or str(line.truth).startswith("attack"))


def told(found: Mapping[str, Least]) -> Iterator[str]:
    """Rows of how many went below each share: honest principals, and attacks by scenario."""
    for signal, truths in found.items():
        for share in SHARES:
            hit = {truth: [p <= share for p in own.values()] for truth, own in truths.items()}
            honest = [one for truth, own in hit.items() if truth.startswith("benign") for one in own]
            attacks = {truth[7:]: own for truth, own in hit.items() if truth.startswith("attack")}
            mean = sum(sum(own) / len(own) for own in attacks.values()) / max(1, len(attacks))
            rows = ", ".join(f"{name} {sum(own)}/{len(own)}" for name, own in sorted(attacks.items()))
            yield f"{signal} p <= {share:.0%}: honest {sum(honest)}/{len(honest)}; {mean:.0%} ({rows})"
        classes = {
            truth[7:]: f"{sum(p <= 0.03 for p in own.values())}/{len(own)}"
            for truth, own in truths.items()
            if truth.startswith("benign")
        }
        yield f"{signal}, honest classes at 3%: {classes}"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.detection.strange", description=__doc__)
    parser.add_argument("data", type=Path, help="a directory of traffic, or one with `traffic` below it")
    parser.add_argument("--other", type=Path, action="append", default=[], help="another deployment")
    given = parser.parse_args(arguments)
    plan = survey(discover([locate(given.data, None)]))
    middle = _halves(plan)
    made = make(Origin("own", "own", "own", "own", 0, "windows"), lambda: _first(plan, middle))
    bundle = bundle_of(made)
    sys.stdout.write(f"reference of {made.customers} customers, {made.requests:,} requests\n")
    sys.stdout.writelines(f"{row}\n" for row in told(judged(bundle, _rest(plan, middle))))
    for other in given.other:
        sys.stdout.write(f"{other}\n")
        sys.stdout.writelines(f"{row}\n" for row in told(judged(bundle, merged(survey(discover([other]))))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

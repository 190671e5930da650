"""The part of the run that needs numpy: every baseline over the calls that the gateway has just judged.

Sentence embeddings cost so much that those baselines see a sample; the gateway stands beside them on the
same sample, at the same benign cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.accounts import Accounts, Steps
from benchmarks.detection.baselines import Baseline, mmd, rate, similarity
from benchmarks.detection.baselines.embedding import embedded
from benchmarks.detection.baselines.unmimic import LOOKED_AT, baseline
from benchmarks.detection.calibrate import BOUND, cross_fitted, cut, honest
from benchmarks.detection.compare import Compared, at_same_cost, calibrated, compared, sampled
from benchmarks.detection.features import Studied
from benchmarks.detection.gateway_results import ARMED, armed_scores
from benchmarks.detection.mixed import Mixed, mixed
from benchmarks.detection.outcome import Alarms, rung_alarms
from gateway.progress import progress

WINDOWS = (200, 1500)
EMBEDDED, EMBEDDED_EACH = 200, 4
"""Requests of a principal that are embedded, and principals of each scenario and class."""
GUARDED_EACH = 24
STEP = "narrow"
"""Where the gateway's benign cost is taken: the first response that a client could notice."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One comparison: whose traffic, and every detector at one benign cost."""

    title: str
    rows: list[Compared]


def contests(accounts: Accounts, studied: Studied, marks: Steps) -> list[Contest]:
    """On all traffic with the cheap baselines: as the ladder stands, and at a calibrated threshold."""
    vectors = studied.vectors(accounts)
    rivals = [
        *rate.baselines(accounts),
        *similarity.baselines(vectors),
        *mmd.baselines(accounts, vectors, WINDOWS, "hashed words"),
    ]
    score = Baseline("gateway", "the armed score", armed_scores(accounts))
    same = _contest("at the gateway's benign cost", accounts, rivals, marks)
    fitted = calibrated(accounts, [score, *rivals], BOUND)
    return [same, Contest(f"calibrated for {BOUND:.0%}", fitted)]


def _contest(title: str, accounts: Accounts, rivals: Sequence[Baseline], marks: Steps) -> Contest:
    rungs = dict(marks)
    alarms = rung_alarms(accounts, ARMED, rungs[STEP])
    cost = _cost(accounts, alarms)
    own = compared("gateway", f"armed, at {STEP}", f"at {STEP}", accounts, alarms)
    score = Baseline("gateway, score cut", "the armed score, cut at that cost", armed_scores(accounts))
    return Contest(title, [own, *at_same_cost(accounts, [score, *rivals], cost)])


def _cost(accounts: Accounts, alarms: Alarms) -> int:
    return sum(alarms.get(name) is not None for name in honest(accounts))


def embedded_contest(accounts: Accounts, studied: Studied, marks: Steps, cache: Path) -> Contest:
    """The two-sample test on sentence embeddings, on a sample of principals with a full window."""
    some = sampled(accounts, EMBEDDED, EMBEDDED_EACH)
    with progress("embedding", EMBEDDED * len(some)) as tick:
        vectors = embedded(studied.texts, some, EMBEDDED, cache, tick)
    rivals = mmd.baselines(some, vectors, [EMBEDDED], "MiniLM")
    words = {name: rows[:EMBEDDED] for name, rows in studied.vectors(some).items()}
    rivals += mmd.baselines(some, words, [EMBEDDED], "hashed words")
    return _contest(f"sample, first {EMBEDDED} requests embedded", some, rivals, marks)


def guarded_contest(accounts: Accounts, studied: Studied, marks: Steps) -> Contest:
    """Unmimic's input guard on the first requests of a sample."""
    some = sampled(accounts, 1, GUARDED_EACH)
    with progress("guarding", len(some)) as tick:
        rival = baseline(accounts, studied.texts, some, tick)
    return _contest(f"sample, first {LOOKED_AT} requests guarded", some, [rival], marks)


def rival_rows(
    part: float, mixtures: Accounts, seen: Studied, accounts: Accounts, studied: Studied
) -> list[Mixed]:
    """The two-sample test on mixed keys, with the reference and the threshold of the deployment itself."""
    names = honest(accounts)
    everybody = {**{name: accounts[name] for name in names}, **mixtures}
    vectors = studied.vectors(names) | seen.vectors(seen.texts)
    rows = []
    for rival in mmd.baselines(everybody, vectors, WINDOWS[:1], "hashed words"):
        bars = cross_fitted(accounts, rival.scores)
        own = {name: rival.scores[name] for name in mixtures}
        rows.append(mixed(part, f"{rival.name}, calibrated", mixtures, cut(mixtures, own, bars)))
    return rows

"""Calibration on honest traffic of the same deployment, never on what is reported.

Two ways to it. `cross_fitted` moves one threshold of any detector's score: each half of the deployment is
judged by the threshold that the honest principals of the other half allow; a week of its own does better
where there is one. `tuned` asks `gateway tune` to write policies from honest traffic, and the benchmark then
replays those. What a threshold catches is worked out in `benchmarks.detection.outcome`.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.detection.accounts import Accounts
from benchmarks.detection.corpus import FOLDS, Corpus
from benchmarks.detection.outcome import score_alarms, threshold
from gateway.readers.base import Line

BOUND = 0.01
"""The part of honest principals that a calibrated threshold may hit."""
TUNE = (
    "tune {traffic} --policies {policies} --learn --assume-benign --fit 0h..84h --check 84h..168h"
    " --max-benign 1% --write --quiet"
)
"""How `gateway tune` is asked; once per rung where the rung is named."""


def honest(accounts: Accounts) -> list[str]:
    """The names of the honest principals."""
    return [name for name, account in accounts.items() if account.role.benign]


def cross_fitted(
    accounts: Accounts,
    scores: Mapping[str, Sequence[float]],
    week: Mapping[str, Sequence[float]] | None = None,
    bound: float = BOUND,
) -> tuple[float, ...]:
    """A threshold for each half, at which at most `bound` of the honest principals of the other are hit.

    `week` are the scores of an honest week, which then alone decides.
    """
    if week is not None:
        return (threshold(week, week, int(bound * len(week))),) * FOLDS
    bars = []
    for fold in range(FOLDS):
        others = [name for name in honest(accounts) if accounts[name].role.fold != fold]
        bars.append(threshold(scores, others, int(bound * len(others))))
    return tuple(bars)


def cut(
    accounts: Accounts, scores: Mapping[str, Sequence[float]], bars: Sequence[float]
) -> dict[str, int | None]:
    """Every principal's first request at or above the threshold of its half."""
    return score_alarms(scores, lambda name: bars[accounts[name].role.fold])


@dataclass(frozen=True, slots=True)
class Tuned:
    """Policies that `gateway tune` wrote, and what it said."""

    policies: Path
    changed: bool
    said: tuple[str, ...]


def tuned(
    corpus: Corpus, fold: int, policies: Path, work: Path, rungs: Iterable[str], asked: str = TUNE
) -> Tuned:
    """Tune a copy of the policies on the honest principals outside `fold`, in the folder `work`."""
    copy = work / f"policies-{fold}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(policies, copy)
    traffic = work / f"honest-{fold}.jsonl"
    write_lines(traffic, (line for line in corpus.lines() if _outside(corpus, line, fold)))
    before = _content(copy)
    said = []
    for rung in rungs if "{rung}" in asked else [""]:
        words = [word.format(traffic=traffic, policies=copy, rung=rung) for word in shlex.split(asked)]
        # S603: the words are the benchmark's own or its caller's.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "gateway", *words], capture_output=True, text=True, check=False
        )
        said.append((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    traffic.unlink()
    return Tuned(copy, _content(copy) != before, tuple(dict.fromkeys(said)))


def _outside(corpus: Corpus, line: Line, fold: int) -> bool:
    role = corpus.roles[line.principal]
    return role.benign and role.fold != fold


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Traffic JSON Lines, as `gateway replay` reads them."""
    encode = msgspec.json.encode
    with path.open("wb") as file:
        for line in lines:
            file.write(encode(line) + b"\n")


def _content(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

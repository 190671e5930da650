"""Unmimic's input guard: its own code and its public attack families, read from the installed package.

The guard knows one request at a time and no account, so a principal stands where its worst request does:
the number is the guard's probability, plus one where it would block. Not what its authors measured: their
multilingual embedding model is not to be had offline, so MiniLM-L6 (English) stands in, and the ordinary
prompts beside its own hard negatives are honest people's of the half that is not judged. Only the first
requests of each principal are looked at, because every sentence has to be embedded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Any

from unmimic.corpus import load_families, load_prompts
from unmimic.guards.input.extraction import FLAG_THRESHOLD, MEMORY_THRESHOLD, ExtractionGuard, chunks
from unmimic.guards.input.memory import AttackMemory
from unmimic.guards.input.stage1 import Stage1
from unmimic.resources import bundled

from benchmarks.detection.accounts import Accounts
from benchmarks.detection.baselines import SILENT, Baseline
from benchmarks.detection.baselines.embedding import Embedder
from benchmarks.detection.corpus import FOLDS

LOOKED_AT = 5
"""Requests of each principal."""
ORDINARY = 300
"""Prompts of honest people in training."""


def baseline(
    accounts: Accounts, texts: Mapping[str, list[str]], names: Iterable[str], tick: Callable[[int], None]
) -> Baseline:
    """The guard over the first requests of these principals."""
    model = Embedder()
    guards = [_guard(model, _ordinary(accounts, texts, fold)) for fold in range(FOLDS)]
    scores = {}
    for name in names:
        guard = guards[accounts[name].role.fold]
        scores[name] = list(accumulate((_score(guard, model, text) for text in texts[name][:LOOKED_AT]), max))
        tick(1)
    about = f"Unmimic's guard, the worst of the first {LOOKED_AT} requests"
    return Baseline("Unmimic (English embeddings)", about, scores)


def _ordinary(accounts: Accounts, texts: Mapping[str, list[str]], fold: int) -> list[str]:
    """First prompts of honest principals of the other half."""
    names = [name for name in texts if accounts[name].role.benign and accounts[name].role.fold != fold]
    return [texts[name][0] for name in names if texts[name]][:ORDINARY]


def _guard(model: Embedder, ordinary: list[str]) -> Any:
    families = load_families(bundled("attacks/public"))
    prompts = [*load_prompts(bundled("benign/hard_negatives.yaml")), *ordinary]
    attacks = model.embed([example for family in families for example in family.examples])
    benign = model.embed([chunk for prompt in prompts for chunk in chunks(prompt)])
    # Its constructor would fetch the embedding model; what it makes of vectors is made here from ours.
    guard = ExtractionGuard.__new__(ExtractionGuard)
    guard.stage1 = Stage1().fit(attacks, benign)
    guard.memory = AttackMemory(
        attacks, [family.name for family in families for _ in family.examples], benign
    )
    guard.flag_threshold, guard.memory_threshold = FLAG_THRESHOLD, MEMORY_THRESHOLD
    return guard


def _score(guard: Any, model: Embedder, text: str) -> float:
    pieces = chunks(text)
    if not pieces:
        return SILENT
    verdict = guard.decide(model.embed(pieces))
    return float(verdict.score) + float(verdict.action == "block")

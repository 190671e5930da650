"""The order of things: read, replay, measure, compare, write."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks.detection.accounts import Account, Accounts, Steps, drive, steps
from benchmarks.detection.bar import read_campaigns, read_cost, read_goals
from benchmarks.detection.calibrate import TUNE
from benchmarks.detection.corpus import Corpus, locate, read_corpus
from benchmarks.detection.gateway_results import Setting, by_tuning, links, result, settings
from benchmarks.detection.tables import bar_table, compared_tables, linking_table, result_tables, show
from gateway.model import JSON, Call
from gateway.policies.bundle import Bundle
from gateway.policies.load import load_bundle
from gateway.progress import progress

CHEAP = ("baselines",)
COSTLY = ("minilm", "unmimic")
PARTS = ("gateway", *CHEAP, *COSTLY)
"""What can be asked for; the gateway's own rows are always made."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    data: Path
    split: str | None = None
    policies: Path = Path("policies")
    out: Path = Path("build/detection")
    share: float = 1.0
    scenarios: tuple[str, ...] = ()
    most: int = 0
    calibrate: Path | None = None
    tune: bool = False
    parts: tuple[str, ...] = PARTS


@dataclass(slots=True)
class Run:
    """One run: what was read, and the document that grows."""

    options: Options
    corpus: Corpus
    bundle: Bundle
    console: Console
    accounts: Accounts = field(default_factory=dict)
    document: dict[str, JSON] = field(default_factory=dict)

    @property
    def marks(self) -> Steps:
        """The ladder's steps."""
        return steps(self.bundle.ladder)


def run(options: Options) -> dict[str, JSON]:
    """The whole benchmark. Raises ConfigError."""
    began = time.perf_counter()
    bundle = load_bundle(options.policies)
    where = locate(options.data, options.split)
    corpus = read_corpus(where, share=options.share, scenarios=options.scenarios, most=options.most)
    made = Run(options, corpus, bundle, Console(width=200 if not sys.stdout.isatty() else None))
    _contests(made, where)
    made.document["seconds"] = round(time.perf_counter() - began, 1)
    options.out.mkdir(parents=True, exist_ok=True)
    report = options.out / "detection.json"
    report.write_bytes(msgspec.json.format(msgspec.json.encode(made.document, order="sorted"), indent=2))
    made.console.print(f"{report} · {made.document['seconds']} s")
    return made.document


def _contests(made: Run, where: Path) -> None:
    """The gateway's rows, then whatever is asked for beside them."""
    rivals = {*CHEAP, *COSTLY} & set(made.options.parts)
    if not rivals:
        made.accounts = _replayed(made, made.corpus)
        made.document |= _about(made, where)
        _gateway(made)
        return
    # These need numpy and more, which the gateway's own rows do without (docs/decisions/0006).
    from benchmarks.detection import contest
    from benchmarks.detection.features import Studied

    studied = Studied()
    made.accounts = _replayed(made, made.corpus, studied.add)
    made.document |= _about(made, where)
    _gateway(made)
    found = contest.contests(made.accounts, studied, made.marks) if "baselines" in rivals else []
    if "minilm" in rivals:
        found.append(contest.embedded_contest(made.accounts, studied, made.marks, made.options.out))
    if "unmimic" in rivals:
        found.append(contest.guarded_contest(made.accounts, studied, made.marks))
    for one in found:
        show(made.console, compared_tables(one.title, one.rows))
    made.document["contests"] = msgspec.to_builtins(found)


def _replayed(
    made: Run, corpus: Corpus, study: Callable[[str, Call], None] = lambda name, call: None
) -> dict[str, Account]:
    with progress("replaying", corpus.plan.lines) as tick:
        return drive(made.bundle, corpus.roles, corpus.lines(), study=study, tick=tick)


def _about(made: Run, where: Path) -> dict[str, JSON]:
    accounts = made.accounts.values()
    requests = sum(map(len, accounts))
    honest = sum(account.role.benign for account in accounts)
    made.console.print(
        f"{where.name}: {requests:,} requests · {honest:,} honest principals · "
        f"{len(made.accounts) - honest:,} attacking · bundle {made.bundle.hash}"
    )
    return {
        "traffic": where.name,
        "bundle": made.bundle.hash,
        "requests": requests,
        "honest": honest,
        "attacking": len(made.accounts) - honest,
        "share": made.options.share,
        "most": made.options.most,
    }


def _gateway(made: Run) -> None:
    options = made.options
    week = None
    if options.calibrate is not None:
        week = _replayed(made, read_corpus(options.calibrate))
    found = [(setting, made.accounts) for setting in settings(made.accounts, made.marks, week)]
    if options.tune:
        found += _tuned(made)
    results, bars = [], {}
    for setting, accounts in found:
        results.append(result(accounts, setting))
        linked = links(accounts)
        rows = read_goals(accounts, setting.alarms) + read_cost(accounts, setting.alarms, setting.posture)
        rows += read_campaigns(accounts, setting.alarms, linked)
        bars[setting.name] = msgspec.to_builtins(rows)
        show(made.console, [*result_tables(results[-1]), bar_table(setting.name, rows)])
    made.document["gateway"] = msgspec.to_builtins(results)
    made.document["bar"] = bars
    _linking(made)


def _tuned(made: Run) -> list[tuple[Setting, Accounts]]:
    options = made.options
    options.out.mkdir(parents=True, exist_ok=True)
    setting, answers, accounts = by_tuning(made.corpus, options.policies, options.out, made.marks, TUNE)
    made.document["tune"] = [list(answer.said) for answer in answers]
    for fold, answer in enumerate(answers):
        made.console.print(f"gateway tune without half {fold}: {'; '.join(answer.said)}")
    return [] if setting is None else [(setting, accounts)]


def _linking(made: Run) -> None:
    linked = links(made.accounts)
    made.document["linking"] = msgspec.to_builtins(linked)
    if any(account.linked is not None for account in made.accounts.values()):
        show(made.console, [linking_table(linked)])
    else:
        made.console.print("campaign linking: no record of this checkout names a campaign")

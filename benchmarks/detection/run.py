"""The order of things: read, replay, measure, compare, write.

What needs numpy is imported where it is asked for, so that the gateway's own rows do without
(docs/decisions/0007).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from benchmarks.detection import attacker, mixed
from benchmarks.detection.accounts import POSTURES, Account, Accounts, Steps, drive, steps
from benchmarks.detection.bar import read_campaigns, read_cost, read_goals
from benchmarks.detection.calibrate import BOUND, cross_fitted, cut
from benchmarks.detection.corpus import Corpus, locate, read_corpus
from benchmarks.detection.gateway_results import Setting, armed_scores, by_tuning, links, result, settings
from benchmarks.detection.tables import (
    attacker_table,
    bar_table,
    choice_table,
    compared_tables,
    linking_table,
    mixed_table,
    result_tables,
    show,
)
from benchmarks.detection.wording import by_model
from gateway.errors import ConfigError, Place
from gateway.model import Call, Mode
from gateway.policies.bundle import Bundle
from gateway.policies.compile import with_mode
from gateway.policies.load import load_bundle
from gateway.progress import progress
from gateway.words import quote, suggest

if TYPE_CHECKING:
    from benchmarks.detection.contest import Contest
    from benchmarks.detection.features import Studied

RIVALS = ("baselines", "minilm", "unmimic")
USUAL = ("gateway", *RIVALS, "mixed", "attacker", "plots")
PARTS = (*USUAL, "language-model")
"""What can be asked for; the gateway's own rows are always made. The last lets the attacker use a model."""
UNTUNED = 0.03
"""The part of honest principals that defaults may hit on traffic that they were not tuned on."""
REWRITTEN = 400
"""Tasks that a language model rewords."""
Study = Callable[[str, Call], None]


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
    tune: str | None = None
    """How `gateway tune` is asked, if at all."""
    parts: tuple[str, ...] = USUAL


@dataclass(slots=True)
class Results:
    """What there is to draw; empty where a part was not asked for."""

    contests: list[Contest] = field(default_factory=list)
    mixed: list[mixed.Mixed] = field(default_factory=list)
    attempts: list[attacker.Attempt] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """One run: what was read, and the document that grows."""

    options: Options
    corpus: Corpus
    bundle: Bundle
    console: Console
    accounts: Accounts = field(default_factory=dict)
    studied: Studied | None = None
    """The texts, where a baseline wants them."""
    bars: tuple[float, ...] = ()
    """The calibrated thresholds of the armed score, by half."""
    document: dict[str, Any] = field(default_factory=dict)
    results: Results = field(default_factory=Results)

    @property
    def marks(self) -> Steps:
        """The ladder's steps."""
        return steps(self.bundle.ladder)


def run(options: Options) -> dict[str, Any]:
    """The whole benchmark; returns the document. Raises ConfigError."""
    began = time.perf_counter()
    for name in options.parts:
        if name not in PARTS:
            raise ConfigError.at(Place("--parts"), f"no part {quote(name)}{suggest(name, PARTS)}")
    bundle = load_bundle(options.policies)
    where = locate(options.data, options.split)
    corpus = read_corpus(where, share=options.share, scenarios=options.scenarios, most=options.most)
    # As wide as the widest table, where nobody's terminal says otherwise.
    made = Run(options, corpus, bundle, Console(width=None if sys.stdout.isatty() else 240))
    options.out.mkdir(parents=True, exist_ok=True)
    if set(RIVALS) & set(options.parts):
        from benchmarks.detection.features import Studied

        made.studied = Studied()
    made.accounts = _replayed(made.bundle, corpus, _nothing if made.studied is None else made.studied.add)
    _about(made, where)
    _gateway(made)
    _contests(made)
    if "mixed" in options.parts:
        _mixed(made)
    if "attacker" in options.parts:
        _attacked(made)
    if "plots" in options.parts:
        _plots(made)
    made.document["seconds"] = round(time.perf_counter() - began, 1)
    report = options.out / "detection.json"
    report.write_bytes(msgspec.json.format(msgspec.json.encode(made.document, order="sorted"), indent=2))
    made.console.print(f"{report} · {made.document['seconds']} s")
    return made.document


def _nothing(name: str, call: Call) -> None:
    """Nobody studies the calls."""


def _replayed(bundle: Bundle, corpus: Corpus, study: Study = _nothing) -> dict[str, Account]:
    with progress("replaying", corpus.plan.lines) as tick:
        return drive(bundle, corpus.roles, corpus.lines(), study=study, tick=tick)


def _about(made: Run, where: Path) -> None:
    accounts = made.accounts.values()
    requests = sum(map(len, accounts))
    honest = sum(account.role.benign for account in accounts)
    made.console.print(
        f"{where.name}: {requests:,} requests · {honest:,} honest principals · "
        f"{len(accounts) - honest:,} attacking · bundle {made.bundle.hash}"
    )
    made.document |= {
        "traffic": where.name,
        "bundle": made.bundle.hash,
        "requests": requests,
        "honest": honest,
        "attacking": len(accounts) - honest,
        "share": made.options.share,
        "most": made.options.most,
    }


def _gateway(made: Run) -> None:
    options, accounts = made.options, made.accounts
    week = None if options.calibrate is None else _replayed(made.bundle, read_corpus(options.calibrate))
    honest_week = None
    if week is not None:
        honest_week = {name: own for name, own in armed_scores(week).items() if week[name].role.benign}
    made.bars = cross_fitted(accounts, armed_scores(accounts), honest_week)
    found = [(setting, accounts) for setting in settings(accounts, made.marks, made.bars)]
    if options.tune is not None:
        found += _tuned(made, options.tune)
    results, bars = [], {}
    for setting, own in found:
        results.append(result(own, setting))
        most = UNTUNED if setting.name in POSTURES else BOUND
        rows = read_goals(own, setting.alarms) + read_cost(own, setting.alarms, setting.posture, most)
        rows += read_campaigns(own, setting.alarms, links(own))
        bars[setting.name] = msgspec.to_builtins(rows)
        show(made.console, [*result_tables(results[-1]), bar_table(setting.name, rows)])
    made.document |= {"gateway": msgspec.to_builtins(results), "bar": bars}
    _linking(made)


def _tuned(made: Run, asked: str) -> list[tuple[Setting, Accounts]]:
    options = made.options
    setting, answers, accounts = by_tuning(made.corpus, options.policies, options.out, made.marks, asked)
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


def _contests(made: Run) -> None:
    """The baselines that were asked for."""
    if made.studied is None:
        return
    from benchmarks.detection import contest

    parts, studied, marks = made.options.parts, made.studied, made.marks
    found = []
    if "baselines" in parts:
        found += contest.contests(made.accounts, studied, marks)
    if "minilm" in parts:
        found.append(contest.embedded_contest(made.accounts, studied, marks, made.options.out))
    if "unmimic" in parts:
        found.append(contest.guarded_contest(made.accounts, studied, marks))
    for one in found:
        show(made.console, compared_tables(one.title, one.rows))
    made.document["contests"] = msgspec.to_builtins(found)
    made.results.contests = found


def _mixed(made: Run) -> None:
    """Keys that carry a harvest among other people's chats."""
    mixture = mixed.ingredients(made.corpus)
    rows = []
    with progress("mixing", len(mixed.SHARES)) as tick:
        for part in mixed.SHARES:
            rows += _mixed_at(made, mixture, part)
            tick(1)
    made.document["mixed"] = msgspec.to_builtins(rows)
    made.results.mixed = rows
    if rows:
        show(made.console, [mixed_table(rows)])


def _attacked(made: Run) -> None:
    """The attacker who knows the policies."""
    own = attacker.material(made.corpus)
    if "language-model" in made.options.parts:
        tasks = own.tasks[:REWRITTEN]
        with progress("rewording", len(tasks)) as tick:
            own = replace(own, rewritten=by_model(tasks, made.options.out / "rewritten.json", tick))
    bundle = with_mode(made.bundle, Mode.ENFORCE)
    rows = []
    with progress("attacking", len(attacker.TACTICS) * len(attacker.PACES)) as tick:
        for row in attacker.attempts(bundle, own, made.marks):
            rows.append(row)
            tick(1)
    made.document["attacker"] = msgspec.to_builtins(rows)
    made.results.attempts = rows
    show(made.console, [attacker_table(rows), choice_table(rows)])


def _mixed_at(made: Run, mixture: mixed.Mixture, part: float) -> list[mixed.Mixed]:
    if made.studied is None:
        accounts = mixed.replay_share(made.bundle, mixture, part, _nothing)
        return mixed.gateway_rows(part, accounts, made.marks, made.bars)
    from benchmarks.detection.contest import rival_rows
    from benchmarks.detection.features import Studied

    seen = Studied()
    accounts = mixed.replay_share(made.bundle, mixture, part, seen.add)
    rows = mixed.gateway_rows(part, accounts, made.marks, made.bars)
    return rows + rival_rows(part, accounts, seen, made.accounts, made.studied)


def _plots(made: Run) -> None:
    from benchmarks.detection import plots

    folder, results = made.options.out, made.results
    rungs = {rung.id: rung.at for rung in made.bundle.ladder.rungs}
    plots.scores(folder, made.accounts, rungs)
    fitted = cut(made.accounts, armed_scores(made.accounts), made.bars)
    plots.reached(folder, made.accounts, fitted, "the armed score, calibrated")
    for at, one in enumerate(results.contests):
        plots.contest(folder, f"contest-{at + 1}", one.title, one.rows)
    if results.mixed:
        plots.shares(folder, results.mixed)
    if results.attempts:
        plots.attacker(folder, results.attempts)

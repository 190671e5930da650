"""The benchmark's pictures, as PNG and SVG beside the report; docs/detection.md says how to read them.

Drawn from the same values as the tables. Needs matplotlib, hence `.venv-bench`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.detection.accounts import Accounts
from benchmarks.detection.attacker import TARGETS, Attempt
from benchmarks.detection.compare import Compared
from benchmarks.detection.gateway_results import armed_scores
from benchmarks.detection.mixed import Mixed
from benchmarks.detection.outcome import Alarms, growth

# Text stays text, and equal figures give equal files.
mpl.rcParams["svg.fonttype"] = "none"
mpl.rcParams["svg.hashsalt"] = "detection"
COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#e08e00", "#7b4fa3", "#5f6c72", "#00798c", "#9c6644")
_STYLES = ("-", "--", ":")


@contextmanager
def _picture(folder: Path, name: str, title: str, size: tuple[float, float] = (9.0, 5.0)) -> Iterator[Any]:
    """Yields the axes of a figure that is written at the end."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    yield axes
    figure.savefig(folder / f"{name}.png", dpi=130)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def scores(folder: Path, accounts: Accounts, rungs: Mapping[str, float]) -> None:
    """Every principal's highest armed score, by scenario and class, with the ladder's steps."""
    groups: dict[tuple[bool, str], list[float]] = {}
    for name, values in armed_scores(accounts).items():
        role = accounts[name].role
        groups.setdefault((not role.benign, role.scenario), []).append(max(values))
    with _picture(folder, "scores", "Highest score of every principal, all policies acting") as axes:
        for place, (key, peaks) in enumerate(sorted(groups.items())):
            ordered = sorted(peaks)
            # Side by side rather than on top of each other, in a band around the group's line.
            rows = [place + 0.7 * (at / max(len(ordered) - 1, 1) - 0.5) for at in range(len(ordered))]
            axes.scatter(ordered, rows, s=8, alpha=0.6, color=COLOURS[1 if key[0] else 0], linewidths=0)
        axes.set_yticks(range(len(groups)), [name for _, name in sorted(groups)])
        for step, at in rungs.items():
            axes.axvline(at, color="#888888", linewidth=0.8)
            axes.text(at, len(groups) - 0.4, step, fontsize=8, ha="center")
        axes.set_xlabel("score (honest: blue, attacking: red)")


def reached(folder: Path, accounts: Accounts, alarms: Alarms, what: str) -> None:
    """How fast each scenario is met."""
    names = sorted({own.role.scenario for own in accounts.values() if not own.role.benign})
    with _picture(folder, "reached", f"Principals met within so many requests: {what}") as axes:
        for at, name in enumerate(names):
            points = [(0.0, 0.0), *growth(accounts, alarms, name)]
            axes.step(
                [x for x, _ in points] + [2000],
                [y for _, y in points] + [points[-1][1]],
                where="post",
                color=COLOURS[at % len(COLOURS)],
                linestyle=_STYLES[at // len(COLOURS)],
                label=name,
            )
        axes.set_xscale("symlog", linthresh=10)
        axes.set_xlim(0, 2000)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("requests of the principal")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def contest(folder: Path, name: str, title: str, rows: Sequence[Compared]) -> None:
    """Mean recall of every detector at one benign cost."""
    with _picture(folder, name, f"Mean recall over scenarios, {title}", (9.0, 0.5 + 0.4 * len(rows))) as axes:
        places = range(len(rows))
        axes.barh(places, [row.recall for row in rows], color=[COLOURS[min(at, 1)] for at in places])
        labels = [f"{row.name} ({row.honest.hits}/{row.honest.of} honest)" for row in rows]
        axes.set_yticks(places, labels, fontsize=8)
        axes.set_xlim(0, 1)
        axes.invert_yaxis()


def shares(folder: Path, rows: Sequence[Mixed]) -> None:
    """Mixed keys met, by share of the harvest."""
    detectors = list(dict.fromkeys(row.detector for row in rows))
    with _picture(folder, "mixed", "Mixed keys met, by share of the harvest") as axes:
        for at, detector in enumerate(detectors):
            own = sorted((row.share, row.whole.rate or 0.0) for row in rows if row.detector == detector)
            axes.plot([x for x, _ in own], [y for _, y in own], "o-", label=detector, color=COLOURS[at % 8])
        axes.set_xlabel("share of the harvest in the key's requests (0: honest)")
        axes.set_ylim(-0.02, 1.02)
        axes.legend(fontsize=8, frameon=False)


def attacker(folder: Path, rows: Sequence[Attempt]) -> None:
    """The price of every tactic at its cheapest pace."""
    tactics = list(dict.fromkeys(row.tactic for row in rows))
    with _picture(folder, "attacker", "Cost of clean answers, as a multiple of no gateway") as axes:
        for at, target in enumerate(TARGETS):
            costs: dict[float, float] = {}
            for place, tactic in enumerate(tactics):
                prices = [one for row in rows if row.tactic == tactic for one in row.prices]
                known = [one.multiple for one in prices if one.target == target and one.multiple is not None]
                costs |= {place + 0.2 * (at - 1): min(known)} if known else {}
            axes.scatter(list(costs.values()), list(costs), color=COLOURS[at], label=f"{target:,} answers")
        axes.set_yticks(range(len(tactics)), tactics, fontsize=8)
        axes.set_xscale("log")
        axes.axvline(1.0, color="#888888", linewidth=0.8)
        axes.invert_yaxis()
        axes.grid(axis="y", linewidth=0.3)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)

"""The figures of a run as Markdown, for docs/detection.md.

    python -m benchmarks.detection.summary build/detection/detection.json docs/detection.md

Puts them between the two marks in the document, so that it never tells figures that nobody saw. Reads only
the JSON report.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.detection.gateway_results import STEPS

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
PREVALENCE = 1e-3
"""At which precision is told here; the report has more."""


def summary(document: dict[str, Any]) -> str:
    """All parts that the report has."""
    parts = [_about(document), _gateway(document["gateway"]), _honest(document["gateway"])]
    parts += (
        [_linking(document["linking"])] if any(_of(row, "innocents") for row in document["linking"]) else []
    )
    parts += [_bar(document["bar"])]
    parts += [_contest(one) for one in document.get("contests", [])]
    parts += [_mixed(document["mixed"])] if document.get("mixed") else []
    parts += [_attacker(document["attacker"])] if document.get("attacker") else []
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _share(value: dict[str, Any]) -> str:
    if not value["of"]:
        return "-"
    return f"{value['hits']}/{value['of']} ({100 * value['low']:.0f}-{100 * value['high']:.0f}%)"


def _plain(value: dict[str, Any]) -> str:
    return f"{value['hits']}/{value['of']}"


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _of(row: dict[str, Any], name: str) -> int:
    return int(row[name]["of"])


def _about(document: dict[str, Any]) -> str:
    return (
        f"Traffic `{document['traffic']}`, {document['requests']:,} requests of {document['honest']:,} "
        f"honest and {document['attacking']:,} attacking principals; bundle `{document['bundle']}`; the run "
        f"took {document['seconds'] / 60:.0f} minutes."
    )


def _gateway(settings: Sequence[dict[str, Any]]) -> str:
    named = {one["name"]: one for one in settings}
    rows = []
    for place, shipped in enumerate(named["shipped"]["caught"]["narrow"]):
        armed, fitted = (named[name]["caught"]["throttle"][place] for name in ("armed", "calibrated"))
        narrow = named["armed"]["caught"]["narrow"][place]
        rows.append(
            [
                shipped["scenario"],
                *(_share(one["principals"]) for one in (shipped, narrow, armed, fitted)),
                _number(fitted["requests"]),
                _number(fitted["answers"]),
                f"{armed['given']:.0%}",
                f"{named['armed']['passed'][shipped['scenario']]:.0%}",
            ]
        )
    heads = ["attack: principals met", "shipped, narrow", "armed, narrow", "armed, throttle", "calibrated"]
    heads += ["requests (calibrated)", "answers before (calibrated)", "given (armed)", "passed (armed)"]
    return "### Attacks\n\n" + _table(heads, rows)


def _honest(settings: Sequence[dict[str, Any]]) -> str:
    rows = []
    for one in settings:
        # The report's keys are in the order of letters.
        whole = {step: one["spared"][step][-1] for step in STEPS}
        classes = one["spared"]["narrow"][:-1]
        worst = max(classes, key=lambda row: row["principals"]["hits"] / row["principals"]["of"])
        shares = [f"{_plain(own['principals'])} ≤ {own['principals']['upper']:.1%}" for own in whole.values()]
        hit = "-" if not worst["principals"]["hits"] else f"{worst['kind']} {_plain(worst['principals'])}"
        requests = f"{whole['narrow']['touched']:,} of {whole['narrow']['requests']:,}"
        rows.append([one["name"], *shares, hit, "-" if one["name"] == "calibrated" else requests])
    heads = [
        "honest principals met",
        "watch",
        "narrow",
        "throttle",
        "worst class at narrow",
        "requests touched",
    ]
    return "### Honest customers\n\n" + _table(heads, rows)


def _linking(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        [str(row["requests"]), *(_share(row[name]) for name in ("wrapped", "bare", "innocents"))]
        for row in rows
    ]
    heads = ["requests per key", "wrapped members linked", "bare members linked", "innocents among linked"]
    return "### Keys linked into campaigns\n\n" + _table(heads, cells)


def _bar(bars: dict[str, Sequence[dict[str, Any]]]) -> str:
    met = {
        name: (
            sum(row["met"] is True for row in bars[name]),
            sum(row["met"] is not None for row in bars[name]),
        )
        for name in sorted(bars, reverse=True)
    }
    said = "; ".join(f"{name}: {yes} of {of}" for name, (yes, of) in met.items())
    return f"Rows of the project's bar (goals and stretch goals) that are met: {said}."


def _contest(one: dict[str, Any]) -> str:
    detectors = one["rows"]
    rows = [["honest principals", *(_plain(own["honest"]) for own in detectors)]]
    for place, first in enumerate(detectors[0]["caught"]):
        rows.append([first["scenario"], *(_plain(own["caught"][place]["principals"]) for own in detectors)])
    rows.append(["mean of scenarios", *(f"{own['recall']:.0%}" for own in detectors)])
    bounds = [
        next(right["bound"] for right in own["precision"] if right["prevalence"] == PREVALENCE)
        for own in detectors
    ]
    rows.append(
        [f"right at 1 in {1 / PREVALENCE:,.0f}, at least", *(f"{bound or 0.0:.1%}" for bound in bounds)]
    )
    heads = ["principals met", *(own["name"] for own in detectors)]
    return f"### Beside the baselines: {one['title']}\n\n" + _table(heads, rows)


def _mixed(rows: Sequence[dict[str, Any]]) -> str:
    detectors = list(dict.fromkeys(row["detector"] for row in rows))
    shares = list(dict.fromkeys(row["share"] for row in rows))
    known = {(row["share"], row["detector"]): row["whole"] for row in rows}
    cells = [[name, *(_plain(known[part, name]) for part in shares)] for name in detectors]
    heads = ["mixed keys met, by share of the harvest", *(f"{part:.0%}" for part in shares)]
    return "### One key with a harvest among other people's chats\n\n" + _table(heads, cells)


def _attacker(rows: Sequence[dict[str, Any]]) -> str:
    tactics = list(dict.fromkeys(row["tactic"] for row in rows))
    targets = [price["target"] for price in rows[0]["prices"]]
    cells = [[tactic, *(_cheapest(rows, {tactic}, at) for at in range(len(targets)))] for tactic in tactics]
    cells.append(["**the cheapest**", *(_cheapest(rows, set(tactics), at) for at in range(len(targets)))])
    heads = ["tactic", *(f"{target:,} answers" for target in targets)]
    return "### The adaptive attacker: account-days as a multiple of no gateway\n\n" + _table(heads, cells)


def _cheapest(rows: Sequence[dict[str, Any]], tactics: set[str], place: int) -> str:
    found = [(row["prices"][place]["multiple"], row["pace"]) for row in rows if row["tactic"] in tactics]
    priced = [(multiple, -pace) for multiple, pace in found if multiple is not None]
    if not priced:
        return "none obtained"
    multiple, pace = min(priced)
    return f"{multiple:,.1f} (at {-pace:,.0f} a day)"


def replaced(text: str, figures: str) -> str:
    """`text` with the figures between its marks. Raises ValueError without them."""
    before, begins, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not begins or not ends:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{figures}\n{END}{after}"


def main(report: str, document: str) -> None:
    """Write the figures of a report into a document."""
    file = Path(document)
    figures = summary(json.loads(Path(report).read_text("utf-8")))
    file.write_text(replaced(file.read_text("utf-8"), figures), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

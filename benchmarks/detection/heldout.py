"""`python -m benchmarks.detection.heldout DATA OUT`: traffic the policies were not made for.

Every principal sends one template: of a public framework (DATA/prompts) or of `written.yaml`,
with ever-new slots. Honest templates are the hardest that there are: applications, retrieval, judges, test
suites, makers of flashcards. Slots, parameters and arrivals of both sides are drawn from the same mixtures.
Five directories are made. `look` and `report` share no framework and no written template: policies may be
improved on what `look` shows, and only `report` says whether that helped. The later parts hold the templates
of one file each: `fresh` those of `fresh.yaml`, `study` what policies may be improved on, and `exam`, by the
same hand in other styles, what is only ever counted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks.detection.corpus import fraction
from benchmarks.detection.slots import Fill, Row, Template, fills, framework_templates, rows

REQUESTS = 90
START = 1_767_571_200.0
DAY = 86_400.0
HALVES = ("look", "report")
LATER = ("fresh", "study", "exam")
"""Parts of later templates alone, each of the file of its name."""
_ATTACKS = {
    "instruction-generation": "generation", "evol-instruct": "generation", "oss-instruct": "generation",
    "qa-generation": "generation", "textbook-generation": "generation", "persona-generation": "generation",
    "sdg-pipeline": "generation", "curator-examples": "generation", "datadreamer": "generation",
    "preference-judging": "judging", "rubric-grading": "judging", "prm-steps": "reasoning",
    "cot-elicitation": "reasoning", "self-chat": "self-chat",
}  # fmt: skip
_HONEST = {
    "app-template": "application", "rag-app": "application", "eval-judge": "judge",
    "eval-harness": "suite form", "app-system-prompt": "application",
}  # fmt: skip
WRITTEN = Path(__file__).with_name("written.yaml")
_SLOT = re.compile(r"\{\{(doc|task|a|b|topic|seeds|said|problem|n)\}\}")
SUITES = "suites"
"""Under this name it holds the forms of test suites, and the templates of principals under their truth."""
_BARE = ("evol_instruct", "instructionwild_user_prompts", "self_instruct_user_oriented")
"""Sources of instructions that are sent as they are."""
_SETS = ("alpaca_eval_805", "mt_bench", "self_instruct_user_oriented", "benchmarks_a")
"""Finite sets that honest evaluations ask."""


def written(file: Path = WRITTEN) -> dict[str, dict[str, str]]:
    """Our own templates by truth and name."""
    return msgspec.convert(yaml.safe_load(file.read_text("utf-8")), dict[str, dict[str, str]])


def later_file(part: str) -> Path:
    """Where the templates of one of the later parts stand."""
    return WRITTEN.with_name(f"{part}.yaml")


def refused(row: Row) -> bool:
    """Pieces that are no prompt: examples' answers, chat templates, documentation, rules for answers."""
    name, text = str(row.get("name") or ""), row["prompt"]
    parts = name.split(".")
    answers = "augmentoolkit" in row["source"] and parts[0].isdigit() and parts[0] not in ("0", "7", "9")
    judged = row["kind"] == "preference-judging" and name == "principles"
    examples = row["kind"] in ("eval-judge", "eval-harness", "app-template") and (
        "example" in name.lower() or "samples" in name
    )
    prose = any(sign in text for sign in ("can only be used", "@article", "@misc", "## How to use"))
    return answers or judged or examples or prose or "chat_template" in name


class Maker:
    """Makes the lines of one half."""

    def __init__(self, filled: Mapping[str, Fill], half: str) -> None:
        self._fills, self.half = filled, half
        self.lines: list[dict[str, Any]] = []
        self.principals: list[dict[str, Any]] = []

    def add(self, truth: str, template: str, prompts: Iterable[str], dice: random.Random) -> None:
        """One principal that sends these prompts over some hours or days."""
        name = f"{self.half}-{len(self.principals):04d}"
        self.principals.append({"principal": name, "truth": truth, "campaign": name, "template": template})
        settings = _settings(dice)
        now, gap = START + dice.random() * 2 * DAY, 20.0 * 30.0 ** dice.random()
        for prompt in prompts:
            now += dice.expovariate(1 / gap)
            self.lines.append(_line(name, truth, now, prompt, settings))

    def templated(self, truth: str, template: Template) -> None:
        """One principal that sends one template with ever-new slots."""
        dice = random.Random(f"{self.half} {template.family} {template.name}")
        side, _, scenario = truth.partition(":")
        filled = self._fills[scenario if scenario in self._fills else side]
        texts = (_Slots(filled.values(dice)).filled(template.text) for _ in range(REQUESTS))
        self.add(truth, f"{template.family}/{template.name}", texts, dice)


class _Slots(dict[str, str]):
    def __init__(self, values: Callable[[str], str]) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, name: str) -> str:
        return self._values(name)

    def filled(self, text: str) -> str:
        return text.format_map(self)


def _settings(dice: random.Random) -> dict[str, Any]:
    """Parameters, from one mixture for both sides."""
    drawn = {
        "model": dice.choice(("frontier-mini", "frontier-medium")),
        "temperature": dice.choice((None, None, 0.0, 0.2, 0.7, 1.0)),
        "max_tokens": dice.choice((None, 256, 512, 1024, 2048)),
    }
    return {name: value for name, value in drawn.items() if value is not None}


def _line(name: str, truth: str, ts: float, prompt: str, settings: dict[str, Any]) -> dict[str, Any]:
    request = {**settings, "messages": [{"role": "user", "content": prompt}]}
    named = {"ts": round(ts, 3), "principal": name, "org": f"org-{name}", "truth": truth}
    return {**named, "request": request}


def _templates(prompts: Path) -> Iterator[tuple[str, Template]]:
    for side, corpus, kinds in (
        ("attack", "distill_templates", _ATTACKS), ("benign", "benign_templates", _HONEST),
    ):  # fmt: skip
        for scenario, template in framework_templates(prompts, corpus, kinds, refused):
            yield f"{side}:{scenario}", template
    yield from _own(WRITTEN)


def _own(file: Path) -> Iterator[tuple[str, Template]]:
    for truth, texts in written(file).items():
        for name, text in texts.items():
            if truth != SUITES:
                yield truth, Template(name, f"written {name}", _plain(text))


def _plain(text: str) -> str:
    """Braces that are no slots are text."""
    return _SLOT.sub(r"{\1}", text.replace("{", "{{").replace("}", "}}"))


def _suites(prompts: Path, maker: Maker) -> None:
    """Finite sets in a form of their own, asked again on three days; and sets asked once."""
    for corpus in _SETS:
        found = [row["prompt"] for row in rows(prompts, corpus)]
        for at, (name, form) in enumerate(written()[SUITES].items()):
            if half_of(f"suite {name} {corpus}") != maker.half:
                continue
            dice = random.Random(f"{corpus} {name}")
            few = dice.sample(found, min(40, len(found)))
            runs = 3 if at % 2 else 1
            texts = [
                form.format(problem=text)
                for text in (few if runs > 1 else dice.sample(found, min(REQUESTS, len(found))))
            ]
            maker.add(
                f"benign:suite {'again' if runs > 1 else 'once'}", f"{corpus} {name}", texts * runs, dice
            )


def _bare(prompts: Path, maker: Maker) -> None:
    for corpus in _BARE:
        found = [row["prompt"] for row in rows(prompts, corpus) if len(row["prompt"]) < 1200]
        for key in range(6):
            dice = random.Random(f"{corpus} {key}")
            if HALVES[key % 2] == maker.half:
                maker.add("attack:bare", f"{corpus} {key}", dice.sample(found, REQUESTS), dice)


def half_of(family: str) -> str:
    """Which half a family of templates is in; the same in every run."""
    return HALVES[int(2 * fraction(f"half128 {family}"))]


def make(data: Path, out: Path) -> dict[str, int]:
    """Write all parts below OUT/traffic; returns how many principals each has."""
    prompts = data / "prompts"
    filled, made = fills(prompts), {}
    for half in HALVES:
        maker = Maker(filled, half)
        for truth, template in _templates(prompts):
            if half_of(template.family) == half:
                maker.templated(truth, template)
        _suites(prompts, maker)
        _bare(prompts, maker)
        _write(out / "traffic", half, maker)
        made[half] = len(maker.principals)
    for part in LATER:
        later = Maker(filled, part)
        for truth, template in _own(later_file(part)):
            later.templated(truth, template)
        _write(out / "traffic", part, later)
        made[part] = len(later.principals)
    return made


def _write(home: Path, half: str, maker: Maker) -> None:
    (home / half).mkdir(parents=True, exist_ok=True)
    with gzip.open(home / half / "all.jsonl.gz", "wt", encoding="utf-8", compresslevel=3) as file:
        for line in sorted(maker.lines, key=lambda one: float(one["ts"])):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    listed = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in maker.principals)
    (home / f"{half}.principals.jsonl").write_text(listed, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.detection.heldout", description=__doc__)
    parser.add_argument("data", type=Path, help="a directory with `prompts` below it")
    parser.add_argument("out", type=Path, help="where `traffic` is made")
    given = parser.parse_args(arguments)
    for half, principals in make(given.data, given.out).items():
        sys.stdout.write(f"{given.out / 'traffic' / half}: {principals} principals\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Attacks on a real model's output layer, directly and through a gateway that narrows: who still learns what.

    python -m benchmarks.responses.logprobs --parts shapes,weighing,budget
    python -m benchmarks.responses.logprobs --parts repairs --prompts 1000 --tokens 2000

llama.cpp's server with SmolLM2-135M (width 576) answers; in front of it stands `gateway serve` with the
shipped ladder, and a client says in its User-Agent on which rung it wants to be treated. What slows down and
refuses is taken out of the ladder, so that only the response to probabilities is measured. Prints Markdown,
as in docs/responses/logprobs.md. The attacks are in `logprobs_attacks`, the arithmetic in `logprobs_algebra`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.responses import logprobs_attacks as attacks
from benchmarks.responses.logprobs_algebra import Matrix, image, ranks, residual, sampled, width
from benchmarks.responses.logprobs_wire import (
    NATIVE,
    SHAPES,
    Body,
    Shape,
    Target,
    Values,
    values,
)
from gateway.strict_yaml import parse
from tests.processes import SHIPPED, run_gateway
from tests.real.model_server import HIDDEN_SIZE, VOCABULARY_SIZE, ServerOptions, run_model_server

RUNGS = ("narrow", "throttle")
TIMES = 10
"""How many times the budget of the attack that succeeds is spent through the gateway."""
WHOLE = ("chat top_logprobs", "native n_probs")
"""The shapes that get the whole budget; the others differ from them in framing or in an alias."""
WEIGHED = 6
"""Tokens whose logits are weighed."""
_ELSEWHERE = ("limit", "delay", "reject", "reasoning")
_WORDS = (
    "river", "stone", "market", "winter", "garden", "letter", "machine", "harbour", "teacher", "morning",
    "window", "violin", "castle", "forest",
)  # fmt: skip
_VERBS = ("found", "lost", "painted", "followed", "carried", "forgot", "measured", "opened", "crossed")


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is asked what: the servers, the prompts and the tokens whose logits are wanted."""

    direct: str
    gateway: str
    prompts: Sequence[str]
    tokens: Sequence[int]
    every_shape: bool

    def asked(self, shape: Shape) -> Sequence[str]:
        """All prompts in the shapes of which the width is looked for, a tenth in those that say the same."""
        return self.prompts if self.every_shape or shape.name in WHOLE else self.prompts[::TIMES]


def write_policies(directory: Path) -> Path:
    """The shipped ladder without what slows and refuses, and a policy that pins by User-Agent."""
    ladder: Any = parse((SHIPPED / "ladder.yaml").read_bytes(), "ladder.yaml")[0].value
    for rung in ladder["rungs"].values():
        rung.pop("requires", None)
        rung["do"] = [entry for entry in rung["do"] if not set(entry) & {*_ELSEWHERE}] or [{"log": True}]
    signals = {
        rung: {
            "request": {"client.user_agent": {"contains": f"rung-{rung}"}},
            "points": ladder["rungs"][rung]["at"],
            "floor": rung,
        }
        for rung in RUNGS
    }
    policy = {
        "kind": "policy",
        "id": "pinned",
        "version": 1,
        "title": "Pinned",
        "mode": "enforce",
        "cap": 100,
    }
    directory.mkdir()
    for name, document in {"pinned": policy | {"signals": signals}, "ladder": ladder}.items():
        (directory / f"{name}.yaml").write_text(json.dumps(document))
    return directory


@contextmanager
def scene(prompts: int, tokens: int, *, every_shape: bool) -> Iterator[Scene]:
    """Both servers, and prompts and tokens drawn with a fixed seed."""
    chance = random.Random(576)
    said = {
        f"The {chance.choice(_WORDS)} {chance.choice(_VERBS)} the {chance.choice(_WORDS)} and the"
        f" {chance.choice(_WORDS)}"
        for _ in range(prompts * 2)
    }
    with run_model_server(ServerOptions(slots=1, prompt_cache=True)) as model:
        # Parts of characters are held back by the server until the rest comes, and their values with them.
        whole = sorted(
            one["id"] for one in attacks.listed(Target(model.base_url), "A") if one["token"].isascii()
        )
        wanted = chance.sample(whole, tokens)
        with (
            tempfile.TemporaryDirectory(prefix="stillgate-attack-") as folder,
            run_gateway(
                Path(folder), model.base_url, "enforce", write_policies(Path(folder) / "policies")
            ) as process,
        ):
            yield Scene(model.base_url, process.url, sorted(said)[:prompts], wanted, every_shape)


def target(where: Scene, rung: str | None = None) -> Target:
    """The model server itself, or the gateway on a rung."""
    return Target(where.direct) if rung is None else Target(where.gateway, f"rung-{rung}", f"sk-{rung}")


# --- reading: the width ----------------------------------------------------------------------------------


def read_all(where: Scene, shape: Shape, rung: str | None) -> tuple[Matrix, int]:
    """(prompts by tokens, queries) of the attack by bias maps and alternatives.

    On the higher rungs, which take everything away, a tenth of the prompts is enough to see it.
    """
    victim = target(where, rung)
    wanted = where.tokens

    def ask(prompt: str) -> Values:
        return attacks.read(victim, shape, prompt, wanted, len(wanted))

    prompts = where.asked(shape)[:: TIMES if rung == RUNGS[-1] else 1]
    found = np.array(attacks.matrix(ask, prompts, wanted))
    victim.close()
    return found, victim.queries


TRICKS: tuple[Body, ...] = (
    {},
    {"post_sampling_probs": True},
    {"temperature": 1e6, "top_k": 0, "min_p": 0, "top_p": 1, "seed": 1},
    {"temperature": 2, "top_k": 0, "min_p": 0, "top_p": 1, "seed": 2},
    {"grammar": 'root ::= "zebra"'},
    {"verbose": True, "n_probs": VOCABULARY_SIZE},
    {"n_cmpl": 2, "n": 2},
    {"logit_bias": [[9000, 100]]},
    {"prompt_logprobs": 20, "echo": True},
)
"""Ways to have more told of one context than is asked for plainly; with `read` they make ten."""


def everything(where: Scene, shape: Shape, rung: str) -> tuple[int, int, int | None]:
    """(most values told of one context, queries, width found) with ten different requests per prompt."""
    victim = target(where, rung)
    rows: list[Values] = []
    for prompt in where.asked(shape):
        found = attacks.read(victim, shape, prompt, where.tokens, len(where.tokens))
        for trick in TRICKS:
            found |= values(victim.ask(shape, shape.body(prompt, VOCABULARY_SIZE) | trick))
        rows.append(found)
    victim.close()
    columns = sorted({token for row in rows for token in row})
    told = iter(rows)
    logits = np.array(attacks.matrix(lambda _: next(told), where.asked(shape), columns))
    return max(map(len, rows)), victim.queries, width(logits).found if columns else None


# --- weighing: logits without probabilities ------------------------------------------------------------


def weighing(where: Scene, count: int) -> Iterator[tuple[str, str, int, int, float]]:
    """(knob, where, right within 0.1 nat, queries per logit, largest error of those told)."""
    prompt, wanted = attacks.pairs(target(where), count)
    for knob in attacks.KNOBS:
        for rung, times in ((None, 1), ("narrow", 1), ("narrow", TIMES)):
            victim = target(where, rung)
            found = [
                (attacks.weigh(victim, NATIVE, prompt, pair, knob, 12 * times), true) for pair, true in wanted
            ]
            victim.close()
            errors = [abs(estimate - true) for estimate, true in found if estimate is not None]
            right = sum(error <= 0.1 for error in errors)
            place = "direct" if rung is None else f"{rung}, {times}x"
            yield knob.name, place, right, round(victim.queries / count), max(errors, default=np.nan)


def excluding(where: Scene, rung: str | None, count: int) -> tuple[int, float]:
    """(different tokens told by XTC, largest distance of a threshold from the token's true value)."""
    victim = target(where, rung)
    thresholds = [float(10 ** (-place / 10)) for place in range(20, 20 + count)]
    told = attacks.exclude(victim, NATIVE, "Once upon a", thresholds)
    true = {one["token"]: one["logprob"] for one in attacks.listed(target(where), "Once upon a")}
    victim.close()
    gaps = [true[token] - np.log(threshold) for threshold, token in told.items() if token in true]
    return len(set(told.values())), max(gaps, default=np.nan)


# --- the report ------------------------------------------------------------------------------------------


def say(line: str = "") -> None:
    """A line of the report, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def shape_table(where: Scene) -> None:
    """Width by shape, directly and on each rung with the same budget."""
    say("| shape | direct: width (drop) | narrow | throttle |\n|---|---|---|---|")
    for shape in sorted(SHAPES, key=lambda shape: shape.name not in WHOLE):
        began = time.monotonic()
        found, queries = read_all(where, shape, None)
        direct = width(found)
        told = int((~np.isnan(found)).all(axis=1).sum())
        cells = [f"{direct.found} ({direct.drop:,.0f}); {told} x {found.shape[1]} logits in {queries}"]
        cells[0] += f", {time.monotonic() - began:.0f} s"
        for rung in RUNGS:
            narrowed, queries = read_all(where, shape, rung)
            cells.append(f"{width(narrowed).found}; {int((~np.isnan(narrowed)).sum())} logits in {queries}")
        say(f"| {shape.name} | {' | '.join(cells)} |")


def budget_table(where: Scene) -> None:
    """Ten different requests per prompt on rung narrow."""
    say(f"\n| narrow, {TIMES} requests per prompt | queries | most values told of a context | width |")
    say("|---|---|---|---|")
    for shape in sorted(SHAPES, key=lambda shape: shape.name not in WHOLE):
        most, queries, found = everything(where, shape, "narrow")
        say(f"| {shape.name} | {queries} | {most} | {found} |")


def weighing_table(where: Scene) -> None:
    """Logits without probabilities."""
    count = WEIGHED
    say(f"\n| logits by weighing, {count} tokens | where | right to 0.1 | queries per logit | worst error |")
    say("|---|---|---|---|---|")
    for knob, place, right, queries, worst in weighing(where, count):
        say(f"| {knob} | {place} | {right} | {queries} | {worst:.4f} |")
    for rung, times in ((None, 1), ("narrow", 1), ("narrow", 2)):
        different, gap = excluding(where, rung, 40 * times)
        say(f"| xtc_threshold | {rung or 'direct'} | {different} tokens | {40 * times} | {gap:.3f} |")


def image_table(logits: Matrix) -> None:
    """Whether a further vector is of the same model, from its image."""
    fit, rest = logits[:-20], logits[-20:]
    space = image(fit, HIDDEN_SIZE)
    chance = np.random.default_rng(1)
    own = [residual(space, row) for row in rest]
    other = [residual(space, chance.permutation(row)) for row in rest]
    say(f"\nimage of {len(fit)} prompts: residual of its own model {max(own):.1e} at most, ")
    say(f"of a stranger {min(other):.2f} at least")


def repairs_table(where: Scene) -> None:
    """What the width needs, on the logits read directly: rounding, noise, order alone, samples alone."""
    logits, _ = read_all(where, NATIVE, None)
    image_table(logits)
    chance = np.random.default_rng(2)
    reference = int(np.argmax(logits.mean(axis=0)))
    cases: dict[str, Matrix] = {"exact": logits}
    cases |= {f"rounded to {places} decimals": logits.round(places) for places in (3, 2, 1, 0)}
    cases |= {
        f"noise of {size:g}": logits + chance.normal(0, size, logits.shape) for size in (0.01, 0.1, 0.5)
    }
    cases["order alone"] = ranks(logits)
    for draws in (12, 120, 12_000):
        cases[f"{draws} samples per pair"] = sampled(logits, reference, draws, 2.0, draws)
    say("\n| all logits known | width | drop |\n|---|---|---|")
    for name, case in cases.items():
        found = width(case)
        say(f"| {name} | {found.found} | {found.drop:,.2f} |")


PARTS = {
    "shapes": shape_table,
    "weighing": weighing_table,
    "budget": budget_table,
    "repairs": repairs_table,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.responses.logprobs", description=__doc__)
    parser.add_argument("--prompts", type=int, default=600)
    parser.add_argument("--tokens", type=int, default=620)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--every-shape", action="store_true", help="the whole budget in every shape")
    options = parser.parse_args(arguments)
    parts = options.parts.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    with scene(options.prompts, options.tokens, every_shape=options.every_shape) as where:
        for part in parts:
            PARTS[part](where)


if __name__ == "__main__":
    main()

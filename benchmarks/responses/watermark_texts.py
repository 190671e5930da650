"""Answers of a real model with and without the mark: through `gateway serve`, and from the server itself.

What belongs here is getting the answers; what they show is counted in `benchmarks.responses.watermark`. They
are kept in a file as they come, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.responses.watermark_tasks import TASKS
from gateway.cli import main
from tests.processes import GatewayProcess, run_gateway
from tests.real.model_server import MODEL_NAME, ServerOptions, run_model_server

LENGTH = 2400
"""Tokens of one sample."""
LONGEST = 400
"""Tokens of one answer."""
WORDS = 2000
"""Of the vocabulary: 1,000 entries, about as many as vLLM takes. OpenAI's limit of 300 makes 600 words."""
SLOTS = 4
NO_SYSTEM = {"role": "system", "content": ""}
"""In place of the chat template's own, which costs time and says nothing."""

_POLICIES = """
---
kind: policy
id: all
title: Everybody, always
mode: enforce
cap: 100
signals:
  model: {request: {request.model: {matches: smollm2}}, points: 60}
---
kind: ladder
id: default
title: One rung
rungs:
  mark: {at: 50, do: [{watermark: {tokens: smollm2, engine: llamacpp, strength: %g}}]}
"""


@dataclass(frozen=True)
class Sample:
    """Answers under one API key; `kind` is `marked` or `clean`."""

    number: int
    key: str
    kind: str
    texts: list[str]
    tokens: int


def rows(data: Path, source: str) -> Iterator[dict[str, Any]]:
    """The rows of one file of prompts."""
    with gzip.open(data / "prompts" / f"{source}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def ask(url: str, key: str, body: dict[str, Any]) -> tuple[str, int]:
    """(text, tokens) of one chat answer."""
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx2.post(
        f"{url}/v1/chat/completions", json={"model": MODEL_NAME, **body}, headers=headers, timeout=900
    )
    found = answer.raise_for_status().json()
    return str(found["choices"][0]["message"]["content"]), int(found["usage"]["completion_tokens"])


def write_vocabulary(data: Path, endpoint: str, target: Path, work: Path, words: int) -> None:
    """A vocabulary of answers of other models than the one that is marked: nothing is tuned to it."""
    answers = work / "answers.jsonl"
    with answers.open("w", encoding="utf-8") as out:
        for source in ("alpaca_52k", "sharegpt"):
            for number, row in enumerate(rows(data, source)):
                if number < 6000 and row.get("response"):
                    out.write(json.dumps({"response": row["response"]}) + "\n")
    command = ["mark", "vocabulary", str(answers), "--endpoint", endpoint]
    command += ["--id", "smollm2", "--model", "smollm2*", "--words", str(words), "-o", str(target)]
    if main(command) != 0:
        raise RuntimeError("no vocabulary was made")


@contextmanager
def servers(
    data: Path, home: Path, strength: float, words: int = WORDS
) -> Iterator[tuple[str, GatewayProcess]]:
    """(the model server's address, a gateway before it that marks everybody under `home`/ring.json)."""
    policies = home / "policies"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "test.yaml").write_text(_POLICIES % strength, "utf-8")
    more: dict[str, dict[str, Any]] = {
        "policies": {"allow_actions": ["watermark"]},
        "marks": {"key_ring": str((home / "ring.json").absolute())},
    }
    with run_model_server(ServerOptions(slots=SLOTS, context=1024)) as model:
        if not (policies / "smollm2.yaml").exists():
            write_vocabulary(data, model.base_url, policies / "smollm2.yaml", home, words)
        with run_gateway(home / "run", model.base_url, "enforce", policies.absolute(), more=more) as gateway:
            yield model.base_url, gateway


def _sample(url: str, key: str, prompts: Sequence[str], seed: int) -> tuple[list[str], int]:
    """Answers to the prompts, one after the other, until they have LENGTH tokens."""
    texts: list[str] = []
    total = 0
    for number, prompt in enumerate(prompts):
        left = max(16, min(LONGEST, LENGTH - total))
        body = {
            "messages": [NO_SYSTEM, {"role": "user", "content": prompt}],
            "max_tokens": left,
            "temperature": 0.8,
            "seed": seed + number,
        }
        text, tokens = ask(url, key, body)
        texts.append(text)
        total += tokens
        if total >= LENGTH:
            break
    return texts, total


def read(path: Path) -> list[dict[str, Any]]:
    """What was kept so far."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def generate(data: Path, home: Path, count: int, strength: float, words: int = WORDS) -> None:
    """Fill `home`/samples.jsonl with `count` samples of each kind, and `home`/tasks.jsonl with both kinds."""
    home.mkdir(parents=True, exist_ok=True)
    kept, done = home / "samples.jsonl", home / "tasks.jsonl"
    made = {(row["number"], row["kind"]) for row in read(kept)}
    wanted = [(number, kind) for kind in ("marked", "clean") for number in range(count)]
    missing = [one for one in wanted if one not in made]
    prompts = [row["prompt"] for row in rows(data, "alpaca_eval_805") if len(row["prompt"]) < 1000]

    with servers(data, home, strength, words) as (model, gateway), ThreadPoolExecutor(SLOTS) as pool:
        urls = {"marked": gateway.url, "clean": model}

        def one(job: tuple[int, str]) -> Sample:
            number, kind = job
            asked = random.Random(number).sample(prompts, 60)
            texts, tokens = _sample(urls[kind], f"sk-tenant-{number}", asked, 1000 * number)
            return Sample(number, f"sk-tenant-{number}", kind, texts, tokens)

        def task(job: tuple[int, str]) -> dict[str, Any]:
            number, kind = job
            body = TASKS[number].body()
            text, _ = ask(urls[kind], f"sk-tenant-{number % 24}", body)
            return {"number": number, "kind": kind, "right": TASKS[number].right(text)}

        had = {(row["number"], row["kind"]) for row in read(done)}
        jobs = [(number, kind) for number in range(len(TASKS)) for kind in urls if (number, kind) not in had]
        with done.open("a", encoding="utf-8") as out:
            for row in pool.map(task, jobs):
                out.write(json.dumps(row) + "\n")
                out.flush()
        with kept.open("a", encoding="utf-8") as out:
            for sample in as_completed([pool.submit(one, job) for job in missing]):
                out.write(json.dumps(vars(sample.result())) + "\n")
                out.flush()

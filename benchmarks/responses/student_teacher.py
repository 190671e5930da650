"""The teacher of the students: a real model, asked directly and through a gateway with one response each.

What belongs here is getting answers; students are trained in `student_labels` and `student_texts`. Every
response stands behind a `gateway serve` of its own that applies it to everybody, always: what is measured is
the response, and not whether somebody would have been caught.
"""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.responses.watermark_texts import NO_SYSTEM, WORDS, ask, rows, write_vocabulary
from gateway.ring import kept_ring
from tests.processes import run_gateway
from tests.real.model_server import MODEL_NAME, ServerOptions, run_model_server

SLOTS = 2
KEY = "sk-student"
"""One API key collects everything, so that one mark is looked for."""
STRENGTH = 1.0
DIRECT = "direct"
RESPONSES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "narrow": [{"logprobs": {"max_top": 5, "decimals": 2}}],
    "off": [{"logprobs": {"off": True}}],
    "pin": [{"logprobs": {"off": True}}, {"pin": {"within": "1h"}}],
    "perturb": [{"perturb": {"profile": "strong"}}],
    "watermark": [{"watermark": {"tokens": "smollm2", "engine": "llamacpp", "strength": STRENGTH}}],
    "reasoning": [{"reasoning": {"strip": True}}],
}
REPEATS = 4
"""Answers per prompt of a student that averages."""
COMPARED = 50
"""Reviews of which labels are compared through the responses that change answers."""
LAST = "changed labels"
"""The part after which there is nothing left to ask."""
_LABELS = ("positive", "negative")
_ASKING = ("Sentiment", "Feeling", "Mood", "Verdict")
"""The word that asks for a label; another one makes another prompt of it."""
_ANSWER = 120
"""Tokens of one text."""
_REVIEWS = (("a delight from start to finish .", "positive"), ("dull and far too long .", "negative"))
_PLAIN = ("Steps:", "Answer:")
"""Around a train of thought for which no tags are used."""
_TRACES = (
    (
        "Is a whale a fish?",
        "A whale breathes air and feeds milk to its young. Animals that do so are mammals.",
        "No, a whale is a mammal.",
    ),
    (
        "Why is the sky blue?",
        "Light from the sun has all colours. Air scatters blue light more than red light.",
        "Because the air scatters blue light most.",
    ),
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much the teacher is asked."""

    reviews: int
    held_reviews: int
    texts: int
    held_texts: int
    traces: int
    held_traces: int


# --- the servers ---------------------------------------------------------------------------------------


class Memory(ThreadingHTTPServer):
    """The model server with a memory: the same question under the same seed has one answer.

    Two responses that edit answers then edit the very same ones, and the model answers each only once.
    """

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Remembering)
        self.client = httpx2.Client(base_url=upstream, timeout=600)
        self.known: dict[str, tuple[int, bytes]] = {}
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body), the model's or remembered."""
        asked = f"{path} {json.dumps(json.loads(body), sort_keys=True)}"
        with self.guard:
            known = self.known.get(asked)
        if known is None:
            found = self.client.post(path, content=body, headers={"content-type": "application/json"})
            known = (found.status_code, found.content)
            with self.guard:
                self.known[asked] = known
        return known


class _Remembering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet: two would meet delayed acknowledgements.
    wbufsize = -1

    def do_POST(self) -> None:
        """Hand on, or remember."""
        assert isinstance(self.server, Memory)
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = self.server.answer(self.path, body)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named by the library
        """Nothing is logged."""


@contextmanager
def remembering(upstream: str) -> Iterator[str]:
    """The address of a memory before a server."""
    with Memory(upstream) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
            server.client.close()


def write_policies(directory: Path, do: Sequence[Mapping[str, Any]]) -> None:
    """Everybody stands on one rung, which does this."""
    directory.mkdir(parents=True, exist_ok=True)
    policy = {
        "kind": "policy",
        "id": "all",
        "title": "Everybody, always",
        "mode": "enforce",
        "cap": 100,
        "signals": {"any": {"request": {"request.endpoint": {"in": ["chat", "completions"]}}, "points": 60}},
    }
    ladder = {
        "kind": "ladder",
        "id": "default",
        "title": "One rung",
        "rungs": {"only": {"at": 50, "do": list(do)}},
    }
    (directory / "all.yaml").write_text(f"{json.dumps(policy)}\n---\n{json.dumps(ladder)}\n", "utf-8")


@contextmanager
def teachers(data: Path, home: Path) -> Iterator[dict[str, str]]:
    """The address of the teacher by response, and of itself."""
    kept_ring(home / "ring.json")
    more: dict[str, dict[str, Any]] = {
        "policies": {"allow_actions": ["perturb", "watermark"]},
        "marks": {"key_ring": str((home / "ring.json").absolute())},
    }
    with ExitStack() as stack:
        options = ServerOptions(slots=SLOTS, context=1024, prompt_cache=True)
        model = stack.enter_context(run_model_server(options))
        url = stack.enter_context(remembering(model.base_url))
        found = {DIRECT: url}
        for name, do in RESPONSES.items():
            policies = (home / "policies" / name).absolute()
            write_policies(policies, do)
            if name == "watermark":
                write_vocabulary(data, model.base_url, policies / "smollm2.yaml", home, WORDS)
            process = run_gateway(home / f"run-{name}", url, "enforce", policies, more=more)
            found[name] = stack.enter_context(process).url
        yield found


# --- what is asked -------------------------------------------------------------------------------------


def review_prompt(text: str, asking: str = _ASKING[0]) -> str:
    """Asks for a sentiment; prompts for one text differ at the very end, which a model's cache likes."""
    shown = [f"Review: {said}\n{_ASKING[0]}: {label}" for said, label in _REVIEWS]
    return "\n\n".join([*shown, f"Review: {text}\n{asking}:"])


def trace_prompt(question: str, *, tagged: bool) -> str:
    """Asks for a train of thought and an answer; between tags, or in plain words."""
    first, second = ("<think>", "</think>\n") if tagged else (f"{_PLAIN[0]} ", f"\n{_PLAIN[1]} ")
    shown = [f"Question: {asked}\n{first}{steps}{second}{said}" for asked, steps, said in _TRACES]
    return "\n\n".join([*shown, f"Question: {question}\n"])


def split_trace(text: str) -> tuple[str, str]:
    """(steps, answer) of a text in either form; steps that do not end are steps to the end."""
    for begin, end in (("<think>", "</think>"), _PLAIN):
        before, found, after = text.partition(end)
        if found or text.strip().startswith(begin):
            return before.strip().removeprefix(begin).strip(), after.strip()
    return "", text.strip()


def margin(entries: Iterable[Mapping[str, Any]]) -> float | None:
    """Log-odds of the first label against the second, as far as told: an untold one is at most the least."""
    told = {str(entry["token"]).strip(): float(entry["logprob"]) for entry in entries}
    if not told.keys() & set(_LABELS):
        return None
    least = min(told.values())
    return told.get(_LABELS[0], least) - told.get(_LABELS[1], least)


def votes(said: Iterable[str]) -> float:
    """Log-odds from labels that were said; half a vote for either side keeps them finite."""
    counted = [word.strip() for word in said]
    yes, no = (counted.count(label) for label in _LABELS)
    return math.log((yes + 0.5) / (no + 0.5))


class Asker:
    """Asks under one key."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._client = httpx2.Client(timeout=600, headers={"authorization": f"Bearer {KEY}"})

    def complete(self, through: str, prompt: str, **more: Any) -> Row:
        """The first choice of a completion. Raises httpx2.HTTPStatusError."""
        body = {"model": MODEL_NAME, "prompt": prompt, "max_tokens": 1, "temperature": 0, **more}
        answer = self._client.post(f"{self._urls[through]}/v1/completions", json=body)
        found: Row = answer.raise_for_status().json()["choices"][0]
        return found

    def review(self, given: int, number: int, row: Row) -> Row:
        """All that students may learn of one of the `given` reviews; of others, what to compare with."""
        prompt = review_prompt(row["prompt"])
        direct = self.complete(DIRECT, prompt, logprobs=20)
        found: Row = {"text": row["prompt"], "gold": row["response"], "exact": _margin(direct)}
        if number >= given:
            return found
        found["narrow"] = _margin(self.complete("narrow", prompt, logprobs=20))
        off = self.complete("off", prompt, logprobs=20)
        found["told"] = _margin(off) is not None
        found["off"] = votes([off["text"]])
        draws = [{"temperature": 1, "seed": REPEATS * number + one} for one in range(REPEATS)]
        for through in ("off", "pin"):
            said = [self.complete(through, prompt, **draw)["text"] for draw in draws]
            found[f"{through} x{REPEATS}"] = votes(said)
        others = [review_prompt(row["prompt"], asking) for asking in _ASKING]
        said = [
            self.complete("pin", other, **draw)["text"] for other, draw in zip(others, draws, strict=True)
        ]
        found["pin, other words"] = votes(said)
        return found

    def text(self, through: str, number: int, prompt: str) -> str:
        """A chat answer of some length."""
        messages = [NO_SYSTEM, {"role": "user", "content": prompt}]
        body = {"messages": messages, "max_tokens": _ANSWER, "temperature": 0.8, "seed": number}
        return ask(self._urls[through], KEY, body)[0]

    def trace(self, through: str, tagged: bool, number: int, question: str) -> tuple[str, str]:
        """(steps, answer) as they come through."""
        prompt = trace_prompt(question, tagged=tagged)
        more = {"max_tokens": 80, "temperature": 0.8, "seed": number, "stop": ["\n\n", "Question:"]}
        return split_trace(self.complete(through, prompt, **more)["text"])

    def changed(self, number: int, row: Row) -> bool:
        """Whether a response that changes answers has changed a label."""
        del number
        prompt = review_prompt(row["prompt"])
        said = {self.complete(to, prompt)["text"] for to in (DIRECT, "perturb", "watermark")}
        return len(said) > 1


def _margin(choice: Row) -> float | None:
    content = (choice.get("logprobs") or {}).get("content") or [{}]
    return margin(content[0].get("top_logprobs") or [])


# --- all of it -----------------------------------------------------------------------------------------

_TRACE_KINDS = (
    ("traces", DIRECT, True),
    ("stripped", "reasoning", True),
    ("plain words", "reasoning", False),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the teacher is asked; in each the last are held out."""

    reviews: Sequence[Row]
    texts: Sequence[str]
    questions: Sequence[str]


def asked(data: Path, amounts: Amounts) -> Asked:
    """Drawn with a fixed seed, from public reviews and instructions."""
    chance = random.Random(6)
    reviews = [row for row in rows(data, "review_texts") if row["kind"] == "sentence_polarity"]
    reviews = [row for row in reviews if 40 < len(row["prompt"]) < 160]
    prompts = [row["prompt"] for row in rows(data, "alpaca_eval_805")]
    texts = chance.sample([one for one in prompts if len(one) < 300], amounts.texts + amounts.held_texts)
    short = [one for one in prompts if len(one) < 80 and one.endswith("?")]
    return Asked(
        chance.sample(reviews, amounts.reviews + amounts.held_reviews),
        texts,
        chance.sample(short, amounts.traces + amounts.held_traces),
    )


def collect(data: Path, home: Path, amounts: Amounts, found: Row) -> Iterator[str]:
    """Fill `found` with what it lacks of what the teacher says, part by part; gives the parts' names."""
    home.mkdir(parents=True, exist_ok=True)
    what = asked(data, amounts)
    with teachers(data, home) as urls, ThreadPoolExecutor(SLOTS) as pool:
        for name, jobs, of in _parts(Asker(urls), what, amounts):
            if name not in found:
                found[name] = list(pool.map(of, range(len(jobs)), jobs))
                yield name


Part = tuple[str, Sequence[Any], Callable[[int, Any], Any]]


def _parts(asker: Asker, what: Asked, amounts: Amounts) -> Iterator[Part]:
    """(name, what is asked, how it is asked)."""
    for through in (DIRECT, "watermark", "perturb"):
        wanted = what.texts if through == DIRECT else what.texts[: amounts.texts]
        yield through, wanted, partial(asker.text, through)
    for name, through, tagged in _TRACE_KINDS:
        yield name, what.questions, partial(asker.trace, through, tagged)
    yield "reviews", what.reviews, partial(asker.review, amounts.reviews)
    yield LAST, what.reviews[:COMPARED], asker.changed

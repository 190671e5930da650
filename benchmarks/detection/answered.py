"""`python -m benchmarks.detection.answered DATA OUT`: traffic whose answers are recorded.

Two directories are made. `shown` is DATA's own traffic with the answers that it shows itself, in the
history that a later request of the same principal replays, under whatever role. `chains` sends answers on:
six ways to teach a model by another (evolving tasks, marking, revising, asking what an answer answers,
exchanged roles, seeds from the output), and eight honest programs and people who send answers on as well, or
converse. All texts are those of DATA/prompts; the frames around them are ours.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.detection.corpus import locate
from benchmarks.detection.slots import rows
from gateway.traffic import discover, merged, survey

REQUESTS = 90
KEYS = 6
"""Principals of each way."""
START = 1_767_571_200.0
Exchange = tuple[list[dict[str, str]], str]
"""Messages and their answer."""
Draw = Callable[[str], str]
Way = Callable[[Draw], Iterator[Exchange]]


def _user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


# --- ways to send answers on ---------------------------------------------------------------------------


def _evolve(draw: Draw) -> Iterator[Exchange]:
    task = draw("task")
    for _ in range(3):
        harder = draw("task")
        yield (
            _user(f"Rewrite the given task into a more demanding version.\n#Task#: {task}\n#New task#:"),
            harder,
        )
        task = harder
    yield _user(task), draw("answer")


def _mark(draw: Draw) -> Iterator[Exchange]:
    task, answer = draw("task"), draw("answer")
    yield _user(task), answer
    yield (
        _user(f"Score the response to the task from 0 to 5.\nTask: {task}\nResponse: {answer}\nScore:"),
        "Score: 4",
    )


def _revise(draw: Draw) -> Iterator[Exchange]:
    task, answer, critique = draw("task"), draw("answer"), draw("answer")
    yield _user(task), answer
    yield _user(f"Find what is wrong with this response.\n\nTask: {task}\n\nResponse: {answer}"), critique
    asked = (
        f"Improve the response by the critique.\n\nTask: {task}\n\nResponse: {answer}\n\nCritique: {critique}"
    )
    yield _user(asked), draw("answer")


def _backwards(draw: Draw) -> Iterator[Exchange]:
    text = draw("answer")
    yield _user(draw("task")), text
    yield (
        _user(f"Which instruction would a user have given to get this text?\n\n{text}\n\nInstruction:"),
        draw("task"),
    )


def _exchanged(draw: Draw) -> Iterator[Exchange]:
    question, heard = draw("task"), ""
    talk: list[str] = []
    for _ in range(3):
        heard = draw("answer")
        turns = [*talk, question]
        asked = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(turns)]
        yield asked, heard
        talk = [*turns, heard]
        played = [{"role": ("assistant", "user")[at % 2], "content": text} for at, text in enumerate(talk)]
        question = draw("task")
        yield (
            [{"role": "system", "content": "Play the customer. Write the next message only."}, *played],
            question,
        )


def _reseed(draw: Draw) -> Iterator[Exchange]:
    pool = [draw("task") for _ in range(4)]
    for _ in range(4):
        made = [draw("task") for _ in range(3)]
        listed = "\n".join(f"{at}. {task}" for at, task in enumerate(pool[-6:], 1))
        yield _user(f"Come up with new and different tasks.\n{listed}\n"), "\n".join(made)
        pool += made


def _editor(draw: Draw) -> Iterator[Exchange]:
    text = draw("document")
    for wish in ("Make this text clearer", "Make it shorter", "Correct what is left"):
        better = draw("document")
        yield _user(f"{wish}:\n\n{text}"), better
        text = better


def _checked(draw: Draw) -> Iterator[Exchange]:
    document, translated = draw("document"), draw("answer")
    yield _user(f"Translate into German:\n{document}"), translated
    yield (
        _user(
            f"Check this translation against the original.\nOriginal: {document}\nTranslation: {translated}"
        ),
        "OK",
    )


def _reduced(draw: Draw) -> Iterator[Exchange]:
    parts = [draw("answer")[:400] for _ in range(3)]
    for part in parts:
        yield _user(f"Write a concise summary of the following:\n{draw('document')}\nCONCISE SUMMARY:"), part
    yield _user("Put these summaries into one:\n" + "\n\n".join(parts)), draw("answer")


def _condensed(draw: Draw) -> Iterator[Exchange]:
    question, answer, more = draw("task"), draw("answer"), draw("task")
    yield _user(f"Answer from the context.\nContext: {draw('document')}\nQuestion: {question}"), answer
    history = f"Human: {question}\nAssistant: {answer}\nFollow up question: {more}\nStandalone question:"
    yield (
        _user(f"Given the chat history, make the follow up question a standalone question.\n{history}"),
        draw("task"),
    )


def _own_judge(draw: Draw) -> Iterator[Exchange]:
    document, question, answer = draw("document"), draw("task"), draw("answer")
    yield _user(f"Answer from the context.\nContext: {document}\nQuestion: {question}"), answer
    asked = f"Is each statement supported by the context? Give a verdict.\n{document}\n\nAnswer: {answer}"
    yield _user(asked), "1"


def _coder(draw: Draw) -> Iterator[Exchange]:
    code = draw("answer")
    yield _user(draw("task")), code
    for _ in range(2):
        code, before = draw("answer"), code
        yield _user(f"I ran this and it fails in line 3:\n\n{before}\n\nWhy?"), code


def _talk(draw: Draw) -> Iterator[Exchange]:
    history: list[dict[str, str]] = []
    for _ in range(5):
        history = [*history, *_user(draw("task"))]
        answer = draw("answer")
        yield history, answer
        history = [*history, {"role": "assistant", "content": answer}]


def _batch(draw: Draw) -> Iterator[Exchange]:
    yield _user(f"Is this review kind? Answer yes or no.\n{draw('document')}"), "yes"


WAYS: dict[str, Way] = {
    "attack:evolve": _evolve,
    "attack:mark": _mark,
    "attack:revise": _revise,
    "attack:backwards": _backwards,
    "attack:exchanged": _exchanged,
    "attack:reseed": _reseed,
    "benign:editor": _editor,
    "benign:checked translation": _checked,
    "benign:summary of summaries": _reduced,
    "benign:condensed history": _condensed,
    "benign:judge of own answers": _own_judge,
    "benign:coder": _coder,
    "benign:conversation": _talk,
    "benign:batch": _batch,
}


def _chains(prompts: Path) -> Iterator[dict[str, Any]]:
    found = {
        "task": [row["prompt"] for row in rows(prompts, "alpaca_52k") if 60 < len(row["prompt"]) < 800],
        "answer": [
            row["response"] for row in rows(prompts, "sharegpt") if len(row.get("response") or "") > 200
        ],
        "document": [row["prompt"] for row in rows(prompts, "review_texts") if len(row["prompt"]) > 300],
    }
    for truth, way in WAYS.items():
        for key in range(KEYS):
            yield from _principal(truth, way, f"{truth.partition(':')[2].replace(' ', '-')}-{key}", found)


def _principal(truth: str, way: Way, name: str, found: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    dice = random.Random(name)
    now, gap, sent = START + dice.random() * 86_400, 20.0 * 30.0 ** dice.random(), 0
    while sent < REQUESTS:
        for messages, answer in way(lambda kind: dice.choice(found[kind])[:3000]):
            now += dice.expovariate(1 / gap)
            sent += 1
            request = {"model": "frontier-mini", "messages": messages}
            named = {"ts": round(now, 3), "principal": name, "org": f"org-{name}", "truth": truth}
            yield {**named, "request": request, "response": _whole(answer)}


def _whole(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}


# --- answers that the traffic itself shows -------------------------------------------------------------


def _shown(files: list[Path]) -> Iterator[dict[str, Any]]:
    """Each line, with what follows its last message in a later request of the same principal, if anything."""
    plan = survey(discover(files))
    follows: dict[tuple[str, str], str] = {}
    for line in merged(plan):
        texts = _texts(json.loads(bytes(line.request)))
        follows |= {(line.principal, one): after for one, after in pairwise(texts) if after}
    for line in merged(plan):
        request = json.loads(bytes(line.request))
        answer = follows.get((line.principal, _texts(request)[-1]))
        said = {} if answer is None else {"response": _whole(answer)}
        who = {
            "ts": line.ts,
            "principal": line.principal,
            "org": line.org,
            "ip": line.ip,
            "truth": line.truth,
        }
        yield {**who, "request": request, **said}


def _texts(request: dict[str, Any]) -> list[str]:
    found = [message.get("content") for message in request.get("messages", ())]
    return [one if isinstance(one, str) else "" for one in found] or [""]


def make(data: Path, out: Path) -> dict[str, int]:
    """Write both directories below OUT/traffic; returns how many requests each has."""
    home, made = out / "traffic", {}
    for name, lines in (("shown", _shown([locate(data, None)])), ("chains", _chains(data / "prompts"))):
        (home / name).mkdir(parents=True, exist_ok=True)
        ordered = sorted(lines, key=lambda line: float(line["ts"]))
        with gzip.open(home / name / "all.jsonl.gz", "wt", encoding="utf-8", compresslevel=3) as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in ordered)
        made[name] = len(ordered)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.detection.answered", description=__doc__)
    parser.add_argument("data", type=Path, help="a directory with `prompts` and `traffic` below it")
    parser.add_argument("out", type=Path, help="where `traffic` is made")
    given = parser.parse_args(arguments)
    for name, requests in make(given.data, given.out).items():
        sys.stdout.write(f"{given.out / 'traffic' / name}: {requests} requests\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

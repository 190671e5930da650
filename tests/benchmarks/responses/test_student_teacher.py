"""How the teacher of students is asked, and what is read out of its answers; the model itself is a stub."""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.responses import student_teacher as teacher
from gateway.policies.load import load_bundle

LOGPROBS = {" positive": -0.5, " negative": -1.5, " mixed": -4.0}


class Stub(BaseHTTPRequestHandler):
    """Says how often it was asked, and "positive" with probabilities where those are asked for."""

    asked = 0

    def do_POST(self) -> None:
        """Answer."""
        type(self).asked += 1
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = [{"token": token, "logprob": value} for token, value in LOGPROBS.items()]
        content = {"content": [{"top_logprobs": told}]} if "logprobs" in body else None
        choice = {"text": " positive", "logprobs": content, "asked": self.asked}
        said = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named by the library
        """Nothing is logged."""


@pytest.fixture
def model() -> Iterator[str]:
    Stub.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_the_same_question_has_one_answer_however_its_keys_are_ordered(model: str) -> None:
    with teacher.remembering(model) as url:
        bodies = ('{"seed": 1, "prompt": "a"}', '{"prompt": "a", "seed": 1}', '{"prompt": "a", "seed": 2}')
        said = [httpx2.post(f"{url}/v1/completions", content=body.encode()).json() for body in bodies]
    assert [one["choices"][0]["asked"] for one in said] == [1, 1, 2]


def test_a_review_is_asked_about_directly_and_through_each_response(model: str) -> None:
    asker = teacher.Asker(dict.fromkeys((teacher.DIRECT, "narrow", "off", "pin"), model))
    row = {"prompt": "a joy .", "response": "positive"}
    found = asker.review(1, 0, row)
    one, four = math.log(1.5 / 0.5), math.log(4.5 / 0.5)
    assert found == {
        "text": "a joy .",
        "gold": "positive",
        "exact": 1.0,
        "narrow": 1.0,
        "told": True,
        "off": pytest.approx(one),
        "off x4": pytest.approx(four),
        "pin x4": pytest.approx(four),
        "pin, other words": pytest.approx(four),
    }
    assert asker.review(1, 1, row) == {"text": "a joy .", "gold": "positive", "exact": 1.0}, "held out"


def test_a_label_counts_as_changed_if_a_response_gives_another(model: str) -> None:
    asker = teacher.Asker(dict.fromkeys((teacher.DIRECT, "perturb", "watermark"), model))
    with ThreadPoolExecutor(1) as pool:
        assert list(pool.map(asker.changed, range(2), [{"prompt": "a joy ."}] * 2)) == [False, False]


def test_the_margin_is_told_as_far_as_the_alternatives_go() -> None:
    entries = [{"token": token, "logprob": value} for token, value in LOGPROBS.items()]
    assert teacher.margin(entries) == 1.0
    assert teacher.margin(entries[1:]) == -4.0 + 1.5, "an untold label is no likelier than the least told"
    assert teacher.margin(entries[2:]) is None
    assert teacher.margin([]) is None


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_votes_rise_with_one_label_and_fall_with_the_other(yes: int, no: int, else_: int) -> None:
    def said(yes: int, no: int) -> float:
        return teacher.votes([" positive"] * yes + ["negative"] * no + ["mixed"] * else_)

    assert said(yes, no) == pytest.approx(-said(no, yes))
    assert said(yes + 1, no) > said(yes, no) > said(yes, no + 1)


def test_prompts_about_one_review_differ_in_their_last_word_alone() -> None:
    first, second = teacher.review_prompt("a joy ."), teacher.review_prompt("a joy .", "Mood")
    assert first.removesuffix("Sentiment:") == second.removesuffix("Mood:") != first


@pytest.mark.parametrize(
    ("text", "steps", "answer"),
    [
        ("<think>So it is.</think>\nYes.", "So it is.", "Yes."),
        ("Steps: So it is.\nAnswer: Yes.", "So it is.", "Yes."),
        ("<think>So it is", "So it is", ""),
        (" Steps: So it is", "So it is", ""),
        ("Yes.", "", "Yes."),
        ("", "", ""),
    ],
)
def test_steps_and_answer_are_told_apart_in_either_form(text: str, steps: str, answer: str) -> None:
    assert teacher.split_trace(text) == (steps, answer)


@pytest.mark.parametrize("tagged", [True, False])
def test_examples_of_steps_read_as_the_answers_are_read(tagged: bool) -> None:
    shown = teacher.trace_prompt("Why?", tagged=tagged).split("\n\n")
    assert shown[-1] == "Question: Why?\n"
    for example in shown[:-1]:
        steps, answer = teacher.split_trace(example.partition("\n")[2])
        assert steps
        assert answer
        assert "<" not in steps + answer
        assert ":" not in steps + answer


@pytest.mark.parametrize("name", [name for name in teacher.RESPONSES if name != "watermark"])
def test_policies_put_everybody_on_the_one_rung(tmp_path: Path, name: str) -> None:
    teacher.write_policies(tmp_path, teacher.RESPONSES[name])
    assert [rung.id for rung in load_bundle(tmp_path).ladder.rungs] == ["only"]


def test_what_is_asked_is_drawn_once_and_for_all_without_repetition(tmp_path: Path) -> None:
    directory = tmp_path / "prompts"
    directory.mkdir()
    sources = {
        "review_texts": [
            {
                "kind": "sentence_polarity",
                "prompt": f"{number} " + "a fine film . " * 5,
                "response": "positive",
            }
            for number in range(20)
        ],
        "alpaca_eval_805": [{"prompt": f"Why is {number}?"} for number in range(20)],
    }
    for name, rows in sources.items():
        with gzip.open(directory / f"{name}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.write("\n".join(map(json.dumps, rows)))
    amounts = teacher.Amounts(10, 5, 6, 4, 3, 2)
    found = teacher.asked(tmp_path, amounts)
    assert found == teacher.asked(tmp_path, amounts)
    assert (len(found.reviews), len(found.texts), len(found.questions)) == (15, 10, 5)
    assert len(set(found.texts)) == 10

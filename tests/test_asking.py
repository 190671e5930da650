"""Asking a model server, which is an app in this process here."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from gateway.asking import ModelServer
from gateway.errors import ConfigError


class Fake:
    """Answers as a model server; keeps what it was asked."""

    def __init__(self, answer: Any = None, status: int = 200) -> None:
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        self._answer, self._status = answer, status

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        self.asked.append((str(request.url), body, request.headers.get("authorization")))
        answer = self._answer
        if answer is None and request.url.path == "/tokenize":
            answer = {"tokens": [len(word) for word in body["content"].split()]}
        elif answer is None:
            said = body["messages"][0]["content"].upper()
            answer = {"choices": [{"message": {"role": "assistant", "content": said}}]}
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx2.Response(self._status, content=content)

    def server(self, url: str = "http://model:8000", key: str | None = None) -> ModelServer:
        return ModelServer(url, key=key, transport=httpx2.MockTransport(self))


def test_it_is_asked_by_chat_completions_under_a_key() -> None:
    fake = Fake()
    with fake.server("http://model:8000/v1/", key="sk-secret") as server:
        assert list(server.answers(["one", "two"], model="m", max_tokens=9)) == ["ONE", "TWO"]
    url, body, key = fake.asked[1]
    assert url == "http://model:8000/v1/chat/completions"
    assert body == {"model": "m", "messages": [{"role": "user", "content": "two"}], "max_tokens": 9}
    assert key == "Bearer sk-secret"


def test_it_says_which_token_a_text_is() -> None:
    fake = Fake()
    with fake.server() as server:
        assert server.token(" the") == 3
        assert server.token("two words") is None
        assert server.tokens("two words") == [3, 5]
    url, body, key = fake.asked[0]
    assert (url, key) == ("http://model:8000/tokenize", None)
    assert body["content"] == body["prompt"] == " the"


_BAD: list[tuple[Any, int, str]] = [
    (b"not JSON", 200, "/tokenize answers no JSON object"),
    ([1], 200, "/tokenize answers no JSON object"),
    ({"error": "sk-secret"}, 401, "/tokenize answers 401"),
    ({}, 200, "the answer of /tokenize is no list of tokens"),
    ({"tokens": ["a"]}, 200, "the answer of /tokenize is no list of tokens"),
]


@pytest.mark.parametrize(("answer", "status", "message"), _BAD)
def test_an_answer_that_is_none_is_told_without_repeating_it(answer: Any, status: int, message: str) -> None:
    with Fake(answer, status).server(key="sk-secret") as server, pytest.raises(ConfigError) as raised:
        server.token(" a private word")
    assert str(raised.value) == f"http://model:8000: error: {message}"


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}])
def test_an_answer_without_text_is_no_chat_completion(answer: Any) -> None:
    with Fake(answer).server() as server, pytest.raises(ConfigError, match="is no chat completion"):
        list(server.answers(["hi"], model="m", max_tokens=1))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no address", "ftp://x"])
def test_a_server_that_is_not_there_is_told(url: str) -> None:
    with ModelServer(url) as server, pytest.raises(ConfigError, match="does not answer: "):
        server.token(" a")

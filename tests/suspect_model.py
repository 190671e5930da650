"""A model server for the tests of tools: answers with what it is told to, and takes words for tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@contextmanager
def suspect_model(say: Callable[[str], str]) -> Iterator[tuple[str, list[str]]]:
    """(its address, the API keys that it was sent); `say` makes an answer of a prompt."""
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Tokenize, or answer."""
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            keys.append(self.headers.get("authorization", ""))
            if self.path == "/tokenize":
                # One token for each word with a space before it.
                answer: dict[str, Any] = {
                    "tokens": [int.from_bytes(word.encode()) for word in body["content"].split()]
                }
            else:
                said = say(body["messages"][0]["content"])
                answer = {"choices": [{"message": {"role": "assistant", "content": said}}]}
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", keys
        finally:
            server.shutdown()
            serving.join()

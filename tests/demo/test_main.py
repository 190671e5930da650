"""`python -m gateway.demo`."""

from __future__ import annotations

import runpy
import sys
from typing import Any

import pytest
import uvicorn

from gateway.demo import __main__ as command


def test_the_command_serves_on_the_given_port(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **settings: seen.append((app, settings)))
    command.main(["--port", "9123", "--delay", "0"])
    assert (seen[0][1]["host"], seen[0][1]["port"]) == ("127.0.0.1", 9123)


def test_the_module_runs_as_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **settings: seen.append(settings["port"]))
    monkeypatch.setattr(sys, "argv", ["gateway.demo"])
    runpy.run_path(command.__file__, run_name="__main__")
    assert seen == [9000]


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "--port" in capsys.readouterr().out

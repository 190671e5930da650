"""Logs: one line per event, and no way for a request to get into one."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CallError
from gateway.logs import JsonFormatter, TextFormatter, configure

Style = Literal["text", "json"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is the one thing of a process that is global; put it back."""
    root, own, access = (logging.getLogger(name) for name in ("", "gateway", "uvicorn.access"))
    handlers, levels = root.handlers[:], (root.level, own.level, access.level)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    for logger, level in zip((root, own, access), levels, strict=True):
        logger.setLevel(level)


def lines(style: Style, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure(level, style, stream)
    return stream


def test_a_text_line_has_time_level_name_and_message() -> None:
    out = lines("text")
    logging.getLogger("gateway.proxy").warning("upstream %s", "timeout")
    time, rest = out.getvalue().split(" ", 1)
    assert rest == "WARNING gateway.proxy upstream timeout\n"
    assert time.endswith("Z")


def test_a_json_line_has_the_same_under_names() -> None:
    out = lines("json")
    logging.getLogger("gateway.proxy").info("ready", extra={"headers": "secret"})
    event = json.loads(out.getvalue())
    assert list(event) == ["ts", "level", "logger", "message"]
    assert (event["level"], event["logger"], event["message"]) == ("info", "gateway.proxy", "ready")
    assert "secret" not in out.getvalue()


def test_the_level_is_this_projects_and_others_speak_from_warning_up() -> None:
    out = lines("text", "debug")
    logging.getLogger("gateway").debug("own detail")
    logging.getLogger("httpx").info("other detail")
    logging.getLogger("httpx").warning("other warning")
    logging.getLogger("uvicorn.access").error("GET /?key=secret")
    configure("error", "text", out)
    logging.getLogger("gateway").warning("own warning")
    assert [line.split(" ", 1)[1] for line in out.getvalue().splitlines()] == [
        "DEBUG gateway own detail",
        "WARNING httpx other warning",
    ]


def test_without_a_stream_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "text")
    logging.getLogger("gateway").info("hello")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("INFO gateway hello\n")


def test_python_warnings_are_log_lines() -> None:
    out = lines("text")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("something odd", UserWarning, stacklevel=1)
    assert "WARNING py.warnings" in out.getvalue()
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_exception_is_told_by_class_and_place_without_its_text(style: Style) -> None:
    out = lines(style)
    try:
        _fail("the whole prompt")
    except KeyError:
        logging.getLogger("gateway").exception("engine failed")
    text = out.getvalue()
    assert "engine failed" in text
    assert "KeyError at " in text
    assert "test_logs.py" in text
    assert "in _fail < " in text
    assert "prompt" not in text
    assert text.count("\n") == 1


def _fail(text: str) -> None:
    raise KeyError(text)


def test_errors_that_are_written_for_people_are_told_in_full() -> None:
    out = lines("text")
    error = CallError(400, "invalid_json", "The body is not JSON.")
    logging.getLogger("gateway").error("refused", exc_info=error)
    assert out.getvalue().endswith("refused [CallError: The body is not JSON.]\n")


def test_an_exception_that_is_not_there_adds_nothing() -> None:
    out = lines("text")
    logging.getLogger("gateway").error("nothing", exc_info=True)
    assert out.getvalue().endswith("ERROR gateway nothing\n")


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("authorization: Bearer abc.def-123", "authorization: Bearer ***"),
        ("('authorization', 'basic dXNlcg==')", "('authorization', 'basic ***')"),
        ("key sk-proj-abcdefgh12345 failed", "key sk *** failed"),
        ("principal key_0123456789abcdef0123", "principal key_0123456789abcdef0123"),
    ],
)
def test_what_looks_like_a_credential_is_masked(style: Style, message: str, shown: str) -> None:
    out = lines(style)
    logging.getLogger("gateway").warning(message)
    assert shown in out.getvalue()


@given(st.text())
def test_any_message_is_one_line(message: str) -> None:
    record = logging.LogRecord("gateway", logging.INFO, "f", 1, "%s", (message,), None)
    assert len(TextFormatter().format(record).split("\n")) == 1
    assert "\r" not in TextFormatter().format(record)
    assert isinstance(json.loads(JsonFormatter().format(record))["message"], str)

"""What the process says about itself: one line per event on standard error, as text or as JSON.

The law: no log line holds a header, a body, a prompt or a key. So formatters take the message and
nothing else from a record (no `extra`), an exception is told by its class and the places it passed
(its text may quote what it choked on; only this project's errors are made to be read), other libraries
speak from WARNING up, access logs are off because query strings carry keys, and what looks like a
credential is masked all the same.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

from gateway.errors import CallError, ConfigError, StoreError, UpstreamError

_READABLE = (CallError, ConfigError, StoreError, UpstreamError)
"""Errors whose text is written for people and never quotes a request."""

_CREDENTIAL = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+|\b(sk|pk|rk)-[a-z0-9_\-]{8,}")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {0x0A: "\\n", 0x09: " "}

_OWN, _SILENT = "gateway", ("uvicorn.access",)


def configure(level: str, style: Literal["text", "json"], stream: TextIO | None = None) -> None:
    """Send all logging of the process to `stream` (standard error), this project's from `level` up."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger(_OWN).setLevel(level.upper())
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z WARNING gateway.proxy message`"""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        error = _error(record)
        line = f"{_time(record)} {record.levelname} {record.name} {_message(record)}"
        return _one_line(f"{line} [{error}]" if error else line)


class JsonFormatter(logging.Formatter):
    """`{"ts": …, "level": …, "logger": …, "message": …, "error": …}`"""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        event = {
            "ts": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _one_line(_message(record)),
        }
        error = _error(record)
        if error:
            event["error"] = _one_line(error)
        return msgspec.json.encode(event).decode()


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    return _CREDENTIAL.sub(lambda found: f"{found[1] or found[2]} ***", record.getMessage())


def _error(record: logging.LogRecord) -> str:
    """`KeyError at engine.py:12 in decide < asgi.py:34 in run`: no text of the exception's own."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    error = record.exc_info[1]
    frames = reversed(traceback.extract_tb(error.__traceback__))
    places = " < ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    text = f": {error}" if isinstance(error, _READABLE) else ""
    return f"{type(error).__name__}{text}" + (f" at {places}" if places else "")


def _one_line(text: str) -> str:
    return text.translate(_CONTROL).encode("utf-8", "replace").decode()

"""The four ways in which things may fail; any other exception is a bug.

Here are the exception classes and nothing else. How a failure looks on the wire is the business of
`gateway.dialects`; when to raise one is the business of the module that notices.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file, for messages of the form `file:line:col`; lines and columns count from 1."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ConfigError(Exception):
    """A configuration or policy file is wrong; found at load, never at run time.

    `problems` holds one (place, message) pair per mistake, so that an author sees all of them at once.
    """

    def __init__(self, problems: list[tuple[Place, str]]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{place}: error: {message}" for place, message in problems))

    @classmethod
    def at(cls, place: Place, message: str) -> ConfigError:
        """One problem at one place."""
        return cls([(place, message)])


class CallError(Exception):
    """The client's request cannot be served; `status`, `code` and `message` are for the client's eyes.

    `code` is a stable slug (`invalid_json`, `body_too_large`, …); `message` never quotes the prompt.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(message)


class UpstreamError(Exception):
    """The model server could not be asked, or stopped in the middle of its answer.

    `kind` is one of `connect`, `timeout`, `closed`, `protocol`. `sent` tells whether any byte of the
    request may have reached the server: only an unsent request may be tried again (RFC 9110, 9.2.2).
    """

    def __init__(self, kind: str, message: str, *, sent: bool) -> None:
        self.kind = kind
        self.sent = sent
        super().__init__(message)


class StoreError(Exception):
    """The state store did not answer; the configured `on_error` says what happens to the call."""

"""The response that does nothing to the call."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from gateway.actions import base


class Options(base.Options):
    """None; `true` is accepted in place of an empty mapping."""

    @model_validator(mode="before")
    @classmethod
    def _flag(cls, value: Any) -> Any:
        return {} if value is True else value


class Log(base.Action):
    """Description: mark the record of the call as watched; the call itself goes on untouched.

    Options: none.

    Example: `log: true`
    """

    name = "log"
    options_type: ClassVar[type[base.Options]] = Options

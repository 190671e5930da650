"""The response that ends the call."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gateway.actions import base
from gateway.actions.limit import LONGEST_WAIT
from gateway.model import Call, Refusal
from gateway.units import Duration


class Options(base.Options):
    """`status` 403 or 429, `code` for the client's eyes, `retry_after` if trying again makes sense."""

    status: Literal[403, 429]
    """403 is final; 429 asks to come back later."""
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    """A slug that the client may quote to support: usage_review."""
    retry_after: Duration | None = None
    """When to come back, sent up to 120s."""


class Reject(base.Action):
    """Description: refuse every request with a neutral message; never 408, 409 or 5xx, which SDKs retry.

    Options: `status` (403 or 429), `code` (a slug the client may quote to support), `retry_after` (a
    duration; sent only up to `120s`, because SDKs take a longer one for a reason not to retry at all).

    Example: `reject: {status: 429, code: usage_review, retry_after: 60s}`
    """

    name = "reject"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        wait = options.retry_after
        self._refusal = Refusal(
            options.status,
            options.code,
            # The same words for every rule, so that nobody can tune a prompt against them.
            "This request cannot be served. Contact support and quote the id of this answer.",
            retry_after=wait if wait is not None and wait <= LONGEST_WAIT else None,
        )

    def refuse(self, call: Call) -> Refusal:
        """The configured refusal."""
        return self._refusal

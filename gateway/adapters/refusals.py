"""What drivers refuse by themselves, before anything is scored: the errors, in the same words for all."""

from __future__ import annotations

from gateway.errors import CallError


def too_large(limit: int) -> CallError:
    """A request body of more bytes than a driver takes in."""
    return CallError(413, "body_too_large", f"The request body is larger than {limit} bytes.")


def unknown_route() -> CallError:
    """A path that is not known, where the operator denies those."""
    return CallError(404, "unknown_route", "This path is not served here.")

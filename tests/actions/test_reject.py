"""Refusing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.actions import NAMES
from gateway.model import Refusal
from tests.actions.helpers import action, call


def refusal(**options: object) -> Refusal:
    found = action("reject", **{"status": 429, "code": "usage_review", **options}).refuse(
        call({"messages": []})
    )
    assert found is not None
    return found


def test_the_refusal_is_the_configured_one() -> None:
    found = refusal(status=403, code="usage_review")
    assert (found.status, found.code, found.retry_after) == (403, "usage_review", None)


@pytest.mark.parametrize(("wait", "sent"), [("60s", 60.0), ("2m", 120.0), ("121s", None), ("1h", None)])
def test_a_wait_that_sdks_would_not_accept_is_not_sent(wait: str, sent: float | None) -> None:
    assert refusal(retry_after=wait).retry_after == sent


def test_the_message_never_tells_which_rule_fired() -> None:
    messages = {refusal(code=code, status=status).message for code in ("a", "b_2") for status in (403, 429)}
    assert len(messages) == 1
    words = messages.pop().lower()
    assert not any(word in words for word in (*NAMES, "score", "policy", "distil", "rule", "extraction"))


@pytest.mark.parametrize(
    "options",
    [
        {"status": 500},
        {"status": 408},
        {"code": "Not A Slug"},
        {"code": ""},
        {"code": "x\n"},
        {"retry_after": 60},
    ],
)
def test_refusals_that_sdks_would_misread_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        refusal(**options)

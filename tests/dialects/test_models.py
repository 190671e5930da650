"""Lists of models are left alone."""

from __future__ import annotations

from gateway.dialects import get
from gateway.model import Route


def test_nothing_is_read_from_or_edited_in_a_list_of_models() -> None:
    dialect = get("models")
    call = dialect.read({}, Route("models", "models", "/v1/models"), 0)
    assert (call.turns, call.messages, call.model) == ((), 0, None)
    message = {"object": "list", "data": [{"id": "m", "logprobs": True}]}
    assert dialect.drop_probabilities(message) is False  # type: ignore[arg-type]
    assert dialect.strip_reasoning(message) == "kept"  # type: ignore[arg-type]
    assert dialect.usage(message) is None  # type: ignore[arg-type]

"""Engine extras go from every holder."""

from __future__ import annotations

from gateway.dialects.base import Object
from gateway.dialects.extras import drop_extras


def test_extras_go_from_every_holder_and_nothing_else_does() -> None:
    first: Object = {"__verbose": {}, "id": "1"}
    second: Object = {"prompt_token_ids": [1], "output": []}
    assert drop_extras(first, second) is True
    assert (first, second) == ({"id": "1"}, {"output": []})
    assert drop_extras(first, second) is False

"""The registry of actions, and what all of them have in common."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway import actions, dialects
from gateway.marks.keyring import UNKEYED
from gateway.model import Principal
from tests.actions.helpers import action, call

MINIMAL: dict[str, dict[str, object]] = {
    "cap": {"n": 1},
    "clamp": {"seed": "drop"},
    "delay": {"by": "1s"},
    "limit": {"requests": "20/1m"},
    "log": {},
    "logprobs": {},
    "perturb": {},
    "pin": {"within": "10m"},
    "reasoning": {},
    "reject": {"status": 403, "code": "usage_review"},
    "select": {"tokens": "words"},
    "shape": {"tokens_per_second": 20},
    "step_up": {"url": "https://hooks.example.com/x"},
    "watermark": {"tokens": "words"},
}


def test_every_action_is_found_by_its_name() -> None:
    assert set(actions.NAMES) == set(MINIMAL)
    assert [actions.get(name).name for name in actions.NAMES] == list(actions.NAMES)
    with pytest.raises(KeyError):
        actions.get("perturb_everything")


@pytest.mark.parametrize("name", actions.NAMES)
def test_every_action_describes_itself_and_refuses_unknown_options(name: str) -> None:
    text = actions.get(name).__doc__ or ""
    assert text.startswith("Description: ")
    assert text.index("Options: ") < text.index("Example: `")
    with pytest.raises(ValidationError):
        action(name, **MINIMAL[name], surprise=1)


@pytest.mark.parametrize("name", actions.NAMES)
def test_an_action_does_only_what_it_is_for(name: str) -> None:
    act = action(name, **MINIMAL[name])
    request = call({"messages": []})
    assert (act.refuse(request) is not None) == (name == "reject")
    assert (act.take(request) is not None) == (name in ("limit", "step_up"))
    assert (act.notice(request) is not None) == (name == "step_up")
    assert (act.exhausted(1.0) is not None) == (name == "limit")
    assert (act.wait(request) > 0) == (name == "delay")
    assert (act.task(request, {"messages": []}) is not None) == (name in ("pin", "shape"))
    assert not act.edit_request(request, dialects.get("openai_chat"), {"messages": []})
    edits = act.editor(request, dialects.get("openai_chat"), {"messages": []}) is not None
    assert edits == (name in ("logprobs", "perturb", "reasoning"))
    assert act.alters_text == (name in ("perturb", "reasoning", "select", "watermark"))
    assert act.opt_in == (name in ("perturb", "select", "watermark"))
    assert (act.keyed(Principal("p"), UNKEYED, 0.0) is act) == (not act.marks)

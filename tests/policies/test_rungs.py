"""Actions are built from their options; whatever they refuse is told at their place."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.actions.base import Action, Options
from gateway.errors import ConfigError
from tests.policies.samples import ACTIONS, LADDER, compiled
from tests.policies.test_leave import WORDS


class Picky(Action):
    """Refuses whatever it is given, after its options were found to be right."""

    name = "picky"
    options_type = Options

    def __init__(self, options: Options) -> None:
        raise ValueError("not on this rung")


def test_what_an_action_refuses_is_told_at_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(LADDER.replace("log: true", "picky: true"), actions={**ACTIONS, "picky": Picky})
    assert str(caught.value) == "0.yaml:14:9: error: rungs.watch.do.0.picky: not on this rung"
    assert not issubclass(ValueError, ValidationError)


def test_every_shipped_action_can_be_named_with_its_options() -> None:
    options = {
        "cap": "{n: 1}",
        "clamp": "{seed: drop}",
        "delay": "{by: 2s}",
        "limit": "{requests: 1/1s}",
        "log": "true",
        "logprobs": "{off: true}",
        "perturb": "{profile: light}",
        "pin": "{within: 10m}",
        "reasoning": "{strip: true}",
        "reject": "{status: 429, code: slow_down}",
        "select": "{tokens: words}",
        "shape": "{tokens_per_second: 20}",
        "step_up": "{url: 'https://h/x'}",
        "watermark": "{tokens: words}",
    }
    do = "".join(f"      - {name}: {options[name]}\n" for name in ACTIONS)
    text = (
        "kind: ladder\nid: all\ntitle: t\nrungs:\n  one:\n    at: 1\n    requires: {policies: 2}\n"
        f"    do:\n{do}"
    )
    (rung,) = compiled(text, WORDS).ladder.rungs
    assert {name: type(action) for name, action in rung.actions.items()} == dict(ACTIONS)

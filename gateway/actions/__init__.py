"""The responses by their names in YAML; each lives in its own file, one line here makes it known."""

from __future__ import annotations

from gateway.actions.base import Action
from gateway.actions.cap import Cap
from gateway.actions.clamp import Clamp
from gateway.actions.delay import Delay
from gateway.actions.limit import Limit
from gateway.actions.log import Log
from gateway.actions.logprobs import Logprobs
from gateway.actions.perturb import Perturb
from gateway.actions.pin import PinAnswer
from gateway.actions.reasoning import Reasoning
from gateway.actions.reject import Reject
from gateway.actions.select import Select
from gateway.actions.shape import Shape
from gateway.actions.step_up import StepUp
from gateway.actions.watermark import Watermark

_ACTIONS: dict[str, type[Action]] = {
    action.name: action
    for action in (
        Cap,
        Clamp,
        Delay,
        Limit,
        Log,
        Logprobs,
        Perturb,
        PinAnswer,
        Reasoning,
        Reject,
        Select,
        Shape,
        StepUp,
        Watermark,
    )
}

NAMES: tuple[str, ...] = tuple(sorted(_ACTIONS))
"""Every action that a ladder may name."""


def get(name: str) -> type[Action]:
    """The action called `name`. Raises KeyError."""
    return _ACTIONS[name]

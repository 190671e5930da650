"""The response that narrows or takes away token probabilities.

Measured (threats.md, section 4): noise and rounding protect next to nothing, cutting off the tail does,
and costs the remaining alternatives neither their order nor their argmax. What counts is the whole
set: allow-listed fields in, k capped, nothing that steers the distribution beside probabilities, no
value for a sampled token outside the best k, and no way to weigh tokens instead of reading their
probabilities (`gateway.actions.coarse`). Where probabilities stand in an answer the dialect knows.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.actions import base
from gateway.actions.coarse import HOTTEST, coarsen
from gateway.actions.keys import amount, present, put, remove, speaks
from gateway.dialects.base import Dialect, Object, ParameterNames
from gateway.dialects.shapes import keep
from gateway.model import JSON, Call, Parameters


class Options(base.Options):
    """How much of the distribution stays; `off` is the same as `max_top: 0`.

    Keep `max_top` at 5 or below in front of OpenAI's own `/v1/completions`, which refuses more.
    """

    max_top: Annotated[int, Field(ge=0, le=20)] = 5
    """Alternatives that stay per token; 0 takes all away."""
    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    """Places to which probabilities are rounded."""
    off: bool = False
    """Takes all probabilities away."""


class Logprobs(base.Action):
    """Description: keep at most the best few token probabilities, and none beside steering parameters.

    With `logit_bias`, `echo`, a forced grammar or tool, `prompt_logprobs`, `post_sampling_probs` or a
    temperature above 2 the request goes on, but without probabilities. Body fields that are not of the
    API are taken out, as engines answer some of them with probabilities.

    What tells as much without them becomes coarse, whether probabilities were asked for or not: entries of
    `logit_bias` from 20 on become 100 and down from -20 they become -100, smaller ones are dropped; the
    temperature is at most 2; beside a bias map, a grammar or a forced tool penalties and cut-offs such as
    `min_p` are dropped.

    Options: `max_top` (0 … 20, default 5; 0 takes all away), `decimals` (round to so many places),
    `off` (take all away).

    Example: `logprobs: {max_top: 5, decimals: 2}`
    """

    name = "logprobs"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._top = 0 if options.off else options.max_top
        self._decimals = options.decimals

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Take out unknown fields, make coarse what weighs tokens, ask for `max_top` alternatives or none.

        Exactly, even if the client wants fewer: only then can a sampled token outside the best
        `max_top` be told in the answer, which is cut down to what the client asked for.
        """
        if not speaks(call):
            return False
        names = dialect.parameters
        granted = self._grants(call, body)
        changed = bool(names.allowed) and keep(body, names.allowed)
        changed = remove(body, names.prompt_logprobs) or changed
        masked = call.parameters.logit_bias > 0 or call.parameters.grammar or _forces(body)
        changed = coarsen(body, names, masked=masked) or changed
        if granted:
            return _ask(body, names, self._top) or changed
        if call.parameters.logprobs:
            changed = _exclude(body) or changed
            changed = remove(body, (*names.logprobs, *names.top_logprobs)) or changed
        return changed

    def editor(self, call: Call, dialect: Dialect, body: Object) -> base.Editor | None:
        """An editor that narrows what was granted and takes away what was not, asked for or not."""
        if not speaks(call):
            return None
        if not self._grants(call, body):
            return _Taker(dialect)
        shown = max(0, min(call.parameters.top_logprobs, self._top))
        return _Narrower(dialect, shown, self._decimals, self._top)

    def _grants(self, call: Call, body: Object) -> bool:
        parameters = call.parameters
        return self._top > 0 and parameters.logprobs and not (_steers(parameters) or _forces(body))


def _steers(parameters: Parameters) -> bool:
    """Whether the client moves the distribution or picks the tokens itself."""
    return (
        parameters.logit_bias > 0
        or parameters.echo
        or parameters.grammar
        or parameters.prompt_logprobs > 0
        or (parameters.temperature or 0.0) > HOTTEST
    )


def _forces(body: Object) -> bool:
    """A forced tool is a grammar (vLLM); post-sampling probabilities show the distribution cut anew."""
    return body.get("tool_choice") not in (None, "auto", "none") or bool(body.get("post_sampling_probs"))


def _ask(body: Object, names: ParameterNames, top: int) -> bool:
    """Set every number to `top`; where only a switch is on, set the API's own number beside it."""
    changed = counted = False
    switched = any(map(_about_logprobs, _included(body)))
    for holder, key in present(body, (*names.logprobs, *names.top_logprobs)):
        value = amount(holder[key])
        if value is None:
            switched = switched or bool(holder[key])
            continue
        counted = True
        if value != top:
            holder[key] = top
            changed = True
    if counted or not switched or not names.top_logprobs:
        return changed
    put(body, names.top_logprobs[0], top)
    return True


def _exclude(body: Object) -> bool:
    included = _included(body)
    others = [item for item in included if not _about_logprobs(item)]
    if len(others) == len(included):
        return False
    body["include"] = others
    return True


def _included(body: Object) -> list[JSON]:
    """Responses: what to add to the answer, such as `message.output_text.logprobs`."""
    value = body.get("include")
    return value if isinstance(value, list) else []


def _about_logprobs(item: JSON) -> bool:
    return isinstance(item, str) and "logprobs" in item


class _Taker:
    """Takes every probability away; nothing to do in an answer without any."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def edit(self, message: Object) -> base.Verdict:
        extras = self._dialect.drop_extras(message)
        return "changed" if self._dialect.drop_probabilities(message) or extras else "kept"

    def close(self) -> list[Object]:
        return []


class _Narrower:
    """Keeps `shown` alternatives; a sampled token beyond the best `best` loses its value."""

    def __init__(self, dialect: Dialect, shown: int, decimals: int | None, best: int) -> None:
        self._dialect = dialect
        self._shown = shown
        self._decimals = decimals
        self._best = best

    def edit(self, message: Object) -> base.Verdict:
        changed = self._dialect.drop_extras(message)
        for tokens in self._dialect.token_lists(message):
            tokens.narrow(self._shown, self._decimals, self._best)
            changed = True
        return "changed" if changed else "kept"

    def close(self) -> list[Object]:
        return []

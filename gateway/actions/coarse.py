"""What is left of the parameters by which a caller weighs one token against another.

Whoever can move a token by degrees learns its logit without seeing a probability: it is raised until it wins
(13 greedy requests to 0.01). The degree may stand in a bias map; or a mask (a bias map, a grammar, a forced
tool) leaves two tokens, and a penalty or a cut-off weighs them. Each was seen to work on llama.cpp's server
(docs/responses/logprobs.md). So a bias map may say "always" and "never", and nothing by degrees goes beside
a mask. What a mask alone tells is the likeliest of some tokens, as every answer does.

When this is asked for, and what is done about probabilities themselves, is the business of `logprobs`.
"""

from __future__ import annotations

from gateway.actions.keys import amount, present
from gateway.dialects.base import Object, ParameterNames
from gateway.model import JSON

MOST = 100
"""OpenAI's range of a bias: as good as always and never."""
FORCES = 20
"""From this bias on nearly any token is the answer already; what moves it less is a nudge, and is dropped."""
HOTTEST = 2
"""The highest temperature of the public APIs. At 1e6 every token comes up alike, so that a cut-off which
spares it shows at once, and where probabilities are told each query reveals one random logit."""


def coarsen(body: Object, keys: ParameterNames, *, masked: bool) -> bool:
    """Make the request's means of weighing tokens coarse; whether anything changed.

    `masked`: the request leaves the model few tokens to choose from.
    """
    changed = [_coarse_map(holder, key) for holder, key in present(body, keys.logit_bias)]
    changed += [_cool(holder, key) for holder, key in present(body, keys.temperature)]
    degrees = [*present(body, keys.by_degree)] if masked else []
    for holder, key in degrees:
        del holder[key]
    return any(changed) or bool(degrees)


def _coarse_map(holder: Object, key: str) -> bool:
    before = holder[key]
    after: JSON
    if isinstance(before, dict):
        after = {token: level for token, bias in before.items() if (level := _level(bias)) is not None}
    elif isinstance(before, list):
        after = [entry for item in before if (entry := _coarse_entry(item)) is not None]
    else:
        return False
    if after == before:
        return False
    if after:
        holder[key] = after
    else:
        del holder[key]
    return True


def _coarse_entry(item: JSON) -> JSON:
    """A pair of token and bias (llama.cpp); anything else is a token of a mask."""
    if not isinstance(item, list) or len(item) != 2:
        return item
    level = _level(item[1])
    return None if level is None else [item[0], level]


def _level(bias: JSON) -> int | bool | None:
    """Always, never, or None for a nudge; false is llama.cpp's own "never"."""
    if bias is False:
        return False
    # Whole numbers of any length are compared as they are: `amount` takes the sign of those beyond a float.
    number = bias if isinstance(bias, int) and bias is not True else amount(bias)
    if number is None or not abs(number) >= FORCES:
        return None
    return MOST if number > 0 else -MOST


def _cool(holder: Object, key: str) -> bool:
    if not (amount(holder[key]) or 0) > HOTTEST:
        return False
    holder[key] = HOTTEST
    return True

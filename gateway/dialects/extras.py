"""Keys by which engines add probabilities, token ids or rendered prompts to APIs that know none of them.

For the APIs whose answers are too varied for an allow-list at every level (Responses, Messages).
"""

from __future__ import annotations

from gateway.dialects.base import Object
from gateway.dialects.shapes import drop, words

_EXTRAS = words(
    """
    __verbose prompt_logprobs prompt_token_ids token_ids prompt_text completion_probabilities probs top_probs
    generation_settings input_messages output_messages token_logprobs routed_experts hidden_states meta_info
    kv_transfer_params ec_transfer_params _debug_info
    """
)


def drop_extras(*holders: Object) -> bool:
    """Remove them from each holder; whether any was there."""
    changed = False
    for holder in holders:
        changed |= drop(holder, _EXTRAS)
    return changed

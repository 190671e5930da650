"""Random JSON that looks enough like requests and answers to reach every reader."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.dialects import names
from gateway.dialects.base import Object
from gateway.model import JSON

_ANSWER_KEYS = """
    choices message delta content text type index finish_reason logprobs top_logprobs top_probs probs
    prompt_logprobs completion_probabilities token_logprobs tokens logprob prob token rank refusal usage
    prompt_tokens completion_tokens completion_tokens_details reasoning_tokens input_tokens output_tokens
    output_tokens_details thinking_tokens timings prompt_n cache_n predicted_n response output item part
    summary thinking reasoning reasoning_content reasoning_details thinking_blocks content_block completion
    stop done
    tool_calls function arguments error __verbose x_groq tokens_evaluated tokens_predicted prompt_eval_count
    eval_count stop_reason output_index content_index metadata user_id role variables source data object
""".split()  # noqa: SIM905  a paragraph reads better than eighty lines
_KEYS = sorted({*_ANSWER_KEYS, *names.KNOWN, "messages", "batch", "safety_identifier"})
_WORDS = [
    "", "text", "user", "assistant", "true", "20", "reasoning", "thinking", "thinking_delta", "text_delta",
    "output_text", "reasoning_text", "response.completed", "response.output_text.delta", "tool_result",
    "response.reasoning_text.delta", "response.output_text.done", "message_stop", "completion", "none",
]  # fmt: skip

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.sampled_from([10**30, -(10**400), 0.0, -0.5, -9999.0, 1e308, float("nan"), float("-inf")])
    | st.sampled_from(_WORDS)
    | st.text(max_size=4)
)


def _nest(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5)


values: st.SearchStrategy[JSON] = st.recursive(_scalars, _nest, max_leaves=25)
bodies: st.SearchStrategy[Object] = st.dictionaries(
    st.sampled_from(_KEYS) | st.text(max_size=3), values, max_size=8
)

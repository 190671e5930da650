"""Body keys by concept, and those that may stay when probabilities are restricted: tables only.

The concepts are the union over the engines (vLLM, llama.cpp, Ollama, OpenAI, Anthropic), because
engines accept each other's extras whatever the route: llama.cpp honours `n_probs` and `n_predict` in a
chat body. Only the order differs per dialect: the API's own name stands first.

`allowed` holds documented, harmless fields. What is listed under a concept there (`logprobs`,
`logit_bias`, `response_format`, …) is for an action to judge through the concept. Everything unknown,
and every field that makes an engine say more than its API (`n_probs` in a chat, `post_sampling_probs`,
`prompt_logprobs`, `logprob_token_ids`, `verbose`, `return_*`, `response_fields`, `logits_processors`),
is left out on purpose. So are samplers that give an unlikely token on purpose (`xtc_*`, `adaptive_*`):
with a threshold on probability, greedy decoding tells every token's.
"""

from __future__ import annotations

from gateway.dialects.base import ParameterNames
from gateway.dialects.shapes import words

_MAX_TOKENS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens_to_sample",
    "max_new_tokens",
    "n_predict",
    "num_predict",
    "options.num_predict",
)

_GRAMMAR = (
    "response_format",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "guided_json_object",
    "grammar",
    "json_schema",
    "regex",
    "ebnf",
    "structural_tag",
    "format",
    "output_format",
    "text.format",
    "output_config.format",
)

_GRAMMAR_KEYS = frozenset(name for name in _GRAMMAR if "." not in name)

_DEGREES = (
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "repeat_penalty",
    "length_penalty",
    "dry_multiplier",
    "min_p",
    "typical_p",
    "top_a",
    "tfs_z",
    "top_n_sigma",
    "mirostat",
    "mirostat_tau",
    "dynatemp_range",
)
"""Not `top_p`: at temperatures up to 2 a token below the cut is too rare to tell where the cut lies for less
than counting samples costs, and honest requests for JSON carry it."""

_BY_DEGREE = (*_DEGREES, *(f"options.{name}" for name in _DEGREES))

_SAMPLING = words(
    """
    model stream stream_options stream_interval n n_cmpl best_of temperature top_p top_k min_p seed stop
    stop_token_ids stop_sequences logprobs top_logprobs logit_bias frequency_penalty presence_penalty
    repetition_penalty length_penalty min_tokens ignore_eos include_stop_str_in_output skip_special_tokens
    spaces_between_special_tokens add_special_tokens truncate_prompt_tokens truncation_side use_beam_search
    priority cache_salt user safety_identifier metadata service_tier store tools tool_choice
    parallel_tool_calls prompt_cache_key prompt_cache_options prompt_cache_retention moderation
    repetition_detection session_id
    typical_p top_n_sigma top_a tfs_z dynatemp_range dynatemp_exponent
    repeat_penalty repeat_last_n penalize_nl dry_multiplier dry_base dry_allowed_length dry_penalty_last_n
    dry_sequence_breakers mirostat mirostat_tau mirostat_eta samplers min_keep
    n_keep n_discard n_indent n_cache_reuse t_max_predict_ms cache_prompt id_slot sse_ping_interval
    reasoning_effort reasoning reasoning_format thinking include_reasoning thinking_token_budget
    reasoning_budget_tokens thinking_forced_open enable_thinking
    """
)

_BASE = _SAMPLING | _GRAMMAR_KEYS | {name for name in _MAX_TOKENS if "." not in name}

_CHAT = _BASE | words(
    """
    messages audio modalities prediction functions function_call verbosity web_search_options documents
    chat_template chat_template_kwargs add_generation_prompt continue_final_message mm_processor_kwargs
    media_io_kwargs parse_tool_calls transforms models route provider plugins
    """
)

_COMPLETIONS = _BASE | frozenset({"prompt", "suffix", "echo", "prompt_embeds"})

_RESPONSES = _BASE | words(
    """
    input instructions include text reasoning background background_options conversation context_management
    max_tool_calls previous_response_id prompt truncation access_programs image
    """
)

_EMBEDDINGS = words(
    """
    model input prompt content dimensions encoding_format user truncate truncate_prompt_tokens keep_alive
    options embd_normalize input_type normalize priority add_special_tokens messages service_tier metadata
    """
)

_ANTHROPIC = _BASE | words(
    """
    messages system prompt thinking output_config cache_control container context_management diagnostics
    inference_geo mcp_servers speed betas user_profile_id workspace_id fallbacks
    """
)

_OLLAMA = _BASE | words(
    """
    messages prompt suffix system template images context raw format options keep_alive think truncate shift
    width height steps
    """
)

_LLAMACPP = _BASE | words(
    """
    prompt input_prefix input_suffix input_extra lora timings_per_token return_progress backend_sampling
    n_probs
    """
)
"""Here `n_probs` is the API's own name for `logprobs`, and so stays for the action to set or remove."""


def _names(max_tokens: str, allowed: frozenset[str], *, options: bool = False) -> ParameterNames:
    """`options`: the API keeps its sampling parameters in an object of that name (Ollama)."""

    def sampling(name: str) -> tuple[str, ...]:
        return (f"options.{name}", name) if options else (name, f"options.{name}")

    return ParameterNames(
        max_tokens=(max_tokens, *(name for name in _MAX_TOKENS if name != max_tokens)),
        n=("n", "n_cmpl"),
        best_of=("best_of", "beam_width"),
        logprobs=("logprobs", "n_probs"),
        top_logprobs=("top_logprobs",),
        prompt_logprobs=("prompt_logprobs",),
        # The last three choose tokens as a bias does: they mask, or (vLLM) name whose value to return.
        logit_bias=("logit_bias", "allowed_token_ids", "bad_words", "logprob_token_ids"),
        echo=("echo",),
        grammar=_GRAMMAR,
        by_degree=_BY_DEGREE,
        temperature=sampling("temperature"),
        top_p=sampling("top_p"),
        seed=sampling("seed"),
        allowed=allowed,
    )


CHAT = _names("max_tokens", _CHAT)
COMPLETIONS = _names("max_tokens", _COMPLETIONS)
RESPONSES = _names("max_output_tokens", _RESPONSES)
EMBEDDINGS = _names("max_tokens", _EMBEDDINGS)
ANTHROPIC = _names("max_tokens", _ANTHROPIC)
OLLAMA = _names("options.num_predict", _OLLAMA, options=True)
LLAMACPP = _names("n_predict", _LLAMACPP)

STOP = ("stop", "stop_sequences", "stop_token_ids", "options.stop")
TOOLS = ("tools", "functions")
REASONING = (
    "reasoning_effort",
    "reasoning",
    "thinking",
    "think",
    "include_reasoning",
    "enable_thinking",
    "chat_template_kwargs.enable_thinking",
    "chat_template_kwargs.thinking",
)

KNOWN = frozenset(
    name.partition(".")[0]
    for names in (CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, ANTHROPIC, OLLAMA, LLAMACPP)
    for concept in (
        names.max_tokens,
        names.n,
        names.best_of,
        names.logprobs,
        names.top_logprobs,
        names.prompt_logprobs,
        names.logit_bias,
        names.echo,
        names.grammar,
        names.by_degree,
        names.temperature,
        names.top_p,
        names.seed,
        names.allowed,
        STOP + TOOLS + REASONING,
        ("batch",),
    )
    for name in concept
)
"""Top-level keys that some engine reads."""

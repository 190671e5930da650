"""The tables of body keys: what may stay is harmless, and every API's own name stands first."""

from __future__ import annotations

from gateway.dialects import names


def test_nothing_that_makes_an_engine_say_more_may_stay() -> None:
    tables = (
        names.CHAT, names.COMPLETIONS, names.RESPONSES, names.EMBEDDINGS,
        names.ANTHROPIC, names.OLLAMA, names.LLAMACPP,
    )  # fmt: skip
    leaky = {
        "prompt_logprobs", "post_sampling_probs", "verbose", "return_tokens", "return_token_ids",
        "return_tokens_as_token_ids", "logprob_token_ids", "allowed_token_ids", "bad_words",
        "response_fields",
        "logits_processors", "return_prompt_text", "vllm_xargs",
        "xtc_probability", "xtc_threshold", "adaptive_target", "adaptive_decay",
    }  # fmt: skip
    for table in tables:
        assert not leaky & table.allowed
        assert "model" in table.allowed
        assert len(set(table.max_tokens)) == len(table.max_tokens)


def test_n_probs_may_stay_where_it_is_the_apis_own_name_for_logprobs_and_nowhere_else() -> None:
    tables = {
        "chat": names.CHAT, "completions": names.COMPLETIONS, "responses": names.RESPONSES,
        "anthropic": names.ANTHROPIC, "ollama": names.OLLAMA, "llamacpp": names.LLAMACPP,
    }  # fmt: skip
    assert [name for name, table in tables.items() if "n_probs" in table.allowed] == ["llamacpp"]
    # The action that judges probabilities must then know it, to set or remove it.
    assert "n_probs" in names.LLAMACPP.logprobs


def test_llama_cpps_aliases_are_read_on_every_route() -> None:
    for table in (names.CHAT, names.COMPLETIONS, names.RESPONSES, names.LLAMACPP):
        assert "n_cmpl" in table.n
        assert "n_predict" in table.max_tokens


def test_the_name_of_the_api_itself_stands_first() -> None:
    assert names.CHAT.max_tokens[0] == "max_tokens"
    assert names.RESPONSES.max_tokens[0] == "max_output_tokens"
    assert names.OLLAMA.max_tokens[0] == "options.num_predict"
    assert names.LLAMACPP.max_tokens[0] == "n_predict"
    assert {frozenset(table.max_tokens) for table in (names.CHAT, names.RESPONSES, names.OLLAMA)} == {
        frozenset(names.LLAMACPP.max_tokens)
    }


def test_every_field_that_may_stay_is_known() -> None:
    assert names.CHAT.allowed | names.RESPONSES.allowed | names.OLLAMA.allowed <= names.KNOWN
    assert {"messages", "options", "n_probs", "stream"} <= names.KNOWN

"""The tables of body keys: what may stay is harmless, and every API's own name stands first."""

from __future__ import annotations

from gateway.dialects import names


def test_nothing_that_makes_an_engine_say_more_may_stay() -> None:
    tables = (
        names.CHAT, names.COMPLETIONS, names.RESPONSES, names.EMBEDDINGS,
        names.ANTHROPIC, names.OLLAMA, names.LLAMACPP,
    )  # fmt: skip
    leaky = {
        "n_probs", "prompt_logprobs", "post_sampling_probs", "verbose", "return_tokens", "return_token_ids",
        "return_tokens_as_token_ids", "logprob_token_ids", "allowed_token_ids", "bad_words",
        "response_fields",
        "logits_processors", "return_prompt_text", "vllm_xargs",
    }  # fmt: skip
    for table in tables:
        assert not leaky & table.allowed
        assert "model" in table.allowed
        assert len(set(table.max_tokens)) == len(table.max_tokens)


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

"""llama.cpp's native API: completion, infill and embedding, with all of its sampling under its own names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.dialects import content, errors, logprobs, names
from gateway.dialects.base import Failure, Object, Seen, TokenList, nothing
from gateway.dialects.embeddings import inputs
from gateway.dialects.neutral import Neutral, Verdict, openai_user
from gateway.dialects.shapes import child, count, drop, index, keep, total, words
from gateway.model import Call, Route, Turn, Usage

_ANSWER = words(
    """
    index content tokens id_slot slot_id stop model tokens_predicted tokens_evaluated has_new_line truncated
    stop_type stopping_word stopped_eos stopped_limit stopped_word tokens_cached timings prompt_progress
    completion_probabilities error embedding
    """
)
"""Without `generation_settings` and `prompt`, which repeat the request, and fields renamed by
`response_fields`."""


class LlamaCpp(Neutral):
    """`POST /completion`, `/completions` (no `/v1`), `/infill`, `/embedding`."""

    name = "llamacpp"
    parameters = names.LLAMACPP

    def read(self, body: Object, route: Route, size: int) -> Call:
        end_user = openai_user(body)
        if route.endpoint == "embeddings":
            turns, prompts = inputs(body)
            return self.call(body, route, size, turns, prompts=prompts, end_user=end_user)
        texts, prompts = content.prompts(body.get("prompt"), "prompt")
        turns = [Turn("user", text) for text in texts if text]
        for key in ("input_prefix", "input_suffix", "input_extra"):
            turns.extend(content.turn("user", body.get(key)))
        return self.call(body, route, size, turns, prompts=prompts, end_user=end_user)

    def error(self, failure: Failure) -> bytes:
        return errors.document(errors.llamacpp(failure))

    def error_event(self, failure: Failure) -> bytes:
        # As its server writes it since it stopped using a field named `error:` (ggml-org/llama.cpp#16109).
        return errors.sse(errors.llamacpp(failure))

    def usage(self, message: Object) -> Usage | None:
        timings = child(message, "timings")
        given = count(message.get("tokens_evaluated"))
        if given is None:
            given = total(timings.get("prompt_n"), timings.get("cache_n"))
        made = count(message.get("tokens_predicted"))
        if made is None:
            made = count(timings.get("predicted_n"))
        return None if given is None and made is None else Usage(given or 0, made or 0)

    def texts(self, message: Object) -> Iterable[str]:
        return content.pieces(message.get("content"))

    def finished(self, message: Object) -> bool:
        return message.get("stop") is True

    def token_lists(self, message: Object) -> Iterator[TokenList]:
        return logprobs.find(message)

    def drop_probabilities(self, message: Object) -> bool:
        return self.drop_extras(message) | drop(message, ("completion_probabilities",))

    def drop_extras(self, message: Object) -> bool:
        return keep(message, _ANSWER)

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Verdict:
        # Its reasoning stands in the text; the ids of the tokens would spell it out again.
        if not message.get("tokens"):
            return "kept"
        message["tokens"] = []
        return "changed"

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        if isinstance(message.get("content"), str):
            yield index(message.get("index")), message, "content"

    def ends(self, message: Object) -> Iterator[str]:
        if self.finished(message):
            yield index(message.get("index"))

"""Anthropic's Messages API: blocks in, blocks out, with its token counting and its legacy completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.dialects import coerce, content, errors, names
from gateway.dialects.base import Failure, Object, Seen, nothing
from gateway.dialects.extras import drop_extras
from gateway.dialects.neutral import Neutral, Verdict
from gateway.dialects.shapes import child, count, drop, index, total
from gateway.model import JSON, Call, Role, Route, Turn, Usage


class Anthropic(Neutral):
    """`POST …/messages`, `…/messages/count_tokens` and `/v1/complete`."""

    name = "anthropic"
    parameters = names.ANTHROPIC

    def read(self, body: Object, route: Route, size: int) -> Call:
        content.check(body.get("system"), "system")
        turns = list(content.turn("system", body.get("system")))
        messages = content.messages(body.get("messages"), "messages")
        for place, message in enumerate(messages):
            who = content.role(message.get("role"), f"messages[{place}].role")
            turns.extend(_turns(who, message.get("content")))
        texts, _ = content.prompts(body.get("prompt"), "prompt")
        turns.extend(Turn("user", text) for text in texts if text)
        end_user = coerce.text(child(body, "metadata").get("user_id"), "metadata.user_id")
        return self.call(body, route, size, turns, messages=len(messages), end_user=end_user)

    def error(self, failure: Failure) -> bytes:
        return errors.document(errors.anthropic(failure))

    def error_event(self, failure: Failure) -> bytes:
        return errors.sse(errors.anthropic(failure), "error")

    def usage(self, message: Object) -> Usage | None:
        found = child(message, "message", "usage") or child(message, "usage")
        if not found and count(message.get("input_tokens")) is not None:
            found = message
        # `input_tokens` leaves out what the cache served or took in; all of it was prompt.
        given = total(*(found.get(key) for key in _INPUT))
        made = count(found.get("output_tokens"))
        if given is None and made is None:
            return None
        thought = count(child(found, "output_tokens_details").get("thinking_tokens"))
        return Usage(given or 0, made or 0, thought or 0)

    def texts(self, message: Object) -> Iterable[str]:
        yield from content.pieces(message.get("delta"))
        yield from content.pieces(message.get("content_block"))
        yield from content.pieces(message.get("content"))
        yield from content.pieces(message.get("completion"))

    def finished(self, message: Object) -> bool:
        # Legacy completions end with the event that says why they stopped.
        kind = message.get("type")
        return kind == "message_stop" or (kind == "completion" and message.get("stop_reason") is not None)

    def drop_extras(self, message: Object) -> bool:
        blocks = [block for _, block in _blocks(message)]
        return drop_extras(message, child(message, "message"), child(message, "delta"), *blocks) | drop(
            message, ("logprobs",)
        )

    def strip_reasoning(self, message: Object, seen: Seen = nothing) -> Verdict:
        # A part of it is never kept: what comes back must be what was signed.
        if child(message, "delta").get("type") == "thinking_delta":
            return "drop"
        changed = False
        for _, block in _blocks(message):
            # The block stays: its signature lets the client send it back, and positions must not move.
            if block.get("type") == "thinking" and block.get("thinking"):
                block["thinking"] = ""
                changed = True
        for usage in (child(message, "usage"), child(message, "message", "usage")):
            counts = child(usage, "output_tokens_details")
            changed |= bool(counts.get("thinking_tokens")) and drop(usage, ("output_tokens_details",))
        return "changed" if changed else "kept"

    def ask_no_reasoning(self, body: Object, *, keep: bool = False) -> bool:
        # Thinking that was signed with its words is refused without them in the next turn. So the server must
        # leave them out itself, which `display` asks for: then the signature is of the empty block.
        thinking = child(body, "thinking")
        if thinking.get("type") not in ("enabled", "adaptive") or thinking.get("display") == "omitted":
            return False
        thinking["display"] = "omitted"
        return True

    def content_parts(self, message: Object) -> Iterator[tuple[str, Object, str]]:
        delta = child(message, "delta")
        if delta.get("type") == "text_delta" and isinstance(delta.get("text"), str):
            yield index(message.get("index")), delta, "text"
        for stream, block in _blocks(message):
            if block.get("type") == "text" and isinstance(block.get("text"), str):
                yield stream, block, "text"
        if isinstance(message.get("completion"), str):
            yield "0", message, "completion"

    def ends(self, message: Object) -> Iterator[str]:
        if message.get("type") == "content_block_stop":
            yield index(message.get("index"))
        elif message.get("type") == "completion" and message.get("stop_reason") is not None:
            yield "0"

    def bare(self, message: Object) -> None:
        if drop(message, ("content_block",)):
            # A block begins once.
            message["type"] = "content_block_delta"
            message["delta"] = {"type": "text_delta", "text": ""}


_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _blocks(message: Object) -> Iterator[tuple[str, Object]]:
    """Content blocks with their position: of a whole answer, of `message_start`, of a block's start."""
    for found in (message.get("content"), child(message, "message").get("content")):
        if isinstance(found, list):
            for place, block in enumerate(found):
                if isinstance(block, dict):
                    yield str(place), block
    block = message.get("content_block")
    if isinstance(block, dict):
        yield index(message.get("index")), block


def _turns(who: Role, value: JSON) -> Iterator[Turn]:
    """Turns of one message in wire order: results of tools are a tool's words, whoever sends them."""
    pending: list[JSON] = []
    for block in value if isinstance(value, list) else [value]:
        if not _is_result(block):
            pending.append(block)
            continue
        yield from content.turn(who, pending)
        yield from content.turn("tool", block)
        pending = []
    yield from content.turn(who, pending)


def _is_result(block: JSON) -> bool:
    kind = block.get("type") if isinstance(block, dict) else None
    return isinstance(kind, str) and kind.endswith("tool_result")

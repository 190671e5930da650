"""The response that takes the model's reasoning out of its answers.

Reasoning comes in fields of its own, which the dialect knows, or inside the answer text between tags,
which is treated here. It is friction, not a wall (threats.md, section 4): a prompt can ask for the
steps in plain words.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import ClassVar, Literal

from gateway.actions import base
from gateway.actions.keys import speaks
from gateway.dialects.base import Dialect, Object
from gateway.model import Call

TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, Phi-4-reasoning and most others
    ("<thinking>", "</thinking>"),  # asked for in prompts since Anthropic's cookbook
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Cohere Command A Reasoning
    ("[THINK]", "[/THINK]"),  # Mistral Magistral
    ("<seed:think>", "</seed:think>"),  # ByteDance Seed-OSS
    ("◁think▷", "◁/think▷"),  # Moonshot Kimi-VL
)
WINDOW = max(len(tag) for pair in TAGS for tag in pair) - 1
"""Characters of answer text that may be held back, in case they begin a tag."""

_TAG = re.compile(
    "|".join(f"(?P<open{i}>{re.escape(a)})|(?P<close{i}>{re.escape(b)})" for i, (a, b) in enumerate(TAGS)),
    re.IGNORECASE,
)
_BEGINNINGS = frozenset(tag[:n].lower() for pair in TAGS for tag in pair for n in range(1, len(tag)))
_LEADS = "<[◁"


class Options(base.Options):
    """`strip` is always true; `assume_open` says that the chat template itself writes the open tag."""

    strip: Literal[True] = True
    """Always true."""
    assume_open: bool = False
    """The chat template itself opens the block, so that answers begin with reasoning."""


class Reasoning(base.Action):
    """Description: strip reasoning from its own fields and from between think tags in the text.

    In a whole answer all text up to the last close tag goes, if a block opens the text or a close tag
    has no open one. In a stream the same is done piece by piece, and at most 17 characters, the beginning
    of a tag, are held back; what has been sent before a close tag without an open one came is gone.
    Probabilities in edited answers go too, as their tokens would spell the reasoning out.

    Options: `strip` (true), `assume_open` (false; set it for engines whose chat template opens the
    block inside the prompt, so that answers begin with reasoning: DeepSeek-R1 without a parser).

    Example: `reasoning: {strip: true}`
    """

    name = "reasoning"
    options_type: ClassVar[type[base.Options]] = Options
    alters_text = True

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._assume_open = options.assume_open

    def editor(self, call: Call, dialect: Dialect, body: Object) -> base.Editor | None:
        """An editor with its own state for each text of the answer."""
        if not speaks(call):
            return None
        return _Stripper(dialect, self._assume_open)


class _Text:
    """One text over its pieces: what of it may be seen."""

    def __init__(self, inside: bool) -> None:
        self.held = ""
        self._inside = inside
        self._blank = True  # nothing visible since the beginning or the last close tag
        self._block = inside  # a block has opened the text, so that later close tags end it
        self._plain = False  # an open tag stood amid the answer: the model writes about tags

    def feed(self, piece: str) -> str:
        text = self.held + piece
        self.held = ""
        if self._plain:
            return text
        start = 0
        for tag in _TAG.finditer(text):
            if (tag.lastgroup or "").startswith("close"):
                start = tag.end()
                self._inside, self._blank, self._block = False, True, True
            elif self._inside:
                continue
            elif self._blank and not text[start : tag.start()].strip():
                self._inside = self._block = True
            elif not self._block:
                self._plain = True
                return text[start:]
        return self._visible(text[start:])

    def _visible(self, text: str) -> str:
        at = max(text.rfind(lead, -WINDOW) for lead in _LEADS)
        if at >= 0 and text[at:].lower() in _BEGINNINGS:
            text, self.held = text[:at], text[at:]
        if self._inside:
            return ""
        self._blank = self._blank and not text.strip()
        return text

    def close(self) -> str:
        """What was held back and turned out not to be a tag."""
        if self._inside:
            return ""
        held, self.held = self.held, ""
        self._blank = self._blank and not held
        return held


class _Stripper:
    """Edits the messages of one answer; remembers for each text where its held-back end came from."""

    def __init__(self, dialect: Dialect, assume_open: bool) -> None:
        self._dialect = dialect
        self._assume_open = assume_open
        self._texts: dict[str, _Text] = {}
        self._fields: dict[str, str] = {}
        self._last: dict[str, Object] = {}

    def edit(self, message: Object) -> base.Verdict:
        verdict = self._dialect.strip_reasoning(message)
        if verdict == "drop":
            return "drop"
        changed = verdict == "changed"
        for key, holder, name in self._dialect.content_parts(message):
            text = holder[name]
            if not isinstance(text, str):
                continue
            holder[name] = self._seen(message, key, name, text)
            changed = changed or holder[name] != text
        if changed:
            self._dialect.drop_probabilities(message)
        return "changed" if changed else "kept"

    def _seen(self, message: Object, key: str, name: str, text: str) -> str:
        if text and key not in self._fields:
            self._fields[key] = name
        if self._fields.get(key, name) != name:
            # Responses: pieces come under `delta`, and then the whole text again, four times, under `text`.
            whole = _Text(self._assume_open)
            return whole.feed(text) + whole.close()
        state = self._texts.setdefault(key, _Text(self._assume_open))
        seen = state.feed(text)
        if state.held:
            self._last[key] = message
        return seen

    def close(self) -> list[Object]:
        """Held-back ends: completed in place where the message still waits, and as events of their own.

        The driver of the stream takes the events, unless it closes before it writes the message.
        """
        held = [(key, text) for key in self._last if (text := self._texts[key].close())]
        messages = [self._only(key, text) for key, text in held]
        for key, text in held:
            holder, name = self._parts(self._last[key], key)[-1]
            holder[name] = f"{holder[name]}{text}"
        self._last.clear()
        return messages

    def _only(self, key: str, text: str) -> Object:
        """An event like the one that `text` came in, with nothing else in it."""
        message = deepcopy(self._last[key])
        for _, holder, name in self._dialect.content_parts(message):
            holder[name] = ""
        holder, name = self._parts(message, key)[-1]
        holder[name] = text
        self._dialect.drop_probabilities(message)
        return message

    def _parts(self, message: Object, key: str) -> list[tuple[Object, str]]:
        return [(holder, name) for own, holder, name in self._dialect.content_parts(message) if own == key]

"""The response that takes the model's reasoning out of its answers.

Reasoning comes in fields of its own, which the dialect knows, or inside the answer text between tags,
which is treated here. It is friction, not a wall (threats.md, section 4): a prompt can ask for the
steps in plain words.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from gateway.actions import base
from gateway.actions.keys import speaks
from gateway.actions.texts import TextEditor
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


class _Stripper(TextEditor):
    """Edits the messages of one answer: reasoning in fields of its own, then reasoning in the text."""

    def __init__(self, dialect: Dialect, assume_open: bool) -> None:
        super().__init__(dialect, lambda: _Text(assume_open))

    def edit(self, message: Object) -> base.Verdict:
        verdict = self._dialect.strip_reasoning(message)
        if verdict == "drop":
            return "drop"
        if verdict == "changed":
            self._dialect.drop_probabilities(message)
        return "kept" if super().edit(message) == verdict == "kept" else "changed"

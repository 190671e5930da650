"""The response that takes the model's reasoning out of its answers.

Reasoning comes in fields of its own, which the dialect knows, or inside the answer text between tags,
which is treated here. It is friction, not a wall (threats.md, section 4): a prompt can ask for the
steps in plain words.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gateway.actions import base
from gateway.actions.keys import speaks
from gateway.actions.texts import TextEditor
from gateway.dialects.base import Dialect, Object, Seen, nothing
from gateway.model import Call

TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, Phi-4-reasoning and most others
    ("<thinking>", "</thinking>"),  # asked for in prompts since Anthropic's cookbook
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Cohere Command A Reasoning
    ("[THINK]", "[/THINK]"),  # Mistral Magistral
    ("<seed:think>", "</seed:think>"),  # ByteDance Seed-OSS
    ("◁think▷", "◁/think▷"),  # Moonshot Kimi-VL
    ("<thought>", "</thought>"),  # LG EXAONE Deep, and Gemini where OpenAI's API is asked for thoughts
    ("<reasoning>", "</reasoning>"),  # asked for in prompts, and by trainers of small models
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # OpenAI gpt-oss without a parser
)
WINDOW = max(len(tag) for pair in TAGS for tag in pair) - 1
"""Characters of answer text that may be held back, in case they begin a tag."""

_TAG = re.compile(
    "|".join(f"(?P<open{i}>{re.escape(a)})|(?P<close{i}>{re.escape(b)})" for i, (a, b) in enumerate(TAGS)),
    re.IGNORECASE,
)
_BEGINNINGS = frozenset(tag[:n].lower() for pair in TAGS for tag in pair for n in range(1, len(tag)))
_LEAD = re.compile(r"[<\[◁]")


class Options(base.Options):
    """`strip` is always true; `assume_open` says that the chat template itself writes the open tag."""

    strip: Literal[True] = True
    """Always true."""
    keep: Annotated[int, Field(ge=0)] = 0
    """Characters of each text of reasoning that stay; 0 takes it all away."""
    assume_open: bool = False
    """The chat template itself opens the block, so that answers begin with reasoning."""


class Reasoning(base.Action):
    """Description: strip reasoning from its own fields and from between think tags in the text.

    In a whole answer all text up to the last close tag goes, if a block opens the text or a close tag
    has no open one. In a stream the same is done piece by piece, and at most 29 characters, the beginning
    of a tag, are held back; what has been sent before a close tag without an open one came is gone.
    Probabilities in edited answers go too, as their tokens would spell the reasoning out, and so do the
    numbers of reasoning tokens in the usage. Anthropic's server is asked to leave its thinking out itself:
    its signature would not be valid for thinking that was taken out on the way.

    Options: `strip` (true), `keep` (0; so many characters of each text stay, except where it is signed),
    `assume_open` (false; set it for engines whose chat template opens the block inside the prompt, so that
    answers begin with reasoning: DeepSeek-R1 without a parser).

    Example: `reasoning: {strip: true}`
    """

    name = "reasoning"
    options_type: ClassVar[type[base.Options]] = Options
    alters_text = True

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._keep = options.keep
        self._assume_open = options.assume_open

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Ask for no reasoning, where an API can be asked."""
        return speaks(call) and dialect.ask_no_reasoning(body, keep=self._keep > 0)

    def editor(self, call: Call, dialect: Dialect, body: Object) -> base.Editor | None:
        """An editor with its own state for each text of the answer."""
        if not speaks(call):
            return None
        return _Stripper(dialect, self._keep, self._assume_open)


class _Kept:
    """The beginnings of texts: of each the first characters."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left: dict[str, int] = {}

    def __call__(self, key: str, text: str) -> str:
        left = self._left.get(key, self._most)
        if key:
            self._left[key] = max(0, left - len(text))
        return text[:left]


class _Text:
    """One text over its pieces: what of it may be seen."""

    def __init__(self, keep: int, inside: bool) -> None:
        self.held = ""
        self._left = keep
        """Characters of reasoning that may still be seen."""
        self._tags = keep > 0
        """Whether a block is shown as one, with its tags."""
        self._inside = inside
        self._blank = True  # nothing visible since the beginning or the last close tag
        self._block = inside  # a block has opened the text, so that later close tags end it
        self._plain = False  # an open tag stood amid the answer: the model writes about tags

    def feed(self, piece: str) -> str:
        text = self.held + piece
        self.held = ""
        if self._plain:
            return text
        start, out = 0, ""
        for tag in _TAG.finditer(text):
            if (tag.lastgroup or "").startswith("close"):
                out = self._closed(out, text[start : tag.start()], tag[0])
                start = tag.end()
            elif self._inside:
                continue
            elif self._blank and not text[start : tag.start()].strip():
                self._inside = self._block = True
                out, start = out + (tag[0] if self._tags else ""), tag.end()
            elif not self._block:
                self._plain = True
                return out + text[start:]
        return out + self._visible(text[start:])

    def _closed(self, out: str, text: str, tag: str) -> str:
        """What stays of everything up to a close tag: of a block its beginning, of anything else nothing."""
        if self._inside:
            out += self._thought(text) + (tag if self._tags else "")
        elif not self._block:
            out = ""
        self._inside, self._blank, self._block = False, True, True
        return out

    def _thought(self, text: str) -> str:
        """What is left to be seen of reasoning."""
        kept = text[: self._left]
        self._left -= len(kept)
        return kept

    def _visible(self, text: str) -> str:
        for lead in _LEAD.finditer(text, max(0, len(text) - WINDOW)):
            if text[lead.start() :].lower() in _BEGINNINGS:
                text, self.held = text[: lead.start()], text[lead.start() :]
                break
        if self._inside:
            return self._thought(text)
        self._blank = self._blank and not text.strip()
        return text

    def close(self) -> str:
        """What was held back and turned out not to be a tag."""
        held, self.held = self.held, ""
        if self._inside:
            return self._thought(held)
        self._blank = self._blank and not held
        return held


class _Stripper(TextEditor):
    """Edits the messages of one answer: reasoning in fields of its own, then reasoning in the text."""

    def __init__(self, dialect: Dialect, keep: int, assume_open: bool) -> None:
        super().__init__(dialect, lambda: _Text(keep, assume_open))
        self._part: Seen = _Kept(keep) if keep else nothing

    def edit(self, message: Object) -> base.Verdict:
        verdict = self._dialect.strip_reasoning(message, self._part)
        if verdict == "drop":
            return "drop"
        if verdict == "changed":
            self._dialect.drop_probabilities(message)
        return "kept" if super().edit(message) == verdict == "kept" else "changed"

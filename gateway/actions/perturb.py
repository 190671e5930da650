"""The response that marks the prose of answers: of two ways to say a thing, the principal's key chooses one.

What is said stays the same, and so it hardly hurts a student (threats.md, section 4): its use is that answers
which turn up elsewhere tell under which key they were given out. How prose is told from everything else, and
what may be exchanged in it, is in `gateway.marks`.
"""

from __future__ import annotations

import re
from copy import copy
from typing import ClassVar

from gateway.actions import base
from gateway.actions.texts import TextEditor
from gateway.dialects.base import Dialect, Object
from gateway.marks.keyring import KeyRing, name_of
from gateway.marks.text import Marker, Profile
from gateway.model import Call, Principal

_CONVERSATIONS = frozenset({"chat", "messages", "responses"})
_ON_FORM = re.compile(
    r"verbatim|word[- ](?:for[- ]word|count|limit)|keyword|\bexact(?:ly)? (?:words?|wording|text|same)"
    r"|\b(?:words?|phrases?|letters?) (?:['\"\u201c\u2018]|like\b|such as\b|only\b)"
    r"|\bthe (?:words?|letters?)\b|\d\+? ?words\b|\bcommas?\b|punctuat|contract(?:ion|ed form)"
    r"|spell(?:ing)?\b|grammar|proofread|rewrite|paraphras|syllable|haiku|poem|rhym|lyric|sonnet"
    r"|\b(?:british|american|formal) (?:english|tone)",
    re.IGNORECASE,
)
"""Prompts that are about how something is written, and not only about what."""


class Options(base.Options):
    """`light` keeps to what few readers notice; `strong` also shortens verbs and changes single words."""

    profile: Profile = "light"
    """What may be exchanged."""


class Perturb(base.Action):
    """Description: choose between ways to say the same in the answer's prose, by the principal's key.

    Off unless `policies.allow_actions` lists it. Code, numbers, JSON, tool calls, quotations, addresses,
    tables, markup, formulas, other languages, short lines and what is copied from the prompt stay as they
    are. Left alone altogether: completions, answers in a given format, and prompts that speak of wording,
    spelling or verse. Streams are held back by at most 128 characters. Probabilities of changed text go.

    Options: `profile` (`light`: connecting words and commas that few readers notice; `strong`: contractions
    and more single words as well).

    Example: `perturb: {profile: light}`
    """

    name = "perturb"
    options_type: ClassVar[type[base.Options]] = Options
    alters_text = True
    opt_in = True
    marks = True

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._profile = options.profile
        self._key = b""

    def keyed(self, principal: Principal, ring: KeyRing, now: float) -> Perturb:
        """Under the key of one principal."""
        made = copy(self)
        made._key = ring.at(now).key(name_of(principal, whole_org=False))  # noqa: SLF001  its own copy
        return made

    def editor(self, call: Call, dialect: Dialect, body: Object) -> base.Editor | None:
        """An editor with its own state for each text of the answer."""
        if call.route.endpoint not in _CONVERSATIONS or call.parameters.grammar:
            return None
        if any(turn.role in ("user", "system") and _ON_FORM.search(turn.text) for turn in call.turns):
            return None
        key, profile = self._key, self._profile
        quoted = "\n".join(turn.text for turn in call.turns)
        return TextEditor(dialect, lambda: Marker(key, profile, quoted))

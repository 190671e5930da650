"""What responses share that mark answers by words of a vocabulary: whose key, which words, which requests.

How a text comes to go with the key is each response's own business; `gateway verify` finds them alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from fnmatch import fnmatchcase
from typing import Literal, Self

from gateway.actions import base
from gateway.actions.keys import present
from gateway.dialects.base import Dialect, Object
from gateway.marks.greenlist import Vocabulary
from gateway.marks.keyring import KeyRing, name_of
from gateway.model import Call, Principal
from gateway.words import quote, suggest

SHORTEST = 16
"""Tokens. An answer of fewer is a label or a score: it cannot carry a mark, and one word may be all of it."""


class Options(base.Options):
    """Which words, and whose mark."""

    tokens: str
    """The vocabulary, by the id of its document."""
    per: Literal["principal", "org"] = "principal"
    """Whose mark it is: each principal's, or one of the whole organisation, where it has one."""


class Marking(base.Action):
    """Base of both: an action under the key of one principal."""

    alters_text = True
    opt_in = True
    marks = True

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._asked = options
        self._vocabulary = Vocabulary((), ())
        self._key = b""

    def prepare(self, vocabularies: Mapping[str, Vocabulary]) -> Self:
        """With its vocabulary. Raises LookupError, and ValueError for one that does not fit."""
        wanted = self._asked.tokens
        found = vocabularies.get(wanted)
        if found is None:
            near = suggest(wanted, vocabularies)
            raise LookupError(f"no vocabulary {quote(wanted)}{near}: write one document of that kind")
        self._check(found)
        made = copy(self)
        made._vocabulary = found  # noqa: SLF001  its own copy
        return made

    def keyed(self, principal: Principal, ring: KeyRing, now: float) -> Self:
        """Under the key of one principal or organisation."""
        made = copy(self)
        name = name_of(principal, whole_org=self._asked.per == "org")
        made._key = ring.at(now).key(name)  # noqa: SLF001  its own copy
        return made

    def _check(self, found: Vocabulary) -> None:
        """Raises ValueError where a vocabulary does not fit."""

    def _is_prose(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Whether a mark may cost nobody anything, and shows to nobody."""
        asked = call.parameters
        if (
            asked.tools
            or asked.grammar
            or not any(fnmatchcase(call.model or "", pattern) for pattern in self._vocabulary.models)
        ):
            return False
        if asked.max_tokens is not None and asked.max_tokens < SHORTEST:
            return False
        # Read anew: `logprobs` on the same rung may have taken them out.
        names = dialect.parameters
        return not any(
            holder[key] not in (None, False, 0)
            for holder, key in present(body, (*names.logprobs, *names.top_logprobs, *names.prompt_logprobs))
        )

"""The response that gives the same answer to the same prompt.

Whoever asks one prompt many times collects a distribution, or averages noise away. Pinned, the first answer
is the only one for a while. It lives in the driver; here is what makes two prompts the same.

The definition is narrow on purpose: an innocent customer must never be given the answer to another question.
Digits, letters, word order, images and whatever else the request holds count as they are; what is passed over
is what nobody can see (line ends, spaces at the end of a line, blank lines around a text, invisible
characters, the spelling of composed letters), how an answer is sampled, and for whom. That a nonce in the
prompt makes it another prompt is the price, and other signals see the nonce (`coverage`, `generation`).

Never pinned: calls with tools or of an agent's state, whose answers depend on more than the prompt.
"""

from __future__ import annotations

import json
import re
import unicodedata
from hashlib import blake2b
from typing import Annotated, ClassVar

from pydantic import Field

from gateway.actions import base
from gateway.actions.keys import speaks
from gateway.actions.tasks import Pin
from gateway.dialects import names
from gateway.dialects.base import Object
from gateway.model import JSON, Call
from gateway.units import Duration

_TEXTS = ("messages", "prompt", "input", "system", "instructions")
"""Top-level keys whose strings are prose: `stop: "\\n"` is not, and must not become empty."""

_SAMPLING = ("top_k", "min_p", "typical_p", "options.top_k", "options.min_p", "options.typical_p")
_WHOSE = ("user", "safety_identifier", "metadata", "prompt_cache_key", "session_id")
_STATE = (
    "previous_response_id",
    "conversation",
    "background",
    "container",
    "mcp_servers",
    "web_search_options",
    "plugins",
)
"""Keys that make the answer depend on what else happened, or on the day's web."""

_LINE_END = re.compile(r"\r\n?")
_TRAILING = re.compile(r"[ \t\f\v\u00a0]+$", re.MULTILINE)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphen, zero width space, word joiner, byte order mark; the (non-)joiners carry meaning."""
_SPACE = re.compile(r"\s+")


class Options(base.Options):
    """How long an answer stays, and how much alike prompts must be."""

    within: Annotated[Duration, Field(gt=0, le=86_400)]
    """How long the first answer stays the only one: up to 24h."""
    loose: bool = False
    """Also pass over letter case and all spacing, which may matter in code."""


class PinAnswer(base.Action):
    """Description: give a principal the answer that it was given to the same prompt a while ago.

    Only whole, successful answers are kept, in memory, for the principal that they were given to; a stream is
    given again as a stream. Line ends, trailing spaces, invisible characters, temperature, `top_p`, the seed
    and the end user's name do not make another prompt; everything else does. Calls with tools, or that go on
    from a stored conversation, are never pinned.

    Options: `within` (a duration up to `24h`), `loose` (`false`; also pass over case and spacing).

    Example: `pin: {within: 10m}`
    """

    name = "pin"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._within = options.within
        self._loose = options.loose

    def task(self, call: Call, body: Object) -> Pin | None:
        """The digest of the prompt; None for calls that are not pinned."""
        agents = call.parameters.tools or any(turn.role == "tool" for turn in call.turns)
        if agents or not body or not speaks(call) or any(body.get(key) for key in _STATE):
            return None
        return Pin(digest(call, body, loose=self._loose), self._within)


def digest(call: Call, body: Object, *, loose: bool = False) -> bytes:
    """16 bytes, the same for requests of one principal to which one answer is as good as another's."""
    passed_over = {
        *names.CHAT.temperature, *names.CHAT.top_p, *names.CHAT.seed, *_SAMPLING, *_WHOSE
    }  # fmt: skip
    said = {
        key: _same(value, loose=loose) if key in _TEXTS else value
        for key, value in body.items()
        if key not in passed_over
    }
    options = said.get("options")
    if isinstance(options, dict):
        unsaid = {dotted.partition(".")[2] for dotted in passed_over if dotted.startswith("options.")}
        said["options"] = {key: value for key, value in options.items() if key not in unsaid}
    whole = [call.route.dialect, call.route.path, said]
    # ASCII: half a surrogate pair, which JSON can spell and UTF-8 cannot, must not fail.
    return blake2b(json.dumps(whole, sort_keys=True).encode("ascii"), digest_size=16).digest()


def _same(value: JSON, *, loose: bool) -> JSON:
    """The value with every string in the form that near-identical texts share."""
    if isinstance(value, str):
        return _plain(value, loose=loose)
    if isinstance(value, list):
        return [_same(item, loose=loose) for item in value]
    if isinstance(value, dict):
        return {key: _same(item, loose=loose) for key, item in value.items()}
    return value


def _plain(text: str, *, loose: bool) -> str:
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    if loose:
        return _SPACE.sub(" ", text).strip().casefold()
    return _TRAILING.sub("", _LINE_END.sub("\n", text)).strip("\n")

"""Where token probabilities stand in answers, in every shape, and how each is narrowed.

The shapes are told apart by how they look and not by route: llama.cpp answers `/v1/completions` in the
chat shape, vLLM adds `prompt_logprobs` anywhere, `post_sampling_probs` turns log-probabilities into
probabilities. Whatever an entry holds beyond its known keys is removed: an engine may add raw logits.

When a sampled token may keep its value. `best` is how many of the best tokens are public. It may, if
fewer than `best` listed alternatives are above it and the list is known to reach down to it: another
alternative is not above it, or there are at least `best` (a server that is asked for `best` and
appends the sampled token lists one more). Otherwise it may have been appended
from the tail (vLLM lists the sampled token even when it is not among the best k; at temperature 1e6
that is one random logit per query), so only arithmetic counts: a token with more than 1 / (best + 1)
of the probability cannot have `best` others above it. The number of alternatives proves nothing where
they are keyed by text, as tokens that decode alike (parts of a character) fall together there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.dialects.base import Object, TokenList
from gateway.dialects.shapes import child, drop, keep, number, objects
from gateway.model import JSON

UNLIKELY = -9999.0

_ENTRY = frozenset({"token", "id", "bytes", "content", "tok_str", "logprob", "prob", "decoded_token", "rank"})
_SCALES = ("logprob", "prob")
_TOPS = ("top_logprobs", "top_probs", "probs")
_COLUMNS = frozenset({"tokens", "token_logprobs", "top_logprobs", "text_offset"})
_LISTS = ("content", "refusal")


@dataclass(frozen=True, slots=True)
class _Cut:
    """What is asked of `narrow`, with the arithmetic of the two scales."""

    k: int
    decimals: int | None
    best: int

    def rounded(self, value: float) -> float:
        return value if self.decimals is None else round(value, self.decimals)

    def sampled(self, value: JSON, listed: list[float], *, log: bool, counted: bool = False) -> JSON:
        """The value of a sampled token for the client; one that is no number says nothing we know.

        `counted`: each entry of `listed` stands for one token.
        """
        if value is None:
            return None
        found = number(value)
        if found is not None and self._public(found, listed, log, counted):
            return self.rounded(found)
        return UNLIKELY if log else 0.0

    def _public(self, value: float, listed: list[float], log: bool, counted: bool) -> bool:
        above = sum(other > value for other in listed)
        if above >= self.best:
            return False
        others = len(listed) - above - (value in listed)
        if others > 0 or (counted and len(listed) >= self.best):
            return True
        share = 1 / (self.best + 1)
        return value > math.log(share) if log else value > share

    def kept(self, values: list[float]) -> list[int]:
        """Positions of the `k` largest values, in their order."""
        order = sorted(range(len(values)), key=lambda place: -values[place])
        return sorted(order[: max(0, self.k)])


def _value(entry: Object) -> float | None:
    found = number(entry.get("logprob"))
    return number(entry.get("prob")) if found is None else found


def _alternatives(value: JSON) -> tuple[list[Object], list[float]]:
    """Alternatives that can be ranked, and their values."""
    pairs = [(item, rank) for item in objects(value) if (rank := _value(item)) is not None]
    return [item for item, _ in pairs], [rank for _, rank in pairs]


def _narrow_alternatives(value: JSON, cut: _Cut) -> JSON:
    found, values = _alternatives(value)
    result: list[JSON] = []
    for place in cut.kept(values):
        entry = found[place]
        keep(entry, _ENTRY)
        for key in _SCALES:
            value = number(entry.get(key))
            if value is None:
                drop(entry, (key,))
            else:
                entry[key] = cut.rounded(value)
        result.append(entry)
    return result


def _narrow_entry(entry: Object, cut: _Cut) -> None:
    drop(entry, [key for key in entry if key not in _ENTRY and key not in _TOPS])
    alternatives = [item for key in _TOPS for item in objects(entry.get(key))]
    for key in _SCALES:
        if key in entry:
            listed = [value for item in alternatives if (value := number(item.get(key))) is not None]
            entry[key] = cut.sampled(entry[key], listed, log=key == "logprob", counted=True)
    for key in _TOPS:
        if entry.get(key) is not None:
            entry[key] = _narrow_alternatives(entry[key], cut)


@dataclass(frozen=True, slots=True)
class Entries:
    """A list of one object per token: chat, Responses, Ollama, llama.cpp (new, post-sampling and old)."""

    entries: list[JSON]

    def narrow(self, k: int, decimals: int | None, best: int | None = None) -> None:
        """See `TokenList`. A linear probability is hidden as 0.0."""
        cut = _Cut(k, decimals, k if best is None else best)
        self.entries[:] = [entry for entry in self.entries if isinstance(entry, dict)]
        for entry in objects(self.entries):
            _narrow_entry(entry, cut)


@dataclass(frozen=True, slots=True)
class Columns:
    """Legacy completions: parallel `tokens`, `token_logprobs`, `top_logprobs` (a map per token)."""

    columns: Object

    def narrow(self, k: int, decimals: int | None, best: int | None = None) -> None:
        """See `TokenList`."""
        cut = _Cut(k, decimals, k if best is None else best)
        keep(self.columns, _COLUMNS.union(_LISTS))
        # A column that is no list is of no shape we know; null is how the API says "none".
        odd = [
            key for key, value in self.columns.items() if value is not None and not isinstance(value, list)
        ]
        drop(self.columns, odd)
        tops = self.columns.get("top_logprobs")
        tops = tops if isinstance(tops, list) else []
        values = self.columns.get("token_logprobs")
        values = values if isinstance(values, list) else []
        for place, value in enumerate(values):
            listed = _listed(tops[place]) if place < len(tops) else []
            values[place] = cut.sampled(value, listed, log=True)
        tops[:] = [_narrow_map(top, cut) for top in tops]


def _listed(top: JSON) -> list[float]:
    if isinstance(top, dict):
        return [value for value in map(number, top.values()) if value is not None]
    return _alternatives(top)[1]


def _narrow_map(top: JSON, cut: _Cut) -> JSON:
    if not isinstance(top, dict):
        return _narrow_alternatives(top, cut) if isinstance(top, list) else None
    pairs = [(token, value) for token, raw in top.items() if (value := number(raw)) is not None]
    places = cut.kept([value for _, value in pairs])
    return {pairs[place][0]: cut.rounded(pairs[place][1]) for place in places}


@dataclass(frozen=True, slots=True)
class PromptMaps:
    """vLLM's `prompt_logprobs`: per prompt token null or a map of token id → {logprob, rank, …}."""

    maps: list[JSON]

    def narrow(self, k: int, decimals: int | None, best: int | None = None) -> None:
        """See `TokenList`; the prompt's own token is no longer listed where it is not among the best."""
        cut = _Cut(k, decimals, k if best is None else best)
        self.maps[:] = [self._one(item, cut) for item in self.maps]

    def _one(self, item: JSON, cut: _Cut) -> JSON:
        if not isinstance(item, dict):
            return None
        pairs = [
            (token, entry, value)
            for token, entry in item.items()
            if isinstance(entry, dict) and (value := number(entry.get("logprob"))) is not None
        ]
        listed = [value for _, _, value in pairs]
        result: Object = {}
        for place in cut.kept(listed):
            token, entry, value = pairs[place]
            rank = number(entry.get("rank"))
            shown = cut.sampled(value, listed, log=True) if rank is None else cut.rounded(value)
            if shown == UNLIKELY or (rank is not None and rank > cut.best):
                continue
            keep(entry, _ENTRY)
            drop(entry, ("prob",))
            entry["logprob"] = shown
            result[token] = entry
        return result


def find(holder: Object) -> Iterator[TokenList]:
    """The token lists that stand directly in `holder` under any of the known keys."""
    for key in ("logprobs", "completion_probabilities", "probs"):
        value = holder.get(key)
        if isinstance(value, list):
            yield Entries(value)
        elif isinstance(value, dict):
            yield Columns(value)
            for name in _LISTS:
                inner = value.get(name)
                if isinstance(inner, list):
                    yield Entries(inner)
    prompt = holder.get("prompt_logprobs")
    if isinstance(prompt, list):
        yield PromptMaps(prompt)


def in_choices(message: Object) -> Iterator[TokenList]:
    """Token lists of an answer or event with `choices`, llama.cpp's `__verbose` copy included."""
    yield from find(message)
    yield from find(child(message, "__verbose"))
    for choice in objects(message.get("choices")):
        yield from find(choice)

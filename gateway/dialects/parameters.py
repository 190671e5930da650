"""The sampling request of any body: one reader over the tables of `gateway.dialects.names`.

Every alias is read and the most generous value wins, because engines disagree on which alias does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import xxhash
from msgspec.structs import replace

from gateway.dialects import coerce, names
from gateway.dialects.base import Object, ParameterNames
from gateway.errors import CallError
from gateway.model import JSON, Call, Parameters


def read(body: Object, keys: ParameterNames, *, zero_is_on: bool = False) -> Parameters:
    """The parameters in `body`. Raises CallError(400, `invalid_type` | `invalid_key`).

    `zero_is_on`: `logprobs: 0` asks for the sampled tokens' probabilities (legacy completions).
    """
    _refuse_lookalikes(body)
    # Most bodies have few of all the names: only the concepts that may be there are looked for.
    concepts = {concept for key in body for concept in _SERVES.get(key, ())}
    found: dict[str, Any] = {}
    if "probabilities" in concepts:
        found["logprobs"], found["top_logprobs"] = _probabilities(body, keys, zero_is_on)
    if "logit_bias" in concepts:
        entries = list(_bias_entries(body, keys.logit_bias))
        found["logit_bias"], found["bias_set"] = len(entries), _fingerprint(entries)
    for concept in concepts & _READ.keys():
        found[concept] = _READ[concept](body, keys)
    return Parameters(**found)


def with_logprobs(call: Call) -> Call:
    """The same call, asking for probabilities (switched on by a field of its own API)."""
    return replace(call, parameters=replace(call.parameters, logprobs=True))


def at(body: Object, path: str) -> JSON:
    """The value of a key, or of a key in an object (`options.num_predict`); None if there is none."""
    if path in body or "." not in path:
        return body.get(path)
    outer, _, inner = path.partition(".")
    value = body.get(outer)
    return value.get(inner) if isinstance(value, dict) else None


def _found(body: Object, paths: tuple[str, ...]) -> Iterator[tuple[str, JSON]]:
    for path in paths:
        value = at(body, path)
        if value is not None:
            yield path, value


def _refuse_lookalikes(body: Object) -> None:
    """Go servers (Ollama) match keys without regard to case, so `Logprobs` would pass us by."""
    if names.KNOWN.issuperset(body):
        return
    for key in body:
        if key not in names.KNOWN and key.casefold() in names.KNOWN:
            raise CallError(400, "invalid_key", f"write '{key.casefold()}' in lower case")


def _integers(body: Object, paths: tuple[str, ...]) -> Iterator[int]:
    for path, value in _found(body, paths):
        yield coerce.integer(value, path) or 0


def _limits(body: Object, paths: tuple[str, ...]) -> Iterator[int]:
    """As `_integers`, negative ones as what engines make of them: without limit."""
    for value in _integers(body, paths):
        yield coerce.UNBOUNDED if value < 0 else value


def _most(values: Iterator[int]) -> int | None:
    return max(values, default=None)


def _highest(body: Object, paths: tuple[str, ...]) -> float | None:
    return max((coerce.number(value, path) or 0.0 for path, value in _found(body, paths)), default=None)


def _stops(body: Object) -> int:
    found = 0
    for path, value in _found(body, names.STOP):
        found = max(found, 1 if isinstance(value, str) else len(coerce.items(value, path)))
    return found


def _probabilities(body: Object, keys: ParameterNames, zero_is_on: bool) -> tuple[bool, int]:
    on, top = False, 0
    for path, value in _found(body, keys.logprobs):
        asked = _switch(value, path)
        if not isinstance(asked, bool) or zero_is_on:
            top = max(top, asked)
        on = on or asked > 0 or (zero_is_on and path == "logprobs")
    top = max([top, *_limits(body, keys.top_logprobs)])
    return on or top > 0, top


def _switch(value: JSON, path: str) -> bool | int:
    """What a key says that is a switch in one API and a number in another; -1 is the whole vocabulary."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and not any(char.isdigit() for char in value):
        return bool(coerce.boolean(value, path))
    whole = coerce.integer(value, path) or 0
    return coerce.UNBOUNDED if whole < 0 else whole


def _forces(value: JSON) -> bool:
    """Whether a format field constrains the output; `{"type": "text"}` is every API's "no"."""
    if isinstance(value, dict):
        return value.get("type") != "text"
    return value not in (False, "")


_NO = frozenset({"", "none", "false", "off", "disabled", "0", "no"})


def _asks(value: JSON) -> bool:
    """Whether a reasoning field asks for reasoning that the client may see; any type is tolerated."""
    if isinstance(value, str):
        return value.strip().lower() not in _NO
    if not isinstance(value, dict):
        return bool(value)
    if value.get("exclude") is True or value.get("display") == "omitted":
        return False
    said = [value[key] for key in ("type", "enabled", "effort") if value.get(key) is not None]
    return all(_asks(word) for word in said) if said else bool(value)


def _batch(body: Object) -> bool:
    return _asks(body.get("batch")) or body.get("service_tier") in ("batch", "flex")


# --- bias maps -------------------------------------------------------------------------------------


def _bias_entries(body: Object, paths: tuple[str, ...]) -> Iterator[str]:
    """One canonical `token=bias` per entry, whether it came as an object or as pairs (llama.cpp)."""
    for path, value in _found(body, paths):
        if isinstance(value, dict):
            for token, bias in value.items():
                yield f"{token.strip()}={_bias(bias, path)}"
        else:
            for item in coerce.items(value, path):
                yield _entry(item, path)


def _entry(item: JSON, path: str) -> str:
    if isinstance(item, list) and len(item) == 2:
        return f"{_token(item[0], path)}={_bias(item[1], path)}"
    return _token(item, path)


def _token(value: JSON, path: str) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(coerce.integer(value, path))


def _bias(value: JSON, path: str) -> float | None:
    """False bans a token in llama.cpp; None (null) is no bias."""
    return float("-inf") if value is False else coerce.number(value, path)


def _fingerprint(entries: list[str]) -> int:
    if not entries:
        return 0
    return xxhash.xxh3_64_intdigest("\n".join(sorted(entries)).encode("utf-8", "surrogatepass"))


# --- which keys speak of what ------------------------------------------------------------------------

_READ: Mapping[str, Callable[[Object, ParameterNames], Any]] = {
    "max_tokens": lambda body, keys: _most(_limits(body, keys.max_tokens)),
    "n": lambda body, keys: _most(_integers(body, keys.n)) or 1,
    "best_of": lambda body, keys: _most(_integers(body, keys.best_of)) or 1,
    "temperature": lambda body, keys: _highest(body, keys.temperature),
    "top_p": lambda body, keys: _highest(body, keys.top_p),
    "seed": lambda body, keys: next(_integers(body, keys.seed), None),
    "stop": lambda body, keys: _stops(body),
    # 0 still returns the value of every prompt token itself (vLLM), hence at least 1.
    "prompt_logprobs": lambda body, keys: max(
        (max(1, k) for k in _limits(body, keys.prompt_logprobs)), default=0
    ),
    "echo": lambda body, keys: any(coerce.boolean(value, key) for key, value in _found(body, keys.echo)),
    "grammar": lambda body, keys: any(_forces(value) for _, value in _found(body, keys.grammar)),
    "tools": lambda body, keys: sum(
        len(coerce.items(value, key)) for key, value in _found(body, names.TOOLS)
    ),
    "reasoning": lambda body, keys: any(_asks(value) for _, value in _found(body, names.REASONING)),
    "batch": lambda body, keys: _batch(body),
}
"""One reader per parameter that has names of its own, under the parameter's name."""


def _serves() -> Mapping[str, tuple[str, ...]]:
    """Which concepts may stand under a key of a body; the dialects differ only in the order of names."""
    keys = names.CHAT
    paths = {
        "max_tokens": keys.max_tokens,
        "n": keys.n,
        "best_of": keys.best_of,
        "probabilities": keys.logprobs + keys.top_logprobs,
        "prompt_logprobs": keys.prompt_logprobs,
        "logit_bias": keys.logit_bias,
        "echo": keys.echo,
        "grammar": keys.grammar,
        "temperature": keys.temperature,
        "top_p": keys.top_p,
        "seed": keys.seed,
        "stop": names.STOP,
        "tools": names.TOOLS,
        "reasoning": names.REASONING,
        "batch": ("batch", "service_tier"),
    }
    found: dict[str, tuple[str, ...]] = {}
    for concept, among in paths.items():
        for key in {*among, *(path.partition(".")[0] for path in among)}:
            found[key] = (*found.get(key, ()), concept)
    return found


_SERVES = _serves()

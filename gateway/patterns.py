"""Named text patterns: many regular expressions matched in one pass, each proved by its own examples.

Only RE2 (docs/decisions/0016): matching time is linear in the text whatever the pattern, so no prompt can
stall the gateway. All patterns of all sets run as one `re2.Filter` for each of three lengths: one pass finds
the words that a pattern cannot match without, and only patterns whose words are there are run. On prompts of
300 characters that it had not seen before 90 patterns took 20 µs, as one `re2.Set` for each of seven sets
37 µs (measured).

**Normalisation.** Text is matched after `normalise`: characters that show nothing are removed (zero-width
joiners, soft hyphens, bidirectional marks, variation selectors, tags) and what remains is brought to
NFKC, so that full-width letters and `rea<U+200B>soning` are plain `reasoning`. Letter case is kept: a
pattern that wants to ignore it says `(?i)`. Look-alike letters of other scripts are not folded.

**Bound.** Of a longer text the first and the last `LIMIT`/2 characters are matched: to hide a phrase in the
middle costs some 30,000 input tokens a request. RE2 is linear but builds its automaton as it goes: the
shipped sets read ordinary prompts at 2.5 µs per 1,000 characters, a text crafted from their own words at
up to 1.2 ms (measured), hence the bound.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import re2
from cachetools import LRUCache

from gateway.words import quote

LIMIT = 131_072
"""Characters matched of one text."""
KNOWN, KNOWN_LENGTH = 1024, 4096
"""Texts of which it is remembered what was found, and how many characters each may have (4 MB at most)."""
MAX_MEM = 64 << 20
"""Bytes that RE2 may use for one pattern's program and automaton."""
TIERS = (400, 900)
"""Characters of a pattern beyond which it stands in the second filter, and the third: a few patterns that
name very many words would slow the pass for all the others (the shipped 144 on prompts of 800 bytes that had
not come before: 227 µs in one filter, 77 in three, measured)."""

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties 15.0), unassigned ones included.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)


def normalise(text: str) -> str:
    """The form in which text is matched; at most `LIMIT` characters of it are looked at."""
    if len(text) > LIMIT:
        text = f"{text[: LIMIT // 2]}\n{text[-LIMIT // 2 :]}"
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _IGNORABLE.sub("", text))


def prepare(text: str) -> bytes:
    """Normalised text as RE2 reads it; half surrogate pairs (JSON escapes can make them) become `?`."""
    return normalise(text).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One expression, its weight 0…1, and the examples that prove it."""

    regex: str
    weight: float = 1.0
    match: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()


Problems: TypeAlias = list[tuple[tuple[str | int, ...], str]]
"""(path below the set's items, message) pairs."""


class PatternError(ValueError):
    """A set cannot be built; `problems` tells where and why."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__("; ".join(message for _, message in problems))


@dataclass(frozen=True, slots=True, eq=False)
class PatternSet:
    """Patterns by id, compiled together. Raises PatternError: not RE2, or an example proves it wrong."""

    id: str
    patterns: Mapping[str, Pattern]
    scan: Scan = field(init=False, repr=False)
    """Finds the patterns of this set, after `together` those of several at once."""

    def __post_init__(self) -> None:
        problems: Problems = [
            ((name, "regex"), message)
            for name, pattern in self.patterns.items()
            if (message := _wrong(pattern.regex))
        ]
        if problems:
            raise PatternError(problems)
        together([self])
        if problems := [found for name in self.patterns for found in self._disproved(name)]:
            raise PatternError(problems)

    def search(self, prepared: bytes) -> tuple[str, ...]:
        """Ids of the patterns that match somewhere in text as `prepare` gives it, in their order."""
        return self.scan.search(prepared).get(self.id, ())

    def weight_of(self, ids: Sequence[str]) -> float:
        """The highest weight among patterns, 0 of none."""
        return max([self.patterns[name].weight for name in ids]) if ids else 0.0

    def _disproved(self, name: str) -> Iterable[tuple[tuple[str | int, ...], str]]:
        pattern = self.patterns[name]
        for index, example in enumerate(pattern.match):
            if name not in self.search(prepare(example)):
                yield (name, "match", index), f"does not match its example {quote(example)}"
        for index, example in enumerate(pattern.passes):
            if name in self.search(prepare(example)):
                yield (name, "pass", index), f"matches its counter-example {quote(example)}"


class Scan:
    """The patterns of several sets, searched for in one pass."""

    def __init__(self, sets: Iterable[PatternSet]) -> None:
        named = [(one.id, name, pattern) for one in sets for name, pattern in one.patterns.items()]
        self._names = [(owner, name) for owner, name, _ in named]
        self.compiled = _compiled(tuple(pattern.regex for _, _, pattern in named))
        self._lately: LRUCache[str, Mapping[str, tuple[str, ...]]] = LRUCache(KNOWN)

    def within(self, text: str) -> Mapping[str, tuple[str, ...]]:
        """The same for text as it was sent. Texts that came lately are known: system prompts come with every
        call, retries and test suites again and again, and finding them here takes a hundredth of the time."""
        found = self._lately.get(text)
        if found is None:
            found = self.search(prepare(text))
            if len(text) <= KNOWN_LENGTH:
                self._lately[text] = found
        return found

    def search(self, prepared: bytes) -> Mapping[str, tuple[str, ...]]:
        """By set, the ids of its patterns that match somewhere in text as `prepare` gives it, in order."""
        hits = self.compiled.match(prepared)
        found: dict[str, tuple[str, ...]] = {}
        for index in sorted(hits or ()):
            owner, name = self._names[index]
            found[owner] = (*found.get(owner, ()), name)
        return found


def together(sets: Iterable[PatternSet]) -> None:
    """Let these sets, with different ids, be searched for in one pass from now on."""
    every = tuple(sets)
    scan = Scan(every)
    for one in every:
        object.__setattr__(one, "scan", scan)


def single(regex: str) -> PatternSet:
    """A set of one unnamed pattern. Raises PatternError."""
    return PatternSet("inline", {"inline": Pattern(regex)})


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEM
    return options


def _wrong(regex: str) -> str | None:
    """Why this is not a pattern, in words."""
    if not regex:
        return "an empty pattern matches everything"
    if normalise(regex) != regex:
        return "write the pattern in the form in which text is matched (NFKC, nothing invisible)"
    try:
        re2.Filter().Add(regex, _options())
    except re2.error:
        return f"not RE2: {_reason(regex)}"
    return None


def _reason(regex: str) -> str:
    """What RE2 says of an expression that it refuses. Only its `compile` does, which also keeps what it has
    compiled, 50 KB each (measured)."""
    said: str | bytes = "refused"
    try:
        re2.compile(regex, _options())
    except re2.error as error:
        said = error.args[0]
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class _Compiled:
    """A compiled set, which in itself cannot be referred to weakly."""

    match: Callable[[bytes], Sequence[int] | None]


_IN_USE: WeakValueDictionary[tuple[str, ...], _Compiled] = WeakValueDictionary()
"""Compiled sets for as long as somebody holds them, by their expressions."""


def _compiled(regexes: tuple[str, ...]) -> _Compiled:
    """The compiled set of these expressions. The one in use, if there is one: compiling stops all threads,
    for up to 0.1 s with the shipped sets (measured), which a reload must not do to calls for nothing."""
    found = _IN_USE.get(regexes)
    if found is None:
        found = _IN_USE[regexes] = _compile(regexes)
    return found


def _compile(regexes: Sequence[str]) -> _Compiled:
    """One filter for each tier that has patterns."""
    tiers: dict[int, list[int]] = {}
    for at, regex in enumerate(regexes):
        tiers.setdefault(bisect_left(TIERS, len(regex)), []).append(at)
    filters = [(part, _filter([regexes[at] for at in part])) for part in tiers.values()]
    return _Compiled(lambda text: [part[hit] for part, find in filters for hit in find(text)])


def _filter(regexes: Sequence[str]) -> Callable[[bytes], Sequence[int]]:
    compiled = re2.Filter()
    for regex in regexes:
        compiled.Add(regex, _options())
    compiled.Compile()
    match: Callable[[bytes], Sequence[int] | None] = compiled.Match
    return lambda text: match(text) or ()

"""RE2 beside hyperscan on the shipped patterns: what compiling takes, and what a prompt costs.

    python -m benchmarks.pattern_engines DATA [--texts N]

DATA is traffic JSON Lines, a file or a directory; hyperscan is in the benchmarks' environment. Hyperscan
refuses some of the patterns and takes minutes over others as they are, because of bounded gaps over all of
Unicode. So it is given each with its gaps unbounded, which finds too much, and RE2 confirms what it finds:
this is its best case. Both ways must find the same, or it is said. Times are of this machine, now.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import msgspec
import re2

from gateway.patterns import MAX_MEM, prepare
from gateway.policies.load import load_bundle
from gateway.traffic import discover, merged, survey

POLICIES = Path(__file__).parents[1] / "policies"
ROUNDS = 3
_GAP = re.compile(r"(?<!\\p)\{(\d+)(?:,\d*)?\}")
"""A bounded repetition. The shipped patterns have no brace inside a character class."""


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEM
    return options


def loosened(regex: str) -> str:
    """The same with every bounded repetition unbounded: it matches wherever the given one does."""
    return _GAP.sub(lambda found: "*" if found[1] == "0" else "+", regex)


def prompts(data: Path, count: int) -> list[bytes]:
    """Different user texts as they are matched."""
    lines = merged(survey(discover([data])))
    bodies = (msgspec.json.decode(line.request) for line in lines)
    turns = (turn for body in bodies for turn in body.get("messages", ()))
    texts = (turn["content"] for turn in turns if turn.get("role") == "user")
    seen = dict.fromkeys(text for text in islice(texts, 20 * count) if isinstance(text, str))
    return [prepare(text) for text in list(seen)[:: max(1, len(seen) // count)]][:count]


class Hyperscan:
    """The loosened patterns in one database."""

    def __init__(self, regexes: Sequence[str]) -> None:
        import hyperscan

        self._database: Any = hyperscan.Database()
        flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_SINGLEMATCH
        expressions = [loosened(regex).encode() for regex in regexes]
        ids = list(range(len(regexes)))
        self._database.compile(expressions=expressions, ids=ids, elements=len(ids), flags=[flags] * len(ids))
        self._exact = [re2.compile(regex, _options()) for regex in regexes]
        self._hits: list[int] = []

    def __len__(self) -> int:
        """Bytes of the database."""
        return int(self._database.size())

    def search(self, text: bytes) -> list[int]:
        """What RE2 confirms of what hyperscan finds."""
        self._hits.clear()
        self._database.scan(text, match_event_handler=self._hit)
        return sorted(hit for hit in self._hits if self._exact[hit].search(text))

    def _hit(self, pattern: int, *_: object) -> None:
        self._hits.append(pattern)


class Filter:
    """RE2's filter, as the gateway has it."""

    def __init__(self, regexes: Sequence[str]) -> None:
        self._filter = re2.Filter()
        for regex in regexes:
            self._filter.Add(regex, _options())
        self._filter.Compile()

    def search(self, text: bytes) -> list[int]:
        """The patterns that match."""
        return sorted(self._filter.Match(text) or ())


def spent(search: Callable[[bytes], list[int]], texts: Sequence[bytes]) -> list[float]:
    """CPU µs per text of each round; the first one builds RE2's automata."""
    found = []
    for _ in range(ROUNDS):
        began = process_time()
        for text in texts:
            search(text)
        found.append((process_time() - began) / len(texts) * 1e6)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--texts", type=int, default=3000)
    options = parser.parse_args()
    sets = load_bundle(POLICIES).patterns
    regexes = [pattern.regex for one in sets.values() for pattern in one.patterns.values()]
    texts = prompts(options.data, options.texts)
    mean = sum(map(len, texts)) / len(texts)
    sys.stdout.write(f"{len(regexes)} patterns, {len(texts)} prompts of {mean:,.0f} bytes on average\n")
    engines: dict[str, Any] = {}
    for make in (Filter, Hyperscan):
        began = perf_counter()
        engine = engines[make.__name__] = make(regexes)
        took = perf_counter() - began
        size = f", {len(engine) / 1e6:.1f} MB" if isinstance(engine, Hyperscan) else ""
        costs = ", ".join(f"{cost:.1f}" for cost in spent(engine.search, texts))
        sys.stdout.write(
            f"{make.__name__}: compiled in {took:.2f} s{size}; µs per prompt by round: {costs}\n"
        )
    wrong = sum(engines["Filter"].search(text) != engines["Hyperscan"].search(text) for text in texts)
    sys.stdout.write(f"prompts on which they differ: {wrong}\n")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()

"""The comparison of pattern engines: an unbounded gap finds at least what the bounded one does."""

from __future__ import annotations

import pytest
import re2

from benchmarks.pattern_engines import POLICIES, loosened
from gateway.patterns import normalise
from gateway.policies.load import load_bundle


@pytest.mark.parametrize(
    ("regex", "wanted"),
    [(r"a{2,5}b{0,3}", "a+b*"), (r"\p{L}{1,4}", r"\p{L}+"), ("x{3}y{2,}", "x+y+"), ("plain", "plain")],
)
def test_every_bounded_repetition_becomes_an_unbounded_one(regex: str, wanted: str) -> None:
    assert loosened(regex) == wanted


def test_the_loosened_shipped_patterns_match_all_of_their_examples() -> None:
    patterns = [one for each in load_bundle(POLICIES).patterns.values() for one in each.patterns.values()]
    examples = [(loosened(one.regex), text) for one in patterns for text in one.match]
    assert len(examples) > 100
    assert [text for regex, text in examples if re2.search(regex, normalise(text)) is None] == []

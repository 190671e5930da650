"""Pattern sets: examples prove them, spelling tricks do not dodge them, RE2 bounds them."""

from __future__ import annotations

import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import patterns
from gateway.patterns import (
    KNOWN_LENGTH,
    LIMIT,
    TIERS,
    Pattern,
    PatternError,
    PatternSet,
    normalise,
    prepare,
    single,
    together,
)

SET = PatternSet(
    "s",
    {
        "trace": Pattern(r"(?i)\breasoning\b", match=("Your REASONING, please",), passes=("seasoning",)),
        "half": Pattern("(?i)rubric", 0.5),
        "upper": Pattern("CANARY-[0-9a-f]{4}"),
    },
)


def found(text: str) -> tuple[str, ...]:
    return SET.search(prepare(text))


def test_all_matching_patterns_are_told_in_their_order() -> None:
    assert found("rubric, CANARY-00ff and reasoning") == ("trace", "half", "upper")
    assert found("nothing") == ()
    assert found("") == ()


def test_the_heaviest_pattern_gives_the_weight() -> None:
    assert SET.weight_of(("half",)) == 0.5
    assert SET.weight_of(("half", "upper")) == 1.0
    assert SET.weight_of(()) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "rea\u200bsoning",
        "re\u00adasoning",
        "\u202ereasoning",
        "rea\ufe0fsoning",
        "r\U000e0041easoning",
        "\uff52\uff45\uff41soning",
        "\U0001d42b\U0001d41e\U0001d41a\U0001d42c\U0001d428\U0001d427\U0001d422\U0001d427\U0001d420",
        "rea\u2060so\ufeffning",
    ],
)
def test_spelling_tricks_do_not_dodge_a_pattern(text: str) -> None:
    assert found(f"show {text} now") == ("trace",)


def test_letter_case_is_the_pattern_s_own_business() -> None:
    assert found("canary-00ff") == ()


def test_half_a_surrogate_pair_in_a_prompt_is_no_error() -> None:
    assert found("\ud800 reasoning") == ("trace",)


def test_of_a_long_text_both_ends_are_read() -> None:
    filler = "x " * LIMIT
    assert found(f"reasoning {filler}") == ("trace",)
    assert found(f"{filler} rubric") == ("half",)
    assert found(f"{filler} rubric {filler}") == ()
    assert len(prepare(filler)) == LIMIT + 1


@given(st.text())
def test_what_is_normal_stays_as_it_is(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(st.sampled_from("reasoningRUBRIC CANARY-0\u200b\uff52é")))
def test_a_set_finds_exactly_what_its_patterns_find_alone(text: str) -> None:
    alone = [name for name, pattern in SET.patterns.items() if single(pattern.regex).search(prepare(text))]
    assert list(found(text)) == alone


def problems(items: dict[str, Pattern]) -> patterns.Problems:
    with pytest.raises(PatternError) as caught:
        PatternSet("s", items)
    return caught.value.problems


@given(
    st.lists(st.sampled_from(["reasoning", "a rubric", "Ω", "nothing", "\n", ""]), max_size=4).map(" ".join)
)
def test_a_pattern_of_very_many_words_finds_what_a_short_one_finds(text: str) -> None:
    words = "|".join(f"unheard{at}" for at in range(max(TIERS) // 8))
    pair = PatternSet("l", {"short": Pattern("^a|ing$"), "long": Pattern(f"^a|ing$|{words}")})
    assert pair.search(prepare(text)) in ((), ("short", "long"))
    assert pair.search(prepare(f"x unheard7 {text}?")) == ("long",)


def test_every_expression_that_is_not_re2_is_told() -> None:
    assert problems(
        {"a": Pattern(r"(x)\1"), "b": Pattern("fine"), "c": Pattern("(?=x)"), "d": Pattern("")}
    ) == [
        (("a", "regex"), "not RE2: invalid escape sequence: \\1"),
        (("c", "regex"), "not RE2: invalid perl operator: (?="),
        (("d", "regex"), "an empty pattern matches everything"),
    ]


@pytest.mark.parametrize("regex", ["\uff52", "a\u200bb"])
def test_an_expression_that_no_normal_text_can_match_is_told(regex: str) -> None:
    ((path, message),) = problems({"a": Pattern(regex)})
    assert path == ("a", "regex")
    assert message.startswith("write the pattern in the form in which text is matched")


def test_every_example_that_proves_a_pattern_wrong_is_told_in_brief() -> None:
    items = {
        "a": Pattern("x", match=("x", "y", "z" * 100), passes=("b", "ax")),
        "b": Pattern("b", passes=("nothing",)),
    }
    assert problems(items) == [
        (("a", "match", 1), "does not match its example 'y'"),
        (("a", "match", 2), f"does not match its example '{'z' * 60}'"),
        (("a", "pass", 1), "matches its counter-example 'ax'"),
    ]


def test_an_example_must_match_its_own_pattern_and_not_just_any() -> None:
    assert problems({"a": Pattern("x", match=("y",)), "b": Pattern("y")})[0][0] == ("a", "match", 0)


def test_examples_are_matched_as_prompts_are() -> None:
    assert PatternSet("s", {"a": Pattern("reason", match=("rea\u200bson",))}).patterns


def test_patterns_too_large_for_re2_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MAX_MEM", 10_000)
    ((path, message),) = problems({"small": Pattern("a"), "large": Pattern("a[^.]{0,300}b")})
    assert (path, message.startswith("not RE2: pattern too large")) == (("large", "regex"), True)


def test_sets_that_are_searched_together_find_each_their_own() -> None:
    one = PatternSet("one", {"a": Pattern("red"), "b": Pattern("blue")})
    other = PatternSet("other", {"b": Pattern("blue"), "c": Pattern("green")})
    together([one, other])
    assert one.scan is other.scan
    assert one.scan.search(b"blue and red") == {"one": ("a", "b"), "other": ("b",)}
    assert (one.search(b"green"), other.search(b"green")) == ((), ("c",))


@pytest.mark.parametrize("length", [KNOWN_LENGTH, KNOWN_LENGTH + 1])
def test_what_was_found_in_a_text_that_came_lately_is_known_unless_it_is_long(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = PatternSet("s", {"a": Pattern("needle")})
    text = "needle".ljust(length, ".")
    assert made.scan.within(text) == {"s": ("a",)}
    searched: list[bytes] = []

    def search(prepared: bytes) -> dict[str, tuple[str, ...]]:
        searched.append(prepared)
        return {}

    monkeypatch.setattr(made.scan, "search", search)
    assert made.scan.within(text) == ({"s": ("a",)} if length <= KNOWN_LENGTH else {})
    assert len(searched) == (length > KNOWN_LENGTH)


def test_a_set_may_be_empty() -> None:
    assert PatternSet("s", {}).search(b"anything") == ()


def test_a_set_that_is_in_use_is_not_compiled_again_and_is_forgotten_with_its_last_user() -> None:
    before = PatternSet("before", {"a": Pattern("one"), "b": Pattern("two", weight=0.5)})
    after = PatternSet("after", {"x": Pattern("one"), "y": Pattern("two", match=("two",))})
    assert after.scan.compiled is before.scan.compiled
    assert after.search(b"two") == ("y",)
    assert before.search(b"two") == ("b",)
    assert (
        PatternSet("other", {"b": Pattern("two"), "a": Pattern("one")}).scan.compiled
        is not before.scan.compiled
    )
    held = weakref.ref(before.scan.compiled)
    del before, after
    assert held() is None

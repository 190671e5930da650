"""Documents become one immutable bundle, or one error that names every mistake at its place."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError, Place
from gateway.model import Mode
from gateway.policies.bundle import Requires, Rollout
from gateway.policies.compile import with_mode
from tests.policies.breaks import BREAKS
from tests.policies.samples import LADDER, PATTERNS, POLICY, compiled

BUNDLE = compiled(POLICY, PATTERNS, LADDER)


def complaints(*texts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compiled(*texts)
    return str(caught.value).split("\n")


# --- what a bundle holds -------------------------------------------------------------------------------


def test_a_policy_is_compiled_with_its_numbers() -> None:
    (policy,) = BUNDLE.policies
    assert (policy.id, policy.version, policy.mode) == ("sample", 2, Mode.ENFORCE)
    assert (policy.rollout, policy.key) == (Rollout(0.25, "org", 0.0), "principal")
    assert (policy.combine, policy.cap, policy.half_life) == ("max", 45.0, 5400.0)
    assert policy.match is not None
    assert policy.match.fields == {"request.endpoint"}


def test_a_signal_is_compiled_with_its_detector_and_words() -> None:
    burst, share, canary = BUNDLE.policies[0].signals
    assert [signal.detector.name for signal in (burst, share, canary)] == ["count", "ratio", "request"]
    assert (burst.ramp, burst.points, burst.mode, burst.over) == ((60.0, 300.0), 15.0, Mode.ENFORCE, "1m")
    assert (share.ramp, share.mode, share.floor) == ((0.5, 0.1), Mode.SHADOW, None)
    assert (canary.ramp, canary.floor, canary.over) == (None, "throttle", "")
    shown = [s.why.format(value=0.25, n=4, over=s.over, lo=0.5, hi=0.1) for s in (burst, share, canary)]
    assert shown == ["0 in 1m", "0.25 in 1h (harmless 0.5, certain 0.1)", "the condition holds (0.25 of 1)"]


def test_rungs_stand_in_order_and_keep_what_is_below() -> None:
    watch, narrow, throttle, refuse = BUNDLE.ladder.rungs
    assert [rung.id for rung in BUNDLE.ladder.rungs] == ["watch", "narrow", "throttle", "refuse"]
    assert [(rung.at, rung.clear) for rung in (watch, throttle)] == [(20.0, 20.0), (50.0, 40.0)]
    assert [list(rung.actions) for rung in (watch, narrow, throttle, refuse)] == [
        ["log"],
        ["log", "logprobs"],
        ["log", "logprobs", "limit"],
        ["log", "logprobs", "limit", "reject"],
    ]
    assert refuse.requires == Requires(2, 3600.0, 600.0)


def test_an_action_named_higher_replaces_the_lower_one() -> None:
    _, narrow, throttle, refuse = BUNDLE.ladder.rungs
    assert narrow.actions["logprobs"] is not throttle.actions["logprobs"]
    assert throttle.actions["logprobs"] is refuse.actions["logprobs"]


def test_the_summary_counts_what_was_loaded() -> None:
    assert BUNDLE.summary == (
        "3 files: 1 policy (3 signals), 1 pattern set (2 patterns), ladder 'default' (4 rungs)"
    )


def test_a_detector_s_counter_depends_on_which_calls_reach_it() -> None:
    def counter(text: str) -> str:
        return compiled(text, PATTERNS, LADDER).policies[0].signals[0].detector.reads[0].key

    one = counter(POLICY)
    assert one == counter(POLICY.replace("points: 15", "points: 12").replace("over: 1m", "over: 60s"))
    assert one == counter(POLICY.replace("[chat, messages]", "[messages, chat]"))
    assert one != counter(POLICY.replace("[chat, messages]", "chat"))
    assert one != counter(POLICY.replace("match:", "key: org\nmatch:"))


# --- identity ------------------------------------------------------------------------------------------


def test_the_hash_ignores_order_files_comments_and_spelling() -> None:
    for texts in permutations((POLICY, PATTERNS, LADDER)):
        assert compiled(*texts).hash == BUNDLE.hash
        assert compiled("\n---\n".join(texts)).hash == BUNDLE.hash
    head, signals = POLICY.split("signals:\n")
    turned = "signals:\n" + signals + "".join(reversed(head.splitlines(keepends=True)))
    same = [
        turned,
        "# a comment\n" + POLICY,
        POLICY.replace("half_life: 90m", "half_life: 1.5h"),
        POLICY.replace("over: 1m", "over: 60s"),
        POLICY.replace("rollout: 25%", "rollout: {percent: 25.0%, by: org}"),
        POLICY.replace("false_positives:\n", ""),
        POLICY.replace("cap: 45", "cap: 45.0\nkey: principal"),
    ]
    assert {compiled(text, PATTERNS, LADDER).hash for text in same} == {BUNDLE.hash}
    assert compiled(POLICY, PATTERNS, LADDER.replace("log: true", "log: {}")).hash == BUNDLE.hash
    assert compiled(POLICY, PATTERNS, LADDER.replace("log: true", "log:")).hash == BUNDLE.hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("points: 15", "points: 16"),
        ("over: 1m", "over: 2m"),
        ("title: A sample", "title: Another"),
        ("mode: shadow", "mode: disabled"),
        ("CANARY", "canary"),
        ("(?i)", "(?i:x)?"),
        ("pass:\n      - Good", "pass:\n      - Better"),
        ("20/1m", "21/1m"),
        ("clear: 40", "clear: 41"),
        ("status: 403", "status: 429"),
    ],
)
def test_the_hash_tells_every_change_of_meaning(old: str, new: str) -> None:
    texts = [text.replace(old, new) for text in (POLICY, PATTERNS, LADDER)]
    assert texts != [POLICY, PATTERNS, LADDER]
    assert compiled(*texts).hash != BUNDLE.hash


def test_tests_and_empty_documents_are_no_part_of_a_bundle() -> None:
    bundle = compiled(POLICY, PATTERNS, LADDER, "kind: tests\nanything: [goes]\n---\n# empty\n---\n")
    assert (bundle.hash, bundle.summary) == (BUNDLE.hash, BUNDLE.summary)
    assert len(bundle.hash) == 12


# --- as if enforced ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.ENFORCE])
def test_a_bundle_can_be_read_in_another_mode_by_everybody(mode: Mode) -> None:
    other = with_mode(BUNDLE, mode)
    (policy,) = other.policies
    assert (policy.mode, policy.rollout) == (mode, Rollout(1.0, "org", 0.0))
    assert {signal.mode for signal in policy.signals} == {mode}
    assert (other.hash, other.ladder) == (BUNDLE.hash, BUNDLE.ladder)


def test_what_is_disabled_stays_disabled_in_any_mode() -> None:
    signal = with_mode(
        compiled(POLICY.replace("mode: shadow", "mode: disabled"), PATTERNS, LADDER), Mode.ENFORCE
    )
    assert [s.mode for s in signal.policies[0].signals] == [Mode.ENFORCE, Mode.DISABLED, Mode.ENFORCE]
    policy = with_mode(
        compiled(POLICY.replace("mode: enforce", "mode: disabled"), PATTERNS, LADDER), Mode.ENFORCE
    )
    assert policy.policies[0].mode is Mode.DISABLED


# --- mistakes ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("which", "old", "new", "messages"), BREAKS)
def test_a_broken_file_is_told_at_the_right_place(
    which: str, old: str, new: str, messages: list[str]
) -> None:
    texts = {"policy": POLICY, "patterns": PATTERNS, "ladder": LADDER}
    broken = texts[which].replace(old, new, 1)
    assert broken != texts[which]
    assert complaints(*{**texts, which: broken}.values()) == messages


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    texts = (
        POLICY.replace("pass", "x").replace("points: 15", "points: 0").replace("over: 1h", "over: 1x"),
        PATTERNS.replace("- Good seasoning", "- Good reasoning"),
        LADDER.replace("burst", "brust"),
        "just text",
    )
    assert [line.split(" error: ")[0] for line in complaints(*texts)] == [
        "0.yaml:18:13:",
        "0.yaml:21:62:",
        "1.yaml:9:9:",
        "2.yaml:19:34:",
        "3.yaml:1:1:",
    ]


def test_an_unreadable_document_is_not_blamed_on_those_that_refer_to_it() -> None:
    assert complaints(POLICY, PATTERNS.replace("title: Some words", "titel: x"), LADDER) == [
        "1.yaml:1:1: error: missing key 'title'",
        "1.yaml:3:1: error: unknown key 'titel' (did you mean 'title'?)",
    ]
    (only,) = complaints(POLICY, PATTERNS, LADDER.replace("kind: ladder", "kind: lader"))
    assert only.startswith("2.yaml:1:7: error: kind: 'lader' is not one of")


def test_the_same_id_twice_is_told_with_both_places() -> None:
    assert complaints(POLICY, PATTERNS, LADDER, POLICY) == [
        "3.yaml:2:5: error: id: policy 'sample' is defined twice (first at 0.yaml:2:5)"
    ]
    other_kind = PATTERNS.replace("id: words", "id: sample")
    assert compiled(POLICY, other_kind, PATTERNS, LADDER).hash != BUNDLE.hash


def test_there_is_exactly_one_ladder() -> None:
    assert complaints(POLICY.replace("    floor: throttle\n", ""), PATTERNS) == [
        "policies: error: no ladder: write one document of kind 'ladder'"
    ]
    assert complaints(POLICY, PATTERNS, LADDER, LADDER.replace("id: default", "id: other")) == [
        "3.yaml:1:1: error: kind: a second ladder: there is one already at 2.yaml:2:5"
    ]


def test_problems_found_while_parsing_are_told_with_the_rest() -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(POLICY.replace("cap: 45", "cap: 0"), problems=[(Place("z.yaml", 1, 1), "not YAML")])
    assert [str(place) for place, _ in caught.value.problems] == ["0.yaml:12:6", "z.yaml:1:1"]


@given(st.sampled_from((POLICY, PATTERNS, LADDER)), st.data())
def test_any_cut_in_a_file_gives_a_bundle_or_a_config_error(text: str, data: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    rest = {POLICY, PATTERNS, LADDER} - {text}
    try:
        outcome = len(compiled("".join(lines[:start] + lines[end:]), *rest).hash)
    except ConfigError as error:
        outcome = len(error.problems)
    assert outcome


def test_what_a_later_version_brings_is_named_as_such() -> None:
    later = POLICY.replace("count: {", "cel: {", 1)
    assert any("detector 'cel' comes with a later version" in line for line in complaints(later, LADDER))


def test_a_policy_about_campaigns_counts_nothing_but_them() -> None:
    campaign = POLICY.replace("signals:", "key: campaign\nsignals:", 1)
    found = complaints(campaign, LADDER)
    assert any("'key: campaign' needs a signal with the detector 'campaign'" in line for line in found)
    assert any("counts with 'campaign: {measure: …}', not 'count'" in line for line in found)


def test_a_refusal_by_one_policy_is_allowed_and_warned_of() -> None:
    made = compiled(POLICY, PATTERNS, LADDER.replace("policies: 2", "policies: 1"))
    (warning,) = made.warnings
    assert str(warning).startswith(
        "2.yaml:5:3: warning: rungs.refuse: 'reject' without requires: {policies: 2}"
    )
    assert BUNDLE.warnings == ()


def test_where_text_is_altered_the_record_says_so() -> None:
    made = compiled(POLICY, PATTERNS, LADDER.replace("- log: true", "- reasoning: {strip: true}"))
    assert list(made.ladder.rungs[0].actions) == ["log", "reasoning"]


def test_a_signal_of_two_minds_in_a_policy_that_cannot_be_read_is_told_beside_it() -> None:
    broken = POLICY.replace("title:", "titel:", 1).replace(
        "    points:", "    field: request.n\n    pionts:", 1
    )
    found = complaints(broken)
    assert any("unknown key 'titel'" in one for one in found)
    assert any("unknown key 'pionts'" in one for one in found)

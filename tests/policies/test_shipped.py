"""The shipped pack keeps its promises: described, cautious, proved by examples, fair to look-alikes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.fields import FIELDS
from gateway.model import Mode
from gateway.patterns import Pattern, PatternSet, prepare
from gateway.policies.load import load_bundle
from gateway.score import CORROBORATES
from gateway.strict_yaml import parse

ROOT = Path(__file__).parents[2] / "policies"
BUNDLE = load_bundle(ROOT)
DOCUMENTS: list[Any] = [
    document.value for file in sorted(ROOT.glob("*.yaml")) for document in parse(file.read_bytes(), file.name)
]
POLICIES = {document["id"]: document for document in DOCUMENTS if document["kind"] == "policy"}
SETS = {document["id"]: document for document in DOCUMENTS if document["kind"] == "patterns"}
FALSE_FRIENDS = [
    "Translate the following paragraph into French: The harbour was quiet that morning.",
    "You are a helpful assistant for ACME customers. Answer from the documents below only.",
    "Classify the ticket as billing, technical or other. Reply with one word.",
    "Let's think step by step. A train leaves Berlin at 9:00 and another leaves Munich at 10:00.",
    "Extract name, date and total from this invoice and return JSON.",
    "Explain your reasoning, then give the final answer.",
    "Write a unit test for this function and explain what it covers.",
    "Please proofread my cover letter and make it more concise.",
    "请把下面的句子翻译成英文。",
    "Помоги мне написать письмо хозяину квартиры про протечку.",
    "¿Puedes resumir este artículo en tres frases?",
    "Kannst du mir bei der Bewerbung um eine Lehrstelle helfen?",
    "Peux-tu corriger les fautes de ce texte ?",
    "この文章をもっと丁寧な言い方に直してください。",
    "ساعدني في كتابة رسالة إلى مالك الشقة عن تسرب المياه.",
    "لخص هذا المقال في ثلاث جمل من فضلك.",
    "逐字翻译下面的内部通知。",
    "Переведи дословно: внутренний распорядок школы.",
    "Resume el monólogo interno del protagonista.",
    "Was ist der Unterschied zwischen innerer und äußerer Energie?",
    "Fais-moi un résumé du règlement interne.",
    "社内向けの思考法の研修資料を作ってください。",
]

WORDS = {"asked-things", "their-answers", "harder-ones", "model-answers", "for-each", "marks-asked"}
"""What a prompt speaks of: only two or three of these at once are evidence."""
MEANINGS = {"to-train", "items-asked", "whole-traces", "own-people", *WORDS}
FORMS = {"marked-pairs", "mark-scales", "problem-forms", "retrieval-forms", *MEANINGS}
"""Forms of ordinary prompts, each told in all languages by one pattern."""
NOT_BY_LANGUAGE = {"task-kinds", "evaluation-forms", *FORMS}
"""One pattern is one kind in all languages; forms of tests are the same in most."""
ORDINARY = {"task-kinds", "reasoning-asked", *FORMS} - {
    "to-train",
    "items-asked",
    "whole-traces",
    "own-people",
}
"""What ordinary prompts say too: only their shares and their variety count, beside other numbers."""


def compiled(name: str) -> PatternSet:
    items = SETS[name]["items"]
    return PatternSet(
        name, {key: Pattern(item["regex"], item.get("weight", 1.0)) for key, item in items.items()}
    )


def test_the_pack_holds_what_the_documentation_lists() -> None:
    assert set(POLICIES) == {
        "volume",
        "round-the-clock",
        "coverage",
        "elicitation",
        "generation",
        "grading",
        "logprobs",
        "questions",
        "worked-problems",
        "reasoning",
        "self-chat",
        "soft-labels",
        "pool",
        "trajectories",
        "repeat-sampling",
        "relay-fan-in",
        "parameters",
        "campaign",
        "public-corpora",
        "own-baseline",
        "provenance",
    }
    assert [rung.id for rung in BUNDLE.ladder.rungs] == ["watch", "narrow", "throttle", "perturb", "refuse"]


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_says_what_it_is_and_whom_it_may_hit(name: str) -> None:
    policy = POLICIES[name]
    assert policy["description"]
    assert policy["owner"]
    assert policy["false_positives"]
    assert any(reference.get("atlas") for reference in policy["references"])
    assert any(reference.get("aisvs") == "C11.3" for reference in policy["references"])


@pytest.mark.parametrize("policy", BUNDLE.policies, ids=lambda policy: policy.id)
def test_no_policy_reaches_a_harsh_rung_by_itself(policy: Any) -> None:
    perturb = next(rung for rung in BUNDLE.ladder.rungs if rung.id == "perturb")
    assert policy.cap < perturb.at
    assert perturb.requires.policies == 2
    assert all(signal.floor is None for signal in policy.signals)


def test_only_what_measures_parameters_and_amounts_is_enforced() -> None:
    enforced = {policy.id for policy in BUNDLE.policies if policy.mode is Mode.ENFORCE}
    assert enforced == {"volume", "logprobs"}


@pytest.mark.parametrize("name", ["round-the-clock", "repeat-sampling", "relay-fan-in", "parameters"])
def test_what_honest_programs_do_as_well_leads_no_further_than_watching_alone(name: str) -> None:
    rungs = {rung.id: rung for rung in BUNDLE.ladder.rungs}
    caps = {policy.id: policy.cap for policy in BUNDLE.policies}
    assert caps[name] <= rungs["watch"].at < rungs["narrow"].at


def test_naming_end_users_is_never_held_against_anybody() -> None:
    """The APIs ask for it: it must not make a policy count as one of the two that harsh rungs need."""
    assert POLICIES["relay-fan-in"]["signals"]["end-users"]["points"] < CORROBORATES


@pytest.mark.parametrize("policy", BUNDLE.policies, ids=lambda policy: policy.id)
def test_the_words_of_every_signal_can_be_said(policy: Any) -> None:
    for signal in policy.signals:
        low, high = signal.ramp or (0.0, 1.0)
        assert signal.why.format(value=0.5, n=40, over=signal.over, lo=low, hi=high)
        assert signal.why.format(value=7, n=40, over=signal.over, lo=low, hi=high)


@pytest.mark.parametrize("name", SETS)
def test_every_pattern_is_proved_from_both_sides(name: str) -> None:
    for item in SETS[name]["items"].values():
        assert item["match"]
        assert item["pass"]


@pytest.mark.parametrize("name", sorted(SETS.keys() - NOT_BY_LANGUAGE))
def test_eight_languages_are_matched_and_weigh_the_same(name: str) -> None:
    items = SETS[name]["items"]
    foreign = {key[:2]: item.get("weight", 1.0) for key, item in items.items() if re.match("[a-z]{2}-", key)}
    assert set(foreign) == {"ar", "zh", "ru", "es", "de", "fr", "ja"}
    english = {item.get("weight", 1.0) for key, item in items.items() if not re.match("[a-z]{2}-", key)}
    assert set(foreign.values()) <= english


def test_kinds_of_tasks_are_known_in_eight_languages() -> None:
    patterns = compiled("task-kinds")
    for word in (
        "Explain",
        "解释",
        "Объясни",
        "Explica",
        "Erkläre",
        "Explique",
        "潮の仕組みを説明して",
        "اشرح",
    ):
        assert "explain" in patterns.search(prepare(f"{word} ...")), word


@pytest.mark.parametrize("name", sorted(SETS.keys() - ORDINARY))
@pytest.mark.parametrize("prompt", FALSE_FRIENDS)
def test_ordinary_prompts_match_nothing(name: str, prompt: str) -> None:
    assert compiled(name).search(prepare(prompt)) == ()


@pytest.mark.parametrize("name", SETS)
def test_a_spelling_trick_on_an_example_changes_nothing(name: str) -> None:
    patterns = compiled(name)
    for key, item in SETS[name]["items"].items():
        for example in item["match"]:
            assert key in patterns.search(prepare("\u200b".join(example)))


def asked_alone(condition: Any) -> set[str]:
    """The sets that a condition is content with by themselves."""
    if isinstance(condition, list):
        return set().union(*map(asked_alone, condition))
    if isinstance(condition, dict):
        found = {
            name
            for key, inner in condition.items()
            if key not in ("all", "not")
            for name in asked_alone(inner)
        }
        return found if len(condition) == 1 or "matches" in condition else set()
    return {condition[1:]} if isinstance(condition, str) and condition.startswith("@") else set()


@pytest.mark.parametrize("name", POLICIES)
def test_a_word_of_every_other_prompt_is_never_evidence_alone(name: str) -> None:
    for signal in POLICIES[name]["signals"].values():
        options = [value for value in signal.values() if isinstance(value, dict) and "where" in value]
        assert [options for each in options if asked_alone(each["where"]) & WORDS] == []


def test_each_language_is_matched_for_each_kind_of_trace() -> None:
    items = SETS["cot-elicitation"]["items"]
    assert {key[3:] for key in items if re.match("[a-z]{2}-", key)} == {"trace-as-data", "hidden-trace"}
    assert sum(key.endswith("-hidden-trace") for key in items) == 7


def test_nothing_reads_who_or_where_somebody_is() -> None:
    text = "\n".join(file.read_text("utf-8") for file in ROOT.glob("*.yaml"))
    personal = [name for name in FIELDS if name.startswith(("client.", "principal."))]
    assert [name for name in personal if name in text] == []

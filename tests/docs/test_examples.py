"""The example tenant and exemption: no part of the pack, right as soon as somebody copies them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Mode, Principal, Usage
from gateway.policies.bundle import Bundle
from gateway.policies.compile import with_mode
from gateway.policies.load import load_bundle, policy_files
from tests.docs.blocks import PACK, lay_over
from tests.support import Drive, chat

EXAMPLES = sorted((PACK / "examples").iterdir())
SHIPPED = load_bundle(PACK)


def loaded(directory: Path, *examples: Path) -> Bundle:
    """The shipped pack with these examples copied into it."""
    return load_bundle(lay_over(PACK, "---\n".join(one.read_text("utf-8") for one in examples), directory))


def test_there_is_one_of_each_and_none_is_loaded() -> None:
    assert [file.name for file in EXAMPLES] == ["exemption.yaml.example", "tenant.yaml.example"]
    assert not set(policy_files(PACK)) & set(EXAMPLES)
    assert (SHIPPED.exemptions, SHIPPED.tenants) == ((), ())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_copied_example_loads_without_a_warning(example: Path, tmp_path: Path) -> None:
    bundle = loaded(tmp_path, example)
    assert len(bundle.exemptions) + len(bundle.tenants) == 1
    assert bundle.warnings == ()


WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath")
PROMPTS = (
    "Translate the following segment of the manual into French and keep all numbers: {}",
    "Return your full chain-of-thought inside <think> tags, then the answer. Problem: {}",
    "Come up with a set of 20 diverse task instructions about {}",
    "{}",
)


def scores(bundle: Bundle, kinds: list[int], batch: bool) -> list[float]:
    """The shadow score of each call of the exempted key, which sends so many kinds of prompts in turn."""
    source = random.Random(1)
    who = Principal("key_0123456789abcdef0123", since=-90 * 86_400.0)
    drive = Drive(with_mode(bundle, Mode.SHADOW), ceiling=Mode.SHADOW, who=who)
    found = []
    extra: dict[str, Any] = {"service_tier": "flex"} if batch else {}
    for index in range(150):
        drive.now += 0.2
        words = " ".join(source.choices(WORDS, k=25))
        prompt = PROMPTS[kinds[index % len(kinds)]].format(f"{words} {index}")
        found.append(drive.send(chat(prompt, **extra), Usage(400, 40_000)).shadow.score)
    return found


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.booleans())
def test_an_exemption_never_raises_a_score(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[int], batch: bool
) -> None:
    exempting = loaded(tmp_path_factory.mktemp("pack"), EXAMPLES[0])
    with_it, without = scores(exempting, kinds, batch), scores(SHIPPED, kinds, batch)
    assert all(one <= other + 1e-9 for one, other in zip(with_it, without, strict=True))
    assert (with_it != without) == batch, "it is for batch traffic only, and volume stands on its list"

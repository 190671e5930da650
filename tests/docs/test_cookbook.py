"""Every recipe of the cookbook loads beside the shipped pack, and keeps what its own tests promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.adapters.proof import started
from gateway.policies.load import load_bundle
from gateway.policytests.coverage import Coverage
from gateway.policytests.load import load_suites
from gateway.policytests.references import check_references
from gateway.policytests.run import Result, run_cases
from tests.docs.blocks import PACK, ROOT, Block, blocks, lay_over

PAGE = "docs/cookbook.md"
RECIPES = blocks(PAGE)


NAMES_A_KEY = {"10. Let our nightly batch through"}
"""Half of a key is another key, which the exemption does not name: splitting has no meaning here."""


def kitchen(recipe: Block, directory: Path) -> list[Result]:
    """The results of the recipe's cases, run as `gateway test --metamorphic` runs them."""
    bundle = load_bundle(lay_over(PACK, recipe.text, directory))
    suites = load_suites([directory / "block.yaml"])
    check_references(suites, bundle)
    cases = [case for suite in suites for case in suite.cases()]
    return run_cases(cases, bundle, started, Coverage(bundle), metamorphic=recipe.heading not in NAMES_A_KEY)


def test_there_are_eleven_recipes_and_the_list_at_the_top_leads_to_them() -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    headings = [block.heading for block in RECIPES]
    assert [int(heading.split(".")[0]) for heading in headings] == list(range(1, 12))
    links = re.findall(r"^\d+\. \[(.*)\]\(#(.*)\)$", text, re.MULTILINE)
    assert [f"{number}. {name}" for number, (name, _) in enumerate(links, 1)] == headings
    assert [anchor for _, anchor in links] == [
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings
    ]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_recipe_keeps_its_promises_and_the_metamorphic_relations(recipe: Block, tmp_path: Path) -> None:
    results = kitchen(recipe, tmp_path)
    assert results
    assert [failure.message for result in results for failure in result.failures] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_recipe_says_whom_it_may_hit_and_who_answers_for_it(recipe: Block) -> None:
    for document in recipe.documents:
        if document["kind"] == "policy":
            assert document["false_positives"]
        if document["kind"] in ("policy", "tenant", "exemption"):
            assert document["owner"]


def test_all_recipes_load_together(tmp_path: Path) -> None:
    together = "---\n".join(recipe.text for recipe in RECIPES)
    bundle = load_bundle(lay_over(PACK, together, tmp_path))
    assert {"scrapers", "canary", "volume"} <= {policy.id for policy in bundle.policies}


def test_no_recipe_acts_before_it_was_watched() -> None:
    """Recipe 9 is about acting on a share; everything else starts in shadow."""
    enforcing = [
        recipe.heading
        for recipe in RECIPES
        for document in recipe.documents
        if document["kind"] == "policy" and document["mode"] == "enforce"
    ]
    assert enforcing == ["9. Enforce for a tenth of your customers"]

"""The lists of ids that come with the package."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from gateway.authoring.ids import id_list


@pytest.mark.parametrize(
    ("name", "release", "form"),
    [
        ("atlas", "MITRE ATLAS 5.6.0", r"AML\.(TA\d{4}|T\d{4}(\.\d{3})?|M\d{4}|CS\d{4})"),
        ("aisvs", "OWASP AISVS 1.0, chapter C11", r"C11(\.\d(\.\d)?)?"),
    ],
)
def test_a_list_names_its_release_and_holds_ids_only(name: str, release: str, form: str) -> None:
    found = id_list(name)
    assert found.release == release
    assert [entry for entry in found.titles if not re.fullmatch(form, entry)] == []
    assert all(title and title == title.strip() for title in found.titles.values())


def test_what_extraction_is_known_by_is_listed() -> None:
    atlas = {
        "AML.T0024.002",
        "AML.T0008.005",
        "AML.T0040",
        "AML.T0065",
        "AML.M0002",
        "AML.M0004",
        "AML.CS0056",
    }
    assert atlas <= id_list("atlas").titles.keys()
    assert {"C11.3", "C11.3.1", "C11.3.2", "C11.3.3", "C11.3.4"} <= id_list("aisvs").titles.keys()


def test_what_no_release_has_is_not_listed() -> None:
    """Retired since 4.0 or never given: the list is of one release, not of all numbers."""
    assert {"AML.T0009", "AML.T0022", "AML.T0045", "AML.T0113"}.isdisjoint(id_list("atlas").titles)
    assert "C11.3.5" not in id_list("aisvs").titles


def test_the_release_is_whole() -> None:
    """What the publisher counts in ATLAS 5.6.0."""
    kinds = Counter(re.sub(r"\d.*", "", name) for name in id_list("atlas").titles)
    assert kinds == {"AML.TA": 16, "AML.T": 170, "AML.M": 35, "AML.CS": 57}
    assert sum(name.count(".") == 1 and name.startswith("AML.T0") for name in id_list("atlas").titles) == 101


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("AML.T0024.002", "Extract AI Model"),
        ("AML.T0008.005", "AI Service Proxies"),
        ("AML.T0065", "LLM Prompt Crafting"),
        ("AML.T0040", "AI Model Inference API Access"),
        ("AML.M0002", "Passive AI Output Obfuscation"),
        ("AML.M0004", "Restrict Number of AI Model Queries"),
        ("AML.CS0056", "Model Distillation Campaigns Targeting Anthropic Claude"),
    ],
)
def test_an_id_has_the_title_of_the_release(name: str, title: str) -> None:
    atlas = id_list("atlas")
    assert atlas.titles[name] == title
    assert atlas.called(f" {title.upper()}") == [name]


def test_the_nearest_id_is_that_of_the_note_else_the_most_alike() -> None:
    atlas = id_list("atlas")
    assert atlas.nearest("AML.T0024.003") == "AML.T0024.002"
    assert atlas.nearest("AML.T0024.003", "LLM Jailbreak") == "AML.T0054"
    assert atlas.nearest("elsewhere") is None
    assert atlas.judges("AML.X")
    assert not atlas.judges("C11.3")

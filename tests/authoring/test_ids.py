"""The lists of ids that come with the package."""

from __future__ import annotations

import re

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
    assert [entry for entry in found.ids if not re.fullmatch(form, entry)] == []


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
    assert atlas <= id_list("atlas").ids
    assert {"C11.3", "C11.3.1", "C11.3.2", "C11.3.3", "C11.3.4"} <= id_list("aisvs").ids


def test_what_no_release_has_is_not_listed() -> None:
    """Retired since 4.0 or never given: the list is of one release, not of all numbers."""
    assert {"AML.T0009", "AML.T0022", "AML.T0045", "AML.T0113"}.isdisjoint(id_list("atlas").ids)
    assert "C11.3.5" not in id_list("aisvs").ids

"""The mapping file: what is known of principals, and no key ever repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.mapping import Known, load_mapping

KEY = "key_0123456789abcdef0123"
ADDRESS = "ip_0123456789abcdef0123"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_mapping(path)
    return [line.replace(f"{path}:", "").replace("error: ", "") for line in str(caught.value).split("\n")]


def test_nothing_is_known_without_a_file() -> None:
    assert load_mapping(None) == {}


@pytest.mark.parametrize("text", ["", "principals:\norgs:\n", "{}"])
def test_an_empty_file_knows_nobody(tmp_path: Path, text: str) -> None:
    assert load_mapping(write(tmp_path, text)) == {}


def test_a_principal_has_its_own_words_and_its_organisations(tmp_path: Path) -> None:
    text = f"""
principals:
  {KEY}: {{org: acme, tags: [batch, eu], since: 2026-01-31}}
  hdr_{"a" * 20}: {{org: acme, tier: trial}}
  {ADDRESS}:
orgs:
  acme: {{tier: enterprise, tags: [contract, batch]}}
  other:
"""
    since = datetime(2026, 1, 31, tzinfo=UTC).timestamp()
    assert load_mapping(write(tmp_path, text)) == {
        KEY: Known("acme", "enterprise", ("batch", "contract", "eu"), since),
        "hdr_" + "a" * 20: Known("acme", "trial", ("batch", "contract")),
        ADDRESS: Known(),
    }


@pytest.mark.parametrize("name", ["sk-live-abcdef", "key_XYZ", "key_0123", "user_" + "a" * 20])
def test_what_is_not_an_id_is_refused_without_repeating_it(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, f"principals:\n  {name}: {{tier: x}}")
    assert problem.startswith("2:3: principals: an id is key_, hdr_ or ip_ and 20 hex digits")
    assert name not in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"principals: {{{KEY}: {{org: acmee}}}}\norgs: {{acme: }}",
            "1:46: unknown organisation 'acmee' (did you mean 'acme'?)",
        ),
        (
            f"principals: {{{KEY}: {{teir: x}}}}",
            f"1:41: principals.{KEY}: unknown key 'teir' (did you mean 'tier'?)",
        ),
        ("principles: {}", "1:1: unknown key 'principles' (did you mean 'principals'?)"),
        ("principals: [x]", "1:13: principals: write a mapping (key: value)"),
        ("[x]", "1:1: write a mapping (key: value)"),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, text) == [expected]


def test_a_date_that_is_none_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"principals:\n  {KEY}:\n    since: yesterday")
    assert problem.startswith(f"3:12: principals.{KEY}.since: ")

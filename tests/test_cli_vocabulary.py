"""`gateway schema` and `gateway fields`: what an author's tools and eyes need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main as cli
from gateway.conditions import OPERATORS
from gateway.fields import FIELDS

ROOT = Path(__file__).parents[1]


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "schema.json").read_text("utf-8")


def test_a_written_schema_passes_its_check_and_a_stale_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli(["schema", "--write", "schema.json"]) == 0
    assert cli(["schema", "--check"]) == 0
    with Path("schema.json").open("a") as file:
        file.write(" ")
    assert cli(["schema", "--check"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "schema.json is stale; write it anew with: gateway schema --write schema.json\n"


def test_the_committed_schema_is_fresh() -> None:
    assert cli(["schema", "--check", str(ROOT / "schema.json")]) == 0


@pytest.mark.parametrize("option", ["--write", "--check"])
def test_a_file_that_cannot_be_used_is_told(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(["schema", option, str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}: error: cannot be used: ")


def test_fields_are_shown_with_kind_meaning_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["fields"]) == 0
    out = capsys.readouterr().out
    assert [name for name in FIELDS if f" {name} " not in out] == []
    (row,) = [line for line in out.splitlines() if " usage.output_tokens " in line]
    assert [cell.strip() for cell in row.split("│")[1:4]] == ["usage.output_tokens", "number", "late"]
    assert "embeddings" in out
    assert all(f" {name} " in out for names in OPERATORS.values() for name in names)


def test_a_word_narrows_the_table_to_fields_and_operators_that_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli(["fields", "Logit"]) == 0
    out = capsys.readouterr().out
    assert "request.logit_bias" in out
    assert "prompt.user" not in out
    assert " gte " in out
    assert " matches " not in out


def test_fields_as_json_carry_the_operators_of_their_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["fields", "-o", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [field["name"] for field in said["fields"]] == list(FIELDS)
    for field in said["fields"]:
        own = FIELDS[field["name"]]
        assert (field["kind"], field["late"], field["meaning"]) == (own.kind, own.late, own.doc)
        assert set(field["operators"]) <= set(said["operators"])
    endpoint = next(field for field in said["fields"] if field["name"] == "request.endpoint")
    assert "chat" in endpoint["values"]


def test_a_word_that_no_field_has_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["fields", "request.max_token_count"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "no field has 'request.max_token_count' (did you mean 'request.max_tokens'?)\n"

"""Labels from a CSV file, and test promises from policy files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.evaluation.cases import Label
from gateway.evaluation.labels import read_labels
from gateway.evaluation.promises import read_promises
from gateway.evaluation.readiness import Promises

TESTS = """
kind: tests
title: Some
policies: [volume, stranger]
cases:
  - {name: one, expect: [{silent: [logprobs.one-token-probes, Not A Name], score: {lt: 20}}]}
  - {name: two, known_gap: why, expect: [{fired: {logprobs: {points: 3}}}]}
  - not a case
---
kind: policy
id: volume
"""


def _file(home: Path, text: str) -> Path:
    path = home / "labels.csv"
    path.write_text(text, "utf-8")
    return path


def test_the_later_word_stands_and_what_is_unclear_is_no_label(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "\ufeffband,principal,label,probability\nx,a,benign,0.5\nx,a,attack:sweep,\nx,b,benign,1\nx,b,unclear,1\n"
        "x,c,,\nx,,benign,1\nx,d\n",
    )
    assert read_labels(path) == {"a": Label("attack:sweep", 1.0)}


def test_all_mistakes_are_told_with_their_lines(tmp_path: Path) -> None:
    path = _file(
        tmp_path, "principal,label,probability\na,evil,1\nb,benign,2\nc,benign,often\nd,benign,nan\n"
    )
    with pytest.raises(ConfigError) as caught:
        read_labels(path)
    places = [(place.line, message.partition(":")[0]) for place, message in caught.value.problems]
    assert places == [
        (2, "'evil' is no label"),
        (3, "'2' is no probability"),
        (4, "'often' is no probability"),
        (5, "'nan' is no probability"),
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"who,label\n", "no column 'principal'"),
        (b"", "no column 'principal' and no column 'label'"),
        (b"principal,label\n\xff,benign\n", "not CSV in UTF-8"),
        (b"principal,label\n" + b"a" * 200_000 + b",benign\n", "not CSV in UTF-8"),
    ],
)
def test_what_is_no_table_of_labels_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=said):
        read_labels(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_labels(tmp_path / "none.csv")


def test_cases_speak_of_the_policies_they_name(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "some.yaml").write_text(TESTS)
    (tmp_path / "broken.yml").write_text("kind: [")
    (tmp_path / "list.yaml").write_text("- 1\n--- \nkind: tests\n")
    found = read_promises(tmp_path, ["volume", "logprobs", "quiet"])
    assert found == {"volume": Promises(2, 1), "logprobs": Promises(2, 1)}
    assert read_promises(tmp_path / "nowhere" / "broken.yml", ["volume"]) == {}


def test_tests_stand_in_the_file_of_a_policy_or_in_a_folder_beside_it(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "some.yaml").write_text(TESTS)
    (tmp_path / "volume.yaml").write_text("kind: tests\ncases: [{tags: [volume]}]\n")
    assert read_promises(tmp_path / "volume.yaml", ["volume"]) == {"volume": Promises(3, 1)}


@pytest.mark.parametrize(
    ("case", "honest"),
    [
        ("{tags: [volume], traffic: [{label: benign}], expect: [{never: watch}]}", 1),
        ("{tags: [volume], traffic: [{}, 7], expect: [{rung: none}, {never: [watch]}]}", 1),
        ("{tags: [volume], traffic: [{label: benign}], expect: [{rung: none}]}", 0),
        ("{tags: [volume], traffic: [{label: benign}, {label: extraction}], expect: [{never: watch}]}", 0),
        ("{tags: [volume], known_gap: x, traffic: [{label: benign}], expect: [{never: watch}]}", 0),
        ("{tags: [volume], traffic: x, expect: {never: watch}}", 0),
    ],
)
def test_a_promise_to_honest_traffic_names_a_rung_that_it_never_reaches(
    case: str, honest: int, tmp_path: Path
) -> None:
    (tmp_path / "t.yaml").write_text(f"kind: tests\ncases: [{case}]\n")
    assert read_promises(tmp_path, ["volume"])["volume"].honest == honest

"""The example in docs/policy-tests.md works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.policytests.schema import (
    ExpectDocument,
    ResponseDocument,
    TrafficDocument,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy-tests.md").read_text("utf-8")


def test_the_example_passes_against_the_shipped_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "t.yaml").write_text(example)
    assert main(["test", str(tmp_path), "--policies", str(ROOT / "policies"), "--quiet"]) == 0
    assert "2 passed, 0 failed\n" in capsys.readouterr().out


@pytest.mark.parametrize("model", [TrafficDocument, ExpectDocument, ResponseDocument])
def test_every_key_is_explained(model: type[TrafficDocument]) -> None:
    names = [entry.alias or name for name, entry in model.model_fields.items()]
    assert [name for name in names if not re.search(rf"\b{name}\b", PAGE)] == []

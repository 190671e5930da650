"""What is compared, and how it is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks.side_by_side import installs
from benchmarks.side_by_side.__main__ import TARGETS, chosen_targets
from benchmarks.side_by_side.processes import TargetError
from benchmarks.side_by_side.targets import Room, shadow, transforming
from gateway.config import load_config
from gateway.model import Mode
from gateway.policies.load import load_bundle


def test_the_reference_is_always_measured_and_the_table_keeps_its_order() -> None:
    assert [own.name for own in chosen_targets("envoy,ours")] == [
        "direct", "bare", "off", "httpx2", "shadow", "enforce", "envoy",
    ]  # fmt: skip
    assert [own.name for own in chosen_targets(None)] == list(TARGETS)


def test_a_wrong_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(TargetError, match="envoy"):
        chosen_targets("envoi")


def test_in_enforce_only_one_policy_acts_and_it_refuses_nobody(tmp_path: Path) -> None:
    bundle = load_bundle(transforming(tmp_path / "policies"))
    acting = [policy.id for policy in bundle.policies if policy.mode is Mode.ENFORCE]
    assert acting == ["everybody"]
    ladder = yaml.safe_load((tmp_path / "policies" / "ladder.yaml").read_text())
    assert [list(do) for do in ladder["rungs"]["narrow"]["do"]] == [["reasoning"], ["logprobs"]]
    assert list(ladder["rungs"]) == ["narrow"]


def test_the_gateway_is_measured_with_the_shipped_policies_and_its_records(tmp_path: Path) -> None:
    launch = shadow(Room(tmp_path, tmp_path, 1234, 2345))
    config = load_config(tmp_path / "config.json")
    assert (config.server.port, config.upstream.url) == (2345, "http://127.0.0.1:1234")
    assert config.policies.ceiling == "shadow"
    assert config.policies.path == installs.ROOT / "policies"
    assert config.record.decisions is not None
    assert "serve" in launch.commands[0].words


def test_what_cannot_be_installed_is_told_with_the_installers_words(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="No such file"):
        installs.output([str(tmp_path / "nothing")])
    with pytest.raises(TargetError, match="sh failed: no such peer"):
        installs.output(["sh", "-c", "echo no such peer; exit 3"])


def test_every_peer_is_pinned_to_the_last_package() -> None:
    for name in ("envoy", "ext-proc", "litellm", "starlette"):
        lines = (installs.PINS / f"{name}.txt").read_text().split()
        assert lines
        assert all("==" in line for line in lines)

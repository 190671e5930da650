"""A candidate bundle from its directory to the records: read, reloaded and tried like the active one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.adapters.proof import load_proven, proven_files
from gateway.assemble import reloader_of
from gateway.config import load_config
from gateway.errors import ConfigError
from gateway.exchange import Exchange, Head
from gateway.metrics import Metrics
from gateway.model import Outcome, Trial
from gateway.reload import Reloader
from tests.exchanges import chat
from tests.support import LADDER, policy

POINTS = "signals: {all: {request: {request.messages: {gte: 0}}, points: %d}}"


def write(directory: Path, points: int) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "rules.yaml").write_text(policy(POINTS % points) + LADDER)


def assembled(home: Path) -> Reloader:
    return reloader_of(load_config(home / "config.yaml", env={}), Metrics(), load_proven, proven_files)


@pytest.fixture
def reloader(tmp_path: Path) -> Reloader:
    write(tmp_path / "policies", 25)
    write(tmp_path / "next", 55)
    (tmp_path / "config.yaml").write_text("policies: {candidate: next}")
    return assembled(tmp_path)


def tried(reloader: Reloader) -> Trial | None:
    """What the record of one call says of the candidate."""
    gate = reloader.gate
    head = Head("POST", b"/v1/chat/completions", [], "192.0.2.7")
    one = Exchange(gate, head, "id", 100.0)
    one.judge(chat(), 100.0)
    one.forwarded(100.0)
    record = one.finish(Outcome(200), 100.0)
    assert record.shadow.rung == "watch"
    return record.candidate


def test_a_configured_candidate_stands_in_the_records(reloader: Reloader) -> None:
    found = tried(reloader)
    assert reloader.gate.candidate is not None
    assert found == Trial(reloader.gate.candidate.hash, 55.0, "throttle")


def test_without_one_nothing_is_tried(tmp_path: Path) -> None:
    write(tmp_path / "policies", 25)
    (tmp_path / "config.yaml").write_text("")
    reloader = assembled(tmp_path)
    assert tried(reloader) is None


def test_a_candidate_is_reloaded_and_removed_counters_and_all(reloader: Reloader, tmp_path: Path) -> None:
    write(tmp_path / "next", 95)
    outcome = asyncio.run(reloader.refresh())
    assert (outcome.result, outcome.gen) == ("published", 2)
    found = tried(reloader)
    assert found is not None
    assert (found.score, found.rung) == (95.0, "perturb")
    assert asyncio.run(reloader.refresh()).gen == 2
    assert asyncio.run(reloader.reload()).result == "unchanged"


def test_a_broken_candidate_changes_nothing_and_is_told(reloader: Reloader, tmp_path: Path) -> None:
    before = reloader.gate
    (tmp_path / "next" / "rules.yaml").write_text("kind: polcy")
    outcome = asyncio.run(reloader.reload())
    assert outcome.result == "failed"
    assert [place.file for place, _ in outcome.problems] == [str(tmp_path / "next" / "rules.yaml")]
    assert reloader.gate is before


def test_a_process_does_not_begin_with_a_broken_candidate(tmp_path: Path) -> None:
    write(tmp_path / "policies", 25)
    (tmp_path / "config.yaml").write_text("policies: {candidate: nowhere}")
    with pytest.raises(ConfigError, match="nowhere: error: no such file or directory"):
        assembled(tmp_path)


def test_an_exemption_that_ended_is_warned_of_at_start(tmp_path: Path) -> None:
    write(tmp_path / "policies", 25)
    (tmp_path / "policies" / "known.yaml").write_text(
        "{kind: exemption, id: old, title: T, reason: R, owner: O, expires: 2001-01-01, "
        "match: {request.batch: true}, applies_to: [probe], effect: skip}"
    )
    (tmp_path / "config.yaml").write_text("")
    reloader = assembled(tmp_path)
    (warning,) = reloader.bundle.warnings
    assert warning.message.startswith("expires: has expired and is not applied")

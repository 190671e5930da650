"""Reloading: everything or nothing, one swap, and what was counted stays counted."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.exchange import Exchange, Head
from gateway.gate import Gate
from gateway.guard import Move, Verdict
from gateway.model import Outcome as Ended
from gateway.records import Record
from gateway.reload import Outcome, Reloader
from gateway.stores import memory
from tests.exchanges import ASKED, chat
from tests.reloads import BROKEN, RULES, House, rules
from tests.test_metrics import samples


def call(reloader: Reloader, now: float = 0.0) -> Record:
    """One call through the gate in use."""
    exchange = Exchange(reloader.gate, Head("POST", b"/v1/chat/completions", ASKED), "id", now)
    exchange.judge(chat(), now)
    exchange.forwarded(now)
    return exchange.finish(Ended(200), now)


def reload(reloader: Reloader, *, force: bool = False) -> Outcome:
    return asyncio.run(reloader.reload(force=force))


def counted(record: Record) -> float:
    return next(signal.value for signal in record.signals if signal.id == "probe.calls")


# --- published, unchanged, failed ------------------------------------------------------------------------


def test_a_change_is_published_under_the_next_generation(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()
    before = call(reloader)
    assert (before.bundle, before.gen) == (reloader.bundle.hash, 1)
    house.write(rules(points=2))
    outcome = reload(reloader)
    assert (outcome.result, outcome.gen) == ("published", 2)
    after = call(reloader)
    assert (after.bundle, after.gen) == (outcome.bundle, 2)
    assert after.bundle != before.bundle
    assert counted(after) == 2  # the counter is the same
    found = samples(house.metrics)
    assert found["gateway_policy_bundle_info", outcome.bundle, "2"] == 1
    assert found["gateway_config_reloads_total", "published"] == 1


def test_comments_and_order_change_nothing(tmp_path: Path) -> None:
    house = House(tmp_path).write()
    reloader = house.start()
    gate = reloader.gate
    house.write("# a comment\n" + rules())
    outcome = reload(reloader)
    assert (outcome.result, outcome.gen) == ("unchanged", 1)
    assert reloader.gate is gate


def test_a_broken_directory_changes_nothing_and_says_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path).write()
    reloader = house.start()
    gate = reloader.gate
    house.write(rules() + "---\n" + BROKEN)
    outcome = reload(reloader)
    assert (outcome.result, outcome.bundle, outcome.gen) == ("failed", gate.bundle and gate.bundle.hash, 1)
    assert reloader.gate is gate
    place = f"{house.policies / RULES}:"
    assert [text for text in caplog.messages if text.startswith(place) and "pionts" in text]
    problems = outcome.document()["problems"]
    assert isinstance(problems, list)
    assert {problem["file"] for problem in problems if isinstance(problem, dict)} == {
        str(house.policies / RULES)
    }
    found = samples(house.metrics)
    assert found["gateway_policy_reload_failures_total",] == 1
    assert found["gateway_config_reloads_total", "failed"] == 1


def test_a_pattern_that_does_not_prove_its_examples_is_not_published(tmp_path: Path) -> None:
    house = House(tmp_path).write()
    reloader = house.start()
    pattern = "---\nkind: patterns\nid: words\ntitle: Words\nitems: {one: {regex: rubric, match: [cube]}}\n"
    house.write(rules(points=2) + pattern)
    outcome = reload(reloader)
    assert outcome.result == "failed"
    assert "cube" in str(outcome.problems)


def test_how_long_the_directory_has_differed_is_counted_from_the_first_failure(tmp_path: Path) -> None:
    house = House(tmp_path).write()
    reloader = house.start()
    house.clock.now = 5.0
    assert reloader.stale() == 0
    house.write(BROKEN)
    reload(reloader)
    house.clock.now = 8.0
    house.write("")
    reload(reloader)
    house.clock.now = 9.0
    assert samples(house.metrics)["gateway_policy_config_stale_seconds",] == 4
    house.write()
    assert reload(reloader).result == "unchanged"
    assert reloader.stale() == 0


def test_a_bug_in_loading_is_a_failed_reload_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path).write(rules(points=1))

    async def guard(before: Gate, after: Gate) -> Verdict:
        raise ZeroDivisionError

    house.guard = guard
    reloader = house.start()
    house.write(rules(points=2))
    outcome = reload(reloader)
    assert (outcome.result, outcome.gen) == ("failed", 1)
    assert [message for _, message in outcome.problems] == ["ZeroDivisionError, see log"]
    assert [record.exc_info is not None for record in caplog.records if record.message == "reload failed"]
    assert reload(reloader, force=True).result == "published"


def test_reloads_at_once_run_one_after_the_other(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()
    house.write(rules(points=2))

    async def both() -> tuple[Outcome, Outcome]:
        return await asyncio.gather(reloader.reload(), reloader.reload())

    assert [outcome.result for outcome in asyncio.run(both())] == ["published", "unchanged"]


def test_warnings_are_told_at_start_and_at_each_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = rules(points=90).replace(", requires: {policies: 2}", "")
    house = House(tmp_path).write(refusing)
    reloader = house.start()
    (warning,) = reloader.last.warnings
    assert "warning:" in warning
    assert warning in caplog.messages
    caplog.clear()
    house.write(refusing + "# again\n")
    assert reload(reloader).warnings == (warning,)
    assert warning in caplog.messages


# --- refreshing ------------------------------------------------------------------------------------------


def test_a_refresh_reads_nothing_while_the_files_stand_as_they_stood(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()
    first = reloader.last
    assert asyncio.run(reloader.refresh()) is first
    house.write(rules(points=2))
    assert asyncio.run(reloader.refresh()).result == "published"
    house.write(BROKEN)
    assert asyncio.run(reloader.refresh()).result == "failed"
    assert asyncio.run(reloader.refresh()).result == "failed"
    assert samples(house.metrics)["gateway_config_reloads_total", "failed"] == 2


# --- counters --------------------------------------------------------------------------------------------


def test_a_counter_out_of_use_lives_one_more_window_and_then_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SLICE", 1)
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()
    for _ in range(3):
        call(reloader)
    other = rules(points=1).replace("over: 1h", "over: 2h")
    house.write(other)
    reload(reloader)
    assert counted(call(reloader)) == 1
    house.clock.now = 3599.0
    house.write(rules(points=1))
    reload(reloader)
    assert counted(call(reloader, 3000.0)) == 4  # the rollback found it
    held = house.store.nbytes("id of Bearer sk-secret")
    house.write(other)
    reload(reloader)
    house.clock.now = 3599.0 + 3600
    house.write(other.replace("points: 1", "points: 2"))
    reload(reloader)
    assert house.store.nbytes("id of Bearer sk-secret") < held


# --- peaks -----------------------------------------------------------------------------------------------


def test_a_policy_that_is_disabled_or_deleted_loses_its_share_now(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=60))
    reloader = house.start()
    assert call(reloader).enforced.rung == "throttle"
    house.write(rules(points=60, mode="disabled"))
    reload(reloader)
    assert call(reloader).enforced.score == call(reloader).shadow.score == 0
    other = rules(points=0.5, id="other")
    house.write(other)
    reload(reloader)
    assert call(reloader).enforced.score < 1


def test_a_promotion_starts_enforced_peaks_at_zero(tmp_path: Path) -> None:
    loud, quiet = rules(points=60, mode="shadow"), rules(points=0.5)
    house = House(tmp_path).write(loud)
    reloader = house.start()
    record = call(reloader)
    assert record.enforced.score == 0
    assert record.shadow.score >= 60
    house.write(quiet)  # enforced, and this call gives next to nothing
    reload(reloader)
    record = call(reloader)
    assert record.enforced.score < 1
    assert record.shadow.score >= 60


@pytest.mark.parametrize("between", ["mode: shadow", "mode: disabled", "gone"])
def test_a_policy_that_is_enforced_anew_does_not_act_on_its_old_peaks(tmp_path: Path, between: str) -> None:
    house = House(tmp_path).write(rules(points=60))
    reloader = house.start()
    assert call(reloader).enforced.score >= 60
    gone = rules(points=0.5, id="other")
    house.write(gone if between == "gone" else rules(points=60).replace("mode: enforce", between, 1))
    assert reload(reloader).result == "published"
    for points in (0.5, 0.25):
        house.write(rules(points=points))
        assert reload(reloader).result == "published"
        assert call(reloader).enforced.score < 1


def test_a_policy_that_stays_enforced_keeps_its_peaks(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=60))
    reloader = house.start()
    call(reloader)
    house.write(rules(points=0.5))
    reload(reloader)
    assert call(reloader).enforced.score >= 60


# --- the guard -------------------------------------------------------------------------------------------


def test_what_the_guard_holds_back_is_not_published_until_forced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path).write(rules(points=1))
    asked: list[tuple[int, int]] = []

    async def guard(before: Gate, after: Gate) -> Verdict:
        asked.append((before.gen, after.gen))
        return Verdict(10, 5, 0.05, (Move("key_a", None, "watch"),))

    house.guard = guard
    reloader = house.start()
    house.write(rules(points=2))
    held = reload(reloader)
    assert (held.result, held.gen, asked) == ("held", 1, [(1, 2)])
    assert "move 5 of 10 active principals" in held.sentence()
    assert held.sentence() in caplog.messages
    assert held.document()["guard"] == {
        "active": 10,
        "moved": 5,
        "limit": 0.05,
        "examples": [{"principal": "key_a", "before": None, "after": "watch"}],
    }
    house.clock.now = 3.0
    assert reloader.stale() == 3
    forced = reload(reloader, force=True)
    assert (forced.result, forced.bundle, forced.gen) == ("published", held.held, 2)
    assert asked == [(1, 2)]
    assert reloader.stale() == 0


def test_what_the_guard_lets_pass_is_published_with_its_verdict(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))

    async def guard(before: Gate, after: Gate) -> Verdict:
        return Verdict(10, 0, 0.05)

    house.guard = guard
    reloader = house.start()
    house.write(rules(points=2))
    outcome = reload(reloader)
    assert (outcome.result, outcome.verdict) == ("published", Verdict(10, 0, 0.05))


# --- last known good -------------------------------------------------------------------------------------


def test_a_broken_directory_keeps_a_process_from_starting(tmp_path: Path) -> None:
    house = House(tmp_path).write(BROKEN)
    with pytest.raises(ConfigError, match="pionts"):
        house.start()
    house.last_known_good = True
    with pytest.raises(ConfigError) as caught:
        house.start()
    assert "pionts" in str(caught.value)
    assert "no last known good bundle" in str(caught.value)


def test_a_process_may_start_with_what_was_published_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()
    house.write(rules(points=2))
    good = reload(reloader).bundle
    house.write(BROKEN)
    assert reload(reloader).result == "failed"

    again = House(tmp_path, last_known_good=True)
    started = again.start()
    assert (started.bundle.hash, started.gate.gen) == (good, 1)
    assert started.last.result == "failed"
    assert started.last.sentence() in caplog.messages
    again.clock.now = 2.0
    assert started.stale() == 2
    again.write(rules(points=3))
    assert reload(started).result == "published"
    assert started.stale() == 0


def test_a_disk_that_is_full_keeps_no_bundle_from_being_published(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path).write(rules(points=1))
    house.kept.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        reloader = house.start()
    house.write(rules(points=2))
    assert reload(reloader).result == "published"
    assert sum("cannot be kept for a later start" in text for text in caplog.messages) == 2

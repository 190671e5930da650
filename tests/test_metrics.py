"""Metrics: every count under its name, every label bounded, nothing that a client chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from gateway import metrics as module
from gateway.metrics import Metrics
from gateway.model import Client, Mode, SignalScore, Tally
from tests.test_records import RECORD


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """(name, label values in order of their names) → value; without creation times."""
    text, kind = metrics.exposition()
    assert kind.startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def scored(name: str, points: float, mode: Mode = Mode.SHADOW) -> SignalScore:
    return SignalScore(name, 1.0, 1, 1.0, points, mode, "")


def test_a_record_counts_under_every_name_that_it_concerns() -> None:
    metrics = Metrics()
    signals = (
        scored("volume.burst", 5.0, Mode.ENFORCE),
        scored("volume.daily", 0.0),
        scored("volume.daily", 0.0),
    )
    record = replace(
        RECORD,
        signals=signals,
        skipped={
            "cadence.metronome": "ValueError",
            "cadence.asleep": "breaker_open",
            "cadence.late": "OverBudgetError",
        },
        overhead_us=300,
        would=("limit",),
    )
    metrics.call(record)
    found = samples(metrics)
    # Label values stand in the order of their names: code_class, route, stream, upstream.
    assert found["gateway_requests_total", "2xx", "/v1/chat/completions", "true", "default"] == 1
    assert found["gateway_policy_evaluations_total", "enforce", "hit", "volume", "burst"] == 1
    assert found["gateway_policy_evaluations_total", "shadow", "miss", "volume", "daily"] == 2
    for outcome, rule in (("error", "metronome"), ("open", "asleep"), ("skipped", "late")):
        assert found["gateway_policy_evaluations_total", "other", outcome, "cadence", rule] == 1
    assert found["gateway_policy_actions_total", "log", "enforce"] == 1
    assert found["gateway_policy_actions_total", "limit", "shadow"] == 1
    assert found["gateway_would_act_total", "limit"] == 1
    assert found["gateway_overhead_seconds_count",] == 1
    assert found["gateway_overhead_seconds_sum",] == pytest.approx(0.0003)
    assert found["gateway_engine_errors_total",] == 0


def test_a_call_that_was_not_scored_is_counted_with_its_reason() -> None:
    metrics = Metrics()
    metrics.call(replace(RECORD, unscored="engine_error"))
    metrics.call(replace(RECORD, unscored="unknown_route", route=None, status=None, stream=False))
    found = samples(metrics)
    assert found["gateway_unscored_total", "engine_error"] == 1
    assert found["gateway_engine_errors_total",] == 1
    assert found["gateway_requests_total", "none", "other", "false", "default"] == 1
    assert found["gateway_overhead_seconds_count",] == 0


@pytest.mark.parametrize(
    ("status", "refusal", "error", "code_class", "upstream"),
    [
        (403, "usage_review", None, "4xx", "none"),
        (502, "upstream_connect", "upstream_connect", "5xx", "default"),
        (200, None, None, "2xx", "default"),
        (999, None, None, "other", "default"),
    ],
)
def test_an_answer_of_ours_has_no_upstream(
    status: int, refusal: str | None, error: str | None, code_class: str, upstream: str
) -> None:
    metrics = Metrics()
    metrics.call(replace(RECORD, status=status, refusal=refusal, error=error))
    found = samples(metrics)
    assert found["gateway_requests_total", code_class, "/v1/chat/completions", "true", upstream] == 1


def test_each_event_has_its_count() -> None:
    metrics = Metrics()
    metrics.inflight(1)
    metrics.inflight(1)
    metrics.inflight(-1)
    metrics.ttfb(0.2)
    metrics.client_disconnect("body")
    metrics.upstream_error("timeout")
    metrics.unknown_route("deny")
    metrics.store_error()
    metrics.record_dropped()
    metrics.record_dropped(4)
    found = samples(metrics)
    assert found["gateway_inflight_requests",] == 1
    assert found["gateway_upstream_ttfb_seconds_sum",] == pytest.approx(0.2)
    assert found["gateway_client_disconnects_total", "body"] == 1
    assert found["gateway_upstream_errors_total", "timeout"] == 1
    assert found["gateway_unknown_routes_total", "deny"] == 1
    assert found["gateway_store_errors_total",] == 1
    assert found["gateway_records_dropped_total",] == 5


def test_only_the_bundle_in_use_is_named() -> None:
    metrics = Metrics()
    metrics.policy_info("aaa", 1)
    metrics.policy_info("bbb", 2)
    named = {key: value for key, value in samples(metrics).items() if key[0] == "gateway_policy_bundle_info"}
    assert named == {("gateway_policy_bundle_info", "bbb", "2"): 1}


def test_reloads_are_counted_by_result_and_failures_once_more() -> None:
    metrics = Metrics()
    for result in ("published", "failed", "held", "failed"):
        metrics.reload(result)
    found = samples(metrics)
    assert found["gateway_config_reloads_total", "failed"] == 2
    assert found["gateway_config_reloads_total", "published"] == 1
    assert found["gateway_policy_reload_failures_total",] == 2


def test_how_old_the_policies_are_is_asked_at_each_scrape() -> None:
    metrics = Metrics()
    ages = iter((1.5, 2.5))
    metrics.stale(lambda: next(ages))
    assert [samples(metrics)["gateway_policy_config_stale_seconds",] for _ in range(2)] == [1.5, 2.5]


def test_campaigns_and_their_members_are_counted_at_each_scrape() -> None:
    metrics = Metrics()
    counts, members = iter((1, 2)), iter((24, 60))
    metrics.campaigns(lambda: next(counts), lambda: next(members))
    for expected in ((1, 24), (2, 60)):
        found = samples(metrics)
        assert (found["gateway_campaigns",], found["gateway_campaign_members",]) == expected


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    one, two = Metrics(), Metrics()
    one.store_error()
    assert samples(two)["gateway_store_errors_total",] == 0


def test_what_exemptions_forgave_is_added_up() -> None:
    metrics = Metrics()
    for points in (2.5, 0.0, 4.0):
        metrics.call(replace(RECORD, exemptions=(Tally("acme", points), Tally("other", 1.0))))
    found = samples(metrics)
    assert found["gateway_exempted_calls_total", "acme"] == 3
    assert found["gateway_exempted_points_total", "acme"] == 6.5
    assert found["gateway_exempted_points_total", "other"] == 3.0


def test_beyond_the_limit_further_labels_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SERIES", 2)
    metrics = Metrics()
    for kind in ("a", "b", "c", "d") * 2:
        metrics.upstream_error(kind)
        metrics.call(replace(RECORD, signals=(scored(f"policy.{kind}", 1.0),), skipped={}))
    found = samples(metrics)
    errors = {key[1]: value for key, value in found.items() if key[0] == "gateway_upstream_errors_total"}
    assert errors == {"a": 2, "b": 2, "other": 4}
    rules = [value for key, value in found.items() if key[0] == "gateway_policy_evaluations_total"]
    assert sum(rules) == 8
    assert len(rules) == 3


def test_friction_is_counted() -> None:
    metrics = Metrics()
    metrics.paced(0.25)
    metrics.paced(0.5)
    metrics.pinned("given")
    metrics.step_up("sent")
    metrics.intervention("pardon")
    found = samples(metrics)
    assert found["gateway_paced_seconds_total",] == 0.75
    assert found["gateway_pinned_answers_total", "given"] == 1
    assert found["gateway_step_ups_total", "sent"] == 1
    assert found["gateway_interventions_total", "pardon"] == 1


secret = st.from_regex(r"zq[0-9a-z]{10,30}", fullmatch=True)


@given(model=secret, agent=secret, principal=secret, end_user=secret, org=secret)
def test_nothing_that_a_client_chooses_is_a_label(
    model: str, agent: str, principal: str, end_user: str, org: str
) -> None:
    metrics = Metrics()
    record = replace(
        RECORD, model=model, client=Client(agent, agent), principal=principal, end_user=end_user, org=org
    )
    metrics.call(record)
    text = metrics.exposition()[0].decode()
    for chosen in (model, agent, principal, end_user, org):
        assert chosen not in text

"""Lints: each finds its own mistake, at its place, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.authoring.ids import IdList, id_list
from gateway.authoring.lint import FASTEST, Catalogues, lint
from gateway.policies.compile import compile_bundle
from gateway.signals import DETECTORS
from gateway.strict_yaml import parse
from gateway.units import day
from tests.policies.samples import ACTIONS

SHIPPED = Catalogues(id_list("atlas"), id_list("aisvs"))
TODAY = day("2027-01-15")

POLICY = """\
kind: policy
id: probe
title: Probe
mode: shadow
references: [{atlas: AML.T0024.002}, {aisvs: C11.3.1}, {url: 'https://example.org'}]
false_positives: [Evaluation]
cap: 60
signals:
  burst:
    count: {of: requests, over: 1m}
    ramp: [60, 300]
    points: 40
  share:
    ratio: {where: {request.n: 2}, over: 1h, min: 40}
    ramp: [0.2, 0.7]
    points: 30
"""
OTHER = """\
kind: policy
id: other
title: Other
false_positives: [Load tests]
cap: 45
signals:
  echo: {request: {request.echo: true}, points: 45}
"""
LADDER = """\
kind: ladder
id: default
title: Rungs
rungs:
  watch:
    at: 20
    do: [{log: true}]
  refuse:
    at: 85
    requires: {policies: 2}
    do: [{reject: {status: 403, code: usage_review}}]
"""
TENANT = """\
kind: tenant
id: labs
title: Labs
orgs: [org_lab]
set:
  probe.cap: 30
  probe.signals.burst.points: 10
"""
EXEMPTION = """\
kind: exemption
id: nightly
title: Nightly batch
reason: Contracted
owner: jane@example.com
expires: 2027-02-28
match: {principal.id: key_batch}
applies_to: [probe]
effect: skip
"""


PROMISED = {"probe": 1, "other": 1, "small": 1}
"""One test with `never` for each entry in `false_positives`."""


def found(
    *texts: str,
    catalogues: Catalogues = SHIPPED,
    today: float = TODAY,
    promises: Mapping[str, int] = PROMISED,
) -> list[str]:
    """The findings about some documents, which stand in `0.yaml`, `1.yaml`, … and make a bundle."""
    documents = [
        document for index, text in enumerate(texts) for document in parse(text.encode(), f"{index}.yaml")
    ]
    bundle = compile_bundle(documents, detectors=DETECTORS, actions=ACTIONS)
    return [str(finding) for finding in lint(documents, bundle, catalogues, today, promises)]


def of_one(text: str) -> list[str]:
    """What one document shows alone."""
    return [str(finding) for finding in lint(parse(text.encode(), "0.yaml"), None, SHIPPED, TODAY, PROMISED)]


def test_what_is_well_written_is_not_remarked_on() -> None:
    assert found(POLICY, OTHER, LADDER, TENANT, EXEMPTION) == []


def test_what_cannot_be_read_is_left_to_the_loader() -> None:
    for text in ("- a list\n", "kind: polcy\n", "id: x\n", POLICY.replace("points: 40", "pionts: 40"), "\n"):
        assert of_one(text) == []


# --- one policy ----------------------------------------------------------------------------------------


def test_what_is_experimental_should_not_act() -> None:
    acts = POLICY.replace("mode: shadow", "mode: enforce\nstatus: experimental")
    (line,) = of_one(acts)
    assert line.startswith("0.yaml:4:1: warning: mode: acts on people while its status is experimental")
    assert of_one(POLICY.replace("mode: shadow", "mode: enforce\nstatus: stable")) == []


@pytest.mark.parametrize("written", ["", "false_positives:\n", "false_positives: []\n"])
def test_a_policy_must_say_whom_it_may_hit(written: str) -> None:
    (line,) = of_one(POLICY.replace("false_positives: [Evaluation]\n", written))
    assert "warning: false_positives: no false_positives" in line


@pytest.mark.parametrize(
    ("written", "promises", "said"),
    [
        ("[Evaluation]", {}, "1 entry, but 0 test cases with 'never'"),
        ("[Evaluation, Load tests]", {"probe": 1}, "2 entries, but 1 test case with 'never'"),
        ("[A, B, C]", {"probe": 2, "other": 9}, "3 entries, but 2 test cases with 'never'"),
    ],
)
def test_every_look_alike_is_promised_something(written: str, promises: dict[str, int], said: str) -> None:
    feared = POLICY.replace("[Evaluation]", written)
    (line,) = found(feared, LADDER, promises=promises | {"other": 1}, today=TODAY)[:1]
    assert line.startswith(f"0.yaml:6:1: warning: false_positives: {said} for honest traffic: write one")
    enough = {"probe": written.count(",") + 1}
    assert found(feared, OTHER, LADDER, promises=PROMISED | enough) == []


@pytest.mark.parametrize("today", ["2026-11-02", "2026-11-03", "2027-01-01"])
def test_a_policy_may_watch_for_sixty_days(today: str) -> None:
    dated = f"{POLICY}since: 2026-11-02\n"
    assert found(dated, OTHER, LADDER, today=day(today)) == []


def test_a_policy_that_only_watches_is_told_after_sixty_days() -> None:
    dated = f"{POLICY}since: 2026-11-02\n"
    (line,) = found(dated, OTHER, LADDER, today=day("2027-01-02"))
    assert line == (
        "0.yaml:17:8: warning: since: in shadow for 61 days: promote it, change it, or disable it"
    )
    for mode in ("enforce", "disabled"):
        lines = found(dated.replace("mode: shadow", f"mode: {mode}"), OTHER, LADDER, today=day("2028-01-01"))
        assert not [line for line in lines if "since" in line]


def test_a_day_to_come_is_told_in_any_mode() -> None:
    for mode in ("shadow", "enforce"):
        dated = f"{POLICY}since: 2062-11-02\n".replace("mode: shadow", f"mode: {mode}")
        (line,) = found(dated, OTHER, LADDER)
        assert line.startswith("0.yaml:17:8: warning: since: is a day to come")


@pytest.mark.parametrize("kept", ["min: 40", f"min: {FASTEST * 3600}"])
def test_a_minimum_that_can_be_reached_is_fine(kept: str) -> None:
    assert of_one(POLICY.replace("min: 40", kept)) == []


def test_a_minimum_that_no_rate_fills_is_told() -> None:
    (line,) = of_one(POLICY.replace("min: 40", f"min: {FASTEST * 3600 + 1}"))
    assert line.startswith(
        "0.yaml:14:46: warning: signals.share.ratio.min: 1,800,001 calls in 1h are more than 500 a second"
    )


@pytest.mark.parametrize("broken", ["over: 1", "over: 1h, ovre: 2h", "min: 4.5"])
def test_a_broken_window_is_left_to_the_loader(broken: str) -> None:
    key = broken.partition(":")[0]
    text = POLICY.replace(f"{key}: 1h" if key == "over" else "min: 40", broken)
    assert of_one(text) == []


def test_a_window_without_a_length_is_left_to_the_loader() -> None:
    assert of_one(POLICY.replace("over: 1h, ", "")) == []


# --- ids -----------------------------------------------------------------------------------------------


def test_an_id_that_the_release_does_not_have_is_told_with_the_nearest() -> None:
    (line,) = of_one(POLICY.replace("AML.T0024.002", "AML.T0024.003"))
    assert line == (
        "0.yaml:5:22: warning: references.0.atlas: AML.T0024.003 is not in MITRE ATLAS 5.6.0 "
        "(did you mean 'AML.T0024.002', Extract AI Model?)"
    )
    (line,) = of_one(POLICY.replace("C11.3.1", "C11.3.9"))
    assert "references.1.aisvs: C11.3.9 is not in OWASP AISVS 1.0, chapter C11 (did you mean 'C11.3" in line


def test_the_note_tells_which_id_was_meant() -> None:
    wrong = "AML.T0999, note: AI service  proxies"
    (line,) = of_one(POLICY.replace("AML.T0024.002", wrong))
    assert "(did you mean 'AML.T0008.005', AI Service Proxies?)" in line


def test_an_id_under_the_title_of_another_is_told() -> None:
    (line,) = of_one(POLICY.replace("AML.T0024.002", "AML.T0024.001, note: Extract AI Model"))
    assert line == (
        "0.yaml:5:22: warning: references.0.atlas: AML.T0024.001 is 'Invert AI Model'; "
        "'Extract AI Model' is AML.T0024.002"
    )
    for note in ("Extract AI Model", "a case to read", "''"):
        assert of_one(POLICY.replace("AML.T0024.002", f"AML.T0024.002, note: {note}")) == []


def test_nothing_near_is_nothing_suggested() -> None:
    far = Catalogues(IdList("ATLAS 9", {"AML.CS9999": "A case"}), SHIPPED.aisvs)
    (line,) = found(POLICY, OTHER, LADDER, catalogues=far)
    assert line.endswith("AML.T0024.002 is not in ATLAS 9")


def test_chapters_that_the_list_does_not_hold_are_not_judged() -> None:
    assert of_one(POLICY.replace("C11.3.1", "C9.9.9")) == []


def test_a_newer_list_makes_an_id_stale() -> None:
    newer = Catalogues(IdList("ATLAS 9", {"AML.T0000": "Search"}), SHIPPED.aisvs)
    (line,) = found(POLICY, OTHER, LADDER, catalogues=newer)
    assert "AML.T0024.002 is not in ATLAS 9" in line


def test_pattern_sets_and_ladders_may_name_ids_too() -> None:
    (line,) = found(POLICY, OTHER, f"{LADDER}references: [{{atlas: AML.M0099}}]\n")
    assert line.startswith("2.yaml:12:22: warning: references.0.atlas: AML.M0099 is not in")


# --- exemptions and tenants ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires", "severity", "message"),
    [
        ("2027-01-14", "error", "has expired"),
        ("2027-01-15", "warning", "expires in 1 day"),
        ("2027-01-28", "warning", "expires in 14 days"),
    ],
)
def test_an_exemption_near_its_end_is_told(expires: str, severity: str, message: str) -> None:
    (line,) = of_one(EXEMPTION.replace("2027-02-28", expires))
    assert line.startswith(f"0.yaml:6:10: {severity}: expires: {message}")


def test_an_exemption_with_more_than_two_weeks_left_is_not() -> None:
    assert of_one(EXEMPTION.replace("2027-02-28", "2027-01-29")) == []


@pytest.mark.parametrize(
    "same",
    ["probe.cap: 60", "probe.half_life: 60m", "probe.signals.burst.ramp: [60, 300]", "probe.mode: shadow"],
)
def test_an_override_that_changes_nothing_is_told(same: str) -> None:
    (line,) = found(POLICY, OTHER, LADDER, TENANT.replace("probe.cap: 30", same))
    name = same.partition(":")[0]
    assert line == f"3.yaml:6:3: warning: set.{name}: is what the policy says anyway: remove it"


@pytest.mark.parametrize("wrong", ["prob.cap: 60", "probe.cap: many", "probe.signals.brust.ramp: [1, 2]"])
def test_a_wrong_override_is_left_to_the_loader(wrong: str) -> None:
    documents = [*parse(POLICY.encode(), "0"), *parse(TENANT.replace("probe.cap: 30", wrong).encode(), "1")]
    assert lint(documents, None, SHIPPED, TODAY, PROMISED) == []


def test_a_tenant_that_names_everybodys_ladder_is_told() -> None:
    named = TENANT.replace("set:", "ladder: default\nset:")
    (line,) = found(POLICY, OTHER, LADDER, named)
    assert line == "3.yaml:5:1: warning: ladder: is everybody's ladder anyway: remove it"

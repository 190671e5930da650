"""The gateway's own rows: as shipped, with every policy acting, and after calibration.

Each setting is a name and one set of alarms per step of the ladder; all of them are measured by
`benchmarks.detection.outcome`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.accounts import POSTURES, Account, Accounts, Steps, drive, steps
from benchmarks.detection.calibrate import BOUND, Tuned, cut, tuned
from benchmarks.detection.corpus import FOLDS, Corpus
from benchmarks.detection.outcome import (
    Alarms,
    Caught,
    Linked,
    Spared,
    caught,
    linking,
    rung_alarms,
    spared,
)
from gateway.model import Mode
from gateway.policies.compile import with_mode
from gateway.policies.load import load_bundle

ARMED = POSTURES.index("armed")
STEPS = ("watch", "narrow", "throttle")
LINKING_AT = (5, 10, 15, 20, 30, 60)
"""Requests per account at which linking is read off."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run the gateway over the traffic."""

    name: str
    about: str
    alarms: Mapping[str, Alarms]
    """By step of the ladder."""
    posture: int
    """Whose responses are counted as touching requests."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one setting did."""

    name: str
    about: str
    caught: dict[str, list[Caught]]
    """By step of the ladder."""
    spared: dict[str, list[Spared]]
    passed: dict[str, float]
    """By scenario, the part of all wanted answers that was not refused, to the end of the traffic."""


def settings(accounts: Accounts, marks: Steps, bars: Sequence[float]) -> list[Setting]:
    """Both postures as the ladder has it, and the armed score cut at a calibrated threshold for each half."""
    found = [
        Setting(
            posture,
            "policies in their own modes, ceiling enforce" if at != ARMED else "every policy acts",
            {step: rung_alarms(accounts, at, rung) for step, rung in marks},
            at,
        )
        for at, posture in enumerate(POSTURES)
    ]
    fitted = cut(accounts, armed_scores(accounts), bars)
    about = f"the armed score, cut where ≤ {BOUND:.0%} of honest principals stand"
    return [*found, Setting("calibrated", about, dict.fromkeys(STEPS, fitted), ARMED)]


def armed_scores(accounts: Accounts) -> dict[str, Sequence[float]]:
    """The score with every policy acting."""
    return {name: account.scores[ARMED] for name, account in accounts.items()}


def by_tuning(
    corpus: Corpus, policies: Path, work: Path, marks: Steps, asked: str
) -> tuple[Setting | None, list[Tuned], Accounts]:
    """`gateway tune` on one half of the honest principals, judged on the other half, and the reverse.

    Attackers stand in the half that their campaign falls into. Without any change there is nothing to judge.
    """
    answers = [tuned(corpus, fold, policies, work, marks.names, asked) for fold in range(FOLDS)]
    if not any(answer.changed for answer in answers):
        return None, answers, {}
    accounts: dict[str, Account] = {}
    for fold, answer in enumerate(answers):
        bundle = with_mode(load_bundle(answer.policies), Mode.ENFORCE)
        # Everybody is replayed: campaigns are found among all keys, not among half of them.
        played = drive(bundle, corpus.roles, corpus.lines())
        accounts |= {name: account for name, account in played.items() if account.role.fold == fold}
        marks = steps(bundle.ladder)
    alarms = {step: rung_alarms(accounts, ARMED, rung) for step, rung in marks}
    return Setting("tuned", "policies that gateway tune wrote, all acting", alarms, ARMED), answers, accounts


def result(accounts: Accounts, setting: Setting) -> Result:
    """The figures of a setting."""
    moved = setting.name == "calibrated"
    return Result(
        setting.name,
        setting.about,
        {step: caught(accounts, alarms) for step, alarms in setting.alarms.items()},
        {
            # With a threshold of its own the ladder's responses are not those that would have come.
            step: spared(accounts, alarms, None if moved else setting.posture)
            for step, alarms in setting.alarms.items()
        },
        {} if moved else passed(accounts, setting.posture),
    )


def passed(accounts: Accounts, posture: int) -> dict[str, float]:
    """By scenario: the part of the wanted answers that no response of the gateway withheld."""
    totals: dict[str, list[int]] = {}
    for account in accounts.values():
        if not account.role.benign:
            sums = totals.setdefault(account.role.scenario, [0, 0])
            rows = zip(account.answers, account.harvest, account.refused[posture], strict=True)
            for answers, wanted, refused in rows:
                sums[0] += answers * (wanted and not refused)
                sums[1] += answers * wanted
    return {name: got / wanted if wanted else 0.0 for name, (got, wanted) in sorted(totals.items())}


def links(accounts: Accounts) -> list[Linked]:
    """Campaign linking, where the checkout has any."""
    return linking(accounts, LINKING_AT)

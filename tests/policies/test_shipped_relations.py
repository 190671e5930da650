"""The relations that hold whatever is promised hold for every shipped case, known gaps too.

Each stream is cut after its first requests, so that the suite stays short; whole they are run by
`gateway test policies --metamorphic`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.adapters.proof import started
from gateway.policytests.load import load_suites
from gateway.policytests.metamorphic import relations
from gateway.policytests.run import concerned
from gateway.policytests.schema import TrafficDocument
from gateway.policytests.suites import Case, Suite
from tests.policies.test_shipped import BUNDLE, ROOT

SUITES = load_suites([ROOT])
MOST = 300
"""Requests of a stream: above every `min` of the pack but one, and past the first hours of most cases."""


def _cut(stream: TrafficDocument) -> TrafficDocument:
    if stream.every is None:  # recorded, and short
        return stream
    times = stream.times or int((stream.length or 0.0) / stream.every)
    return stream.model_copy(update={"times": min(times, MOST), "length": None})


def _short(case: Case) -> Case:
    return replace(
        case, document=case.document.model_copy(update={"traffic": [*map(_cut, case.document.traffic)]})
    )


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.model.title)
def test_the_relations_hold_for_every_shipped_case(suite: Suite) -> None:
    broken = {
        case.name: found
        for case in map(_short, suite.cases())
        if (found := list(relations(case, concerned(case, BUNDLE), started)))
    }
    assert broken == {}

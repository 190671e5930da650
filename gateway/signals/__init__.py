"""The families of detectors, and the one table that names them for the policy language."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.signals.base import Detector
from gateway.signals.budget import Budget
from gateway.signals.cadence import Cadence
from gateway.signals.campaign import Campaign
from gateway.signals.corpus import Corpus
from gateway.signals.drift import Drift
from gateway.signals.followed import Followed
from gateway.signals.kind import KindOf
from gateway.signals.pool import Pool
from gateway.signals.profile import Profile
from gateway.signals.provenance import Provenance
from gateway.signals.repeats import Repeats
from gateway.signals.request import FieldNumber, Request
from gateway.signals.shift import Shift
from gateway.signals.variety import Variety
from gateway.signals.volume import Count, DistinctCount, Ratio

DETECTORS: Mapping[str, type[Detector]] = {
    detector.name: detector
    for detector in (
        Request,
        FieldNumber,
        Count,
        Ratio,
        DistinctCount,
        Cadence,
        Repeats,
        Profile,
        KindOf,
        Variety,
        Followed,
        Campaign,
        Pool,
        Corpus,
        Budget,
        Shift,
        Provenance,
        Drift,
    )
}

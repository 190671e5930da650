"""Decisions summed up per principal: how high, since when, why, how often, and at what price.

One principal is one observation, whatever the number of its requests. State is bounded by principals and
signals, never by requests. Conclusions (intervals, tables, advice) are drawn elsewhere, from these sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.errors import ConfigError, Place
from gateway.evaluation.entries import Entry, Mark, Stand
from gateway.model import Mode, SignalScore
from gateway.policies.bundle import Bundle, Policy, Rung
from gateway.score import CORROBORATES, points

Kind = Literal["benign", "extraction", "unlabelled"]
KINDS: tuple[Kind, Kind, Kind] = ("benign", "extraction", "unlabelled")
View = Literal["enforced", "shadow", "candidate"]
VIEWS: tuple[View, View, View] = ("enforced", "shadow", "candidate")
HOUR, DAY = 3600.0, 86400.0
FLOORED = 100.0
"""The eligible score of a call that a floor lifted: no threshold would have let it pass."""
_BENIGN, _EXTRACTION = ("benign",), ("extraction", "attack", "abuse")


def kind_of(label: str | None) -> Kind:
    """The kind that a label such as `benign:chat` or `attack:sweep` names."""
    word = (label or "").partition(":")[0]
    if word in _BENIGN:
        return "benign"
    return "extraction" if word in _EXTRACTION else "unlabelled"


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody said of a principal, and the probability with which it had been drawn for that."""

    text: str
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class First:
    """When a rung was reached first, and what had been given away by then."""

    ts: float
    request: int
    """The principal's own, from 1: so many less one were answered before."""
    tokens: int
    """Output tokens answered before."""


@dataclass(slots=True)
class Climbed:
    """One principal on one track."""

    peak: float = 0.0
    rung: int = -1
    """Index of the highest rung reached."""
    first: dict[int, First] = field(default_factory=dict)
    requests: Counter[int] = field(default_factory=Counter)
    """By rung: calls that stood on it or above."""
    minutes: Counter[int] = field(default_factory=Counter)
    """By rung: different minutes with such a call."""
    tokens: Counter[int] = field(default_factory=Counter)
    """By rung: output tokens of such calls."""
    last_minute: dict[int, float] = field(default_factory=dict)

    def add(self, score: float, rung: int, case: Case, ts: float) -> None:
        """One more call of `case`, which has counted it already."""
        self.peak = max(self.peak, score)
        self.rung = max(self.rung, rung)
        minute = ts // 60
        for at in range(rung + 1):
            self.requests[at] += 1
            self.tokens[at] += case.cost
            if self.last_minute.get(at) != minute:
                self.last_minute[at] = minute
                self.minutes[at] += 1
            if at not in self.first:
                self.first[at] = First(ts, case.requests, case.output_tokens)


@dataclass(slots=True)
class Fired:
    """One signal on one principal, over the calls on which it gave points."""

    requests: int = 0
    points: float = 0.0
    """The sum, for the mean."""
    standing: int = 0
    """Calls on which the principal stood on a rung and this signal gave points."""
    alone: int = 0
    """Of these: calls on which no other signal gave any."""
    spare: int = 0
    """Of these: calls that would have stood as high without it."""
    warming: int = 0


@dataclass(slots=True)
class Case:
    """One principal."""

    id: str
    org: str | None = None
    tier: str | None = None
    label: str | None = None
    weight: float = 1.0
    """How many principals it stands for, when it was drawn for labelling."""
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    """Output tokens of the call that is being added; not among `output_tokens` yet: when it was judged, they
    were not given away."""
    first: float = 0.0
    last: float = 0.0
    reasons: tuple[Mark, ...] = ()
    """The signals of the call with the highest shadow score."""
    tracks: dict[View, Climbed] = field(default_factory=lambda: {view: Climbed() for view in VIEWS})
    signals: dict[str, Fired] = field(default_factory=dict)
    policies: dict[str, float] = field(default_factory=dict)
    """The highest shadow peak of each policy."""
    eligible: dict[int, float] = field(default_factory=dict)
    """By rung: the highest shadow score with as many policies behind it as the rung requires."""
    would: Counter[str] = field(default_factory=Counter)
    """Responses to calls, done or withheld."""
    forgiven: dict[str, float] = field(default_factory=dict)
    """Points, by exemption."""
    unexempted: dict[int, float] = field(default_factory=dict)
    """By day: the highest shadow score with the forgiven points put back."""

    @property
    def unit(self) -> str:
        """Who answers for it: the organisation, where there is one."""
        return self.id if self.org is None else f"org:{self.org}"


@dataclass(slots=True)
class Tally:
    """One exemption over the whole period."""

    requests: int = 0
    points: float = 0.0
    last: float = 0.0


class Cases:
    """All principals of a period, under the ladder and policies of `bundle`.

    `assume_benign` takes the unlabelled for benign.
    """

    def __init__(self, bundle: Bundle, *, assume_benign: bool = False) -> None:
        self.bundle = bundle
        self.rungs: tuple[Rung, ...] = bundle.ladder.rungs
        self.assume_benign = assume_benign
        self.cases: dict[str, Case] = {}
        self.bundles: Counter[str] = Counter()
        self.exemptions: dict[str, Tally] = {}
        self.hours: dict[int, list[int]] = {}
        """By hour: calls, and those of them on a rung of the shadow track."""
        self.unscored: Counter[str] = Counter()
        self.has_candidate = False
        # A tenant's ladder has no rung that the common one has not.
        self._index = {rung.id: index for index, rung in enumerate(self.rungs)}
        self._policies: Mapping[str, Policy] = {policy.id: policy for policy in bundle.policies}

    @property
    def requests(self) -> int:
        """Calls in all."""
        return sum(case.requests for case in self.cases.values())

    def kind(self, case: Case) -> Kind:
        """What the principal is known, or assumed, to be."""
        kind = kind_of(case.label)
        return "benign" if kind == "unlabelled" and self.assume_benign else kind

    def of(self, kind: Kind) -> list[Case]:
        """The principals of one kind, by id."""
        return [case for _, case in sorted(self.cases.items()) if self.kind(case) == kind]

    def label(self, labels: Mapping[str, Label]) -> None:
        """Set labels by principal; those of principals that were not seen are passed over."""
        for principal, label in labels.items():
            if principal in self.cases:
                self.cases[principal].label = label.text
                self.cases[principal].weight = 1 / label.probability

    def add(self, entry: Entry) -> None:
        """One more decision."""
        case = self.cases.get(entry.principal)
        if case is None:
            case = self.cases[entry.principal] = Case(entry.principal, first=entry.ts)
        case.cost = entry.usage.output_tokens if entry.usage else 0
        case.requests += 1
        case.org, case.tier = entry.org or case.org, entry.tier or case.tier
        case.last = max(case.last, entry.ts)
        if entry.bundle is not None:
            self.bundles[entry.bundle] += 1
        if entry.unscored is not None:
            self.unscored[entry.unscored] += 1
        rung = self._climb(case, entry)
        self._explain(case, entry, rung)
        self._forgive(case, entry)
        case.would.update(dict.fromkeys((*entry.applied, *entry.would), 1))
        hour = self.hours.setdefault(int(entry.ts // HOUR), [0, 0])
        hour[0] += 1
        hour[1] += rung >= 0
        if entry.usage is not None:
            case.input_tokens += entry.usage.input_tokens
            case.output_tokens += case.cost

    def _rung(self, stand: Stand) -> int:
        if stand.rung is None:
            return -1
        try:
            return self._index[stand.rung]
        except KeyError:
            ladder = Place(f"ladder '{self.bundle.ladder.id}'")
            message = f"has no rung '{stand.rung}', which the records name: give their policies (--policies)"
            raise ConfigError.at(ladder, message) from None

    def _candidate_rung(self, stand: Stand) -> int:
        """A candidate may have a ladder of its own: a rung unknown here stands where its score does."""
        if stand.rung is not None and stand.rung not in self._index:
            return sum(rung.at <= stand.score for rung in self.rungs) - 1
        return self._rung(stand)

    def _climb(self, case: Case, entry: Entry) -> int:
        """Every track; returns the rung on the shadow track."""
        shadow = entry.shadow
        rung = self._rung(shadow)
        if shadow.score > case.tracks["shadow"].peak:
            case.reasons = _speaking(entry)
        case.tracks["shadow"].add(shadow.score, rung, case, entry.ts)
        case.tracks["enforced"].add(entry.enforced.score, self._rung(entry.enforced), case, entry.ts)
        if entry.candidate is not None:
            self.has_candidate = True
            trial = entry.candidate
            case.tracks["candidate"].add(trial.score, self._candidate_rung(trial), case, entry.ts)
        speaking = sum(policy.shadow >= CORROBORATES for policy in entry.policies)
        for at, step in enumerate(self.rungs):
            lifted = at <= rung and shadow.score < step.clear
            score = FLOORED if lifted else shadow.score if speaking >= step.requires.policies else 0.0
            if score > case.eligible.get(at, 0.0):
                case.eligible[at] = score
        return rung

    def _explain(self, case: Case, entry: Entry, rung: int) -> None:
        marks = _speaking(entry)
        for mark in marks:
            fired = case.signals.get(mark.id)
            if fired is None:
                fired = case.signals[mark.id] = Fired()
            fired.requests += 1
            fired.points += mark.points
            fired.warming += bool(mark.warming)
            if rung >= 0:
                fired.standing += 1
                fired.alone += len(marks) == 1
                without = entry.shadow.score - self._share(mark, marks)
                fired.spare += without >= self.rungs[rung].at
        for policy in entry.policies:
            case.policies[policy.id] = max(case.policies.get(policy.id, 0.0), policy.shadow)

    def _share(self, mark: Mark, marks: Sequence[Mark]) -> float:
        """The points of the score that only this signal brought, after its policy's cap and combination."""
        name = mark.id.partition(".")[0]
        policy = self._policies.get(name)
        if policy is None:
            return mark.points
        all_of = [found for found in marks if found.id.partition(".")[0] == name]
        rest = [found for found in all_of if found is not mark]
        return _points(policy, all_of) - _points(policy, rest)

    def _forgive(self, case: Case, entry: Entry) -> None:
        for forgiven in entry.exemptions:
            tally = self.exemptions.setdefault(forgiven.id, Tally())
            tally.requests += 1
            tally.points += forgiven.points
            tally.last = max(tally.last, entry.ts)
            case.forgiven[forgiven.id] = case.forgiven.get(forgiven.id, 0.0) + forgiven.points
        if case.forgiven:
            day = int(entry.ts // DAY)
            bare = entry.shadow.score + sum(forgiven.points for forgiven in entry.exemptions)
            case.unexempted[day] = max(case.unexempted.get(day, 0.0), bare)


def _speaking(entry: Entry) -> tuple[Mark, ...]:
    return tuple(mark for mark in entry.signals if mark.points > 0)


def _points(policy: Policy, marks: Sequence[Mark]) -> float:
    scores = [SignalScore(m.id, m.value, 1, 1.0, m.points, Mode.SHADOW, "") for m in marks]
    return points(policy, scores)[1]

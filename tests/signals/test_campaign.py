"""The campaign detector: whose campaign it is, what it counts, and what its options leave out."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.corpora import Corpus, Origin, build
from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Outcome, Principal, Turn, Usage
from gateway.signals.base import Detector
from gateway.signals.templates import pieces
from gateway.stores.memory import MemoryStore
from tests.campaigns.support import COVERS, FRAME, words
from tests.signals.support import CHAT, detector

FARM = [f"farm-{at}" for at in range(20)]


@dataclass
class Population:
    """Many accounts over one store, and what a detector reads for each."""

    detector: Detector
    store: MemoryStore = field(default_factory=lambda: MemoryStore(1000))
    now: float = 0.0
    source: random.Random = field(default_factory=lambda: random.Random(5))

    def send(self, who: Principal, text: str, system: str = "", ip: str | None = None) -> Measure | None:
        """One call with 100 tokens of answer; what the detector read at its arrival."""
        self.now += 60.0
        turns = (Turn("system", system), Turn("user", text)) if system else (Turn("user", text),)
        facts = Facts(Call(CHAT, turns=turns), who, Client(ip), self.now, fresh=turns)
        (readings,) = self.store.apply([(who.id, self.detector.reads)], self.now)
        seen = self.detector.read(facts, readings)
        self.store.apply([(who.id, self.detector.study(facts, readings))], self.now)
        facts.outcome = Outcome(200, Usage(output_tokens=100))
        self.store.apply([(who.id, self.detector.settle(facts))], self.now)
        return seen

    def harvest(self, covers: tuple[str, ...] = COVERS, ip: str | None = None, **who: Any) -> Measure | None:
        """Twelve calls of each of twenty accounts; what the last one read."""
        seen = None
        for _ in range(12):
            for at, name in enumerate(FARM):
                text = FRAME.format(words(self.source))
                seen = self.send(Principal(name, **who), text, covers[at % len(covers)], ip)
        return seen


def harvest(options: dict[str, Any], **how: Any) -> Measure | None:
    return Population(detector("campaign", {"over": "7d", **options})).harvest(**how)


def test_every_member_reads_how_many_they_are_and_the_evidence_in_words() -> None:
    found = harvest({})
    assert found is not None
    assert found.value == 20
    assert found.campaign is not None
    assert found.note.startswith(
        f"campaign {found.campaign}: 20 accounts of 20 organisations or networks use one frame"
    )


@pytest.mark.parametrize(
    ("measure", "least", "most"),
    [("members", 20, 20), ("organisations", 20, 20), ("requests", 60, 240), ("output_tokens", 8000, 24000)],
)
def test_what_is_counted_can_be_chosen(measure: str, least: int, most: int) -> None:
    found = harvest({"measure": measure})
    assert found is not None
    assert least <= found.value <= most


def test_nobody_in_no_campaign_gets_a_verdict() -> None:
    made = Population(detector("campaign", {"over": "7d"}))
    made.harvest()
    assert made.send(Principal("person"), words(made.source)) is None
    assert made.send(Principal("person"), "hi") is None


def test_one_organisation_or_one_network_is_no_crowd_of_strangers() -> None:
    assert harvest({"organisations": 16}) is not None
    assert harvest({"organisations": 16}, org="acme") is None
    assert harvest({"organisations": 16}, ip="203.0.113.9") is None
    found = harvest({}, org="acme")
    assert found is not None
    assert found.value == 20


def test_one_system_prompt_for_all_is_one_tool() -> None:
    assert harvest({"covers": 2}) is not None
    assert harvest({"covers": 2}, covers=("You are a coding agent.",)) is None


@pytest.mark.parametrize(
    ("how", "kinds"),
    [
        ({}, 1),
        ({"covers": ("You write one exam item.",)}, 2),
        ({"ip": "203.0.113.9"}, 2),
        ({"ip": "2001:db8:7::9"}, 2),
        ({"tags": ("vip", "payment:card-1")}, 2),
        ({"ip": "203.0.113.9", "covers": ("You write one exam item.",)}, 3),
    ],
)
def test_more_can_be_asked_to_be_in_common(how: dict[str, Any], kinds: int) -> None:
    link = ["template", "system_prompt", "ip_prefix", "payment"]
    assert harvest({"link": link, "at_least": kinds}, **how) is not None
    if kinds < 4:
        assert harvest({"link": link, "at_least": kinds + 1}, **how) is None


def test_calls_can_be_left_out() -> None:
    where = {"not": {"prompt.user": {"contains": "intermediate"}}}
    assert harvest({"where": where}) is None


def public(name: str, *templates: str) -> Corpus:
    """A pack of frames."""
    return build(Origin(name, name, "MIT", "-", 0, "frames"), templates, pieces, common=None)


def test_customers_who_share_a_public_template_are_linked_to_nobody() -> None:
    options = {"over": "7d", "without": ["house", "shop"]}
    house, shop = public("house", FRAME), public("shop", "Name the shop that sells {thing}")
    assert Population(detector("campaign", options, "principal", house, shop)).harvest() is None
    alone = {"over": "7d", "without": ["shop"]}
    assert Population(detector("campaign", alone, "principal", shop)).harvest() == harvest({})


def test_a_frame_of_which_nothing_is_left_is_not_heard() -> None:
    found = detector("campaign", {"over": "7d", "without": ["house"]}, "principal", public("house", FRAME))
    facts = Facts(Call(CHAT), Principal("p"), Client(), 0.0, fresh=(Turn("user", FRAME.format("")),))
    assert found.study(facts, []) == ()


def test_who_leaves_out_other_templates_hears_other_calls() -> None:
    """…so what was counted with one pack is not taken for what another one leaves."""
    one, other = public("house", FRAME), public("house", "Name the shop that sells {thing}")
    options = {"over": "7d", "without": ["house", "house"]}
    reads = [detector("campaign", options, "principal", pack).reads for pack in (one, one, other)]
    assert reads[0] == reads[1] != reads[2] != detector("campaign", {"over": "7d"}).reads


def test_one_call_is_cut_into_its_frame_once_for_all_signals() -> None:
    one, other = (detector("campaign", {"over": over}) for over in ("24h", "7d"))
    facts = Facts(Call(CHAT), Principal("p"), Client(), 0.0, fresh=(Turn("user", FRAME),))
    assert one.study(facts, []) == other.study(facts, [])
    assert list(facts.memo).count("frame") == 1


def test_without_an_answer_nothing_is_paid() -> None:
    facts = Facts(Call(CHAT), Principal("p"), Client(), 0.0)
    assert detector("campaign", {"over": "7d"}).settle(facts) == ()


def test_tokens_are_asked_for_only_where_they_are_counted() -> None:
    assert "usage.output_tokens" not in detector("campaign", {"over": "7d"}).fields
    counting = detector(
        "campaign", {"over": "7d", "measure": "output_tokens", "where": {"request.echo": True}}
    )
    assert {"usage.output_tokens", "request.echo", "prompt.user"} <= counting.fields


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"link": ["ip_prefix"]}, "name template"),
        ({"link": ["template", "payment"], "at_least": 3}, "more than"),
        ({"where": {"usage.output_tokens": {"gte": 1}}}, "reads the answer"),
    ],
)
def test_options_that_cannot_mean_anything_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        detector("campaign", {"over": "7d", **options})

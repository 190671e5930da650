"""The pool detector: whose pool it is, what it hears, and what its options leave out."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.campaigns.operations import Converse
from gateway.fields import Facts
from gateway.model import Call, Client, Measure, Principal, Reading, Turn
from gateway.signals.base import Detector
from gateway.stores.memory import MemoryStore
from tests.campaigns.support import words
from tests.signals.support import CHAT, detector

COVERS = ("", "You are a helpful assistant.", "Act as a patient tutor for grown-ups.")
FARM = [f"farm-{at}" for at in range(24)]
PEOPLE = [f"person-{at}" for at in range(60)]


@dataclass
class Town:
    """Many accounts over one store, and what a detector reads for each."""

    detector: Detector
    store: MemoryStore = field(default_factory=lambda: MemoryStore(1000))
    now: float = 0.0
    source: random.Random = field(default_factory=lambda: random.Random(5))

    def send(self, who: Principal, turns: tuple[Turn, ...], ip: str | None = None) -> Measure | None:
        """One call; what the detector read at its arrival."""
        self.now += 60.0
        facts = Facts(Call(CHAT, turns=turns), who, Client(ip), self.now, fresh=turns)
        (readings,) = self.store.apply([(who.id, self.detector.reads)], self.now)
        seen = self.detector.read(facts, readings)
        self.store.apply([(who.id, self.detector.study(facts, readings))], self.now)
        return seen

    def live(self, covers: tuple[str, ...] = COVERS, ip: str | None = None, **who: Any) -> Measure | None:
        """Eight turns of sixty people and of twenty-four accounts of a harvest; what the last one read."""
        seen = None
        for _ in range(8):
            for at, name in enumerate(PEOPLE):
                topic = words(self.source, 4)
                self.send(Principal(name), talk(COVERS[at % 3], topic, f"ok so why {topic[:14]} then"))
            for at, name in enumerate(FARM):
                item, other = words(self.source, 4), words(self.source, 4)
                turns = talk(covers[at % len(covers)], other, f"Describe each {item} in detail.")
                seen = self.send(Principal(name, **who), turns, ip)
        return seen


def talk(system: str, topic: str, new: str) -> tuple[Turn, ...]:
    before = (Turn("user", f"so what about {topic}"), Turn("assistant", f"Much is known of {topic}."))
    return (*([Turn("system", system)] if system else []), *before, Turn("user", new))


def lived(options: dict[str, Any], **how: Any) -> Measure | None:
    return Town(detector("pool", {"over": "7d", **options})).live(**how)


def test_every_member_reads_how_many_they_are_and_the_evidence_in_words() -> None:
    found = lived({})
    assert found is not None
    assert 20 <= found.value <= 24
    assert found.campaign is not None
    assert found.campaign.startswith("p")
    assert found.note.startswith(f"pool {found.campaign}: {found.value:.0f} accounts of")


def test_people_read_nothing() -> None:
    town = Town(detector("pool", {"over": "7d"}))
    town.live()
    assert town.send(Principal(PEOPLE[0]), talk("", "copper kettles", "why copper then")) is None


def test_one_organisation_or_one_network_is_no_crowd_of_strangers() -> None:
    assert lived({"organisations": 16}) is not None
    assert lived({"organisations": 16}, org="acme") is None
    assert lived({"organisations": 16, "measure": "organisations"}, ip="203.0.113.9") is None
    found = lived({"measure": "organisations"}, org="acme")
    assert found is not None
    assert found.value == 1


def test_one_system_prompt_for_all_is_one_tool() -> None:
    assert lived({"covers": 2}) is not None
    assert lived({"covers": 2}, covers=("",)) is None
    assert lived({}, covers=("You book tables for guests.",)) is None


def test_calls_can_be_left_out() -> None:
    assert lived({"where": {"not": {"prompt.user": {"contains": "Describe each"}}}}) is None


def studied(*turns: Turn, options: dict[str, Any] | None = None) -> Converse:
    made = detector("pool", {"over": "7d", **(options or {})})
    facts = Facts(Call(CHAT, turns=turns), Principal("p"), Client(), 0.0, fresh=turns)
    (op,) = made.study(facts, [Reading((0.0,))])
    assert isinstance(op, Converse)
    return op


def test_only_what_follows_the_last_answer_is_new() -> None:
    before = (Turn("user", "glaciers"), Turn("assistant", "cold"))
    assert studied(*before, Turn("user", "glaciers")).said.taken
    assert not studied(Turn("user", "glaciers")).said.follows
    prefilled = studied(*before, Turn("user", "glaciers"), Turn("assistant", "Well,"))
    assert prefilled.said == studied(*before, Turn("user", "glaciers")).said
    tool = (Turn("tool", "glaciers"), Turn("user", "chapel"))
    assert len(studied(*before, *tool).said.own) == 1


def test_a_call_without_a_users_words_says_nothing() -> None:
    facts = Facts(Call(CHAT, turns=(Turn("tool", "done"),)), Principal("p"), Client(), 0.0)
    assert detector("pool", {"over": "7d"}).study(facts, [Reading((0.0,))]) == ()


def test_who_never_follows_an_answer_is_not_even_read() -> None:
    facts = Facts(Call(CHAT, turns=(Turn("user", "hello there"),)), Principal("p"), Client(), 0.0)
    assert detector("pool", {"over": "7d"}).study(facts, [Reading()]) == ()
    assert facts.memo == {}


def test_one_turn_is_cut_once_for_all_signals() -> None:
    one, other = (detector("pool", {"over": over}) for over in ("24h", "7d"))
    facts = Facts(Call(CHAT, turns=(Turn("user", "hello there"),)), Principal("p"), Client(), 0.0)
    assert one.study(facts, [Reading((0.0,))]) == other.study(facts, [Reading((0.0,))])
    assert list(facts.memo).count("said") == 1


def test_fields_that_are_asked_about_are_told() -> None:
    made = detector("pool", {"over": "7d", "where": {"request.echo": True}})
    assert {"prompt.user", "request.replied", "request.echo"} <= made.fields


def test_a_condition_on_the_answer_comes_too_late() -> None:
    with pytest.raises(ValueError, match="where: reads the answer"):
        detector("pool", {"over": "7d", "where": {"response.status": 200}})

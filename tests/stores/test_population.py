"""Operations about accounts together: they reach one linker or pool per key, and peaks are the campaign's."""

from __future__ import annotations

import random

from gateway.campaigns.operations import CampaignPeaks, Converse, Frame, Link, Linked, Pooled, Said
from gateway.model import Clear, Reading, Sum
from gateway.signals.frames import frame
from gateway.stores.memory import MemoryStore
from tests.campaigns.support import FRAME, words
from tests.campaigns.talk import Talk
from tests.campaigns.talk import harvested as harvested_pool

FARM = [f"farm-{at}" for at in range(20)]
READ = Linked("linker", 7 * 86400.0)
NOTHING = CampaignPeaks("peak", "linker", 3600.0, (0.0, 0.0))


def harvested(key: str = "linker") -> MemoryStore:
    store, source = MemoryStore(100), random.Random(5)
    for _ in range(12):
        for name in FARM:
            link = Link(key, None, frame(FRAME.format(words(source))), (0, 0, 0), tokens=10.0)
            assert store.apply([(name, [link])], 0.0) == [[Reading()]]
    return store


def test_a_member_reads_its_campaign_and_a_stranger_nothing() -> None:
    store = harvested()
    (mine, sums), (theirs,) = store.apply([("farm-0", [READ, Sum("s", 60.0, (0.0,))]), ("p", [READ])], 0.0)
    assert mine.values[0] == 20
    assert mine.data.startswith(b"c")
    assert sums.values == (0.0, 0.0)
    assert theirs == Reading()
    (listed,) = store.campaigns(7 * 86400.0, 0.0)
    assert listed.id.encode() == mine.data
    assert listed.members == tuple(sorted(FARM))
    assert listed.numbers["organisations"] == 20
    assert listed.text.startswith("20 accounts of 20 organisations or networks")


def test_whoever_is_cleared_leaves_its_campaign_and_the_others_stay() -> None:
    store = harvested()
    store.apply([("farm-0", [Clear("clear")]), ("nobody", [Clear("clear")])], 1.0)
    (gone,), (left,) = store.apply([("farm-0", [READ]), ("farm-1", [READ])], 1.0)
    assert gone == Reading()
    assert left.values[0] == 19
    assert "farm-0" not in next(store.campaigns(7 * 86400.0, 1.0)).members


def test_linkers_are_apart() -> None:
    store = harvested("other")
    assert store.apply([("farm-0", [READ, NOTHING])], 0.0) == [[Reading(), Reading((0.0, 0.0))]]


def test_a_link_without_a_frame_counts_tokens_only() -> None:
    store = MemoryStore(10)
    store.apply([("p", [Link("linker", None, Frame(), (), 5.0)])], 0.0)
    assert store.population.nbytes("p") == 0


def test_peaks_of_a_campaign_are_every_members_and_fade() -> None:
    store = harvested()
    raised = CampaignPeaks("peak", "linker", 3600.0, (0.0, 40.0))
    assert store.apply([("farm-3", [NOTHING])], 0.0)[0][0].values == (0.0, 0.0)
    assert store.apply([("farm-3", [raised])], 0.0)[0][0].values == (0.0, 40.0)
    assert store.apply([("farm-9", [NOTHING])], 3600.0)[0][0].values == (0.0, 20.0)
    assert store.apply([("p", [raised, NOTHING])], 0.0)[0][1].values == (0.0, 0.0)


def test_what_is_forgotten_is_gone() -> None:
    store = harvested()
    held = store.nbytes("farm-0")
    assert store.population.nbytes("farm-0") > 500
    assert list(store.forget({"linker", "never"})) == []
    assert store.nbytes("farm-0") < held
    assert store.apply([("farm-0", [READ])], 0.0) == [[Reading()]]


POOLED = Pooled("pool", 7 * 86400.0)


def conversed() -> MemoryStore:
    """People, and a harvest from one pool among them."""
    store = MemoryStore(1000)

    def hear(name: str, org: str | None, said: Said, kinds: tuple[int, ...], now: float) -> None:
        told = store.apply([(name, [Converse("pool", org, said, kinds)])], now)
        assert told == [[Reading()]]

    harvested_pool(talk=Talk(hear=hear))
    return store


def test_who_draws_from_a_pool_reads_it_and_people_nothing() -> None:
    store = conversed()
    now = 86400.0
    ((mine,), (theirs,)) = store.apply([("farm-0", [POOLED]), ("person-0", [POOLED])], now)
    assert mine.values[0] >= 20
    assert mine.data.startswith(b"p")
    assert theirs == Reading((0.0,))
    assert store.apply([("program", [POOLED])], now) == [[Reading()]]
    (listed,) = store.campaigns(7 * 86400.0, now)
    assert listed.id.encode() == mine.data
    assert "farm-0" in listed.members
    assert listed.numbers["members"] == len(listed.members) == mine.values[0]
    assert listed.text.startswith(f"{len(listed.members)} accounts of")
    assert store.apply([("farm-0", [Pooled("other", 60.0)])], now) == [[Reading()]]


def test_a_pool_that_does_not_stand_is_not_listed() -> None:
    store = MemoryStore(10)
    store.apply([("p", [Converse("pool", None, Said(follows=True), (0, 0, 0))])], 0.0)
    assert store.population.nbytes("p") > 0
    assert list(store.campaigns(60.0, 0.0)) == []


def test_who_stands_in_a_campaign_by_its_frame_is_in_no_pool() -> None:
    store, source = conversed(), random.Random(5)
    assert store.apply([("farm-0", [POOLED])], 0.0) != [[Reading()]]
    for _ in range(12):
        for name in FARM:
            link = Link("linker", None, frame(FRAME.format(words(source))), (0, 0, 0))
            store.apply([(name, [link])], 0.0)
    store.apply([("farm-0", [Converse("pool", None, Said(follows=True), (0, 0, 0))])], 0.0)
    assert store.apply([("farm-0", [POOLED])], 0.0) == [[Reading()]]


def test_a_pool_that_is_forgotten_is_gone() -> None:
    store = conversed()
    held = store.nbytes("farm-0")
    assert list(store.forget({"pool"})) == []
    assert store.nbytes("farm-0") < held
    assert store.apply([("farm-0", [POOLED])], 0.0) == [[Reading()]]

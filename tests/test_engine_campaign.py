"""Policies whose key is a campaign: one peak for all members, nothing for anybody else."""

from __future__ import annotations

import random

from gateway.model import Principal
from gateway.stores.memory import MemoryStore
from tests.campaigns.support import FRAME, words
from tests.support import Drive, bundle, chat, policy

BODY = """
    key: campaign
    half_life: 1h
    signals:
      linked: {campaign: {over: 7d}, ramp: [0, 20], points: 60}
      echo: {request: {request.echo: true}, points: 20}
"""
POLICIES = bundle(policy(BODY))
FARM = [f"farm-{at}" for at in range(20)]


def harvest(drive: Drive, rounds: int = 12) -> None:
    source = random.Random(5)
    for _ in range(rounds):
        for name in FARM:
            drive.now += 1.0
            drive.who = Principal(name)
            drive.send(chat(FRAME.format(words(source))))


def test_all_members_reach_the_rung_and_a_stranger_none() -> None:
    drive = Drive(POLICIES, store=MemoryStore(100))
    harvest(drive)
    for name in FARM:
        drive.who = Principal(name)
        decision = drive.send(chat("and now to something completely different"))
        assert (decision.enforced.score, decision.enforced.rung) == (60.0, "throttle")
        assert decision.campaign is not None
        assert f"campaign {decision.campaign}: 20 accounts" in decision.signals[0].text
    drive.who = Principal("person")
    decision = drive.send(chat("hello"))
    assert (decision.shadow.score, decision.campaign) == (0.0, None)


def test_what_one_member_does_stays_with_all_of_them_and_fades() -> None:
    drive = Drive(POLICIES, store=MemoryStore(100))
    harvest(drive)
    drive.who = Principal(FARM[3])
    assert drive.send(chat("again", echo=True)).enforced.score == 80.0
    drive.who = Principal(FARM[7])
    assert drive.send(chat("and again")).enforced.score == 80.0
    drive.now += 1800.0
    drive.who = Principal(FARM[8])
    assert 60.0 <= drive.send(chat("once more")).enforced.score < 60.1


def test_what_a_stranger_does_is_kept_for_nobody() -> None:
    drive = Drive(POLICIES)
    assert drive.send(chat("again", echo=True)).enforced.score == 20.0
    assert drive.send(chat("again")).enforced.score == 0.0


def test_a_candidate_hears_nothing_twice() -> None:
    drive = Drive(POLICIES, store=MemoryStore(100), candidate=POLICIES)
    harvest(drive)
    (campaign,) = drive.store.campaigns(86400.0, drive.now)
    assert len(campaign.members) == 20
    drive.who = Principal(FARM[0])
    drive.send(chat("hello"))
    assert drive.last is not None
    assert drive.last.decision.candidate is not None
    assert drive.last.decision.candidate.score == 60.0


def test_a_policy_without_its_campaign_signal_in_force_keeps_no_peaks() -> None:
    body = BODY.replace("points: 60}", "points: 60, mode: disabled}")
    drive = Drive(bundle(policy(body)))
    assert drive.send(chat("again", echo=True)).enforced.score == 20.0
    assert drive.send(chat("again")).enforced.score == 0.0

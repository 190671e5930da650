"""A signal that fails decides nothing: it is skipped and named, and the others go on."""

from __future__ import annotations

from typing import Any

from gateway.signals.volume import Count
from tests.support import Drive, bundle, policy
from tests.test_engine import ECHO


def test_a_signal_that_fails_is_skipped_and_named_and_the_others_decide(monkeypatch: Any) -> None:
    body = """
        signals:
          broken: {count: {of: requests, over: 1h}, ramp: [0, 1], points: 50}
          sound: {request: {request.echo: true}, points: 30}
    """

    def fail(*_: Any) -> Any:
        raise KeyError("secret prompt text")

    monkeypatch.setattr(Count, "read", fail)
    drive = Drive(bundle(policy(body)))
    decision = drive.send(ECHO)
    assert decision.skipped == {"probe.broken": "KeyError"}
    assert decision.enforced.score == 30.0


def test_a_gauge_that_fails_counts_nothing_and_its_signals_are_named(monkeypatch: Any) -> None:
    body = """
        signals:
          burst: {count: {of: requests, over: 1h, where: {prompt.chars: {gt: 0}}}, ramp: [0, 1], points: 50}
          sound: {request: {request.echo: true}, points: 30}
    """

    def fail(*_: Any) -> Any:
        raise KeyError("secret prompt text")

    monkeypatch.setattr(Count, "_amount", fail)
    drive = Drive(bundle(policy(body), policy(body, id="twin")))
    for _ in range(2):
        assert drive.send(ECHO).enforced.score == 60.0
        assert drive.last is not None
        assert drive.last.decision.skipped == dict.fromkeys(["probe.burst", "twin.burst"], "KeyError")

"""Orders about a principal: checked, written down, and only then carried out."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_config
from gateway.desk import Desk, Order, RefusedError
from gateway.gate import Gate
from gateway.identity import Identifier
from gateway.metrics import Metrics
from gateway.model import Mode, Principal
from tests.support import Drive, bundle, policy

POLICIES = bundle(policy("signals: {echo: {request: {request.echo: {exists: true}}, points: 60}}"))
ORDER = Order("p", "jane", "SEC-1412")


class House:
    """A desk over the store of some traffic."""

    def __init__(self, path: Path | None, ceiling: Mode = Mode.ENFORCE, *, loaded: bool = True) -> None:
        self.drive = Drive(POLICIES, ceiling, now=100.0)
        self.metrics = Metrics()
        identify = Identifier(load_config(None).identity, b"a secret for the tests, 32 bytes")
        gate = Gate(POLICIES if loaded else None, ceiling, self.drive.store, identify)
        self.desk = Desk(lambda: gate, lambda: self.drive.now, path, self.metrics)

    def order(self, order: Order) -> dict[str, Any]:
        return asyncio.run(self.desk.carry_out(order))

    def refused(self, order: Order) -> tuple[int, str]:
        with pytest.raises(RefusedError) as refused:
            self.order(order)
        return refused.value.status, str(refused.value)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_pardon_is_carried_out_counted_and_written_down(tmp_path: Path) -> None:
    path = tmp_path / "var" / "interventions.jsonl"
    house = House(path)
    assert house.drive.send().enforced.score == 60.0
    done = house.order(ORDER)
    (line,) = lines(path)
    assert line == done
    assert line == {
        "ts": 100.0,
        "action": "pardon",
        "principal": "p",
        "rung": None,
        "until": None,
        "by": "jane",
        "why": "SEC-1412",
        "bundle": POLICIES.hash,
        "acts": True,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b'gateway_interventions_total{action="pardon"} 1.0' in house.metrics.exposition()[0]
    assert house.drive.send().enforced.held is False


def test_a_pardon_that_lasts_and_a_raise_end_by_themselves(tmp_path: Path) -> None:
    house = House(tmp_path / "orders.jsonl")
    house.drive.send()
    house.order(Order("p", "jane", "x", seconds=50.0))
    assert (house.drive.send().enforced.rung, house.drive.last is not None) == (None, True)
    house.order(Order("p", "jane", "x", "refuse", 50.0))
    house.drive.now = 149.0
    assert house.drive.send().enforced.rung == "refuse"
    house.drive.now = 150.0
    assert house.drive.send().enforced.rung == "throttle"
    assert [(line["action"], line["until"]) for line in lines(tmp_path / "orders.jsonl")] == [
        ("pardon", 150.0),
        ("raise", 150.0),
    ]


def test_it_is_said_that_in_shadow_nothing_acts() -> None:
    house = House(None, Mode.SHADOW)
    house.drive.send()
    assert house.order(Order("p", "jane", "x", "refuse", 50.0))["acts"] is False


def test_orders_that_cannot_be_are_refused_and_not_written_down(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    house = House(path)
    house.drive.send()
    assert house.refused(Order("q", "jane", "x"))[0] == 404
    status, message = house.refused(Order("p", "jane", "x", "trottle", 9.0))
    assert (status, message) == (422, "no rung 'trottle' (did you mean 'throttle'?)")
    assert house.refused(Order("p", "jane", "x", "throttle"))[0] == 422
    house.drive.who = Principal("p", org="acme")
    house.drive.send()
    assert house.refused(Order("org:acme", "jane", "x", seconds=9.0))[0] == 422
    assert house.refused(Order("org:acme", "jane", "x", "throttle", 9.0))[0] == 422
    assert not path.exists()
    assert House(path, loaded=False).refused(ORDER)[0] == 503


def test_what_cannot_be_written_down_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    house = House(tmp_path / "file" / "orders.jsonl")
    house.drive.send()
    status, message = house.refused(Order("p", "jane", "x", "refuse", 50.0))
    assert status == 503
    assert "could not be written down" in message
    assert house.drive.send().enforced.rung == "throttle"

"""The roll of callers: in the order of their latest calls, and not for ever."""

from __future__ import annotations

from gateway.gate import Headers
from gateway.roll import Roll
from tests.exchanges import Doorkeeper
from tests.reloads import Clock


def call(roll: Roll, *keys: str) -> None:
    for key in keys:
        headers: Headers = [(b"authorization", key.encode())]
        assert roll.principal(headers, "192.0.2.1", None) == Doorkeeper().principal(
            headers, "192.0.2.1", None
        )


def since(roll: Roll, time: float) -> list[str]:
    return [principal.id.removeprefix("id of ") for principal in roll.since(time)]


def test_who_called_since_is_told_in_the_order_of_latest_calls() -> None:
    clock = Clock()
    roll = Roll(Doorkeeper(), clock)
    call(roll, "a", "b")
    clock.now = 10.0
    call(roll, "c", "a")
    assert since(roll, 0.0) == ["b", "c", "a"]
    assert since(roll, 10.0) == ["c", "a"]
    assert since(roll, 11.0) == []


def test_who_called_longest_ago_is_forgotten_first() -> None:
    roll = Roll(Doorkeeper(), Clock(), most=2)
    call(roll, "a", "b", "a", "c")
    assert since(roll, 0.0) == ["a", "c"]


def test_end_users_are_named_as_before() -> None:
    assert Roll(Doorkeeper(), Clock()).end_user("four") == Doorkeeper().end_user("four")

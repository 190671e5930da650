"""Pardons and raises over HTTP: who may, in what form, and how mistakes are told."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.admin.principals import LARGEST
from gateway.desk import Order, RefusedError
from tests.admin.test_app import TOKEN, ask

GOOD = {"by": "jane", "why": "SEC-1412"}


class Carrying:
    """A desk that remembers what it was asked for."""

    def __init__(self, refusal: RefusedError | None = None) -> None:
        self.orders: list[Order] = []
        self.refusal = refusal

    async def carry_out(self, order: Order) -> dict[str, Any]:
        """Remember it."""
        self.orders.append(order)
        if self.refusal:
            raise self.refusal
        return {"done": True}


def post(
    desk: Carrying,
    path: str,
    body: object,
    *,
    headers: dict[str, str] | None = None,
    token: str | None = None,
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"content-type": "application/json"} if headers is None else headers
    return ask(path, method="POST", headers=kind, token=token, desk=desk, content=content)


def test_orders_reach_the_desk() -> None:
    desk = Carrying()
    answer = post(desk, "/-/principals/key_1/pardon", GOOD)
    assert (answer.status_code, answer.json()) == (200, {"done": True})
    assert answer.headers["cache-control"] == "no-store"
    post(desk, "/-/principals/key_1/eu_2/pardon", {**GOOD, "for": "24h"})
    post(desk, "/-/principals/org:acme/pardon", GOOD)
    post(desk, "/-/principals/key_1/raise", {**GOOD, "rung": "throttle", "for": "30m"})
    assert desk.orders == [
        Order("key_1", "jane", "SEC-1412"),
        Order("key_1/eu_2", "jane", "SEC-1412", None, 86400.0),
        Order("org:acme", "jane", "SEC-1412"),
        Order("key_1", "jane", "SEC-1412", "throttle", 1800.0),
    ]


MISTAKES: list[tuple[str, object, str]] = [
    ("pardon", {"by": "jane"}, "why: Field required"),
    ("pardon", {**GOOD, "why": ""}, "why: "),
    ("pardon", {**GOOD, "by": "two\nlines"}, "by: "),
    ("pardon", {**GOOD, "for": 3600}, "for: Value error, write a duration with its unit"),
    ("pardon", {**GOOD, "for": "0s"}, "for: "),
    ("pardon", {**GOOD, "until": "24h"}, "until: Extra inputs"),
    ("pardon", b"no json", "body: Invalid JSON"),
    ("raise", GOOD, "rung: Field required; for: Field required"),
    ("raise", {**GOOD, "rung": "throttle", "for": "91d"}, "for: "),
]


@pytest.mark.parametrize(("verb", "body", "message"), MISTAKES)
def test_mistakes_are_told_by_their_key(verb: str, body: object, message: str) -> None:
    desk = Carrying()
    answer = post(desk, f"/-/principals/key_1/{verb}", body)
    assert (answer.status_code, desk.orders) == (422, [])
    assert message in answer.json()["error"]


def test_what_the_desk_refuses_is_told() -> None:
    answer = post(Carrying(RefusedError(404, "no such principal")), "/-/principals/x/pardon", GOOD)
    assert (answer.status_code, answer.json()) == (404, {"error": "no such principal"})


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_web_page_of_somebody_else_cannot_pardon(kind: str | None) -> None:
    desk = Carrying()
    answer = post(desk, "/-/principals/x/pardon", GOOD, headers={"content-type": kind} if kind else {})
    assert (answer.status_code, desk.orders) == (415, [])


def test_a_reason_is_not_a_book() -> None:
    desk = Carrying()
    assert post(desk, "/-/principals/x/pardon", b" " * (LARGEST + 1)).status_code == 413
    assert desk.orders == []


def test_the_token_is_asked_for() -> None:
    desk = Carrying()
    kind = {"content-type": "application/json"}
    path = "/-/principals/x/pardon"
    assert post(desk, path, GOOD, headers=kind, token=TOKEN).status_code == 401
    known = {**kind, "authorization": f"Bearer {TOKEN}"}
    assert post(desk, path, GOOD, headers=known, token=TOKEN).status_code == 200
    assert len(desk.orders) == 1


def test_without_a_desk_there_is_no_such_path() -> None:
    assert ask("/-/principals/x/pardon", method="POST").status_code == 404


def test_reading_is_no_order() -> None:
    assert ask("/-/principals/x/pardon", desk=Carrying()).status_code == 405

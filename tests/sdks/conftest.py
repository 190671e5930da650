"""The demo upstream with a note of what reached it, and two gateways before it: in shadow and enforcing."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.demo import create_app
from gateway.testing import serve
from tests.processes import GatewayProcess, run_gateway, write_policies

SLOW = {"x-pace": "slow"}
"""A header that makes the upstream's streams last for ten seconds and more."""


@dataclass
class Watched:
    """The demo upstream; `asked` counts requests by API key, `cut` holds the keys whose stream broke off."""

    asked: Counter[str] = field(default_factory=Counter)
    cut: set[str] = field(default_factory=set)
    url: str = ""

    def __post_init__(self) -> None:
        self._fast = create_app(delay=0.0)
        self._slow = create_app(delay=0.2)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request, or the lifespan."""
        headers = dict(scope.get("headers", ()))
        key = (headers.get(b"x-api-key") or headers.get(b"authorization", b"")).decode().split(" ")[-1]
        complete = scope["type"] != "http"
        self.asked[key] += 1

        async def note(message: Any) -> None:
            nonlocal complete
            complete = complete or (message["type"].endswith("body") and not message.get("more_body", False))
            await send(message)

        await (self._slow if b"x-pace" in headers else self._fast)(scope, receive, note)
        if not complete:
            self.cut.add(key)


@pytest.fixture(scope="session")
def upstream() -> Iterator[Watched]:
    """The upstream behind both gateways."""
    watched = Watched()
    with serve(watched) as url:
        watched.url = url
        yield watched


@pytest.fixture(scope="session")
def shadow(upstream: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway as it is shipped: its own policies, in shadow."""
    with run_gateway(tmp_path_factory.mktemp("shadow"), upstream.url, "shadow") as process:
        yield process


@pytest.fixture(scope="session")
def enforce(upstream: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that enforces, where the User-Agent says on which rung a client stands."""
    directory = tmp_path_factory.mktemp("enforce")
    policies = write_policies(directory / "policies")
    with run_gateway(directory, upstream.url, "enforce", policies) as process:
        yield process


@pytest.fixture(params=["shadow", "enforce"])
def through(request: pytest.FixtureRequest) -> GatewayProcess:
    """Each of the two gateways, for what neither of them may change."""
    process: GatewayProcess = request.getfixturevalue(request.param)
    return process


@pytest.fixture(scope="session")
def direct() -> dict[object, object]:
    """What the model server itself gave, by case: the demo's answers never change."""
    return {}


_numbers = itertools.count(1)


@pytest.fixture
def key() -> str:
    """An API key that no other test uses: a principal without a past."""
    return f"sk-test-{next(_numbers)}"


def same_through(
    case: Callable[[Any], Any],
    sdk: Callable[[str, str], AbstractContextManager[Any]],
    direct: dict[object, object],
    urls: tuple[str, str],
    key: str,
) -> None:
    """What a case gives through a gateway is what it gives without; `urls` of the model server and of it.

    `sdk` opens a client at a URL under a key; what comes without a gateway is asked for once.
    """
    server, gateway = urls
    if case not in direct:
        with sdk(server, key) as client:
            direct[case] = case(client)
    with sdk(gateway, key) as client:
        assert case(client) == direct[case]

"""One real model for all tests here, and two gateways before it: in shadow as shipped, and enforcing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import GatewayProcess, run_gateway, write_policies
from tests.real.model_server import ModelServer, run_model_server

MOST_TOKENS = 24
"""The cap on output tokens from the rung `narrow` on."""


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    """The model server itself."""
    with run_model_server() as server:
        yield server


@pytest.fixture(scope="session")
def shadow(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with the shipped policies, in shadow."""
    with run_gateway(tmp_path_factory.mktemp("shadow"), model.base_url, "shadow") as process:
        yield process


@pytest.fixture(scope="session")
def enforce(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that enforces by User-Agent and serves only the routes that it knows."""
    directory = tmp_path_factory.mktemp("enforce")
    policies = write_policies(directory / "policies", MOST_TOKENS)
    with run_gateway(directory, model.base_url, "enforce", policies, "deny") as process:
        yield process

"""The header for operators: there where they asked for it, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.assemble import assemble
from gateway.badge import badge
from gateway.config import load_config
from gateway.gate import Gate
from gateway.model import Mode
from gateway.stores.memory import MemoryStore
from tests.adapters.support import always
from tests.exchanges import Doorkeeper

MADE = always(0)


@pytest.mark.parametrize(
    ("show", "ceiling", "shown"),
    [
        (None, "shadow", False),
        (None, "enforce", False),
        ("enforce", "disabled", False),
        ("enforce", "shadow", False),
        ("enforce", "enforce", True),
        ("always", "shadow", True),
        ("always", "enforce", True),
    ],
)
def test_it_is_shown_where_the_settings_say_so(
    show: str | None, ceiling: str, shown: bool, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"policies.ceiling": ceiling, "identity.state_dir": str(tmp_path)}
    settings |= {"server.show_bundle": show} if show else {}
    gate = assemble(load_config(None, settings, env={}), MADE)
    assert badge(gate) == ([(b"x-gateway-bundle", f"{MADE.hash}; gen=1".encode())] if shown else [])


def test_without_policies_there_is_nothing_to_name() -> None:
    assert badge(Gate(None, Mode.SHADOW, MemoryStore(1), Doorkeeper(), badge=True)) == []

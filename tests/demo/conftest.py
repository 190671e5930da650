"""One demo upstream without pauses for all of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.demo import create_app
from gateway.testing import serve


@pytest.fixture(scope="session")
def demo_url() -> Iterator[str]:
    """Base URL of the demo upstream."""
    with serve(create_app(delay=0.0)) as url:
        yield url

"""What holds for every test: no property is judged by how long an example takes on a busy machine."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "stillgate",
    deadline=None,
    # In continuous integration the same examples each time: a red run must be about the change.
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("stillgate")

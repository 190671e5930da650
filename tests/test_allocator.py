"""Giving memory back: less is resident than before."""

from __future__ import annotations

import gc
import re
from pathlib import Path

from gateway.allocator import give_back, settle


def _resident() -> int:
    """Kilobytes."""
    found = re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_what_was_freed_below_something_that_is_held_goes_back_to_the_system() -> None:
    # Small pieces, so that the allocator takes them from its heap, and a last one that keeps the heap long.
    pieces = [bytearray(4096) for _ in range(10_000)]
    last = bytearray(4096)
    pieces.clear()
    before = _resident()
    give_back()
    assert _resident() < before - 20_000
    assert len(last) == 4096


def test_what_stands_at_start_is_passed_over_by_later_collections() -> None:
    try:
        settle()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()

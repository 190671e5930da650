"""Gives memory that was freed back to the system.

Reading and compiling policies takes some 20 MB for a moment (measured: YAML, schemas, compilers), which glibc
keeps for later; a gateway reads them once in a long while and would hold that memory all the time.
"""

from __future__ import annotations

import ctypes
import gc

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""glibc's; other C libraries have none, and nothing to give back."""


def settle() -> None:
    """At start, once: what exists now stays, so that no later collection of garbage looks through it."""
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """Let the allocator part with its free pages; other threads go on meanwhile.

    Garbage in cycles is not looked for: that would stop every call for as long as all state takes to visit.
    """
    if _trim is not None:
        _trim(0)

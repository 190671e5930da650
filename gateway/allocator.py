"""Gives memory that was freed back to the system.

Reading and compiling policies takes some 20 MB for a moment (measured: YAML, schemas, compilers), which glibc
keeps for later; a gateway reads them once in a long while and would hold that memory all the time.
"""

from __future__ import annotations

import ctypes
import gc

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""glibc's; other C libraries have none, and nothing to give back."""


def give_back() -> None:
    """Collect what is in cycles, and let the allocator part with its free pages. Takes 20 ms (measured)."""
    gc.collect()
    if _trim is not None:
        _trim(0)

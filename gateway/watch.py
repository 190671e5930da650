"""When to reload: after the policy directory has changed and come to rest, and at SIGHUP.

The directory is looked at twice a second by `stat` (measured: 120 µs for the shipped policies, in a thread).
No inotify: it says nothing on network file systems, where other hosts write; it watches inodes, so that
every swap of a ConfigMap's `..data` needs new watches at just the moment when nothing may be missed; and it
would be a dependency. Looking misses nothing that lasts, and half a second is soon enough for people.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway.reload import Reloader
from gateway.source import Signature

INTERVAL = 0.5
"""Seconds between two looks, and so the quiet that must follow the last change."""


class Rest:
    """Tells a directory that changed and came to rest: two looks in a row agree, and differ from what was
    read last. Editors and copies write several files, one after the other."""

    def __init__(self) -> None:
        self._before: Signature | None = None

    def __call__(self, now: Signature, read: Signature) -> bool:
        """One look; `read` is what the directory looked like when it was read last."""
        still = now == self._before
        self._before = now
        return still and now != read


async def watch(reloader: Reloader, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """Reload whenever the directory has changed and come to rest, for ever."""
    rest = Rest()
    while True:
        await sleep(INTERVAL)
        if rest(await asyncio.to_thread(reloader.signature), reloader.seen):
            await reloader.reload()


async def obey(reloader: Reloader, asked: asyncio.Event) -> None:
    """Refresh whenever `asked` is set, for ever; what is asked meanwhile makes one more round."""
    while True:
        await asked.wait()
        asked.clear()
        await reloader.refresh()


@asynccontextmanager
async def watching(reloader: Reloader, *, directory: bool, asked: asyncio.Event) -> AsyncIterator[None]:
    """Obey `asked`, and watch the directory if so, while the body runs."""
    tasks = [asyncio.ensure_future(obey(reloader, asked))]
    if directory:
        tasks.append(asyncio.ensure_future(watch(reloader)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

"""Both event loops for every test that opens a socket, and a watch over what they complain of."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import uvloop

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(LOOPS))
def run(request: pytest.FixtureRequest) -> Iterator[Run[Any]]:
    """Run coroutines to their end; fails if a task is left over or an exception was never retrieved."""
    complaints: list[dict[str, Any]] = []

    def to_the_end(main: Coroutine[Any, Any, T]) -> T:
        async def watched() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            async with asyncio.timeout(30):
                result = await main
                # A server's task for a handshake that failed ends only when its socket does.
                while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110 - tasks set no event
                    await asyncio.sleep(0)
            return result

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(watched())

    yield to_the_end
    # Futures complain when they are collected; once per test, because it takes longer than most of them.
    gc.collect()
    assert complaints == []

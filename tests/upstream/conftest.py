"""Both event loops for every test that opens a socket, and a watch over what they complain of."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
import uvloop

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(LOOPS))
def run(request: pytest.FixtureRequest) -> Run[Any]:
    """Run a coroutine to its end; fails if a task is left over or an exception was never retrieved."""

    def to_the_end(main: Coroutine[Any, Any, T]) -> T:
        complaints: list[dict[str, Any]] = []

        async def watched() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            async with asyncio.timeout(30):
                result = await main
                # A server's task for a handshake that failed ends only when its socket does.
                while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110 - tasks set no event
                    await asyncio.sleep(0)
            return result

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            result = runner.run(watched())
            gc.collect()
            runner.run(asyncio.sleep(0))
        assert complaints == []
        return result

    return to_the_end

"""The client's side of a request: who leaves cancels it, and nobody else's cancelling is taken for that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.adapters import client
from gateway.adapters.client import Inbox, Leaving


async def _served(leaves: asyncio.Event, began: asyncio.Event, *, whole: bool) -> str:
    """A request that would take for ever, and how it ended."""

    async def receive() -> Any:
        if not inbox.complete.is_set():
            return {"type": "http.request", "body": b"x"}
        await leaves.wait()
        return {"type": "http.disconnect"}

    inbox = Inbox(receive)
    leaving = Leaving(inbox)
    try:
        if whole:
            await inbox.whole(10)
        began.set()
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not leaving.caused():
            raise
        return "left"
    finally:
        leaving.over()
    return "answered"


def test_a_client_that_leaves_cancels_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE", 0.0)

    async def story() -> str:
        leaves, began = asyncio.Event(), asyncio.Event()
        request = asyncio.create_task(_served(leaves, began, whole=True))
        await began.wait()
        leaves.set()
        return await request

    assert asyncio.run(story()) == "left"


@pytest.mark.parametrize("whole", [True, False])
def test_who_cancels_a_request_from_elsewhere_is_obeyed(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE", 0.0)

    async def story() -> set[asyncio.Task[Any]]:
        leaves, began = asyncio.Event(), asyncio.Event()
        request = asyncio.create_task(_served(leaves, began, whole=whole))
        await began.wait()
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(story()) == set()


def test_nobody_looks_out_for_the_client_of_a_quick_answer() -> None:
    async def story() -> int:
        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        inbox = Inbox(receive)
        leaving = Leaving(inbox)
        await inbox.whole(0)
        leaving.over()
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(story()) == 1

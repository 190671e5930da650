"""When policies are read anew: once the files have come to rest, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import watch as module
from gateway.reload import Reloader
from gateway.source import Signature
from gateway.watch import INTERVAL, Rest, obey, watch, watching
from tests.adapters.wire import run
from tests.reloads import BROKEN, House, rules, swap
from tests.test_metrics import samples


def look(number: int) -> Signature:
    return ((number,),)


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(0, 2))
def test_only_what_two_looks_agree_on_and_is_new_is_read(looks: list[int], read: int) -> None:
    rest = Rest()
    before = None
    for number in looks:
        assert rest(look(number), look(read)) is (number == before and number != read)
        before = number


class Steps:
    """A sleep that ends when the test says so; `step` waits until the watcher sleeps again."""

    def __init__(self) -> None:
        self._asleep = asyncio.Semaphore(0)
        self._wake = asyncio.Semaphore(0)
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """The sleep."""
        self.seconds.append(seconds)
        self._asleep.release()
        await self._wake.acquire()

    async def step(self, count: int = 1) -> None:
        """Let the watcher look so many times."""
        for _ in range(count):
            self._wake.release()
            await self._asleep.acquire()


def watched(reloader: Reloader, script: Callable[[Steps], Awaitable[None]]) -> list[float]:
    """Watch while the script runs; returns how long the watcher slept each time."""
    steps = Steps()

    async def main() -> None:
        task = asyncio.ensure_future(watch(reloader, steps))
        await steps._asleep.acquire()
        await script(steps)
        task.cancel()

    run(main())
    return steps.seconds


def test_a_change_is_taken_once_it_has_come_to_rest(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()

    async def script(steps: Steps) -> None:
        await steps.step(3)
        house.write(rules(points=2))
        await steps.step()
        assert reloader.gate.gen == 1
        house.write(rules(points=3))  # still being written
        await steps.step()
        assert reloader.gate.gen == 1
        await steps.step()
        assert reloader.gate.gen == 2
        await steps.step(3)
        assert reloader.gate.gen == 2

    assert set(watched(reloader, script)) == {INTERVAL}


def test_a_broken_directory_is_read_once_and_not_twice_a_second(tmp_path: Path) -> None:
    house = House(tmp_path).write()
    reloader = house.start()

    async def script(steps: Steps) -> None:
        house.write(BROKEN)
        await steps.step(10)
        assert samples(house.metrics)["gateway_policy_reload_failures_total",] == 1
        house.write(rules(points=2))
        await steps.step(2)
        assert reloader.last.result == "published"

    watched(reloader, script)


def test_the_swap_of_a_config_map_is_taken(tmp_path: Path) -> None:
    house = House(tmp_path)
    swap(house.policies, "2026_01", rules(points=1))
    reloader = house.start()
    first = reloader.bundle.hash

    async def script(steps: Steps) -> None:
        swap(house.policies, "2026_02", rules(points=2))
        await steps.step(2)
        assert reloader.gate.gen == 2
        swap(house.policies, "2026_03", rules(points=1))
        await steps.step(2)
        assert (reloader.gate.gen, reloader.bundle.hash) == (3, first)

    watched(reloader, script)


def test_a_directory_that_vanishes_is_waited_for(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()

    async def script(steps: Steps) -> None:
        house.policies.rename(tmp_path / "away")
        await steps.step(4)
        assert reloader.last.result == "failed"
        (tmp_path / "away").rename(house.policies)
        await steps.step(4)
        assert (reloader.last.result, reloader.gate.gen) == ("unchanged", 1)

    watched(reloader, script)


def test_who_asks_is_obeyed_and_asking_twice_makes_no_queue(tmp_path: Path) -> None:
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()

    async def main() -> None:
        asked = asyncio.Event()
        task = asyncio.ensure_future(obey(reloader, asked))
        house.write(rules(points=2))
        asked.set()
        asked.set()
        while reloader.gate.gen == 1:  # noqa: ASYNC110  a swap tells nobody
            await asyncio.sleep(0)
        assert not asked.is_set()
        task.cancel()

    run(main())
    assert samples(house.metrics)["gateway_config_reloads_total", "published"] == 1


@pytest.mark.parametrize("directory", [True, False])
def test_watching_ends_with_its_body(
    directory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    house = House(tmp_path).write(rules(points=1))
    reloader = house.start()

    async def main() -> None:
        asked = asyncio.Event()
        async with watching(reloader, directory=directory, asked=asked):
            house.write(rules(points=2))
            if not directory:
                asked.set()
            while reloader.gate.gen == 1:  # noqa: ASYNC110  as above
                await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())

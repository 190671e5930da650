"""System prompts under which people stray because of the tool."""

from __future__ import annotations

from gateway.campaigns.covers import USERS, Covers


def test_a_tool_is_worn_by_several_of_whom_half_stray() -> None:
    covers = Covers()
    for _ in range(USERS - 1):
        covers.count(7, strays=True, step=1)
    assert not covers.tool(7)
    covers.count(7, strays=True, step=1)
    assert covers.tool(7)
    for _ in range(USERS):
        covers.count(7, strays=False, step=1)
    assert covers.tool(7)
    covers.count(7, strays=False, step=1)
    assert not covers.tool(7)


def test_who_takes_it_off_does_not_count_any_more() -> None:
    covers = Covers()
    for step in (1, 1, 1, 1, -1):
        covers.count(-7, strays=True, step=step)
    assert not covers.tool(-7)


def test_no_system_prompt_is_no_tool() -> None:
    covers = Covers()
    for _ in range(2 * USERS):
        covers.count(0, strays=True, step=1)
    assert not covers.tool(0)

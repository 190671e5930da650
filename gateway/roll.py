"""Who called lately: for the guard, which asks how a new bundle would treat them.

The store knows principals by id only; this knows them as policies do (organisation, tier, tags, age).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gateway.gate import Headers, Identify
from gateway.model import Client, Principal

MOST = 10_000
"""Principals remembered, about 4 MB; a share of callers is known well enough from fewer."""


class Roll:
    """Names callers as `identify` does, and remembers when each called last."""

    def __init__(self, identify: Identify, clock: Callable[[], float], most: int = MOST) -> None:
        self._identify = identify
        self._clock = clock
        self._most = most
        self._called: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def principal(
        self, headers: Headers, peer_ip: str | None, end_user: str | None
    ) -> tuple[Principal, Client]:
        """Who sent this."""
        found = self._identify.principal(headers, peer_ip, end_user)
        principal = found[0]
        self._called[principal.id] = (self._clock(), principal)
        self._called.move_to_end(principal.id)
        if len(self._called) > self._most:
            self._called.popitem(last=False)
        return found

    def end_user(self, text: str) -> str:
        """The hash under which an end user stands in records."""
        return self._identify.end_user(text)

    def since(self, time: float) -> list[Principal]:
        """Who called at `time` or later, in the order of their latest calls."""
        return [principal for at, principal in self._called.values() if at >= time]

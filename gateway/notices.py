"""Notices to the operator's systems: signed, sent in the background, tried again, and never in the way.

What a notice says is little: a principal's id, where it stands and why, in the words of the record; neither
prompts nor keys nor addresses. `sign` is all that a receiver must know (docs/responses/friction.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from gateway.actions.tasks import Notice
from gateway.errors import UpstreamError
from gateway.model import Decision, Mode, Principal
from gateway.poster import Poster

_log = logging.getLogger("gateway.notices")

WAITING = 1000
"""Notices that may wait; further ones are dropped and counted."""
SENDERS = 4
"""Notices on their way at once, so that one slow system does not hold up the others."""
PATIENCE = 5.0
"""Seconds for one try."""
PAUSES = (1.0, 10.0)
"""Seconds before each further try."""
REASONS = 5
"""Signals that a notice names, those with the most points."""


def sign(secret: bytes, at: int, body: bytes) -> str:
    """The value of `x-gateway-signature` for a body sent at `at` (seconds since the epoch)."""
    return f"t={at},v1={hmac.digest(secret, b'%d.' % at + body, 'sha256').hex()}"


def body_of(principal: Principal, decision: Decision, at: float) -> bytes:
    """What a notice says, as JSON."""
    acting = [score for score in decision.signals if score.points and score.mode is Mode.ENFORCE]
    acting.sort(key=lambda score: (-score.points, score.id))
    standing = decision.enforced
    return msgspec.json.encode(
        {
            "type": "step_up",
            "id": decision.id,
            "at": round(at, 3),
            "principal": principal.id,
            "score": round(standing.score, 3),
            "rung": standing.rung,
            "held": standing.held,
            "bundle": decision.bundle,
            "reasons": [
                {"signal": score.id, "points": round(score.points, 3), "text": score.text}
                for score in acting[:REASONS]
            ],
        }
    )


@dataclass(frozen=True, slots=True)
class _Letter:
    url: str
    id: str
    body: bytes


class Notices:
    """Sends notices while `running`; `tell` never waits. Use from one event loop.

    `clock` gives seconds since the epoch; `told` hears `sent`, `failed`, `dropped` or `unsigned`.
    """

    def __init__(
        self,
        secret: bytes | None,
        clock: Callable[[], float],
        told: Callable[[str], None],
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Without a `secret` nothing is sent: nobody could tell a notice from a forgery."""
        self._secret = secret
        self._clock = clock
        self._told = told
        self._pause = pause
        self._queue: asyncio.Queue[_Letter] = asyncio.Queue(WAITING)
        self._warned = False

    def tell(self, notice: Notice, principal: Principal, decision: Decision) -> None:
        """Queue one notice."""
        if self._secret is None:
            self._told("unsigned")
            if not self._warned:
                _log.error("step_up: nothing is sent without webhook.secret in the settings")
                self._warned = True
            return
        letter = _Letter(notice.url, decision.id, body_of(principal, decision, self._clock()))
        try:
            self._queue.put_nowait(letter)
        except asyncio.QueueFull:
            self._told("dropped")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send what is queued, until the end; what still waits then is dropped."""
        async with Poster() as poster:
            senders = [asyncio.ensure_future(self._send_all(poster)) for _ in range(SENDERS)]
            try:
                yield
            finally:
                for sender in senders:
                    sender.cancel()
                await asyncio.wait(senders)
                while not self._queue.empty():
                    self._queue.get_nowait()
                    self._told("dropped")

    async def _send_all(self, poster: Poster) -> None:
        while True:
            letter = await self._queue.get()
            try:
                self._told("sent" if await self._send(poster, letter) else "failed")
            except asyncio.CancelledError:
                self._told("dropped")
                raise

    async def _send(self, poster: Poster, letter: _Letter) -> bool:
        for pause in (*PAUSES, None):
            why = await self._try(poster, letter)
            if why is None:
                return True
            if pause is None or why == "refused":
                break
            await self._pause(pause)
        # The host only: a hook's path is often its password.
        _log.warning("notice %s to %s failed: %s", letter.id, urlsplit(letter.url).hostname, why)
        return False

    async def _try(self, poster: Poster, letter: _Letter) -> str | None:
        """None if it arrived, `refused` if trying again makes no sense, else what went wrong."""
        assert self._secret is not None
        headers = {
            "content-type": "application/json",
            "x-gateway-notice": letter.id,
            "x-gateway-signature": sign(self._secret, int(self._clock()), letter.body),
        }
        try:
            status, _ = await poster.post(letter.url, headers, letter.body, patience=PATIENCE)
        except UpstreamError as error:
            return error.kind
        if status // 100 == 2:
            return None
        return f"status {status}" if status >= 500 or status in (408, 429) else "refused"

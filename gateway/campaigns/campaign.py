"""A group of accounts that use one frame, and the evidence for and against one hand behind it.

A group as such is nothing: classmates, tenants of one vendor, users of one agent and customers who copied
one template share frames too. What tells them apart is counted here while the group's calls pass:

    slots      honest users of one frame meet the same questions; a job's shards are cut so as not to repeat
    purpose    a phrase that people add now and then is no job; what an account is hired for, it does often
    circles    the organisations and networks of the members: colleagues and classmates share one
    covers     how their system prompts begin: users of one tool share it, a hired crowd wears many
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.campaigns.account import Account

SAMPLE = 256
"""Shingles sampled from the members' prompts: a share of .12 has a standard error of .02."""
ENOUGH = 48
"""Sampled slot shingles without which nothing is said about their shares."""
FEW = 24
"""Calls of members, the same."""
LATELY = 256
"""Calls of members after which the older half counts half."""
FADES = 0.8
"""What calls still count for when a new piece is learnt: it was in some of them, unknown."""
COMPLEMENTARY = 0.12
"""Largest share of slot shingles that two members share, in a job that was dealt out. Measured: dealt-out
sets .00 to .07 (one with doublets .10), customers of one template .12 to .24, classes .43 to 1."""
FRAME = 0.15
"""Share of the members from which on a shingle belongs to the frame, not to a slot."""
PURPOSE = 0.3
"""Share of the members' calls that must be in the frame. Measured: .43 to 1 in campaigns whose accounts add
a third of innocent calls, .1 to .26 for a line that a browser extension adds."""
EASE = 1.25
"""Factor by which both shares may be missed by a campaign that has stood before: it does not flicker."""
DOUBT = 1.28
"""Standard errors taken off that share: a campaign is not found by a lucky first hour (one-sided 90 %)."""
HOUR = 3600.0
HOURS = 169
"""Hours of output remembered: seven days, and the one that has begun."""
KNOWN = 8
"""Members heard in the frame without which a group is not compared with another."""
MIXED = 1.5
"""Effective number of system prompts below which a group is the users of one tool."""
KINDS = ("system_prompt", "ip_prefix", "payment")
"""What members may share beside the frame."""
SHARED = 0.8
"""Share of the members that must have the same one for the kind to count as shared."""
_CLASSES = 64
"""Classes of accounts that a sampled shingle remembers as its users."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A campaign in numbers, in one window of time."""

    members: int
    circles: int
    """Organisations among the members, or networks where those are fewer."""
    requests: int
    """Calls in the frame since it was known."""
    output_tokens: float
    """Tokens that the members got in the window."""
    repeated: float
    """Share of slot shingles that two members share."""
    purpose: float
    """Share of the members' calls that are in the frame, its lower bound."""
    habit: float
    """Least share of a piece's users who repeat it."""
    covers: float
    """Beginnings of the members' system prompts, as if all were equally frequent (inverse Simpson index)."""
    pieces: int
    shared: tuple[str, ...]
    """The KINDS that most members have in common."""

    def numbers(self) -> tuple[float, ...]:
        """As the store's reading: the fields in their order, the shared kinds as a sum of powers of two."""
        kinds = sum(1 << at for at, kind in enumerate(KINDS) if kind in self.shared)
        return (
            *(self.members, self.circles, self.requests, self.output_tokens, self.repeated),
            *(self.purpose, self.habit, self.covers, self.pieces, kinds),
        )

    @classmethod
    def read(cls, numbers: tuple[float, ...]) -> Evidence:
        """From the numbers."""
        members, circles, requests, tokens, repeated, purpose, habit, covers, pieces, kinds = numbers
        shared = tuple(kind for at, kind in enumerate(KINDS) if int(kinds) >> at & 1)
        return cls(
            *(int(members), int(circles), int(requests), tokens, repeated),
            *(purpose, habit, covers, int(pieces), shared),
        )

    def words(self) -> str:
        """The evidence as an operator reads it."""
        also = f"; most share {' and '.join(self.shared)}" if self.shared else ""
        return (
            f"{self.members} accounts of {self.circles} organisations or networks use one frame of "
            f"{self.pieces} pieces, in {self.purpose:.0%} or more of their calls, with contents of which "
            f"{self.repeated:.1%} come twice, under {self.covers:.1f} system prompts{also}"
        )


class Member(NamedTuple):
    """What a campaign knows of a member: its organisation and network, and when it was last heard in the
    frame. `known`: what else it shares was counted."""

    circle: int
    place: int
    last: float
    known: bool


class Campaign:
    """One group. Its id is that of the group it began as, and of the oldest one after a merger."""

    __slots__ = (
        *("_bound", "_evidence", "_lately", "_repeated", "_stood"),
        *(
            "first",
            "heard",
            "hours",
            "id",
            "kinds",
            "last",
            "members",
            "peaks",
            "requests",
            "slots",
            "traits",
        ),
    )

    def __init__(self, name: str, now: float) -> None:
        self.id = name
        self.first = self.last = now
        self.members: dict[int, Member] = {}
        """By an account's mark."""
        self.traits: dict[int, float] = {}
        """The pieces of its frame, each with its habit when last looked at."""
        self.slots: dict[int, int] = {}
        """Sampled shingle → who used it: a bit for each of 64 classes of accounts."""
        self._bound: float = math.inf
        """Shingles from here on are not in the sample."""
        self.kinds: tuple[Counter[int], ...] = tuple(Counter() for _ in KINDS)
        self.hours: dict[int, float] = {}
        """Hour → output tokens."""
        self.heard = 0
        """Calls in the frame that were heard, those with which an account joined too."""
        self.requests = 0
        """Calls that members made in the frame."""
        self._lately = (0.0, 0.0)
        """(Calls that members made, those of them in the frame), the later ones counting for more."""
        self.peaks: dict[str, Any] = {}
        """Fading peaks of the policies that are keyed by campaign; the store's, by counter."""
        self._repeated: tuple[int, float | None] = (-1, None)
        """(Calls heard when it is to be counted again, the share)."""
        self._stood = False
        self._evidence: dict[float, tuple[float, int, Evidence]] = {}
        """Window → (until when, and for how many calls, it holds; the evidence)."""

    # --- what is heard ----------------------------------------------------------------------------

    def join(self, account: Account, now: float) -> None:
        """An account that used the frame in two different prompts."""
        if account.mark not in self.members:
            self.members[account.mark] = Member(account.circle, account.place, now, False)
            self._evidence.clear()

    def leave(self, account: Account) -> None:
        """An account that was forgotten."""
        del self.members[account.mark]
        self._evidence.clear()

    def count(self, inside: bool) -> None:
        """A member called, in the frame or not."""
        calls, requests = self._lately
        if calls >= LATELY:
            calls, requests = calls / 2, requests / 2
        self._lately = (calls + 1.0, requests + inside)
        self.requests += inside

    def learn(self, piece: int, habit: float) -> None:
        """A piece is in the frame: if it is new, what was counted without it says less."""
        if piece not in self.traits:
            calls, requests = self._lately
            self._lately = (FADES * calls, FADES * requests)
        self.traits[piece] = habit

    def hear(self, account: Account, slots: Iterable[int], kinds: tuple[int, ...], now: float) -> None:
        """A member's call in the frame. `kinds` are hashes in the order of KINDS, 0 for none."""
        self.last = max(self.last, now)
        self.heard += 1
        if not self.members[account.mark].known:
            for counter, value in zip(self.kinds, kinds, strict=True):
                counter[value] += 1
        self.members[account.mark] = Member(account.circle, account.place, now, True)
        known, user = self.slots, 1 << account.mark % _CLASSES
        for shingle in slots:
            if shingle in known:
                known[shingle] |= user
            elif shingle < self._bound:
                known[shingle] = user
        if len(known) > 2 * SAMPLE:
            self._trim()

    def _trim(self) -> None:
        kept = sorted(self.slots)
        for shingle in kept[SAMPLE:]:
            del self.slots[shingle]
        if len(kept) >= SAMPLE:
            self._bound = kept[SAMPLE - 1]

    def pay(self, tokens: float, now: float) -> None:
        """A member's answer."""
        hour = math.floor(now / HOUR)
        self.hours[hour] = self.hours.get(hour, 0.0) + tokens
        if len(self.hours) > HOURS:
            del self.hours[min(self.hours)]

    def swallow(self, other: Campaign) -> None:
        """Become one with another campaign."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for own, theirs in other.members.items():
            mine = self.members.get(own, theirs)
            later = max(mine, theirs, key=lambda member: member.last)
            self.members[own] = later._replace(known=mine.known or theirs.known)
        self.traits |= other.traits
        for shingle, users in other.slots.items():
            self.slots[shingle] = self.slots.get(shingle, 0) | users
        self._trim()
        for counter, counted in zip(self.kinds, other.kinds, strict=True):
            counter.update(counted)
        for hour, tokens in other.hours.items():
            self.hours[hour] = self.hours.get(hour, 0.0) + tokens
        self.heard += other.heard
        self.requests += other.requests
        self._lately = (self._lately[0] + other._lately[0], self._lately[1] + other._lately[1])
        self._repeated = (-1, None)
        self._evidence.clear()

    # --- what it says -----------------------------------------------------------------------------

    def repeated(self) -> float | None:
        """Share of the slot shingles that two members share, None while too few are known; counted again
        with each 32nd part more that is heard."""
        due, share = self._repeated
        if self.heard >= due:
            frame = max(3.0, FRAME * min(_CLASSES, len(self.members)))
            users = [count for bits in self.slots.values() if (count := bits.bit_count()) < frame]
            share = sum(count > 1 for count in users) / len(users) if len(users) >= ENOUGH else None
            self._repeated = (self._due(), share)
        return share

    def _due(self) -> int:
        return self.heard + max(1, self.heard // 32)

    def purpose(self) -> float:
        """Share of its members' calls that are in the frame: the lower end of what it may be."""
        calls, requests = self._lately
        if calls < FEW:
            return 0.0
        share = requests / calls
        return share - DOUBT * math.sqrt(share * (1 - share) / calls)

    def stands(self) -> bool:
        """Whether its slots are dealt out like the shards of one job, and the job is what its members do."""
        repeated, ease = self.repeated(), EASE if self._stood else 1.0
        self._stood = (
            repeated is not None and repeated <= COMPLEMENTARY * ease and self.purpose() * ease >= PURPOSE
        )
        return self._stood

    def unlike(self, other: Campaign) -> bool:
        """Whether both are known well enough, and only one of them may be one hand: then they are not one."""
        mine, theirs = self.plausible(), other.plausible()
        return mine is not None and theirs is not None and mine is not theirs

    def plausible(self) -> bool | None:
        """Whether it may be one hand, of strangers who were hired; None while too little is known."""
        repeated = self.repeated()
        if repeated is None or self.kinds[0].total() < KNOWN:
            return None
        return repeated <= COMPLEMENTARY and _effective(self.kinds[0]) >= MIXED

    def evidence(self, over: float, now: float) -> Evidence:
        """The campaign in numbers, members and tokens of the last `over` seconds. Counted again when an
        account joins, with each 32nd part more that is heard, and after a hundredth of the window, so that
        a large campaign costs no more than a small one."""
        until, due, found = self._evidence.get(over, (-math.inf, 0, None))
        if found is None or now >= until or self.heard >= due:
            found = self._count(over, now)
            self._evidence[over] = (now + over / 100, self._due(), found)
        return found

    def _count(self, over: float, now: float) -> Evidence:
        heard = [member for member in self.members.values() if member.last > now - over]
        oldest = math.floor((now - over) / HOUR)
        return Evidence(
            members=len(heard),
            circles=min(len({each.circle for each in heard}), len({each.place for each in heard})),
            requests=self.requests,
            output_tokens=sum(tokens for hour, tokens in self.hours.items() if hour > oldest),
            repeated=self.repeated() or 0.0,
            purpose=self.purpose(),
            habit=min(self.traits.values(), default=0.0),
            covers=_effective(self.kinds[0]),
            pieces=len(self.traits),
            shared=tuple(kind for kind, counter in zip(KINDS, self.kinds, strict=True) if _shared(counter)),
        )


def _effective(counter: Counter[int]) -> float:
    """How many equally frequent ones would be as mixed: one more that a single member wears hardly counts."""
    squares = sum(count * count for count in counter.values())
    return float(counter.total() ** 2 / squares) if squares else 0.0


def _shared(counter: Counter[int]) -> bool:
    (value, count), *_ = counter.most_common(1) or [(0, 0)]
    return value != 0 and count >= SHARED * counter.total()

"""What is asked of a store about accounts together, and what it answers: the operations and their nouns.

The rest of the store's vocabulary is in `gateway.model`; these stand apart because their state belongs to no
scope. The batch's scope is the account that they are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from msgspec import Struct

from gateway.model import Op


class Frame(Struct, frozen=True):
    """How a prompt begins and ends, in hashes: what accounts of one campaign have in common."""

    pieces: tuple[int, ...] = ()
    """Signed 64-bit hashes of the pieces that it is made of."""
    words: tuple[int, ...] = ()
    """32-bit hashes of the words that were read, in order."""
    long: int = 6
    """Words in a shingle of what stands inside the frame."""


class Said(Struct, frozen=True):
    """A new turn beside the conversation that it stands in, in hashes (`gateway.signals.threads`)."""

    own: tuple[int, ...] = ()
    """Its words that were not said before it, each once."""
    taken: tuple[int, ...] = ()
    """Its words that were."""
    style: tuple[int, ...] = ()
    """What its style is told by, each once."""
    follows: bool = False
    """Whether an answer was before it, so that there was something to take up."""


class Link(Op, frozen=True):
    """Tell the population what an account, the batch's scope, did: a prompt's frame, or tokens that it got.

    `kinds` are hashes of what accounts may share beside the frame (`gateway.campaigns.campaign.KINDS`), 0
    for none. No reading. Merges by union per account and per piece.
    """

    elsewhere: ClassVar[bool] = True
    org: str | None = None
    frame: Frame = Frame()
    kinds: tuple[int, ...] = ()
    tokens: float = 0.0


class Linked(Op, frozen=True):
    """Read which campaign the batch's scope is in, counted over `over` seconds; `key` is that of the `Link`s.

    Reading: `data` = the campaign's id, `values` as `gateway.campaigns.campaign.Evidence.numbers`; both
    empty for none.
    """

    elsewhere: ClassVar[bool] = True
    over: float


class Converse(Op, frozen=True):
    """Tell the population how a new turn of an account, the batch's scope, stands to its conversation.

    `kinds` as in `Link`. No reading. Merges by addition and by union per account.
    """

    elsewhere: ClassVar[bool] = True
    org: str | None
    said: Said
    kinds: tuple[int, ...]


class Pooled(Op, frozen=True):
    """Read which pool the batch's scope draws from, counted over `over` seconds; `key` as of `Converse`.

    Reading: `data` = the pool's id, `values` as `gateway.campaigns.pool.Evidence.numbers`; for none `data` is
    empty, and `values` = (0,), which are empty too for one that was never heard to follow an answer.
    """

    elsewhere: ClassVar[bool] = True
    over: float


class CampaignPeaks(Op, frozen=True):
    """As `Peaks`, of the campaign that the batch's scope is in; zeros, and nothing kept, for none."""

    elsewhere: ClassVar[bool] = True
    linker: str
    half_life: float
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A campaign as it is listed for people."""

    id: str
    first: float
    """When its first piece was found, in seconds."""
    last: float
    members: tuple[str, ...]
    """Principals, in alphabetical order."""
    numbers: Mapping[str, float]
    shared: tuple[str, ...]
    """What most members have in common beside the frame."""
    text: str
    """The evidence in words."""

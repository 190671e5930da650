"""Signals of many accounts with one hand: how many of them a principal's campaign has, and what they got.

Finding campaigns is the business of `gateway.campaigns`, reached through the store; here are its questions
and its answer in one number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from gateway.campaigns.campaign import Evidence
from gateway.campaigns.operations import Frame, Link, Linked
from gateway.conditions import Spec
from gateway.fields import Facts
from gateway.model import Client, Measure, Op, Principal, Reading
from gateway.signals.base import Context, Detector, Options, digest, fingerprint
from gateway.signals.frames import frame, opening
from gateway.signals.templates import remainder
from gateway.units import Duration

Kind = Literal["template", "system_prompt", "ip_prefix", "payment"]

_PAYMENT = "payment:"
"""A principal's tag that begins so names what it pays with."""
_MEASURES: Mapping[str, Callable[[Evidence], float]] = {
    "members": lambda found: found.members,
    "organisations": lambda found: found.circles,
    "requests": lambda found: found.requests,
    "output_tokens": lambda found: found.output_tokens,
}


class CampaignOptions(Options):
    """What the accounts must share, how different they must be, over which window, and what is counted."""

    link: tuple[Kind, ...] = ("template",)
    """What accounts may share: template (always), system_prompt, ip_prefix, payment (a tag `payment:…`)."""
    at_least: int = Field(default=1, ge=1, le=4)
    """How many of these most members must share."""
    over: Duration
    """The window in which members count: 24h, 7d."""
    measure: Literal["members", "organisations", "requests", "output_tokens"] = "members"
    """What is counted of the campaign."""
    organisations: int = Field(default=1, ge=1)
    """No verdict on one of fewer organisations, or networks: colleagues and classmates share frames."""
    covers: float = Field(default=1.0, ge=1)
    """No verdict on a campaign with fewer different system prompts: users of one tool share them."""
    without: tuple[str, ...] = ()
    """Packs of frames (`gateway corpus build --frames`), by name: what stands in one links nobody."""
    where: Spec | None = None
    """Only calls that satisfy this condition are heard, for instance none of a house's own extension."""


class Campaign(Detector):
    """Description: the campaign that the principal is in: many accounts whose new prompts have one frame
    around different contents. No verdict for a principal that is in none.

    Found from the frames of prompts alone: accounts that repeat the same beginning or ending, that meet
    hardly any content twice, and that do so in a large part of their calls. `at_least` and `link` ask for
    more in common, `organisations` and `covers` for less, as strangers with one hand have. `without` takes
    public templates out of every frame: who shares nothing else is linked to nobody.

    Options: `link`, `at_least`, `over`, `measure` (members, organisations, requests, output_tokens),
    `organisations`, `covers`, `without`, `where`.
    Example: `campaign: {link: [template], over: 7d, organisations: 16, covers: 2, without: [public-frames]}`
    """

    name = "campaign"
    options_type = CampaignOptions

    def __init__(self, options: CampaignOptions, context: Context) -> None:
        if "template" not in options.link:
            raise ValueError("link: name template, by which campaigns are found")
        if options.at_least > len(set(options.link)):
            raise ValueError("at_least: more than `link` names")
        self._options = options
        self._where = context.condition(options.where) if options.where else None
        if self._where and self._where.late:
            raise ValueError("where: reads the answer, but a frame is heard before it")
        canonical = self._where.canonical if self._where else ""
        asked = self._where.fields if self._where else frozenset[str]()
        counted = {"usage.output_tokens"} if options.measure == "output_tokens" else frozenset[str]()
        self.fields = frozenset({"prompt.user", "prompt.system"}) | counted | asked
        self._packs = tuple(context.corpus(name, "frames") for name in dict.fromkeys(options.without))
        held = sorted(pack.hash for pack in self._packs)
        self._key = fingerprint("campaign", canonical, context.population, *held)
        self.reads = (Linked(self._key, options.over),)

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        """The number, as of the calls before this one."""
        if not readings[0].data:
            return None
        found, asked = Evidence.read(readings[0].values), self._options
        shared = 1 + sum(kind in asked.link for kind in found.shared)
        if shared < asked.at_least or found.circles < asked.organisations or found.covers < asked.covers:
            return None
        name = readings[0].data.decode()
        value = _MEASURES[asked.measure](found)
        return Measure(value, campaign=name, note=f"campaign {name}: {found.words()}")

    def study(self, facts: Facts, readings: Sequence[Reading]) -> Sequence[Op]:
        """What of this call's frame is in no pack."""
        if self._where and not self._where.weigh(facts):
            return ()
        if "frame" not in facts.memo:
            system = opening(facts.text("system"))
            facts.memo["frame"] = (
                frame(facts.text("user")),
                (system, *shared(facts.principal, facts.client)),
            )
        found, kinds = facts.memo["frame"]
        for pack in self._packs:
            found = remainder(found, pack)
        return (Link(self._key, facts.principal.org, found, kinds),) if found.pieces else ()

    def settle(self, facts: Facts) -> Sequence[Op]:
        """The tokens of the answer."""
        usage = facts.outcome.usage if facts.outcome else None
        tokens = usage.output_tokens if usage else 0
        return (Link(self._key, facts.principal.org, Frame(), (), tokens),) if tokens else ()


def shared(who: Principal, client: Client) -> tuple[int, int]:
    """Hashes of the address's prefix (/24 or /48, as they are routed) and of what is paid with."""
    address = client.ip or ""
    prefix = ":".join(address.split(":")[:3]) if ":" in address else address.rpartition(".")[0]
    payment = next((tag for tag in who.tags if tag.startswith(_PAYMENT)), "")
    return digest(prefix), digest(payment)

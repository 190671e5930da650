"""One pool of questions behind many accounts: campaigns that have no frame.

A bare harvest leaves accounts nothing in common but where their questions come from. Two things show it, and
neither is enough alone:

    strays    its conversations have no thread: what is asked next takes up nothing of what was said
    likeness  what different accounts ask so is put like each other, and unlike what all others say, as
              drawings from one pool are; people who change the subject do so each in their own words

Both are measured against the population itself, so there is nothing to train and no language to know. Users
of a tool that asks questions stray because of the tool, all of them; they are left out. Where those who are
left are not mostly alike nobody is named: then they are people who change the subject.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass

from gateway.campaigns.campaign import KINDS
from gateway.campaigns.covers import Covers
from gateway.campaigns.linker import PLACE, mark
from gateway.campaigns.operations import Said
from gateway.campaigns.speaker import HABIT, SHARE, Speaker
from gateway.campaigns.speech import Speech, counted

YOUNG = 32
"""Turns of an account that are heard into the population's speech: nobody is the population."""
DOUBT = 2
"""Strays from which on an account is compared with the pool."""
ALIKE = 0.05
"""Likeness of a member, at least."""
SURE = 4.0
"""Evidence that makes a member: its conversations' weight and WORTH for a likeness of one."""
WORTH = 10.0
MOSTLY = 0.6
"""Share of the suspects that must be alike. Measured: .75 to .9 with a campaign among them, .2 to .35 without
one."""
EASE = 0.8
"""Part of that share by which a pool may miss it that stood before."""
OPENING = 5
"""Hashes of style that a turn must have to be kept as one that opened a conversation: "hi" has none."""
COVER = KINDS.index("system_prompt")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A pool in numbers, in one window of time."""

    members: int
    circles: int
    """Organisations among the members, or networks where those are fewer."""
    strays: float
    """Share of the members' turns that take up nothing of their conversation."""
    alike: float
    """Share of all accounts that stray so who are alike."""
    covers: float
    """Beginnings of the members' system prompts, as if all were equally frequent (inverse Simpson index)."""

    def numbers(self) -> tuple[float, ...]:
        """As the store's reading: the fields in their order."""
        return (self.members, self.circles, self.strays, self.alike, self.covers)

    @classmethod
    def read(cls, numbers: tuple[float, ...]) -> Evidence:
        """From the numbers."""
        members, circles, strays, alike, covers = numbers
        return cls(int(members), int(circles), strays, alike, covers)

    def words(self) -> str:
        """The evidence as an operator reads it."""
        return (
            f"{self.members} accounts of {self.circles} organisations or networks take up nothing of their "
            f"own conversations in {self.strays:.0%} of their turns, and put what they ask like each other "
            f"and unlike others ({self.alike:.0%} of all who do so), under {self.covers:.1f} system prompts"
        )


class Pool:
    """At most `accounts` accounts that converse; see the module's words."""

    def __init__(self, accounts: int) -> None:
        self._most = accounts
        self._speakers: OrderedDict[int, Speaker] = OrderedDict()
        """By their mark, the one that was quiet longest first."""
        self._speech = Speech()
        self._covers = Covers()
        self._suspects = 0
        self._alike = 0
        """Suspects that are like the others."""
        self._members: dict[int, Speaker] = {}
        self._heard = 0
        self._stood = False
        self._evidence: dict[float, tuple[float, int, Evidence]] = {}
        """Window → (until when, and for how many calls, it holds; the evidence)."""
        self.id = ""
        self.first = self.last = 0.0
        """When it was found, and when a member was last heard."""

    # --- what is heard ----------------------------------------------------------------------------

    def hear(self, name: str, org: str | None, said: Said, kinds: tuple[int, ...], now: float) -> None:
        """One new turn of an account, and hashes of what else it shares (campaign.KINDS)."""
        speaker = self._speaker(name, org, said.follows)
        if speaker is None or speaker.latest == hash(said.style):
            return
        speaker.latest = hash(said.style)
        speaker.place = kinds[PLACE] or speaker.mark
        speaker.cover, speaker.last = kinds[COVER], now
        stray = self._speech.stray(said)
        if stray is not None:
            speaker.follow(stray)
        if speaker.turns < YOUNG:
            self._speech.hear(said, stray)
        speaker.turns += 1
        if stray:
            gone = speaker.stray(said.style)
            if speaker.drawn:
                self._speech.draw(said.style, 1)
                self._speech.draw(gone, -1)
        elif not said.follows and len(said.style) >= OPENING:
            speaker.open(said.style)
        # A turn that takes something up leaves its style as it was, so it need not be compared again.
        self._place(speaker, now, anew=stray is not False)

    def withdraw(self, name: str) -> None:
        """Forget an account."""
        speaker = self._speakers.pop(mark(name), None)
        if speaker is not None:
            self._drop(speaker)

    def merge(self, other: Pool) -> None:
        """Take over what another replica heard of other calls; `other` is used up. Who is under suspicion,
        and who is alike, is found again, at the next call of an account at the latest."""
        self._speech.merge(other._speech)
        for own, theirs in other._speakers.items():
            speaker = self._speakers.get(own)
            if speaker is None:
                theirs.drawn = theirs.alike = False
                speaker = self._keep(theirs)
            else:
                self._release(speaker)
                speaker.merge(theirs)
            self._place(speaker, speaker.last, anew=True)

    # --- the accounts -----------------------------------------------------------------------------

    def _speaker(self, name: str, org: str | None, follows: bool) -> Speaker | None:
        """The account; one that never followed an answer is none."""
        own = mark(name)
        speaker = self._speakers.get(own)
        if speaker is not None:
            self._speakers.move_to_end(own)
        elif follows:
            speaker = self._keep(Speaker(name, own, own if org is None else mark(org)))
        return speaker

    def _keep(self, speaker: Speaker) -> Speaker:
        if len(self._speakers) >= self._most:
            self._drop(self._speakers.popitem(last=False)[1])
        self._speakers[speaker.mark] = speaker
        speaker.counted = (speaker.cover, False)
        self._covers.count(*speaker.counted, 1)
        return speaker

    def _drop(self, speaker: Speaker) -> None:
        """Take an account out of all that is counted."""
        self._release(speaker)
        self._members.pop(speaker.mark, None)
        self._covers.count(*speaker.counted, -1)

    def _place(self, speaker: Speaker, now: float, *, anew: bool) -> None:
        """Whether an account is under suspicion, and whether it is a member."""
        worn = (speaker.cover, speaker.share(HABIT))
        if worn != speaker.counted:
            self._covers.count(*speaker.counted, -1)
            self._covers.count(*worn, 1)
            speaker.counted = worn
        excused = worn[1] and self._covers.tool(speaker.cover)
        if excused or not speaker.share(SHARE):
            self._release(speaker)
        elif not speaker.drawn:
            speaker.drawn = True
            self._speech.draw(speaker.strayed, 1)
            self._suspects += 1
        if excused or speaker.strays < DOUBT:
            speaker.likeness = 0.0
        elif anew:
            speaker.likeness = self._likeness(speaker)
        alike = speaker.drawn and speaker.likeness > 0
        self._alike += alike - speaker.alike
        speaker.alike = alike
        if speaker.likeness >= ALIKE and speaker.weight() >= max(0.0, SURE - WORTH * speaker.likeness):
            self._join(speaker, now)
        else:
            self._members.pop(speaker.mark, None)

    def _likeness(self, speaker: Speaker) -> float:
        own = counted(speaker.strayed) if speaker.drawn else {}
        return self._speech.likeness(counted(speaker.strayed, speaker.opened), own)

    def _join(self, speaker: Speaker, now: float) -> None:
        self._members[speaker.mark] = speaker
        self._heard += 1
        self.last = max(self.last, now)
        if not self.id and self.stands():
            self.id, self.first = f"p{mark(f'pool:{now}'):016x}"[:11], now

    def _release(self, speaker: Speaker) -> None:
        """End the suspicion."""
        if speaker.drawn:
            speaker.drawn = False
            self._speech.draw(speaker.strayed, -1)
            self._suspects -= 1
            self._alike -= speaker.alike
            speaker.alike = False

    # --- what it says -----------------------------------------------------------------------------

    def stands(self) -> bool:
        """Whether most suspects are alike."""
        least = MOSTLY * EASE if self._stood else MOSTLY
        self._stood = self._suspects > 0 and self._alike >= least * self._suspects
        return self._stood

    def standing(self, name: str) -> bool:
        """Whether an account is a member of a pool that stands."""
        return mark(name) in self._members and self.stands()

    def knows(self, name: str) -> bool:
        """Whether an account ever followed an answer."""
        return mark(name) in self._speakers

    def names(self) -> tuple[str, ...]:
        """Its members by name, in alphabetical order."""
        return tuple(sorted(speaker.name for speaker in self._members.values()))

    def evidence(self, over: float, now: float) -> Evidence:
        """The pool in numbers, of members heard in the last `over` seconds. Counted again with each 32nd part
        more that members say, and after a hundredth of the window, so that a large pool costs no more."""
        until, due, found = self._evidence.get(over, (-math.inf, 0, None))
        if found is None or now >= until or self._heard >= due:
            found = self._count(over, now)
            self._evidence[over] = (now + over / 100, self._heard + max(1, self._heard // 32), found)
        return found

    def _count(self, over: float, now: float) -> Evidence:
        heard = [speaker for speaker in self._members.values() if speaker.last > now - over]
        squares = sum(count * count for count in Counter(each.cover for each in heard).values())
        return Evidence(
            members=len(heard),
            circles=min(len({each.circle for each in heard}), len({each.place for each in heard})),
            strays=sum(each.strays for each in heard) / max(1.0, sum(each.follows for each in heard)),
            alike=self._alike / max(1, self._suspects),
            covers=len(heard) ** 2 / squares if squares else 0.0,
        )

    def nbytes(self, name: str) -> int:
        """Bytes held for one account, without what all share."""
        speaker = self._speakers.get(mark(name))
        return 0 if speaker is None else speaker.nbytes()

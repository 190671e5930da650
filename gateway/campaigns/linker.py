"""The door of campaign detection: it hears every account's calls, and knows where each account stands.

Two tables, both bounded and forgetful of what was quiet longest: accounts, and pieces of frames that at
least two accounts repeat. A piece that is repeated by a few accounts, out of habit, founds a campaign or
joins the one that its accounts are in; campaigns whose accounts turn out to be the same become one. All
steps are of constant size, whatever the population.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator

import xxhash

from gateway.campaigns.account import LOW, Account
from gateway.campaigns.campaign import KINDS, Campaign
from gateway.campaigns.operations import Frame
from gateway.campaigns.trait import Trait

SHARE = 8
"""Accounts for each trait that is kept: most are pieces of the population's language, 0.4 to 1.4 KiB each."""
FEWEST = 4096
"""…and so many traits at least."""
SAMPLED = 4
"""One in so many of the shingles inside a frame is looked at."""
PENDING = 19
"""Bits of the number of places, at most, for pieces that one account repeats (16 bytes each); a newer piece
takes the place of an older one."""
PLACE = KINDS.index("ip_prefix")


def mark(name: str) -> int:
    """The 64-bit hash that an account or organisation is counted by."""
    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "replace"))


def _digest(frame: Frame) -> int:
    """32 bits that tell a repeated prompt from a new one."""
    return hash(frame.words) & LOW


def _slots(frame: Frame) -> list[int]:
    """A sample of the hashes of its long shingles, the same ones wherever they are met."""
    shingles = zip(*(frame.words[at:] for at in range(frame.long)), strict=False)
    return [each for each in map(hash, shingles) if not each % SAMPLED]


class Linker:
    """At most `accounts` accounts; see the module's words."""

    def __init__(self, accounts: int) -> None:
        self._most = accounts
        self._accounts: OrderedDict[int, Account] = OrderedDict()
        """By their mark, the one that was quiet longest first."""
        self._traits: OrderedDict[int, Trait] = OrderedDict()
        """By their piece, the one that gained nobody for the longest time first."""
        self._words: dict[int, Campaign] = {}
        """Piece → the campaign whose frame it is in."""
        self._lows: dict[int, Campaign] = {}
        """The same, with the pieces cut as accounts keep them."""
        self._places = 1 << min(PENDING, accounts.bit_length())
        self._pieces = array("q", bytes(8 * self._places))
        self._firsts = array("Q", bytes(8 * self._places))
        self._generation = 1
        self.campaigns: dict[str, Campaign] = {}

    # --- hearing ----------------------------------------------------------------------------------

    def hear(self, name: str, org: str | None, frame: Frame, kinds: tuple[int, ...], now: float) -> None:
        """One call of an account: its frame, and hashes of the other kinds (campaign.KINDS)."""
        account = self._account(name, org)
        if not frame.pieces or account.repeats(_digest(frame)):
            return
        account.place = kinds[PLACE] or account.mark
        words = self._words
        used = {words[piece] for piece in frame.pieces if piece in words} if words else set[Campaign]()
        for campaign in account.campaigns:
            campaign.count(campaign in used)
        if used:
            self._attend(account, used, frame, kinds, now)
        returned, fresh = account.hear(frame.pieces)
        for piece in fresh:
            trait = self._traits.get(piece)
            if trait is not None:
                self._use(piece, trait, account)
        for piece in returned:
            self._return(piece, account, frame.pieces, now)
        if account.checked != self._generation:
            self._remember(account, now)

    def pay(self, name: str, tokens: float, now: float) -> None:
        """Output tokens that an account got."""
        account = self._accounts.get(mark(name))
        for campaign in account.campaigns if account else ():
            campaign.pay(tokens, now)

    def standing(self, name: str) -> Campaign | None:
        """The standing campaign that an account is in: of several one that may be one hand, then the largest,
        so that nobody hides among the users of a tool."""
        account = self._accounts.get(mark(name))
        if account is None or not account.campaigns:
            return None
        stand = [campaign for campaign in account.campaigns if campaign.stands()]
        return max(stand, key=lambda each: (bool(each.plausible()), len(each.members)), default=None)

    def standing_campaigns(self) -> Iterator[Campaign]:
        """All whose evidence stands, oldest first."""
        return (campaign for campaign in self.campaigns.values() if campaign.stands())

    def names(self, campaign: Campaign) -> tuple[str, ...]:
        """Its members by name, in alphabetical order."""
        return tuple(sorted(self._accounts[own].name for own in campaign.members))

    def leave(self, name: str) -> None:
        """Forget an account, and take it out of its campaigns. What the population says of its pieces stays:
        it holds too many others to be told apart."""
        gone = self._accounts.pop(mark(name), None)
        if gone is not None:
            for campaign in gone.campaigns:
                campaign.leave(gone)

    def merge(self, other: Linker) -> None:
        """Take over what another replica heard of other calls; `other` is used up. Members, sums, samples and
        habits come out as if one replica had heard all; a piece that became somebody's frame at neither does
        so at the next call that repeats it."""
        for own, account in other._accounts.items():
            mine = self._accounts.get(own)
            if mine is None:
                account.campaigns, account.checked = (), 0
                self._keep(account)
            else:
                mine.merge(account)
        for piece, trait in other._traits.items():
            known = self._traits.get(piece)
            if known is None:
                trait.campaign = None
                self._note(piece, trait)
            else:
                known.merge(trait)
        for piece, first in zip(other._pieces, other._firsts, strict=True):
            if first:
                self._rejoin(piece, first)
        for campaign in other.campaigns.values():
            self._adopt(campaign)

    def _rejoin(self, piece: int, own: int) -> None:
        trait = self._traits.get(piece) or self._pend(piece, own)
        if trait is not None:
            trait.uses.add(own)
            trait.repeats.add(own)

    def _adopt(self, campaign: Campaign) -> None:
        """Make another replica's campaign one of here, and one with those that share a piece with it."""
        near = {self._words[piece] for piece in campaign.traits if piece in self._words}
        for piece in [piece for piece in campaign.traits if piece not in self._traits]:
            del campaign.traits[piece]
        if not campaign.traits:
            return
        self.campaigns[campaign.id] = campaign
        for own in [own for own in campaign.members if own not in self._accounts]:
            del campaign.members[own]
        for own in campaign.members:
            account = self._accounts[own]
            account.campaigns = (*account.campaigns, campaign)
        for piece in campaign.traits:
            self._word(piece, self._traits[piece], campaign)
        self._one(near | {campaign}, 0, campaign.first)

    # --- the tables -------------------------------------------------------------------------------

    def _account(self, name: str, org: str | None) -> Account:
        own = mark(name)
        account = self._accounts.get(own)
        if account is None:
            account = Account(name, own, own if org is None else mark(org))
            self._keep(account)
        else:
            self._accounts.move_to_end(own)
        return account

    def _keep(self, account: Account) -> None:
        if len(self._accounts) >= self._most:
            _, gone = self._accounts.popitem(last=False)
            for campaign in gone.campaigns:
                campaign.leave(gone)
        self._accounts[account.mark] = account

    def _use(self, piece: int, trait: Trait, account: Account) -> None:
        """An account uses a piece; what many use and few repeat is language."""
        trait.uses.add(account.mark)
        if trait.campaign is not None and trait.lost():
            self._unword(piece, trait, trait.campaign)

    def _return(self, piece: int, account: Account, frame: tuple[int, ...], now: float) -> None:
        """An account repeats a piece: the second account to do so makes it a trait."""
        trait = self._traits.get(piece) or self._pend(piece, account.mark)
        if trait is None:
            return
        self._traits.move_to_end(piece)
        trait.uses.add(account.mark)
        trait.repeats.add(account.mark)
        if trait.ripe():
            self._look(piece, trait, account, frame, now)

    def _pend(self, piece: int, own: int) -> Trait | None:
        """The trait that a piece becomes, if another account is known to repeat it; remembers this one."""
        at = piece % self._places
        if self._pieces[at] != piece or self._firsts[at] == own:
            self._pieces[at], self._firsts[at] = piece, own
            return None
        trait = Trait()
        trait.uses.add(self._firsts[at])
        trait.repeats.add(self._firsts[at])
        self._note(piece, trait)
        return trait

    def _note(self, piece: int, trait: Trait) -> None:
        if len(self._traits) >= max(FEWEST, self._most // SHARE):
            old, gone = self._traits.popitem(last=False)
            if gone.campaign is not None:
                self._unword(old, gone, gone.campaign)
        self._traits[piece] = trait

    # --- the groups -------------------------------------------------------------------------------

    def _look(self, piece: int, trait: Trait, account: Account, frame: tuple[int, ...], now: float) -> None:
        """Whether a piece is somebody's frame, and whose: that of pieces which the same accounts use in the
        same calls."""
        trait.looked = len(trait.repeats)
        users = [account, *(user for own in trait.uses if (user := self._accounts.get(own)))]
        if not trait.habitual(sum(user.calls for user in users) / len(users)):
            return
        beside = (self._traits.get(other) for other in frame if other != piece)
        near = {other.campaign for other in beside if other and other.campaign and trait.beside(other)}
        if trait.campaign is not None:
            near = {campaign for campaign in near if not campaign.unlike(trait.campaign)}
            near.add(trait.campaign)
        home = self._one(near, piece, now)
        if trait.campaign is None:
            self._word(piece, trait, home)
        home.learn(piece, trait.habit())
        for own in trait.repeats:
            user = self._accounts.get(own)
            if user is not None:
                self._join(user, home, now)

    def _one(self, near: set[Campaign], piece: int, now: float) -> Campaign:
        """The one campaign of these that are alike, of which the oldest stays; a new one for none."""
        if not near:
            home = Campaign(f"c{mark(f'{piece}:{now}'):016x}"[:11], now)
            self.campaigns[home.id] = home
            return home
        home, *others = sorted(near, key=lambda campaign: (campaign.first, campaign.id))
        for other in others:
            if not home.unlike(other):
                self._merge(home, other)
        return home

    def _merge(self, home: Campaign, other: Campaign) -> None:
        home.swallow(other)
        del self.campaigns[other.id]
        for piece in other.traits:
            self._word(piece, self._traits[piece], home)
        for own in other.members:
            account = self._accounts[own]
            kept = [campaign for campaign in account.campaigns if campaign not in (home, other)]
            account.campaigns = (*kept, home)

    def _word(self, piece: int, trait: Trait, campaign: Campaign) -> None:
        """Put a piece into a frame."""
        trait.campaign = campaign
        self._words[piece] = self._lows[piece & LOW] = campaign
        self._generation += 1

    def _unword(self, piece: int, trait: Trait, campaign: Campaign) -> None:
        """Take a piece out of a frame; without any the campaign ends."""
        trait.campaign = None
        del campaign.traits[piece]
        del self._words[piece]
        self._lows.pop(piece & LOW, None)
        if not campaign.traits:
            del self.campaigns[campaign.id]
            for own in campaign.members:
                account = self._accounts[own]
                account.campaigns = tuple(each for each in account.campaigns if each is not campaign)

    def _join(self, account: Account, campaign: Campaign, now: float) -> None:
        if campaign not in account.campaigns:
            account.campaigns = (*account.campaigns, campaign)
            campaign.join(account, now)

    def _attend(
        self, account: Account, used: set[Campaign], frame: Frame, kinds: tuple[int, ...], now: float
    ) -> None:
        """Let the campaigns whose frame this call uses hear it, if the account used the frame before."""
        slots = _slots(frame)
        for piece in frame.pieces:
            if piece in self._words:
                self._traits.move_to_end(piece)
        for campaign in sorted(used, key=lambda each: each.id) if len(used) > 1 else used:
            if campaign not in account.campaigns:
                if not any(self._lows.get(low) is campaign for low in (*account.once, *account.again)):
                    continue
                self._join(account, campaign, now)
            campaign.hear(account, slots, kinds, now)

    def _remember(self, account: Account, now: float) -> None:
        """Frames were learnt since this account was last looked at: it may have repeated one long ago."""
        account.checked = self._generation
        for low in account.again:
            campaign = self._lows.get(low)
            if campaign is not None:
                self._join(account, campaign, now)

    def nbytes(self, name: str) -> int:
        """Bytes held for one account, without what all share."""
        account = self._accounts.get(mark(name))
        return 0 if account is None else account.nbytes()

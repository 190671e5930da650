"""The mark in plain prose: at each place where a thing can be said in two ways, a key chooses which.

Which choice a key makes at a place depends on the rule and on the word before it, so that no single habit
shows, a piece of the text is enough, and unmarked text agrees with any key at half of its places. Whoever has
the key counts the places at which a text agrees (`evidence`); what that proves is not said here.

A stream is marked as its whole text would be, however it is cut: the choice at a place rests on what was sent
before and on at most `WINDOW` characters from there on, which are held back until they are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from gateway.marks.protected import WINDOW, Reader
from gateway.marks.rules import Found, Trail, find

Profile = Literal["light", "strong"]

_COPIED = 24
"""Characters on one side of a place that, if they stand in the prompt as well, were copied from there."""
_SLICE = 4096
_AFTER_WORD = frozenset(" \n\t(")


@dataclass(frozen=True, slots=True)
class Site:
    """A place with two ways to say it: where it is, by which rule, after which word, in which form."""

    start: int
    end: int
    rule: str
    context: str
    form: int
    light: bool


Choose = Callable[[Site], int]


class _Walk:
    """Reads a text once, and asks at each site which form to write."""

    def __init__(self, choose: Choose, quoted: str = "") -> None:
        self._choose = choose
        self._quoted = quoted
        self._reader = Reader()
        self._trail = Trail()
        self.pending = ""
        self._at = 0
        self._done = 0
        self._decided = 0
        """Up to here in `pending` nothing is left to decide."""
        self._sent = ""

    def feed(self, text: str) -> str:
        """What may be written now."""
        out = []
        for start in range(0, len(text), _SLICE):
            self.pending += text[start : start + _SLICE]
            out.append(self._run(WINDOW))
        return "".join(out)

    def close(self) -> str:
        """The rest."""
        return self._run(1)

    def _run(self, least: int) -> str:
        """Go on while at least `least` characters are there to look at."""
        while len(self.pending) - self._at >= least:
            end = min(self._at + WINDOW, len(self.pending))
            if self._at >= self._decided and self._decide(end):
                continue  # what comes next has changed
            after = self._reader.read(self.pending, self._at, end)
            self._trail.note(self.pending[self._at : after])
            self._at = after
        out, self.pending = self.pending[: self._at], self.pending[self._at :]
        self._done += len(out)
        self._decided -= len(out)
        self._at = 0
        self._sent = (self._sent + out)[-_COPIED:]
        return out

    def _decide(self, end: int) -> bool:
        """Write the form that is chosen, if a site begins here; whether there is one."""
        found = self._found(end)
        if found is None:
            return False
        old = found.written[found.form]
        start = self._done + self._at
        context = self._trail.word.lower()
        site = Site(start, start + len(old), found.rule, context, found.form, found.light)
        chosen = self._choose(site)
        new = old if found.fixed else found.written[chosen]
        self.pending = self.pending[: self._at] + new + self.pending[self._at + len(old) :]
        self._decided = self._at + len(new)
        return True

    def _found(self, end: int) -> Found | None:
        text, at = self.pending, self._at
        if not text[at].isalpha() or (self._reader.before and self._reader.before not in _AFTER_WORD):
            return None
        found = find(text, at, end, self._trail)
        if found is None or not self._reader.editable(text, at, end):
            return None
        return None if self._copied(found.written[found.form], end) else found

    def _copied(self, form: str, end: int) -> bool:
        """Whether this is taken from the prompt, word for word."""
        if not self._quoted:
            return False
        sent = (self._sent + self.pending[: self._at])[-_COPIED:] + form
        ahead = self.pending[self._at : min(end, self._at + len(form) + _COPIED)]
        return sent in self._quoted or ahead in self._quoted


class Marker:
    """Marks one text as it comes. `quoted`: the prompt; what the answer copies from it stays as it is."""

    def __init__(self, key: bytes, profile: Profile, quoted: str = "") -> None:
        """`key`: 1 to 64 bytes."""
        every = profile == "strong"

        def choose(site: Site) -> int:
            return preferred(key, site) if every or site.light else site.form

        self._walk = _Walk(choose, quoted)

    def feed(self, text: str) -> str:
        """What may be sent now."""
        return self._walk.feed(text)

    def close(self) -> str:
        """The rest."""
        return self._walk.close()

    @property
    def pending(self) -> str:
        """What is held back."""
        return self._walk.pending


def preferred(key: bytes, site: Site) -> int:
    """The form that a key chooses at a site."""
    said = f"{site.rule}\0{site.context}".encode()
    return hashlib.blake2b(said, digest_size=1, key=key, person=b"prose").digest()[0] & 1


def mark(text: str, key: bytes, profile: Profile = "strong", quoted: str = "") -> str:
    """The text with the key's choices at all sites of the profile."""
    marker = Marker(key, profile, quoted)
    return marker.feed(text) + marker.close()


def sites(text: str, profile: Profile = "strong") -> list[Site]:
    """The sites of a text, in order."""
    found: list[Site] = []

    def note(site: Site) -> int:
        if profile == "strong" or site.light:
            found.append(site)
        return site.form

    walk = _Walk(note)
    walk.feed(text)
    walk.close()
    return found


def agreement(found: Iterable[Site], key: bytes) -> tuple[int, int]:
    """(sites at which the key's choice was made, sites), each rule once after each word in each form.

    Once, because a phrase that comes again was chosen once: under a key that had no part in the text the
    first number is then a sum of fair coins, or less spread than one.
    """
    distinct = {(site.rule, site.context, site.form): site for site in found}
    agreeing = sum(preferred(key, site) == site.form for site in distinct.values())
    return agreeing, len(distinct)


def evidence(text: str, key: bytes, profile: Profile = "strong") -> tuple[int, int]:
    """`agreement` of the sites of a text."""
    return agreement(sites(text, profile), key)

"""Finding what the table of pairs is about: which rule applies at a place, and what would be written there.

Both forms of a pair are told apart by what is written, so that a text shows which choice was made. Whether a
place may be touched at all is for `gateway.marks.protected` to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from gateway.marks.pairs import Rule, rules


class Trail:
    """What was read on this line up to a place: its last two words, as written, and what is behind each."""

    __slots__ = ("between", "commas", "earlier", "gap", "word")

    def __init__(self) -> None:
        self.word = ""
        self.gap = ""
        """Everything from the end of `word` to the place."""
        self.earlier = ""
        self.between = ""
        """Everything from the end of `earlier` to `word`."""
        self.commas = 0
        """Since the sentence began."""

    def note(self, piece: str) -> None:
        """Read one more piece."""
        if piece.isalpha():
            self.earlier, self.between, self.word, self.gap = self.word, self.gap, piece, ""
        elif piece == "\n":
            self.earlier = self.between = self.word = self.gap = ""
            self.commas = 0
        else:
            self.gap += piece
            if piece in ".!?:;":
                self.commas = 0
            elif piece == ",":
                self.commas += 1

    @property
    def beside(self) -> str:
        """The word that stands next to the place, in lower case; empty where more than a space is between."""
        return self.word.lower() if self.gap == " " else ""

    @property
    def first(self) -> bool:
        """Whether a sentence begins here."""
        return not self.word or self.gap in (". ", "! ", "? ", ".  ", ": ", ".) ")


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that applies, which form stands there, and both forms as they would be written there."""

    rule: str
    light: bool
    form: int
    written: tuple[str, str]
    fixed: bool = False
    """Whether what stands there must stay: the second form of a rule that goes one way."""


def find(text: str, at: int, end: int, trail: Trail) -> Found | None:
    """The rule that applies at the beginning of the window `text[at:end]`, if one does."""
    word = _FIRST.match(text, at, end)
    if word is None:
        return None
    for rule, forms in _by_first_word().get(word[0].lower(), ()):
        for form, pattern in forms:
            found = pattern.match(text, at, end)
            if found and _applies(rule, trail, capital=text[at].isupper() and text[at : at + 2] != "I "):
                written = _written(rule, found[0], form)
                return Found(rule.id, rule.light, form, written, rule.one_way and form == 1)
    return _comma(text, at, end, trail)


def _applies(rule: Rule, trail: Trail, *, capital: bool) -> bool:
    """Whether a rule applies where this stands before it."""
    if capital and not trail.first:
        return False
    if rule.where != "anywhere" and (rule.where == "first") is not capital:
        return False
    beside = trail.beside
    return beside not in rule.never and (rule.beside is None or beside in rule.beside)


def _written(rule: Rule, found: str, form: int) -> tuple[str, str]:
    other = rule.forms[1 - form]
    other = other[0].upper() + other[1:] if found[0].isupper() else other
    return (found, other) if form == 0 else (other, found)


# --- the comma before the last item ----------------------------------------------------------------

_FIRST = re.compile(r"[A-Za-z]+")
_LAST_BUT_ONE = re.compile(r"([a-z]{3,}(?: [a-z]{3,}){0,2})(,?) (and|or)(?= [a-z]{3,}\b)")
_LISTING = frozenset(["including", "like", "as", "between"])
_NO_ITEM = re.compile(
    r"(?:and|but|then|the|this|that|these|those|which|who|whom|whose|when|where|while|because|since|although"
    r"|though|however|therefore|thus|hence|for|from|with|without|into|onto|upon|about|also|too|even|again"
    r"|they|you|she|her|his|its|our|your|their|not|nor|yet|there|here|if|unless|until|after|before|are|was"
    r"|were|has|have|had|can|could|may|might|will|would|should|must|does|did|been|being)\b"
)
"""Words that begin a clause or stand inside one, and so in no item of a plain list."""


def _comma(text: str, at: int, end: int, trail: Trail) -> Found | None:
    """`a, b, c and d`: a list for certain, as two commas or a word like `including` show.

    A comma is taken away and never put in: `bread and butter` may be one item.
    """
    if trail.gap != ", " or not trail.word.islower():
        return None
    listed = trail.commas > 1 or (trail.between == " " and trail.earlier.lower() in _LISTING)
    found = _LAST_BUT_ONE.match(text, at, end)
    if not listed or found is None or any(map(_NO_ITEM.match, (trail.word, *found[1].split()))):
        return None
    item, comma, joint = found.groups()
    return Found("comma", True, 0 if comma else 1, (f"{item}, {joint}", f"{item} {joint}"), not comma)


def _pattern(form: str, after: str) -> re.Pattern[str]:
    first, rest = re.escape(form[0]), re.escape(form[1:]).replace("'", "['\u2019]")
    first = f"[{first}{first.upper()}]" if first.islower() else first
    return re.compile(f"{first}{rest}(?![\\w'\u2019-]){after}")


_Compiled = tuple[Rule, tuple[tuple[int, re.Pattern[str]], ...]]


@cache
def _by_first_word() -> dict[str, list[_Compiled]]:
    """The rules under the first words of their forms; made when the first text is read."""
    found: dict[str, list[_Compiled]] = {}
    for rule in rules():
        forms = (0,) if rule.common else (0, 1)
        patterns = tuple((form, _pattern(rule.forms[form], rule.after)) for form in forms)
        by_word: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
        for form, pattern in patterns:
            word = _FIRST.match(rule.forms[form])
            assert word is not None
            by_word.setdefault(word[0].lower(), []).append((form, pattern))
        for first, some in by_word.items():
            found.setdefault(first, []).append((rule, tuple(some)))
    return found

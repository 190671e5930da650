"""What texts say of every key's mark in prose: at each place with two ways to say a thing, which was taken.

The places and the choices are those of `gateway.marks.text`; what a sum of choices proves is counted out by
`gateway.marks.evidence`. Nothing is left of the texts but how often each form stood in each place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gateway.marks.evidence import Evidence
from gateway.marks.text import Profile, Site, preferred, sites

SHOWN = 0.5
"""The part of the places that still show the mark in a text of which half was written anew."""


class ProseEvidence(Evidence):
    """The forms taken at the places of texts; each form once after each word, for a habit is one choice."""

    def __init__(self, texts: Iterable[str], profile: Profile = "strong") -> None:
        forms: Counter[tuple[str, str]] = Counter()
        drawn: dict[tuple[str, str, int], Site] = {}
        for text in texts:
            drawn |= {(site.rule, site.context, site.form): site for site in sites(text, profile)}
        for rule, context, form in drawn:
            forms[rule, context] += 1 if form else -1
        places = {(rule, context): site for (rule, context, _), site in drawn.items()}
        # Who says it both ways in the same place says nothing.
        told = [(place, number) for place, number in forms.items() if number]
        asked = [places[place] for place, _ in told]
        super().__init__((number for _, number in told), lambda key: [preferred(key, site) for site in asked])
        self.places = len(told)
        """How many places of prose say anything."""

    def reach(self) -> float:
        """The p-value that a mark would likely leave in texts of this length."""
        return self.p(round(SHOWN * self.places))

"""What an operator's own honest customers look like, as a small file: the reference of a two-sample test.

What belongs here is the file and the statistic; what a request's vector is made of is
`gateway.signals.layout`, and who makes the file from recorded traffic is `gateway.evaluation.honest`. No
text, no name and no key is in it.

**Statistic.** A principal is the mean vector of its last requests, in units of how much customers differ from
each other. Its distance is the squared one (MMD with a linear kernel on the vectors) to the customer that is
nearest, less what so few requests would differ by chance: honest programs are as unlike each other as attacks
are unlike them, so that a distance to the mean of all measures the source and not the attack.

**Null.** Of each customer the file has the largest distance that its own later requests ever had: from all
customers, itself included (`customers`), and from those of other organisations (`strangers`), which is what a
new customer would have. A p-value is the share of customers that went as far, the principal itself counted
(conformal, Vovk et al. 2005): of customers as good as those in the file at most a share p ever falls so low.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from operator import mul
from typing import Annotated

import msgspec

from gateway.corpora import Origin

FORM = 1
"""Of the file and of the vectors: another way to make a vector is another form."""
LEAST, EVERY = 20, 10
"""Requests from which on there is a distance, and after how many it is measured anew."""
MAGIC = b"stillgate reference\n"

_Numbers = Annotated[list[float], msgspec.Meta(min_length=1)]


class _Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    form: int
    origin: Origin
    window: Annotated[int, msgspec.Meta(ge=LEAST)]
    center: _Numbers
    scale: _Numbers
    points: Annotated[list[list[float]], msgspec.Meta(min_length=1)]
    customers: _Numbers
    strangers: _Numbers


class Reference:
    """A reference in memory; `window` is how many requests at most are compared."""

    def __init__(self, pack: _Pack) -> None:
        self.origin, self.window = pack.origin, pack.window
        self.width = len(pack.center)
        self.customers, self.strangers = sorted(pack.customers), sorted(pack.strangers)
        """The largest distances of each customer."""
        self._center, self._factors = pack.center, [1.0 / value for value in pack.scale]
        self._points = [(point, sum(map(mul, point, point))) for point in pack.points]
        self._pack = pack

    def scaled(self, vector: Sequence[float]) -> list[float]:
        """A request's vector in the units of the reference."""
        centred = zip(vector, self._center, self._factors, strict=True)
        return [(value - middle) * factor for value, middle, factor in centred]

    def distance(self, mean: Sequence[float], square: float, n: float, points: Sequence[int] = ()) -> float:
        """How far `n` requests are from the nearest customer, by their mean and their mean squared length.

        `points`: the places of the customers to compare with, if not with all.
        """
        own: float = sum(map(mul, mean, mean))
        among = [self._points[at] for at in points] if points else self._points
        nearest: float = min(length - 2.0 * sum(map(mul, point, mean)) for point, length in among)
        return nearest + own - max(0.0, square - own) / max(1.0, n - 1.0)

    def p(self, distance: float, *, strangers: bool) -> float:
        """The share of customers that went as far, the principal itself counted."""
        known = self.strangers if strangers else self.customers
        return (1 + len(known) - bisect_left(known, distance)) / (1 + len(known))

    @property
    def hash(self) -> str:
        """12 hex digits of SHA-256 over what it holds, whatever it says about itself."""
        said = msgspec.structs.replace(self._pack, origin=Origin("", "", "", "", 0))
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]

    def encoded(self) -> bytes:
        """The file; equal references give equal bytes."""
        return MAGIC + msgspec.json.encode(self._pack) + b"\n"


def reference(
    origin: Origin,
    window: int,
    units: tuple[Sequence[float], Sequence[float]],
    points: Sequence[Sequence[float]],
    nulls: tuple[Sequence[float], Sequence[float]],
) -> Reference:
    """A reference of its parts: `units` are centre and scale, `nulls` the distances of customers and
    strangers."""
    rounded = [[[round(value, 3) for value in row] for row in rows] for rows in (units, points, nulls)]
    (center, scale), kept, (customers, strangers) = rounded
    return Reference(_Pack(FORM, origin, window, center, scale, kept, sorted(customers), sorted(strangers)))


def decode(data: bytes) -> Reference:
    """The reference in a file. Raises ValueError in words for its owner."""
    try:
        pack = msgspec.json.decode(data.removeprefix(MAGIC), type=_Pack)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a reference of this version: {error}") from None
    widths = {len(pack.scale), len(pack.center), *map(len, pack.points)}
    if pack.form != FORM or pack.origin.of != "windows" or len(widths) != 1 or min(pack.scale) <= 0.0:
        raise ValueError(f"not a sound reference of form {FORM}: make one with `gateway corpus reference`")
    return Reference(pack)

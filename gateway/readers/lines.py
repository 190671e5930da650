"""Traffic JSON Lines, the form that everything else is converted to (docs/inputs.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

import msgspec

from gateway.readers.base import Gives, Line, Reader

_decode = msgspec.json.Decoder(Line).decode


class Lines(Reader):
    """One item is a line."""

    name = "traffic"
    title = "traffic line"
    gives = Gives(
        "part", "part", "part", "yes", "yes", "whatever the line says; `lacks` names what its source lacked"
    )

    @staticmethod
    def knows(head: bytes, first: object) -> bool:
        """The keys that every line has."""
        return (
            isinstance(first, dict)
            and {"ts", "principal"} <= first.keys()
            and bool({"request", "features"} & first.keys())
        )

    def items(self, file: IO[bytes]) -> Iterator[tuple[int, Any]]:
        """The lines that are not blank."""
        return ((number, text) for number, text in enumerate(file, 1) if text.strip())

    def lines(self, item: Any) -> Iterable[Line]:
        """The line itself."""
        return (_decode(item),)

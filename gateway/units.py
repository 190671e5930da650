"""Quantities as people write them in YAML: durations, rates, shares and sizes.

Each is a string with its unit; a bare number is refused, because `60` hides whether seconds or minutes
were meant. Parsed forms are plain floats and small value classes, so that `1h` and `60m` are equal.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
# Twelve digits at most, so that nothing is infinite; ASCII digits, as `\d` would take any script's.
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,12})\s*(B|KB|MB|GB|KiB|MiB|GiB)?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,12})?)\s*%")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_RATE = re.compile(r"([0-9]{1,12})\s*/\s*(\S+)")


def duration(value: object) -> float:
    """Seconds of `500ms`, `30s`, `10m`, `24h` or `7d`. Raises ValueError."""
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        return float(found[1]) * _SECONDS[found[2]]
    raise ValueError("write a duration with its unit: 500ms, 30s, 10m, 24h, 7d")


def day(value: object) -> float:
    """Midnight UTC at which the day `2027-02-28` begins, in seconds since the epoch. Raises ValueError."""
    if isinstance(value, str) and (found := _DAY.fullmatch(value.strip())):
        year, month, number = (int(part) for part in found.groups())
        if year >= 1970 and 1 <= month <= 12 and 1 <= number <= calendar.monthrange(year, month)[1]:
            return float(calendar.timegm((year, month, number, 0, 0, 0)))
    raise ValueError("write a day that exists: 2027-02-28")


def percent(value: object) -> float:
    """The share 0…1 of `25%`. Raises ValueError."""
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())) and float(found[1]) <= 100:
        return float(found[1]) / 100
    raise ValueError("not a percentage; write 0% … 100%")


def size(value: object) -> int:
    """Bytes of `512KB`, `32MiB` or a bare number of bytes. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        return int(found[1]) * _BYTES[found[2] or ""]
    raise ValueError("write a size: 512KB, 32MiB")


@dataclass(frozen=True, slots=True)
class RateValue:
    """`count` events per `seconds`."""

    count: int
    seconds: float


def rate(value: object) -> RateValue:
    """The rate in `20/1m`. Raises ValueError."""
    if isinstance(value, RateValue):
        return value
    if isinstance(value, str) and (found := _RATE.fullmatch(value.strip())) and int(found[1]) > 0:
        seconds = duration(found[2])
        if seconds > 0:
            return RateValue(int(found[1]), seconds)
    raise ValueError("write a rate as count/duration: 20/1m")


def _form(pattern: re.Pattern[str], description: str) -> dict[str, Any]:
    """The JSON Schema of a quantity as it stands in a file: text, not the number that it becomes."""
    return {"type": "string", "pattern": f"^{pattern.pattern}$", "description": description}


DURATION_FORM = _form(_DURATION, "A duration: 500ms, 30s, 10m, 24h, 7d.")

Duration = Annotated[float, BeforeValidator(duration), WithJsonSchema(DURATION_FORM)]
Window = Annotated[Duration, Field(gt=0)]
"""The length of a window, in which there must be room for something."""
Day = Annotated[float, BeforeValidator(day), WithJsonSchema(_form(_DAY, "A day: 2027-02-28."))]
Percent = Annotated[float, BeforeValidator(percent), WithJsonSchema(_form(_PERCENT, "A share: 0% … 100%."))]
Size = Annotated[int, BeforeValidator(size)]
Rate = Annotated[RateValue, BeforeValidator(rate), WithJsonSchema(_form(_RATE, "A number per time: 20/1m."))]

"""A reference: its distances, its p-values, and its file."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.corpora import Origin
from gateway.references import MAGIC, Reference, decode, reference

ORIGIN = Origin("own", "Own", "your own", "your own", 7, "windows")
POINTS = [[0.0, 0.0], [4.0, 0.0], [0.0, 8.0]]


def made(**changes: object) -> Reference:
    parts = {
        "origin": ORIGIN, "window": 200, "units": ([1.0, 1.0], [2.0, 0.5]), "points": POINTS,
        "nulls": ([1.0, 2.0, 3.0, 9.0], [5.0, 6.0, 7.0, 9.0]),
    } | changes  # fmt: skip
    return reference(**parts)  # type: ignore[arg-type]


def test_a_vector_is_put_into_units_of_the_customers() -> None:
    assert made().scaled([1.0, 1.0]) == [0.0, 0.0]
    assert made().scaled([3.0, 2.0]) == [1.0, 2.0]


def test_the_distance_is_that_to_the_nearest_customer() -> None:
    far = made()
    assert far.distance([3.0, 0.0], 9.0, 100) == pytest.approx(1.0)
    assert far.distance([3.0, 0.0], 9.0, 100, points=(0,)) == pytest.approx(9.0)


@given(st.floats(0, 50), st.integers(2, 200))
def test_what_so_few_requests_differ_by_chance_does_not_count(noise: float, n: int) -> None:
    far = made()
    assert far.distance([3.0, 0.0], 9.0 + noise, n) == pytest.approx(1.0 - noise / (n - 1), abs=1e-6)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_of_customers_as_good_as_those_of_the_file_few_have_a_small_p(distances: list[float]) -> None:
    asked = made(nulls=(distances, distances))
    for share in (0.05, 0.2, 0.5):
        below = sum(asked.p(round(one, 3), strangers=False) <= share for one in distances)
        assert below <= share * (len(distances) + 1)


def test_a_p_value_is_a_share_that_is_never_nothing() -> None:
    asked = made()
    assert [asked.p(far, strangers=False) for far in (0.0, 2.0, 5.0, 99.0)] == [1.0, 0.8, 0.4, 0.2]
    assert [asked.p(far, strangers=True) for far in (0.0, 6.5, 99.0)] == [1.0, 0.6, 0.2]


def test_a_file_gives_back_what_was_written_and_equal_ones_are_equal() -> None:
    data = made().encoded()
    assert decode(data).encoded() == data
    assert decode(data).hash == made(origin=Origin("other", "", "", "", 1, "windows")).hash
    assert decode(data).hash != made(window=100).hash


def _broken(**changes: object) -> bytes:
    pack = msgspec.json.decode(made().encoded().removeprefix(MAGIC)) | changes
    return MAGIC + msgspec.json.encode(pack)


@pytest.mark.parametrize(
    "data",
    [
        MAGIC + b"{",
        _broken(form=2),
        _broken(scale=[1.0]),
        _broken(scale=[1.0, 0.0]),
        _broken(points=[]),
        _broken(points=[[1.0]]),
        _broken(customers=[]),
        _broken(extra=1),
        _broken(origin={"name": "x", "title": "", "licence": "", "source": "", "items": 1}),
    ],
)
def test_a_file_that_is_not_sound_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a (sound )?reference"):
        decode(data)

"""Epochs, and the keys that their secrets make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.marks.keyring import SECRET, UNKEYED, Epoch, KeyRing, name_of
from gateway.model import Principal


def epoch(name: str, begins: float) -> Epoch:
    return Epoch(name, begins, name.encode().ljust(SECRET, b"."))


RING = KeyRing([epoch("b", 100.0), epoch("a", 0.0)])


@pytest.mark.parametrize(
    ("now", "expected"), [(-1.0, "a"), (0.0, "a"), (99.0, "a"), (100.0, "b"), (1e9, "b")]
)
def test_answers_are_marked_under_the_last_epoch_that_has_begun(now: float, expected: str) -> None:
    assert RING.at(now).id == expected


def test_a_ring_has_epochs_that_can_be_told_apart() -> None:
    for epochs in ([], [epoch("a", 0.0), epoch("a", 1.0)], [epoch("a", 0.0), epoch("b", 0.0)]):
        with pytest.raises(ValueError, match="epoch"):
            KeyRing(epochs)


def test_every_name_has_a_key_of_its_own_in_every_epoch() -> None:
    found = list(RING.keys(["key_1", "org:1"]))
    assert [(at.id, name) for at, name, _ in found] == [
        ("a", "key_1"),
        ("b", "key_1"),
        ("a", "org:1"),
        ("b", "org:1"),
    ]
    assert len({key for _, _, key in found}) == 4
    assert {len(key) for _, _, key in found} == {SECRET}


@given(st.binary(min_size=SECRET, max_size=SECRET), st.text(max_size=9))
def test_neither_secrets_nor_keys_show(secret: bytes, name: str) -> None:
    made = Epoch("1", 0.0, secret)
    assert repr(made) == "Epoch(id='1', begins=0.0)"
    assert made.key(name) != secret
    assert secret not in made.key(name)


def test_a_whole_organisation_shares_a_name_where_there_is_one() -> None:
    assert name_of(Principal("key_1", org="acme"), whole_org=True) == "org:acme"
    assert name_of(Principal("key_1", org="acme"), whole_org=False) == "key_1"
    assert name_of(Principal("key_1"), whole_org=True) == "key_1"


def test_what_marks_nothing_needs_no_secret() -> None:
    assert UNKEYED.at(1e12).secret == bytes(SECRET)
